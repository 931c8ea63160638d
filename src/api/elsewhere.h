#ifndef PAWL_API_ELSEWHERE_H
#define PAWL_API_ELSEWHERE_H

// One feed of the changes in all of the app's shards, with those of other daemons:
//
//   this daemon's feed ─────────────────────────► all ◄── watchers
//   another's ──/pawl.Peer/Watch, a stream──►──────┘
//
// While it has readers, this daemon has such a stream from each other daemon of the app, with the
// changes that daemon makes itself. All readers get PAWL_FEED_MISSED when a stream begins or ends,
// when changes of a shard come out of order, and when pawl__elsewhere_is_heard changes. So between
// two of these, a reader gets each change of a shard once, in the order of its log.

#include "api/watchers.h"

// The gRPC method, its messages: pawl.peer.Watch, and a stream of pawl.peer.Changes.
#define PAWL_PEER_WATCH "/pawl.Peer/Watch"

struct pawl_elsewhere;

// The node shares the app, and the api has a feed and links to others. NULL when memory is out.
struct pawl_elsewhere *pawl__elsewhere_create(struct pawl_api *api);

// The feed, for a reader that joins or rejoins now. It is kept from now on, until a minute after
// the last reader has left.
struct pawl_feed *pawl__elsewhere_listen(struct pawl_elsewhere *elsewhere);

// Whether every shard of the app is served here, or by a daemon with a stream to this one.
bool pawl__elsewhere_is_heard(const struct pawl_elsewhere *elsewhere);

// Ends all streams, and begins no more.
void pawl__elsewhere_close(struct pawl_elsewhere *elsewhere);

// Call it after the close, when no reader is left. Accepts NULL.
void pawl__elsewhere_destroy(struct pawl_elsewhere *elsewhere);

#endif
