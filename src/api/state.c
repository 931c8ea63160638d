#include "api/state.h"

#include <stdlib.h>

// A write goes on when its client has gone, so it lives on its own, not in the request.

static const struct state_row {
    const char *code, *text; // %s: the store's name, or the key for a delete
} state_rows[] = {
    [PAWL_API_STATE_GET] = {"ERR_STATE_GET", "fail to get %.*s from state store %s: %s"},
    [PAWL_API_STATE_SAVE] = {"ERR_STATE_SAVE", "failed saving state in state store %s: %s"},
    [PAWL_API_STATE_DELETE] = {"ERR_STATE_DELETE", "failed deleting state with key %.*s: %s"},
    [PAWL_API_STATE_TRANSACTION] = {"ERR_STATE_TRANSACTION",
                                    "error while executing state transaction: %s"},
};

static void state_free(struct pawl_api_state *state) {
    pawl__arena_finish(&state->arena);
    free(state);
}

static void state_on_close(struct pawl_request *request, enum pawl_err reason) {
    (void)reason;
    struct pawl_api_state *state = request->data;
    state->orphaned = true;
}

// Takes the request back from the state, to answer it.
static struct pawl_request *state_release(struct pawl_api_state *state) {
    state->request->on_close = NULL;
    return state->request;
}

static void state_fail_missing(struct pawl_api *api, struct pawl_request *request,
                               struct pawl_str name) {
    char text[300];
    if (!api->options.store_count) {
        snprintf(text, sizeof text, "state store %.*s is not configured", PAWL_FMT(name));
        if (request->is_grpc)
            pawl__api_fail_info(request, PAWL_E_PRECONDITION, "DAPR_STATE_NOT_CONFIGURED", text);
        else
            pawl__api_http_fail(request, 500, "ERR_STATE_STORE_NOT_CONFIGURED", "%s", text);
        return;
    }
    snprintf(text, sizeof text, "state store %.*s is not found", PAWL_FMT(name));
    if (request->is_grpc) {
        pawl__api_fail_info(request, PAWL_E_INVALID, "DAPR_STATE_NOT_FOUND", text);
        return;
    }
    json_t *store = json_stringn(name.data, name.len);
    pawl__api_json(
        request, 400,
        json_pack("{s:s, s:o, s:[{s:s, s:s, s:s, s:{s:s}}, {s:s, s:s, s:o*}]}", "errorCode",
                  "ERR_STATE_STORE_NOT_FOUND", "message", pawl__api_message(text), "details",
                  "@type", "type.googleapis.com/google.rpc.ErrorInfo", "domain", "dapr.io",
                  "reason", "DAPR_STATE_NOT_FOUND", "metadata", "appID", api->options.app_id,
                  "@type", "type.googleapis.com/google.rpc.ResourceInfo", "resourceType", "state",
                  "resourceName", store));
}

struct pawl_api_state *pawl__state_begin(struct pawl_api *api, struct pawl_request *request,
                                         struct pawl_str store, enum pawl_api_state_verb verb) {
    if (pawl__api_starved(request)) return NULL; // an ETag may have been left out
    for (size_t i = 0; i < api->options.store_count; i++) {
        const struct pawl_api_store *one = &api->options.stores[i];
        if (!pawl__str_equal(pawl__str(one->name), store)) continue;
        struct pawl_api_state *state = calloc(1, sizeof *state);
        if (!state) pawl__api_nomem(request);
        if (!state) return NULL;
        state->api = api;
        state->request = request;
        state->store = one;
        state->verb = verb;
        request->data = state;
        request->on_close = state_on_close;
        return state;
    }
    state_fail_missing(api, request, store);
    return NULL;
}

// What went wrong, by the row of the verb.
static void state_text(const struct pawl_api_state *state, const char *why, char out[900]) {
    const char *store = state->store->name;
    switch (state->verb) {
    case PAWL_API_STATE_GET:
        snprintf(out, 900, "fail to get %.*s from state store %s: %s", PAWL_FMT(state->key), store,
                 why);
        break;
    case PAWL_API_STATE_SAVE:
        snprintf(out, 900, "failed saving state in state store %s: %s", store, why);
        break;
    case PAWL_API_STATE_DELETE:
        snprintf(out, 900, "failed deleting state with key %.*s: %s", PAWL_FMT(state->key), why);
        break;
    case PAWL_API_STATE_TRANSACTION:
        snprintf(out, 900, "error while executing state transaction: %s", why);
        break;
    }
}

void pawl__state_fail(struct pawl_api_state *state, const struct pawl_error *error) {
    struct pawl_request *request = state_release(state);
    char text[900];
    state_text(state, error->text, text);
    enum pawl_err code = error->code;
    int http = 500;
    if (code == PAWL_E_CONFLICT)
        http = 409;
    else if (code == PAWL_E_INVALID)
        http = 400;
    else if (code == PAWL_E_UNAVAILABLE)
        http = 503;
    else if (code != PAWL_E_NOMEM)
        code = PAWL_E_INTERNAL;
    if (request->is_grpc)
        pawl__api_fail(request, code, "%s", text);
    else
        pawl__api_http_fail(request, http, state_rows[state->verb].code, "%s", text);
    state_free(state);
}

