#!/usr/bin/env python3
"""A C program whose workflows start, tell and end workflows of another app."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

BIN = Path(harness.BUILD) / "bin"


class TwoApps(unittest.TestCase):
    def test_all(self):
        names = [f"{app}-{os.getpid()}" for app in ("near", "far")]  # others may run on this machine
        daemons = [harness.Daemon(app_id=name) for name in names]
        for daemon in daemons:
            self.addCleanup(daemon.close)
        done = subprocess.run([BIN / "sdk_two_apps", *(f"grpc://127.0.0.1:{daemon.grpc}" for daemon in daemons), names[1]],
                              capture_output=True, text=True, timeout=150)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.splitlines(), [
            'asker: COMPLETED "asked"', 'own: TERMINATED "of its own app"', 'guest: COMPLETED "from afar"',
            'idle: TERMINATED "enough"', "own of far: RUNNING"])


if __name__ == "__main__":
    unittest.main()
