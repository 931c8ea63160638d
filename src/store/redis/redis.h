#ifndef PAWL_STORE_REDIS_REDIS_H
#define PAWL_STORE_REDIS_REDIS_H

#include "base/log.h"
#include "store/store.h"

enum pawl_redis_kind {
    PAWL_REDIS_NODE,     // one server
    PAWL_REDIS_SENTINEL, // the master that sentinels name
    PAWL_REDIS_CLUSTER
};

enum {
    PAWL_REDIS_SEEDS = 16
};

struct pawl_redis_address {
    char host[256];
    int port;
};

// A Redis server (6 or later) or Valkey. See script.c for the layout of our own keys; the user's
// are laid out as Dapr's state.redis lays them out, see state.c.
struct pawl_redis_options {
    enum pawl_redis_kind kind;
    const char *host; // NULL: "localhost". Of a cluster and of sentinels the first one
    int port;         // 0: 6379
    const struct pawl_redis_address *more; // nodes of the cluster, or sentinels
    size_t more_count;
    const char *app;    // of a cluster: whose workflows these are. Each app has a slot of its own
    const char *master; // of sentinels: its name
    const char *sentinel_username, *sentinel_password;
    const char *username, *password; // NULL or "": none
    int database;
    int64_t dial_timeout; // nanoseconds to connect in; 0: 5 s
    int64_t timeout;      // nanoseconds to wait for an answer; 0: 3 s; negative: without end
    int64_t default_ttl;  // seconds, of saves without one; 0: none
    int wait_replicas;    // that have to acknowledge each commit
    bool tls;             // by the authorities that the system trusts
    bool insecure;        // any certificate of the server will do
    const char *client_cert, *client_key; // texts in PEM; NULL: none, or both
    bool allow_eviction;                  // open a server that drops keys when its memory is full
    const struct pawl_log *log;           // is told what a crash of the server can lose
};

// Connects and looks at the server. PAWL_E_UNAVAILABLE: there is none; PAWL_E_DENIED: the
// password, a permission, or a certificate; PAWL_E_INVALID: it would drop keys when its memory is
// full, or a text is not PEM.
enum pawl_err pawl__redis_open(const struct pawl_redis_options *options, struct pawl_store **out,
                               struct pawl_error *error);

#endif
