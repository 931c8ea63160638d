#ifndef PAWL_API_WATCHERS_H
#define PAWL_API_WATCHERS_H

// Requests that are told what happens, as it happens: streams that read a feed. Clients of
// /pawl/v1/changes, and other daemons of the app.
//
// A watcher costs its place in the feed and at most PAWL_WATCHERS_PART bytes that its peer has not
// taken, beside its connection; one that is too slow is told that it has missed something. Many
// changes at once go out together, ten times a second at most.

#include "api/internal.h"
#include "observe/feed.h"

enum {
    PAWL_WATCHERS_PART = 32 << 10 // bytes that are sent at once
};

struct pawl_watchers;
struct pawl_watcher;

// How a kind of watcher is told things: each appends to |out|. False: memory is out.
struct pawl_watcher_form {
    bool (*hello)(struct pawl_buf *out, const struct pawl_watcher *watcher);
    bool (*change)(struct pawl_buf *out, const struct pawl_watcher *watcher,
                   const struct pawl_feed_change *change);
    bool (*missed)(struct pawl_buf *out, const struct pawl_watcher *watcher);
    bool (*beat)(struct pawl_buf *out, const struct pawl_watcher *watcher); // a sign of life
};

// In the request's arena, zeroed but for what the caller sets.
struct pawl_watcher {
    struct pawl_request *request;
    struct pawl_feed *feed;
    const struct pawl_watcher_form *form;
    struct pawl_str id; // of the only instance that it is about; empty: all
    uint32_t most;      // changes that are told at once; more are told as missed

    // Of watchers.c.
    struct pawl_link link;
    struct pawl_feed_reader reader;
    struct pawl_watchers *watchers;
    bool is_pending; // there is something to read
};

// Where a client was that comes back.
struct pawl_watcher_place {
    uint64_t boot, number; // as of pawl__feed_rejoin
};

// NULL when memory is out.
struct pawl_watchers *pawl__watchers_create(struct pawl_api *api);

// No request is open any more. NULL is fine.
void pawl__watchers_destroy(struct pawl_watchers *watchers);

// Begins the stream with |headers| and a hello. |place| NULL: with what comes from now on.
void pawl__watchers_begin(struct pawl_watchers *watchers, struct pawl_watcher *watcher,
                          const struct pawl_watcher_place *place, const struct pawl_header *headers,
                          size_t header_count);

struct pawl_api *pawl__watchers_api(const struct pawl_watchers *watchers);
size_t pawl__watchers_count(const struct pawl_watchers *watchers);

// Ends the streams of other daemons, which have no end of their own.
void pawl__watchers_end_daemons(struct pawl_watchers *watchers);

#endif
