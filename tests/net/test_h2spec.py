"""h2spec, whose cases are the rules of RFC 9113 and RFC 7541, against both ports of a daemon.

It is fetched from Go's registry once for each build folder. Skipped without Go, or without a network. The one case that may fail
is the one that nghttpd fails, too: a server that does not keep all streams cannot tell an id that was skipped from one that has ended.
"""

import os
import shutil
import subprocess
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402

MODULE = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"
FOLDER = harness.BUILD / "h2spec"
MAY_FAIL = {"Sends stream identifier that is numerically smaller than previous"}


def program():
    """The program; None when it cannot be had."""
    path = FOLDER / "h2spec"
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if path.exists() or not go:
        return path if path.exists() else None
    FOLDER.mkdir(exist_ok=True)
    made = subprocess.run([go, "install", MODULE], env=dict(os.environ, GOBIN=str(FOLDER)), capture_output=True, text=True)
    if made.returncode:
        print(made.stderr, file=sys.stderr)
    return path if made.returncode == 0 else None


class H2spec(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = harness.Daemon(store="state.in-memory")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.close()

    def check(self, port):
        report = FOLDER / f"report-{port}.xml"
        # A path whose answer has a body.
        run = subprocess.run([H2SPEC, "-h", "127.0.0.1", "-p", str(port), "-P", "/v1.0/metadata", "-o", "2", "-j", report],
                             capture_output=True, text=True, timeout=240)
        cases = list(xml.parse(report).iter("testcase"))
        report.unlink()
        self.assertGreater(len(cases), 140, run.stdout)
        failed = {case.get("classname") for case in cases if case.find("failure") is not None or case.find("error") is not None}
        self.assertEqual(failed - MAY_FAIL, set(), run.stdout[-4000:])
        self.assertTrue(self.daemon.healthy())

    def test_http_port(self):
        self.check(self.daemon.http)

    def test_grpc_port(self):
        self.check(self.daemon.grpc)


if __name__ == "__main__":
    H2SPEC = program()
    if not H2SPEC:
        sys.exit(77)
    unittest.main()
