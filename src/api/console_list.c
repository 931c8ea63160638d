#include <string.h>

#include "api/console.h"
#include "base/clock.h"
#include "runtime/filter.h"
#include "runtime/search.h"
#include "wire/columns.h"
#include "wire/status.h"

// Which instances there are: pages, and counts.

enum {
    LIST_PAGE = 100,
    LIST_MOST = 1000, // in one answer
};

struct list_ask {
    union {
        struct pawl_search search;
        struct pawl_tally tally;
    } verb;
    struct pawl_call *call;
    struct pawl_api *api;
    struct pawl_request *request;
    struct pawl_scan scan;
    uint32_t limit;
    bool by_status, by_name; // what is counted by
};

static void list_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct list_ask *ask = request->data;
    pawl__call_cancel(ask->call);
}

static void list_fail(struct pawl_request *request, const struct pawl_error *error) {
    pawl__api_http_fail(request, pawl__err_http(error->code),
                        error->code == PAWL_E_INVALID ? "ERR_MALFORMED_REQUEST" : "ERR_WORKFLOW",
                        "%s", error->text);
}

// An ask, and the query that the request's filter makes. NULL after answering.
static struct list_ask *list_ask_create(struct pawl_api *api, struct pawl_request *request,
                                        struct pawl_query *query) {
    struct pawl_error error;
    pawl__error_clear(&error);
    *query = (struct pawl_query){.order = PAWL_ORDER_NEWEST};
    if (!api->options.node) {
        pawl__api_http_fail(request, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
        return NULL;
    }
    struct pawl_str text = pawl__request_query(request, "q");
    if (pawl__api_starved(request)) return NULL;
    if (!pawl__wire_is_text(text))
        pawl__fail(&error, PAWL_E_INVALID, "the filter is not valid UTF-8 text");
    else
        pawl__filter_parse(text, pawl__clock_wall(), &request->arena, query, &error);
    if (error.code) {
        list_fail(request, &error);
        return NULL;
    }
    if (query->custom_status.len && api->options.console.hide_payloads) {
        // Whoever may ask which texts are in one learns it, letter by letter.
        pawl__api_http_fail(request, 403, "ERR_HIDDEN",
                            "this daemon hides payloads (--hide-payloads), and 'says:' looks into "
                            "custom statuses");
        return NULL;
    }
    struct list_ask *ask = pawl__arena_zalloc(&request->arena, sizeof *ask);
    if (!ask) {
        pawl__api_nomem(request);
        return NULL;
    }
    ask->api = api;
    ask->request = request;
    return ask;
}

static void list_call(struct list_ask *ask, struct pawl_call *call,
                      void (*done)(struct pawl_call *call, const struct pawl_error *error)) {
    ask->call = call;
    call->done = done;
    call->data = ask;
    ask->request->data = ask;
    ask->request->on_close = list_on_close;
    pawl__node_call(ask->api->options.node, call);
}

// --- pages ---------------------------------------------------------------------------------------

// Where a page begins: behind the last row of the one before, by its time of creation and its id.
static bool list_read_place(struct pawl_str text, struct pawl_query *query) {
    struct pawl_str rest = text, created = pawl__str_cut(&rest, '.');
    if (!text.data) return true;
    query->after_id = rest;
    return rest.len && pawl__str_to_int(created, 0, INT64_MAX, &query->after_created);
}

static bool list_read_order(struct pawl_str text, enum pawl_order *out) {
    if (!text.data || pawl__str_equal(text, PAWL_STR("-created")))
        *out = PAWL_ORDER_NEWEST;
    else if (pawl__str_equal(text, PAWL_STR("created")))
        *out = PAWL_ORDER_OLDEST;
    else
        return false;
    return true;
}

static void list_set(json_t **object, const char *key, struct pawl_str text) {
    if (text.len) pawl__json_set(object, key, json_stringn(text.data, text.len));
}

static json_t *list_tags(struct pawl_arena *arena, struct pawl_str tags) {
    json_t *object = json_object();
    struct pawl_str key, value;
    for (size_t at = 0; pawl__tags_next(arena, tags, &at, &key, &value);)
        pawl__json_set(&object, key.data, json_stringn(value.data, value.len));
    return object;
}

static json_t *list_row(const struct list_ask *ask, const struct pawl_snapshot *row) {
    json_t *json = json_pack("{s:s}", "status", pawl__status_name(row->status));
    list_set(&json, "id", row->id);
    list_set(&json, "name", row->name);
    list_set(&json, "parent", row->parent);
    list_set(&json, "failure", row->failure_type);
    if (!ask->api->options.console.hide_payloads)
        list_set(&json, "customStatus", row->custom_status);
    if (row->tags.len) pawl__json_set(&json, "tags", list_tags(&ask->request->arena, row->tags));
    pawl__console_time(&json, "created", row->created_at);
    pawl__console_time(&json, "updated", row->updated_at);
    pawl__console_time(&json, "ended", row->completed_at);
    return json;
}

static void list_next(const struct list_ask *ask, json_t **body, int64_t created_at,
                      struct pawl_str id) {
    pawl__console_text(
        body, "next",
        pawl__arena_format(&ask->request->arena, "%lld.%.*s", (long long)created_at, PAWL_FMT(id)));
}

static void list_looked(const struct list_ask *ask, json_t **body) {
    pawl__json_set(body, "looked", json_integer((json_int_t)ask->scan.looked));
}

static void list_done(struct pawl_call *call, const struct pawl_error *error) {
    struct list_ask *ask = call->data;
    const struct pawl_search *search = &ask->verb.search;
    if (error) {
        list_fail(ask->request, error);
        return;
    }
    json_t *rows = json_array();
    size_t shown = search->count < ask->limit ? search->count : ask->limit;
    for (size_t i = 0; i < shown; i++) pawl__json_add(&rows, list_row(ask, &search->rows[i]));
    json_t *body = json_pack("{s:o}", "rows", rows);
    if (search->count > shown)
        list_next(ask, &body, search->rows[shown - 1].created_at, search->rows[shown - 1].id);
    else if (ask->scan.stopped) {
        list_next(ask, &body, ask->scan.created_at, ask->scan.id);
        list_looked(ask, &body);
    }
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(ask->request, 200, body);
}

void pawl__console_list(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_query query;
    struct list_ask *ask = list_ask_create(arg, request, &query);
    if (!ask || !pawl__console_number(request, "limit", LIST_PAGE, &ask->limit)) return;
    if (ask->limit == 0 || ask->limit > LIST_MOST) ask->limit = LIST_MOST;
    if (!list_read_order(pawl__request_query(request, "sort"), &query.order)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "sort must be created or -created");
        return;
    }
    if (!list_read_place(pawl__request_query(request, "after"), &query)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "after must be the \"next\" of an earlier page");
        return;
    }
    query.limit = ask->limit + 1; // one more tells whether there are more
    ask->scan = (struct pawl_scan){.most = PAWL_SEARCH_SCAN, .arena = &request->arena};
    query.scan = &ask->scan;
    pawl__search_init(&ask->verb.search, &query, &request->arena);
    list_call(ask, &ask->verb.search.call, list_done);
}

