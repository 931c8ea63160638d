#include "api/state.h"

#include <stdlib.h>

#include "api/details.h"
#include "api/request_meter.h"
#include "base/clock.h"

// A write goes on when its client has gone, so it lives on its own, not in the request.

static const char *const state_codes[] = {
    [PAWL_API_STATE_GET] = "ERR_STATE_GET",
    [PAWL_API_STATE_GET_BULK] = "ERR_STATE_BULK_GET",
    [PAWL_API_STATE_SAVE] = "ERR_STATE_SAVE",
    [PAWL_API_STATE_DELETE] = "ERR_STATE_DELETE",
    [PAWL_API_STATE_DELETE_BULK] = "ERR_STATE_BULK_DELETE",
    [PAWL_API_STATE_TRANSACTION] = "ERR_STATE_TRANSACTION",
};

static void state_free(struct pawl_api_state *state) {
    pawl__api_store_release(state->store);
    pawl__arena_finish(&state->arena);
    free(state);
}

static void state_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_api_state *state = request->data;
    pawl__attempts_abandon(&state->attempts);
}

// Takes the request back from the state, to answer it.
static struct pawl_request *state_release(struct pawl_api_state *state) {
    state->request->on_close = NULL;
    return state->request;
}

static void state_fail_missing(struct pawl_api *api, struct pawl_request *request,
                               struct pawl_str name) {
    char text[300];
    bool none = !api->options.stores->count;
    snprintf(text, sizeof text, "state store %.*s is not %s", PAWL_FMT(name),
             none ? "configured" : "found");
    const struct pawl_api_flaw flaw = {
        .code = none ? PAWL_E_PRECONDITION : PAWL_E_INVALID,
        .status = none ? 500 : 400,
        .name = none ? "ERR_STATE_STORE_NOT_CONFIGURED" : "ERR_STATE_STORE_NOT_FOUND",
        .reason = none ? "DAPR_STATE_NOT_CONFIGURED" : "DAPR_STATE_NOT_FOUND",
        .text = text,
        .app_id = api->options.app_id,
    };
    pawl__api_fail_with(request, &flaw);
}

bool pawl__state_is_known(struct pawl_api *api, struct pawl_request *request,
                          struct pawl_str store) {
    if (pawl__api_store_find(api->options.stores, store)) return true;
    state_fail_missing(api, request, store);
    return false;
}

struct pawl_api_state *pawl__state_begin(struct pawl_api *api, struct pawl_request *request,
                                         struct pawl_str store, enum pawl_api_state_verb verb) {
    if (pawl__api_starved(request)) return NULL; // an ETag may have been left out
    if (!pawl__state_is_known(api, request, store)) return NULL;
    struct pawl_api_store *found = pawl__api_store_find(api->options.stores, store);
    struct pawl_api_state *state = calloc(1, sizeof *state);
    if (!state) {
        pawl__api_nomem(request);
        return NULL;
    }
    state->api = api;
    state->request = request;
    state->store = pawl__api_store_hold(found);
    state->verb = verb;
    request->data = state;
    request->on_close = state_on_close;
    return state;
}

// What went wrong with |verb|, in Dapr's words.
static void state_text(const struct pawl_api_state *state, const struct pawl_error *error,
                       char out[900]) {
    const char *store = state->store->name, *what = "";
    if (error->code == PAWL_E_CONFLICT) what = "possible etag mismatch. error from state store: ";
    switch (state->verb) {
    case PAWL_API_STATE_GET:
        snprintf(out, 900, "fail to get %.*s from state store %s: %s%s", PAWL_FMT(state->key),
                 store, what, error->text);
        break;
    case PAWL_API_STATE_GET_BULK: snprintf(out, 900, "%s%s", what, error->text); break;
    case PAWL_API_STATE_SAVE:
        snprintf(out, 900, "failed saving state in state store %s: %s%s", store, what, error->text);
        break;
    case PAWL_API_STATE_DELETE:
        snprintf(out, 900, "failed deleting state with key %.*s: %s%s", PAWL_FMT(state->key), what,
                 error->text);
        break;
    case PAWL_API_STATE_DELETE_BULK:
        snprintf(out, 900, "failed deleting state in state store %s: %s%s", store, what,
                 error->text);
        break;
    case PAWL_API_STATE_TRANSACTION:
        snprintf(out, 900, "error while executing state transaction: %s%s", what, error->text);
        break;
    case PAWL_API_STATE_VERBS: break;
    }
}

static void state_answer(struct pawl_api_state *state, const struct pawl_error *error) {
    struct pawl_request *request = state_release(state);
    char text[900];
    state_text(state, error, text);
    enum pawl_err code = error->code;
    int status = 500;
    if (state->verb == PAWL_API_STATE_TRANSACTION && code != PAWL_E_NOMEM)
        code = PAWL_E_INTERNAL; // whatever the store says, as in Dapr
    else if (code == PAWL_E_CONFLICT)
        status = 409;
    else if (code == PAWL_E_INVALID)
        status = 400;
    else if (code == PAWL_E_UNAVAILABLE)
        status = 503;
    else if (code != PAWL_E_NOMEM)
        code = PAWL_E_INTERNAL;
    if (request->is_grpc) {
        const struct pawl_api_flaw flaw = {
            .code = code, .reason = state_codes[state->verb], .text = text};
        pawl__api_fail_with(request, &flaw);
    } else {
        pawl__api_http_fail(request, status, state_codes[state->verb], "%s", text);
    }
}

