#!/usr/bin/env python3
"""Limits of a whole app: how many turns and activities its workers have in hand, in all its daemons together."""

import os
import pathlib
import subprocess
import tempfile
import threading
import time
import unittest

import harness
import postgres
import raw
import redis_server

SHARDS = 6
CLIENTS = harness.ROOT / "tests" / "e2e" / "clients"
CONFIG = """apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: limits}
spec:
  workflow:
"""


class Tally:
    """What workers have in hand of daemons that live, by what it is, and the most that there was."""

    def __init__(self):
        self.lock = threading.Lock()
        self.held, self.most, self.all = {}, {}, {}

    def enter(self, process, *names):
        key = object()
        with self.lock:
            self.held[key] = process, names
            for name in names:
                now = sum(name in has and alive.poll() is None for alive, has in self.held.values())
                self.most[name] = max(self.most.get(name, 0), now)
                self.all[name] = self.all.get(name, 0) + 1
        return key

    def leave(self, key):
        with self.lock:
            del self.held[key]


class Counted(raw.Worker):
    """Counts what it has in hand until it answers."""

    def __init__(self, daemon, tally, delay, **options):
        self.daemon, self.tally, self.pause = daemon, tally, delay
        self.open = {}
        self.ended = threading.Event()
        super().__init__(daemon.grpc, at_once=True, **options)

    def work(self, item):
        turn = item.HasField("workflowRequest")
        process = self.daemon.process
        if turn:
            events = list(item.workflowRequest.pastEvents) + list(item.workflowRequest.newEvents)
            started = next(e for e in events if e.HasField("executionStarted"))
            names = "turns", f"turn {started.executionStarted.name}"
        else:
            names = "activities", f"activity {item.activityRequest.name}"
        key = self.tally.enter(process, *names)
        try:
            self.ended.wait(self.pause)
        finally:
            self.tally.leave(key)
        super().work(item)


def wide(events, request):
    """As many activities at once as the input says, each "slow" or "quick"."""
    started = next(e for e in events if e.HasField("executionStarted")).executionStarted
    count = int(started.input.value)
    response = raw.pb.WorkflowResponse()
    if count and not any(e.HasField("taskScheduled") for e in events):
        for i in range(count):
            action = response.actions.add(id=i).scheduleTask
            action.name, action.input.value = "quick" if i % 2 else "slow", str(i)
    elif sum(e.HasField("taskCompleted") for e in events) == count:
        action = response.actions.add(id=count)
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = str(count)
    return response


