// User state, in the table of Dapr's own state.sqlite component, so that a file can be moved
// between the two: binary values in base64, times as UTC text with seconds. A key whose time has
// passed is missing for every operation, whether its row is still there or not.

#include "base/base64.h"
#include "store/etag.h"
#include "store/sqlite/internal.h"

#include <stdio.h>

// Decodes |text| into |arena|.
static enum pawl_err state_decode(struct pawl_str text, struct pawl_arena *arena,
                                  struct pawl_str *out) {
    struct pawl_buf bytes = {0};
    bool good = pawl__base64_decode(&bytes, text), failed = bytes.failed;
    *out =
        (struct pawl_str){good ? pawl__arena_dup(arena, pawl__buf_str(&bytes)) : NULL, bytes.len};
    pawl__buf_finish(&bytes);
    if (!good && !failed) return PAWL_E_CORRUPT;
    return out->data ? PAWL_OK : PAWL_E_NOMEM;
}

// --- reading --------------------------------------------------------------------------------

static enum pawl_err state_read(struct pawl_sqlite *store, sqlite3_stmt *find, struct pawl_str key,
                                struct pawl_arena *arena, struct pawl_state_value *out,
                                struct pawl_error *error) {
    struct pawl_str value = pawl__sqlite_column(find, 0);
    struct pawl_str etag = pawl__sqlite_column(find, 2);
    struct pawl_state_value found = {.found = true,
                                     .is_binary = sqlite3_column_int(find, 1) != 0,
                                     .expires_at = sqlite3_column_int64(find, 3) * PAWL_SECOND};
    if (found.is_binary) {
        enum pawl_err err = state_decode(value, arena, &found.value);
        if (err == PAWL_E_CORRUPT)
            return pawl__fail(error, err,
                              "%s: the value of key %.*s in table %s is marked as binary, but is "
                              "not base64; delete or correct that row",
                              store->path, PAWL_FMT(key), store->state_table);
    } else {
        found.value = (struct pawl_str){pawl__arena_dup(arena, value), value.len};
    }
    found.etag = (struct pawl_str){pawl__arena_dup(arena, etag), etag.len};
    if (!found.value.data || !found.etag.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    *out = found;
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_get_state(struct pawl_store *base, struct pawl_str key,
                                     struct pawl_arena *arena, struct pawl_state_value *out,
                                     struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    *out = (struct pawl_state_value){0};
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_STATE];
    pawl__sqlite_bind_text(find, 1, key);
    int rc = sqlite3_step(find);
    enum pawl_err err = PAWL_OK;
    if (rc == SQLITE_ROW)
        err = state_read(store, find, key, arena, out, error);
    else if (rc != SQLITE_DONE)
        err = pawl__sqlite_fail(store, store->reader, "read a key", error);
    sqlite3_reset(find);
    return err;
}

// --- writing --------------------------------------------------------------------------------

static enum pawl_err state_fail(struct pawl_sqlite *store, const char *doing,
                                struct pawl_error *error) {
    return pawl__sqlite_fail(store, store->writer, doing, error);
}

// Checks what |op| demands of the key's present ETag. The transaction's result is in |result|;
// another value than PAWL_OK is returned when the check itself failed.
static enum pawl_err state_check(struct pawl_sqlite *store, const struct pawl_state_op *op,
                                 struct pawl_error *result, struct pawl_error *error) {
    bool create = op->type == PAWL_STATE_SET && op->first_write && op->etag.len == 0;
    if (op->key.len == 0) {
        pawl__fail(result, PAWL_E_INVALID, "the key is empty");
        return PAWL_OK;
    }
    if (op->etag.len == 0 && !create) return PAWL_OK;

    sqlite3_stmt *find = store->statements[PAWL_SQL_STATE_ETAG];
    pawl__sqlite_bind_text(find, 1, op->key);
    bool found = sqlite3_step(find) == SQLITE_ROW;
    bool match = create ? !found : found && pawl__str_equal(pawl__sqlite_column(find, 0), op->etag);
    if (sqlite3_reset(find)) return state_fail(store, "read a key", error);
    if (!match)
        pawl__fail(result, PAWL_E_CONFLICT, "key %.*s: %s", PAWL_FMT(op->key),
                   create ? "it exists already"
                          : "it was changed or deleted since its ETag was read");
    return PAWL_OK;
}

static enum pawl_err state_set(struct pawl_sqlite *store, const struct pawl_state_op *op,
                               struct pawl_error *error) {
    struct pawl_str value = op->value;
    if (op->is_binary) {
        pawl__buf_clear(&store->text);
        if (!pawl__base64_encode_padded(&store->text, op->value))
            return pawl__fail_plain(error, PAWL_E_NOMEM);
        value = pawl__buf_str(&store->text);
    }
    char etag[PAWL_ETAG_LEN + 1], expiry[32];
    pawl__etag_new(etag);
    sqlite3_stmt *set = store->statements[PAWL_SQL_STATE_SET];
    pawl__sqlite_bind_text(set, 1, op->key);
    pawl__sqlite_bind_text(set, 2, value);
    sqlite3_bind_int(set, 3, op->is_binary);
    pawl__sqlite_bind_text(set, 4, pawl__str(etag));
    if (op->ttl > 0) {
        snprintf(expiry, sizeof expiry, "+%lld seconds", (long long)op->ttl);
        pawl__sqlite_bind_text(set, 5, pawl__str(expiry));
    } else {
        sqlite3_bind_null(set, 5); // makes datetime() NULL
    }
    if (pawl__sqlite_run(store, PAWL_SQL_STATE_SET)) return state_fail(store, "write a key", error);
    return PAWL_OK;
}

static enum pawl_err state_apply(struct pawl_sqlite *store, const struct pawl_state_op *op,
                                 struct pawl_error *result, struct pawl_error *error) {
    if (op->key.len + op->value.len > PAWL_SQLITE_VALUE_MAX) {
        pawl__fail(result, PAWL_E_TOO_LARGE, "key %.*s: the value is too large to be stored",
                   PAWL_FMT(op->key));
        return PAWL_OK;
    }
    enum pawl_err err = state_check(store, op, result, error);
    if (err || result->code) return err;
    if (op->type == PAWL_STATE_SET) return state_set(store, op, error);
    sqlite3_stmt *delete = store->statements[PAWL_SQL_STATE_DELETE];
    pawl__sqlite_bind_text(delete, 1, op->key);
    if (pawl__sqlite_run(store, PAWL_SQL_STATE_DELETE))
        return state_fail(store, "delete a key", error);
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_apply_state(struct pawl_sqlite *store, struct pawl_state_tx *tx,
                                       struct pawl_error *error) {
    // One operation that fails its check has changed nothing, and needs no savepoint.
    bool several = tx->op_count > 1;
    tx->result = (struct pawl_error){0};
    if (several && pawl__sqlite_run(store, PAWL_SQL_SAVE))
        return state_fail(store, "write keys", error);
    for (size_t i = 0; i < tx->op_count && !tx->result.code; i++) {
        enum pawl_err err = state_apply(store, &tx->ops[i], &tx->result, error);
        if (err) return err;
    }
    if (several && tx->result.code && pawl__sqlite_run(store, PAWL_SQL_SAVE_UNDO))
        return state_fail(store, "write keys", error);
    if (several && pawl__sqlite_run(store, PAWL_SQL_SAVE_END))
        return state_fail(store, "write keys", error);
    return PAWL_OK;
}