void pawl__state_fail(struct pawl_api_state *state, const struct pawl_error *error) {
    state_answer(state, error);
    state_free(state);
}

// Ends the request because of a key that no store is asked for.
static void state_fail_key(struct pawl_api_state *state, struct pawl_str key, const char *text) {
    struct pawl_request *request = state_release(state);
    const struct pawl_api_flaw flaw = {
        .code = PAWL_E_INVALID,
        .status = 400,
        .name = "ERR_MALFORMED_REQUEST",
        .reason = key.len ? "DAPR_STATE_ILLEGAL_KEY" : state_codes[state->verb],
        .text = text,
        .resource = key.len ? pawl__str(state->store->name) : (struct pawl_str){0},
        .field = key,
    };
    if (request->is_grpc || key.len)
        pawl__api_fail_with(request, &flaw);
    else
        pawl__api_http_fail(request, flaw.status, flaw.name, "%s", text);
    state_free(state);
}

// The key under which the store has the user's |key|; false after answering what is wrong with it.
static bool state_key(struct pawl_api_state *state, struct pawl_str key, struct pawl_str *out) {
    const char *prefix = state->store->key_prefix;
    char text[300];
    *text = 0;
    if (!key.len)
        snprintf(text, sizeof text, "state key cannot be empty");
    else if (!pawl__wire_is_text(key))
        snprintf(text, sizeof text, "the key is not valid UTF-8 text, or holds a NUL");
    else if (memmem(key.data, key.len, "||", 2))
        snprintf(text, sizeof text, "input key/keyPrefix '%.*s' can't contain '||'", PAWL_FMT(key));
    if (*text) {
        state_fail_key(state, pawl__wire_is_text(key) ? key : PAWL_STR(""), text);
        return false;
    }
    char *full = prefix ? pawl__arena_format(&state->arena, "%s||%.*s", prefix, PAWL_FMT(key))
                        : pawl__arena_dup(&state->arena, key);
    *out = pawl__str(full);
    if (full) return true;
    struct pawl_error error;
    pawl__fail_plain(&error, PAWL_E_NOMEM);
    pawl__state_fail(state, &error);
    return false;
}

// --- attempts -----------------------------------------------------------------------------------

static void state_count(const struct pawl_api_state *state, bool failed) {
    struct pawl_histogram *times = &state->store->series.times[state->verb][failed];
    if (pawl__histogram_is_on(times))
        pawl__histogram_put(times, pawl__clock_steady() - state->attempts.began);
}

static void state_written(struct pawl_state_write *write) {
    struct pawl_api_state *state = PAWL_CONTAINER(write, struct pawl_api_state, write);
    pawl__attempts_done(&state->attempts, &write->tx.result);
}

static void state_has_read(struct pawl_state_read *read) {
    struct pawl_api_state *state = PAWL_CONTAINER(read, struct pawl_api_state, read);
    pawl__attempts_done(&state->attempts, &read->result);
}

static void state_start(struct pawl_attempts *attempts) {
    struct pawl_api_state *state = PAWL_CONTAINER(attempts, struct pawl_api_state, attempts);
    if (state->reply_read) {
        memset(state->read.values, 0, state->read.count * sizeof *state->read.values);
        pawl__storage_read(state->store->storage, &state->read);
    } else {
        pawl__error_clear(&state->write.tx.result);
        pawl__storage_write(state->store->storage, &state->write);
    }
}

static void state_end(struct pawl_attempts *attempts, const struct pawl_error *error) {
    struct pawl_api_state *state = PAWL_CONTAINER(attempts, struct pawl_api_state, attempts);
    state_count(state, error->code);
    if (error->code) {
        state_answer(state, error);
        return;
    }
    struct pawl_request *request = state_release(state);
    if (state->reply_read)
        state->reply_read(state);
    else if (request->is_grpc)
        pawl__api_reply_empty(request);
    else
        pawl__api_empty(request, 204);
}

static void state_gone(struct pawl_attempts *attempts) {
    state_free(PAWL_CONTAINER(attempts, struct pawl_api_state, attempts));
}

static void state_begin(struct pawl_api_state *state) {
    static const struct pawl_attempts_ops ops = {state_start, state_end, state_gone};
    state->attempts.ops = &ops;
    state->attempts.store = state->store;
    state->attempts.loop = state->api->options.loop;
    state->attempts.log = state->api->options.log;
    pawl__attempts_begin(&state->attempts);
}

// --- writing and reading ------------------------------------------------------------------------

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
        op->etag = (struct pawl_str){pawl__arena_dup(&state->arena, item->etag), item->etag.len};
        op->first_write = item->first_write;
        op->has_ttl = item->ttl.len > 0;
        if (item->ttl.len && !pawl__str_to_int(item->ttl, -1, INT32_MAX, &op->ttl)) {
            pawl__fail(&error, PAWL_E_INVALID,
                       "incorrect value for metadata 'ttlInSeconds': '%.*s' is not a number of "
                       "seconds from -1 to %d",
                       PAWL_FMT(pawl__str_shorten(item->ttl, 60)), INT32_MAX);
            pawl__state_fail(state, &error);
            return;
        }
        if (!op->value.data || !op->etag.data) ops = NULL;
    }
    if (!ops) {
        pawl__fail_plain(&error, PAWL_E_NOMEM);
        pawl__state_fail(state, &error);
        return;
    }
    state->write.tx.ops = ops;
    state->write.tx.op_count = count;
    state->write.done = state_written;
    state_begin(state);
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
    state_begin(state);
}
