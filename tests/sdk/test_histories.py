#!/usr/bin/env python3
"""The same workflows leave the same histories, in this process and on a daemon.

    test_histories.py BIN_DIR
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
BIN = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "bin").resolve()
os.environ.setdefault("PAWL_BUILD", str(BIN.parent))
import harness  # noqa: E402

VOLATILE = {"timestamp", "fireAt", "executionId", "scheduledStartTimestamp"}
APPS = {"appID", "sourceAppID", "targetAppID"}


def plain(value):
    """What of a history does not depend on the moment or the app."""
    if isinstance(value, dict):
        return {k: "APP" if k in APPS else plain(v) for k, v in value.items() if k not in VOLATILE}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, str):
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", value)
    return value


def histories(target):
    run = subprocess.run([BIN / "sdk_histories", target], capture_output=True, text=True, timeout=60)
    if run.returncode:
        raise AssertionError(run.stdout + run.stderr)
    return {name: plain(events) for name, events in json.loads(run.stdout).items()}


class Histories(unittest.TestCase):
    maxDiff = None

    def test_same(self):
        with tempfile.TemporaryDirectory() as folder:
            here = histories(f"{folder}/histories.db")
        memory = histories("memory:")
        daemon = harness.Daemon()
        try:
            there = histories(f"grpc://127.0.0.1:{daemon.grpc}")
        finally:
            daemon.close()
        self.assertEqual(len(here), 9)
        for name, events in here.items():
            with self.subTest(name):
                self.assertEqual(memory[name], events)
                self.assertEqual(there[name], events)

    def test_shape(self):
        """And it is the one that Dapr's SDKs leave."""
        events = histories("memory:")
        kinds = [next(k for k in e if k not in ("eventId", "router")) for e in events["chain"]]
        turn = ["workflowStarted", "taskCompleted", "taskScheduled"]
        self.assertEqual(kinds, ["workflowStarted", "executionStarted", "taskScheduled", *turn, *turn,
                                 "workflowStarted", "taskCompleted", "executionCompleted"])
        self.assertEqual([e.get("eventId", 0) for e in events["chain"] if "taskScheduled" in e], [0, 1, 2])
        ours, none = {"sourceAppID": "APP"}, None
        self.assertEqual([e.get("router") for e in events["chain"]],
                         [none, ours, ours, none, ours, ours, none, ours, ours, none, ours, ours])
        timers = [e["timerCreated"] for e in events["retry"] if "timerCreated" in e]
        self.assertEqual(timers, [{"name": "second_time-retry", "activityRetry": {"taskExecutionId": "UUID"}}])
        waits = [e["timerCreated"] for e in events["event"] if "timerCreated" in e]
        self.assertEqual(waits, [{"name": "go", "externalEvent": {"name": "go"}}])


if __name__ == "__main__":
    unittest.main(verbosity=2)
