#!/usr/bin/env python3
"""One app with workers in C, Python and Go. The daemon is killed in the middle of each test.

    test_mixed.py BIN_DIR
"""

import os
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
import harness  # noqa: E402

LOAD = ROOT / "tests" / "e2e" / "load"


class Mixed(unittest.TestCase):
    def setUp(self):
        self.daemon = harness.Daemon()
        self.addCleanup(self.daemon.close)
        self.target = f"grpc://127.0.0.1:{self.daemon.grpc}"

    def background(self, *command, **more):
        out = tempfile.TemporaryFile("w+")
        process = subprocess.Popen([str(c) for c in command], stdout=out, stderr=subprocess.STDOUT, **more)

        def end():
            process.kill()
            process.wait()
            out.close()
            if process.stdin:
                process.stdin.close()
        self.addCleanup(end)
        process.text = lambda: (out.seek(0), out.read())[1]
        return process

    def load_worker(self, language):
        harness.need(language)
        harness.install(LOAD / language)
        command = {"go": ["./load"], "python": [".venv/bin/python", "load.py"]}[language]
        dash = "-" if language == "go" else "--"
        return self.background(*command, f"{dash}mode", "worker", f"{dash}grpc-port", self.daemon.grpc,
                               cwd=LOAD / language)

    def start(self, workflow, given):
        return self.background(BIN / "sdk_mixed", "start", self.target, str(uuid.uuid4()), workflow, given)

    def serve(self):
        return self.background(BIN / "sdk_mixed", "serve", self.target, stdin=subprocess.PIPE)

    def connected(self, count):
        deadline = time.monotonic() + 30
        while self.daemon.output().count("work item stream established") < count:
            self.assertLess(time.monotonic(), deadline, self.daemon.output()[-2000:])
            time.sleep(0.05)

    def kill_daemon(self):
        self.daemon.kill()
        self.daemon.start()

    def finish(self, client, expected):
        self.assertEqual(client.wait(60), 0, client.text())
        self.assertEqual(client.text(), expected)

    def test_c_starts_python(self):
        self.load_worker("python")
        self.connected(1)
        client = self.start("run", '{"workload":"seq","start":1,"steps":200,"pad":""}')
        time.sleep(0.3)
        self.kill_daemon()
        self.finish(client, "COMPLETED 201\n")

    def test_go_calls_c(self):
        """Go has an activity of that name too, but a worker in C says that it serves it."""
        self.load_worker("go")
        server = self.serve()
        self.connected(2)
        client = self.start("run", '{"Workload":"seq","Start":10,"Steps":8}')
        time.sleep(0.4)
        self.kill_daemon()
        self.finish(client, "COMPLETED 18\n")
        said = server.text().split("\n")
        for n in range(11, 19):
            self.assertIn(f"addOne {n}", said)

    def test_c_calls_python(self):
        self.load_worker("python")
        self.serve()
        self.connected(2)
        client = self.start("counts", "null")
        time.sleep(0.3)
        self.kill_daemon()
        self.finish(client, "COMPLETED 6\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
