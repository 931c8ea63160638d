// A commit is one script, and so is done as a whole or not at all.

#include "store/redis/cluster.h"
#include "store/row.h"

// --- words --------------------------------------------------------------------------------------

static void commit_add_snapshot(struct pawl_redis_args *args, const struct pawl_snapshot *row,
                                struct pawl_error *result) {
    struct pawl_buf columns = {0};
    args->failed |= !pawl__redis_put_columns(&columns, row);
    pawl__redis_add(args, row->id);
    pawl__redis_add_row(args, pawl__buf_str(&columns), result);
    pawl__redis_add(args, row->active || row->wake_at != INT64_MAX ? PAWL_STR("1") : PAWL_STR("0"));
    pawl__redis_add_row(args, row->state, result);
    pawl__redis_add_uint(args, row->history_from);
    if (row->history.len)
        pawl__redis_add_row(args, row->history, result);
    else
        pawl__redis_add(args, PAWL_STR(""));
    pawl__redis_add_time(args, row->created_at);
    pawl__buf_finish(&columns);
}

static void commit_add_mail(struct pawl_redis_args *args, const struct pawl_mail *mail,
                            size_t count, bool with_bytes) {
    pawl__redis_add_uint(args, count);
    for (size_t i = 0; i < count; i++) {
        pawl__redis_add(args, mail[i].app);
        pawl__redis_add_uint(args, mail[i].number);
        pawl__redis_add(args, mail[i].key);
        if (with_bytes) pawl__redis_add(args, mail[i].bytes);
    }
}

static void commit_add_batch(struct pawl_redis_args *args, const struct pawl_part *part,
                             struct pawl_error *result) {
    pawl__redis_add_uint(args, part->lease->shard);
    pawl__redis_add_uint(args, part->lease->epoch);
    if (part->batch->position)
        pawl__redis_add_uint(args, part->batch->position - 1);
    else
        pawl__redis_add(args, PAWL_STR("-"));
    pawl__redis_add_uint(args, part->batch->position);
    pawl__redis_add_row(args, part->batch->records, result);
    pawl__redis_add_uint(args, part->trim_to);
}

static void commit_add_part(struct pawl_redis_args *args, const struct pawl_part *part,
                            struct pawl_error *result) {
    const struct pawl_batch *batch = part->batch;
    pawl__redis_add_uint(args, part->lease->shard);
    pawl__redis_add_uint(args, part->lease->epoch);
    pawl__redis_add(args, batch ? PAWL_STR("1") : PAWL_STR("0"));
    if (batch && batch->position)
        pawl__redis_add_uint(args, batch->position - 1);
    else
        pawl__redis_add(args, PAWL_STR("-"));
    pawl__redis_add_uint(args, batch ? batch->position : 0);
    if (batch)
        pawl__redis_add_row(args, batch->records, result);
    else
        pawl__redis_add(args, PAWL_STR(""));
    pawl__redis_add_uint(args, part->trim_to);
    pawl__redis_add_uint(args, part->delete_count);
    for (size_t i = 0; i < part->delete_count; i++) pawl__redis_add(args, part->deletes[i]);
    pawl__redis_add_uint(args, part->snapshot_count);
    for (size_t i = 0; i < part->snapshot_count; i++)
        commit_add_snapshot(args, &part->snapshots[i], result);
    commit_add_mail(args, part->mail_out, part->mail_out_count, true);
    commit_add_mail(args, part->mail_in, part->mail_in_count, false);
}

// --- results ------------------------------------------------------------------------------------

static void commit_result(struct pawl_part *part, struct pawl_str word) {
    unsigned long long shard = part->lease->shard;
    struct pawl_error *result = &part->result;
    struct pawl_str detail = word, what = pawl__str_cut(&detail, ' ');
    int64_t number = 0;
    pawl__str_to_int(detail, 0, INT64_MAX, &number);
    if (pawl__str_equal(what, PAWL_STR("fenced")))
        pawl__fail(result, PAWL_E_FENCED,
                   "shard %llu was leased by another owner (epoch %lld, ours is %llu)", shard,
                   (long long)number, (unsigned long long)part->lease->epoch);
    else if (pawl__str_equal(what, PAWL_STR("twice")))
        pawl__fail(result, PAWL_E_INTERNAL, "shard %llu is in this commit twice", shard);
    else if (pawl__str_equal(what, PAWL_STR("follow")))
        pawl__fail(result, PAWL_E_INTERNAL, "batch %llu does not follow the last one of shard %llu",
                   (unsigned long long)part->batch->position, shard);
    else if (pawl__str_equal(what, PAWL_STR("trim")))
        pawl__fail(result, PAWL_E_INTERNAL,
                   "cannot trim shard %llu to %llu, its last batch is %lld", shard,
                   (unsigned long long)part->trim_to, (long long)number);
    else if (pawl__str_equal(what, PAWL_STR("from")) && (size_t)number < part->snapshot_count)
        pawl__fail(result, PAWL_E_INTERNAL,
                   "history of %.*s from event %u on, but nothing before it is stored",
                   PAWL_FMT(part->snapshots[number].id), part->snapshots[number].history_from);
    else
        pawl__error_clear(result);
}

