#include "run.h"
#include "model.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define RUN_START INT64_C(1700000000) // of its clock

struct run {
    const struct run_scenario *scenario;
    const struct fault_plan *plan;
    struct run_counts *counts;
    char path[128];
    struct pawl_store *store, *guest;
    sqlite3 *reader; // in a transaction: keeps checkpoints from copying what came after its start
    struct pawl_lease leases[MODEL_SHARDS];
    struct pawl_store *owners[MODEL_SHARDS]; // of the leases; NULL: not leased
    uint64_t epochs[MODEL_SHARDS];           // the highest seen
    uint64_t shards[MODEL_SHARDS];
    struct model now, other; // |other|: what there is if a failed commit has happened
    bool uncertain;
    int64_t clock;
    uint64_t seed; // of the step
    struct pawl_arena arena;
    struct pawl_error error;
};

static size_t run_draw(struct run *run, size_t below) {
    return disk_random(&run->seed) % below;
}

static bool run_chance(struct run *run, size_t percent) {
    return run_draw(run, 100) < percent;
}

static void run_set_clock(struct run *run, int64_t now) {
    run->clock = now;
    faults_set_clock(now);
}

// --- opening and leases ---------------------------------------------------------------------

static enum pawl_err run_open(struct run *run, struct pawl_store **store) {
    struct pawl_sqlite_options options = {
        .path = run->path, .busy_timeout = PAWL_SECOND, .cleanup_interval = 1};
    enum pawl_err err = pawl__sqlite_open(&options, store, &run->error);
    if (err) *store = NULL;
    return err;
}

static void run_close(struct run *run, struct pawl_store **store) {
    for (size_t s = 0; s < MODEL_SHARDS; s++)
        if (run->owners[s] == *store) run->owners[s] = NULL;
    if (*store) (*store)->ops->close(*store);
    *store = NULL;
}

