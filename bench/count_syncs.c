// Counts the fdatasync and fsync calls of a program that is started with it:
//
//     LD_PRELOAD=libcount_syncs.so PAWL_SYNC_COUNT=FILE daprd ...
//
// The count is a 64-bit number in FILE, which others may read while the program runs.

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static int (*real_fdatasync)(int fd);
static int (*real_fsync)(int fd);

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("PAWL_SYNC_COUNT");
    *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, sizeof *count)) return;
    void *page = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) count = page;
    close(fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd) {
    if (count) atomic_fetch_add(count, 1);
    return real_fdatasync(fd);
}

__attribute__((visibility("default"))) int fsync(int fd) {
    if (count) atomic_fetch_add(count, 1);
    return real_fsync(fd);
}
