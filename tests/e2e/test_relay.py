#!/usr/bin/env python3
"""Daemons of one app on one SQLite file whose workers differ: one daemon has a shard of a workflow, and the only worker
that has the workflow is connected to another one."""

import contextlib
import json
import pathlib
import sqlite3
import time
import unittest

import harness
import raw

SHARDS = 6
LOAD = pathlib.Path(__file__).resolve().parent / "load"
CHAINS, TIMERS = (("chain",), ("add",)), (("timer",), ())


def large(events, request):
    """Ends with its input."""
    response = raw.pb.WorkflowResponse()
    action = response.actions.add(id=0)
    action.completeWorkflow.workflowStatus = 1
    action.completeWorkflow.result.value = next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value
    return response


def large_call(events, request):
    """Gives an activity as many digits as its input says, and ends with its result."""
    response = raw.pb.WorkflowResponse()
    action = response.actions.add(id=0)
    done = [e.taskCompleted.result.value for e in events if e.HasField("taskCompleted")]
    if done:
        action.completeWorkflow.workflowStatus = 1
        action.completeWorkflow.result.value = "x" * int(done[0])
    elif any(e.HasField("taskScheduled") for e in events):
        del response.actions[:]
    else:
        length = next(e for e in events if e.HasField("executionStarted")).executionStarted.input.value
        action.scheduleTask.name = "add"
        action.scheduleTask.input.value = length + " " * int(length)
    return response


def until(test, condition, text):
    end = time.monotonic() + 30
    while not condition():
        test.assertLess(time.monotonic(), end, text)
        time.sleep(0.05)


