// Fills a store with workflows that have ended and that sleep, as a daemon would have left them.
//
//     fill_store file.db [how many] [namespace/app]
//
// Seven in ten sleep, one in a thousand has failed, the others are completed. One in a hundred is a
// child, one in ten says where it stands, each has a tag, and one in a hundred thousand, the oldest
// among them, one that is rare.
// They cannot be loaded: what stands in them besides their columns is noise.

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/sqlite/sqlite.h"
#include "wire/columns.h"

enum {
    SLEEPING = 0,
    COMPLETED = 1,
    FAILED = 3,
    ROWS = 1000, // in a commit
    BYTES = 600  // of a history
};

static const char *const names[] = {"order", "payment", "shipment", "refund", "invoice"};

struct row {
    char id[32], parent[32], says[32];
    struct pawl_buf tags;
};

static void check(enum pawl_err err, const struct pawl_error *error) {
    if (!err) return;
    fprintf(stderr, "fill_store: %s\n", error->text);
    exit(1);
}

static void make(struct pawl_snapshot *out, struct row *row, long number, long count) {
    static char history[BYTES];
    int64_t now = pawl__clock_wall(), age = (count - number) * PAWL_MILLISECOND;
    bool sleeps = number % 10 < 7, failed = number % 1000 == 999;
    pawl__random(history, sizeof history);
    snprintf(row->id, sizeof row->id, "%s-%07ld", names[number % 5], number * 7919 % count);
    if (number % 100 == 99)
        snprintf(row->parent, sizeof row->parent, "order-%07ld",
                 number / 1000 * 1000 * 7919 % count);
    else
        *row->parent = 0;
    *row->says = 0;
    if (number % 10 == 8)
        snprintf(row->says, sizeof row->says, "\"packing box %ld of 70\"", number / 10 % 70);
    pawl__buf_clear(&row->tags);
    pawl__tags_add(&row->tags, PAWL_STR("team"), number % 2 ? PAWL_STR("red") : PAWL_STR("blue"));
    if (number % 100000 == 0) pawl__tags_add(&row->tags, PAWL_STR("vip"), PAWL_STR("yes"));
    *out = (struct pawl_snapshot){
        .id = pawl__str(row->id),
        .position = 1,
        .name = pawl__str(names[number % 5]),
        .status = failed   ? FAILED
                  : sleeps ? SLEEPING
                           : COMPLETED,
        .created_at = now - age,
        .updated_at = now - age,
        .completed_at = sleeps ? 0 : now - age + PAWL_MILLISECOND,
        .parent = pawl__str(row->parent),
        .tags = pawl__buf_str(&row->tags),
        .custom_status = pawl__str(row->says),
        .failure_type = failed ? PAWL_STR("CardDeclined") : PAWL_STR(""),
        .wake_at = sleeps ? now + 1000 * PAWL_SECOND * 3600 : INT64_MAX,
        .state = {history, 60},
        .history = {history, sizeof history},
    };
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[2]) : 1000000;
    struct pawl_str app = pawl__str(argc > 3 ? argv[3] : "default/bench");
    struct pawl_error error;
    struct pawl_store *store;
    struct pawl_lease lease;
    uint32_t shards;
    if (argc < 2 || count <= 0) {
        fprintf(stderr, "fill_store: file.db [how many] [namespace/app]\n");
        return 2;
    }
    static struct row rows[ROWS];
    static struct pawl_snapshot snapshots[ROWS];
    const struct pawl_sqlite_options options = {.path = argv[1]};
    check(pawl__sqlite_open(&options, &store, &error), &error);
    check(store->ops->shards(store, app, 1, &shards, &error), &error);
    check(store->ops->lease(store, app, 0, PAWL_STR("fill"), 0, &lease, &error), &error);
    for (long done = 0; done < count;) {
        size_t some = 0;
        while (some < ROWS && done < count) {
            make(&snapshots[some], &rows[some], done++, count);
            some++;
        }
        const struct pawl_batch batch = {++lease.position, PAWL_STR("")};
        struct pawl_part part = {.lease = &lease,
                                 .batch = &batch,
                                 .snapshots = snapshots,
                                 .snapshot_count = some,
                                 .trim_to = batch.position};
        const struct pawl_commit commit = {.parts = &part};
        if (store->ops->commit(store, &commit, &error) != PAWL_COMMIT_DONE)
            check(PAWL_E_IO, &error);
        check(part.result.code, &part.result);
        check(store->ops->tend(store, &error), &error);
    }
    store->ops->close(store);
    return 0;
}
