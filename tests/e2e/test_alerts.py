#!/usr/bin/env python3
"""The alerts of deploy/prometheus in a real Prometheus: each is silent while all is well, fires on the fault that it is
for, and ends with it. The faults are provoked beside each other, each on daemons of its own.

Seconds stand for minutes here; how patient the rules are, alerts_test.yaml tells."""

import concurrent.futures
import contextlib
import itertools
import os
import re
import sqlite3
import threading
import time
import unittest

import grpc

import harness
import postgres
import prometheus
import proxy
import raw
import scrape
from test_metrics import fails, wait_for
from test_prometheus import broken

SOONER = [
    (r"for: (\d+)m", r"for: \1s"),
    (r"for: 30s", "for: 1s"),
    (r"\[10m\]", "[60s]"),
    (r"\[5m\]", "[10s]"),
    (r"snapshot_lag_seconds\) > 120", "snapshot_lag_seconds) > 8"),  # there is a checkpoint every five
    (r"oldest_seconds\) > 300", "oldest_seconds) > 5"),
    (r"failing_seconds\) > 10", "failing_seconds) > 1"),
]


def sooner(rules):
    for pattern, put in SOONER:
        rules, count = re.subn(pattern, put, rules)
        assert count, pattern
    return rules


class Fault:
    """What an app has, and what befalls it."""

    fires = ()    # on it
    besides = ()  # may fire, too, as they are true then
    lasts = ()    # of |fires|: do not end with it, or not soon
    options = {}  # of its daemon

    def __init__(self, server):
        self.app, self.server = type(self).__name__.lower(), server
        self.stack, self.over, self.failed = contextlib.ExitStack(), threading.Event(), []
        self.daemons, self.numbers = [], itertools.count()

    def set_up(self):
        self.daemon = self.add_daemon(**self.options)
        self.hub = raw.Hub(self.daemon.grpc)
        self.stack.callback(self.hub.close)
        self.begin()

    def begin(self):
        self.add_worker()
        self.run("well")

    def run(self, instance):
        self.hub.start(instance, text="1", start_at=0)
        self.hub.wait(instance, timeout=60)

    def add_daemon(self, **options):
        daemon = harness.Daemon(app_id=self.app, **options)
        self.stack.callback(daemon.close)
        self.daemons.append(daemon)
        return daemon

    def add_worker(self, daemon=None, **options):
        worker = raw.Worker((daemon or self.daemon).grpc, {"chain": raw.chain, "fails": fails, "broken": broken}, **options)
        self.stack.callback(worker.close)
        if not worker.connected.wait(60):
            raise AssertionError(f"no worker of {self.app} is connected")
        return worker

    def until(self, name, value, daemon=None):
        """A daemon itself tells that."""
        wait_for(lambda: scrape.read((daemon or self.daemon).metrics).value(name) == value, f"{self.app}: {name} is {value}", 60)

    def again_and_again(self, do):
        """Beside the rest, until the fault is over. That calls are refused, or take too long, is a part of it."""
        def repeat():
            while not self.over.wait(0.05):
                try:
                    do()
                except (grpc.RpcError, OSError):
                    pass
                except Exception as error:  # told by the test
                    self.failed.append(error)
                    return
        thread = threading.Thread(target=repeat, daemon=True)
        thread.start()
        self.stack.callback(thread.join, 90)
        self.stack.callback(self.over.set)

    def start_many(self, name="chain"):
        self.again_and_again(lambda: self.hub.start(f"{name}{next(self.numbers)}", name, "1", timeout=2))

    def provoke(self, watched):
        raise NotImplementedError

    def mend(self):
        pass


class Gone(Fault):
    fires = ("PawlDown",)

    def provoke(self, watched):
        self.daemon.kill()

    def mend(self):
        self.daemon.start()


class Lonely(Fault):
    """Nobody works for it."""

    fires, besides = ("PawlNoWorker",), ("PawlWorkStuck",)

    def begin(self):
        pass

    def provoke(self, watched):
        self.hub.start("waits", text="1", start_at=0)

    def mend(self):
        self.add_worker()


class Lacking(Fault):
    """The worker that has the activity has gone, and the one that stays says that it has others."""

    fires = ("PawlWorkerLacksWork", "PawlWorkStuck")

    def begin(self):
        knows = self.add_worker()  # and does not say what: so work that nobody names waits for its like, not for five seconds
        self.run("well")
        knows.close()
        self.add_worker(says=(("chain",), ("other",)))
        self.until("pawl_workers", 1)

    def provoke(self, watched):
        self.hub.start("waits", text="1", start_at=0)

    def mend(self):
        self.add_worker()


class Failing(Fault):
    fires = lasts = ("PawlWorkflowsFailing",)

    def provoke(self, watched):
        self.start_many("fails")


class Stalling(Fault):
    fires = lasts = ("PawlInstancesStalled",)

    def provoke(self, watched):
        self.hub.start("stalls", "broken", start_at=0)


class Locked(Fault):
    """Another process has the right to write to the file, when there is something in the log that a checkpoint waits for."""

    fires = ("PawlCommitsFailing", "PawlLogLag")

    def provoke(self, watched):
        self.start_many()
        wait_for(lambda: scrape.read(self.daemon.metrics).value("pawl_log_lag_batches"), "the log has something", 60)
        other = sqlite3.connect(self.daemon.folder / "state.db", timeout=60, isolation_level=None, check_same_thread=False)
        self.stack.callback(other.close)
        other.execute("BEGIN IMMEDIATE")
        self.end = lambda: other.execute("ROLLBACK")

    def mend(self):
        self.end()


