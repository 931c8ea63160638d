// The metadata of state.redis.

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "config/fields.h"

// What is served, what is refused, and what the client here has no use for.
const char *const pawl__redis_fields[] = {"actorStateStore",
                                          "keyPrefix",
                                          "shards",
                                          "lease",
                                          "redisHost",
                                          "redisPort",
                                          "redisUsername",
                                          "redisPassword",
                                          "redisDB",
                                          "redisType",
                                          "failover",
                                          "sentinelMasterName",
                                          "enableTLS",
                                          "clientCert",
                                          "clientKey",
                                          "insecureSkipTLSVerify",
                                          "dialTimeout",
                                          "readTimeout",
                                          "writeTimeout",
                                          "ttlInSeconds",
                                          "waitReplicas",
                                          "allowEviction",
                                          "queryIndexes",
                                          "redisMaxRetries",
                                          "maxRetries",
                                          "maxRetryBackoff",
                                          "redisMinRetryInterval",
                                          "redisMaxRetryInterval",
                                          "poolSize",
                                          "minIdleConns",
                                          "poolTimeout",
                                          "idleTimeout",
                                          "idleCheckFrequency",
                                          "maxConnAge",
                                          "useEntraID",
                                          "useAzureAD",
                                          "useOIDC",
                                          "redeliverInterval",
                                          "processingTimeout",
                                          "queueDepth",
                                          "concurrency",
                                          "maxLenApprox",
                                          "consumerID",
                                          "sentinelUsername",
                                          "sentinelPassword",
                                          "streamTTL",
                                          "oidcTokenEndpoint",
                                          "oidcClientID",
                                          "oidcClientAssertionCert",
                                          "oidcClientAssertionKey",
                                          "oidcResource",
                                          "oidcAudience",
                                          "oidcKid",
                                          "oidcScopes",
                                          "oidcCACert",
                                          NULL};

// Durations of Redis components: a bare number counts milliseconds, and -1 is no limit.
static enum pawl_err redis_time(const struct pawl_component *component, const char *name,
                                int64_t *out) {
    const char *text = pawl__field_text(component, name, NULL);
    int64_t number;
    if (!text || pawl__duration_parse(text, out)) return PAWL_OK;
    if (!pawl__str_to_int(pawl__str(text), -1, INT32_MAX, &number))
        return pawl__component_fail(
            component, "%s is \"%s\", but has to be a duration such as 3s, or milliseconds", name,
            text);
    *out = number < 0 ? -1 : number * (PAWL_SECOND / 1000);
    return PAWL_OK;
}

// Go's words for true and false.
static enum pawl_err redis_bool(const struct pawl_component *component, const char *name,
                                bool *out) {
    static const char *const words[] = {"f", "F", "0", "false", "False", "FALSE",
                                        "t", "T", "1", "true",  "True",  "TRUE"};
    const char *text = pawl__field(component, name, NULL);
    if (!text) return PAWL_OK;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i >= 6;
            return PAWL_OK;
        }
    return pawl__component_fail(component, "%s is \"%s\", but has to be true or false", name, text);
}

static const struct pawl_unserved_field redis_unserved[] = {
    {"useEntraID", "false", "tokens of Entra ID are not served"},
    {"useAzureAD", "false", "tokens of Entra ID are not served"},
    {"useOIDC", "false", "tokens of OIDC are not served"},
    {"queryIndexes", "", "queries of state are not served"},
};

// One of "host", "host:port" or "[v6]:port", beside redisPort.
static enum pawl_err redis_address(const struct pawl_component *component, struct pawl_str text,
                                   int port, struct pawl_config_address *out) {
    const char *given = pawl__arena_dup(component->context->arena, text);
    if (!given) return pawl__fail_plain(component->error, PAWL_E_NOMEM);
    const char *colon = strrchr(given, ':');
    bool is_v6 = *given == '[', has_port = colon && (!is_v6 || colon[-1] == ']');
    if (!is_v6 && colon && strchr(given, ':') != colon) has_port = false; // a bare IPv6
    out->port = port;
    if (has_port) {
        int64_t number;
        if (!pawl__str_to_int(pawl__str(colon + 1), 1, UINT16_MAX, &number))
            return pawl__component_fail(component, "redisHost \"%s\" has no port behind its ':'",
                                        given);
        if (port && port != (int)number)
            return pawl__component_fail(
                component, "redisHost \"%s\" and redisPort %d name different ports", given, port);
        out->port = (int)number;
    }
    struct pawl_str name = {given, has_port ? (size_t)(colon - given) : text.len};
    if (is_v6 && name.len > 2) name = (struct pawl_str){name.data + 1, name.len - 2};
    if (!name.len || name.len > 255)
        return pawl__component_fail(component, "redisHost \"%s\" has no host", given);
    out->host = pawl__arena_dup(component->context->arena, name);
    return out->host ? PAWL_OK : pawl__fail_plain(component->error, PAWL_E_NOMEM);
}

