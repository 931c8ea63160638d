#!/usr/bin/env python3
"""The order-processor in C, embedded: killed at random moments, again and again.

    test_order.py BIN_DIR        PAWL_KILLS= how often, PAWL_SEED= repeats a run

After each kill the history on disk says which activities were acknowledged. None of them may run again, and in
the end the order is complete and the stock right.
"""

import collections
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
BIN = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "bin").resolve()
os.environ.setdefault("PAWL_BUILD", str(BIN.parent))
import apps  # noqa: E402
import harness  # noqa: E402

KILLS = int(os.environ.get("PAWL_KILLS", "40"))
# The first line that each activity prints tells that it has begun.
BEGINS = {"VerifyInventoryActivity:Verifying": "verify_inventory_activity",
          "RequestApprovalActivity:": "request_approval_activity",
          "ProcessPaymentActivity:Processing": "process_payment_activity",
          "UpdateInventoryActivity:Checking": "update_inventory_activity"}


class Order(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "orders.db"
        self.out = Path(folder.name) / "out"

    def start(self, order):
        with open(self.out, "ab") as out:
            return subprocess.Popen([apps.APPS / "c" / "order-processor", self.file], stdout=out,
                                    stderr=subprocess.STDOUT, env=dict(os.environ, ORDER_ID=order))

    def begun(self):
        """How often each activity has begun, by what it printed. A kill may cut the last line."""
        counts = collections.Counter()
        for line in self.out.read_text(errors="replace").splitlines():
            for begin, name in BEGINS.items():
                counts[name] += begin in line
        return counts

    def acknowledged(self, order):
        run = subprocess.run([BIN / "sdk_show_history", self.file, order], capture_output=True, text=True,
                             timeout=30)
        self.assertEqual(run.returncode, 0, run.stderr)
        events = json.loads(run.stdout or "[]")
        names = {e.get("eventId", 0): e["taskScheduled"]["name"] for e in events if "taskScheduled" in e}
        return {names[e["taskCompleted"].get("taskScheduledId", 0)] for e in events if "taskCompleted" in e}

    def test_kills(self):
        apps.install("c")
        random = harness.seeded(self.id())
        kills = orders = repeated = 0
        while kills < KILLS:
            orders += 1
            order = str(uuid.uuid4())
            self.out.write_text("")
            final = {}  # activity -> how often it had begun when it was acknowledged
            for _ in range(random.randint(3, 9)):
                process = self.start(order)
                # Most steps are taken right after the start, the rest after the approval.
                moment = random.uniform(0.002, 0.06) if random.random() < 0.75 else random.uniform(1.9, 2.3)
                try:
                    process.wait(moment)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
                now = self.begun()
                for name, count in final.items():
                    self.assertEqual(now[name], count, f"{name} ran again after it was acknowledged:\n"
                                                       f"{self.out.read_text()}")
                final = {name: now[name] for name in self.acknowledged(order) if name in BEGINS.values()}
            process = self.start(order)
            self.assertEqual(process.wait(30), 0, self.out.read_text())
            now = self.begun()
            for name, count in final.items():
                self.assertEqual(now[name], count, self.out.read_text())
            repeated += sum(now.values()) - len(now)
            text = self.out.read_text()
            self.assertIn("There are now 90 cars left in stock", text)
            self.assertIn("Workflow completed! Result: Completed", text)
        print(f"{self.id()}: {kills} kills in {orders} orders, {repeated} activities repeated before they were "
              "acknowledged", flush=True)

    def test_two_orders_on_one_file(self):
        apps.install("c")
        for left, extra in ((90, {}), (80, {"RESTOCK": "no"})):
            run = subprocess.run([apps.APPS / "c" / "order-processor", self.file], capture_output=True, text=True,
                                 env=dict(os.environ, **extra), timeout=60)
            self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
            self.assertIn(f"There are now {left} cars left in stock", run.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
