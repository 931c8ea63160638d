// The user's state, laid out as Dapr's state.redis lays it out, so that both can work on the same
// keys: a hash with the fields data, version (a number that each save raises) and, on keys that
// were saved with first-write, first-write. Its time to live is the key's own. Facts were taken
// from Dapr 1.17, components-contrib state/redis.
//
// Where it differs: a transaction is done as a whole or not at all, and a save with first-write but
// without an ETag is refused when the key exists.

#include "store/redis/cluster.h"

// An ETag of a save: a number, which may have a sign and zeros in front; none is 0.
static bool state_version(struct pawl_str etag, int64_t *out) {
    *out = 0;
    if (!etag.len) return true;
    if (*etag.data == '+' && etag.len > 1 && etag.data[1] != '-')
        etag = (struct pawl_str){etag.data + 1, etag.len - 1};
    return pawl__str_to_int(etag, INT64_MIN, INT64_MAX, out);
}

static bool state_check(const struct pawl_state_op *op, struct pawl_error *result) {
    int64_t version;
    if (!op->key.len)
        pawl__fail(result, PAWL_E_INVALID, "the key is empty");
    else if (op->key.len + op->value.len > (size_t)448 << 20)
        pawl__fail(result, PAWL_E_TOO_LARGE, "key %.*s: the value is too large to be stored",
                   PAWL_FMT(op->key));
    else if (op->type == PAWL_STATE_SET && !state_version(op->etag, &version))
        pawl__fail(result, PAWL_E_INVALID, "invalid etag value: key %.*s: \"%.*s\" is not a number",
                   PAWL_FMT(op->key), PAWL_FMT(op->etag));
    return !result->code;
}

bool pawl__redis_add_state(const struct pawl_redis *store, struct pawl_redis_args *args,
                           struct pawl_state_tx *tx) {
    pawl__error_clear(&tx->result);
    for (size_t i = 0; i < tx->op_count; i++)
        if (!state_check(&tx->ops[i], &tx->result)) return false;
    pawl__redis_add_uint(args, tx->op_count);
    for (size_t i = 0; i < tx->op_count; i++) {
        const struct pawl_state_op *op = &tx->ops[i];
        bool set = op->type == PAWL_STATE_SET;
        int64_t version = 0, ttl = op->has_ttl || op->ttl ? op->ttl : store->options.default_ttl;
        pawl__redis_add(args, set ? PAWL_STR("s") : PAWL_STR("d"));
        pawl__redis_add(args, op->key);
        if (set && state_version(op->etag, &version))
            pawl__redis_add_int(args, version);
        else
            pawl__redis_add(args, op->etag.len ? op->etag : PAWL_STR("0"));
        pawl__redis_add(args, set && op->first_write ? PAWL_STR("1") : PAWL_STR("0"));
        pawl__redis_add(args, set ? op->value : PAWL_STR(""));
        if (ttl > 0)
            pawl__redis_add_int(args, ttl);
        else
            pawl__redis_add(args, op->has_ttl || op->ttl ? PAWL_STR("0") : PAWL_STR(""));
    }
    return true;
}

void pawl__redis_state_result(struct pawl_state_tx *tx, struct pawl_str word) {
    struct pawl_str detail = word, what = pawl__str_cut(&detail, ' ');
    int64_t index = 0;
    if (pawl__str_equal(what, PAWL_STR("ok"))) return;
    pawl__str_to_int(detail, 0, INT64_MAX, &index);
    struct pawl_str key =
        (size_t)index < tx->op_count ? tx->ops[index].key : (struct pawl_str){"?", 1};
    if (pawl__str_equal(what, PAWL_STR("number")))
        pawl__fail(&tx->result, PAWL_E_CORRUPT,
                   "key %.*s: its field \"version\" is not a number; correct or delete the key",
                   PAWL_FMT(key));
    else
        pawl__fail(&tx->result, PAWL_E_CONFLICT, "key %.*s: %s", PAWL_FMT(key),
                   pawl__str_equal(what, PAWL_STR("exists"))
                       ? "it exists already, and was or is saved with first-write"
                       : "it was changed since its ETag was read");
}

// --- reading ------------------------------------------------------------------------------------

static struct pawl_str state_copy(struct pawl_arena *arena, struct pawl_str text) {
    return (struct pawl_str){pawl__arena_dup(arena, text), text.len};
}

static enum pawl_err state_take(const struct pawl_redis *store, struct pawl_str key,
                                const redisReply *reply, struct pawl_arena *arena,
                                struct pawl_state_value *out, struct pawl_error *error) {
    bool data = false, version = false;
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        struct pawl_str field = pawl__redis_str(reply->element[i]);
        struct pawl_str value = pawl__redis_str(reply->element[i + 1]);
        if (pawl__str_equal(field, PAWL_STR("data"))) {
            out->value = state_copy(arena, value);
            data = true;
        } else if (pawl__str_equal(field, PAWL_STR("version"))) {
            out->etag = state_copy(arena, value);
            version = true;
        }
    }
    out->found = data && version;
    if (reply->elements && !out->found)
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "%s: required hash field \"%s\" of key %.*s is missing; is it another "
                          "program's?",
                          store->name, data ? "version" : "data", PAWL_FMT(key));
    return arena->failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : PAWL_OK;
}

static enum pawl_err state_ask(struct pawl_redis *store, const char *command, struct pawl_str key,
                               redisReply **reply, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    pawl__redis_add(&args, pawl__str(command));
    pawl__redis_add(&args, key);
    struct pawl_redis_link *link =
        store->cluster ? pawl__redis_cluster_link(store->cluster, key, false) : &store->reader;
    enum pawl_err err = pawl__redis_read_at(store, link, &args, reply, error);
    pawl__redis_args_finish(&args);
    return err;
}

enum pawl_err pawl__redis_get_state(struct pawl_store *base, struct pawl_str key,
                                    struct pawl_arena *arena, struct pawl_state_value *out,
                                    struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    redisReply *reply;
    *out = (struct pawl_state_value){0};
    enum pawl_err err = state_ask(store, "HGETALL", key, &reply, error);
    if (!err) {
        err = state_take(store, key, reply, arena, out, error);
        freeReplyObject(reply);
        return err;
    }
    if (err != PAWL_E_IO) return err;
    // A plain string, which others have set, is a value without an ETag, as for Dapr.
    struct pawl_error second;
    if (state_ask(store, "GET", key, &reply, &second)) return err;
    out->found = reply->type == REDIS_REPLY_STRING;
    if (out->found) out->value = state_copy(arena, pawl__redis_str(reply));
    if (out->found) out->etag = state_copy(arena, PAWL_STR(""));
    freeReplyObject(reply);
    return arena->failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : PAWL_OK;
}