static void run_read_end(struct run *run) {
    if (run->reader) sqlite3_db_config(run->reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(run->reader);
    run->reader = NULL;
}

static void run_close_all(struct run *run) {
    run_read_end(run);
    run_close(run, &run->guest);
    run_close(run, &run->store);
}

static void run_release(struct run *run, size_t s) {
    struct pawl_store *owner = run->owners[s];
    if (owner) owner->ops->release(owner, &run->leases[s], &run->error);
    run->owners[s] = NULL;
}

static enum pawl_err run_lease(struct run *run, struct pawl_store *store, size_t s) {
    run_release(run, s);
    enum pawl_err err = store->ops->lease(store, PAWL_STR("default/app"), (uint32_t)s,
                                          PAWL_STR("run"), 0, &run->leases[s], &run->error);
    if (err) return err;
    run->owners[s] = store;
    run->shards[s] = run->leases[s].shard;
    if (run->leases[s].epoch <= run->epochs[s])
        return pawl__fail(&run->error, PAWL_E_CORRUPT, "epoch %llu comes again",
                          (unsigned long long)run->leases[s].epoch);
    run->epochs[s] = run->leases[s].epoch;
    return PAWL_OK;
}

// --- a commit -------------------------------------------------------------------------------

#define COMMIT_SNAPSHOTS 3
#define COMMIT_TXS       2
#define COMMIT_OPS       3

// One shard's part of a commit.
struct part {
    struct pawl_part part;
    struct pawl_batch batch;
    struct pawl_str deletes[1];
    struct pawl_snapshot snapshots[COMMIT_SNAPSHOTS];
    struct pawl_mail out, in;
};

struct commit {
    struct pawl_commit commit;
    struct part parts[MODEL_SHARDS];
    struct pawl_state_tx txs[COMMIT_TXS];
    struct pawl_state_op ops[COMMIT_TXS][COMMIT_OPS];
    enum pawl_err results[COMMIT_TXS];
    struct pawl_part **late_part; // where a part goes that comes while the first is written
    struct pawl_part *late;
};

// The second part comes only now.
static bool commit_more(void *arg) {
    struct commit *c = arg;
    struct pawl_part *late = c->late;
    c->late = NULL;
    if (late) *c->late_part = late;
    return late;
}

static struct model_text commit_text(struct run *run, size_t most) {
    return (struct model_text){disk_random(&run->seed), run_draw(run, most + 1)};
}

static struct pawl_str commit_fill(struct run *run, struct model_text text) {
    return model_fill(&run->arena, text);
}

static void commit_snapshot(struct run *run, struct model_shard *shard, size_t i,
                            struct pawl_snapshot *out) {
    struct model_instance *instance = &shard->instances[i];
    bool whole =
        instance->part_count == 0 || instance->part_count == MODEL_PARTS || run_chance(run, 15);
    if (whole) *instance = (struct model_instance){.exists = true};
    if (!whole && run_chance(run, 20)) { // its last part is written anew
        instance->events = instance->parts[--instance->part_count].first;
        whole = instance->part_count == 0;
    }
    struct model_part part = {instance->events, commit_text(run, run->scenario->batch / 2)};
    uint32_t events = (uint32_t)run_draw(run, 4); // may be none
    if (!events) part.events.len = 0;
    if (events) {
        part.events.len++;
        instance->parts[instance->part_count++] = part;
    }
    instance->events += events;
    instance->position = shard->last;
    instance->status = (int32_t)run_draw(run, 4);
    instance->active = run_chance(run, 40);
    instance->wake_at = run_chance(run, 70) ? INT64_MAX : (int64_t)run_draw(run, 1000000);
    instance->state = commit_text(run, 300);
    *out = (struct pawl_snapshot){.id = pawl__str(model_instance_id(i)),
                                  .position = instance->position,
                                  .name = PAWL_STR("Order"),
                                  .status = instance->status,
                                  .wake_at = instance->wake_at,
                                  .active = instance->active,
                                  .state = commit_fill(run, instance->state),
                                  .history = commit_fill(run, part.events),
                                  .history_from = part.first};
}

// Posts a message to the other shard, and takes one of its own.
static void commit_mail(struct run *run, size_t s, struct model *after, struct part *c) {
    uint32_t other = (uint32_t)(MODEL_SHARDS - 1 - s);
    if (run_chance(run, 25)) {
        size_t m = run_draw(run, MODEL_MAIL);
        struct model_mail mail = {true, commit_text(run, run->scenario->batch / 4)};
        c->out = (struct pawl_mail){PAWL_STR("default/app"), other, pawl__str(model_mail_key(m)),
                                    commit_fill(run, mail.bytes)};
        if (!after->shards[other].mail[m].exists) after->shards[other].mail[m] = mail;
        c->part.mail_out = &c->out;
        c->part.mail_out_count = 1;
    }
    if (run_chance(run, 25)) {
        size_t m = run_draw(run, MODEL_MAIL);
        c->in = (struct pawl_mail){.app = PAWL_STR("default/app"),
                                   .number = (uint32_t)s,
                                   .key = pawl__str(model_mail_key(m))};
        after->shards[s].mail[m].exists = false;
        c->part.mail_in = &c->in;
        c->part.mail_in_count = 1;
    }
}

static void commit_shard(struct run *run, size_t s, struct model *after, struct part *c) {
    struct model_shard *shard = &after->shards[s];
    struct pawl_part *part = &c->part;
    part->lease = &run->leases[s];
    if (run_chance(run, 85)) {
        struct model_text text = commit_text(run, run->scenario->batch);
        shard->log[++shard->last % MODEL_LOG] = text;
        c->batch = (struct pawl_batch){shard->last, commit_fill(run, text)};
        part->batch = &c->batch;
    }
    if (run_chance(run, 15)) {
        size_t gone = run_draw(run, MODEL_INSTANCES);
        shard->instances[gone] = (struct model_instance){0};
        c->deletes[0] = pawl__str(model_instance_id(gone));
        part->deletes = c->deletes;
        part->delete_count = 1;
    }
    part->snapshots = c->snapshots;
    size_t i = run_draw(run, MODEL_INSTANCES);
    while (part->snapshot_count < COMMIT_SNAPSHOTS && run_chance(run, 35))
        commit_snapshot(run, shard, i++ % MODEL_INSTANCES, &c->snapshots[part->snapshot_count++]);
    commit_mail(run, s, after, c);
    // A commit that trims its own batch away would look as if it had not happened.
    uint64_t most = run->now.shards[s].last;
    if (run_chance(run, 20) && most > shard->trimmed) {
        shard->trimmed += 1 + run_draw(run, most - shard->trimmed);
        part->trim_to = shard->trimmed;
    }
}

// A transaction over keys; false when it conflicts, and so changes nothing.
static bool commit_keys(struct run *run, struct model *after, struct pawl_state_op *ops,
                        struct pawl_state_tx *tx) {
    bool fits = true;
    tx->ops = ops;
    do {
        struct pawl_state_op *op = &ops[tx->op_count++];
        size_t k = run_draw(run, MODEL_KEYS);
        op->key = pawl__str(model_key_name(k));
        if (run_chance(run, 20)) {
            op->type = PAWL_STATE_DELETE;
            after->keys[k].exists = false;
            continue;
        }
        struct model_key key = {.exists = true,
                                .is_binary = run_chance(run, 30),
                                .value = commit_text(run, run->scenario->batch)};
        op->first_write = run_chance(run, 15);
        op->ttl = run_chance(run, 30) ? 1 + (int64_t)run_draw(run, 3) : 0;
        if (op->ttl) key.expires_at = run->clock + op->ttl;
        op->is_binary = key.is_binary;
        op->value = commit_fill(run, key.value);
        if (op->first_write && model_has_key(after, k, run->clock)) fits = false;
        after->keys[k] = key;
    } while (fits && tx->op_count < COMMIT_OPS && run_chance(run, 40));
    return fits;
}

static void commit_state(struct run *run, struct model *after, struct commit *c) {
    struct pawl_state_tx **last = &c->commit.state;
    for (size_t t = 0; t < COMMIT_TXS && run_chance(run, 35); t++) {
        struct model before = *after;
        bool fits = commit_keys(run, after, c->ops[t], &c->txs[t]);
        if (!fits) *after = before;
        c->results[t] = fits ? PAWL_OK : PAWL_E_CONFLICT;
        *last = &c->txs[t];
        last = &c->txs[t].next;
    }
}

static enum pawl_err run_commit(struct run *run, struct pawl_store *store, size_t s) {
    static struct model after;
    struct commit c = {0};
    after = run->now;
    pawl__arena_reset(&run->arena);
    struct pawl_part **last = &c.commit.parts;
    for (size_t i = 0; i < MODEL_SHARDS; i++, s = MODEL_SHARDS - 1 - s) {
        if (run->owners[s] != store || !run_chance(run, i ? 30 : 90)) continue;
        commit_shard(run, s, &after, &c.parts[i]);
        *last = &c.parts[i].part;
        last = &c.parts[i].part.next;
    }
    commit_state(run, &after, &c);
    struct pawl_part *first = c.commit.parts;
    if (first && first->next && run_chance(run, 60)) {
        c.late_part = &first->next;
        c.late = first->next;
        first->next = NULL;
        c.commit.more = commit_more;
        c.commit.arg = &c;
    }
    enum pawl_outcome outcome = store->ops->commit(store, &c.commit, &run->error);
    run->counts->commits++;
    if (outcome == PAWL_COMMIT_DONE) {
        run->now = after;
        for (const struct pawl_part *part = c.commit.parts; part; part = part->next)
            if (part->result.code)
                return pawl__fail(&run->error, PAWL_E_CORRUPT, "a part gave: %s",
                                  part->result.text);
        for (size_t t = 0; t < COMMIT_TXS; t++)
            if (c.txs[t].op_count && c.txs[t].result.code != c.results[t])
                return pawl__fail(&run->error, PAWL_E_CORRUPT, "a transaction gave %d",
                                  (int)c.txs[t].result.code);
        return PAWL_OK;
    }
    run->counts->failed++;
    run->other = after;
    run->uncertain = faults_off() || outcome == PAWL_COMMIT_UNKNOWN;
    return run->error.code;
}

// --- steps ----------------------------------------------------------------------------------

// A failure of housekeeping is only worth a warning.
static enum pawl_err run_tend(struct run *run, struct pawl_store *store) {
    uint64_t fired = faults_fired();
    enum pawl_err err = store->ops->tend(store, &run->error);
    return err && fired != faults_fired() && !faults_off() ? PAWL_OK : err;
}

// Another store on the same file takes the second shard, and both commit in turn.
static enum pawl_err run_guest(struct run *run) {
    run_release(run, 1);
    enum pawl_err err = run_open(run, &run->guest);
    if (!err) err = run_lease(run, run->guest, 1);
    for (size_t i = 2 + run_draw(run, 3); !err && i > 0; i--) {
        err = run_commit(run, run->guest, 1);
        if (!err && run_chance(run, 60)) err = run_commit(run, run->store, 0);
        if (!err && run_chance(run, 30)) err = run_tend(run, run->guest);
    }
    if (!err) run_close(run, &run->guest);
    return err;
}

// A reader of another program comes, or goes.
static void run_read(struct run *run) {
    if (run->reader) {
        run_read_end(run);
        return;
    }
    sqlite3_open_v2(run->path, &run->reader, SQLITE_OPEN_READONLY, NULL);
    sqlite3_exec(run->reader, "BEGIN; SELECT count(*) FROM pawl_log", NULL, NULL, NULL);
}

static enum pawl_err run_step(struct run *run) {
    size_t dice = run_draw(run, 100);
    if (!run->store) return run_open(run, &run->store);
    if (!run->owners[0]) return run_lease(run, run->store, 0);
    if (dice < 65) return run_commit(run, run->store, run->owners[1] ? run_draw(run, 2) : 0);
    if (dice < 75) return run_tend(run, run->store);
    if (dice < 80) return run_lease(run, run->store, 0);
    if (dice < 85) return run_lease(run, run->store, 1);
    if (dice < 90) return run_guest(run);
    if (dice < 93) run_set_clock(run, run->clock + 1 + (int64_t)run_draw(run, 3));
    if (dice < 93) return PAWL_OK;
    if (dice < 97) run_read(run);
    if (dice < 97) return PAWL_OK;
    run_close(run, &run->store); // an error of the last checkpoint has nobody to be told
    return faults_off() ? PAWL_E_IO : PAWL_OK;
}

// --- after a fault --------------------------------------------------------------------------

static enum pawl_err run_integrity(struct run *run) {
    sqlite3 *db = NULL;
    sqlite3_stmt *check = NULL;
    enum pawl_err err = PAWL_OK;
    sqlite3_open_v2(run->path, &db, SQLITE_OPEN_READONLY, NULL);
    int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL);
    if (rc || sqlite3_step(check) != SQLITE_ROW ||
        strcmp((const char *)sqlite3_column_text(check, 0), "ok") != 0)
        err = pawl__fail(&run->error, PAWL_E_CORRUPT, "integrity check: %s",
                         rc ? sqlite3_errmsg(db) : (const char *)sqlite3_column_text(check, 0));
    sqlite3_finalize(check);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
    return err;
}

