#include "api/watchers.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
    WATCHERS_PAUSE = 100,      // milliseconds from one part to the next
    WATCHERS_BEAT = 15 * 1000, // milliseconds between signs of life
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

static uint64_t watchers_now(const struct pawl_watchers *watchers) {
    return uv_now(watchers->api->options.loop);
}

// --- sending -------------------------------------------------------------------------------------

static void watchers_on_timer(uv_timer_t *timer);

static void watchers_arm(struct pawl_watchers *watchers, uint64_t due) {
    if (uv_is_active((uv_handle_t *)&watchers->timer) && watchers->due <= due) return;
    uint64_t now = watchers_now(watchers);
    watchers->due = due;
    uv_timer_start(&watchers->timer, watchers_on_timer, due > now ? due - now : 0, 0);
}

static void watchers_end(struct pawl_watcher *watcher) {
    struct pawl_watchers *watchers = watcher->watchers;
    pawl__feed_leave(watcher->feed, &watcher->reader);
    pawl__list_remove(&watcher->link);
    if (--watchers->count) return;
    uv_timer_stop(&watchers->timer);
    pawl__buf_finish(&watchers->text);
}

// Sends the scratch. Without memory the stream breaks off, and the client comes again.
static void watchers_send(struct pawl_watcher *watcher, bool is_whole) {
    struct pawl_buf *text = &watcher->watchers->text;
    struct pawl_request *request = watcher->request;
    bool ok = is_whole && !text->failed && !pawl__stream_send(request, pawl__buf_str(text));
    pawl__buf_clear(text);
    text->failed = false;
    if (ok) return;
    watchers_end(watcher);
    pawl__grpc_finish(request, PAWL_E_NOMEM, NULL, PAWL_STR(""));
}

// Sends what has happened, as much as is sent at once. True: there is more. Is there more behind
// what was sent, then on_drain goes on with it.
static bool watchers_tell(struct pawl_watcher *watcher) {
    struct pawl_feed *feed = watcher->feed;
    struct pawl_buf *text = &watcher->watchers->text;
    const struct pawl_feed_change *change;
    enum pawl_feed_result result = PAWL_FEED_NOTHING;
    bool is_missed = false, ok = true;
    uint32_t count = 0;
    if (pawl__stream_queued(watcher->request)) return false;
    // Of all instances: more than are told need not be read.
    if (!watcher->id.len && pawl__feed_behind(feed, &watcher->reader) > watcher->most)
        pawl__feed_pass(&watcher->reader);
    while (ok && text->len < PAWL_WATCHERS_PART &&
           (result = pawl__feed_read(feed, &watcher->reader, &change)) != PAWL_FEED_NOTHING) {
        if (result == PAWL_FEED_MISSED) is_missed = true;
        if (is_missed || (watcher->id.len && !pawl__str_equal(watcher->id, change->id))) continue;
        is_missed = ++count > watcher->most;
        if (is_missed)
            pawl__buf_clear(text);
        else
            ok = watcher->form->change(text, watcher, change);
    }
    watcher->is_pending = ok && result != PAWL_FEED_NOTHING;
    if (is_missed) ok = watcher->form->missed(text, watcher) && ok;
    bool is_more = watcher->is_pending && !text->len;
    if (text->len || !ok) watchers_send(watcher, ok);
    return is_more;
}

// The place goes along, since most of what happens may not be this watcher's.
static void watchers_beat(struct pawl_watcher *watcher) {
    struct pawl_buf *text = &watcher->watchers->text;
    if (watcher->is_pending || pawl__stream_queued(watcher->request)) return;
    watchers_send(watcher, watcher->form->beat(text, watcher));
}

static void watchers_on_timer(uv_timer_t *timer) {
    struct pawl_watchers *watchers = timer->data;
    uint64_t now = watchers_now(watchers);
    bool beats = now - watchers->beat_at >= WATCHERS_BEAT, is_pending = false;
    if (beats) watchers->beat_at = now;
    watchers->sent_at = now;
    PAWL_LIST_EACH_SAFE(struct pawl_watcher, watcher, &watchers->all, link) {
        if (watcher->is_pending)
            is_pending = watchers_tell(watcher) || is_pending;
        else if (beats)
            watchers_beat(watcher);
    }
    if (watchers->count)
        watchers_arm(watchers,
                     is_pending ? now + WATCHERS_PAUSE : watchers->beat_at + WATCHERS_BEAT);
}

static void watchers_soon(struct pawl_watcher *watcher) {
    watcher->is_pending = true;
    watchers_arm(watcher->watchers, watcher->watchers->sent_at + WATCHERS_PAUSE);
}

static void watchers_on_wake(struct pawl_feed_reader *reader) {
    watchers_soon(PAWL_CONTAINER(reader, struct pawl_watcher, reader));
}

// A client that reads all is told all, however much that is.
static void watchers_on_drain(struct pawl_request *request) {
    struct pawl_watcher *watcher = request->data;
    if (watcher->is_pending) watchers_arm(watcher->watchers, watchers_now(watcher->watchers));
}

static void watchers_on_close(struct pawl_request *request, enum pawl_err reason) {
    watchers_end(request->data);
}

void pawl__watchers_begin(struct pawl_watchers *watchers, struct pawl_watcher *watcher,
                          const struct pawl_watcher_place *place, const struct pawl_header *headers,
                          size_t header_count) {
    struct pawl_request *request = watcher->request;
    watcher->watchers = watchers;
    watcher->reader.wake = watchers_on_wake;
    pawl__link_init(&watcher->link);
    if (!watchers->count++) watchers->beat_at = watchers_now(watchers);
    pawl__list_add(&watchers->all, &watcher->link);
    if (place)
        pawl__feed_rejoin(watcher->feed, &watcher->reader, place->boot, place->number);
    else
        pawl__feed_join(watcher->feed, &watcher->reader);
    request->data = watcher;
    request->on_close = watchers_on_close;
    request->on_drain = watchers_on_drain;
    pawl__stream_start(request, headers, header_count);
    if (!watcher->reader.waits) watchers_soon(watcher);
    watchers_arm(watchers, watchers->beat_at + WATCHERS_BEAT);
    watchers_send(watcher, watcher->form->hello(&watchers->text, watcher));
}

struct pawl_api *pawl__watchers_api(const struct pawl_watchers *watchers) {
    return watchers->api;
}

size_t pawl__watchers_count(const struct pawl_watchers *watchers) {
    return watchers->count;
}

void pawl__watchers_end_daemons(struct pawl_watchers *watchers) {
    for (struct pawl_link *link = watchers->all.next, *next; link != &watchers->all; link = next) {
        struct pawl_watcher *watcher = PAWL_CONTAINER(link, struct pawl_watcher, link);
        struct pawl_request *request = watcher->request;
        next = link->next;
        if (!request->is_grpc) continue;
        watchers_end(watcher);
        pawl__grpc_finish(request, PAWL_E_UNAVAILABLE, "shutting down", PAWL_STR(""));
    }
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

static void watchers_on_closed(uv_handle_t *handle) {
    struct pawl_watchers *watchers = handle->data;
    pawl__buf_finish(&watchers->text);
    free(watchers);
}

void pawl__watchers_destroy(struct pawl_watchers *watchers) {
    if (watchers) uv_close((uv_handle_t *)&watchers->timer, watchers_on_closed);
}
