// How many commits a second the SQLite store makes, against the least that a durable log can cost:
// the same bytes written into a preallocated file, with one fdatasync each.
//
//     store_commit [directory] [seconds a measurement]
//
// Both take turns in short rounds, so that what else the disk does hits them alike. The log is
// trimmed as a runtime would do it, and the store is tended after each commit.

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/sqlite/sqlite.h"

#define ROUNDS     5
#define RAW_SIZE   (4 << 20) // as SQLite's WAL before it starts anew
#define TRIM_EVERY 1000
#define SAMPLES    1000000

struct result {
    int64_t spent; // nanoseconds
    uint32_t count;
    uint32_t *samples; // microseconds
};

static void check(bool ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static void note(struct result *result, int64_t start) {
    int64_t spent = pawl__clock_steady() - start;
    if (result->count < SAMPLES) result->samples[result->count++] = (uint32_t)(spent / 1000);
    result->spent += spent;
}

static int compare(const void *a, const void *b) {
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t at(struct result *result, double part) {
    return result->samples[(size_t)(part * (result->count - 1))];
}

static double rate(struct result *result) {
    return result->count * 1e9 / (double)result->spent;
}

static void run_raw(int fd, const char *bytes, size_t size, off_t *offset, int64_t time,
                    struct result *result) {
    int64_t end = pawl__clock_steady() + time;
    while (pawl__clock_steady() < end) {
        int64_t start = pawl__clock_steady();
        if (*offset + (off_t)size > RAW_SIZE) *offset = 0;
        check(pwrite(fd, bytes, size, *offset) == (ssize_t)size, "pwrite");
        check(fdatasync(fd) == 0, "fdatasync");
        *offset += (off_t)size;
        note(result, start);
    }
}

static void run_store(struct pawl_store *store, struct pawl_lease *lease, const char *bytes,
                      size_t size, int64_t time, struct result *result, struct result *tends) {
    struct pawl_error error = {0};
    int64_t end = pawl__clock_steady() + time;
    while (pawl__clock_steady() < end) {
        int64_t start = pawl__clock_steady();
        struct pawl_batch batch = {lease->position + 1, {bytes, size}};
        struct pawl_part part = {.lease = lease, .batch = &batch};
        struct pawl_commit commit = {.parts = &part};
        if (batch.position % TRIM_EVERY == 0) part.trim_to = lease->position;
        if (store->ops->commit(store, &commit, &error) != PAWL_COMMIT_DONE)
            check(false, error.text);
        if (part.result.code) check(false, part.result.text);
        lease->position++;
        note(result, start);
        start = pawl__clock_steady();
        if (store->ops->tend(store, &error)) check(false, error.text);
        note(tends, start);
    }
}

static void measure(const char *directory, size_t size, int64_t time) {
    char path[256];
    struct pawl_error error = {0};
    struct pawl_store *store;
    struct pawl_lease lease;
    struct result results[3] = {0}; // raw, commits, tends
    for (int i = 0; i < 3; i++) {
        results[i].samples = malloc(SAMPLES * sizeof(uint32_t));
        check(results[i].samples, "malloc");
    }
    char *bytes = malloc(RAW_SIZE);
    check(bytes, "malloc");
    pawl__random(bytes, size);

    snprintf(path, sizeof path, "%s/raw", directory);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    check(fd >= 0 && pwrite(fd, bytes, RAW_SIZE, 0) == RAW_SIZE && fsync(fd) == 0, path);
    snprintf(path, sizeof path, "%s/store.db", directory);
    if (pawl__sqlite_open(&(struct pawl_sqlite_options){.path = path}, &store, &error) ||
        store->ops->lease(store, PAWL_STR("bench"), (uint32_t)size, PAWL_STR("bench"), 0, &lease,
                          &error))
        check(false, error.text);
    // Fills the WAL once: a daemon does that once in its life.
    off_t offset = 0;
    run_store(store, &lease, bytes, size, time / ROUNDS, &results[1], &results[2]);
    results[1].count = results[2].count = 0;
    results[1].spent = results[2].spent = 0;
    for (int i = 0; i < ROUNDS; i++) {
        run_raw(fd, bytes, size, &offset, time / ROUNDS, &results[0]);
        run_store(store, &lease, bytes, size, time / ROUNDS, &results[1], &results[2]);
    }
    for (int i = 0; i < 3; i++)
        qsort(results[i].samples, results[i].count, sizeof(uint32_t), compare);
    double raw = rate(&results[0]), commits = rate(&results[1]);
    double all = results[1].count * 1e9 / (double)(results[1].spent + results[2].spent);
    printf("%6zu B  raw %6.0f/s  p50 %4u p99 %5u us | commit %6.0f/s (%3.0f %%)  p50 %4u p99 %5u "
           "max %6u us | with tend %6.0f/s (%3.0f %%), max %6u us\n",
           size, raw, at(&results[0], 0.5), at(&results[0], 0.99), commits, 100 * commits / raw,
           at(&results[1], 0.5), at(&results[1], 0.99), at(&results[1], 1), all, 100 * all / raw,
           at(&results[2], 1));
    fflush(stdout);
    store->ops->close(store);
    close(fd);
    free(bytes);
    for (int i = 0; i < 3; i++) free(results[i].samples);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {512, 4096, 20480, 65536};
    char directory[128];
    snprintf(directory, sizeof directory, "%s/pawl-bench-XXXXXX", argc > 1 ? argv[1] : ".");
    check(mkdtemp(directory) != NULL, directory);
    double seconds = argc > 2 ? atof(argv[2]) : 5;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        measure(directory, sizes[i], (int64_t)(seconds * 1e9));
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    return system(command);
}
