#include "store/row.h"
#include "store/sqlite/internal.h"

// Why a write under |lease| touched no row.
static enum pawl_err commit_explain(struct pawl_sqlite *store, const struct pawl_lease *lease,
                                    struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_SHARD_EPOCH];
    sqlite3_bind_int64(find, 1, (sqlite3_int64)lease->shard);
    int rc = sqlite3_step(find);
    uint64_t epoch = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(find, 0) : 0;
    sqlite3_reset(find);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return pawl__sqlite_fail(store, store->writer, "read a lease", error);
    if (epoch == lease->epoch) return PAWL_OK;
    return pawl__fail(error, PAWL_E_FENCED,
                      "%s: shard %llu was leased by another owner (epoch %llu, ours is %llu)",
                      store->path, (unsigned long long)lease->shard, (unsigned long long)epoch,
                      (unsigned long long)lease->epoch);
}

// Whether the lease stands, and the batch at |position| is behind the last one. It is not asked in
// the statement that appends: one that reads the table it writes to makes a copy of the row first.
static int commit_follows(struct pawl_sqlite *store, const struct pawl_lease *lease,
                          uint64_t position, bool *follows) {
    sqlite3_stmt *may = store->statements[PAWL_SQL_LOG_MAY_APPEND];
    sqlite3_bind_int64(may, 1, (sqlite3_int64)lease->shard);
    sqlite3_bind_int64(may, 2, (sqlite3_int64)lease->epoch);
    sqlite3_bind_int64(may, 3, (sqlite3_int64)position - 1);
    *follows = sqlite3_step(may) == SQLITE_ROW;
    return sqlite3_reset(may);
}

static enum pawl_err commit_append(struct pawl_sqlite *store, const struct pawl_lease *lease,
                                   const struct pawl_batch *batch, struct pawl_error *error) {
    uint64_t position = batch->position;
    enum pawl_err err = PAWL_OK;
    if (position > 0 && position <= PAWL_SQLITE_POSITION_MAX) {
        pawl__buf_clear(&store->row);
        err = pawl__row_seal(&store->row, batch->records, error);
        if (err) return err;
        bool follows;
        int rc = commit_follows(store, lease, position, &follows);
        if (follows) {
            sqlite3_stmt *append = store->statements[PAWL_SQL_LOG_APPEND];
            uint64_t key = lease->shard << PAWL_SQLITE_POSITION_BITS | position;
            sqlite3_bind_int64(append, 1, (sqlite3_int64)key);
            pawl__sqlite_bind_blob(append, 2, pawl__buf_str(&store->row));
            rc = pawl__sqlite_run(store, PAWL_SQL_LOG_APPEND);
            if (rc == SQLITE_OK) return PAWL_OK;
        }
        if (rc != SQLITE_OK && rc != SQLITE_CONSTRAINT)
            return pawl__sqlite_fail(store, store->writer, "append to the log", error);
        err = commit_explain(store, lease, error);
    }
    if (err) return err;
    return pawl__fail(error, PAWL_E_INTERNAL,
                      "%s: batch %llu does not follow the last one of shard %llu", store->path,
                      (unsigned long long)position, (unsigned long long)lease->shard);
}

static enum pawl_err commit_trim(struct pawl_sqlite *store, const struct pawl_lease *lease,
                                 uint64_t to, struct pawl_error *error) {
    sqlite3_int64 shard = (sqlite3_int64)lease->shard;
    sqlite3_stmt *find = store->statements[PAWL_SQL_LOG_LAST];
    sqlite3_bind_int64(find, 1, shard);
    uint64_t last = 0;
    if (sqlite3_step(find) == SQLITE_ROW) last = (uint64_t)sqlite3_column_int64(find, 0);
    if (sqlite3_reset(find))
        return pawl__sqlite_fail(store, store->writer, "find the end of a log", error);

    sqlite3_stmt *mark = store->statements[PAWL_SQL_SHARD_TRIM];
    sqlite3_bind_int64(mark, 1, shard);
    sqlite3_bind_int64(mark, 2, (sqlite3_int64)lease->epoch);
    sqlite3_bind_int64(mark, 3, (sqlite3_int64)to);
    if (pawl__sqlite_run(store, PAWL_SQL_SHARD_TRIM))
        return pawl__sqlite_fail(store, store->writer, "trim the log", error);
    if (sqlite3_changes(store->writer) != 1) return commit_explain(store, lease, error);
    if (to > last)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "%s: cannot trim shard %llu to %llu, its last batch is %llu", store->path,
                          (unsigned long long)lease->shard, (unsigned long long)to,
                          (unsigned long long)last);

    sqlite3_stmt *trim = store->statements[PAWL_SQL_LOG_TRIM];
    sqlite3_bind_int64(trim, 1, shard << PAWL_SQLITE_POSITION_BITS);
    sqlite3_bind_int64(trim, 2, shard << PAWL_SQLITE_POSITION_BITS | (sqlite3_int64)to);
    if (pawl__sqlite_run(store, PAWL_SQL_LOG_TRIM))
        return pawl__sqlite_fail(store, store->writer, "trim the log", error);
    return PAWL_OK;
}

