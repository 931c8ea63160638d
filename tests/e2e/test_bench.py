"""The programs of bench/ measure something, and what they print is whole."""

import json
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

import harness

BENCH = harness.ROOT / "bench"
sys.path.insert(0, str(BENCH))
import picture  # noqa: E402
import stacks  # noqa: E402

LACKS = {language: harness.lacks(language) for language in ("python", "go")}
WORKERS = ["embedded", "c"] + [language for language, missing in LACKS.items() if not missing]


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

    @unittest.skipIf(LACKS["go"], f"NOT TESTED: {LACKS['go']}")
    def test_compare(self):
        args = ["--daprd", harness.PAWL.parent / "daprd", "--seconds", 1, "--rounds", 1, "--in-flight", 2, "-o", "json"]
        [row] = json.loads(run("compare", *args))["rows"]
        self.assertGreater(row["pawl"]["unitsPerSecond"], 0)
        self.assertGreater(row["other"]["daemonCpuUs"], 0)


# As perf prints it: a whole stack; one that ends within libuv's loop; one of a bound, and one right after it.
RECORDED = """ 7/8  1.000000:
\t 1 pawl__pb_next.part.0 (/b/pawl)
\t 2 worker_on_idle (/b/pawl)
\t 3 [unknown] (/lib/libuv.so.1.0.0)
\t 4 [unknown] (/lib/libuv.so.1.0.0)
\t 5 uv_run (/lib/libuv.so.1.0.0)
\t 6 handle_main (/b/pawl)
\t 7 start_thread (/lib/libc.so.6)
\t 8 clone3 (/lib/libc.so.6)

 7/8  1.001000:
\tff01 ext4_sync_file ([kernel.kallsyms])
\tff02 __x64_sys_fdatasync ([kernel.kallsyms])
\tff03 entry_SYSCALL_64_after_hwframe ([kernel.kallsyms])
\t 1 fdatasync@@GLIBC_2.2.5 (/lib/libc.so.6)
\t 2 [unknown] (/lib/libsqlite3.so.0.8.6)
\t 3 [unknown] (/lib/libuv.so.1.0.0)
\tffffffffffffffff [unknown] ([unknown])

 7/7  2.000000:
\t 1 bounds_read (/b/pawl)
\t 2 main (/b/pawl)

 7/8  2.001000:
\t 1 handle_main (/b/pawl)

 9/9  3.000000:
\t 1 handle_main (/b/pawl)
"""


def may_record():
    """A container or its kernel may forbid it."""
    with tempfile.TemporaryDirectory() as folder:
        return bool(shutil.which("perf")) and subprocess.run(
            ["perf", "record", "-q", "-e", "cpu-clock", "-o", f"{folder}/data", "true"], capture_output=True).returncode == 0


class Flame(unittest.TestCase):
    def test_stacks(self):
        samples = stacks.read(RECORDED, {"pawl__pb_next": "wire", "worker_on_idle": "sdk", "handle_main": "sdk", "bounds_read": "bench"})
        loop = [("handle_main", "sdk"), ("uv_run", "libuv"), ("libuv", "libuv")]
        self.assertEqual(stacks.of_workflows(samples, 7), [loop + [("worker_on_idle", "sdk"), ("pawl__pb_next", "wire")],
                                                          loop + [("libsqlite3", "sqlite"), ("fdatasync", "kernel")]])
        self.assertEqual(stacks.of_workflows(samples, 9), [[("handle_main", "sdk")]])

    def test_picture(self):
        frames = [stacks.Frame(name, "engine") for name in ("outer", "half", "a_name_that_is_longer_than_its_box", "rare")]
        drawn = picture.draw([frames[:2]] * 500 + [[frames[0], frames[2]]] * 20 + [frames[:1]] * 479 + [[frames[3]]],
                             {"engine": 1.0}, "a <title>", "below")
        boxes = xml.etree.ElementTree.fromstring(drawn).findall(".//{*}g/{*}g")
        self.assertEqual([box.find("{*}title").text for box in boxes],
                         ["all: 100.0%", "outer (engine): 99.9%", "half (engine): 50.0%",
                          "a_name_that_is_longer_than_its_box (engine): 2.0%"])
        widths = [float(box.find("{*}rect").get("width")) for box in boxes]
        self.assertAlmostEqual(widths[2] / widths[0], 0.5, places=2)
        self.assertIsNone(boxes[3].find("{*}text"), "23 pixels")

    def test_wrong_flags(self):
        for args, why in ((["--bogus"], "--bogus"), (["-o", "/there/is/no/x.svg"], "no such folder")):
            answer = subprocess.run([BENCH / "flame", *args], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(answer.returncode, 0)
            self.assertIn(why, answer.stderr)
            self.assertNotIn("Traceback", answer.stderr)

    @unittest.skipUnless(may_record(), "NOT TESTED: perf is not installed, or may not record here")
    def test_record(self):
        rooms = {"-w": ("sdk", "sqlite", "kernel"), "--daemon": ("net", "sqlite", "kernel")}
        for first, expected in rooms.items():
            lines = run("flame", "--table", "--", *dict.fromkeys([first, "-w"]), "seq5", "-n", 5, "-s", 1).splitlines()
            shares = {line.split()[0]: float(line.split()[1][:-1]) for line in lines[1:lines.index("")]}
            self.assertAlmostEqual(sum(shares.values()), 100, delta=1)
            for room in expected:
                self.assertGreater(shares[room], 0, lines)
            self.assertLess(shares.get("bench", 0), 5, lines)
        answer = subprocess.run([BENCH / "flame", "--", "--bogus"], capture_output=True, text=True, timeout=60)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("unknown flag --bogus", answer.stderr)
        self.assertIn("nothing was recorded", answer.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
