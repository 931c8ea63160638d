#include "api/elsewhere.h"
#include "pawl_peer.pb-c.h"
#include "wire/pb.h"

// What this daemon does, told to another of the app (/pawl.Peer/Watch). Its own feed: what it hears
// of others, they tell themselves.

enum { // of pawl.peer.Changes, and of its Change
    CHANGES_CHANGES = 1,
    CHANGES_MISSED = 2,
    CHANGE_SHARD = 1,
    CHANGE_POSITION = 2,
    CHANGE_WHAT = 3,
    CHANGE_STATUS = 4,
    CHANGE_ID = 5,
    CHANGE_NAME = 6
};

// An empty message.
static bool watch_put_nothing(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    return true;
}

static bool watch_put_change(struct pawl_buf *out, const struct pawl_watcher *watcher,
                             const struct pawl_feed_change *change) {
    uint32_t status = (uint32_t)change->status << 1 ^ (uint32_t)(change->status >> 31); // sint32
    size_t size = pawl__pb_uint_size(CHANGE_SHARD, change->shard) +
                  pawl__pb_uint_size(CHANGE_POSITION, change->position) +
                  pawl__pb_uint_size(CHANGE_WHAT, change->change) +
                  pawl__pb_uint_size(CHANGE_STATUS, status) +
                  pawl__pb_field_size(CHANGE_ID, change->id.len) +
                  pawl__pb_field_size(CHANGE_NAME, change->name.len);
    return pawl__pb_put_head(out, CHANGES_CHANGES, size) &&
           pawl__pb_put_uint(out, CHANGE_SHARD, change->shard) &&
           pawl__pb_put_uint(out, CHANGE_POSITION, change->position) &&
           pawl__pb_put_uint(out, CHANGE_WHAT, change->change) &&
           pawl__pb_put_uint(out, CHANGE_STATUS, status) &&
           pawl__pb_put_bytes(out, CHANGE_ID, change->id) &&
           pawl__pb_put_bytes(out, CHANGE_NAME, change->name);
}

static bool watch_put_missed(struct pawl_buf *out, const struct pawl_watcher *watcher) {
    return pawl__pb_put_uint(out, CHANGES_MISSED, 1);
}

static const struct pawl_watcher_form watch_form = {
    .hello = watch_put_nothing,
    .change = watch_put_change,
    .missed = watch_put_missed,
    .beat = watch_put_nothing,
};

static void watch_serve(struct pawl_api *api, struct pawl_request *request) {
    const Peer__Watch *ask = pawl__api_unpack(request, &peer__watch__descriptor);
    const struct pawl_node *node = api->options.node;
    if (!ask) return;
    if (!node || !api->watchers) {
        pawl__api_fail(request, PAWL_E_UNIMPLEMENTED, PAWL_NO_RUNTIME);
        return;
    }
    if (!pawl__apps_is_own(&node->apps, ask->app, ask->namespace_)) {
        pawl__api_fail(request, PAWL_E_PRECONDITION, "the daemon is of app '%s'",
                       api->options.app_id);
        return;
    }
    struct pawl_watcher *watcher = pawl__arena_zalloc(&request->arena, sizeof *watcher);
    if (!watcher) {
        pawl__api_nomem(request);
        return;
    }
    *watcher = (struct pawl_watcher){
        .request = request, .feed = api->options.feed, .form = &watch_form, .most = UINT32_MAX};
    pawl__watchers_begin(api->watchers, watcher, NULL, NULL, 0);
}

const struct pawl_api_method_row pawl__peer_watch_methods[] = {
    {PAWL_PEER_WATCH, watch_serve},
    {NULL, NULL},
};
