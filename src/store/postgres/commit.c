// Commits: one transaction, sent ahead of its answers.
//
//     batches alone           fences and appends ──► answers                       1 round trip
//     everything else         BEGIN, fences ──► answers, the rest, COMMIT ──► answers      2
//
// The statement that appends a batch also checks the epoch, and locks the shard's row, so that
// nobody leases the shard before the transaction has ended. A part without a batch does so by a
// statement of its own. What the fences tell decides which parts are left out.
//
// An error of the server rolls all back. When it was one part's or one transaction's fault, that
// one is told, and the rest is done again without it.

#include "store/postgres/internal.h"
#include "store/row.h"

struct commit {
    struct pawl_postgres *store;
    struct pawl_pg_link *link;
    struct pawl_error *error;
    bool committing; // COMMIT may have arrived
    bool again;      // something was refused: to be done without it
    struct pawl_arena arena;
};

// --- one part -------------------------------------------------------------------------------

static bool commit_send_fence(struct commit *c, const struct pawl_part *part) {
    struct pawl_pg_params params = {0};
    pawl__pg_int(&params, (int64_t)part->lease->shard);
    pawl__pg_int(&params, (int64_t)part->lease->epoch);
    if (!part->batch) return pawl__pg_send(c->link, PAWL_PG_SHARD_FENCE, &params);
    pawl__buf_clear(&c->store->row);
    if (pawl__row_seal(&c->store->row, part->batch->records, NULL)) return false;
    pawl__pg_int(&params, (int64_t)part->batch->position);
    pawl__pg_bytes(&params, pawl__buf_str(&c->store->row));
    return pawl__pg_send(c->link, PAWL_PG_LOG_APPEND, &params);
}

static bool commit_send_checks(struct commit *c, const struct pawl_part *part) {
    bool ok = true;
    for (size_t i = 0; ok && i < part->snapshot_count; i++) {
        struct pawl_pg_params params = {0};
        if (!part->snapshots[i].history_from) continue;
        pawl__pg_int(&params, (int64_t)part->lease->shard);
        pawl__pg_bytes(&params, part->snapshots[i].id);
        pawl__pg_int(&params, part->snapshots[i].history_from);
        ok = pawl__pg_send(c->link, PAWL_PG_HISTORY_ANY, &params);
    }
    return ok;
}

static bool commit_send_cut(struct commit *c, uint64_t shard, struct pawl_str id, uint32_t first) {
    struct pawl_pg_params params = {0};
    pawl__pg_int(&params, (int64_t)shard);
    pawl__pg_bytes(&params, id);
    pawl__pg_int(&params, first);
    return pawl__pg_send(c->link, PAWL_PG_HISTORY_CUT, &params);
}

static bool commit_send_put(struct commit *c, uint64_t shard, const struct pawl_snapshot *row) {
    struct pawl_pg_params put = {0}, add = {0};
    pawl__buf_clear(&c->store->row);
    if (pawl__row_seal(&c->store->row, row->state, NULL)) return false;
    pawl__pg_int(&put, (int64_t)shard);
    pawl__pg_bytes(&put, row->id);
    pawl__pg_int(&put, (int64_t)row->position);
    pawl__pg_bytes(&put, row->name);
    pawl__pg_int(&put, row->status);
    pawl__pg_int(&put, row->created_at);
    pawl__pg_int(&put, row->updated_at);
    pawl__pg_int(&put, row->completed_at);
    pawl__pg_int(&put, row->wake_at);
    pawl__pg_bool(&put, row->active);
    pawl__pg_bytes(&put, row->parent);
    pawl__pg_bytes(&put, row->tags);
    pawl__pg_bytes(&put, row->custom_status);
    pawl__pg_bytes(&put, row->failure_type);
    pawl__pg_bool(&put, row->active || row->wake_at != INT64_MAX);
    pawl__pg_bytes(&put, pawl__buf_str(&c->store->row));
    if (!pawl__pg_send(c->link, PAWL_PG_INSTANCE_PUT, &put)) return false;
    if (!commit_send_cut(c, shard, row->id, row->history_from)) return false;
    if (!row->history.len) return true;
    pawl__buf_clear(&c->store->row);
    if (pawl__row_seal(&c->store->row, row->history, NULL)) return false;
    pawl__pg_int(&add, (int64_t)shard);
    pawl__pg_bytes(&add, row->id);
    pawl__pg_int(&add, row->history_from);
    pawl__pg_bytes(&add, pawl__buf_str(&c->store->row));
    return pawl__pg_send(c->link, PAWL_PG_HISTORY_ADD, &add);
}

