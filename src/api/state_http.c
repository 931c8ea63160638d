#include <stdlib.h>

#include "api/state.h"
#include "wire/timestamp.h"

static json_t *state_http_parse(struct pawl_request *request) {
    json_error_t error;
    json_t *body = json_loadb(request->body.data ? request->body.data : "", request->body.len,
                              JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    if (!body)
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "failed deserializing HTTP body: line %d, column %d: %s", error.line,
                            error.column, error.text);
    return body;
}

static const char state_http_nomem[] = "out of memory";

static void state_http_malformed(struct pawl_request *request, const char *what) {
    if (what == state_http_nomem)
        pawl__api_nomem(request);
    else
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "failed deserializing HTTP body: %s", what);
}

// Reads one item of a body into |out|, in the request's arena. NULL, or what is wrong with it.
static const char *state_http_item(struct pawl_request *request, const json_t *item, bool remove,
                                   struct pawl_api_item *out) {
    const json_t *key = json_object_get(item, "key"), *etag = json_object_get(item, "etag");
    const json_t *value = json_object_get(item, "value");
    const json_t *options = json_object_get(item, "options");
    const json_t *metadata = json_object_get(item, "metadata");
    if (!json_is_object(item)) return "an item is not an object";
    if (!json_is_string(key)) return "an item's \"key\" is not a string";
    if (etag && !json_is_string(etag) && !json_is_null(etag))
        return "an item's \"etag\" is not a string";
    *out = (struct pawl_api_item){.remove = remove, .is_json = true};
    char *copy = pawl__arena_dup(
        &request->arena, (struct pawl_str){json_string_value(key), json_string_length(key)});
    out->key = (struct pawl_str){copy, json_string_length(key)};
    if (!copy) return state_http_nomem;
    if (json_is_string(etag))
        out->etag = pawl__arena_dup(&request->arena, pawl__str(json_string_value(etag)));
    const char *concurrency = json_string_value(json_object_get(options, "concurrency"));
    if (concurrency && strcmp(concurrency, "first-write") != 0 &&
        strcmp(concurrency, "last-write") != 0)
        return "an item's \"concurrency\" is neither first-write nor last-write";
    out->first_write = concurrency && strcmp(concurrency, "first-write") == 0;
    const json_t *ttl = json_object_get(metadata, "ttlInSeconds");
    if (json_is_string(ttl))
        out->ttl = pawl__arena_dup(&request->arena, pawl__str(json_string_value(ttl)));
    else if (json_is_integer(ttl))
        out->ttl = pawl__arena_format(&request->arena, "%lld", (long long)json_integer_value(ttl));
    else if (ttl)
        return "an item's \"ttlInSeconds\" is not a number";
    if (remove) return NULL;
    struct pawl_buf text = {0};
    if (pawl__api_dump(&text, value ? value : json_null()))
        out->value =
            (struct pawl_str){pawl__arena_dup(&request->arena, pawl__buf_str(&text)), text.len};
    pawl__buf_finish(&text);
    return out->value.data ? NULL : state_http_nomem;
}

static void state_http_save(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    json_t *body = state_http_parse(request);
    if (!body) return;
    size_t count = json_is_array(body) ? json_array_size(body) : 1;
    struct pawl_api_item *items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *items);
    const char *flaw = items ? NULL : state_http_nomem;
    for (size_t i = 0; !flaw && i < count; i++)
        flaw = state_http_item(request, json_is_array(body) ? json_array_get(body, i) : body, false,
                               &items[i]);
    json_decref(body);
    if (flaw) {
        state_http_malformed(request, flaw);
        return;
    }
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_SAVE);
    if (state) pawl__state_write(state, items, count);
}

// The query parameter metadata.<key>.
static char *state_http_query(struct pawl_request *request, const char *name) {
    struct pawl_str value = pawl__request_query(request, name);
    return value.data ? pawl__arena_dup(&request->arena, value) : NULL;
}

static void state_http_delete(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    struct pawl_str etag = pawl__request_header(request, "if-match");
    if (etag.len >= 2 && etag.data[0] == '"' && etag.data[etag.len - 1] == '"')
        etag = (struct pawl_str){etag.data + 1, etag.len - 2}; // RFC 9110 8.8.3 has them in quotes
    const char *concurrency = state_http_query(request, "concurrency");
    struct pawl_api_item item = {
        .key = params->values[1],
        .etag = etag.len ? pawl__arena_dup(&request->arena, etag) : NULL,
        .first_write = concurrency && strcmp(concurrency, "first-write") == 0,
        .remove = true,
    };
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_DELETE);
    if (!state) return;
    state->key = item.key;
    pawl__state_write(state, &item, 1);
}