class Slow(Fault):
    """It has the processor for a moment now and then."""

    fires = lasts = ("PawlLoopLag",)
    besides = ("PawlDown",)

    def provoke(self, watched):
        self.again_and_again(self.starve)

    def starve(self):
        self.daemon.pause()
        time.sleep(0.7)
        self.daemon.wake()


class Cut(Fault):
    """The server falls silent and its connections break, with a commit on its way."""

    fires, lasts = ("PawlNotReady", "PawlCommitsUnknown"), ("PawlCommitsUnknown",)
    besides = ("PawlCommitsFailing", "PawlLogLag")

    def set_up(self):
        self.way = proxy.Proxy(self.server.port)
        self.stack.callback(self.way.close)
        self.options = {"server": self.server, "ports": (self.way.port,)}
        super().set_up()

    def provoke(self, watched):
        self.start_many()
        wait_for(self.breaks, "a commit breaks off", 120)

    def breaks(self):
        """Whether a commit was on its way then. If the daemon was about to send it, that does no harm."""
        self.way.delay = 0.05  # so that there nearly always is one
        done = self.commits("done")
        wait_for(lambda: self.commits("done") > done + 2, "commits go on", 60)
        self.way.silence()
        self.way.cut()
        with contextlib.suppress(AssertionError):
            return wait_for(lambda: self.commits("unknown"), "it is known to be unknown", 2)
        self.way.heal()
        return False

    def commits(self, outcome):
        return scrape.read(self.daemon.metrics).value("pawl_commits_total", outcome=outcome)

    def mend(self):
        self.way.heal()


class Flapping(Fault):
    """One of two daemons stands still for longer than its leases last, wakes, and has its part again; and so on."""

    fires = lasts = ("PawlLeaseFlapping",)
    besides = ("PawlDown", "PawlNotReady", "PawlLoopLag")

    def set_up(self):
        self.options = {"server": self.server, "shards": 6, "lease": 3}
        super().set_up()

    def begin(self):
        self.add_worker()
        self.other = self.add_daemon(**self.options)
        self.add_worker(self.other)
        self.run("well")
        self.wait_for_halves()

    def wait_for_halves(self):
        self.until("pawl_shards_served", 3)
        self.until("pawl_shards_served", 3, self.other)

    def stand_still(self):
        self.daemon.pause()
        try:
            self.until("pawl_shards_served", 6, self.other)
        finally:
            self.daemon.wake()
        self.wait_for_halves()

    def provoke(self, watched):
        """What happens once flaps not, however many shards it has."""
        self.stand_still()
        lost = f'sum(pawl_lease_losses_total{{app_id="{self.app}"}}) > 2'
        wait_for(lambda: watched.ask("query", query=lost)["result"], "Prometheus knows that three shards were lost", 60)
        watched.evaluate(2)
        if (self.fires[0], self.app) in watched.fired():
            raise AssertionError(f"{self.fires[0]} fires when a daemon has stood still once")
        self.again_and_again(self.stand_still)


@unittest.skipIf(postgres.missing(), f"NOT TESTED: {postgres.missing()} is needed")
class Alerts(unittest.TestCase):
    def setUp(self):
        prometheus.need()
        server = postgres.Server()
        self.addCleanup(server.close)
        self.faults = [kind(server) for kind in Fault.__subclasses__()]
        self.addCleanup(self.each, lambda fault: fault.stack.close())
        self.addCleanup(self.each, lambda fault: fault.over.set())
        self.each(lambda fault: fault.set_up())
        self.watched = prometheus.Prometheus([daemon for fault in self.faults for daemon in fault.daemons],
                                             sooner(prometheus.rules()))
        self.addCleanup(self.watched.close)

    def each(self, do):
        """Of the faults, beside each other."""
        with concurrent.futures.ThreadPoolExecutor(len(self.faults)) as pool:
            list(pool.map(do, self.faults))

    def named(self, what):
        return {(name, fault.app) for fault in self.faults for name in getattr(fault, what)}

    def wait_until_none(self, left, what):
        end = time.monotonic() + 120
        while wrong := left():
            for fault in self.faults:
                self.assertEqual(fault.failed, [], fault.app)
            self.assertLess(time.monotonic(), end, f"{what}: {sorted(wrong)}; all that have fired: {sorted(self.watched.fired())}")
            time.sleep(0.2)

    def test_each_fires_on_its_fault_and_on_no_other(self):
        fires = self.named("fires")
        self.assertEqual({name for name, _ in fires}, set(re.findall(r"- alert: (\w+)", prometheus.rules())))

        self.watched.evaluate(6)
        self.wait_until_none(lambda: self.watched.alerts("pending", "firing"), "without a fault")
        self.assertEqual(self.watched.fired(), set())

        told = {}
        def silent():
            told.update(self.watched.alerts("firing"))
            return fires - set(told)
        self.each(lambda fault: fault.provoke(self.watched))
        self.wait_until_none(silent, "do not fire")
        self.assertEqual(self.watched.fired() - fires - self.named("besides"), set())
        for alert, texts in told.items():
            self.assertNotRegex(" ".join(texts), "<|NaN|%!", alert)  # as templates tell that they fail

        self.each(lambda fault: fault.over.set())
        self.each(lambda fault: fault.mend())
        ends = fires - self.named("lasts")
        self.wait_until_none(lambda: ends & set(self.watched.alerts("firing")), "do not end")


if __name__ == "__main__":
    if os.environ.get("PAWL_REQUIRE_ALL") and postgres.missing():
        raise SystemExit(f"needed: {postgres.missing()}")
    unittest.main(verbosity=2)