static bool commit_send_delete(struct commit *c, uint64_t shard, struct pawl_str id) {
    struct pawl_pg_params params = {0};
    pawl__pg_int(&params, (int64_t)shard);
    pawl__pg_bytes(&params, id);
    return pawl__pg_send(c->link, PAWL_PG_INSTANCE_DELETE, &params) &&
           commit_send_cut(c, shard, id, 0);
}

static bool commit_send_mail(struct commit *c, const struct pawl_mail *mail, bool out) {
    struct pawl_pg_params params = {0};
    pawl__pg_bytes(&params, mail->app);
    pawl__pg_int(&params, mail->number);
    pawl__pg_bytes(&params, mail->key);
    if (!out) return pawl__pg_send(c->link, PAWL_PG_MAIL_TAKE, &params);
    pawl__buf_clear(&c->store->row);
    if (pawl__row_seal_letter(&c->store->row, mail->bytes, NULL)) return false;
    pawl__pg_bytes(&params, pawl__buf_str(&c->store->row));
    return pawl__pg_send(c->link, PAWL_PG_MAIL_PUT, &params);
}

static bool commit_send_trim(struct commit *c, uint64_t shard, uint64_t to) {
    struct pawl_pg_params params = {0};
    pawl__pg_int(&params, (int64_t)shard);
    pawl__pg_int(&params, (int64_t)to);
    return pawl__pg_send(c->link, PAWL_PG_LOG_TRIM, &params) &&
           pawl__pg_send(c->link, PAWL_PG_SHARD_TRIM, &params);
}

// How many statements commit_send_rest queues.
static size_t commit_rest(const struct pawl_part *part) {
    size_t count = 2 * part->delete_count + 2 * part->snapshot_count + part->mail_out_count +
                   part->mail_in_count + (part->trim_to ? 2 : 0);
    for (size_t i = 0; i < part->snapshot_count; i++) count += part->snapshots[i].history.len > 0;
    return count;
}

static bool commit_send_rest(struct commit *c, const struct pawl_part *part) {
    uint64_t shard = part->lease->shard;
    bool ok = true;
    for (size_t i = 0; ok && i < part->delete_count; i++)
        ok = commit_send_delete(c, shard, part->deletes[i]);
    for (size_t i = 0; ok && i < part->snapshot_count; i++)
        ok = commit_send_put(c, shard, &part->snapshots[i]);
    for (size_t i = 0; ok && i < part->mail_out_count; i++)
        ok = commit_send_mail(c, &part->mail_out[i], true);
    for (size_t i = 0; ok && i < part->mail_in_count; i++)
        ok = commit_send_mail(c, &part->mail_in[i], false);
    return ok && (!part->trim_to || commit_send_trim(c, shard, part->trim_to));
}

static bool commit_is_too_large(const struct pawl_part *part) {
    bool large = part->batch && part->batch->records.len > PAWL_ROW_MAX;
    for (size_t i = 0; i < part->snapshot_count; i++)
        large = large || part->snapshots[i].state.len > PAWL_ROW_MAX ||
                part->snapshots[i].history.len > PAWL_ROW_MAX;
    for (size_t i = 0; i < part->mail_out_count; i++)
        large = large || part->mail_out[i].bytes.len > PAWL_ROW_MAX;
    return large;
}

