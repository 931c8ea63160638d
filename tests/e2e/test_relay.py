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


def until(test, condition, text):
    end = time.monotonic() + 30
    while not condition():
        test.assertLess(time.monotonic(), end, text)
        time.sleep(0.05)


class Relay(unittest.TestCase):
    def daemons(self, count):
        first = harness.Daemon(app_id="orders", shards=SHARDS)
        self.addCleanup(first.close)
        self.all = [first]
        for _ in range(count - 1):
            self.all.append(harness.Daemon(app_id="orders", folder=first.folder, shards=SHARDS))
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