class Relay(unittest.TestCase):
    def daemons(self, count, flags=((), (), ())):
        first = harness.Daemon(app_id="orders", shards=SHARDS, flags=flags[0])
        self.addCleanup(first.close)
        self.all = [first]
        for n in range(1, count):
            self.all.append(harness.Daemon(app_id="orders", folder=first.folder, shards=SHARDS, flags=flags[n]))
            self.addCleanup(self.all[-1].close)

    def worker(self, at, says, **options):
        worker = raw.Worker(self.all[at].grpc, says=says, **options)
        self.addCleanup(worker.close)
        self.assertTrue(worker.connected.wait(20))
        return worker

    def hub(self, at=0):
        hub = raw.Hub(self.all[at].grpc)
        self.addCleanup(hub.close)
        return hub

    def spread(self):
        """How many shards each daemon holds, in order."""
        with contextlib.closing(sqlite3.connect(self.all[0].folder / "state.db", timeout=10)) as db:
            rows = db.execute("SELECT owner, count(*) FROM pawl_shard GROUP BY owner").fetchall()
        return sorted(count for _, count in rows)

    def wait_for_spread(self, expected):
        until(self, lambda: self.spread() == expected, "the shards are not spread")

    def check(self, hub, names):
        for name in names:
            state = hub.wait(name, timeout=60)
            self.assertEqual((state.workflowStatus, state.output.value), (1, "3"), name)

    def begin(self, hub, prefix, count):
        names = [f"{prefix}{n:02d}" for n in range(count)]
        for name in names:
            hub.start(name, text="3", start_at=0)
        return names

    def test_worker_of_another_daemon(self):
        """Both daemons have shards, and one has the worker for all of them."""
        self.daemons(2)
        chains, timers = self.worker(0, CHAINS), self.worker(1, TIMERS)
        self.wait_for_spread([3, 3])
        names = self.begin(self.hub(1), "w", 24)
        self.check(self.hub(0), names)
        self.assertEqual((timers.turns, chains.again), (0, []))
        for daemon in self.all:
            self.assertEqual(json.loads(daemon.request("GET", "/v1.0/metadata")[1])["workflows"]["connectedWorkers"], 2)

    def test_borrower_and_owner_are_killed(self):
        """Each of three daemons in turn; two of them have workers for the workflows, one owns shards only."""
        self.daemons(3)
        ledger = self.worker(0, CHAINS, delay=0.005)
        self.worker(1, CHAINS, delay=0.005, ledger=ledger)
        self.worker(2, TIMERS)
        self.wait_for_spread([2, 2, 2])
        for killed in range(3):
            hub = self.hub((killed + 1) % 3)
            names = self.begin(hub, f"k{killed}", 18)
            given = len(ledger.given)
            until(self, lambda: len(ledger.given) > given + 6, "nothing is given out")
            self.all[killed].kill()
            self.check(hub, names)
            self.all[killed].start()
            self.wait_for_spread([2, 2, 2])
        self.assertEqual(ledger.again, [], "an acknowledged activity was given again")

    def large(self, at, says=True, **options):
        """A worker with the limit of its daemon, which counts what it is given that is larger than 64 KiB."""
        workflows = {"large": large, "call": large_call}
        worker = raw.Worker(self.all[at].grpc, workflows, says=((*workflows,), ("add",)) if says else ((), ()), **options)
        self.addCleanup(worker.close)
        self.assertTrue(worker.connected.wait(20))
        return worker

    def reason(self, hub, name):
        """Why it stalls."""
        until(self, lambda: hub.get(name).workflowState.workflowStatus == 8, f"{name} does not stall")
        return next(e.executionStalled.description for e in reversed(hub.history(name)) if e.HasField("executionStalled"))

    def test_daemons_of_different_limits(self):
        """What is too large for the workers of one daemon goes to those of another, however it came in."""
        self.daemons(2, flags=(["--max-body-size", "64Ki"], ["--max-body-size", "1Mi"]))
        self.wait_for_spread([3, 3])
        small, large = self.large(0), self.large(1)
        hubs = self.hub(0), self.hub(1)
        for n in range(12):
            hubs[1].start(f"l{n}", "large", text="x" * 200_000, start_at=0)
            hubs[1].start(f"c{n}", "call", text="150000", start_at=0)
            hubs[0].start(f"s{n}", "large", text="x" * 100, start_at=0)
        for n in range(12):
            for prefix, length in (("l", 200_000), ("c", 150_001), ("s", 100)):
                state = hubs[1].wait(f"{prefix}{n}", timeout=60)
                self.assertEqual((state.workflowStatus, len(state.output.value)), (1, length), f"{prefix}{n}")
        self.assertLess(small.largest, 65536)
        self.assertGreater(large.largest, 65536)
        with self.assertRaises(raw.grpc.RpcError) as caught:
            hubs[0].start("no", "large", text="x" * 200_000, start_at=0)
        self.assertEqual(caught.exception.code(), raw.grpc.StatusCode.RESOURCE_EXHAUSTED)

    def test_stalls_until_a_larger_daemon_comes(self):
        """With a worker that has the workflow, whether it says so or not."""
        for says in (True, False):
            self.daemons(2, flags=(["--max-body-size", "64Ki"], ["--max-body-size", "1Mi"]))
            self.wait_for_spread([3, 3])
            hub, hubs = self.hub(0), self.hub(1)
            self.large(0, says)
            names = [f"w{n}" for n in range(8)]
            for name in names:
                hubs.start(name, "large", text="x" * 200_000, start_at=0)
            for name in names:
                self.assertRegex(self.reason(hub, name), r"^Workflow payload size 200\d{3} bytes exceeds 95% of max gRPC body "
                                 r"size 65536 bytes; increase daprd --max-body-size and restart to resume$")
            self.large(1, says)
            for name in names:
                state = hubs.wait(name, timeout=60)
                self.assertEqual((state.workflowStatus, len(state.output.value)), (1, 200_000), name)

    def test_python_sdk(self):
        """Its worker does not say what it has, and gets what nobody else has."""
        harness.need("python")
        harness.install(LOAD / "python")
        self.daemons(2)
        timers = self.worker(1, TIMERS)
        app = harness.App(self.all[0], [".venv/bin/python", "load.py", "-workflows", "100", "-in-flight", "20", "-grpc-port",
                                        str(self.all[0].grpc)], LOAD / "python")
        self.addCleanup(app.kill)
        self.assertEqual(app.wait(200), 0, app.text()[-2000:])
        self.assertEqual(timers.turns, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