// --- answers --------------------------------------------------------------------------------

static bool commit_good(const PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
}

static bool commit_is_fault(enum pawl_err err) {
    return err == PAWL_E_INVALID || err == PAWL_E_TOO_LARGE;
}

// Takes one answer. |guilty| is told when it is an error by its own fault. False: the commit is not
// done this time.
static bool commit_take(struct commit *c, struct pawl_error *guilty, PGresult **out) {
    PGresult *result = pawl__pg_take(c->link);
    if (out) *out = result;
    if (!result) {
        if (c->link->conn) pawl__pg_fail(c->link, NULL, "commit", c->error);
        return false;
    }
    bool good = commit_good(result);
    if (!good && PQresultStatus(result) != PGRES_PIPELINE_ABORTED) {
        struct pawl_error reason;
        enum pawl_err err = pawl__pg_fail(c->link, result, "commit", &reason);
        if (guilty && commit_is_fault(err)) {
            *guilty = reason;
            c->again = true;
        }
        if (c->error) *c->error = reason;
    }
    if (!out || !good) PQclear(result);
    if (out && !good) *out = NULL;
    return good;
}

static bool commit_take_many(struct commit *c, struct pawl_error *guilty, size_t count) {
    bool good = true;
    while (count-- && (good || c->link->conn)) good = commit_take(c, guilty, NULL) && good;
    return good;
}

static enum pawl_err commit_tell_gap(const struct pawl_postgres *store,
                                     const struct pawl_part *part, struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_INTERNAL,
                      "%s: batch %llu does not follow the last one of shard %llu", store->where,
                      (unsigned long long)part->batch->position,
                      (unsigned long long)part->lease->shard);
}

// Why a fence gave no row. PAWL_OK: it holds.
static enum pawl_err commit_explain(struct commit *c, const struct pawl_part *part,
                                    struct pawl_error *error) {
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_int(&params, (int64_t)part->lease->shard);
    enum pawl_err err = pawl__pg_run(c->link, PAWL_PG_SHARD_EPOCH, &params, &result, error);
    if (err) return err;
    uint64_t epoch = PQntuples(result) ? (uint64_t)pawl__pg_number(result, 0, 0) : 0;
    PQclear(result);
    if (epoch != part->lease->epoch)
        return pawl__fail(error, PAWL_E_FENCED,
                          "%s: shard %llu was leased by another owner (epoch %llu, ours is %llu)",
                          c->store->where, (unsigned long long)part->lease->shard,
                          (unsigned long long)epoch, (unsigned long long)part->lease->epoch);
    return part->batch ? commit_tell_gap(c->store, part, error) : PAWL_OK;
}

static void commit_tell_headless(const struct pawl_postgres *store, const struct pawl_snapshot *row,
                                 struct pawl_error *result) {
    pawl__fail(result, PAWL_E_INTERNAL,
               "%s: history of %.*s from event %u on, but nothing before it is stored",
               store->where, PAWL_FMT(row->id), row->history_from);
}

// Takes the answers of a part's fence and checks. A part that does not fit is told so.
static bool commit_take_fence(struct commit *c, struct pawl_part *part) {
    PGresult *result = NULL;
    bool good = commit_take(c, &part->result, &result), holds = false;
    uint64_t last = part->batch ? part->batch->position : 0;
    if (good && part->batch) holds = *PQcmdTuples(result) == '1';
    if (good && !part->batch && PQntuples(result)) {
        holds = true;
        last = (uint64_t)pawl__pg_number(result, 0, 0);
    }
    if (part->result.code == PAWL_E_INVALID) // the batch's position is taken
        commit_tell_gap(c->store, part, &part->result);
    PQclear(result);
    if (holds && part->trim_to > last)
        pawl__fail(&part->result, PAWL_E_INTERNAL,
                   "%s: cannot trim shard %llu to %llu, its last batch is %llu", c->store->where,
                   (unsigned long long)part->lease->shard, (unsigned long long)part->trim_to,
                   (unsigned long long)last);
    for (size_t i = 0; i < part->snapshot_count && (good || c->link->conn); i++) {
        const struct pawl_snapshot *row = &part->snapshots[i];
        if (!row->history_from) continue;
        good = commit_take(c, &part->result, &result) && good;
        if (holds && result && !PQntuples(result))
            commit_tell_headless(c->store, row, &part->result);
        PQclear(result);
    }
    if (good && !holds) part->result.code = PAWL_E_FENCED; // explained once all answers are in
    return good;
}

