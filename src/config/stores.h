#ifndef PAWL_CONFIG_STORES_H
#define PAWL_CONFIG_STORES_H

// What components say of the stores of an app.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/policy.h"
#include "base/str.h"

enum {
    PAWL_CONFIG_ADDRESSES = 16
};

struct pawl_config_address {
    const char *host;
    int port; // 0: the store's default
};

// Where a Redis server is, and how it is spoken to. Zero: the store's default.
struct pawl_config_redis {
    struct pawl_config_address hosts[PAWL_CONFIG_ADDRESSES]; // nodes of a cluster, or sentinels
    size_t host_count;                                       // 0: the store is none of Redis
    bool cluster, sentinels;
    const char *master, *sentinel_username, *sentinel_password; // of sentinels
    int database, wait_replicas;
    const char *username, *password;
    int64_t dial_timeout, timeout; // nanoseconds; the second negative: without end
    int64_t ttl;                   // seconds, of saves without one
    bool tls, insecure, allow_eviction;
    const char *client_cert, *client_key; // texts in PEM; NULL: none
};

// A PostgreSQL server and its database. NULL: not said, so that libpq's own rules hold.
struct pawl_config_postgres {
    const char *connection; // a URL, or keys and values; "" where the fields below say it all
    const char *host, *hostaddr, *port, *database, *user, *password, *ssl_root_cert;
    bool v1;         // the layout of Dapr's version 1
    int64_t timeout; // nanoseconds; 0: the store's default
};

// A state store, ready to be opened.
struct pawl_config_store {
    const char *name, *type, *version; // of the component
    const char *path;                  // of an SQLite file; NULL: none, or in memory
    struct pawl_config_redis redis;
    struct pawl_config_postgres postgres; // |connection| is NULL: the store is none of it
    const char *table, *metadata_table;   // NULL: Dapr's
    const char *key_prefix;               // before "||"; NULL: none
    int64_t busy_timeout,
        cleanup_interval;      // nanoseconds; 0: the store's default; the second negative: never
    bool holds_workflows;      // actorStateStore
    bool ignores_errors;       // what cannot be opened is passed over
    uint32_t shards;           // of an app that is new to the store; 0: the default
    int64_t lease;             // nanoseconds that one lasts; 0: the default
    const char *origin;        // "file:line", for messages
    const char *instead_of;    // the component's own type, of a local store; else NULL
    struct pawl_str said;      // all that the component says, with its secrets; for comparing
    struct pawl_policy policy; // of calls on it
};

enum {
    PAWL_CONFIG_STORES = 32
};

// A resource that is told of in the metadata, and otherwise means nothing to an app.
struct pawl_config_resource {
    const char *name, *type, *version; // type NULL: it is no component
    const char *namespace;             // "": the document names none
};

struct pawl_config_resources {
    struct pawl_config_resource items[PAWL_CONFIG_STORES]; // the first ones, should there be more
    size_t count;
};

struct pawl_config_stores {
    struct pawl_config_store items[PAWL_CONFIG_STORES];
    size_t count;
    struct pawl_config_resources secrets;  // secret stores
    struct pawl_config_resources policies; // of kind Resiliency
    struct pawl_str policies_said;         // all that these say; for comparing
};

#endif
