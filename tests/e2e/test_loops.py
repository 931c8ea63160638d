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
from changes import Watcher

LOOPS = 3
COUNT = 24

POLICED = """apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: policed}
spec: {type: state.sqlite, version: v1, metadata: [{name: connectionString, value: '%s'}]}
---
apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata: {name: rules}
spec:
  policies:
    timeouts: {soon: 50ms}
    circuitBreakers: {one: {timeout: 1h, trip: consecutiveFailures > 0}}
  targets: {components: {policed: {outbound: {timeout: soon, circuitBreaker: one}}}}
"""


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
            worker = raw.Worker(self.daemon.grpc, ledger=workers[0] if workers else None, at_once=True, **options)
            self.addCleanup(setattr, worker, "closing", True)
            self.assertTrue(worker.connected.wait(20))
            workers.append(worker)
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

    def told(self, path):
        return json.loads(self.daemon.request("GET", path)[1])

    def metadata(self):
        return self.told("/v1.0/metadata")

    def settle(self):
        """Waits until each loop serves as many shards as the others, and all say so; returns the last that was told."""
        def even():
            parts.append(self.told("/pawl/v1/store"))
            holders = [shard.get("holder", "") for shard in parts[-1]["shards"] if shard["state"] == "serving"]
            daemons = parts[-1]["daemons"]
            return (sorted(holders) == sorted([one["id"] for one in daemons] * 2)
                    and all(one["workers"] for one in daemons))

        parts = []
        self.until(even, lambda: f"the shards are not spread: {parts[-1]}")
        return parts[-1]

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
        self.settle()  # shards move while workers come
        # What each has counted is told as one.
        for _ in range(LOOPS):
            numbers = self.told("/pawl/v1/numbers")
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

    def test_workers_are_spread(self):
        """Replicas of an app have a connection for their clients and one for their worker, in turn: each loop has a worker."""
        for _ in range(LOOPS - 1):
            self.hubs(1)
            self.workers(1)
        self.hubs(1)
        self.hubs(1)
        self.workers(1)
        self.settle()

    def test_lists_are_of_all_loops(self):
        """Whichever loop is asked, it tells the workers, shards and commits of all."""
        hubs, _ = self.hubs(), self.workers(LOOPS)
        names = [f"l{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            hubs[i % LOOPS].start(name, text="3")
        self.check(hubs[0], names)
        for _ in range(LOOPS * 2):
            workers = self.told("/pawl/v1/workers")
            self.assertEqual((sorted(one["loop"] for one in workers["workers"]), workers["elsewhere"]), (list(range(LOOPS)), 0))
            parts = self.settle()
            self.assertEqual([shard["number"] for shard in parts["shards"]], list(range(LOOPS * 2)))
            self.assertEqual({shard["number"] for shard in parts["shards"] if not shard["epoch"]}, set())
            self.assertEqual([(one["self"], one["workers"]) for one in parts["daemons"]], [(True, 1)] * LOOPS)
            self.assertEqual(sorted(one["loop"] for one in parts["daemons"]), list(range(LOOPS)))
            self.assertEqual([one["name"] for one in parts["stores"]], ["statestore"])
            self.assertGreater(parts["stores"][0]["commits"], COUNT)
        def same():
            """Instances leave memory, and commits are made, between two answers."""
            metadata, parts = self.metadata(), self.told("/pawl/v1/store")
            pairs[:] = [(metadata["actors"][0]["count"], sum(shard["inMemory"] for shard in parts["shards"])),
                        (metadata["pawl"]["commits"], parts["stores"][0]["commits"])]
            return all(one == other for one, other in pairs)

        pairs = []
        self.until(same, lambda: f"metadata tells of {pairs}")

    def test_one_is_told_of_all(self):
        """Who watches changes over one connection is told what each loop does, each change once."""
        hubs, _ = self.hubs(), self.workers(LOOPS)
        self.settle()
        for attempt in range(10):  # a shard may go to another loop meanwhile
            watcher = Watcher(self.daemon.http)
            self.addCleanup(watcher.close)
            watcher.until_heard()
            names = [f"f{attempt}-{i:02d}" for i in range(COUNT)]
            for i, name in enumerate(names):
                hubs[i % LOOPS].start(name, text="3")
            if told := watcher.told_of(names):
                break
        self.assertEqual({change["shard"] for one in told.values() for change in one}, set(range(LOOPS * 2)))
        for name in names:
            whole = [change["what"] for change in told[name]]
            self.assertEqual((whole.count("created"), whole.count("event")), (1, 3), f"{name}: {whole}")

    def test_one_worker_serves_all_loops(self):
        hubs, _ = self.hubs(), self.workers(1)
        names = [f"o{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            hubs[i % LOOPS].start(name, text="3")
        self.check(hubs[0], names)

    def test_one_worker_is_told_by_all_loops(self):
        class Deaf(raw.Worker):
            def activity(self, request, token):
                """It works on it for ever."""

        (hub,) = self.hubs(1)
        worker = Deaf(self.daemon.grpc)
        self.addCleanup(setattr, worker, "closing", True)
        hub.start("d", text="1")
        for _ in range(LOOPS * 2):  # connections, which come to all loops
            self.until(lambda: self.told("/pawl/v1/app")["workers"] == 1, lambda: self.told("/pawl/v1/app"))
            self.until(lambda: re.fullmatch("Runs activity add, for [0-9.a-z ]*", self.told("/pawl/v1/instances/d")["sentence"]),
                       lambda: self.told("/pawl/v1/instances/d")["sentence"])

    def test_each_loop_has_a_circuit_breaker(self):
        """And tells its state, as one that is open beside one that is closed is neither."""
        def states():
            rows = scrape.read(self.daemon.metrics).all("dapr_resiliency_cb_state", target="Statestore_policed")
            return sorted((labels["loop"], labels["status"]) for labels, value in rows if value)
        file = self.daemon.folder / "policed.db"
        (self.daemon.resources / "policed.yaml").write_text(POLICED % file)
        self.until(lambda: "all runs as the files say now" in self.daemon.output(), self.daemon.output)
        loops = [str(i) for i in range(LOOPS)]
        self.assertEqual(states(), [(loop, "closed") for loop in loops])
        body = json.dumps([{"key": "k", "value": 1}]).encode()
        with contextlib.closing(sqlite3.connect(file)) as db:
            db.execute("BEGIN IMMEDIATE")  # nobody else writes
            self.assertEqual(self.daemon.request("POST", "/v1.0/state/policed", body)[0], 500)
            self.assertEqual(sorted(status for _, status in states()), ["closed"] * (LOOPS - 1) + ["open"])
            for _ in range(LOOPS - 1):  # connections, which come to the other loops
                self.daemon.request("POST", "/v1.0/state/policed", body)
            self.assertEqual(states(), [(loop, "open") for loop in loops])

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
