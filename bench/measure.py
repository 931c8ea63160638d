"""What the measurements share: the machine, a daemon that is watched, one cell of the matrix."""

import ctypes
import datetime
import json
import mmap
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

PAWL = harness.PAWL
LOAD = ROOT / "tests" / "e2e" / "load"
STORES = {"sqlite": "state.sqlite", "memory": "state.in-memory"}
WORKERS = {
    "go": [LOAD / "go" / "load"],
    "python": [LOAD / "python" / ".venv" / "bin" / "python", LOAD / "python" / "load.py"],
}
# As src/bench/workloads.c has them: what the workers call it, and its units.
WORKLOADS = {"seq5": ("seq", 5), "seq15": ("seq", 15), "par5": ("par", 5), "par100": ("par", 100),
             "events": ("events", 5), "timers": ("timers", 5), "children": ("children", 5), "start": ("start", 1)}
LIMIT = 4 << 20  # bytes of a gRPC message, unless a program says otherwise
CELL_SECONDS = 90  # for one cell, with all that is still in flight at its end


class Failed(Exception):
    """A cell that gave no figures, and why."""


def say(text):
    """A line about how far it is."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def build(workers):
    say("building ...")
    subprocess.run(["ninja", "-C", harness.BUILD, "--quiet", "all", "bench/all"], stdout=sys.stderr, check=True)
    for worker in set(workers) & set(WORKERS):
        subprocess.run([LOAD / worker / "install.sh"], stdout=sys.stderr, check=True)


def folder():
    """On the disk that the build is on: /tmp may be memory."""
    return tempfile.TemporaryDirectory(prefix="bench-", dir=harness.BUILD)


# --- the machine ---------------------------------------------------------------------------------


def git(*args):
    run = subprocess.run(["git", "-C", ROOT, *args], capture_output=True, text=True)
    return run.stdout.strip() or "unknown"


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine())
    disk = subprocess.run(["df", "--output=source,fstype", harness.BUILD], capture_output=True, text=True)
    memory = int(open("/proc/meminfo").readline().split()[1])
    return {"cpu": cpu, "cores": os.cpu_count(), "memoryMiB": memory >> 10, "kernel": platform.release(),
            "disk": " ".join(disk.stdout.split()[-2:])}


def about():
    """What stands above all results."""
    return {"commit": git("describe", "--always", "--dirty"), "machine": machine(), "load": os.getloadavg()[0],
            "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")}


# --- processes -----------------------------------------------------------------------------------


def cpu_us(pid):
    return time.clock_gettime((~pid << 3) | 2) * 1e6  # clock_getcpuclockid(pid)


def busy_us():
    """Of all cores together, with what the machine was not given."""
    fields = [int(field) for field in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) * 1e6 / os.sysconf("SC_CLK_TCK")


def line_of(path, key):
    return int(next(line for line in open(path) if line.startswith(key)).split()[1])


def rss_mib(pid):
    return line_of(f"/proc/{pid}/status", "VmRSS") / 1024


class Daemon(harness.Daemon):
    """A daemon whose syncs are counted, where its C library calls can be (Go makes none)."""

    def __init__(self, store, base, flags=(), program=PAWL, watch=None):
        self.counter = Path(base) / f"syncs-{time.monotonic_ns()}"
        self.counter.write_bytes(bytes(8))
        self.count = mmap.mmap(os.open(self.counter, os.O_RDONLY), 8, prot=mmap.PROT_READ)
        home = tempfile.mkdtemp(dir=base)
        super().__init__("bench", STORES[store], home, ["--log-level", "error", *flags], program=program, env=watch or {
            "LD_PRELOAD": str(harness.BUILD / "bench" / "libcount_syncs.so"), "PAWL_SYNC_COUNT": str(self.counter)})
        self.own = True  # the folder, too

    @property
    def pid(self):
        return self.process.pid

    def used(self):
        metadata = json.loads(self.request("GET", "/v1.0/metadata")[1])
        return {"at": time.monotonic(), "cpu": cpu_us(self.pid), "busy": busy_us(), "written": line_of(f"/proc/{self.pid}/io", "write_bytes"),
                "syncs": ctypes.c_uint64.from_buffer_copy(self.count[:8]).value,
                "commits": metadata.get("pawl", {}).get("commits")}


# --- cells ---------------------------------------------------------------------------------------


def run_json(command, what):
    try:
        run = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=CELL_SECONDS)
    except subprocess.TimeoutExpired:
        raise Failed(f"more than {CELL_SECONDS} s") from None
    if run.returncode:
        raise Failed(f"{what}: {(run.stderr.strip() or run.stdout.strip()).splitlines()[-1][:200]}")
    return json.loads(run.stdout[run.stdout.index("[" if run.stdout.lstrip()[0] == "[" else "{"):])


def pawl_bench(*args):
    return run_json([PAWL, "bench", "-o", "json", *args], "pawl bench")[0]


def bounds(daemon, base, size, in_flight, disk):
    return pawl_bench("-w", "bounds", "-n", in_flight, "-p", max(int(size), 1), "-t", f"grpc://127.0.0.1:{daemon.grpc}",
                      *(["-d", base] if disk else []))


def ratio(part, whole):
    return part / whole if part is not None and whole else None


def median(values):
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def mean(*values):
    return sum(values) / len(values) if None not in values else None


def load_cell(worker, workload, payload, in_flight, seconds, daemon, base, disk):
    """One of the workers in other languages, with the bounds before and after it."""
    kind, steps = WORKLOADS[workload]
    first = bounds(daemon, base, 4096, in_flight, disk)
    before = daemon.used()
    load = run_json([*WORKERS[worker], "-workload", kind, "-activities", steps, "-payload", payload, "-in-flight",
                     in_flight, "-seconds", seconds, "-grpc-port", daemon.grpc], worker)
    after = daemon.used()
    used = {key: after[key] - before[key] if after[key] is not None else None for key in after}
    units = max(load["completed"] * steps, 1)
    size = used["written"] / used["commits"] if disk and used["commits"] else 4096
    last = bounds(daemon, base, size, in_flight, disk)
    rate = load["completed"] * steps / load["seconds"]
    row = {"workflows": load["completed"], "seconds": load["seconds"], "unitsPerSecond": rate,
           "p50Ms": load["p50_ms"], "p99Ms": load["p99_ms"], "p999Ms": load["p999_ms"],
           "cpuUs": load["cpu_us"] / units, "daemonCpuUs": used["cpu"] / units,
           "commits": ratio(used["commits"], units) if disk else None, "syncs": used["syncs"] / units if disk else None,
           "bytes": used["written"] / units if disk else None, "commitBytes": size if disk else None,
           "rssMiB": load["rss_kib"] / 1024, "daemonRssMiB": rss_mib(daemon.pid),
           "rawPerSecond": last["rawPerSecond"]}
    for key in ("syncsPerSecond", "syncMs", "echoesPerSecond", "echoMs", "echoCpuUs"):
        row[key] = mean(first[key], last[key])
    row["unitInSyncs"] = ratio(row["p50Ms"] / steps, row["syncMs"])
    row["ofDisk"] = ratio(ratio(used["commits"], load["seconds"]), row["rawPerSecond"])
    row["ofEcho"] = ratio(rate, row["echoesPerSecond"])
    ours, all_us = load["cpu_us"] + used["cpu"], os.cpu_count() * 1e6
    row["ofCpu"] = ours / all_us / load["seconds"]
    row["others"] = max(used["busy"] - ours, 0) / all_us / used["at"]  # also while the worker starts
    return row


def c_cell(workload, payload, in_flight, seconds, daemon, base, disk):
    """pawl bench itself, in a process of its own."""
    before = daemon.used()["syncs"]
    row = pawl_bench("-w", workload, "-n", in_flight, "-p", payload, "-s", seconds, "-t",
                     f"grpc://127.0.0.1:{daemon.grpc}", *(["-d", base] if disk else []))
    row["syncs"] = (daemon.used()["syncs"] - before) / (row["workflows"] * WORKLOADS[workload][1]) if disk else None
    if not disk:
        row["commits"] = row["bytes"] = None
    return row


def cell(worker, store, workload, payload, in_flight, seconds, base):
    """The figures of one combination, with a store of its own. Raises Failed."""
    disk = store == "sqlite"
    if worker in ("embedded", "quick"):
        return pawl_bench(*(["--quick"] if worker == "quick" else []), "-w", workload, "-n", in_flight, "-p", payload, "-s", seconds,
                          *(["-d", base] if disk else ["--memory"]))
    if 2 * payload * WORKLOADS[workload][1] > LIMIT:
        raise Failed("its history is larger than a gRPC message")
    daemon = Daemon(store, base)
    try:
        if worker == "c":
            return c_cell(workload, payload, in_flight, seconds, daemon, base, disk)
        return load_cell(worker, workload, payload, in_flight, seconds, daemon, base, disk)
    finally:
        daemon.close()


def start(program=PAWL.parent / "daprd", runs=21):
    """Start to the first healthy answer, and the memory of a daemon that does nothing."""
    with folder() as base:
        (Path(base) / "store.yaml").write_text(harness.COMPONENT.format(type="state.sqlite", path=f"{base}/store.db"))
        return run_json([harness.BUILD / "bin" / "start", program, runs, "--resources-path", base], "start")


# --- a table -------------------------------------------------------------------------------------

COLUMNS = [("worker", 9, "s"), ("store", 7, "s"), ("workload", 9, "s"), ("payload", 7, "d"), ("inFlight", 7, "d"),
           ("unitsPerSecond", 9, ".0f"), ("p50Ms", 9, ".2f"), ("p99Ms", 9, ".2f"), ("p999Ms", 10, ".2f"),
           ("cpuUs", 8, ".1f"), ("daemonCpuUs", 8, ".1f"), ("syncs", 7, ".3f"), ("bytes", 7, ".0f"), ("rssMiB", 7, ".0f"),
           ("daemonRssMiB", 7, ".0f"), ("syncsPerSecond", 8, ".0f"), ("rawPerSecond", 7, ".0f"),
           ("echoesPerSecond", 9, ".0f"), ("echoCpuUs", 8, ".1f"), ("unitInSyncs", 9, ".1f"), ("ofDisk", 8, ".0%"), ("ofEcho", 8, ".0%"),
           ("ofCpu", 7, ".0%"), ("others", 7, ".0%")]
HEADS = {"inFlight": "flight", "unitsPerSecond": "units/s", "p50Ms": "p50 ms", "p99Ms": "p99 ms", "p999Ms": "p99.9 ms",
         "cpuUs": "cpu us", "daemonCpuUs": "daemon", "rssMiB": "MiB", "daemonRssMiB": "daemon", "syncsPerSecond": "syncs/s",
         "rawPerSecond": "raw/s", "echoesPerSecond": "echoes/s", "echoCpuUs": "echo us", "unitInSyncs": "in syncs", "ofDisk": "of disk",
         "ofEcho": "of echo", "ofCpu": "of cpu"}


def cells(row):
    return ["-" if row.get(key) is None else format(row[key], form) for key, _, form in COLUMNS]


def aligned(texts):
    return "".join(f"{text:{'<' if form == 's' else '>'}{width}}" for text, (_, width, form) in zip(texts, COLUMNS))


def head():
    return aligned([HEADS.get(key, key) for key, _, _ in COLUMNS])


def line(row):
    text = aligned(cells(row))
    return text if "failed" not in row else f"{text[:40]}  {row['failed']}"


def markdown(rows):
    """A table of what differs from row to row, for documents."""
    rows = [row for row in rows if "failed" not in row]
    kept = [i for i, (key, _, _) in enumerate(COLUMNS) if len({row.get(key) for row in rows}) > 1]
    lines = [[HEADS.get(key, key) for key, _, _ in COLUMNS], ["---" if form == "s" else "---:" for _, _, form in COLUMNS]]
    return "\n".join("| " + " | ".join(texts[i] for i in kept) + " |" for texts in lines + [cells(row) for row in rows])
