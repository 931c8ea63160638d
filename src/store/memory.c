// A store in the memory of this process: everything that store.h says, but for surviving the end.
//
// One lock guards all. It is never held while a callback runs, so a callback may call the store.

#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/least.h"
#include "store/etag.h"
#include "store/memory_table.h"

#define MEMORY_CLEANUP (60 * PAWL_SECOND)

struct memory_batch {
    struct pawl_str records; // our copy
};

struct memory_shard {
    struct pawl_str app; // our copy
    uint32_t number;
    bool held;
    uint64_t epoch;
    char owner[128];
    uint64_t trimmed;             // batches up to here are gone
    struct memory_batch *batches; // those after it
    size_t batch_count, batch_cap;
    struct pawl_memory_table instances; // of memory_instance
};

// A part of a history: number of its first event, and where it starts in |row.history|.
struct memory_part {
    uint32_t first;
    size_t offset;
};

// The struct, its parts and all bytes of |row| are one block.
struct memory_instance {
    struct pawl_memory_node node;
    struct pawl_snapshot row;
    size_t part_count;
    struct memory_part parts[];
};

struct memory_value {
    struct pawl_memory_node node;
    struct pawl_str value;
    bool is_binary;
    int64_t expires_at; // 0: never
    char etag[PAWL_ETAG_LEN + 1];
    char bytes[];
};

struct memory_store {
    struct pawl_store base;
    pthread_mutex_t lock;
    struct memory_shard **shards; // number i + 1 is at i
    size_t shard_count, shard_cap;
    struct pawl_memory_table values; // of memory_value
    int64_t cleaned_at;
};

// Copies |text| to |*to| and advances that.
static struct pawl_str memory_copy(char **to, struct pawl_str text) {
    struct pawl_str copy = {*to, text.len};
    if (text.len) memcpy(*to, text.data, text.len);
    *to += text.len;
    return copy;
}

// --- shards and leases ----------------------------------------------------------------------

static void memory_shard_destroy(struct memory_shard *shard) {
    if (!shard) return;
    for (size_t i = 0; i < shard->batch_count; i++) free((char *)shard->batches[i].records.data);
    free(shard->batches);
    pawl__memory_table_finish(&shard->instances);
    free((char *)shard->app.data);
    free(shard);
}

static struct memory_shard *memory_shard(struct memory_store *store, uint64_t number) {
    return number && number <= store->shard_count ? store->shards[number - 1] : NULL;
}

static uint64_t memory_last(const struct memory_shard *shard) {
    return shard->trimmed + shard->batch_count;
}

// The number of the shard; it is made when it is new. 0 when memory is out.
static uint64_t memory_find_shard(struct memory_store *store, struct pawl_str app,
                                  uint32_t number) {
    for (size_t i = 0; i < store->shard_count; i++)
        if (store->shards[i]->number == number && pawl__str_equal(store->shards[i]->app, app))
            return i + 1;
    if (store->shard_count == store->shard_cap) {
        size_t cap = store->shard_cap ? 2 * store->shard_cap : 8;
        struct memory_shard **shards = realloc(store->shards, cap * sizeof(struct memory_shard *));
        if (!shards) return 0;
        store->shards = shards;
        store->shard_cap = cap;
    }
    struct memory_shard *shard = calloc(1, sizeof *shard);
    if (!shard) return 0;
    shard->number = number;
    shard->app = (struct pawl_str){pawl__str_dup(app), app.len};
    if (!shard->app.data || !pawl__memory_table_init(&shard->instances)) {
        memory_shard_destroy(shard);
        return 0;
    }
    store->shards[store->shard_count++] = shard;
    return store->shard_count;
}

static enum pawl_err memory_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                  struct pawl_str owner, struct pawl_lease *lease,
                                  struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    enum pawl_err err = PAWL_OK;
    pthread_mutex_lock(&store->lock);
    uint64_t found = memory_find_shard(store, app, number);
    struct memory_shard *shard = memory_shard(store, found);
    if (!shard) {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    } else if (shard->held) {
        err = pawl__fail(error, PAWL_E_HELD, "shard %u of %.*s is held by %s", number,
                         PAWL_FMT(app), shard->owner);
    } else {
        shard->held = true;
        size_t len = owner.len < sizeof shard->owner ? owner.len : sizeof shard->owner - 1;
        if (len) memcpy(shard->owner, owner.data, len);
        shard->owner[len] = 0;
        *lease = (struct pawl_lease){found, ++shard->epoch, memory_last(shard)};
    }
    pthread_mutex_unlock(&store->lock);
    return err;
}

