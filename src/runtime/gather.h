#ifndef PAWL_RUNTIME_GATHER_H
#define PAWL_RUNTIME_GATHER_H

// A search or a count in an app of several shards: the answers of all shards, put together. The
// answer of a shard is that of one moment; other shards may answer for other moments. A count with
// a scan goes from shard to shard, as far as it comes in a moment, so that where it stops is one
// place.

#include "runtime/search.h"

static inline bool pawl__gather_is_for(const struct pawl_call *call) {
    return call->verb->kind == PAWL_VERB_SEARCH || call->verb->kind == PAWL_VERB_TALLY;
}

// Makes |call|, a pawl_search or pawl_tally, of those of |shards| shards, each begun by |begin|.
// PAWL_E_NOMEM.
enum pawl_err pawl__gather_begin(struct pawl_call *call, uint32_t shards,
                                 void (*begin)(void *arg, struct pawl_call *call), void *arg);

#endif
