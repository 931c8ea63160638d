// The store that the daemons share: the memory store, with trouble before and after its calls. What
// it holds survives every crash. Each daemon has its own struct pawl_store, which tells who calls.

#include <stdlib.h>

#include "base/clock.h"
#include "sim.h"
#include "store/memory/memory.h"
#include "store/row.h"

static struct pawl_store *disk_memory(void) {
    return sim.disk.memory;
}

static struct sim_daemon *disk_caller(struct pawl_store *store) {
    return PAWL_CONTAINER(store, struct sim_daemon, store);
}

// A call by |daemon| takes time; it does not crash inside, where the store's lock is held.
static long disk_begin(struct sim_daemon *daemon, int64_t typical) {
    sim_touch();
    long countdown = daemon->fate.crash;
    daemon->fate.crash = 0;
    sim.cost += sim_time(typical);
    if (sim_fault(SIM_SLOW, 10)) sim.cost += sim_time(20 * PAWL_MILLISECOND);
    return countdown;
}

static enum pawl_err disk_end(struct sim_daemon *daemon, long countdown, enum pawl_err err) {
    daemon->fate.crash = countdown;
    sim_touch();
    return err;
}

// Errors after which nobody knows what was done.
static enum pawl_err disk_fail(struct pawl_error *error, const char *what) {
    return pawl__fail(error, sim_chance(500) ? PAWL_E_IO : PAWL_E_UNAVAILABLE, "the disk %s", what);
}

// --- leases -------------------------------------------------------------------------------------

static enum pawl_err disk_lease(struct sim_daemon *daemon, struct pawl_str app, uint32_t number,
                                struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                struct pawl_error *error) {
    struct pawl_store *memory = disk_memory();
    if (sim_fault(SIM_READ, 20)) return disk_fail(error, "does not lease");
    enum pawl_err err = memory->ops->lease(memory, app, number, owner, ttl, lease, error);
    if (err) return err;
    sim_trace(NULL, "daemon %u leases the shard: epoch %llu, log at %llu", daemon->number,
              (unsigned long long)lease->epoch, (unsigned long long)lease->position);
    if (lease->epoch <= sim.disk.lease.epoch)
        sim_fail("epochs_only_grow", NULL, "epoch %llu after %llu",
                 (unsigned long long)lease->epoch, (unsigned long long)sim.disk.lease.epoch);
    sim.disk.lease = *lease;
    sim.disk.held = true;
    sim.disk.holder = daemon;
    sim.disk.incarnation = daemon->incarnation;
    sim.disk.stuck = false;
    sim.counts.recoveries++;
    return PAWL_OK;
}

static enum pawl_err store_lease(struct pawl_store *store, struct pawl_str app, uint32_t number,
                                 struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                 struct pawl_error *error) {
    struct sim_daemon *daemon = disk_caller(store);
    long countdown = disk_begin(daemon, sim.disk.typical);
    struct sim_daemon *was = sim_enter(NULL);
    enum pawl_err err = disk_lease(daemon, app, number, owner, ttl, lease, error);
    sim_enter(was);
    return disk_end(daemon, countdown, err);
}

static enum pawl_err store_renew(struct pawl_store *store, struct pawl_renewal *renewals,
                                 size_t count, int64_t ttl, struct pawl_error *error) {
    for (size_t i = 0; i < count; i++)
        renewals[i].lost = renewals[i].lease->epoch != sim.disk.lease.epoch || !sim.disk.held;
    return PAWL_OK;
}

static void disk_give_up(uint64_t epoch) {
    struct pawl_error error;
    if (!sim.disk.held || sim.disk.lease.epoch != epoch) return;
    sim.disk.held = false;
    disk_memory()->ops->release(disk_memory(), &sim.disk.lease, &error);
}

static void disk_expired(struct sim_event *event) {
    disk_give_up(event->a);
}

void sim_disk_release(struct sim_daemon *daemon, int64_t after) {
    if (!sim.disk.held || sim.disk.holder != daemon) return;
    if (after)
        sim_after(after, disk_expired)->a = (unsigned)sim.disk.lease.epoch;
    else
        disk_give_up(sim.disk.lease.epoch);
}

static enum pawl_err store_release(struct pawl_store *store, const struct pawl_lease *lease,
                                   struct pawl_error *error) {
    struct sim_daemon *daemon = disk_caller(store);
    long countdown = disk_begin(daemon, sim.disk.typical);
    struct sim_daemon *was = sim_enter(NULL);
    enum pawl_err err = PAWL_OK;
    if (sim_fault(SIM_READ, 20)) {
        err = disk_fail(error, "does not release");
        sim.disk.stuck = true;
    } else if (lease->epoch != sim.disk.lease.epoch)
        err = pawl__fail_plain(error, PAWL_E_FENCED);
    else
        disk_give_up(lease->epoch);
    sim_enter(was);
    return disk_end(daemon, countdown, err);
}

