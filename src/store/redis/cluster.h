#ifndef PAWL_STORE_REDIS_CLUSTER_H
#define PAWL_STORE_REDIS_CLUSTER_H

// Which node of a cluster has which slot. The map is the cluster's own (CLUSTER SLOTS): fetched
// when it is first needed, after a node could not be reached, and after one has sent us elsewhere.

#include "store/redis/internal.h"

enum {
    PAWL_REDIS_SLOTS = 16384,
    PAWL_REDIS_NODES = 64 // masters and replicas; more are not remembered
};

struct pawl_redis_cluster {
    pthread_mutex_t lock; // of what follows, up to the links
    struct pawl_redis_address nodes[PAWL_REDIS_NODES];
    size_t node_count;
    uint8_t owner[PAWL_REDIS_SLOTS]; // an index of |nodes|; UINT8_MAX: not known
    bool stale;
    unsigned home; // the slot of all of our own keys
    // For the user's keys, which may be in any slot: connections to each node, of the thread that
    // writes and of the one that reads.
    struct pawl_redis_link writers[PAWL_REDIS_NODES], readers[PAWL_REDIS_NODES];
};

// The slot of a key: of the part between its first { and the next }, where there is one.
unsigned pawl__redis_slot(struct pawl_str key);

struct pawl_redis_cluster *pawl__redis_cluster_create(struct pawl_str prefix);
void pawl__redis_cluster_destroy(struct pawl_redis_cluster *cluster); // may be NULL

// Who has |slot|; asks the cluster where that is not known or in doubt. PAWL_E_UNAVAILABLE: no node
// answers, or nobody has it; PAWL_E_INVALID: the server is no cluster.
enum pawl_err pawl__redis_cluster_find(struct pawl_redis *store, unsigned slot,
                                       struct pawl_redis_address *at, struct pawl_error *error);

// A node could not be reached: the map may be old.
void pawl__redis_cluster_doubt(struct pawl_redis_cluster *cluster);

// A node has sent us elsewhere. |text|: "MOVED slot host:port". Where the host is missing it is
// that of |from|.
void pawl__redis_cluster_moved(struct pawl_redis_cluster *cluster, struct pawl_str text,
                               const struct pawl_redis_address *from);

// The connection for a user's |key|, of the thread that writes or of the one that reads.
struct pawl_redis_link *pawl__redis_cluster_link(struct pawl_redis_cluster *cluster,
                                                 struct pawl_str key, bool writes);

#endif
