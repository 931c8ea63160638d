// Loaded into a server of the tests (LD_PRELOAD): while the file that PAWL_TEST_FULL names is
// there, nothing can be written to files whose path has PAWL_TEST_FULL_PART in it.

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at);
EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at);
EXPORT ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t at);

static bool is_full(int fd) {
    const char *marker = getenv("PAWL_TEST_FULL"), *part = getenv("PAWL_TEST_FULL_PART");
    char link[32], path[512];
    if (!marker || !part || access(marker, F_OK)) return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len < 0 ? 0 : len] = 0;
    if (!strstr(path, part)) return false;
    errno = ENOSPC;
    return true;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at) {
    return is_full(fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, len, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at) {
    return pwrite(fd, bytes, len, at);
}

ssize_t pwritev(int fd, const struct iovec *vector, int count, off_t at) {
    return is_full(fd) ? -1 : syscall(SYS_pwritev, fd, vector, count, at, 0);
}