static void state_http_transaction(void *arg, struct pawl_request *request,
                                   const struct pawl_params *params) {
    json_t *body = state_http_parse(request);
    if (!body) return;
    const json_t *operations = json_object_get(body, "operations");
    size_t count = json_array_size(operations);
    struct pawl_api_item *items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *items);
    const char *flaw = items ? NULL : state_http_nomem;
    if (!flaw && !json_is_array(operations)) flaw = "\"operations\" is not an array";
    for (size_t i = 0; !flaw && i < count; i++) {
        const json_t *one = json_array_get(operations, i);
        const char *type = json_string_value(json_object_get(one, "operation"));
        bool upsert = type && strcmp(type, "upsert") == 0;
        if (!upsert && (!type || strcmp(type, "delete") != 0)) {
            pawl__api_http_fail(request, 400, "ERR_NOT_SUPPORTED_STATE_OPERATION",
                                "operation type %s not supported", type ? type : "(none)");
            json_decref(body);
            return;
        }
        flaw = state_http_item(request, json_object_get(one, "request"), !upsert, &items[i]);
    }
    json_decref(body);
    if (flaw) {
        state_http_malformed(request, flaw);
        return;
    }
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_TRANSACTION);
    if (state) pawl__state_write(state, items, count);
}

// --- reading -------------------------------------------------------------------------------------

static void state_http_reply_get(struct pawl_api_state *state) {
    const struct pawl_state_value *value = &state->read.values[0];
    if (!value->found) {
        pawl__api_empty(state->request, 204);
        return;
    }
    char expiry[PAWL_TIME_TEXT];
    struct pawl_header headers[3];
    size_t count = 0;
    headers[count++] = (struct pawl_header){PAWL_STR("content-type"),
                                            value->is_binary ? PAWL_STR("application/octet-stream")
                                                             : PAWL_STR("application/json")};
    headers[count++] = (struct pawl_header){PAWL_STR("etag"), value->etag};
    if (value->expires_at) {
        pawl__time_format(value->expires_at, expiry);
        headers[count++] =
            (struct pawl_header){PAWL_STR("metadata.ttlexpiretime"), pawl__str(expiry)};
    }
    pawl__http_respond(state->request, 200, headers, count, value->value);
}

static void state_http_get(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_GET);
    if (!state) return;
    struct pawl_str *key = pawl__arena_alloc(&request->arena, sizeof *key);
    if (!key) {
        struct pawl_error error;
        pawl__fail_plain(&error, PAWL_E_NOMEM);
        pawl__state_fail(state, &error);
        return;
    }
    *key = params->values[1];
    pawl__state_read(state, key, 1, state_http_reply_get);
}

static void state_http_reply_bulk(struct pawl_api_state *state) {
    json_t *all = json_array();
    int lost = 0;
    for (size_t i = 0; i < state->read.count; i++) {
        const struct pawl_state_value *value = &state->read.values[i];
        json_t *one = json_object();
        lost |= json_object_set_new(
            one, "key", json_stringn(state->user_keys[i].data, state->user_keys[i].len));
        if (value->found) {
            json_t *data = json_loadb(value->value.data, value->value.len, JSON_DECODE_ANY, NULL);
            if (!data) data = json_stringn_nocheck(value->value.data, value->value.len);
            lost |= json_object_set_new(one, "data", data);
            lost |=
                json_object_set_new(one, "etag", json_stringn(value->etag.data, value->etag.len));
        }
        lost |= json_array_append_new(all, one);
    }
    if (lost) {
        json_decref(all);
        pawl__api_nomem(state->request);
        return;
    }
    pawl__api_json(state->request, 200, all);
}

static void state_http_bulk(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    json_t *body = state_http_parse(request);
    if (!body) return;
    const json_t *given = json_object_get(body, "keys");
    size_t count = json_array_size(given);
    struct pawl_str *keys = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *keys);
    const char *flaw = keys ? NULL : state_http_nomem;
    if (!json_is_array(given)) flaw = "\"keys\" is not an array";
    for (size_t i = 0; !flaw && i < count; i++) {
        const json_t *key = json_array_get(given, i);
        if (!json_is_string(key))
            flaw = "a key is not a string";
        else
            keys[i] =
                pawl__str(pawl__arena_dup(&request->arena, pawl__str(json_string_value(key))));
    }
    json_decref(body);
    if (flaw) {
        state_http_malformed(request, flaw);
        return;
    }
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_GET);
    if (state) pawl__state_read(state, keys, count, state_http_reply_bulk);
}

const struct pawl_route pawl__state_routes[] = {
    {"POST|PUT", "/v1.0/state/{store}/bulk", state_http_bulk},
    {"POST|PUT", "/v1.0/state/{store}/transaction", state_http_transaction},
    {"POST|PUT", "/v1.0/state/{store}", state_http_save},
    {"GET", "/v1.0/state/{store}/{key}", state_http_get},
    {"DELETE", "/v1.0/state/{store}/{key}", state_http_delete},
};

const size_t pawl__state_route_count = sizeof pawl__state_routes / sizeof *pawl__state_routes;
