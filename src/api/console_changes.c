#include "api/console.h"
#include "api/elsewhere.h"
#include "api/watchers.h"
#include "base/clock.h"
#include "wire/status.h"

// GET /pawl/v1/changes: what happens to instances, as it happens, as a stream of events (the
// text/event-stream of the HTML standard).

enum {
    CHANGES_WATCHERS = 256,
    CHANGES_BOOT = 16,   // digits
    CHANGES_RETRY = 2000 // milliseconds, for a client whose connection broke
};

// --- what is told --------------------------------------------------------------------------------

static const char *const changes_names[] = {
    [PAWL_CHANGE_CREATED] = "created",
    [PAWL_CHANGE_EVENT] = "event",
    [PAWL_CHANGE_TURN] = "turn",
    [PAWL_CHANGE_PURGED] = "purged",
};

// "5f3a…-17": where a client goes on that comes back.
static void changes_put_place(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    char boot[CHANGES_BOOT];
    pawl__str_hex(boot, watcher->feed->boot, CHANGES_BOOT);
    pawl__buf_format(out, "id: %.*s-%llu\n", CHANGES_BOOT, boot,
                     (unsigned long long)pawl__feed_place(&watcher->reader));
}

// Frees |data|. The event is put together before its place is known to be read.
static bool changes_put(struct pawl_buf *out, const struct pawl_watcher *watcher, const char *event,
                        json_t *data) {
    pawl__buf_format(out, "event: %s\n", event);
    changes_put_place(out, watcher);
    pawl__buf_append_str(out, PAWL_STR("data: "));
    bool ok = pawl__api_dump(out, data);
    json_decref(data);
    return pawl__buf_append_str(out, PAWL_STR("\n\n")) && ok;
}

static bool changes_put_change(struct pawl_buf *out, const struct pawl_watcher *watcher,
                               const struct pawl_feed_change *change) {
    bool is_there = change->change != PAWL_CHANGE_PURGED;
    json_t *data =
        json_pack("{s:o, s:s, s:I, s:I}", "id", json_stringn(change->id.data, change->id.len),
                  "what", changes_names[change->change], "shard", (json_int_t)change->shard,
                  "position", (json_int_t)change->position);
    if (is_there && change->name.len)
        pawl__json_set(&data, "name", json_stringn(change->name.data, change->name.len));
    if (is_there) pawl__json_set(&data, "status", json_string(pawl__status_name(change->status)));
    return changes_put(out, watcher, "change", data);
}

// Whether all that happens to the app's workflows is heard here.
static bool changes_are_all(const struct pawl_api *api) {
    const struct pawl_node *node = api->options.node;
    if (api->elsewhere) return pawl__elsewhere_is_heard(api->elsewhere);
    for (uint32_t i = 0; i < node->count; i++)
        if (!pawl__partition_serves(&node->partitions[i])) return false;
    return node->count != 0;
}

static json_t *changes_state(const struct pawl_watcher *watcher) {
    bool all = changes_are_all(pawl__watchers_api(watcher->watchers));
    json_t *data = json_pack("{s:s}", "covers", all ? "all" : "some");
    pawl__console_time(&data, "at", pawl__clock_wall());
    return data;
}

static bool changes_put_hello(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    pawl__buf_format(out, "retry: %d\n", CHANGES_RETRY);
    return changes_put(out, watcher, "hello", changes_state(watcher));
}

static bool changes_put_reset(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    return changes_put(out, watcher, "reset", changes_state(watcher));
}

// The place goes along, since most of what happens may not be this watcher's.
static bool changes_put_beat(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    changes_put_place(out, watcher);
    return pawl__buf_append_str(out, PAWL_STR("\n"));
}

static const struct pawl_watcher_form changes_form = {
    .hello = changes_put_hello,
    .change = changes_put_change,
    .missed = changes_put_reset,
    .beat = changes_put_beat,
};

// --- the request ---------------------------------------------------------------------------------

// Where a client was: it says so when it comes back. False: it says nothing, or nonsense.
static bool changes_read_place(struct pawl_request *request, struct pawl_watcher_place *out) {
    struct pawl_str text = pawl__request_header(request, "last-event-id");
    if (!text.data) text = pawl__request_query(request, "after");
    struct pawl_str rest = text, digits = pawl__str_cut(&rest, '-');
    int64_t value;
    if (!text.data || digits.len != CHANGES_BOOT || !pawl__str_to_int(rest, 0, INT64_MAX, &value))
        return false;
    out->boot = 0;
    out->number = (uint64_t)value;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = pawl__hex_digit(digits.data[i]);
        if (digit < 0) return false;
        out->boot = out->boot << 4 | (uint64_t)digit;
    }
    return true;
}

void pawl__console_changes(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    struct pawl_api *api = arg;
    struct pawl_watchers *watchers = api->watchers;
    uint32_t most;
    if (!api->options.node || !watchers) {
        pawl__api_http_fail(request, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
        return;
    }
    if (!pawl__console_number(request, "most", INT32_MAX, &most)) return;
    if (pawl__watchers_count(watchers) >= CHANGES_WATCHERS) {
        pawl__request_add_header(request, PAWL_STR("retry-after"), PAWL_STR("5"));
        pawl__api_http_fail(request, 503, "ERR_TOO_MANY_WATCHERS",
                            "%d clients watch this daemon already, which is the limit",
                            CHANGES_WATCHERS);
        return;
    }
    static const struct pawl_header headers[] = {
        {{"content-type", 12}, {"text/event-stream", 17}},
        {{"cache-control", 13}, {"no-store", 8}},
        {{"x-accel-buffering", 17}, {"no", 2}}, // a proxy would hold it back
    };
    struct pawl_watcher *watcher = pawl__arena_zalloc(&request->arena, sizeof *watcher);
    struct pawl_str id = pawl__request_query(request, "id");
    if (!watcher || pawl__api_starved(request)) {
        if (!watcher) pawl__api_nomem(request);
        return;
    }
    *watcher = (struct pawl_watcher){
        .request = request,
        .feed = api->elsewhere ? pawl__elsewhere_listen(api->elsewhere) : api->options.feed,
        .form = &changes_form,
        .id = id,
        .most = most,
    };
    struct pawl_watcher_place place;
    bool comes_back = changes_read_place(request, &place);
    pawl__watchers_begin(watchers, watcher, comes_back ? &place : NULL, headers,
                         sizeof headers / sizeof *headers);
}
