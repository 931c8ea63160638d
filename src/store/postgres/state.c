// The user's state, laid out as Dapr's components state.postgresql lay it out: v1 keeps values as
// jsonb (bytes as a JSON string in base64), and a row's xmin is its ETag; v2 keeps bytes, and a
// UUID.

#include <ctype.h>

#include "base/base64.h"
#include "base/utf8.h"
#include "store/postgres/internal.h"

// A save that checks nothing always gives a row; so does one whose check holds.
bool pawl__pg_state_is_conditional(const struct pawl_state_op *op) {
    return op->etag.len || (op->type == PAWL_STATE_SET && op->first_write);
}

void pawl__pg_state_conflict(const struct pawl_state_op *op, struct pawl_error *result) {
    pawl__fail(result, PAWL_E_CONFLICT, "key %.*s: %s", PAWL_FMT(op->key),
               op->etag.len ? "it was changed or deleted since its ETag was read"
                            : "it exists already");
}

// --- checks without the server --------------------------------------------------------------

// 36 characters with dashes, 32 without; case, braces and "urn:uuid:" do not matter.
static bool state_is_uuid(struct pawl_str etag) {
    size_t digits = 0;
    struct pawl_str urn = PAWL_STR("urn:uuid:");
    if (pawl__str_starts(etag, urn)) etag.data += urn.len, etag.len -= urn.len;
    if (etag.len > 2 && etag.data[0] == '{' && etag.data[etag.len - 1] == '}')
        etag.data++, etag.len -= 2;
    for (size_t i = 0; i < etag.len; i++) {
        bool dash = etag.len == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash ? etag.data[i] != '-' : !isxdigit((unsigned char)etag.data[i])) return false;
        digits += !dash;
    }
    return digits == 32;
}

// A text that PostgreSQL takes: UTF-8, and no NUL.
static bool state_is_text(struct pawl_str text) {
    const char *at = text.data, *end = at + text.len;
    for (size_t len; at < end; at += len)
        if (!*at || !(len = pawl__utf8_length(at, end))) return false;
    return true;
}

static void state_check(const struct pawl_postgres *store, const struct pawl_state_op *op,
                        struct pawl_error *result) {
    int64_t number;
    if (!op->key.len)
        pawl__fail(result, PAWL_E_INVALID, "the key is empty");
    else if (!state_is_text(op->key))
        pawl__fail(result, PAWL_E_INVALID, "key %.*s: PostgreSQL takes keys in UTF-8 without NUL",
                   PAWL_FMT(op->key));
    else if (op->value.len > ((size_t)700 << 20))
        pawl__fail(result, PAWL_E_TOO_LARGE, "key %.*s: the value is too large to be stored",
                   PAWL_FMT(op->key));
    else if (op->etag.len && store->v1 && !pawl__str_to_int(op->etag, 0, UINT32_MAX, &number))
        pawl__fail(result, PAWL_E_INVALID, "key %.*s: \"%.*s\" is not an ETag of this store",
                   PAWL_FMT(op->key), PAWL_FMT(op->etag));
    else if (op->etag.len && !store->v1 && !state_is_uuid(op->etag))
        pawl__pg_state_conflict(op, result);
}

void pawl__pg_check_state(const struct pawl_postgres *store, struct pawl_state_tx *tx) {
    pawl__error_clear(&tx->result);
    for (size_t i = 0; i < tx->op_count && !tx->result.code; i++)
        state_check(store, &tx->ops[i], &tx->result);
}

// --- writing --------------------------------------------------------------------------------

static bool state_send_delete(struct pawl_postgres *store, const struct pawl_state_op *op) {
    struct pawl_pg_params params = {0};
    int64_t number = 0;
    pawl__pg_bytes(&params, op->key);
    if (!op->etag.len)
        return pawl__pg_send(&store->writer, store->v1 ? PAWL_PG_V1_DELETE : PAWL_PG_V2_DELETE,
                             &params);
    if (store->v1 && pawl__str_to_int(op->etag, 0, UINT32_MAX, &number))
        pawl__pg_int(&params, number);
    else
        pawl__pg_bytes(&params, op->etag);
    return pawl__pg_send(&store->writer, store->v1 ? PAWL_PG_V1_REMOVE : PAWL_PG_V2_REMOVE,
                         &params);
}

