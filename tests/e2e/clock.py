"""A daemon's wall clock that can be moved while it runs."""

import mmap
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

# Loaded into the daemon: adds the seconds that a file holds, which is mapped, to whatever tells the time of day. What
# counts from the machine's start is left alone, as it is when an administrator sets a clock.
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static volatile int64_t *shift;
__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_SHIFT");
    int file = path ? open(path, O_RDONLY) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift = page;
}
static int64_t moved(void) { return shift ? *shift : 0; }
int clock_gettime(clockid_t id, struct timespec *out) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int rc = real(id, out);
    if (!rc && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) out->tv_sec += moved();
    return rc;
}
int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


class Clock:
    """|env| is for the daemon that shall have it."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pawl-clock-"))
        (self.folder / "clock.c").write_text(SOURCE)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", self.folder / "clock.so", self.folder / "clock.c", "-ldl"], check=True)
        self.path = self.folder / "shift"
        self.path.write_bytes(bytes(8))
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)
        self.env = {"LD_PRELOAD": str(self.folder / "clock.so"), "CLOCK_SHIFT": str(self.path)}

    def move(self, seconds):
        """To so many seconds after the true time, or before it when below 0."""
        self.page[:] = struct.pack("=q", seconds)

    def close(self):
        self.page.close()
        shutil.rmtree(self.folder, ignore_errors=True)
