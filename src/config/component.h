#ifndef PAWL_CONFIG_COMPONENT_H
#define PAWL_CONFIG_COMPONENT_H

// Component files: which stores an app has. Dapr's formats and rules (reference 7.1 to 7.3).

#include "config/resource.h"

// Where a Redis server is, and how it is spoken to. Zero: the store's default.
struct pawl_config_redis {
    const char *host; // NULL: the store is none of Redis
    int port, database, wait_replicas;
    const char *username, *password;
    int64_t dial_timeout, timeout; // nanoseconds; the second negative: without end
    int64_t ttl;                   // seconds, of saves without one
    bool allow_eviction;
};

// A state store, ready to be opened.
struct pawl_config_store {
    const char *name, *type, *version; // of the component
    const char *path;                  // of an SQLite file; NULL: none, or in memory
    struct pawl_config_redis redis;
    const char *table, *metadata_table;     // NULL: Dapr's
    const char *key_prefix;                 // before "||"; NULL: none
    int64_t busy_timeout, cleanup_interval; // nanoseconds; 0: the store's default
    bool holds_workflows;                   // actorStateStore
    uint32_t shards;                        // of an app that is new to the store; 0: the default
    const char *origin;                     // "file:line", for messages
    const char *instead_of;                 // the component's own type, of a local store; else NULL
};

enum {
    PAWL_CONFIG_STORES = 32
};

struct pawl_config_stores {
    struct pawl_config_store items[PAWL_CONFIG_STORES];
    size_t count;
};

// Whether stores of this type, such as "state.sqlite", can be opened.
bool pawl__component_serves(const char *type);

// Reads the component files of |folders|. Components of other types than state stores are told in
// the log and passed over. Errors name file, line and what to do.
enum pawl_err pawl__components_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *out, struct pawl_error *error);

// The store of an app that names no resources: an SQLite file in the user's data directory, which
// is created.
enum pawl_err pawl__components_default(const struct pawl_config_context *context,
                                       struct pawl_config_stores *out, struct pawl_error *error);

#endif