// --- commits ------------------------------------------------------------------------------------

static enum pawl_outcome disk_apply(struct sim_daemon *daemon, const struct pawl_commit *commit,
                                    bool now, struct pawl_error *error) {
    enum pawl_outcome outcome = disk_memory()->ops->commit(disk_memory(), commit, error);
    const struct pawl_part *part = commit->parts;
    if (outcome != PAWL_COMMIT_DONE) {
        sim_fail("commits_fit_the_log", NULL, "daemon %u: %s", daemon->number, error->text);
        return outcome;
    }
    sim.counts.commits++;
    sim_model_commit(daemon, commit, now);
    if (part && part->result.code == PAWL_E_FENCED)
        sim_trace(NULL, "daemon %u is fenced off: epoch %llu", daemon->number,
                  (unsigned long long)part->lease->epoch);
    else if (part && part->result.code)
        sim_fail("commits_fit_the_log", NULL, "daemon %u: %s", daemon->number, part->result.text);
    return outcome;
}

// A commit that is still on its way when its daemon was told that it failed.
struct late {
    struct pawl_arena arena;
    struct pawl_part part;
    struct pawl_lease lease;
    struct pawl_batch batch;
    unsigned daemon;
};

static void late_copy(struct late *late, struct pawl_str *text) {
    text->data = pawl__arena_dup(&late->arena, *text);
}

static void late_arrive(struct sim_event *event) {
    struct late *late = event->data;
    struct pawl_error error;
    sim_trace(NULL, "a commit of daemon %u arrives late", late->daemon);
    disk_apply(&sim.daemons[late->daemon], &(struct pawl_commit){.parts = &late->part}, false,
               &error);
    pawl__arena_finish(&late->arena);
    free(late);
}

static void late_drop(void *data) {
    struct late *late = data;
    pawl__arena_finish(&late->arena);
    free(late);
}

static void late_copy_row(struct late *late, struct pawl_snapshot *row) {
    struct pawl_str *texts[] = {&row->id,    &row->name,          &row->parent,
                                &row->tags,  &row->custom_status, &row->failure_type,
                                &row->state, &row->history};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) late_copy(late, texts[i]);
}

static void disk_delay(const struct sim_daemon *daemon, const struct pawl_part *part) {
    struct late *late = calloc(1, sizeof *late);
    late->daemon = daemon->number;
    late->part = *part;
    late->part.next = NULL;
    late->lease = *part->lease;
    late->part.lease = &late->lease;
    if (part->batch) {
        late->batch = *part->batch;
        late_copy(late, &late->batch.records);
        late->part.batch = &late->batch;
    }
    struct pawl_snapshot *rows =
        pawl__arena_alloc(&late->arena, (part->snapshot_count + 1) * sizeof *rows);
    for (size_t i = 0; i < part->snapshot_count; i++) {
        rows[i] = part->snapshots[i];
        late_copy_row(late, &rows[i]);
    }
    struct pawl_str *deletes =
        pawl__arena_alloc(&late->arena, (part->delete_count + 1) * sizeof *deletes);
    for (size_t i = 0; i < part->delete_count; i++) {
        deletes[i] = part->deletes[i];
        late_copy(late, &deletes[i]);
    }
    late->part.snapshots = rows;
    late->part.deletes = deletes;
    struct sim_event *event = sim_after(sim_time(2 * PAWL_MILLISECOND), late_arrive);
    event->data = late;
    event->drop = late_drop;
}

// Power fails while |commit| is written: after all of it, before it, or in its middle. What is cut
// off has to be seen by its checksum, as the last row of a log is then taken for absent.
static void disk_tear(struct sim_daemon *daemon, const struct pawl_commit *commit) {
    unsigned how = sim_below(3);
    struct pawl_error error;
    if (how == 0) {
        disk_apply(daemon, commit, true, &error);
    } else if (how == 1 && commit->parts && commit->parts->batch) {
        struct pawl_buf row = {0};
        if (pawl__row_seal(&row, commit->parts->batch->records, &error)) abort();
        struct pawl_str cut = {(const char *)row.data, sim_below((unsigned)row.len)}, payload;
        struct pawl_arena arena = {0};
        if (!pawl__row_open(cut, &arena, &payload))
            sim_fail("torn_writes_are_seen", NULL, "%zu of %zu bytes look whole", cut.len, row.len);
        pawl__arena_finish(&arena);
        pawl__buf_finish(&row);
    }
    sim_daemon_crash(daemon, how == 0   ? "with its commit on the disk"
                             : how == 1 ? "with its commit cut off"
                                        : "before its commit reached the disk");
}

