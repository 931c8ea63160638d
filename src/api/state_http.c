#include "api/state.h"
#include "base/base64.h"
#include "wire/json_text.h"
#include "wire/timestamp.h"

static const char state_http_nomem[] = "out of memory";

static void state_http_malformed(struct pawl_request *request, const char *what) {
    if (what == state_http_nomem || request->arena.failed)
        pawl__api_nomem(request); // what seems to be wrong may be what could not be copied
    else
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "failed deserializing HTTP body: %s", what);
}

// The body of what is asked of |store|, checked to be JSON; false after answering what is wrong. A
// store that there is not is told first, as in Dapr.
static bool state_http_parse(struct pawl_api *api, struct pawl_request *request,
                             struct pawl_str store, struct pawl_str *body) {
    struct pawl_json_flaw flaw;
    int line, column;
    if (!pawl__state_is_known(api, request, store)) return false;
    *body = pawl__json_trim(request->body);
    if (pawl__json_check(request->body, &flaw)) return true;
    pawl__json_place(request->body, flaw.at, &line, &column);
    pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                        "failed deserializing HTTP body: line %d, column %d: %s", line, column,
                        flaw.what);
    return false;
}

// What the string under |name| stands for; no data, and PAWL_JSON_NONE or the kind of what is
// there, when it is none.
static enum pawl_json_kind state_http_text(struct pawl_request *request, struct pawl_str object,
                                           const char *name, bool any_case, struct pawl_str *out) {
    struct pawl_str value = pawl__json_get(object, name, any_case);
    enum pawl_json_kind kind = pawl__json_kind(value);
    *out = (struct pawl_str){0};
    if (kind == PAWL_JSON_STRING) pawl__json_string(&request->arena, value, out);
    return kind;
}

static const char state_http_ttl_name[] = "ttlInSeconds";

// The time to live that the query gives to each item, over the item's own.
static struct pawl_str state_http_ttl(struct pawl_request *request) {
    return pawl__request_query(request, "metadata.ttlInSeconds");
}

// Reads one item of a body into |out|, in the request's arena; its value stays where it is in the
// body, as it was written. Names are found in any case of their letters, as Go finds them. NULL, or
// what is wrong with it.
static const char *state_http_item(struct pawl_request *request, struct pawl_str item, bool remove,
                                   struct pawl_api_item *out) {
    *out = (struct pawl_api_item){.remove = remove, .is_json = true, .value = PAWL_STR("null")};
    if (pawl__json_kind(item) != PAWL_JSON_OBJECT) return "an item is not an object";
    if (state_http_text(request, item, "key", true, &out->key) != PAWL_JSON_STRING)
        return "an item's \"key\" is not a string";
    enum pawl_json_kind etag = state_http_text(request, item, "etag", true, &out->etag);
    if (etag > PAWL_JSON_NULL && etag != PAWL_JSON_STRING)
        return "an item's \"etag\" is not a string";

    struct pawl_str concurrency;
    struct pawl_str options = pawl__json_get(item, "options", true);
    enum pawl_json_kind kind = state_http_text(request, options, "concurrency", true, &concurrency);
    out->first_write = pawl__str_equal(concurrency, PAWL_STR("first-write"));
    if ((kind > PAWL_JSON_NULL && kind != PAWL_JSON_STRING) ||
        (concurrency.len && !out->first_write &&
         !pawl__str_equal(concurrency, PAWL_STR("last-write"))))
        return "an item's \"concurrency\" is neither first-write nor last-write";

    struct pawl_str metadata = pawl__json_get(item, "metadata", true);
    kind = state_http_text(request, metadata, state_http_ttl_name, false, &out->ttl);
    if (kind == PAWL_JSON_NUMBER)
        out->ttl = pawl__json_get(metadata, state_http_ttl_name, false);
    else if (kind > PAWL_JSON_NULL && kind != PAWL_JSON_STRING)
        return "an item's \"ttlInSeconds\" is not a number";
    struct pawl_str ttl = state_http_ttl(request);
    if (ttl.data) out->ttl = ttl;

    struct pawl_str value = pawl__json_get(item, "value", true);
    if (value.len) out->value = value;
    return request->arena.failed ? state_http_nomem : NULL;
}

// How many items an array has.
static size_t state_http_count(struct pawl_str array) {
    struct pawl_str item;
    size_t count = 0;
    for (size_t at = 0; pawl__json_next(array, &at, NULL, &item);) count++;
    return count;
}

// An array, or what counts as an empty one.
static bool state_http_is_list(struct pawl_str value) {
    enum pawl_json_kind kind = pawl__json_kind(value);
    return kind <= PAWL_JSON_NULL || kind == PAWL_JSON_ARRAY;
}

static void state_http_save(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_str body, item;
    if (!state_http_parse(arg, request, params->values[0], &body)) return;
    bool several = pawl__json_kind(body) == PAWL_JSON_ARRAY;
    size_t count = several ? state_http_count(body) : 1, at = 0;
    struct pawl_api_item *items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *items);
    const char *flaw = items ? NULL : state_http_nomem;
    if (!flaw && !several) flaw = state_http_item(request, body, false, &items[0]);
    for (size_t i = 0; !flaw && pawl__json_next(body, &at, NULL, &item) && several; i++)
        flaw = state_http_item(request, item, false, &items[i]);
    if (flaw) {
        state_http_malformed(request, flaw);
        return;
    }
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_SAVE);
    if (state) pawl__state_write(state, items, count);
}

