"""Kills the daemon at random moments under a worker that keeps a ledger."""

import contextlib
import os
import sqlite3
import tempfile
import threading
import time
import unittest
from pathlib import Path

import grpc

import harness
import raw

KILLS = int(os.environ.get("PAWL_KILLS", "60"))


class Durability(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon()

    def tearDown(self):
        self.daemon.close()

    def run_killing(self, echo):
        """Starts chains for as long as the kills go on; checks the ledger at the end."""
        random = harness.seeded(self.id())
        worker = raw.Worker(self.daemon.grpc, echo=echo)
        acknowledged, stop = [], threading.Event()

        def client():
            hub, n = raw.Hub(self.daemon.grpc), 0
            while not stop.is_set():
                n += 1
                try:
                    # A start time: the call answers as soon as the start is durable.
                    hub.start(f"order-{n}", text=str(n % 7), timeout=2, start_at=0)
                    acknowledged.append((f"order-{n}", n % 7))
                except grpc.RpcError:
                    time.sleep(0.01)
            hub.close()

        thread = threading.Thread(target=client)
        thread.start()
        for _ in range(KILLS):
            time.sleep(random.uniform(0.005, 0.25))
            self.daemon.kill()
            self.daemon.start()
        stop.set()
        thread.join()
        hub = raw.Hub(self.daemon.grpc)
        for instance, length in acknowledged:
            state = hub.wait(instance)
            self.assertEqual(state.workflowStatus, 1, instance)
            self.assertEqual(state.output.value, str(length), instance)
        hub.close()
        worker.close()
        print(f"{self.id()}: {KILLS} kills, {len(acknowledged)} acknowledged starts, "
              f"{len(worker.given)} activities given, {len(worker.acknowledged)} acknowledged")
        self.assertGreater(len(acknowledged), KILLS)
        self.assertEqual(worker.again, [], "an acknowledged activity was given again")

    def test_kills_with_tokens(self):
        self.run_killing(True)

    def test_kills_without_tokens(self):
        self.run_killing(False)

    def test_backup_and_vacuum_meanwhile(self):
        """What docs/operating.md says of the file of a daemon that runs, which is killed afterwards."""
        worker, hub, begun = raw.Worker(self.daemon.grpc), raw.Hub(self.daemon.grpc), []
        copy = Path(self.enterContext(tempfile.TemporaryDirectory()))
        for _ in range(5):
            for _ in range(20):
                begun.append(f"b{len(begun)}")
                hub.start(begun[-1], text="5", start_at=0)
            with contextlib.closing(sqlite3.connect(self.daemon.folder / "state.db", timeout=20)) as file:
                file.execute("VACUUM")
                with contextlib.closing(sqlite3.connect(copy / "state.db")) as into:
                    file.backup(into)
        self.daemon.kill()
        self.daemon.start()
        for instance in begun:
            self.assertEqual(hub.wait(instance).output.value, "5")
        self.assertEqual(worker.again, [], "an acknowledged activity was given again")
        worker.close()
        hub.close()
        with contextlib.closing(harness.Daemon(folder=copy)) as restored:
            worker, hub = raw.Worker(restored.grpc), raw.Hub(restored.grpc)
            for instance in begun:
                self.assertEqual(hub.wait(instance).output.value, "5")
            worker.close()
            hub.close()

    def test_stop_and_start_in_good_order(self):
        worker = raw.Worker(self.daemon.grpc)
        hub = raw.Hub(self.daemon.grpc)
        for n in range(20):
            hub.start(f"a{n}", text="3", start_at=0)
        hub.close()  # which may not know yet that its connection has ended
        self.assertEqual(self.daemon.stop(), 0)
        self.daemon.start()
        hub = raw.Hub(self.daemon.grpc)
        for n in range(20):
            self.assertEqual(hub.wait(f"a{n}").output.value, "3")
        worker.close()
        hub.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