static enum pawl_outcome disk_unknown(struct pawl_error *error, const char *what) {
    disk_fail(error, what);
    return PAWL_COMMIT_UNKNOWN;
}

static enum pawl_outcome disk_commit(struct sim_daemon *daemon, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    if (sim_fault(SIM_TEAR, 15)) disk_tear(daemon, commit);
    if (sim.now < sim.disk.full_until && !sim.calm) {
        sim.counts.points++;
        pawl__fail_plain(error, PAWL_E_FULL);
        return PAWL_COMMIT_NOTHING;
    }
    bool before = sim_fault(SIM_FAIL_BEFORE, 12);
    bool late = !before && commit->parts && !commit->state && sim_fault(SIM_FAIL_LATE, 12);
    bool after = !before && !late && sim_fault(SIM_FAIL_AFTER, 12);
    sim.counts.points += before || late || after;
    if (before || late || after)
        sim_trace(NULL, "a commit of daemon %u fails %s", daemon->number,
                  before ? "before it was done"
                  : late ? "and will be done later"
                         : "after it was done");
    if (before) {
        disk_fail(error, "failed, before");
        return sim_chance(500) ? PAWL_COMMIT_UNKNOWN : PAWL_COMMIT_NOTHING;
    }
    if (late) {
        disk_delay(daemon, commit->parts);
        return disk_unknown(error, "failed, and goes on");
    }
    enum pawl_outcome outcome = disk_apply(daemon, commit, true, error);
    return outcome == PAWL_COMMIT_DONE && after ? disk_unknown(error, "failed, after") : outcome;
}

static enum pawl_outcome store_commit(struct pawl_store *store, const struct pawl_commit *commit,
                                      struct pawl_error *error) {
    struct sim_daemon *daemon = disk_caller(store);
    long countdown = disk_begin(daemon, sim.disk.typical);
    struct sim_daemon *was = sim_enter(NULL);
    enum pawl_outcome outcome = disk_commit(daemon, commit, error);
    sim_enter(was);
    disk_end(daemon, countdown, PAWL_OK);
    return outcome;
}

static enum pawl_err store_tend(struct pawl_store *store, struct pawl_error *error) {
    return disk_end(disk_caller(store), disk_begin(disk_caller(store), sim.disk.typical), PAWL_OK);
}

// --- reads --------------------------------------------------------------------------------------
//
// The memory that they fill is the daemon's.

// Whether a read fails; else its cost is noted.
static bool read_fails(struct sim_daemon *daemon, long *countdown, struct pawl_error *error) {
    *countdown = disk_begin(daemon, sim.disk.typical / 4);
    if (!sim_fault(SIM_READ, 5)) return false;
    disk_fail(error, "cannot be read");
    return true;
}

#define DISK_READ(call)                                                                            \
    long countdown;                                                                                \
    struct sim_daemon *daemon = disk_caller(store);                                                \
    enum pawl_err err =                                                                            \
        read_fails(daemon, &countdown, error) ? error->code : disk_memory()->ops->call;            \
    return disk_end(daemon, countdown, err)

static enum pawl_err store_read_log(struct pawl_store *store, uint64_t shard, uint64_t after,
                                    pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    DISK_READ(read_log(disk_memory(), shard, after, fn, arg, error));
}

static enum pawl_err store_shards(struct pawl_store *store, struct pawl_str app, uint32_t wanted,
                                  uint32_t *count, struct pawl_error *error) {
    struct sim_daemon *daemon = disk_caller(store);
    long countdown = disk_begin(daemon, sim.disk.typical);
    struct sim_daemon *was = sim_enter(NULL);
    enum pawl_err err = sim_fault(SIM_READ, 20)
                            ? disk_fail(error, "does not count")
                            : disk_memory()->ops->shards(disk_memory(), app, wanted, count, error);
    sim_enter(was);
    return disk_end(daemon, countdown, err);
}

static enum pawl_err store_read_mail(struct pawl_store *store, struct pawl_str app, uint32_t number,
                                     struct pawl_str after, size_t limit, pawl_mail_fn fn,
                                     void *arg, struct pawl_error *error) {
    DISK_READ(read_mail(disk_memory(), app, number, after, limit, fn, arg, error));
}

static enum pawl_err store_load(struct pawl_store *store, uint64_t shard, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_snapshot *out,
                                struct pawl_error *error) {
    DISK_READ(load(disk_memory(), shard, id, arena, out, error));
}