class Limits(unittest.TestCase):
    make_server = None  # keeps all; else a file does

    def daemons(self, count, limits, **options):
        if self.make_server:
            options["server"] = self.make_server()
            self.addCleanup(options["server"].close)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="pawl-limits-"))
        config = folder / "config.yaml"
        config.write_text(CONFIG + "".join(f"    {line}\n" for line in limits))
        self.addCleanup(subprocess.run, ["rm", "-r", folder])
        self.all = []
        for _ in range(count):
            self.all.append(harness.Daemon(app_id="orders", shards=SHARDS, flags=["--config", str(config)],
                                           folder=self.all[0].folder if self.all else None, **options))
            self.addCleanup(self.all[-1].close)
        self.tally = Tally()

    def workers(self, delay):
        found = []
        for daemon in self.all:
            found.append(Counted(daemon, self.tally, delay, workflows={"wide": wide, "chain": raw.chain}))
            self.addCleanup(found[-1].close)
        for worker in found:
            self.assertTrue(worker.connected.wait(20))
        return found

    def hub(self, at):
        hub = raw.Hub(self.all[at].grpc)
        self.addCleanup(hub.close)
        return hub

    def check(self, hub, names, result):
        for name in names:
            state = hub.wait(name, timeout=60)
            self.assertEqual((state.workflowStatus, state.output.value), (1, result), name)

    def at_most(self, limits):
        """No limit was passed, and each was reached."""
        self.assertEqual({name: self.tally.most[name] for name in limits}, limits)

    def test_two_daemons(self):
        self.daemons(2, ["globalMaxConcurrentActivityInvocations: 3",
                         "activityConcurrencyLimits: [{name: slow, maxConcurrent: 1}]",
                         "workflowConcurrencyLimits: [{name: wide, maxConcurrent: 2}]"])
        workers = self.workers(0.02)
        names = [f"w{i:02d}" for i in range(12)]
        for i, name in enumerate(names):
            self.hub(i % 2).start(name, name="wide", text="8", start_at=0)
        self.check(self.hub(0), names, "8")
        self.at_most({"activities": 3, "activity slow": 1, "turn wide": 2})
        self.assertGreaterEqual(self.tally.all["activities"], 96)  # more, if shards moved
        for worker in workers:
            self.assertEqual(worker.again, [])
            self.assertTrue(worker.given)

    def test_a_name_holds_up_no_other(self):
        self.daemons(2, ["workflowConcurrencyLimits: [{name: wide, maxConcurrent: 1}]"])
        workers = self.workers(1000)
        for at in range(2):
            for i in range(2):
                self.hub(at).start(f"{at}{i}", name="wide", text="0", start_at=0)
                self.hub(at).start(f"c{at}{i}", text="0", start_at=0)
        end = time.monotonic() + 30
        while self.tally.all.get("turn chain", 0) < 4 or self.tally.all.get("turn wide", 0) < 1:
            self.assertLess(time.monotonic(), end, self.tally.all)
            time.sleep(0.01)
        time.sleep(0.5)  # there is nothing to wait for: no other is given out
        self.assertEqual(self.tally.all["turn wide"], 1)
        for worker in workers:
            worker.ended.set()
        self.check(self.hub(0), ["00", "01", "10", "11"], "0")
        self.assertEqual(self.tally.most["turn wide"], 1)

    def test_kills(self):
        """Each daemon is killed in turn while both have work in hand; what the dead one had does not count."""
        self.daemons(2, ["globalMaxConcurrentActivityInvocations: 2"])
        self.workers(0.01)
        names = []
        for round_ in range(6):
            more = [f"k{round_}{i}" for i in range(6)]
            for name in more:
                self.hub(round_ % 2).start(name, name="wide", text="10", start_at=0)
            names += more
            before = self.tally.all.get("activities", 0)
            end = time.monotonic() + 30
            while self.tally.all.get("activities", 0) < before + 10:
                self.assertLess(time.monotonic(), end, "nothing goes on")
                time.sleep(0.002)
            self.all[round_ % 2].kill()
            self.all[round_ % 2].start()
        for at in range(2):
            self.check(self.hub(at), names, "10")
        self.at_most({"activities": 2})

    def test_one_is_stopped(self):
        """A daemon that is stopped has its part for as long as it has its shards; when it wakes it goes on."""
        self.daemons(2, ["globalMaxConcurrentActivityInvocations: 4"])
        self.workers(0.01)
        names = [f"s{i:02d}" for i in range(16)]
        for name in names:
            self.hub(0).start(name, name="wide", text="6", start_at=0)
        end = time.monotonic() + 30
        while self.tally.all.get("activities", 0) < 20:
            self.assertLess(time.monotonic(), end, "nothing goes on")
            time.sleep(0.002)
        self.all[1].pause()
        self.addCleanup(self.all[1].wake)
        time.sleep(1)
        self.all[1].wake()
        self.check(self.hub(0), names, "6")
        self.at_most({"activities": 4})

    def test_python_sdk(self):
        """Two apps with Dapr's own SDK write down when an activity begins and ends."""
        harness.need("python")
        folder = CLIENTS / "python"
        harness.install(folder)
        python = next(iter(sorted(folder.glob(".venv-*"), reverse=True))) / "bin" / "python"
        self.daemons(2, ["globalMaxConcurrentActivityInvocations: 3",
                         "activityConcurrencyLimits: [{name: slow, maxConcurrent: 2}]"])
        ledger = self.all[0].folder / "ledger"
        apps = [harness.App(daemon, [str(python), "limits.py", str(ledger)], cwd=folder) for daemon in self.all]
        for app in apps:
            self.addCleanup(app.kill)
        hubs = [self.hub(0), self.hub(1)]
        for i in range(6):
            hubs[i % 2].start(f"p{i}", name="wide", text="6", start_at=0)
        for i in range(6):
            state = hubs[0].wait(f"p{i}", timeout=120)
            self.assertEqual((state.workflowStatus, state.output.value), (1, "6"), state)
        now, most = {"slow": 0, "quick": 0}, {"slow": 0, "all": 0}
        lines = ledger.read_text().split()
        for line in lines:
            sign, name = line[0], line[1:]
            now[name] += 1 if sign == "+" else -1
            most["slow"] = max(most["slow"], now["slow"])
            most["all"] = max(most["all"], sum(now.values()))
        self.assertGreaterEqual(len(lines), 2 * 36)  # more, if shards moved
        self.assertEqual(most, {"slow": 2, "all": 3})


# The same where a server keeps it all: `make server-campaign`.
SERVERS = os.environ.get("PAWL_LIMITS_ON_SERVERS")


@unittest.skipUnless(SERVERS and not postgres.missing(), "not asked for")
class OnPostgres(Limits):
    make_server = postgres.Server


@unittest.skipUnless(SERVERS and not redis_server.missing(), "not asked for")
class OnRedis(Limits):
    make_server = redis_server.Server


if __name__ == "__main__":
    unittest.main(verbosity=2)
