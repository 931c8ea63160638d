#!/usr/bin/env python3
"""The programs of examples/patterns: what they print, embedded and against a daemon; and that they can be
killed at any moment, started again, and end right, with nothing done twice whose result was on record.

    python3 tests/sdk/test_patterns.py                      a few kills, as ctest does
    PAWL_KILLS=150 python3 tests/sdk/test_patterns.py       150 for each pattern and place
    PAWL_SEED=7 python3 tests/sdk/test_patterns.py chaining the same again, of one pattern

What was on record at a kill is known in two ways: a line of an activity that needs another's result says that
that one's was there; and the histories say so, read from a copy of the file that the kill has left."""

import json
import os
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness

PROGRAMS = harness.BUILD / "examples"
HISTORIES = harness.BUILD / "bin" / "sdk_dump_histories"
KILLS = int(os.environ.get("PAWL_KILLS", 8))
LIMIT = 60  # seconds for one run of a program


class Pattern:
    """What a program prints for the instance x. |groups|: chains of lines of activities; each line needs the one before. |last|: lines that need all of
    these, and each other in order. |line|: what an activity prints, of (instance, name, input, attempt).
    |result|: the lines of the end; |arguments|: more of them for the program."""

    def __init__(self, name, groups, line, result, last=(), arguments=(), memory_result=None):
        self.name, self.line, self.arguments = name, line, list(arguments)
        self.result = [result] if isinstance(result, str) else list(result)
        self.memory_result = memory_result
        self.needs = {}
        for group in groups:
            for before, here in zip([None, *group], group):
                self.needs[here] = {before} - {None} | self.needs.get(before, set())
        for here in last:
            self.needs[here] = set(self.needs)

    def __str__(self):
        return " ".join([self.name, *self.arguments])


def room(number):
    return [f"x/room-{number}: scrape", f"x/room-{number}: paint"]


def named(lines):
    """For activities whose line begins with their name, and that are called once."""
    return lambda _, name, *rest: next(line for line in lines if line.startswith(name))


JUICE = ["harvest 12 trees", "press 600 kg of apples", "bottle 360 litres of juice"]
ASKED = "tell: please approve: 1 boat"
TELL = dict(line=lambda _, name, given, attempt: f"tell: {given}")

PATTERNS = [
    Pattern("chaining", [JUICE], named(JUICE), "result: 480 bottles"),
    Pattern("fan_out", [[f"count_words page {i}"] for i in range(1, 7)],
            lambda _, name, given, attempt: f"{name} {'page ' if name == 'count_words' else ''}{given}",
            "result: 1891 words", last=["print_sum 1891"]),
    Pattern("monitor", [[f"look, round {i}: {i * 25} %" for i in range(1, 5)]],
            lambda _, name, given, attempt: f"look, round {given}: {given * 25} %", "result: done in round 4"),
    Pattern("approval", [[ASKED, "tell: manager, please look"]], result='result: "passed on"', **TELL),
    Pattern("approval", [[ASKED, "tell: a boat is on its way"]], result='result: "approved"',
            arguments=["yes"], **TELL),
    Pattern("approval", [[ASKED, "tell: no boat this year"]], result='result: "rejected"', arguments=["no"],
            **TELL),
    Pattern("children", [room(1), room(2), room(3)],
            lambda instance, name, given, attempt: f"{instance}: {given}",
            "result: 1350 euros", last=["x: clean up"]),
    Pattern("saga", [["book hotel", "book car", "book flight", "cancel flight", "cancel car", "cancel hotel"]],
            lambda _, name, given, attempt: f"{name} {given}",
            "result: TripCanceled, no flight, because: there is no flight left"),
    Pattern("retries", [["ask, attempt 1", "ask, attempt 2", "ask, attempt 3", "pay, attempt 1"]],
            lambda _, name, given, attempt: f"{name}, attempt {attempt}",
            'result: "please bring cash", because: "the card is of 1999"'),
    Pattern("versioning", [['x-a: "reserve"', 'x-a: "thank"', 'x-a: "ship"'], ['x-b: "send a download link"']],
            lambda instance, name, given, attempt: f'{instance}: "{given}"',
            ["result: x-a is done, by version 1", "result: x-b is done, by version 2"],
            memory_result="result: x-b is done, by version 2"),
    Pattern("detached", [["work: ship", "work: send the invoice"], ["work: ship", "work: ask how they like it"]],
            lambda _, name, given, attempt: f"work: {given}",
            ["the order is done, its review goes on", 'result: "x" has been reviewed']),
    Pattern("lock", [["paint: north", "paint: east", "paint: south"]],
            lambda _, name, given, attempt: f"paint: {given}", 'result: "painted"'),
]