// Compares all that is there. A failed commit is now known to have happened or not.
static enum pawl_err run_check(struct run *run) {
    struct pawl_error other = {0};
    run->counts->checks++;
    enum pawl_err err = model_check(&run->now, run->store, run->shards, run->clock, &run->error);
    if (err && run->uncertain &&
        !model_check(&run->other, run->store, run->shards, run->clock, &other)) {
        run->now = run->other;
        run->counts->happened++;
        err = PAWL_OK;
    }
    run->uncertain = run->uncertain && err;
    return err;
}

static enum pawl_err run_take(struct run *run) {
    enum pawl_err err = run->store ? PAWL_OK : run_open(run, &run->store);
    for (size_t s = 0; !err && s < MODEL_SHARDS; s++) err = run_lease(run, run->store, s);
    return err ? err : run_check(run);
}

// What a new process reads before it has written anything must stay, whatever happens to the power.
static enum pawl_err run_look(struct run *run) {
    enum pawl_err err = run_open(run, &run->store);
    if (err) return err;
    err = model_check_keys(&run->now, run->store, run->clock, &run->error);
    if (err && run->uncertain) {
        err = model_check_keys(&run->other, run->store, run->clock, &run->error);
        if (!err) { // it was seen
            run->now = run->other;
            run->uncertain = false;
        }
    }
    faults_turn_off();
    run_close_all(run);
    faults_cut(DISK_NOTHING, 0);
    return err;
}

