#!/usr/bin/env python3
"""Runs many workflows through one daemon, and watches its memory and descriptors.

    tests/e2e/soak.py [WORKFLOWS]      100,000 without an argument

Fails when, at the end, the daemon holds more descriptors than before or noticeably more memory than
after the first tenth.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import harness

LOAD = harness.ROOT / "tests" / "e2e" / "load" / "go"


def rss(pid):
    return int(next(l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")).split()[1])


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def main():
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    step = max(total // 10, 1)
    subprocess.run([LOAD / "install.sh"], check=True)
    daemon = harness.Daemon(flags=["--log-level", "error"])
    pid, marks = daemon.process.pid, []
    begin = descriptors(pid)
    for n in range(10):
        run = subprocess.run([LOAD / "load", "-workflows", str(step), "-activities", "2", "-in-flight",
                              "100", "-grpc-port", str(daemon.grpc)], capture_output=True, text=True)
        if run.returncode:
            sys.exit(run.stdout + run.stderr)
        rate = json.loads(run.stdout.strip().splitlines()[-1])["activities_per_second"]
        time.sleep(7)  # a checkpoint comes by, and instances leave memory
        marks.append(rss(pid))
        print(f"{(n + 1) * step} workflows, {rate:.0f} activities/s, {marks[-1]} KiB, "
              f"{descriptors(pid)} descriptors", flush=True)
    end = descriptors(pid)
    size = sum(f.stat().st_size for f in daemon.folder.glob("state.db*"))
    print(f"{size >> 20} MiB on disk")
    daemon.close()
    if end > begin or marks[-1] > marks[0] * 1.5 + 8192:
        sys.exit(f"FAILED: {begin} descriptors became {end}, {marks[0]} KiB became {marks[-1]}")
    print("memory and descriptors are back where they were")


if __name__ == "__main__":
    main()
