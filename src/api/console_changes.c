#include "api/console_changes.h"

#include <stdlib.h>

#include "api/console.h"
#include "base/clock.h"
#include "observe/feed.h"
#include "wire/status.h"

enum {
    CHANGES_PART = 32 << 10,  // bytes that are sent at once
    CHANGES_PAUSE = 100,      // milliseconds from one part to the next
    CHANGES_BEAT = 15 * 1000, // milliseconds between signs of life
    CHANGES_WATCHERS = 256,
    CHANGES_BOOT = 16,   // digits
    CHANGES_RETRY = 2000 // milliseconds, for a client whose connection broke
};

struct pawl_watchers {
    struct pawl_api *api;
    uv_timer_t timer;
    uint64_t due;     // uv_now of the timer
    uint64_t sent_at; // of the last part
    uint64_t beat_at; // of the last sign of life
    struct pawl_link all;
    size_t count;
    struct pawl_buf text; // scratch
};

// In the request's arena.
struct watcher {
    struct pawl_link link;
    struct pawl_feed_reader reader;
    struct pawl_watchers *watchers;
    struct pawl_request *request;
    struct pawl_str id; // of the only instance that it is about; empty: all
    uint32_t most;      // changes that are told at once; more are a reset
    bool is_pending;    // there is something to read
};

static struct pawl_feed *changes_feed(const struct pawl_watchers *watchers) {
    return watchers->api->options.feed;
}

static uint64_t changes_now(const struct pawl_watchers *watchers) {
    return uv_now(watchers->api->options.loop);
}

// --- what is told --------------------------------------------------------------------------------

static const char *const changes_names[] = {
    [PAWL_CHANGE_CREATED] = "created",
    [PAWL_CHANGE_EVENT] = "event",
    [PAWL_CHANGE_TURN] = "turn",
    [PAWL_CHANGE_PURGED] = "purged",
};

// "5f3a…-17": where a client goes on that comes back.
static void changes_put_place(struct pawl_buf *out, const struct watcher *watcher) {
    char boot[CHANGES_BOOT];
    pawl__str_hex(boot, changes_feed(watcher->watchers)->boot, CHANGES_BOOT);
    pawl__buf_format(out, "id: %.*s-%llu\n", CHANGES_BOOT, boot,
                     (unsigned long long)pawl__feed_place(&watcher->reader));
}

// Frees |data|. The event is put together before its place is known to be read.
static bool changes_put(struct pawl_buf *out, const struct watcher *watcher, const char *event,
                        json_t *data) {
    pawl__buf_format(out, "event: %s\n", event);
    changes_put_place(out, watcher);
    pawl__buf_append_str(out, PAWL_STR("data: "));
    bool ok = pawl__api_dump(out, data);
    json_decref(data);
    return pawl__buf_append_str(out, PAWL_STR("\n\n")) && ok;
}

