"""The programs of bench/ measure something, and what they print is whole."""

import json
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

import harness

BENCH = harness.ROOT / "bench"
WORKERS = ["embedded", "c", "python"] + (["go"] if shutil.which("go") else [])


def run(name, *args):
    answer = subprocess.run([BENCH / name, *map(str, args)], capture_output=True, text=True, timeout=300)
    assert answer.returncode == 0, answer.stdout[-2000:] + answer.stderr[-2000:]
    return answer.stdout


class Bench(unittest.TestCase):
    def test_run_and_plot(self):
        text = run("run", "--workers", ",".join(WORKERS), "--in-flight", 2, "--seconds", 1, "-o", "json")
        result = json.loads(text)
        self.assertEqual([(row["store"], row["worker"]) for row in result["rows"]],
                         [(store, worker) for store in ("sqlite", "memory") for worker in WORKERS])
        self.assertGreater(result["start"]["startMs"], 0)
        for row in result["rows"]:
            self.assertNotIn("failed", row)
            for key in ("unitsPerSecond", "p50Ms", "p999Ms", "cpuUs", "rssMiB", "ofCpu"):
                self.assertGreater(row[key], 0, (key, row))
            is_remote, is_file = row["worker"] != "embedded", row["store"] == "sqlite"
            for key in ("daemonCpuUs", "daemonRssMiB", "echoesPerSecond", "echoCpuUs", "ofEcho") if is_remote else ():
                self.assertGreater(row[key], 0, (key, row))
            for key in ("commits", "bytes", "syncsPerSecond", "rawPerSecond", "unitInSyncs", "ofDisk") if is_file else ():
                self.assertGreater(row[key], 0, (key, row))
            if is_remote and is_file:  # each commit is a sync; what else is synced is little
                self.assertGreaterEqual(row["syncs"], row["commits"] * 0.99, row)
                self.assertLess(row["syncs"], row["commits"] * 1.5, row)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(text)
            file.flush()
            picture = xml.etree.ElementTree.fromstring(run("plot", file.name, "store=sqlite"))
        bars = [bar for bar in picture.iter("{http://www.w3.org/2000/svg}rect") if bar.get("fill") != "white"]
        self.assertEqual(len(bars), len(WORKERS))

    def test_scale(self):
        result = json.loads(run("scale", "--sleeping", 300, "--completed", 20000, "--seconds", 1, "-o", "json"))
        self.assertEqual(result["sleeping"]["started"], 300)
        self.assertEqual(result["sleeping"]["refused"], 0)
        self.assertGreater(result["sleeping"]["startSeconds"], 0)
        self.assertGreaterEqual(result["completed"]["looks"][-1]["completed"], 20000)

    def test_hops(self):
        self.assertIn("fdatasync", run("hops", "--seconds", 1))

    @unittest.skipUnless(shutil.which("go"), "NOT TESTED: Go is not installed")
    def test_compare(self):
        args = ["--daprd", harness.PAWL.parent / "daprd", "--seconds", 1, "--rounds", 1, "--in-flight", 2, "-o", "json"]
        [row] = json.loads(run("compare", *args))["rows"]
        self.assertGreater(row["pawl"]["unitsPerSecond"], 0)
        self.assertGreater(row["other"]["daemonCpuUs"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