static enum pawl_err memory_renew(struct pawl_store *base, const struct pawl_lease *lease,
                                  struct pawl_error *error) {
    (void)base;
    (void)lease;
    (void)error;
    return PAWL_OK;
}

static enum pawl_err memory_release(struct pawl_store *base, const struct pawl_lease *lease,
                                    struct pawl_error *error) {
    (void)error;
    struct memory_store *store = (struct memory_store *)base;
    pthread_mutex_lock(&store->lock);
    struct memory_shard *shard = memory_shard(store, lease->shard);
    if (shard && shard->epoch == lease->epoch) shard->held = false;
    pthread_mutex_unlock(&store->lock);
    return PAWL_OK;
}

// --- commit: the shard ----------------------------------------------------------------------

// The parts of |old| that stay when a history goes on at event |from|: their number and bytes.
static size_t memory_kept(const struct memory_instance *old, uint32_t from, size_t *bytes) {
    size_t kept = 0;
    *bytes = 0;
    if (!old || from == 0) return 0;
    while (kept < old->part_count && old->parts[kept].first < from) kept++;
    *bytes = kept == old->part_count ? old->row.history.len : old->parts[kept].offset;
    return kept;
}

static enum pawl_err memory_put(struct pawl_memory_journal *journal, struct memory_shard *shard,
                                const struct pawl_snapshot *row, struct pawl_error *error) {
    struct memory_instance *old =
        (struct memory_instance *)pawl__memory_find(&shard->instances, row->id);
    size_t kept_bytes, kept = memory_kept(old, row->history_from, &kept_bytes);
    if (row->history_from && !kept)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "history of %.*s from event %u on, but nothing before it is stored",
                          PAWL_FMT(row->id), row->history_from);
    size_t part_count = kept + (row->history.len > 0);
    size_t head = sizeof(struct memory_instance) + part_count * sizeof(struct memory_part);
    struct memory_instance *made =
        malloc(head + row->id.len + row->name.len + row->state.len + kept_bytes + row->history.len);
    if (!made) return pawl__fail_plain(error, PAWL_E_NOMEM);
    char *to = (char *)made + head;
    *made = (struct memory_instance){.row = *row, .part_count = part_count};
    if (kept) memcpy(made->parts, old->parts, kept * sizeof made->parts[0]);
    if (part_count > kept) made->parts[kept] = (struct memory_part){row->history_from, kept_bytes};
    made->row.history_from = 0;
    made->row.id = memory_copy(&to, row->id);
    made->row.name = memory_copy(&to, row->name);
    made->row.state = memory_copy(&to, row->state);
    made->row.history = (struct pawl_str){to, kept_bytes + row->history.len};
    if (kept) memory_copy(&to, (struct pawl_str){old->row.history.data, kept_bytes});
    memory_copy(&to, row->history);
    made->node.key = made->row.id;
    if (!pawl__memory_put(journal, &shard->instances, &made->node)) {
        free(made);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

// Checks all that can be wrong about the log, and makes room, so that appending cannot fail.
static enum pawl_err memory_prepare(struct memory_shard *shard, const struct pawl_commit *commit,
                                    char **records, struct pawl_error *error) {
    uint64_t last = memory_last(shard);
    if (shard->epoch != commit->lease->epoch)
        return pawl__fail(error, PAWL_E_FENCED,
                          "shard %llu was leased by another owner (epoch %llu, ours is %llu)",
                          (unsigned long long)commit->lease->shard,
                          (unsigned long long)shard->epoch,
                          (unsigned long long)commit->lease->epoch);
    if (commit->batch && commit->batch->position != ++last)
        return pawl__fail(
            error, PAWL_E_INTERNAL, "batch %llu does not follow the last one of shard %llu",
            (unsigned long long)commit->batch->position, (unsigned long long)commit->lease->shard);
    if (commit->trim_to > last)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "cannot trim shard %llu to %llu, its last batch is %llu",
                          (unsigned long long)commit->lease->shard,
                          (unsigned long long)commit->trim_to, (unsigned long long)last);
    if (!commit->batch) return PAWL_OK;
    if (shard->batch_count == shard->batch_cap) {
        size_t cap = shard->batch_cap ? 2 * shard->batch_cap : 64;
        struct memory_batch *batches = realloc(shard->batches, cap * sizeof *batches);
        if (!batches) return pawl__fail_plain(error, PAWL_E_NOMEM);
        shard->batches = batches;
        shard->batch_cap = cap;
    }
    *records = pawl__str_dup(commit->batch->records);
    return *records ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static void memory_trim(struct memory_shard *shard, uint64_t to) {
    if (to <= shard->trimmed) return;
    size_t count = (size_t)(to - shard->trimmed);
    for (size_t i = 0; i < count; i++) free((char *)shard->batches[i].records.data);
    shard->batch_count -= count;
    memmove(shard->batches, shard->batches + count, shard->batch_count * sizeof *shard->batches);
    shard->trimmed = to;
}

// --- commit: user state ---------------------------------------------------------------------

// The value of |key|, unless it is missing or expired.
static struct memory_value *memory_value(struct memory_store *store, struct pawl_str key) {
    struct memory_value *value = (struct memory_value *)pawl__memory_find(&store->values, key);
    return value && value->expires_at && value->expires_at <= pawl__clock_wall() ? NULL : value;
}

static void memory_check(struct memory_store *store, const struct pawl_state_op *op,
                         struct pawl_error *result) {
    bool create = op->type == PAWL_STATE_SET && op->first_write && op->etag.len == 0;
    if (op->key.len == 0) {
        pawl__fail(result, PAWL_E_INVALID, "the key is empty");
        return;
    }
    if (op->etag.len == 0 && !create) return;
    struct memory_value *value = memory_value(store, op->key);
    bool match = create ? !value : value && pawl__str_equal(pawl__str(value->etag), op->etag);
    if (!match)
        pawl__fail(result, PAWL_E_CONFLICT, "key %.*s: %s", PAWL_FMT(op->key),
                   create ? "it exists already"
                          : "it was changed or deleted since its ETag was read");
}

static bool memory_set(struct memory_store *store, struct pawl_memory_journal *journal,
                       const struct pawl_state_op *op) {
    struct memory_value *value = malloc(sizeof *value + op->key.len + op->value.len);
    if (!value) return false;
    char *to = value->bytes;
    *value = (struct memory_value){.is_binary = op->is_binary};
    value->node.key = memory_copy(&to, op->key);
    value->value = memory_copy(&to, op->value);
    if (op->ttl > 0 && op->ttl < INT64_MAX / PAWL_SECOND / 2)
        value->expires_at = pawl__clock_wall() + op->ttl * PAWL_SECOND;
    pawl__etag_new(value->etag);
    if (pawl__memory_put(journal, &store->values, &value->node)) return true;
    free(value);
    return false;
}

static enum pawl_err memory_apply_state(struct memory_store *store,
                                        struct pawl_memory_journal *journal,
                                        struct pawl_state_tx *tx, struct pawl_error *error) {
    size_t start = journal->count;
    tx->result = (struct pawl_error){0};
    for (size_t i = 0; i < tx->op_count; i++) {
        const struct pawl_state_op *op = &tx->ops[i];
        memory_check(store, op, &tx->result);
        if (tx->result.code) {
            pawl__memory_undo(journal, start);
            break;
        }
        if (!(op->type == PAWL_STATE_SET ? memory_set(store, journal, op)
                                         : pawl__memory_remove(journal, &store->values, op->key)))
            return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

static enum pawl_err memory_apply(struct memory_store *store, struct memory_shard *shard,
                                  const struct pawl_commit *commit, struct pawl_error *error) {
    struct pawl_memory_journal journal = {0};
    char *records = NULL;
    enum pawl_err err = shard ? memory_prepare(shard, commit, &records, error) : PAWL_OK;
    for (size_t i = 0; !err && i < commit->delete_count; i++)
        if (!pawl__memory_remove(&journal, &shard->instances, commit->deletes[i]))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; !err && i < commit->snapshot_count; i++)
        err = memory_put(&journal, shard, &commit->snapshots[i], error);
    for (struct pawl_state_tx *tx = commit->state; !err && tx; tx = tx->next)
        err = memory_apply_state(store, &journal, tx, error);
    if (err) {
        pawl__memory_undo(&journal, 0);
        free(records);
    } else if (shard) {
        if (commit->batch)
            shard->batches[shard->batch_count++] =
                (struct memory_batch){{records, commit->batch->records.len}};
        memory_trim(shard, commit->trim_to);
    }
    pawl__memory_keep(&journal);
    return err;
}

static enum pawl_err memory_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                   struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    enum pawl_err err = PAWL_OK;
    bool of_shard =
        commit->batch || commit->snapshot_count || commit->delete_count || commit->trim_to;
    pthread_mutex_lock(&store->lock);
    struct memory_shard *shard = commit->lease ? memory_shard(store, commit->lease->shard) : NULL;
    if (!shard && (of_shard || commit->lease))
        err = pawl__fail(error, PAWL_E_INTERNAL, "a commit to a shard needs its lease");
    else
        err = memory_apply(store, shard, commit, error);
    pthread_mutex_unlock(&store->lock);
    return err;
}

static enum pawl_err memory_tend(struct pawl_store *base, struct pawl_error *error) {
    (void)error;
    struct memory_store *store = (struct memory_store *)base;
    int64_t now = pawl__clock_steady();
    if (now - store->cleaned_at < MEMORY_CLEANUP) return PAWL_OK;
    pthread_mutex_lock(&store->lock);
    store->cleaned_at = now;
    struct pawl_memory_journal journal = {0};
    size_t at = 0;
    struct pawl_memory_node *next = pawl__memory_next(&store->values, &at, NULL);
    while (next) {
        struct memory_value *value = (struct memory_value *)next;
        next = pawl__memory_next(&store->values, &at, next);
        if (value->expires_at && value->expires_at <= pawl__clock_wall())
            pawl__memory_remove(&journal, &store->values, value->node.key);
    }
    pawl__memory_keep(&journal);
    pthread_mutex_unlock(&store->lock);
    return PAWL_OK;
}

// --- reading --------------------------------------------------------------------------------

static bool memory_keep(struct pawl_arena *arena, struct pawl_str *text) {
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

static enum pawl_err memory_read_log(struct pawl_store *base, uint64_t shard_number, uint64_t after,
                                     pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    struct pawl_buf records = {0};
    enum pawl_err err = PAWL_OK;
    while (!err) {
        pthread_mutex_lock(&store->lock);
        struct memory_shard *shard = memory_shard(store, shard_number);
        if (shard && after < shard->trimmed) after = shard->trimmed;
        bool found = shard && after < memory_last(shard);
        pawl__buf_clear(&records);
        if (found) pawl__buf_append_str(&records, shard->batches[after - shard->trimmed].records);
        pthread_mutex_unlock(&store->lock);
        if (!found) break;
        struct pawl_batch batch = {++after, pawl__buf_str(&records)};
        err = records.failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : fn(arg, &batch, error);
    }
    pawl__buf_finish(&records);
    return err;
}

static enum pawl_err memory_load(struct pawl_store *base, uint64_t shard_number, struct pawl_str id,
                                 struct pawl_arena *arena, struct pawl_snapshot *out,
                                 struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    enum pawl_err err = PAWL_OK;
    pthread_mutex_lock(&store->lock);
    struct memory_shard *shard = memory_shard(store, shard_number);
    struct memory_instance *instance =
        shard ? (struct memory_instance *)pawl__memory_find(&shard->instances, id) : NULL;
    struct pawl_snapshot row = instance ? instance->row : (struct pawl_snapshot){0};
    if (!instance)
        err = pawl__fail(error, PAWL_E_NOT_FOUND, "no instance %.*s", PAWL_FMT(id));
    else if (memory_keep(arena, &row.id) && memory_keep(arena, &row.name) &&
             memory_keep(arena, &row.state) && memory_keep(arena, &row.history))
        *out = row;
    else
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_unlock(&store->lock);
    return err;
}

// Copies the live rows' columns into |arena|. NULL when memory is out.
static struct pawl_snapshot *memory_collect(struct memory_shard *shard, struct pawl_arena *arena,
                                            size_t *count) {
    struct pawl_snapshot *rows =
        pawl__arena_alloc(arena, (shard->instances.count + 1) * sizeof *rows);
    size_t at = 0;
    struct pawl_memory_node *node = NULL;
    while (rows && (node = pawl__memory_next(&shard->instances, &at, node))) {
        struct pawl_snapshot row = ((struct memory_instance *)node)->row;
        if (!row.active && row.wake_at == INT64_MAX) continue;
        row.state = row.history = (struct pawl_str){0};
        if (!memory_keep(arena, &row.id) || !memory_keep(arena, &row.name)) return NULL;
        rows[(*count)++] = row;
    }
    return rows;
}

static enum pawl_err memory_scan_live(struct pawl_store *base, uint64_t shard_number,
                                      pawl_snapshot_fn fn, void *arg, struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    struct pawl_arena arena = {0};
    struct pawl_snapshot *rows = NULL;
    size_t count = 0;
    enum pawl_err err = PAWL_OK;
    pthread_mutex_lock(&store->lock);
    struct memory_shard *shard = memory_shard(store, shard_number);
    if (shard && !(rows = memory_collect(shard, &arena, &count)))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_unlock(&store->lock);
    for (size_t i = 0; !err && i < count; i++) err = fn(arg, &rows[i], error);
    pawl__arena_finish(&arena);
    return err;
}

// Copies the least of the ids into |arena|.
static bool memory_ids(const struct memory_shard *shard, struct pawl_str after,
                       struct pawl_least *least, struct pawl_arena *arena) {
    size_t at = 0;
    struct pawl_memory_node *node = NULL;
    while (shard && (node = pawl__memory_next(&shard->instances, &at, node)))
        if (pawl__str_compare(node->key, after) > 0) pawl__least_add(least, node->key);
    size_t count = pawl__least_end(least);
    for (size_t i = 0; i < count; i++)
        if (!memory_keep(arena, &least->items[i])) return false;
    return true;
}

static enum pawl_err memory_list(struct pawl_store *base, uint64_t shard, struct pawl_str after,
                                 size_t limit, struct pawl_arena *arena, struct pawl_str **ids,
                                 size_t *count, struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    struct pawl_least least;
    if (!pawl__least_init(&least, limit)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_lock(&store->lock);
    bool ok = memory_ids(memory_shard(store, shard), after, &least, arena);
    pthread_mutex_unlock(&store->lock);
    size_t bytes = least.len * sizeof **ids;
    *count = least.len;
    *ids = ok ? pawl__arena_alloc(arena, bytes) : NULL;
    if (*ids && bytes) memcpy(*ids, least.items, bytes);
    pawl__least_finish(&least);
    return *ids ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static enum pawl_err memory_get_state(struct pawl_store *base, struct pawl_str key,
                                      struct pawl_arena *arena, struct pawl_state_value *out,
                                      struct pawl_error *error) {
    struct memory_store *store = (struct memory_store *)base;
    enum pawl_err err = PAWL_OK;
    *out = (struct pawl_state_value){0};
    pthread_mutex_lock(&store->lock);
    struct memory_value *value = memory_value(store, key);
    if (value) {
        struct pawl_state_value found = {true, value->value, value->is_binary,
                                         pawl__str(value->etag), value->expires_at};
        if (memory_keep(arena, &found.value) && memory_keep(arena, &found.etag))
            *out = found;
        else
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pthread_mutex_unlock(&store->lock);
    return err;
}

// --- opening and closing --------------------------------------------------------------------

static void memory_close(struct pawl_store *base) {
    struct memory_store *store = (struct memory_store *)base;
    if (!store) return;
    for (size_t i = 0; i < store->shard_count; i++) memory_shard_destroy(store->shards[i]);
    free(store->shards);
    pawl__memory_table_finish(&store->values);
    pthread_mutex_destroy(&store->lock);
    free(store);
}

static const struct pawl_store_ops memory_ops = {
    .close = memory_close,
    .lease = memory_lease,
    .renew = memory_renew,
    .release = memory_release,
    .commit = memory_commit,
    .tend = memory_tend,
    .read_log = memory_read_log,
    .load = memory_load,
    .scan_live = memory_scan_live,
    .list = memory_list,
    .get_state = memory_get_state,
};

enum pawl_err pawl__memory_open(struct pawl_store **out, struct pawl_error *error) {
    struct memory_store *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!pawl__memory_table_init(&store->values)) {
        free(store);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pthread_mutex_init(&store->lock, NULL);
    store->base = (struct pawl_store){&memory_ops, "state.in-memory", 0};
    store->cleaned_at = pawl__clock_steady();
    *out = &store->base;
    return PAWL_OK;
}