static bool changes_put_change(struct pawl_buf *out, const struct watcher *watcher,
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

// Whether this daemon serves all of the app's shards: what others do it does not hear.
static bool changes_are_all(const struct pawl_node *node) {
    for (uint32_t i = 0; i < node->count; i++)
        if (!pawl__partition_serves(&node->partitions[i])) return false;
    return node->count != 0;
}

static json_t *changes_state(const struct watcher *watcher) {
    bool all = changes_are_all(watcher->watchers->api->options.node);
    json_t *data = json_pack("{s:s}", "covers", all ? "all" : "some");
    pawl__console_time(&data, "at", pawl__clock_wall());
    return data;
}

// --- sending -------------------------------------------------------------------------------------

static void changes_on_timer(uv_timer_t *timer);

static void changes_arm(struct pawl_watchers *watchers, uint64_t due) {
    if (uv_is_active((uv_handle_t *)&watchers->timer) && watchers->due <= due) return;
    uint64_t now = changes_now(watchers);
    watchers->due = due;
    uv_timer_start(&watchers->timer, changes_on_timer, due > now ? due - now : 0, 0);
}

static void changes_end(struct watcher *watcher) {
    struct pawl_watchers *watchers = watcher->watchers;
    pawl__feed_leave(changes_feed(watchers), &watcher->reader);
    pawl__list_remove(&watcher->link);
    if (--watchers->count) return;
    uv_timer_stop(&watchers->timer);
    pawl__buf_finish(&watchers->text);
}

// Sends the scratch. Without memory the stream breaks off, and the client comes again.
static void changes_send(struct watcher *watcher, bool is_whole) {
    struct pawl_buf *text = &watcher->watchers->text;
    struct pawl_request *request = watcher->request;
    bool ok = is_whole && !text->failed && !pawl__stream_send(request, pawl__buf_str(text));
    pawl__buf_clear(text);
    text->failed = false;
    if (ok) return;
    changes_end(watcher);
    pawl__grpc_finish(request, PAWL_E_NOMEM, NULL, PAWL_STR(""));
}

// Sends what has happened, as much as is sent at once. True: there is more. Is there more behind
// what was sent, then on_drain goes on with it.
static bool changes_tell(struct watcher *watcher) {
    struct pawl_feed *feed = changes_feed(watcher->watchers);
    struct pawl_buf *text = &watcher->watchers->text;
    const struct pawl_feed_change *change;
    enum pawl_feed_result result = PAWL_FEED_NOTHING;
    bool is_missed = false, ok = true;
    uint32_t count = 0;
    if (pawl__stream_queued(watcher->request)) return false;
    while (ok && text->len < CHANGES_PART &&
           (result = pawl__feed_read(feed, &watcher->reader, &change)) != PAWL_FEED_NOTHING) {
        if (result == PAWL_FEED_MISSED) is_missed = true;
        if (is_missed || (watcher->id.len && !pawl__str_equal(watcher->id, change->id))) continue;
        is_missed = ++count > watcher->most;
        if (is_missed)
            pawl__buf_clear(text);
        else
            ok = changes_put_change(text, watcher, change);
    }
    watcher->is_pending = ok && result != PAWL_FEED_NOTHING;
    if (is_missed) ok = changes_put(text, watcher, "reset", changes_state(watcher)) && ok;
    bool is_more = watcher->is_pending && !text->len;
    if (text->len || !ok) changes_send(watcher, ok);
    return is_more;
}

// The place goes along, since most of what happens may not be this watcher's.
static void changes_beat(struct watcher *watcher) {
    struct pawl_buf *text = &watcher->watchers->text;
    if (watcher->is_pending || pawl__stream_queued(watcher->request)) return;
    changes_put_place(text, watcher);
    changes_send(watcher, pawl__buf_append_str(text, PAWL_STR("\n")));
}

static void changes_on_timer(uv_timer_t *timer) {
    struct pawl_watchers *watchers = timer->data;
    uint64_t now = changes_now(watchers);
    bool beats = now - watchers->beat_at >= CHANGES_BEAT, is_pending = false;
    if (beats) watchers->beat_at = now;
    watchers->sent_at = now;
    for (struct pawl_link *link = watchers->all.next, *next; link != &watchers->all; link = next) {
        struct watcher *watcher = PAWL_CONTAINER(link, struct watcher, link);
        next = link->next;
        if (watcher->is_pending)
            is_pending = changes_tell(watcher) || is_pending;
        else if (beats)
            changes_beat(watcher);
    }
    if (watchers->count)
        changes_arm(watchers, is_pending ? now + CHANGES_PAUSE : watchers->beat_at + CHANGES_BEAT);
}

static void changes_soon(struct watcher *watcher) {
    watcher->is_pending = true;
    changes_arm(watcher->watchers, watcher->watchers->sent_at + CHANGES_PAUSE);
}

static void changes_on_wake(struct pawl_feed_reader *reader) {
    changes_soon(PAWL_CONTAINER(reader, struct watcher, reader));
}

// A client that reads all is told all, however much that is.
static void changes_on_drain(struct pawl_request *request) {
    struct watcher *watcher = request->data;
    if (watcher->is_pending) changes_arm(watcher->watchers, changes_now(watcher->watchers));
}

static void changes_on_close(struct pawl_request *request, enum pawl_err reason) {
    (void)reason;
    changes_end(request->data);
}

// --- the request ---------------------------------------------------------------------------------

// Where a client was: it says so when it comes back. False: it says nothing, or nonsense.
static bool changes_read_place(struct pawl_request *request, uint64_t *boot, uint64_t *number) {
    struct pawl_str text = pawl__request_header(request, "last-event-id");
    if (!text.data) text = pawl__request_query(request, "after");
    struct pawl_str rest = text, digits = pawl__str_cut(&rest, '-');
    int64_t value;
    if (!text.data || digits.len != CHANGES_BOOT || !pawl__str_to_int(rest, 0, INT64_MAX, &value))
        return false;
    *boot = 0;
    *number = (uint64_t)value;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = pawl__hex_digit(digits.data[i]);
        if (digit < 0) return false;
        *boot = *boot << 4 | (uint64_t)digit;
    }
    return true;
}