// --- the user's state -----------------------------------------------------------------------

// Runs a transaction whose ETags decide whether it is done, inside the open one.
static bool commit_conditional(struct commit *c, struct pawl_state_tx *tx) {
    bool several = tx->op_count > 1, ok = true;
    bool *expects = pawl__arena_alloc(&c->arena, tx->op_count * sizeof *expects);
    if (!expects) {
        pawl__fail_plain(c->error, PAWL_E_NOMEM);
        return false;
    }
    if (several) ok = pawl__pg_send(c->link, PAWL_PG_SAVE, NULL);
    for (size_t i = 0; ok && i < tx->op_count; i++)
        ok = pawl__pg_send_state(c->store, &tx->ops[i], &expects[i]);
    ok = ok && pawl__pg_sync(c->link);
    if (!ok) {
        pawl__pg_fail(c->link, NULL, "commit", c->error);
        return false;
    }
    bool good = commit_take_many(c, &tx->result, several);
    for (size_t i = 0; i < tx->op_count && (good || c->link->conn); i++) {
        PGresult *result = NULL;
        good = commit_take(c, &tx->result, &result) && good;
        if (good && expects[i] && !PQntuples(result) && !tx->result.code)
            pawl__pg_state_conflict(&tx->ops[i], &tx->result);
        PQclear(result);
    }
    good = pawl__pg_synced(c->link) && good;
    if (!good || !tx->result.code || !several) return good;
    ok = pawl__pg_send(c->link, PAWL_PG_SAVE_UNDO, NULL) && pawl__pg_sync(c->link);
    return ok && commit_take_many(c, NULL, 1) && pawl__pg_synced(c->link);
}

static bool commit_is_conditional(const struct pawl_state_tx *tx) {
    for (size_t i = 0; i < tx->op_count; i++)
        if (pawl__pg_state_is_conditional(&tx->ops[i])) return true;
    return false;
}

// --- the commit -----------------------------------------------------------------------------

static enum pawl_outcome commit_ends(struct commit *c, bool done) {
    if (done) return PAWL_COMMIT_DONE;
    if (c->link->conn) { // nothing of the transaction may be left to the next one
        bool ok = pawl__pg_send(c->link, PAWL_PG_ROLLBACK, NULL) && pawl__pg_sync(c->link);
        PGresult *result = ok ? pawl__pg_take(c->link) : NULL;
        if (!result || !pawl__pg_synced(c->link)) pawl__pg_drop(c->link);
        PQclear(result);
        return PAWL_COMMIT_NOTHING; // the server has said so
    }
    return c->committing && !c->link->refused ? PAWL_COMMIT_UNKNOWN : PAWL_COMMIT_NOTHING;
}

static bool commit_is_batches(const struct pawl_commit *commit) {
    bool only = commit->parts && !commit->state;
    for (const struct pawl_part *part = commit->parts; only && part; part = part->next)
        only = !part->result.code && part->batch && !commit_rest(part);
    return only;
}

// The server makes what comes in one group one transaction. What is fenced off appends nothing.
static enum pawl_outcome commit_batches(struct commit *c, const struct pawl_commit *commit) {
    bool good = true;
    c->committing = true;
    for (struct pawl_part *part = commit->parts; good && part; part = part->next)
        good = commit_send_fence(c, part);
    good = good && pawl__pg_sync(c->link);
    if (!good) pawl__pg_fail(c->link, NULL, "commit", c->error);
    for (struct pawl_part *part = commit->parts; part && c->link->conn; part = part->next)
        good = commit_take_fence(c, part) && good;
    if (c->link->conn && !pawl__pg_synced(c->link)) {
        pawl__pg_fail(c->link, NULL, "commit", c->error);
        good = false;
    }
    return good ? PAWL_COMMIT_DONE : commit_ends(c, false);
}