// The bytes of |op|'s value as v1 has them: JSON, or a string of base64.
static bool state_v1_value(struct pawl_postgres *store, const struct pawl_state_op *op,
                           struct pawl_str *out) {
    *out = op->value;
    if (!op->is_binary) return true;
    pawl__buf_clear(&store->text);
    pawl__buf_append(&store->text, "\"", 1);
    pawl__base64_encode_padded(&store->text, op->value);
    pawl__buf_append(&store->text, "\"", 1);
    *out = pawl__buf_str(&store->text);
    return !store->text.failed;
}

bool pawl__pg_send_state(struct pawl_postgres *store, const struct pawl_state_op *op,
                         bool *expects) {
    struct pawl_pg_params params = {0};
    struct pawl_str value = op->value;
    int64_t number = 0;
    *expects = pawl__pg_state_is_conditional(op);
    if (op->type == PAWL_STATE_DELETE) return state_send_delete(store, op);
    if (store->v1 && !state_v1_value(store, op, &value)) return false;
    pawl__pg_bytes(&params, op->key);
    pawl__pg_bytes(&params, value);
    if (store->v1) pawl__pg_int(&params, op->is_binary);
    if (op->ttl > 0)
        pawl__pg_int(&params, op->ttl);
    else
        pawl__pg_null(&params);
    if (op->etag.len && store->v1 && pawl__str_to_int(op->etag, 0, UINT32_MAX, &number))
        pawl__pg_int(&params, number);
    else if (op->etag.len)
        pawl__pg_bytes(&params, op->etag);
    enum pawl_pg_statement statement =
        op->etag.len      ? (store->v1 ? PAWL_PG_V1_UPDATE : PAWL_PG_V2_UPDATE)
        : op->first_write ? (store->v1 ? PAWL_PG_V1_CREATE : PAWL_PG_V2_CREATE)
                          : (store->v1 ? PAWL_PG_V1_SET : PAWL_PG_V2_SET);
    return pawl__pg_send(&store->writer, statement, &params);
}

// --- reading --------------------------------------------------------------------------------

static enum pawl_err state_value(struct pawl_postgres *store, const PGresult *result,
                                 struct pawl_str key, struct pawl_arena *arena,
                                 struct pawl_state_value *out, struct pawl_error *error) {
    struct pawl_state_value found = {.found = true,
                                     .value = pawl__pg_value(result, 0, 0),
                                     .is_binary = pawl__pg_true(result, 0, 1),
                                     .etag = pawl__pg_value(result, 0, 2),
                                     .expires_at = pawl__pg_number(result, 0, 3) * PAWL_SECOND};
    struct pawl_buf bytes = {0};
    bool decode = store->v1 && found.is_binary;
    if (decode && !pawl__base64_decode(&bytes, found.value) && !bytes.failed) {
        pawl__buf_finish(&bytes);
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "%s: the value of key %.*s in table %s is marked as binary, but is not "
                          "base64; delete or correct that row",
                          store->where, PAWL_FMT(key), store->state_table);
    }
    if (decode) found.value = pawl__buf_str(&bytes);
    bool ok =
        !bytes.failed && pawl__pg_keep(arena, &found.value) && pawl__pg_keep(arena, &found.etag);
    if (ok) *out = found;
    pawl__buf_finish(&bytes);
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__pg_get_state(struct pawl_store *base, struct pawl_str key,
                                 struct pawl_arena *arena, struct pawl_state_value *out,
                                 struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    *out = (struct pawl_state_value){0};
    if (!state_is_text(key)) return PAWL_OK; // there can be none
    pawl__pg_bytes(&params, key);
    enum pawl_err err = pawl__pg_run(&store->reader, store->v1 ? PAWL_PG_V1_GET : PAWL_PG_V2_GET,
                                     &params, &result, error);
    if (!err && PQntuples(result)) err = state_value(store, result, key, arena, out, error);
    PQclear(result);
    return err;
}