// What takes part: a part whose row is too long, or that has no lease, is refused here.
static bool commit_takes(const struct pawl_part *part) {
    return !part->result.code;
}

static void commit_check(struct pawl_part *part) {
    pawl__error_clear(&part->result);
    size_t most = part->batch ? part->batch->records.len : 0;
    for (size_t i = 0; i < part->snapshot_count; i++) {
        if (part->snapshots[i].state.len > most) most = part->snapshots[i].state.len;
        if (part->snapshots[i].history.len > most) most = part->snapshots[i].history.len;
    }
    if (!part->lease)
        pawl__fail(&part->result, PAWL_E_INTERNAL, "a part of a commit needs its lease");
    else if (most > PAWL_ROW_MAX)
        pawl__fail(&part->result, PAWL_E_TOO_LARGE,
                   "a row of %zu bytes is too long; it may have %zu", most, PAWL_ROW_MAX);
}

// Whether as many replicas have the commit as are asked for.
static enum pawl_err commit_wait(struct pawl_redis *store, struct pawl_redis_link *link,
                                 struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_add(&args, PAWL_STR("WAIT"));
    pawl__redis_add_int(&args, store->options.wait_replicas);
    pawl__redis_add(&args, PAWL_STR("1000"));
    enum pawl_err err = pawl__redis_ask(store, link, &args, &reply, &sent, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    int have = (int)pawl__redis_uint(reply);
    freeReplyObject(reply);
    if (have >= store->options.wait_replicas) return PAWL_OK;
    return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s: %d replicas have the commit, not %d",
                      link->name, have, store->options.wait_replicas);
}

static bool commit_finish(const struct pawl_commit *commit, const redisReply *reply,
                          struct pawl_state_tx *const *asked, size_t parts, size_t count) {
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != parts + count) return false;
    size_t at = 0;
    for (struct pawl_part *part = commit->parts; part; part = part->next)
        if (commit_takes(part)) commit_result(part, pawl__redis_str(reply->element[at++]));
    for (size_t i = 0; i < count; i++)
        pawl__redis_state_result(asked[i], pawl__redis_str(reply->element[at++]));
    return true;
}

static enum pawl_outcome commit_run(struct pawl_redis *store, struct pawl_redis_link *link,
                                    enum pawl_redis_script script,
                                    const struct pawl_redis_args *args, redisReply **reply,
                                    struct pawl_error *error) {
    bool sent;
    enum pawl_err err = pawl__redis_run(store, link, script, args, reply, &sent, error);
    if (err) return sent ? PAWL_COMMIT_UNKNOWN : PAWL_COMMIT_NOTHING;
    bool waits = store->options.wait_replicas > 0;
    return waits && commit_wait(store, link, error) ? PAWL_COMMIT_UNKNOWN : PAWL_COMMIT_DONE;
}

// --- clusters -----------------------------------------------------------------------------------

// Whether one node has all keys of |tx|; where not, |tx->result| says so.
static bool commit_is_together(struct pawl_state_tx *tx) {
    for (size_t i = 1; i < tx->op_count; i++) {
        if (pawl__redis_slot(tx->ops[i].key) == pawl__redis_slot(tx->ops[0].key)) continue;
        pawl__fail(&tx->result, PAWL_E_INVALID,
                   "keys %.*s and %.*s are in different slots of the cluster, where no transaction "
                   "can have both; a part in braces that both have, as {cart}, puts them into one",
                   PAWL_FMT(tx->ops[0].key), PAWL_FMT(tx->ops[i].key));
        return false;
    }
    return true;
}