static void state_http_delete(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    struct pawl_str etag = pawl__request_header(request, "if-match");
    if (etag.len >= 2 && etag.data[0] == '"' && etag.data[etag.len - 1] == '"')
        etag = (struct pawl_str){etag.data + 1, etag.len - 2}; // RFC 9110 8.8.3 has them in quotes
    struct pawl_str concurrency = pawl__request_query(request, "concurrency");
    struct pawl_api_item item = {
        .key = params->values[1],
        .etag = etag,
        .first_write = pawl__str_equal(concurrency, PAWL_STR("first-write")),
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
    struct pawl_str body, one, type;
    if (!state_http_parse(arg, request, params->values[0], &body)) return;
    struct pawl_str operations = pawl__json_get(body, "operations", true);
    size_t count = state_http_count(operations), at = 0;
    struct pawl_api_item *items = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *items);
    const char *flaw = items ? NULL : state_http_nomem;
    if (!flaw && !state_http_is_list(operations)) flaw = "\"operations\" is not an array";
    for (size_t i = 0; !flaw && pawl__json_next(operations, &at, NULL, &one); i++) {
        state_http_text(request, one, "operation", true, &type);
        bool upsert = pawl__str_equal(type, PAWL_STR("upsert"));
        if (!upsert && !pawl__str_equal(type, PAWL_STR("delete"))) {
            if (pawl__api_starved(request)) return;
            struct pawl_str name = type.len ? pawl__str_shorten(type, 100) : PAWL_STR("(none)");
            pawl__api_http_fail(request, 400, "ERR_NOT_SUPPORTED_STATE_OPERATION",
                                "operation type %.*s not supported", PAWL_FMT(name));
            return;
        }
        flaw = state_http_item(request, pawl__json_get(one, "request", true), !upsert, &items[i]);
    }
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
    headers[count++] = // of all values, whatever they are, as in Dapr
        (struct pawl_header){PAWL_STR("content-type"), PAWL_STR("application/json")};
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

// Appends |text| as a JSON string; bytes that are no text go in base64.
static void state_http_put_string(struct pawl_buf *out, struct pawl_str text) {
    struct pawl_buf coded = {0};
    if (!pawl__wire_is_text(text)) {
        pawl__base64_encode_padded(&coded, text);
        text = pawl__buf_str(&coded);
    }
    json_t *string = coded.failed ? NULL : json_stringn(text.data, text.len);
    if (!pawl__api_dump(out, string)) out->failed = true;
    json_decref(string);
    pawl__buf_finish(&coded);
}

static void state_http_put_found(struct pawl_buf *out, const struct pawl_state_value *value) {
    struct pawl_json_flaw flaw;
    if (value->value.len) pawl__buf_append_str(out, PAWL_STR(",\"data\":"));
    if (pawl__json_check(value->value, &flaw))
        pawl__buf_append_str(out, value->value);
    else if (value->value.len)
        state_http_put_string(out, value->value);
    pawl__buf_append_str(out, PAWL_STR(",\"etag\":"));
    state_http_put_string(out, value->etag);
    if (!value->expires_at) return;
    char expiry[PAWL_TIME_TEXT];
    pawl__time_format(value->expires_at, expiry);
    pawl__buf_format(out, ",\"metadata\":{\"ttlExpireTime\":\"%s\"}", expiry);
}

static void state_http_reply_bulk(struct pawl_api_state *state) {
    struct pawl_buf out = {0};
    for (size_t i = 0; i < state->read.count; i++) {
        const struct pawl_state_value *value = &state->read.values[i];
        pawl__buf_append_str(&out, i ? PAWL_STR(",{\"key\":") : PAWL_STR("[{\"key\":"));
        state_http_put_string(&out, state->user_keys[i]);
        if (value->found) state_http_put_found(&out, value);
        pawl__buf_append_str(&out, PAWL_STR("}"));
    }
    pawl__buf_append_str(&out, state->read.count ? PAWL_STR("]") : PAWL_STR("[]"));
    const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("application/json")};
    if (out.failed)
        pawl__api_nomem(state->request);
    else
        pawl__http_respond(state->request, 200, &type, 1, pawl__buf_str(&out));
    pawl__buf_finish(&out);
}

static void state_http_bulk(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_str body, key;
    if (!state_http_parse(arg, request, params->values[0], &body)) return;
    struct pawl_str given = pawl__json_get(body, "keys", true);
    size_t count = state_http_count(given), at = 0;
    struct pawl_str *keys = pawl__arena_alloc(&request->arena, (count + 1) * sizeof *keys);
    const char *flaw = keys ? NULL : state_http_nomem;
    if (!state_http_is_list(given)) flaw = "\"keys\" is not an array";
    for (size_t i = 0; !flaw && pawl__json_next(given, &at, NULL, &key); i++) {
        if (pawl__json_kind(key) != PAWL_JSON_STRING)
            flaw = "a key is not a string";
        else if (!pawl__json_string(&request->arena, key, &keys[i]))
            flaw = state_http_nomem;
    }
    if (flaw) {
        state_http_malformed(request, flaw);
        return;
    }
    struct pawl_api_state *state =
        pawl__state_begin(arg, request, params->values[0], PAWL_API_STATE_GET_BULK);
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