// --- counts --------------------------------------------------------------------------------------

// Reads |text|, as "status,name". False: it is something else.
static bool count_read_by(struct pawl_str text, struct list_ask *ask) {
    if (!text.data) text = PAWL_STR("status,name");
    while (text.data) {
        struct pawl_str one = pawl__str_cut(&text, ',');
        bool status = pawl__str_equal(one, PAWL_STR("status"));
        if (!status && !pawl__str_equal(one, PAWL_STR("name"))) return false;
        *(status ? &ask->by_status : &ask->by_name) = true;
    }
    return true;
}

// Adds |row| to its group in |groups|, which has them by status and name.
static void count_add(const struct list_ask *ask, json_t **groups,
                      const struct pawl_tally_row *row) {
    const char *status = ask->by_status ? pawl__status_name(row->status) : "";
    struct pawl_str name = ask->by_name ? row->name : PAWL_STR("");
    char *key = pawl__arena_format(&ask->request->arena, "%s %.*s", status, PAWL_FMT(name));
    if (!key) {
        pawl__json_set(groups, "", NULL);
        return;
    }
    json_t *group = json_object_get(*groups, key);
    json_int_t before = json_integer_value(json_object_get(group, "n"));
    json_t *now = json_object();
    if (*status) pawl__json_set(&now, "status", json_string(status));
    pawl__json_set(&now, "n", json_integer(before + (json_int_t)row->count));
    list_set(&now, "name", name);
    pawl__json_set(groups, key, now);
}

static void count_done(struct pawl_call *call, const struct pawl_error *error) {
    struct list_ask *ask = call->data;
    const struct pawl_tally *tally = &ask->verb.tally;
    if (error) {
        list_fail(ask->request, error);
        return;
    }
    json_t *keyed = json_object(), *groups = json_array(), *group;
    const char *key;
    for (size_t i = 0; i < tally->count; i++) count_add(ask, &keyed, &tally->rows[i]);
    json_object_foreach(keyed, key, group) pawl__json_add(&groups, json_incref(group));
    if (!keyed) pawl__json_add(&groups, NULL);
    json_decref(keyed);
    json_t *body = json_pack("{s:o}", "groups", groups);
    if (ask->scan.stopped) {
        pawl__console_text(&body, "next",
                           pawl__arena_format(&ask->request->arena, "%u.%lld.%.*s", ask->scan.shard,
                                              (long long)ask->scan.created_at,
                                              PAWL_FMT(ask->scan.id)));
        list_looked(ask, &body);
    }
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(ask->request, 200, body);
}

// Where a part of a count begins: in a shard, behind a place as of a page, or at its beginning.
static bool count_read_place(struct pawl_str text, struct pawl_query *query, uint32_t *shard) {
    struct pawl_str rest = text, first = pawl__str_cut(&rest, '.');
    struct pawl_str created = pawl__str_cut(&rest, '.');
    int64_t number;
    if (!text.data) return true;
    if (!rest.data || !pawl__str_to_int(first, 0, UINT32_MAX, &number)) return false;
    *shard = (uint32_t)number;
    query->after_id = rest;
    return pawl__str_to_int(created, 0, INT64_MAX, &query->after_created);
}

void pawl__console_count(void *arg, struct pawl_request *request,
                         const struct pawl_params *params) {
    struct pawl_query query;
    struct list_ask *ask = list_ask_create(arg, request, &query);
    if (!ask) return;
    if (!count_read_by(pawl__request_query(request, "by"), ask)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "by must be status, name or status,name");
        return;
    }
    struct pawl_str parts = pawl__request_query(request, "parts");
    struct pawl_str after = pawl__request_query(request, "after");
    query.order = PAWL_ORDER_OLDEST;
    ask->scan = (struct pawl_scan){.most = PAWL_SEARCH_SCAN, .arena = &request->arena};
    if (parts.data || after.data) query.scan = &ask->scan;
    if ((parts.data && !pawl__str_equal(parts, PAWL_STR("1"))) ||
        !count_read_place(after, &query, &ask->scan.shard)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "parts must be 1, and after the \"next\" of an earlier part");
        return;
    }
    pawl__tally_init(&ask->verb.tally, &query, &request->arena);
    list_call(ask, &ask->verb.tally.call, count_done);
}