// A transaction of the user's by itself, on the node that has its keys. It names them all, so that
// the node refuses it while they are being moved.
static void commit_state_apart(struct pawl_redis *store, struct pawl_state_tx *tx) {
    struct pawl_redis_args args = {0};
    redisReply *reply = NULL;
    struct pawl_error error;
    pawl__error_clear(&tx->result);
    if (!tx->op_count || !commit_is_together(tx)) return;
    pawl__redis_call_keys(&args, store, PAWL_REDIS_COMMIT, tx->op_count);
    for (size_t i = 0; i < tx->op_count; i++) pawl__redis_add(&args, tx->ops[i].key);
    pawl__redis_add_uint(&args, 0);
    pawl__redis_add_uint(&args, 1);
    if (pawl__redis_add_state(store, &args, tx)) {
        struct pawl_redis_link *link =
            pawl__redis_cluster_link(store->cluster, tx->ops[0].key, true);
        enum pawl_outcome outcome =
            commit_run(store, link, PAWL_REDIS_COMMIT, &args, &reply, &error);
        if (outcome != PAWL_COMMIT_DONE)
            pawl__fail(&tx->result, error.code, "%s%s", error.text,
                       outcome == PAWL_COMMIT_UNKNOWN
                           ? "; whether the transaction was done is not known"
                           : "");
        else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 1)
            pawl__redis_state_result(tx, pawl__redis_str(reply->element[0]));
        else
            pawl__fail(&tx->result, PAWL_E_IO, "%s answers a commit with something else",
                       link->name);
    }
    if (reply) freeReplyObject(reply);
    pawl__redis_args_finish(&args);
}

// --- commits ------------------------------------------------------------------------------------

// Whether there is nothing but batches, each of a shard of its own.
static bool commit_appends(const struct pawl_commit *commit, const struct pawl_state_tx *txs) {
    for (const struct pawl_part *part = commit->parts; part; part = part->next) {
        if (!part->batch || part->delete_count || part->snapshot_count || part->mail_out_count ||
            part->mail_in_count)
            return false;
        for (const struct pawl_part *other = part->next; part->lease && other; other = other->next)
            if (other->lease && other->lease->shard == part->lease->shard) return false;
    }
    return !txs;
}

// All of a commit, or of a cluster its parts, whose keys are in one slot.
static enum pawl_outcome commit_together(struct pawl_redis *store, const struct pawl_commit *commit,
                                         struct pawl_state_tx *txs, struct pawl_error *error) {
    struct pawl_redis_args args = {0}, state = {0};
    struct pawl_error ignored;
    size_t parts = 0, count = 0, all = 0;
    for (struct pawl_state_tx *tx = txs; tx; tx = tx->next) all++;
    struct pawl_state_tx **asked = pawl__arena_alloc(&args.arena, (all + 1) * sizeof *asked);
    args.failed = !asked;
    bool appends = commit_appends(commit, txs);
    enum pawl_redis_script script = appends ? PAWL_REDIS_APPEND : PAWL_REDIS_COMMIT;
    pawl__redis_call(&args, store, script);
    for (struct pawl_part *part = commit->parts; part; part = part->next) {
        commit_check(part);
        parts += commit_takes(part);
    }
    if (!appends) pawl__redis_add_uint(&args, parts);
    for (struct pawl_part *part = commit->parts; part; part = part->next)
        if (commit_takes(part))
            (appends ? commit_add_batch : commit_add_part)(&args, part, &ignored);
    for (struct pawl_state_tx *tx = txs; !args.failed && tx; tx = tx->next)
        if (pawl__redis_add_state(store, &state, tx)) asked[count++] = tx;
    if (!appends) pawl__redis_add_uint(&args, count);
    for (size_t i = 0; i < state.count; i++)
        pawl__redis_add(&args, (struct pawl_str){state.words[i], state.lens[i]});
    args.failed |= state.failed;

    enum pawl_outcome outcome = PAWL_COMMIT_DONE;
    redisReply *reply = NULL;
    if (args.failed) {
        pawl__fail_plain(error, PAWL_E_NOMEM);
        outcome = PAWL_COMMIT_NOTHING;
    } else if (parts || count) {
        outcome = commit_run(store, &store->writer, script, &args, &reply, error);
    }
    if (outcome == PAWL_COMMIT_DONE && reply &&
        !commit_finish(commit, reply, asked, parts, count)) {
        pawl__fail(error, PAWL_E_IO, "%s answers a commit with something else", store->name);
        outcome = PAWL_COMMIT_UNKNOWN;
    }
    if (reply) freeReplyObject(reply);
    pawl__redis_args_finish(&state);
    pawl__redis_args_finish(&args);
    return outcome;
}

enum pawl_outcome pawl__redis_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    if (!store->cluster) return commit_together(store, commit, commit->state, error);
    enum pawl_outcome outcome = commit_together(store, commit, NULL, error);
    if (outcome != PAWL_COMMIT_DONE) return outcome;
    for (struct pawl_state_tx *tx = commit->state; tx; tx = tx->next) commit_state_apart(store, tx);
    return PAWL_COMMIT_DONE;
}