// BEGIN and the fences.
static bool commit_fences(struct commit *c, const struct pawl_commit *commit) {
    bool ok = pawl__pg_send(c->link, PAWL_PG_BEGIN, NULL);
    for (struct pawl_part *part = commit->parts; ok && part; part = part->next)
        if (!part->result.code) ok = commit_send_fence(c, part) && commit_send_checks(c, part);
    ok = ok && pawl__pg_sync(c->link);
    if (!ok) {
        pawl__pg_fail(c->link, NULL, "commit", c->error);
        return false;
    }
    bool good = commit_take_many(c, NULL, 1);
    for (struct pawl_part *part = commit->parts; part && (good || c->link->conn); part = part->next)
        if (!part->result.code) {
            bool batch = part->batch;
            good = commit_take_fence(c, part) && good;
            // The batch is in the transaction, and has to go again.
            if (part->result.code && part->result.code != PAWL_E_FENCED && batch) c->again = true;
        }
    good = c->link->conn && pawl__pg_synced(c->link) && good;
    return good && !c->again;
}

static bool commit_rest_of(struct commit *c, const struct pawl_commit *commit) {
    bool ok = true, good = true;
    for (struct pawl_state_tx *tx = commit->state; good && tx; tx = tx->next)
        if (!tx->result.code && commit_is_conditional(tx)) good = commit_conditional(c, tx);
    if (!good) return false;
    for (struct pawl_part *part = commit->parts; ok && part; part = part->next)
        if (!part->result.code) ok = commit_send_rest(c, part);
    bool ignored;
    for (struct pawl_state_tx *tx = commit->state; ok && tx; tx = tx->next)
        for (size_t i = 0; ok && !tx->result.code && !commit_is_conditional(tx) && i < tx->op_count;
             i++)
            ok = pawl__pg_send_state(c->store, &tx->ops[i], &ignored);
    ok = ok && pawl__pg_send(c->link, PAWL_PG_COMMIT, NULL);
    c->committing = true;
    c->link->refused = false; // what failed before was undone by itself
    ok = ok && pawl__pg_sync(c->link);
    if (!ok) {
        pawl__pg_fail(c->link, NULL, "commit", c->error);
        return false;
    }
    for (struct pawl_part *part = commit->parts; part && (good || c->link->conn); part = part->next)
        if (!part->result.code)
            good = commit_take_many(c, &part->result, commit_rest(part)) && good;
    for (struct pawl_state_tx *tx = commit->state; tx && (good || c->link->conn); tx = tx->next)
        if (!tx->result.code && !commit_is_conditional(tx))
            good = commit_take_many(c, &tx->result, tx->op_count) && good;
    PGresult *end = NULL;
    if (!c->link->conn) return false;
    good = commit_take(c, NULL, &end) && good;
    good = good && strcmp(PQcmdStatus(end), "COMMIT") == 0;
    PQclear(end);
    if (c->link->conn && !pawl__pg_synced(c->link)) {
        pawl__pg_fail(c->link, NULL, "commit", c->error);
        return false;
    }
    return good;
}

// Explains what was fenced off.
static void commit_explain_all(struct commit *c, const struct pawl_commit *commit) {
    for (struct pawl_part *part = commit->parts; part; part = part->next) {
        if (part->result.code != PAWL_E_FENCED || *part->result.text) continue;
        struct pawl_error reason = {0};
        enum pawl_err err = commit_explain(c, part, &reason);
        if (err == PAWL_E_FENCED || err == PAWL_E_INTERNAL)
            part->result = reason;
        else
            pawl__fail_plain(&part->result, PAWL_E_FENCED); // it cannot be read who it was
    }
}

