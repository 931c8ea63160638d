#!/usr/bin/env python3
"""An embedded program on a disk that fails: EIO, ENOSPC, short writes, syncs that lose, kills and power cuts.

    test_faults.py BIN_DIR        PAWL_FAULT_SECONDS= how long (25), PAWL_SEED= repeats the choices,
                                  PAWL_LOG_WORKFLOWS= in the long log (2000)

sdk_faults (faults.c) runs workflows on a disk that does to it what vfs.h says, at a random operation; its ledger
stands outside. Then it is run again on what is left, which may be cut short in turn, and in the end without faults.
It runs on one loop, or on several. Each acknowledged start completes, with the right result, and no activity runs again whose result was recorded.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
BIN = Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / "build" / "bin").resolve()
os.environ.setdefault("PAWL_BUILD", str(BIN.parent))
import harness  # noqa: E402

SECONDS = float(os.environ.get("PAWL_FAULT_SECONDS", "25"))
STARTS, ACTIVITIES = 20, 5
LOG_WORKFLOWS = int(os.environ.get("PAWL_LOG_WORKFLOWS", "2000"))
LOG_CUTS = 12
# What a program is told is one of these, and says where, or what to do.
CLEAR = re.compile(r"check the disk|free some space|try again|cannot open|reading its state again")
# Nothing is really synced, so the files may be in memory.
FOLDER = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def run(file, ledger, name, starts, fault, at=0, length=1, mix=0, seed=0, activities=ACTIVITIES,
        program="sdk_faults", loops=1):
    command = [BIN / program, file, ledger, name, starts, activities, fault, at, length, mix, seed]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=620,
                          env=dict(os.environ, PAWL_LOOPS=str(loops)))


def wrong_in(ledger):
    """What the ledger shows to be wrong once everything should have ended; and how many activities were repeated."""
    starts, results, wrong = {}, {}, []
    begun = collections.defaultdict(lambda: -1)
    repeated = 0
    for line in ledger.read_text().splitlines():
        what, instance, number = line.split()
        number = int(number)
        if what == "S":
            starts[instance] = number
        elif what == "R":
            if results.setdefault(instance, number) != number:
                wrong.append(f"{instance} ended with {results[instance]}, and then with {number}")
        elif instance in results:
            wrong.append(f"activity {number} of {instance} ran after the end of the workflow was told")
        elif number < begun[instance]:
            wrong.append(f"activity {number} of {instance} ran again after its result was recorded")
        else:
            repeated += number == begun[instance]
            begun[instance] = number
    for instance, number in starts.items():
        if results.get(instance) != number:
            wrong.append(f"{instance}: {results.get(instance)} instead of {number}")
    return wrong, repeated


class Faults(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=FOLDER, prefix="pawl-faults-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def finish(self, file, ledger, plans):
        last = run(file, ledger, "last", 2, "none")
        self.assertEqual(last.returncode, 0, f"{plans}\n{last.stdout}{last.stderr}")
        wrong, repeated = wrong_in(ledger)
        self.assertEqual(wrong, [], plans)
        return repeated

    def test_faults(self):
        random = harness.seeded(self.id())
        counts, end, told, worlds, repeated = collections.Counter(), time.monotonic() + SECONDS, time.monotonic(), 0, 0
        operations = 400
        while time.monotonic() < end:
            worlds += 1
            file, ledger = self.folder / f"{worlds}.db", self.folder / f"{worlds}.ledger"
            plans = []
            for number in range(random.randint(1, 4)):
                fault = random.choice(("cut", "cut", "cut", "kill", "EIO", "ENOSPC", "short", "lost"))
                # In its beginning it recovers; the rest is work.
                at = random.randint(1, 40) if random.random() < 0.4 else random.randint(1, operations)
                plan = (fault, at, random.choice((1, 3, 200)), random.randint(0, 2), random.randrange(1 << 32))
                loops = random.choice((1, 1, 2, 3))  # the first one says how many the file has shards for
                plans.append((*plan, loops))
                done = run(file, ledger, f"w{number}", STARTS, *plan, loops=loops)
                self.assertIn(done.returncode, (0, 9), f"{plans}\n{done.stdout}{done.stderr}")
                for line in done.stdout.splitlines():
                    if line.startswith("error"):
                        counts["errors told"] += 1
                        self.assertRegex(line, CLEAR, plans)
                if done.returncode == 9:
                    counts[fault] += 1
                else:
                    seen = re.search(r"(\d+) operations, (\d+) faults", done.stdout)
                    operations = max(100, (operations + int(seen[1])) // 2)
                    counts[fault] += int(seen[2])
                if loops > 1:
                    counts["on several loops"] += 1
            repeated += self.finish(file, ledger, plans)
            for left in self.folder.glob(f"{worlds}.*"):
                left.unlink()
            if time.monotonic() - told > 10:
                told = time.monotonic()
                print(f"{worlds} files, {dict(counts)}", flush=True)
        print(f"{self.id()}: {worlds} files, {dict(counts)}, {repeated} activities repeated whose result was not "
              "recorded", flush=True)

    def test_long_log(self):
        """A log to which no checkpoint came, and what recovers from it: cut while it is read and made smaller."""
        random = harness.seeded(self.id())
        grown, work = self.folder / "grown", self.folder / "work"
        grown.mkdir()
        file, ledger = grown / "x.db", grown / "x.ledger"
        began = time.monotonic()
        # It does not wait for the ends: the power goes in the middle of the work.
        done = run(file, ledger, "g", LOG_WORKFLOWS, "none", length=0, program="sdk_faults_grow")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        size = sum(path.stat().st_size for path in grown.glob("x.db*"))
        print(f"{LOG_WORKFLOWS} workflows made a file and WAL of {size / 1e6:.0f} MB in "
              f"{time.monotonic() - began:.1f} s", flush=True)

        def again():
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(grown, work)
            return work / "x.db", work / "x.ledger"

        file, ledger = again()
        # An odd seed: it closes in good order, with snapshots of all and without a log.
        done = run(file, ledger, "w", STARTS, "none", seed=1)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        seconds, opening = re.search(r"opened in ([\d.]+) s with (\d+)", done.stdout).groups()
        total = int(re.search(r"(\d+) operations, ", done.stdout)[1])
        self.assertEqual(wrong_in(ledger)[0], [])
        print(f"recovered in {seconds} s with {opening} operations on the disk; {total} until it was closed", flush=True)
        for cut in range(LOG_CUTS):
            file, ledger = again()
            plans = []
            for number in range(random.randint(1, 3)):
                # While it opens; while what was left is done; while snapshots are written and the log goes.
                at = random.randint(1, int(opening)) if random.random() < 0.4 else random.randint(int(opening), total)
                plan = ("cut", at, 1, random.choice((0, 1, 2, 2)), random.randrange(1 << 32) | 1)
                plans.append(plan)
                done = run(file, ledger, f"w{number}", STARTS, *plan)
                self.assertIn(done.returncode, (0, 9), f"{plans}\n{done.stdout}{done.stderr}")
            repeated = self.finish(file, ledger, plans)
            print(f"cut {cut + 1} of {LOG_CUTS}: at {[plan[1] for plan in plans]}, {repeated} activities repeated",
                  flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