class Ledger:
    """What the runs of one instance have printed, kept outside of them."""

    def __init__(self, pattern, instance):
        self.pattern, self.instance = pattern, instance
        self.recorded = set()  # lines of activities whose result is known to be on record
        self.count = dict.fromkeys(pattern.needs, 0)
        self.story = []

    def require(self, holds, what):
        if not holds:
            raise AssertionError(f"{self.pattern}: {what}\n  " + "\n  ".join(self.story))

    def take(self, lines):
        """The lines of one run."""
        lines = [line.replace(self.instance, "x") for line in lines]
        self.story += lines
        result = list(self.pattern.result)
        fresh = set()
        for line in lines:
            if result and line == result[0]:
                result.pop(0)
                continue
            self.require(line in self.pattern.needs, f"unexpected: {line}")
            self.require(line not in fresh, f"twice in one run: {line}")
            self.require(line not in self.recorded, f"done again, though its result was on record: {line}")
            fresh.add(line)
            self.count[line] += 1
            for needed in self.pattern.needs[line]:
                self.require(self.count[needed], f"{line}, but not before it: {needed}")
                self.recorded.add(needed)

    def note(self, histories):
        """What the histories have on record."""
        for instance, events in histories.items():
            scheduled = {}
            for event in events:
                if "taskScheduled" in event:
                    scheduled[event.get("eventId", 0)] = event["taskScheduled"]
                done = event.get("taskCompleted") or event.get("taskFailed")
                if not done:
                    continue
                task = scheduled[done.get("taskScheduledId", 0)]
                line = self.pattern.line(instance.replace(self.instance, "x"), task["name"], json.loads(task.get("input", "null")),
                                         task.get("attempt", 1))
                self.require(self.count.get(line), f"on record, but it has not run: {line}")
                self.recorded.add(line)

    def end(self, lines, kills, done):
        """|lines|: of the run that nobody killed."""
        lines = [line.replace(self.instance, "x") for line in lines]
        result = self.pattern.result
        self.require([x for x in lines if x in result] == result and lines[-1] == result[-1],
                     f"does not end with {result}")
        for line, count in self.count.items():
            self.require(count == 0 if done else 1 <= count <= 1 + kills, f"ran {count} times, with {kills} kills: {line}")


