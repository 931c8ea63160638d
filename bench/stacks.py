"""Stacks that perf has recorded: read, mended, and each function put into its room."""

import bisect
import collections
import re
import subprocess

Frame = collections.namedtuple("Frame", "name room")
Sample = collections.namedtuple("Sample", "pid tid time stack")  # seconds; the stack is outermost first

# Below what a thread is there for; they say nothing.
STARTS = {"_start", "__libc_start_main", "__libc_start_call_main", "main", "pawl__cli_main", "command_run", "clone3", "start_thread"}
# Libraries count to the room that they stand behind.
LIBRARIES = {"libsqlite3": "sqlite", "libprotobuf-c": "wire", "libjansson": "wire", "libnghttp2": "net", "libz": "store",
             "libyaml": "config", "libuv": "libuv"}
ARCHIVES = {"proto": "wire", "llhttp": "net"}  # built with ours, but no rooms
OWN = ["engine", "runtime", "store", "wire", "net", "api", "sdk", "base", "config", "cli", "bench"]
ROOMS = OWN[:3] + ["sqlite"] + OWN[3:] + ["libuv", "libc", "kernel"]  # in the order of a legend

SYSTEM_CALL = re.compile(r"(?:__(?:x64|arm64|se|do)_sys|ksys)_(\w+)")
NEAR = 0.02  # seconds: what belongs to one measurement of a bound


def rooms(build):
    """The room of each function, by the library that it was built into."""
    archives = [path for path in sorted(build.glob("lib*.a")) if path.name != "libpawl.a"]
    listed = subprocess.run(["nm", "-A", "--defined-only", *archives], capture_output=True, text=True, check=True).stdout
    found = {"main": "cli"}
    for room, name in re.findall(r"^\S*/lib(?:pawl_)?(\w+)\.a:\S+ [tT] (\S+)$", listed, re.MULTILINE):
        found[plain(name)] = ARCHIVES.get(room, room)
    return found


def plain(name):
    """Without what compiler, linker and C library add to it."""
    return re.split(r"@|\.(?:part|isra|constprop|cold)\b|_(?:avx|evex|sse)", name)[0].removeprefix("__GI_") or name


def frame(name, file, of_function):
    library = file.rsplit("/", 1)[-1].split(".so")[0]
    if file.startswith("[kernel") or file.endswith(".ko"):
        return Frame(name, "kernel")
    if name == "[unknown]":  # Debian's libraries name only what they export
        name = library
    elif name.endswith("@plt"):
        return Frame(plain(name), "libc")
    if library in ("pawl", "daprd", "exe"):
        return Frame(plain(name), of_function.get(plain(name), "base"))
    return Frame(plain(name), LIBRARIES.get(library, "libc"))


def in_kernel(names):
    """One box for all that the kernel does: the call that it was, and whether it was one."""
    call = next((match[1] for match in map(SYSTEM_CALL.match, names) if match), None)
    if call or not re.search("sysvec|interrupt|page_fault", names[0]):
        return Frame(call or "system call", "kernel"), True
    return Frame("page fault" if "page_fault" in names[0] else "interrupt", "kernel"), False


def joined(frames):
    """Neighbours that have no name of their own are one box, and so are the kernel and the function that calls it."""
    inside = [f.name for f in frames if f.room == "kernel"]
    outside = [f for f in frames if f.room != "kernel"]
    stack = [f for i, f in enumerate(outside) if i == 0 or f != outside[i - 1] or not f.name.startswith("lib")]
    if inside:
        call, is_call = in_kernel(inside)
        if is_call and len(stack) > 1 and stack[-1].room == "libc":
            stack.pop()
        stack.append(call)
    return stack


def read(text, of_function):
    """What `perf script -F pid,tid,time,ip,sym,dso` has printed, as samples."""
    samples = []
    for block in text.split("\n\n"):
        head, *lines = block.strip("\n").split("\n")
        match = re.match(r"\s*(\d+)/(\d+)\s+([\d.]+):", head)
        if not match or not lines:
            continue
        parts = [line.split(None, 1)[1].rpartition(" (") for line in reversed(lines)]
        is_whole = parts[0][2] != "[unknown])"
        stack = joined([frame(name, file[:-1], of_function) for name, _, file in parts[not is_whole:]])
        samples.append((is_whole, Sample(int(match[1]), int(match[2]), float(match[3]), stack)))
    return mended(samples)


def mended(samples):
    """Samples with whole stacks.

    The kernel copies a stack up to the first page that was never touched, and libuv's loop has 1024 events on it. A
    stack that ends there goes on as others of its thread do.
    """
    before = {}
    for is_whole, sample in samples:
        for i, at in enumerate(sample.stack if is_whole else []):
            before.setdefault((sample.tid, at), sample.stack[:i])
    whole = []
    for is_whole, sample in samples:
        stack = sample.stack
        if not is_whole and stack:
            stack = before.get((sample.tid, stack[0]), []) + stack
        kept = next((i for i, f in enumerate(stack) if f.name not in STARTS and f.name != "libc"), len(stack))
        if stack:
            whole.append(sample._replace(stack=stack[kept:] or stack[-1:]))
    return whole


def of_workflows(samples, pid):
    """The stacks of a process, without those of moments in which `pawl bench` looked what the machine gives."""
    bounds = sorted(sample.time for sample in samples if any(f.name == "bounds_read" for f in sample.stack))

    def is_near(time):
        i = bisect.bisect(bounds, time)
        return any(abs(time - at) < NEAR for at in bounds[max(i - 1, 0):i + 1])

    return [sample.stack for sample in samples if sample.pid == pid and not is_near(sample.time)]
