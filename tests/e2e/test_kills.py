#!/usr/bin/env python3
"""kill -9 of the daemon in a loop, under load from workers and clients of the real SDKs.

    test_kills.py        PAWL_KILL_SECONDS= how long (12), PAWL_SEED= repeats the moments of the kills

Each language has a daemon of its own. Worker and client append to a ledger (tests/e2e/load/*/ledger.*) what they did
and what they were told; this program adds a line for each kill. In the end each acknowledged start is there,
completed with the right result; and nothing was executed again that had been acknowledged before a kill.
"""

import collections
import os
import subprocess
import threading
import time
import unittest

import harness
import raw
import scrape

SECONDS = float(os.environ.get("PAWL_KILL_SECONDS", "12"))
LOAD = harness.ROOT / "tests" / "e2e" / "load"
PROGRAMS = {"go": [LOAD / "go" / "load"],
            "python": [LOAD / "python" / ".venv" / "bin" / "python", LOAD / "python" / "load.py"]}
KEEPS = ["python"]  # whose SDK keeps histories, and is sent what is new
DRAIN = 100  # seconds in which what was started must end once the kills are over
SETTLE = 0.05  # what the daemon had sent before it died has arrived, and has begun, after as many seconds


class Language:
    """One daemon with a worker and a client, its ledger, and the thread that kills."""

    def __init__(self, name, random):
        self.name, self.random, self.kills, self.error = name, random, 0, None
        self.turns = self.replayed = 0  # that the daemons gave, and those of them with the whole history
        self.daemon = harness.Daemon(app_id=f"kills-{name}", flags=["--log-level", "info"])
        self.path = self.daemon.folder / "ledger"
        self.path.touch()
        self.worker, self.client = (self.program(mode) for mode in ("worker", "client"))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def program(self, mode):
        with open(self.daemon.folder / f"{mode}.log", "wb") as log:
            return subprocess.Popen(
                [*PROGRAMS[self.name], "-mode", mode, "-ledger", self.path, "-in-flight", "12", "-grpc-port",
                 str(self.daemon.grpc)], stdout=log, stderr=log)

    def run(self):
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                # Now while everybody connects again, but mostly in the middle of the work.
                if self.random.random() < 0.75:
                    self.wait_for_work(end)
                time.sleep(self.random.uniform(0.01, 0.5))
                now = scrape.read(self.daemon.metrics)
                self.turns += now.value("pawl_work_given_total", kind="turn")
                self.replayed += now.value("pawl_turns_replayed_total")
                self.daemon.kill()
                time.sleep(SETTLE)
                with open(self.path, "a") as ledger:
                    ledger.write("K\n")
                self.kills += 1
                self.daemon.start()
        except Exception as error:
            self.error = error

    def wait_for_work(self, until):
        size = self.path.stat().st_size
        while self.path.stat().st_size < size + 1000 and time.monotonic() < until:
            time.sleep(0.01)

    def lines(self):
        return [line.split(" ") for line in self.path.read_text().splitlines()]

    def progress(self):
        counts = collections.Counter(line[0] for line in self.lines())
        return (f"{self.name}: {self.kills} kills, {counts['S']} starts acknowledged, {counts['E']} activities executed, "
                f"{counts['C']} acknowledged, {counts['R']} workflows ended")

    def check(self, test):
        """Reads the ledger once all is over; returns what went wrong."""
        wrong, executed, repeated = [], set(), 0
        starts, results, acknowledged, kills = {}, {}, {}, 0
        for line in self.lines():
            what, key = line[0], tuple(line[1:3])
            if what == "K":
                kills += 1
            elif what == "S":
                starts[line[1]] = int(line[2])
            elif what == "R":
                results[line[1]] = line[2]
            elif what == "C":
                acknowledged.setdefault(key, kills)
            elif what == "E":
                repeated += key in executed
                executed.add(key)
                if acknowledged.get(key, kills) < kills:
                    wrong.append(f"activity {key} was acknowledged before kill {acknowledged[key] + 1}, and was "
                                 f"executed again after kill {kills}")
        tasks = collections.Counter(instance for instance, _ in executed)
        hub = raw.Hub(self.daemon.grpc)
        for instance, start in starts.items():
            answer = hub.get(instance)
            state = answer.workflowState
            if not answer.exists:
                wrong.append(f"{instance} is missing, and its start was acknowledged")
            elif (state.workflowStatus, state.output.value) != (1, str(start + 5)):
                wrong.append(f"{instance}: status {state.workflowStatus}, {state.output.value!r} instead of {start + 5}")
            elif results.get(instance) != str(start + 5):
                wrong.append(f"{instance}: the client was told {results.get(instance)} instead of {start + 5}")
            elif tasks[instance] != 5:
                wrong.append(f"{instance} has ended after {tasks[instance]} different activities instead of 5")
        hub.close()
        print(f"{self.progress()}; {repeated} activities repeated that had not been acknowledged before the kill",
              flush=True)
        test.assertGreater(self.kills, 2)
        test.assertGreater(len(starts), 3 * self.kills, "too little load")
        if self.name in KEEPS:
            test.assertLess(self.replayed, 0.7 * self.turns, "the worker keeps no histories")
        else:
            test.assertEqual(self.replayed, self.turns)
        return wrong

    def close(self):
        for process in (self.client, self.worker):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.daemon.close()


class Kills(unittest.TestCase):
    def test_kills(self):
        random = harness.seeded(self.id())
        lacks = {name: harness.lacks(name) for name in PROGRAMS}
        names = [name for name in PROGRAMS if not lacks[name]]
        for missing in filter(None, lacks.values()):
            print(f"NOT TESTED: {missing}", flush=True)
        if not names:
            self.skipTest("no language is here")
        for name in names:
            harness.install(LOAD / name)
        languages = [Language(name, type(random)(random.random())) for name in names]
        for language in languages:
            self.addCleanup(language.close)
        told = time.monotonic()
        while any(language.thread.is_alive() for language in languages):
            time.sleep(0.2)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(*(language.progress() for language in languages), sep="; ", flush=True)
        for language in languages:
            if language.error:
                raise language.error
            language.client.terminate()
        wrong = []
        for language in languages:
            try:
                self.assertEqual(language.client.wait(DRAIN), 0)
            except subprocess.TimeoutExpired:
                wrong.append(f"{language.name}: not all that was started has ended")
        wrong += [line for language in languages for line in language.check(self)]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
