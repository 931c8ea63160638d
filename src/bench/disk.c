#include "bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    DISK_FILE = 32 << 20, // bytes that are written again and again
    DISK_SAMPLES = 100000,
};

static int disk_compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pawl__bench_quantile(double *values, size_t count, double part) {
    if (!count) return 0;
    qsort(values, count, sizeof *values, disk_compare);
    size_t at = (size_t)((double)count * part);
    return values[at < count ? at : count - 1];
}

static enum pawl_err disk_fail(struct pawl_error *error, const char *folder) {
    return pawl__fail(error, errno == ENOSPC ? PAWL_E_FULL : PAWL_E_IO,
                      "cannot write a file in '%s': %s", folder, strerror(errno));
}

// Gives the file its blocks, so that writes change no metadata.
static bool disk_prepare(int fd, uint8_t *block, size_t size, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (pwrite(fd, block, size, (off_t)(i * size)) != (ssize_t)size) return false;
    return fsync(fd) == 0;
}

enum pawl_err pawl__bench_disk(const char *folder, size_t size, int64_t duration,
                               double *per_second, double *p50, struct pawl_error *error) {
    char path[4096];
    snprintf(path, sizeof path, "%s/.pawl-bench-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd < 0) return disk_fail(error, folder);
    unlink(path);
    uint8_t *block = calloc(1, size);
    double *times = calloc(DISK_SAMPLES, sizeof *times);
    size_t count = DISK_FILE / size + 1, done = 0;
    enum pawl_err err = PAWL_OK;
    if (!block || !times) {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    } else if (!disk_prepare(fd, block, size, count)) {
        err = disk_fail(error, folder);
    }
    int64_t began = pawl__clock_steady(), now = began;
    while (!err && now - began < duration && done < DISK_SAMPLES) {
        memset(block, (int)done, size);
        if (pwrite(fd, block, size, (off_t)(done % count * size)) != (ssize_t)size || fdatasync(fd))
            err = disk_fail(error, folder);
        int64_t then = now;
        now = pawl__clock_steady();
        times[done++] = (double)(now - then) / (double)PAWL_MILLISECOND;
    }
    if (!err) {
        *per_second = (double)done / ((double)(now - began) / (double)PAWL_SECOND);
        *p50 = pawl__bench_quantile(times, done, 0.5);
    }
    free(times);
    free(block);
    close(fd);
    return err;
}