static enum pawl_outcome commit_try(struct commit *c, const struct pawl_commit *commit) {
    c->committing = c->again = c->link->refused = false;
    if (pawl__pg_ready(c->link, c->error)) return PAWL_COMMIT_NOTHING;
    if (commit_is_batches(commit)) return commit_batches(c, commit);
    return commit_ends(c, commit_fences(c, commit) && commit_rest_of(c, commit));
}

// A history that goes on, of an instance that goes: deletes come first.
static const struct pawl_snapshot *commit_headless(const struct pawl_part *part) {
    for (size_t i = 0; i < part->snapshot_count; i++)
        for (size_t d = 0; part->snapshots[i].history_from && d < part->delete_count; d++)
            if (pawl__str_equal(part->snapshots[i].id, part->deletes[d]))
                return &part->snapshots[i];
    return NULL;
}

// Before anything is sent. A part or transaction with a result is left out.
static void commit_prepare(struct pawl_postgres *store, const struct pawl_commit *commit) {
    for (struct pawl_part *part = commit->parts; part; part = part->next) {
        pawl__error_clear(&part->result);
        const struct pawl_snapshot *headless = commit_headless(part);
        if (headless)
            commit_tell_headless(store, headless, &part->result);
        else if (!part->lease)
            pawl__fail(&part->result, PAWL_E_INTERNAL, "a part of a commit needs its lease");
        else if (commit_is_too_large(part))
            pawl__fail(&part->result, PAWL_E_TOO_LARGE,
                       "a row is too large to be stored; the limit is %zu", PAWL_ROW_MAX);
        else if (part->batch && (part->batch->position == 0 || part->batch->position > INT64_MAX))
            commit_tell_gap(store, part, &part->result);
    }
    for (struct pawl_state_tx *tx = commit->state; tx; tx = tx->next)
        pawl__pg_check_state(store, tx);
}

enum pawl_outcome pawl__pg_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                  struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_error reason = {0};
    struct commit c = {.store = store, .link = &store->writer, .error = &reason};
    enum pawl_outcome outcome;
    commit_prepare(store, commit);
    do outcome = commit_try(&c, commit);
    while (c.again);
    pawl__arena_finish(&c.arena);
    if (outcome == PAWL_COMMIT_DONE)
        commit_explain_all(&c, commit);
    else if (error)
        *error = reason;
    return outcome;
}

// --- housekeeping ---------------------------------------------------------------------------

enum pawl_err pawl__pg_tend(struct pawl_store *base, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    int64_t now = pawl__clock_steady();
    if (!store->cleanup_interval || now - store->cleaned_at < store->cleanup_interval)
        return PAWL_OK;
    store->cleaned_at = now;
    // One of all who use the table does it; Dapr's sidecars look at the same row.
    struct pawl_pg_params params = {0};
    struct pawl_buf key = {0};
    PGresult *result = NULL;
    pawl__buf_format(&key, "last-cleanup");
    if (!store->v1)
        pawl__buf_format(&key, "-state-v2-%.*s", (int)strlen(store->state_table) - 5,
                         store->state_table);
    pawl__pg_bytes(&params, pawl__buf_str(&key));
    pawl__pg_int(&params, (store->cleanup_interval - 100 * PAWL_MILLISECOND) / 1000);
    enum pawl_err err =
        key.failed ? pawl__fail_plain(error, PAWL_E_NOMEM)
                   : pawl__pg_run(&store->writer, PAWL_PG_CLEAN_GUARD, &params, &result, error);
    bool ours = !err && PQntuples(result);
    PQclear(result);
    result = NULL;
    if (ours)
        err = pawl__pg_run(&store->writer, store->v1 ? PAWL_PG_V1_CLEAN : PAWL_PG_V2_CLEAN, NULL,
                           &result, error);
    PQclear(result);
    pawl__buf_finish(&key);
    return err;
}
