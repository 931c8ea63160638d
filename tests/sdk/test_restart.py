#!/usr/bin/env python3
"""Programs whose daemon goes away while they wait.

    test_restart.py BIN_DIR
"""

import os
import subprocess
import sys
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
BIN = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "bin").resolve()
os.environ.setdefault("PAWL_BUILD", str(BIN.parent))
import harness  # noqa: E402

DEADLINE, CANCELED, UNAVAILABLE = 4, 1, 14


class Restart(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon()
        self.addCleanup(self.daemon.close)

    def program(self, how):
        process = subprocess.Popen([BIN / "sdk_restart", f"grpc://127.0.0.1:{self.daemon.grpc}", how],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        self.assertEqual(process.stdout.readline(), "waiting\n")
        return process

    def test_killed(self):
        process = self.program("wait")
        time.sleep(0.3)
        self.daemon.kill()
        time.sleep(0.5)
        self.daemon.start()
        self.assertEqual(process.communicate(timeout=30)[0], "COMPLETED \"rested\"\n")

    def test_stopped(self):
        process = self.program("wait")
        time.sleep(0.3)
        self.assertEqual(self.daemon.stop(), 0)
        time.sleep(0.5)
        self.daemon.start()
        self.assertEqual(process.communicate(timeout=30)[0], "COMPLETED \"rested\"\n")

    def test_gone_for_longer_than_the_timeout(self):
        process = self.program("patience")
        self.daemon.kill()
        began = time.monotonic()
        said = process.communicate("go\n", timeout=30)[0]
        self.assertRegex(said, f"^{DEADLINE} instance 'patience' has not ended in time: .*127.0.0.1:{self.daemon.grpc}")
        self.assertLess(time.monotonic() - began, 5)

    def test_closed_while_it_is_gone(self):
        process = self.program("close")
        self.daemon.kill()
        time.sleep(0.5)
        said = process.communicate("go\n", timeout=30)[0]
        self.assertRegex(said, f"^{CANCELED} ")


if __name__ == "__main__":
    unittest.main()