static enum pawl_err run_recover(struct run *run) {
    bool off = faults_off(), killed = run->plan->fault == FAULT_KILL;
    uint64_t coin = run->plan->seed;
    if (off || disk_random(&coin) & 1)
        run_close_all(run);
    else
        run_close(run, &run->guest);
    enum pawl_err err = PAWL_OK;
    faults_heal();
    if (off) faults_restart();
    if (off && killed && disk_random(&coin) & 1) err = run_look(run);
    if (!err) err = run_take(run);
    return err ? err : run_integrity(run);
}

// The power is cut for good, and nothing that was not synced is kept.
static enum pawl_err run_finish(struct run *run) {
    enum pawl_err err = run->store ? PAWL_OK : run_open(run, &run->store);
    if (!err) err = run_take(run);
    if (err) return err;
    run->counts->operations += faults_operations();
    faults_turn_off();
    run_close_all(run);
    faults_cut(DISK_NOTHING, 0);
    err = run_take(run);
    return err ? err : run_integrity(run);
}

// --- the run --------------------------------------------------------------------------------

static void run_empty(const char *path) {
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", "-pawl"};
    char name[160];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

// Whether |err| is what the fault has to give.
static bool run_expects(const struct run *run, enum pawl_err err) {
    if (faults_off()) return true;
    if (err != PAWL_E_IO && err != PAWL_E_FULL) return false;
    if (run->plan->fault == FAULT_IO || run->plan->fault == FAULT_LOST) return err == PAWL_E_IO;
    return strstr(run->error.text, run->path);
}

bool run(const char *folder, const struct run_scenario *scenario, const struct fault_plan *plan,
         struct run_counts *counts) {
    static struct run r;
    r = (struct run){.scenario = scenario, .plan = plan, .counts = counts};
    snprintf(r.path, sizeof r.path, "%s/x.db", folder);
    run_empty(r.path);
    run_set_clock(&r, RUN_START);
    faults_begin(plan, scenario->seed + 1);
    enum pawl_err err = PAWL_OK;
    size_t step = 0;
    const char *doing = "step";
    for (; !err && step < scenario->steps; step++) {
        uint64_t fired = faults_fired();
        r.seed = scenario->seed * UINT64_C(1000003) + step;
        r.error = (struct pawl_error){0};
        err = run_step(&r);
        if (!err && !faults_off()) continue;
        if (err && (fired == faults_fired() || !run_expects(&r, err))) break;
        doing = "recovery after step";
        err = run_recover(&r);
        if (err) break;
        doing = "step";
    }
    if (!err) {
        doing = "the end";
        faults_heal();
        err = run_finish(&r);
    }
    counts->runs++;
    counts->fired[plan->fault] += faults_fired();
    if (err)
        fprintf(stderr,
                "FAILED: %s %zu: %d, %s\n"
                "  repeat: store_faults --seed %llu --steps %zu --batch %zu --at %llu --fault %s "
                "--length %llu --mix %d --draw %llu\n",
                doing, step, (int)err, r.error.text, (unsigned long long)scenario->seed,
                scenario->steps, scenario->batch, (unsigned long long)plan->at,
                fault_names[plan->fault], (unsigned long long)plan->length, (int)plan->mix,
                (unsigned long long)plan->seed);
    if (faults_off()) faults_restart();
    run_close_all(&r);
    pawl__arena_finish(&r.arena);
    return !err;
}
