// The metadata of state.redis.

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "config/fields.h"

// What is served, what is refused, and what the client here has no use for.
const char *const pawl__redis_fields[] = {"actorStateStore",
                                          "keyPrefix",
                                          "shards",
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

static const struct pawl_unserved_field redis_unserved[] = {
    {"redisType", "node", "clusters are not served"},
    {"failover", "false", "sentinels are not served"},
    {"useEntraID", "false", "tokens of Entra ID are not served"},
    {"useAzureAD", "false", "tokens of Entra ID are not served"},
    {"useOIDC", "false", "tokens of OIDC are not served"},
    {"queryIndexes", "", "queries of state are not served"},
};

// "host", "host:port" or "[v6]:port", beside redisPort.
static enum pawl_err redis_host(const struct pawl_component *component,
                                struct pawl_config_redis *redis) {
    const char *host = pawl__field_text(component, "redisHost", NULL), *colon;
    enum pawl_err err = pawl__field_int(component, "redisPort", 1, UINT16_MAX, &redis->port);
    if (err) return err;
    redis->host = host ? host : "localhost";
    if (strchr(redis->host, ','))
        return pawl__component_fail(
            component, "redisHost names several servers: clusters and sentinels are not "
                       "served");
    colon = strrchr(redis->host, ':');
    bool is_v6 = *redis->host == '[', has_port = colon && (!is_v6 || colon[-1] == ']');
    if (!is_v6 && colon && strchr(redis->host, ':') != colon) has_port = false; // a bare IPv6
    if (has_port) {
        int64_t port;
        if (!pawl__str_to_int(pawl__str(colon + 1), 1, UINT16_MAX, &port))
            return pawl__component_fail(component, "redisHost \"%s\" has no port behind its ':'",
                                        host);
        if (redis->port && redis->port != (int)port)
            return pawl__component_fail(component,
                                        "redisHost \"%s\" and redisPort %d name different ports",
                                        host, redis->port);
        redis->port = (int)port;
    }
    struct pawl_str name = {redis->host,
                            has_port ? (size_t)(colon - redis->host) : strlen(redis->host)};
    if (is_v6 && name.len > 2) name = (struct pawl_str){name.data + 1, name.len - 2};
    redis->host = pawl__arena_dup(component->context->arena, name);
    return redis->host ? PAWL_OK : pawl__fail_plain(component->error, PAWL_E_NOMEM);
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
    if (!err) err = redis_host(component, redis);
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
