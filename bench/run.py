#!/usr/bin/env python3
"""Measures the daemon, with the disk's own speed beside it in the same run.

    bench/run.py [--workflows N] [-o json]

Needs Go for the worker. Figures vary with the machine and with what else it does: compare ratios.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

LOAD = ROOT / "tests" / "e2e" / "load" / "go"


def sync_rate():
    """fdatasync of a 4 KiB page in a file that does not grow: median and 99th percentile in us."""
    with tempfile.NamedTemporaryFile(dir=harness.BUILD) as file:
        os.write(file.fileno(), b"\0" * (4 << 20))
        os.fsync(file.fileno())
        times = []
        for n in range(500):
            began = time.perf_counter()
            os.pwrite(file.fileno(), b"\1" * 4096, n * 4096)
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - began) * 1e6)
    times.sort()
    return times[250], times[495]


def cpu(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss(pid):
    return int(next(l for l in open(f"/proc/{pid}/status") if l.startswith("VmRSS")).split()[1])


def cold_start():
    """From exec to the first 204 of /v1.0/healthz, in ms: the median of nine."""
    times = []
    for _ in range(9):
        daemon = harness.Daemon.__new__(harness.Daemon)
        began = time.perf_counter()
        daemon.__init__()
        times.append((time.perf_counter() - began) * 1e3)
        daemon.close()
    return sorted(times)[4]


def load(daemon, workflows, in_flight):
    before = cpu(daemon.process.pid)
    run = subprocess.run(["timeout", "300", LOAD / "load", "-workflows", str(workflows), "-activities", "5", "-in-flight",
                          str(in_flight), "-grpc-port", str(daemon.grpc)], capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    result = json.loads(run.stdout.strip().splitlines()[-1])
    result["cpu_us_per_activity"] = (cpu(daemon.process.pid) - before) / (workflows * 5) * 1e6
    result["rss_kib"] = rss(daemon.process.pid)
    return result


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--workflows", type=int, default=3000)
    options.add_argument("-o", choices=["table", "json"], default="table")
    options = options.parse_args()
    print("building the worker ...", file=sys.stderr)
    subprocess.run([LOAD / "install.sh"], check=True)
    results = {"sync_us": sync_rate(), "cold_start_ms": cold_start()}
    for store in ("state.sqlite", "state.in-memory"):
        daemon = harness.Daemon(store=store, flags=["--log-level", "error"])
        time.sleep(1)
        results.setdefault("idle_rss_kib", rss(daemon.process.pid))
        load(daemon, 100, 50)  # warm
        time.sleep(0.5)
        for in_flight in (1, 50, 1000):
            print(f"{store}, {in_flight} in flight ...", file=sys.stderr)
            workflows = options.workflows if in_flight > 1 else options.workflows // 10
            results[f"{store} {in_flight}"] = load(daemon, workflows, in_flight)
        daemon.close()
    if options.o == "json":
        print(json.dumps(results))
        return
    print(f"fdatasync of 4 KiB           p50 {results['sync_us'][0]:.0f} us, p99 {results['sync_us'][1]:.0f} us")
    print(f"start to healthy             {results['cold_start_ms']:.1f} ms")
    print(f"idle memory                  {results['idle_rss_kib'] / 1024:.1f} MiB")
    print(f"{'5 sequential activities':28} {'act/s':>8} {'p50 ms':>8} {'p99 ms':>8} {'cpu us/act':>11} {'MiB':>6}")
    for name, r in results.items():
        if isinstance(r, dict):
            print(f"{name:28} {r['activities_per_second']:8.0f} {r['p50_ms'] / 5:8.2f} {r['p99_ms'] / 5:8.2f} "
                  f"{r['cpu_us_per_activity']:11.0f} {r['rss_kib'] / 1024:6.1f}")
    print("p50 and p99 are a workflow's time divided by its five activities.")


if __name__ == "__main__":
    main()
