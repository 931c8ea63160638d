#!/usr/bin/env python3
"""Several daemons of one app on one SQLite file: they share its shards, forward calls to each other, and take over
from one that is killed or stopped."""

import contextlib
import fcntl
import itertools
import json
import os
import re
import sqlite3
import struct
import subprocess
import threading
import time
import unittest

import harness
import raw
from changes import Watcher

SHARDS = 6
COUNT = 24


def shard_of(name):
    """FNV-1a of 64 bits, its halves joined by exclusive or."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return (value >> 32 ^ value & 0xFFFFFFFF) % SHARDS


def try_to_write(locks):
    """Whether the right to write, which is a lock of two bytes of the file |locks|, could be had just now."""
    def lock(kind):  # struct flock
        fcntl.fcntl(locks, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 2, 0))
    try:
        lock(fcntl.F_WRLCK)
    except BlockingIOError:
        return False
    lock(fcntl.F_UNLCK)
    return True


class Daemons:
    """Three daemons on one file, each with a worker and a client."""

    def __init__(self):
        self.daemons = [harness.Daemon(app_id="orders", shards=SHARDS)]
        self.daemons += [harness.Daemon(app_id="orders", folder=self.daemons[0].folder, shards=SHARDS)
                         for _ in range(2)]
        self.workers = [raw.Worker(daemon.grpc) for daemon in self.daemons]
        self.hubs = [raw.Hub(daemon.grpc) for daemon in self.daemons]
        for worker in self.workers:
            worker.connected.wait(10)

    def close(self):
        for worker in self.workers:
            worker.closing = True
        for hub in self.hubs:
            hub.close()
        for daemon in reversed(self.daemons):
            daemon.close()


def start(hub, instance, patience=10):
    """Starts it, and again if it is not known whether it was started: the caller's retry."""
    end = time.monotonic() + patience
    while True:
        try:
            hub.start(instance, text="3")
            return
        except raw.grpc.RpcError as error:
            if error.code() == raw.grpc.StatusCode.ALREADY_EXISTS or "already exists" in error.details():
                return
            if error.code() != raw.grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                raise
        time.sleep(0.02)


class Spread(raw.Worker):
    """Sends its answers over |hubs| by turns, as over a client that balances its load."""

    def __init__(self, port, hubs, **options):
        self.hubs, self.refused = itertools.cycle(hubs), []
        super().__init__(port, **options)

    def work(self, item):
        own, self.hub = self.hub, next(self.hubs)
        try:
            super().work(item)
        except raw.grpc.RpcError as error:
            self.refused.append(error.details())
            raise
        finally:
            self.hub = own