static void changes_begin(struct pawl_watchers *watchers, struct watcher *watcher) {
    static const struct pawl_header headers[] = {
        {{"content-type", 12}, {"text/event-stream", 17}},
        {{"cache-control", 13}, {"no-store", 8}},
        {{"x-accel-buffering", 17}, {"no", 2}}, // a proxy would hold it back
    };
    struct pawl_request *request = watcher->request;
    struct pawl_feed *feed = changes_feed(watchers);
    uint64_t boot, number;
    if (!watchers->count++) watchers->beat_at = changes_now(watchers);
    pawl__list_add(&watchers->all, &watcher->link);
    if (changes_read_place(request, &boot, &number))
        pawl__feed_rejoin(feed, &watcher->reader, boot, number);
    else
        pawl__feed_join(feed, &watcher->reader);
    request->data = watcher;
    request->on_close = changes_on_close;
    request->on_drain = changes_on_drain;
    pawl__stream_start(request, headers, sizeof headers / sizeof *headers);
    if (!watcher->reader.waits) changes_soon(watcher);
    changes_arm(watchers, watchers->beat_at + CHANGES_BEAT);
    pawl__buf_format(&watchers->text, "retry: %d\n", CHANGES_RETRY);
    changes_send(watcher, changes_put(&watchers->text, watcher, "hello", changes_state(watcher)));
}

void pawl__console_changes(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    (void)params;
    struct pawl_api *api = arg;
    struct pawl_watchers *watchers = api->watchers;
    uint32_t most;
    if (!api->options.node || !watchers) {
        pawl__api_http_fail(request, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
        return;
    }
    if (!pawl__console_number(request, "most", INT32_MAX, &most)) return;
    if (watchers->count == CHANGES_WATCHERS) {
        pawl__request_add_header(request, PAWL_STR("retry-after"), PAWL_STR("5"));
        pawl__api_http_fail(request, 503, "ERR_TOO_MANY_WATCHERS",
                            "%d watch this daemon already, and no more may", CHANGES_WATCHERS);
        return;
    }
    struct watcher *watcher = pawl__arena_zalloc(&request->arena, sizeof *watcher);
    struct pawl_str id = pawl__request_query(request, "id");
    if (!watcher || pawl__api_starved(request)) {
        if (!watcher) pawl__api_nomem(request);
        return;
    }
    *watcher = (struct watcher){
        .reader.wake = changes_on_wake,
        .watchers = watchers,
        .request = request,
        .id = id,
        .most = most,
    };
    pawl__link_init(&watcher->link);
    changes_begin(watchers, watcher);
}

// --- life ----------------------------------------------------------------------------------------

struct pawl_watchers *pawl__watchers_create(struct pawl_api *api) {
    struct pawl_watchers *watchers = calloc(1, sizeof *watchers);
    if (!watchers) return NULL;
    watchers->api = api;
    pawl__link_init(&watchers->all);
    uv_timer_init(api->options.loop, &watchers->timer);
    watchers->timer.data = watchers;
    return watchers;
}

static void changes_on_closed(uv_handle_t *handle) {
    struct pawl_watchers *watchers = handle->data;
    pawl__buf_finish(&watchers->text);
    free(watchers);
}

void pawl__watchers_destroy(struct pawl_watchers *watchers) {
    if (watchers) uv_close((uv_handle_t *)&watchers->timer, changes_on_closed);
}