// Begins with the last, as no order is promised. One that fails may have told of some.
static enum pawl_err disk_load_many(const struct pawl_place *places, size_t count, pawl_place_fn fn,
                                    void *arg, struct pawl_error *error) {
    struct pawl_store *memory = disk_memory();
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = count; !err && i--;) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = sim_fault(SIM_READ, 5)
                  ? disk_fail(error, "cannot be read")
                  : memory->ops->load(memory, places[i].shard, places[i].id, &arena, &row, error);
        if (!err) err = fn(arg, i, &row, error);
        if (err == PAWL_E_NOT_FOUND) err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    return err;
}

static enum pawl_err store_load_many(struct pawl_store *store, const struct pawl_place *places,
                                     size_t count, pawl_place_fn fn, void *arg,
                                     struct pawl_error *error) {
    struct sim_daemon *daemon = disk_caller(store);
    long countdown = disk_begin(daemon, sim.disk.typical / 4);
    enum pawl_err err = disk_load_many(places, count, fn, arg, error);
    return disk_end(daemon, countdown, err);
}

static enum pawl_err store_scan_live(struct pawl_store *store, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error) {
    DISK_READ(scan_live(disk_memory(), shard, fn, arg, error));
}

// A row's id, if it comes after |after| and before those that were found.
struct disk_next {
    struct pawl_str after;
    struct pawl_buf *found;
};

static enum pawl_err disk_note_id(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    struct disk_next *next = arg;
    if (pawl__str_compare(row->id, next->after) <= 0) return PAWL_OK;
    if (next->found->len && pawl__str_compare(row->id, pawl__buf_str(next->found)) > 0)
        return PAWL_OK;
    pawl__buf_clear(next->found);
    pawl__buf_append_str(next->found, row->id);
    return PAWL_OK;
}

static enum pawl_err disk_ids(uint64_t shard, struct pawl_str after, size_t limit, pawl_id_fn fn,
                              void *arg, struct pawl_error *error) {
    struct pawl_store *memory = disk_memory();
    struct pawl_buf last = {0}, found = {0};
    const struct pawl_query all = {0};
    enum pawl_err err = PAWL_OK;
    while (!err && limit--) {
        struct sim_daemon *was = sim_enter(NULL);
        pawl__buf_clear(&found);
        err = memory->ops->query(memory, shard, &all, disk_note_id,
                                 &(struct disk_next){after, &found}, error);
        pawl__buf_clear(&last);
        pawl__buf_append_str(&last, pawl__buf_str(&found));
        sim_enter(was);
        if (err || !found.len) break;
        after = pawl__buf_str(&last);
        err = fn(arg, after, error);
    }
    pawl__buf_finish(&last);
    pawl__buf_finish(&found);
    return err;
}

static enum pawl_err store_ids(struct pawl_store *store, uint64_t shard, struct pawl_str after,
                               size_t limit, pawl_id_fn fn, void *arg, struct pawl_error *error) {
    long countdown;
    struct sim_daemon *daemon = disk_caller(store);
    bool fails = read_fails(daemon, &countdown, error);
    enum pawl_err err = fails ? error->code : disk_ids(shard, after, limit, fn, arg, error);
    return disk_end(daemon, countdown, err);
}

static enum pawl_err store_query(struct pawl_store *store, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    DISK_READ(query(disk_memory(), shard, query, fn, arg, error));
}

static enum pawl_err store_get_state(struct pawl_store *store, struct pawl_str key,
                                     struct pawl_arena *arena, struct pawl_state_value *out,
                                     struct pawl_error *error) {
    DISK_READ(get_state(disk_memory(), key, arena, out, error));
}

// --- life ---------------------------------------------------------------------------------------

static void store_close(struct pawl_store *store) {
    // the disk outlives the daemons
}

#define DISK_OPS                                                                                   \
    .close = store_close, .shards = store_shards, .read_mail = store_read_mail,                    \
    .lease = store_lease, .renew = store_renew, .release = store_release, .commit = store_commit,  \
    .tend = store_tend, .read_log = store_read_log, .load = store_load,                            \
    .scan_live = store_scan_live, .ids = store_ids, .query = store_query,                          \
    .get_state = store_get_state

const struct pawl_store_ops sim_disk_ops = {DISK_OPS};
const struct pawl_store_ops sim_server_ops = {DISK_OPS, .load_many = store_load_many};

void sim_disk_open(void) {
    struct pawl_error error;
    sim.disk = (struct sim_disk){0};
    if (pawl__memory_open(&sim.disk.memory, &error)) abort();
    // From a disk on which a commit is nothing to one that takes longer than all else.
    static const int64_t typical[] = {10000, 100000, 500000, 2000000, 8000000};
    sim.disk.typical = typical[sim_below(sizeof typical / sizeof *typical)];
    sim.disk.is_server = sim.options.seed % 4 == 2;
}

void sim_disk_close(void) {
    sim.disk.memory->ops->close(sim.disk.memory);
}