// What kind of server it is. Dapr takes any other word of redisType for node.
static enum pawl_err redis_kind(const struct pawl_component *component,
                                struct pawl_config_redis *redis) {
    const char *type = pawl__field_text(component, "redisType", NULL);
    enum pawl_err err = redis_bool(component, "failover", &redis->sentinels);
    if (err) return err;
    redis->cluster = type && strcmp(type, "cluster") == 0;
    if (type && !redis->cluster && strcmp(type, "node") != 0)
        return pawl__component_fail(component, "redisType is \"%s\", but has to be node or cluster",
                                    type);
    redis->master = pawl__field_text(component, "sentinelMasterName", NULL);
    redis->sentinel_username = pawl__field_text(component, "sentinelUsername", NULL);
    redis->sentinel_password = pawl__field_text(component, "sentinelPassword", NULL);
    if (redis->cluster && redis->sentinels)
        return pawl__component_fail(component,
                                    "failover of a cluster is not served: leave failover "
                                    "out, as a cluster finds its masters by itself");
    if (redis->sentinels && !redis->master)
        return pawl__component_fail(component, "failover needs sentinelMasterName, the name by "
                                               "which the sentinels know the master");
    return PAWL_OK;
}

// One server, or some of a cluster's nodes or sentinels.
static enum pawl_err redis_hosts(const struct pawl_component *component,
                                 struct pawl_config_redis *redis) {
    const char *text = pawl__field_text(component, "redisHost", NULL);
    struct pawl_str rest = pawl__str(text ? text : "localhost");
    int port = 0;
    enum pawl_err err = pawl__field_int(component, "redisPort", 1, UINT16_MAX, &port);
    while (!err && rest.len) {
        struct pawl_str one = pawl__str_cut(&rest, ',');
        while (one.len && *one.data == ' ') one = (struct pawl_str){one.data + 1, one.len - 1};
        if (redis->host_count == PAWL_CONFIG_ADDRESSES)
            return pawl__component_fail(component, "redisHost names more than %d servers",
                                        PAWL_CONFIG_ADDRESSES);
        err = redis_address(component, one, port, &redis->hosts[redis->host_count++]);
    }
    if (!err && redis->host_count > 1 && !redis->cluster && !redis->sentinels)
        return pawl__component_fail(component,
                                    "redisHost names several servers: set redisType to cluster, or "
                                    "failover and sentinelMasterName");
    return err;
}

static enum pawl_err redis_tls(const struct pawl_component *component,
                               struct pawl_config_redis *redis) {
    enum pawl_err err = redis_bool(component, "enableTLS", &redis->tls);
    if (!err) err = redis_bool(component, "insecureSkipTLSVerify", &redis->insecure);
    redis->client_cert = pawl__field_text(component, "clientCert", NULL);
    redis->client_key = pawl__field_text(component, "clientKey", NULL);
    if (!err && !redis->client_cert != !redis->client_key)
        err = pawl__component_fail(component, "%s is given without %s",
                                   redis->client_cert ? "clientCert" : "clientKey",
                                   redis->client_cert ? "clientKey" : "clientCert");
    return err;
}

enum pawl_err pawl__redis_component(const struct pawl_component *component,
                                    struct pawl_config_store *store) {
    struct pawl_config_redis *redis = &store->redis;
    int ttl = 0;
    enum pawl_err err = pawl__fields_unserved(component, redis_unserved,
                                              sizeof redis_unserved / sizeof *redis_unserved);
    if (!err) err = redis_kind(component, redis);
    if (!err) err = redis_hosts(component, redis);
    if (!err) err = redis_tls(component, redis);
    if (!err) err = pawl__field_int(component, "redisDB", 0, INT16_MAX, &redis->database);
    if (!err) err = pawl__field_int(component, "ttlInSeconds", 0, INT32_MAX, &ttl);
    if (!err) err = pawl__field_int(component, "waitReplicas", 0, INT16_MAX, &redis->wait_replicas);
    if (!err) err = redis_time(component, "dialTimeout", &redis->dial_timeout);
    if (!err) err = redis_time(component, "readTimeout", &redis->timeout);
    const char *evict = pawl__field_text(component, "allowEviction", NULL);
    redis->allow_eviction = evict && strcasecmp(evict, "true") == 0;
    redis->username = pawl__field_text(component, "redisUsername", NULL);
    redis->password = pawl__field_text(component, "redisPassword", NULL);
    redis->ttl = ttl;
    return err;
}
