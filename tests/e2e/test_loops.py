#!/usr/bin/env python3
"""A daemon on several loops (--loops): connections and shards are spread over them, and to apps it is one daemon."""

import contextlib
import json
import re
import sqlite3
import time
import unittest

import harness
import raw
import scrape

LOOPS = 3
COUNT = 24


class TestLoops(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon(app_id="orders", shards=LOOPS * 2, flags=("--loops", str(LOOPS)))
        self.addCleanup(self.daemon.close)

    def hubs(self, count=LOOPS):
        """As many connections, which come to as many loops."""
        hubs = [raw.Hub(self.daemon.grpc) for _ in range(count)]
        for hub in hubs:
            raw.grpc.channel_ready_future(hub.channel).result(timeout=20)
            self.addCleanup(hub.close)
        return hubs

    def workers(self, count, **options):
        workers = []
        for _ in range(count):
            workers.append(raw.Worker(self.daemon.grpc, ledger=workers[0] if workers else None, **options))
        for worker in workers:
            self.addCleanup(setattr, worker, "closing", True)
            self.assertTrue(worker.connected.wait(20))
        return workers

    def check(self, hub, names):
        for name in names:
            state = hub.wait(name, timeout=30)
            self.assertEqual((state.workflowStatus, state.output.value), (1, "3"), name)

    def until(self, condition, what):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end, what())
            time.sleep(0.02)

    def metadata(self):
        return json.loads(self.daemon.request("GET", "/v1.0/metadata")[1])

    def test_one_daemon_to_apps(self):
        hubs, workers = self.hubs(), self.workers(LOOPS)
        names = [f"w{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            hubs[i % LOOPS].start(name, text="3")
        for hub in hubs:
            self.check(hub, names)
            ids, token = hub.ids(pageSize=10)
            self.assertEqual((ids, bool(token)), (names[:10], True))
        for worker in workers:
            self.assertEqual(worker.again, [])
        # What each has counted is told as one.
        for _ in range(LOOPS):
            numbers = json.loads(self.daemon.request("GET", "/pawl/v1/numbers")[1])
            ended = {row["name"]: row["ended"] for row in numbers["workflows"]}
            self.assertEqual((numbers["workers"], numbers["workersElsewhere"], numbers["shardsServed"], ended),
                             (LOOPS, 0, LOOPS * 2, {"chain": COUNT}))
        metrics = scrape.read(self.daemon.metrics)
        self.assertEqual(metrics.value("dapr_runtime_workflow_execution_count", status="success"), COUNT)
        self.assertEqual((metrics.value("pawl_workers", place="here"), metrics.value("pawl_shards")), (LOOPS, LOOPS * 2))
        self.assertEqual(metrics.value("pawl_instances", status="COMPLETED"), COUNT)
        # Every connection hears of all workers, and of what was set over another one.
        for i in range(LOOPS):
            self.daemon.request("PUT", f"/v1.0/metadata/key{i}", b"value")
        for _ in range(LOOPS * 2):
            self.until(lambda: self.metadata()["workflows"]["connectedWorkers"] == LOOPS,
                       lambda: f"not all workers are told: {self.metadata()['workflows']}")
            self.assertLessEqual({f"key{i}" for i in range(LOOPS)}, set(self.metadata()["extended"]))

    def test_one_worker_serves_all_loops(self):
        hubs, _ = self.hubs(), self.workers(1)
        names = [f"o{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            hubs[i % LOOPS].start(name, text="3")
        self.check(hubs[0], names)

    def test_answers_over_other_connections(self):
        """An SDK may answer over another connection than the one its work came over."""
        others = self.hubs(LOOPS * 2)
        (worker,) = self.workers(1)
        sent = []

        class Apart:
            channel = worker.hub.channel

            def call(self, *args, **options):
                sent.append(1)
                return others[len(sent) % len(others)].call(*args, **options)

            def close(self):
                self.channel.close()

        worker.hub = Apart()
        names = [f"a{i:02d}" for i in range(COUNT)]
        for name in names:
            others[0].start(name, text="3")
        self.check(others[1], names)
        self.assertEqual(len(worker.given), COUNT * 3)

    def test_killed_in_the_middle(self):
        hubs, workers = self.hubs(), self.workers(LOOPS, delay=0.005)
        names = [f"k{i:02d}" for i in range(COUNT * 2)]
        for i, name in enumerate(names):
            hubs[i % LOOPS].start(name, text="3")
        self.until(lambda: len(workers[0].acknowledged) > COUNT, lambda: "no activity was run")
        self.daemon.kill()
        self.daemon.start()
        self.check(hubs[1], names)
        self.assertEqual(workers[0].again, [])


class TestShards(unittest.TestCase):
    """How many shards a store has on which nothing is said of them."""

    def shards(self, daemon):
        with contextlib.closing(sqlite3.connect(daemon.folder / "state.db", timeout=10)) as db:
            return db.execute("SELECT count(*) FROM pawl_shard").fetchone()[0]

    def test_new_and_old(self):
        daemon = harness.Daemon(app_id="orders", shards=None, flags=("--loops", "2"))
        self.addCleanup(daemon.close)
        self.assertEqual(self.shards(daemon), 2)
        daemon.stop()
        daemon.flags = ["--loops", "3"]
        daemon.start()
        end = time.monotonic() + 20
        while not re.search("2 shards.*3 loops", daemon.output()):
            self.assertLess(time.monotonic(), end, daemon.output()[-2000:])
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main(verbosity=2)