// The key under which the store has the user's |key|; false after answering that it is not valid.
static bool state_key(struct pawl_api_state *state, struct pawl_str key, struct pawl_str *out) {
    struct pawl_error error = {PAWL_E_OK, ""};
    const char *prefix = state->store->key_prefix;
    if (!key.len)
        pawl__fail(&error, PAWL_E_INVALID, "state key cannot be empty");
    else if (memmem(key.data, key.len, "||", 2))
        pawl__fail(&error, PAWL_E_INVALID, "input key/keyPrefix '%.*s' can't contain '||'",
                   PAWL_FMT(key));
    else if (!pawl__wire_is_text(key))
        pawl__fail(&error, PAWL_E_INVALID, "the key is not valid UTF-8 text");
    if (!error.code) {
        char *full = prefix ? pawl__arena_format(&state->arena, "%s||%.*s", prefix, PAWL_FMT(key))
                            : pawl__arena_dup(&state->arena, key);
        *out = pawl__str(full);
        if (full) return true;
        pawl__fail_plain(&error, PAWL_E_NOMEM);
    }
    // The texts of bad keys stand alone.
    struct pawl_request *request = state_release(state);
    if (request->is_grpc)
        pawl__api_fail(request, error.code, "%s", error.text);
    else
        pawl__api_http_fail(request, pawl__err_http(error.code), "ERR_MALFORMED_REQUEST", "%s",
                            error.text);
    state_free(state);
    return false;
}

// --- writing -------------------------------------------------------------------------------------

static void state_written(struct pawl_state_write *write) {
    struct pawl_api_state *state = PAWL_CONTAINER(write, struct pawl_api_state, write);
    if (state->orphaned) {
        state_free(state);
    } else if (write->tx.result.code) {
        struct pawl_error error = write->tx.result;
        pawl__state_fail(state, &error);
    } else {
        struct pawl_request *request = state_release(state);
        state_free(state);
        if (request->is_grpc)
            pawl__api_reply_empty(request);
        else
            pawl__api_empty(request, 204);
    }
}

void pawl__state_write(struct pawl_api_state *state, const struct pawl_api_item *items,
                       size_t count) {
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl_state_op *ops = pawl__arena_zalloc(&state->arena, (count + 1) * sizeof *ops);
    for (size_t i = 0; ops && i < count; i++) {
        const struct pawl_api_item *item = &items[i];
        struct pawl_state_op *op = &ops[i];
        if (!state_key(state, item->key, &op->key)) return;
        op->type = item->remove ? PAWL_STATE_DELETE : PAWL_STATE_SET;
        op->value = (struct pawl_str){pawl__arena_dup(&state->arena, item->value), item->value.len};
        op->is_binary = !item->is_json;
        if (item->etag) op->etag = pawl__str(pawl__arena_dup(&state->arena, pawl__str(item->etag)));
        op->first_write = item->first_write;
        if (item->ttl && !pawl__str_to_int(pawl__str(item->ttl), -1, INT32_MAX, &op->ttl)) {
            pawl__fail(&error, PAWL_E_INVALID,
                       "incorrect value for metadata 'ttlInSeconds': '%.60s' is not a number of "
                       "seconds from -1 to %d",
                       item->ttl, INT32_MAX);
            pawl__state_fail(state, &error);
            return;
        }
        if (!op->value.data || (item->etag && !op->etag.data)) ops = NULL;
    }
    if (!ops) {
        pawl__fail_plain(&error, PAWL_E_NOMEM);
        pawl__state_fail(state, &error);
        return;
    }
    state->write.tx.ops = ops;
    state->write.tx.op_count = count;
    state->write.done = state_written;
    pawl__storage_write(state->store->storage, &state->write);
}

// --- reading -------------------------------------------------------------------------------------

static void state_has_read(struct pawl_state_read *read) {
    struct pawl_api_state *state = PAWL_CONTAINER(read, struct pawl_api_state, read);
    if (state->orphaned) {
        state_free(state);
    } else if (read->result.code) {
        struct pawl_error error = read->result;
        pawl__state_fail(state, &error);
    } else {
        state_release(state);
        state->reply_read(state);
        state_free(state);
    }
}

void pawl__state_read(struct pawl_api_state *state, const struct pawl_str *keys, size_t count,
                      void (*reply)(struct pawl_api_state *state)) {
    struct pawl_str *full = pawl__arena_alloc(&state->arena, (count + 1) * sizeof *full);
    struct pawl_state_value *values =
        pawl__arena_zalloc(&state->arena, (count + 1) * sizeof *values);
    if (!full || !values) {
        struct pawl_error error;
        pawl__fail_plain(&error, PAWL_E_NOMEM);
        pawl__state_fail(state, &error);
        return;
    }
    if (count) state->key = keys[0];
    for (size_t i = 0; i < count; i++)
        if (!state_key(state, keys[i], &full[i])) return;
    state->user_keys = keys;
    state->reply_read = reply;
    state->read.keys = full;
    state->read.count = count;
    state->read.arena = &state->arena;
    state->read.values = values;
    state->read.done = state_has_read;
    pawl__storage_read(state->store->storage, &state->read);
}