class Run:
    """One run of a program, its lines as they come."""

    def __init__(self, pattern, target, instance, errors):
        command = [str(PROGRAMS / pattern.name), target, instance, *pattern.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        self.out, self.began, self.closed = b"", time.monotonic(), False

    def read(self, until, enough=lambda lines: False):
        """Reads up to the moment |until|, the end, or |enough|. Whether it went on to |until|."""
        while not self.closed and not enough(self.out.count(b"\n")):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return True
            more = os.read(self.process.stdout.fileno(), 65536)
            self.out += more
            self.closed = not more
        return False

    def kill(self):
        """Whether it was there to be killed."""
        self.process.kill()
        self.read(time.monotonic() + LIMIT)
        return self.process.wait() == -9

    def lines(self):
        self.process.stdout.close()
        return self.out.decode().splitlines()


def read_histories(target):
    out = subprocess.run([HISTORIES, target], stdout=subprocess.PIPE, check=True, timeout=LIMIT).stdout
    return json.loads(out)


class Place:
    """Where workflows live: a new file or the store of a daemon, for one instance."""

    count = 0

    def __init__(self, folder, daemon=None):
        Place.count += 1
        self.folder, self.daemon, self.instance = Path(folder), daemon, f"instance{Place.count:06}"
        self.target = f"grpc://127.0.0.1:{daemon.grpc}" if daemon else str(self.folder / "x.db")
        self.errors = open(self.folder / "errors", "wb+")
        self.took = 0  # seconds of the last run that was not killed

    def histories(self):
        if self.daemon:
            return {name: events for name, events in read_histories(self.target).items()
                    if name.startswith(self.instance)}
        with tempfile.TemporaryDirectory(prefix="pawl-patterns-") as copy:  # reading must not mend what the next run is to find
            for path in self.folder.glob("x.db*"):
                shutil.copy(path, copy)
            return read_histories(str(Path(copy) / "x.db"))

    def clear(self):
        self.errors.seek(0)
        said = self.errors.read().decode(errors="replace")
        self.errors.close()
        # The sanitizer says of itself how well it follows coroutines.
        return "".join(x for x in said.splitlines(True) if "WARNING: ASan doesn't fully support" not in x)


def follow(pattern, place, until_kill, can_kill, done=False):
    """Runs a pattern to its end, killed as |until_kill| says while |can_kill|. The number of kills. |done|: it
    has run before."""
    ledger, kills = Ledger(pattern, place.instance), 0
    try:
        while True:
            run = Run(pattern, place.target, place.instance, place.errors)
            if can_kill(kills):
                lines, delay = until_kill()
                run.read(run.began + LIMIT, lambda count: count >= lines)
                run.read(time.monotonic() + delay)
                if run.kill():
                    kills += 1
                    ledger.take(run.lines())
                    ledger.story.append("kill -9")
                    ledger.note(place.histories())
                    continue
            elif run.read(run.began + LIMIT):
                run.kill()
                ledger.take(run.lines())
                ledger.require(False, f"has not ended after {LIMIT} s")
            code, lines = run.process.wait(), run.lines()
            place.took = time.monotonic() - run.began
            ledger.take(lines)
            ledger.require(code == 0, f"exit code {code}")
            ledger.end(lines, kills, done)
            if not done:
                ledger.note(place.histories())
            return kills
    except BaseException:
        print(place.clear(), file=sys.stderr)
        if place.daemon:
            print(place.daemon.output()[-3000:], file=sys.stderr)
        raise


def never(kills):
    return False


def test_output(pattern, daemon=None):
    with tempfile.TemporaryDirectory(prefix="pawl-patterns-") as folder:
        place = Place(folder, daemon)
        follow(pattern, place, None, never)
        took = place.took
        follow(pattern, place, None, never, done=True)  # asked again, it tells the result, and does nothing
        said = [line for line in place.clear().splitlines() if "ASan doesn't fully support makecontext" not in line]
        assert said == [], said
        return took


def test_memory(pattern):
    out = subprocess.run([PROGRAMS / pattern.name, "memory:", "x", *pattern.arguments], timeout=LIMIT,
                         stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert out[-1] == (pattern.memory_result or pattern.result[-1]), out


def test_kills(pattern, took, rng, daemon=None):
    count, instances = 0, 0

    def until_kill():
        # Half of them at any time, half right after a line, when something is being recorded.
        if rng.random() < 0.5:
            return 0, rng.random() * took * 1.1
        return rng.randrange(1, len(pattern.needs) + 1), rng.random() ** 2 * 0.005

    while count < KILLS:
        with tempfile.TemporaryDirectory(prefix="pawl-patterns-") as folder:
            most = min(rng.randrange(1, 12), KILLS - count)
            place = Place(folder, daemon)
            count += follow(pattern, place, until_kill, lambda kills: kills < most)
            place.clear()
            instances += 1
    return count, instances


def test_place(pattern, name, seed, daemon=None):
    took = test_output(pattern, daemon)
    began = time.monotonic()
    kills, instances = test_kills(pattern, took, random.Random(f"{seed} {pattern} {name}"), daemon)
    print(f"{pattern}, {name}: {took * 1000:.0f} ms; {kills} kills, {instances} instances, "
          f"{time.monotonic() - began:.1f} s", flush=True)
    return kills


def main():
    seed = harness.seeded("test_patterns").randrange(1 << 32)
    began, kills = time.monotonic(), 0
    for pattern in PATTERNS:
        if sys.argv[1:] and pattern.name not in sys.argv[1:]:
            continue
        test_memory(pattern)
        kills += test_place(pattern, "file", seed)
        daemon = harness.Daemon(app_id="patterns")
        try:
            kills += test_place(pattern, "daemon", seed, daemon)
        finally:
            daemon.close()
    print(f"{kills} kills, {time.monotonic() - began:.0f} s")


main()