// The first statements check the epoch; since the transaction has the write lock from its
// beginning, the epoch stays what it is until the end, and the rest is covered by that check.
static enum pawl_err commit_part(struct pawl_sqlite *store, const struct pawl_part *part,
                                 struct pawl_error *error) {
    const struct pawl_lease *lease = part->lease;
    if (!lease) return pawl__fail(error, PAWL_E_INTERNAL, "a part of a commit needs its lease");
    enum pawl_err err = part->batch ? commit_append(store, lease, part->batch, error)
                                    : commit_explain(store, lease, error);
    for (size_t i = 0; !err && i < part->delete_count; i++)
        err = pawl__sqlite_delete(store, lease->shard, part->deletes[i], error);
    for (size_t i = 0; !err && i < part->snapshot_count; i++)
        err = pawl__sqlite_put(store, lease->shard, &part->snapshots[i], error);
    for (size_t i = 0; !err && i < part->mail_out_count; i++)
        err = pawl__sqlite_mail_put(store, &part->mail_out[i], error);
    for (size_t i = 0; !err && i < part->mail_in_count; i++)
        err = pawl__sqlite_mail_take(store, &part->mail_in[i], error);
    if (!err && part->trim_to) err = commit_trim(store, lease, part->trim_to, error);
    return err;
}

// Whether it is the part that is at fault, rather than the store.
static bool commit_is_refusal(enum pawl_err err) {
    return err == PAWL_E_FENCED || err == PAWL_E_INTERNAL || err == PAWL_E_TOO_LARGE;
}

// Whether more has come, from |*next| on, while what there was has been written.
static bool commit_more(const struct pawl_commit *commit, struct pawl_part *const *next) {
    if (!commit->more || !commit->more(commit->arg)) return false;
    for (struct pawl_part *part = *next; part; part = part->next) pawl__error_clear(&part->result);
    return true;
}

// Applies all parts that were not refused yet. |*refused|: one was, so that all has to be rolled
// back, and done again without it. That is rare; savepoints would cost each commit.
static enum pawl_err commit_parts(struct pawl_sqlite *store, const struct pawl_commit *commit,
                                  bool *refused, struct pawl_error *error) {
    struct pawl_part *const *next = &commit->parts;
    do {
        for (; *next; next = &(*next)->next) {
            struct pawl_part *part = *next;
            if (part->result.code) continue;
            enum pawl_err err = commit_part(store, part, &part->result);
            *refused = commit_is_refusal(err);
            if (!err) continue;
            if (!*refused) {
                if (error) *error = part->result;
                pawl__error_clear(&part->result);
            }
            return err;
        }
    } while (commit_more(commit, next));
    return PAWL_OK;
}

static enum pawl_outcome commit_try(struct pawl_sqlite *store, const struct pawl_commit *commit,
                                    bool *refused, struct pawl_error *error) {
    *refused = false;
    enum pawl_err err = pawl__sqlite_begin(store, commit->at_once, error);
    if (err) return PAWL_COMMIT_NOTHING;
    pawl__sqlite_count_clear(store);
    err = commit_parts(store, commit, refused, error);
    if (!err) err = pawl__sqlite_count_write(store, error);
    for (struct pawl_state_tx *tx = commit->state; !err && tx; tx = tx->next)
        err = pawl__sqlite_apply_state(store, tx, error);
    bool applied = !err;
    err = pawl__sqlite_end(store, err, error);
    if (!err) return PAWL_COMMIT_DONE;
    // After a failed sync the commit may be in the file, and be found there after a crash.
    return applied && err == PAWL_E_IO ? PAWL_COMMIT_UNKNOWN : PAWL_COMMIT_NOTHING;
}

enum pawl_outcome pawl__sqlite_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                      struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    for (struct pawl_part *part = commit->parts; part; part = part->next)
        pawl__error_clear(&part->result);
    enum pawl_outcome outcome;
    bool refused;
    do outcome = commit_try(store, commit, &refused, error);
    while (refused);
    bool wants = outcome == PAWL_COMMIT_DONE && store->wal_pages >= store->checkpoint_at;
    if (wants && store->wal_pages >= PAWL_SQLITE_WAL_LATE) atomic_store(&base->due, true);
    // It is durable: what fails here will fail again, and is then told by |tend|.
    bool overdue = wants && store->wal_pages >= PAWL_SQLITE_WAL_OVERDUE && !commit->at_once;
    if (overdue && !pawl__sqlite_lock(store, 0, NULL)) {
        pawl__sqlite_checkpoint(store, NULL);
        pawl__sqlite_unlock(store);
    }
    return outcome;
}
