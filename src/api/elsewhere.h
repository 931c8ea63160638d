#ifndef PAWL_API_ELSEWHERE_H
#define PAWL_API_ELSEWHERE_H

// What happens in all of the app's shards, also in those of other daemons, as one feed:
//
//   this daemon's feed ─────────────────────────► all ◄── watchers
//   another's ──/pawl.Peer/Watch, a stream──►──────┘
//
// While somebody listens, this daemon has such a stream from each other daemon of the app, which
// tells what that one does itself. When a stream begins or ends, a shard is told of out of its
// order, or it changes whether all is heard, all listeners are told that they have missed
// something. So what they are told of a shard is each change once, in the order of its log, up to
// the next time that they read anew.

#include "api/watchers.h"

// The gRPC method, its messages: pawl.peer.Watch, and a stream of pawl.peer.Changes.
#define PAWL_PEER_WATCH "/pawl.Peer/Watch"

struct pawl_elsewhere;

// The node shares the app, and the api has a feed and links to others. NULL when memory is out.
struct pawl_elsewhere *pawl__elsewhere_create(struct pawl_api *api);

// The feed of all, for who joins or rejoins it now: from now on, and for a minute after the last
// reader has left, it is kept.
struct pawl_feed *pawl__elsewhere_listen(struct pawl_elsewhere *elsewhere);

// Whether each shard of the app is served here, or by a daemon whose stream is here.
bool pawl__elsewhere_is_heard(const struct pawl_elsewhere *elsewhere);

// Ends all streams; none begins any more.
void pawl__elsewhere_close(struct pawl_elsewhere *elsewhere);

// Accepts NULL. It is closed, and nobody reads.
void pawl__elsewhere_destroy(struct pawl_elsewhere *elsewhere);

#endif