class TestDaemons(unittest.TestCase):
    def setUp(self):
        self.all = Daemons()
        self.addCleanup(self.all.close)

    def check(self, hub, names):
        for name in names:
            state = hub.wait(name, timeout=30)
            self.assertEqual((state.workflowStatus, state.output.value), (1, "3"), name)

    def test_any_daemon_serves_all(self):
        for daemon in self.all.daemons:
            self.assertTrue(daemon.healthy())
        names = [f"w{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            start(self.all.hubs[i % 3], name)
        for hub in self.all.hubs:
            self.check(hub, names)
            ids, token = hub.ids(pageSize=10)
            self.assertEqual((ids, bool(token)), (names[:10], True))
        # Each gets work of its own, once the shards are spread over those that have workers.
        end, more = time.monotonic() + 10, 0
        while not all(worker.given for worker in self.all.workers):
            self.assertLess(time.monotonic(), end)
            more += 1
            start(self.all.hubs[0], f"x{more}")
            self.check(self.all.hubs[0], [f"x{more}"])

    def watch(self, daemon):
        """A watcher that hears all daemons."""
        watcher = Watcher(daemon.http)
        self.addCleanup(watcher.close)
        watcher.until_heard()
        return watcher

    def settle(self):
        """Waits until each daemon serves as many shards as the others."""
        end = time.monotonic() + 60
        while True:
            shards = [json.loads(daemon.request("GET", "/pawl/v1/store")[1])["shards"] for daemon in self.all.daemons]
            if all(sum(shard["state"] == "serving" for shard in one) == SHARDS // 3 for one in shards):
                return
            self.assertLess(time.monotonic(), end, shards)
            time.sleep(0.1)

    def test_answers_reach_whoever_gave_the_work(self):
        """Also what a daemon's worker has of another's shards, and what a daemon has that gives no work at all."""
        for worker in self.all.workers:
            worker.close()
        self.all.workers = [Spread(daemon.grpc, self.all.hubs) for daemon in self.all.daemons[:2]]
        for worker in self.all.workers:
            worker.connected.wait(10)
        names = [f"w{i:02d}" for i in range(COUNT)]
        for i, name in enumerate(names):
            start(self.all.hubs[i % 3], name)
        self.check(self.all.hubs[0], names)
        self.assertEqual([worker.again for worker in self.all.workers], [[], []])
        refused = sum((worker.refused for worker in self.all.workers), [])
        self.assertLess(len(refused), 6, refused)  # while a shard moves, whose work is given out again

    def test_one_is_told_of_all(self):
        """Who watches one daemon is told what each of them does: each change once, in the order of its shard."""
        self.settle()
        for attempt in range(10):  # a shard may go to another daemon meanwhile
            watchers = [self.watch(daemon) for daemon in self.all.daemons[:2]]
            names = [f"f{attempt}-{i:02d}" for i in range(COUNT)]
            for i, name in enumerate(names):
                start(self.all.hubs[i % 3], name)
            all_told = [watcher.told_of(names) for watcher in watchers]
            if all(all_told):
                break
        self.assertEqual(len({shard_of(name) for name in names}), SHARDS)
        for told in all_told:
            for name in names:
                mine = told[name]
                self.assertEqual((mine[0]["what"], mine[-1]["status"]), ("created", "COMPLETED"), name)
                self.assertEqual({change["shard"] for change in mine}, {shard_of(name)})
                places = [change["position"] for change in mine]
                self.assertEqual(places, sorted(places), name)
                whole = [change["what"] for change in mine]
                self.assertEqual((whole.count("created"), whole.count("event")), (1, 3), f"{name}: {whole}")

    def test_one_that_is_watched_goes(self):
        """A watcher is told that it has missed something when a daemon goes, and hears all once another has its shards."""
        watcher = self.watch(self.all.daemons[0])
        self.all.daemons[2].kill()
        watcher.until_heard("reset")
        names = [f"g{i:02d}" for i in range(COUNT)]
        for name in names:
            start(self.all.hubs[0], name)
        done = set()
        while done < set(names):
            event, data = watcher.next()
            if data.get("status") == "COMPLETED":
                done.add(data["id"])
            elif event == "reset":  # it reads anew
                done |= {name for name in names if self.all.daemons[0].status(name) == "COMPLETED"}
        self.all.daemons[2].start()  # it takes part again, and is heard
        self.check(self.all.hubs[2], names)

    def test_new_ids(self):
        """An id that a daemon makes is of a shard that it serves. When it dies right then, the workflow is there."""
        start(self.all.hubs[0], "first")
        self.settle()
        names = []

        def served(daemon):
            shards = json.loads(daemon.request("GET", "/pawl/v1/store")[1])["shards"]
            return {shard["number"] for shard in shards if shard["state"] == "serving"}
        calm = 0
        for daemon in self.all.daemons:
            before = served(daemon)
            for _ in range(COUNT):
                status, body, _ = daemon.request("POST", "/v1.0/workflows/dapr/chain/start", b"3")
                self.assertEqual(status, 202, body)
                names.append(json.loads(body)["instanceID"])
                after = served(daemon)
                if before == after:  # they may move once more, and for a moment it serves none
                    self.assertIn(shard_of(names[-1]), after)
                    calm += 1
                before = after
        self.assertGreater(calm, COUNT)
        self.all.daemons[2].kill()
        self.check(self.all.hubs[0], names)
        self.assertEqual(len(set(names)), 3 * COUNT)

    def test_one_is_killed(self):
        names = [f"k{i:02d}" for i in range(COUNT)]
        for name in names[: COUNT // 2]:
            start(self.all.hubs[0], name)
        self.all.daemons[1].kill()
        began = time.monotonic()
        for name in names[COUNT // 2:]:
            start(self.all.hubs[0], name)
        pause = time.monotonic() - began
        for hub in (self.all.hubs[0], self.all.hubs[2]):
            self.check(hub, names)
        self.assertLess(pause, 10)
        for worker in self.all.workers:
            self.assertEqual(worker.again, [])
        self.all.daemons[1].start()  # it takes part again
        self.check(self.all.hubs[1], names)

    def test_one_stops(self):
        names = [f"s{i:02d}" for i in range(COUNT)]
        for name in names[: COUNT // 2]:
            start(self.all.hubs[0], name)
        self.all.daemons[2].stop()
        began = time.monotonic()
        for name in names[COUNT // 2:]:
            self.all.hubs[0].start(name, text="3")  # nobody has to try again
        self.assertLess(time.monotonic() - began, 10)
        self.check(self.all.hubs[1], names)

    def test_one_stops_while_somebody_waits_there(self):
        """Its shards go to others at once: neither when nobody waits there any more, nor when it has been without a worker for
        three seconds."""
        wait = self.all.hubs[2].channel.unary_unary(raw.SERVICE + "WaitForInstanceCompletion", raw.pb.GetInstanceRequest.SerializeToString,
                                                    raw.pb.GetInstanceResponse.FromString)
        daemon, pauses = self.all.daemons[2], []
        daemon.flags = ["--dapr-graceful-shutdown-seconds", "30"]
        while len(pauses) < 3 and min(pauses, default=60) > 2:  # on a machine that others use
            daemon.stop()
            daemon.start()
            self.spread()
            waiting = wait.future(raw.pb.GetInstanceRequest(instanceId="nobody"), timeout=60)
            time.sleep(0.2)  # so that it has come there
            daemon.process.terminate()
            began = time.monotonic()
            names = [f"u{len(pauses)}-{i:02d}" for i in range(COUNT)]
            for name in names:
                start(self.all.hubs[0], name)
            pauses.append(time.monotonic() - began)
            self.assertIsNone(daemon.process.poll())
            self.check(self.all.hubs[1], names)
            waiting.cancel()
        self.assertLess(min(pauses), 2, pauses)

    def owners(self):
        """The index of the daemon that holds each shard."""
        with contextlib.closing(sqlite3.connect(self.all.daemons[0].folder / "state.db", timeout=10)) as db:
            rows = db.execute("SELECT number, owner FROM pawl_shard ORDER BY number").fetchall()
        pids = [f"process {daemon.process.pid} " for daemon in self.all.daemons]
        return [next((i for i, pid in enumerate(pids) if str(owner).startswith(pid)), None) for _, owner in rows]

    def is_spread(self):
        """Whether shards are with those that have workers, evenly. Before all have told of their workers they may be spread
        evenly, too, and then move."""
        parts = json.loads(self.all.daemons[0].request("GET", "/pawl/v1/store")[1])
        working = [one["id"] for one in parts["daemons"] if one["workers"]]
        return len(working) == 3 and sorted(working * 2) == sorted(shard.get("holder", "") for shard in parts["shards"])

    def spread(self):
        end = time.monotonic() + 30
        while not self.is_spread():
            self.assertLess(time.monotonic(), end, f"the shards are not spread: {self.owners()}")
            time.sleep(0.05)
        self.assertEqual(sorted(self.owners()), [0, 0, 1, 1, 2, 2])

    def pause(self, daemon):
        """Stops a daemon that is not in the middle of a commit. One that is keeps the right to write, for which all others
        would wait until it wakes (docs/operating.md)."""
        end = time.monotonic() + 30
        with open(daemon.folder / "state.db-pawl", "r+b") as locks:
            while True:
                daemon.pause()
                for _ in range(50):  # another daemon may have it for a moment
                    if try_to_write(locks):
                        return
                    time.sleep(0.01)
                self.assertLess(time.monotonic(), end, "it is in the middle of a commit each time")
                daemon.wake()
                time.sleep(0.05)

    def test_one_sleeps(self):
        """On SQLite a lease is a lock of the kernel, which a process that is stopped keeps: nobody takes its shards, so it
        has them still when it wakes, however long it slept. The others go on with theirs."""
        self.spread()
        owners = self.owners()
        names = [f"p{i:02d}" for i in range(COUNT)]
        mine = [name for name in names if owners[shard_of(name)] == 1]
        self.assertTrue(mine)
        for name in mine:
            start(self.all.hubs[1], name)
        self.pause(self.all.daemons[1])
        self.addCleanup(self.all.daemons[1].wake)
        began = time.monotonic()
        others = [name for name in names if name not in mine]
        for name in others:
            start(self.all.hubs[0], name)
        self.check(self.all.hubs[2], others)
        while time.monotonic() < began + 6:  # for longer than a lease of a server
            self.assertEqual(self.owners(), owners)
            time.sleep(0.5)
        self.all.daemons[1].wake()
        self.check(self.all.hubs[0], names)
        for worker in self.all.workers:
            self.assertEqual(worker.again, [])

    def test_the_command_line_while_one_sleeps(self):
        """It asks a daemon about a workflow that is there, so nobody else has to answer."""
        self.spread()
        names = [next(f"c{i}" for i in itertools.count() if self.owners()[shard_of(f"c{i}")] == at) for at in range(3)]
        for name in names:
            start(self.all.hubs[0], name)
        self.check(self.all.hubs[0], names)
        for at, daemon in enumerate(self.all.daemons):
            asked = (at + 1) % 3
            self.pause(daemon)
            try:
                told = subprocess.run([harness.PAWL, "workflow", "get", names[asked], "--address", f"127.0.0.1:{self.all.daemons[asked].grpc}"],
                                      capture_output=True, text=True, timeout=30)
            finally:
                daemon.wake()
            self.assertEqual((told.returncode, told.stderr), (0, ""))

    def test_others_come_and_go(self):
        """A client of the one that stays sees nothing of it: no error, and never a daemon that is not well."""
        names, failed, over = [], [], threading.Event()

        def work():
            while not over.is_set():
                names.append(f"g{len(names):04d}")
                try:
                    self.all.hubs[0].start(names[-1], text="3")
                except raw.grpc.RpcError as error:
                    failed.append(f"{names[-1]}: {error.code()} {error.details()}")
                if not self.all.daemons[0].healthy():
                    failed.append(f"{names[-1]}: not healthy")

        client = threading.Thread(target=work)
        client.start()
        for _ in range(3):
            for daemon in self.all.daemons[1:]:
                daemon.stop()
                daemon.start()
        over.set()
        client.join(30)
        self.assertEqual(failed, [])
        self.check(self.all.hubs[0], names)


class Beginning(unittest.TestCase):
    def test_says_that_it_runs_once_it_can_serve(self):
        """Also after a kill: that is when it has read its shards."""
        daemon = harness.Daemon(app_id="orders", shards=SHARDS)
        self.addCleanup(daemon.close)
        daemon.kill()
        daemon.start()
        said = re.findall("starting Pawl|Workflow engine started|dapr initialized. Status: Running", daemon.output())
        self.assertEqual(said, ["starting Pawl", *["Workflow engine started"] * SHARDS, "dapr initialized. Status: Running"] * 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
