#include "config/component.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "config/home.h"
#include "config/near.h"

static const char *const component_scope = "dapr.runtime.processor";

enum {
    COMPONENT_ITEMS = 64,
    COMPONENT_DOCUMENTS = 256
};

// The folder of the stores for which no file is named; it is created.
static enum pawl_err component_data_folder(const struct pawl_config_context *context,
                                           const char **out, struct pawl_error *error) {
    *out = pawl__home_data(context->arena);
    if (!*out)
        return pawl__fail(error, PAWL_E_INVALID,
                          "there is no place for state and workflows, as this user has no home "
                          "folder: set HOME or XDG_DATA_HOME, or name a store with "
                          "--resources-path");
    return pawl__home_make_folder(*out, error);
}

// A component as its file has it, its values resolved.
struct component {
    const struct pawl_yaml *document;
    const char *name, *type, *version, *origin;
    bool ignore_errors;
    struct {
        const char *name, *value;
        int line;
    } items[COMPONENT_ITEMS];
    size_t item_count;
};

struct loader {
    const struct pawl_config_context *context;
    struct pawl_yaml *documents[COMPONENT_DOCUMENTS]; // of kind Component, for this app
    size_t count;
    struct pawl_config_stores *out;
    struct pawl_error *error;
};

static void component_warn(const struct loader *loader, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void component_warn(const struct loader *loader, const char *format, ...) {
    char text[700];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pawl__log(loader->context->log, PAWL_LOG_WARN, component_scope, "%s", text);
}

static const char *component_name(const struct pawl_yaml *document) {
    const char *name = pawl__yaml_text(pawl__yaml_get(document, "metadata"), "name");
    return name ? name : "";
}

// --- values -------------------------------------------------------------------------------------

// Replaces {uuid}, {podName}, {namespace} and {appID}. What stands for a name is not looked at
// again, as it may hold such a name itself. NULL when memory is out.
static const char *component_expand(const struct loader *loader, const char *text) {
    const struct pawl_config_context *context = loader->context;
    char uuid[37];
    pawl__random_uuid(uuid);
    const char *space =
        pawl__arena_format(context->arena, "%s.%s", context->namespace, context->app_id);
    const struct {
        const char *name, *value;
    } names[] = {
        {"{uuid}", uuid},
        {"{podName}", getenv("POD_NAME") ? getenv("POD_NAME") : ""},
        {"{namespace}", space ? space : ""},
        {"{appID}", context->app_id},
    };
    struct pawl_buf out = {0};
    while (*text) {
        size_t i = 0, count = sizeof names / sizeof *names;
        while (i < count && strncmp(text, names[i].name, strlen(names[i].name)) != 0) i++;
        if (i < count)
            pawl__buf_append_str(&out, pawl__str(names[i].value));
        else
            pawl__buf_append(&out, text, 1);
        text += i < count ? strlen(names[i].name) : 1;
    }
    const char *result =
        space && !out.failed ? pawl__arena_dup(context->arena, pawl__buf_str(&out)) : NULL;
    pawl__buf_finish(&out);
    return result;
}

// The metadata value |name| of a secret store's document.
static const char *component_raw_item(const struct pawl_yaml *document, const char *name) {
    const struct pawl_yaml *list = pawl__yaml_get(pawl__yaml_get(document, "spec"), "metadata");
    for (const struct pawl_yaml *item = list ? list->children : NULL; item; item = item->next) {
        const char *key = pawl__yaml_text(item, "name");
        if (key && strcasecmp(key, name) == 0) return pawl__yaml_text(item, "value");
    }
    return NULL;
}

// Looks |path| ("a:b:c") up in a secrets file.
static const char *component_secret_at(const struct pawl_yaml *node, const char *path,
                                       const char *separator) {
    while (node && node->kind == PAWL_YAML_MAP) {
        const struct pawl_yaml *whole = pawl__yaml_get(node, path);
        if (whole && whole->kind == PAWL_YAML_SCALAR) return whole->text;
        const char *cut = strstr(path, separator);
        if (!cut) return NULL;
        const struct pawl_yaml *next = NULL;
        for (const struct pawl_yaml *child = node->children; child && !next; child = child->next)
            if (strlen(child->key) == (size_t)(cut - path) &&
                memcmp(child->key, path, (size_t)(cut - path)) == 0)
                next = child;
        node = next;
        path = cut + strlen(separator);
    }
    return NULL;
}

// Whether a secretKeyRef names something: Go's encoding leaves one with empty texts beside each
// value that has none.
static bool component_refers(const struct pawl_yaml *reference) {
    if (!reference) return false;
    if (reference->kind == PAWL_YAML_SCALAR) return *reference->text;
    for (const struct pawl_yaml *child = reference->children; child; child = child->next)
        if (child->kind != PAWL_YAML_SCALAR || *child->text) return true;
    return false;
}

static enum pawl_err component_secret(struct loader *loader, const struct pawl_yaml *reference,
                                      const char *store, const char **out) {
    const char *name = pawl__yaml_text(reference, "name"), *key = pawl__yaml_text(reference, "key");
    if (key && !*key) key = NULL;
    if (!name || !*name)
        return pawl__yaml_fail(reference, loader->error, "secretKeyRef", "a map with a name");
    if (!store || !*store)
        return pawl__fail(loader->error, PAWL_E_INVALID,
                          "%s:%d: secretKeyRef needs a secret store: set auth.secretStore to the "
                          "name of a secretstores.local.env or secretstores.local.file component",
                          reference->file, reference->line);
    for (size_t i = 0; i < loader->count; i++) {
        const struct pawl_yaml *document = loader->documents[i];
        const char *type = pawl__yaml_text(pawl__yaml_get(document, "spec"), "type");
        if (strcmp(component_name(document), store) != 0 || !type) continue;
        if (strcmp(type, "secretstores.local.env") == 0) {
            *out = getenv(key ? key : name);
        } else if (strcmp(type, "secretstores.local.file") == 0) {
            const char *file = component_raw_item(document, "secretsFile");
            const char *separator = component_raw_item(document, "nestedSeparator");
            struct pawl_yaml *secrets;
            if (!separator || !*separator) separator = ":";
            if (!file)
                return pawl__fail(loader->error, PAWL_E_INVALID,
                                  "%s:%d: secret store \"%s\" has no secretsFile", document->file,
                                  document->line, store);
            enum pawl_err err =
                pawl__yaml_load(file, loader->context->arena, &secrets, loader->error);
            if (err) return err;
            *out = component_secret_at(secrets, name, separator);
            if (!*out && key)
                *out = component_secret_at(pawl__yaml_get(secrets, name), key, separator);
        } else {
            return pawl__fail(loader->error, PAWL_E_INVALID,
                              "%s:%d: secret store \"%s\" is of type %s; served are "
                              "secretstores.local.env and secretstores.local.file",
                              document->file, document->line, store, type);
        }
        if (*out) return PAWL_OK;
        return pawl__fail(loader->error, PAWL_E_INVALID,
                          "%s:%d: secret \"%s\" is not in secret store \"%s\"", reference->file,
                          reference->line, name, store);
    }
    return pawl__fail(loader->error, PAWL_E_INVALID,
                      "%s:%d: there is no secret store \"%s\" among the resources", reference->file,
                      reference->line, store);
}

// A variable of the environment; Dapr's own and odd ones are not given out.
static const char *component_env(struct loader *loader, const struct pawl_yaml *item) {
    const char *name = pawl__yaml_text(item, "envRef");
    bool blocked =
        strchr(name, ' ') || strcmp(name, "APP_API_TOKEN") == 0 || strncmp(name, "DAPR_", 5) == 0;
    if (blocked)
        component_warn(loader, "%s:%d: envRef \"%s\" is not allowed; the value is left empty",
                       item->file, item->line, name);
    return blocked || !getenv(name) ? "" : getenv(name);
}

// Whether a store of this type needs no server, so that it is local anyway.
static bool component_is_local(const char *type) {
    return strcmp(type, "state.sqlite") == 0 || strcmp(type, "state.in-memory") == 0;
}

static bool component_is_redis(const char *type) {
    return strcmp(type, "state.redis") == 0;
}

bool pawl__component_serves(const char *type) {
    return component_is_local(type) || component_is_redis(type);
}

static bool component_is_replaced(const struct loader *loader, const char *type) {
    return loader->context->local_stores && strncmp(type, "state.", 6) == 0 &&
           !component_is_local(type);
}

static enum pawl_err component_read(struct loader *loader, const struct pawl_yaml *document,
                                    struct component *out) {
    static const char *const keys[] = {"type",        "version",  "ignoreErrors",
                                       "initTimeout", "metadata", NULL};
    static const char *const document_keys[] = {"apiVersion", "kind",   "metadata", "spec",
                                                "auth",       "scopes", NULL};
    static const char *const auth_keys[] = {"secretStore", NULL};
    static const char *const item_keys[] = {"name", "value", "secretKeyRef", "envRef", NULL};
    const struct pawl_yaml *spec = pawl__yaml_get(document, "spec");
    const char *store = pawl__yaml_text(pawl__yaml_get(document, "auth"), "secretStore");
    const struct pawl_yaml *list = pawl__yaml_get(spec, "metadata");
    const struct pawl_config_context *context = loader->context;
    *out = (struct component){
        .document = document,
        .name = component_name(document),
        .type = pawl__yaml_text(spec, "type"),
        .version = pawl__yaml_text(spec, "version"),
        .origin =
            pawl__arena_format(loader->context->arena, "%s:%d", document->file, document->line),
    };
    enum pawl_err err = pawl__yaml_bool(spec, "ignoreErrors", &out->ignore_errors, loader->error);
    if (!err)
        err = pawl__resource_check(context, document, "a component", document_keys, loader->error);
    if (!err) err = pawl__resource_check(context, spec, "spec", keys, loader->error);
    if (!err)
        err = pawl__resource_check(context, pawl__yaml_get(document, "auth"), "auth", auth_keys,
                                   loader->error);
    if (err) return err;
    if (!*out->name) return pawl__yaml_fail(document, loader->error, "metadata.name", "given");
    if (!out->type || !*out->type)
        return pawl__yaml_fail(document, loader->error, "spec.type", "given");
    if (!out->version) out->version = "v1";
    if (list && list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, loader->error, "spec.metadata", "a list of names and values");
    for (const struct pawl_yaml *item = list ? list->children : NULL; item; item = item->next) {
        const char *name = pawl__yaml_text(item, "name"), *value = pawl__yaml_text(item, "value");
        const struct pawl_yaml *reference = pawl__yaml_get(item, "secretKeyRef");
        err = pawl__resource_check(context, item, "a metadata item", item_keys, loader->error);
        if (err) return err;
        if (!name)
            return pawl__yaml_fail(item, loader->error, "a metadata item", "a name with a value");
        if (component_is_replaced(loader, out->type) && strcasecmp(name, "keyPrefix") != 0 &&
            strcasecmp(name, "actorStateStore") != 0)
            continue; // no matter what its server needs, or whether a secret of it is here
        if (out->item_count == COMPONENT_ITEMS)
            return pawl__yaml_fail(item, loader->error, "spec.metadata", "shorter than 65 items");
        if (component_refers(reference) &&
            (err = component_secret(loader, reference, store, &value)))
            return err;
        const char *variable = pawl__yaml_text(item, "envRef");
        if (variable && *variable) value = component_env(loader, item);
        out->items[out->item_count].name = name;
        out->items[out->item_count].line = item->line;
        out->items[out->item_count].value = component_expand(loader, value ? value : "");
        if (!out->items[out->item_count++].value)
            return pawl__fail_plain(loader->error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

// The value of metadata |name| (any case), or of its |alias|.
static const char *component_get(struct component *component, const char *name, const char *alias) {
    const char *value = NULL;
    for (size_t i = 0; i < component->item_count; i++) {
        const char *given = component->items[i].name;
        if (strcasecmp(given, name) != 0 && (!alias || strcasecmp(given, alias) != 0)) continue;
        value = component->items[i].value;
    }
    return value;
}

// The same without an alias; an empty text is none.
static const char *component_text(struct component *component, const char *name) {
    const char *value = component_get(component, name, NULL);
    return value && *value ? value : NULL;
}

// --- stores -------------------------------------------------------------------------------------

static enum pawl_err component_fail(struct loader *loader, const struct component *component,
                                    const char *format, ...) __attribute__((format(printf, 3, 4)));

static enum pawl_err component_fail(struct loader *loader, const struct component *component,
                                    const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return pawl__fail(loader->error, PAWL_E_INVALID, "component %s (%s): %s", component->name,
                      component->origin, text);
}

static enum pawl_err component_duration(struct loader *loader, struct component *component,
                                        const char *name, const char *alias, int64_t *out) {
    const char *text = component_get(component, name, alias);
    int64_t seconds;
    if (!text || !*text || pawl__duration_parse(text, out)) return PAWL_OK;
    if (pawl__str_to_int(pawl__str(text), 0, INT32_MAX, &seconds)) {
        *out = seconds * PAWL_SECOND; // a bare number counts seconds
        return PAWL_OK;
    }
    return component_fail(loader, component, "%s is \"%s\", but has to be a duration such as 10s",
                          name, text);
}

// What a key has before its "||", by the rule that keyPrefix names.
static const char *component_prefix(const struct loader *loader, struct component *component) {
    const struct pawl_config_context *context = loader->context;
    const char *rule = component_get(component, "keyPrefix", NULL);
    if (!rule || strcasecmp(rule, "appid") == 0) return context->app_id;
    if (strcasecmp(rule, "none") == 0) return NULL;
    if (strcasecmp(rule, "name") == 0) return component->name;
    if (strcasecmp(rule, "namespace") == 0)
        return *context->namespace ? pawl__arena_format(context->arena, "%s.%s", context->namespace,
                                                        context->app_id)
                                   : context->app_id;
    char *lower = pawl__arena_dup(context->arena, pawl__str(rule)); // as Dapr's, which may be empty
    for (char *at = lower; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z') *at |= 0x20;
    return lower;
}

static enum pawl_err component_sqlite(struct loader *loader, struct component *component,
                                      struct pawl_config_store *store) {
    const char *text = component_get(component, "connectionString", "url");
    if (!text || !*text)
        return component_fail(loader, component,
                              "connectionString is missing: give it the path of a file");
    static const char *const forbidden[] = {"_pragma=busy_timeout", "_pragma=journal_mode",
                                            "_pragma=foreign_keys"};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (strcasestr(text, forbidden[i]))
            return component_fail(loader, component, "connectionString must not set %s",
                                  forbidden[i] + strlen("_pragma="));
    bool memory = strstr(text, ":memory:") || strstr(text, "mode=memory");
    const char *path = strncmp(text, "file:", 5) == 0 ? text + 5 : text;
    const char *query = strchr(path, '?');
    if (query)
        path = pawl__arena_dup(loader->context->arena,
                               (struct pawl_str){path, (size_t)(query - path)});
    if (!memory && path && !*path) // SQLite would take it for a file that is deleted at the end
        return component_fail(loader, component,
                              "connectionString names no file: give it the path of a file");
    if (!path) return pawl__fail_plain(loader->error, PAWL_E_NOMEM);
    store->path = memory ? NULL : path;
    store->table = component_text(component, "tableName");
    store->metadata_table = component_text(component, "metadataTableName");
    enum pawl_err err =
        component_duration(loader, component, "busyTimeout", NULL, &store->busy_timeout);
    if (!err)
        err = component_duration(loader, component, "cleanupInterval", "cleanupIntervalInSeconds",
                                 &store->cleanup_interval);
    int64_t timeout = PAWL_SECOND; // statements do not wait on a network: it is only checked
    if (!err) err = component_duration(loader, component, "timeout", "timeoutInSeconds", &timeout);
    if (!err && timeout < PAWL_SECOND)
        err = component_fail(loader, component, "timeout has to be 1s or more");
    return err;
}

// --- Redis --------------------------------------------------------------------------------------

static enum pawl_err component_int(struct loader *loader, struct component *component,
                                   const char *name, int64_t least, int64_t most, int *out) {
    const char *text = component_text(component, name);
    int64_t number;
    if (!text) return PAWL_OK;
    if (!pawl__str_to_int(pawl__str(text), least, most, &number))
        return component_fail(loader, component,
                              "%s is \"%s\", but has to be a number from %lld to %lld", name, text,
                              (long long)least, (long long)most);
    *out = (int)number;
    return PAWL_OK;
}

// Durations of Redis components: a bare number counts milliseconds, and -1 is no limit.
static enum pawl_err component_redis_time(struct loader *loader, struct component *component,
                                          const char *name, int64_t *out) {
    const char *text = component_text(component, name);
    int64_t number;
    if (!text || pawl__duration_parse(text, out)) return PAWL_OK;
    if (!pawl__str_to_int(pawl__str(text), -1, INT32_MAX, &number))
        return component_fail(loader, component,
                              "%s is \"%s\", but has to be a duration such as 3s, or milliseconds",
                              name, text);
    *out = number < 0 ? -1 : number * (PAWL_SECOND / 1000);
    return PAWL_OK;
}

// Fields that ask for what is not served: a value other than |harmless| is an error.
static enum pawl_err component_redis_unserved(struct loader *loader, struct component *component) {
    static const struct {
        const char *name, *harmless, *why;
    } rows[] = {
        {"redisType", "node", "clusters are not served"},
        {"failover", "false", "sentinels are not served"},
        {"enableTLS", "false", "TLS is not served"},
        {"useEntraID", "false", "tokens of Entra ID are not served"},
        {"useAzureAD", "false", "tokens of Entra ID are not served"},
        {"useOIDC", "false", "tokens of OIDC are not served"},
        {"queryIndexes", "", "queries of state are not served"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *value = component_text(component, rows[i].name);
        if (value && strcasecmp(value, rows[i].harmless) != 0)
            return component_fail(loader, component, "%s is \"%s\", but %s", rows[i].name, value,
                                  rows[i].why);
    }
    return PAWL_OK;
}

// "host", "host:port" or "[v6]:port", beside redisPort.
static enum pawl_err component_redis_host(struct loader *loader, struct component *component,
                                          struct pawl_config_redis *redis) {
    const char *host = component_text(component, "redisHost"), *colon;
    enum pawl_err err = component_int(loader, component, "redisPort", 1, UINT16_MAX, &redis->port);
    if (err) return err;
    redis->host = host ? host : "localhost";
    if (strchr(redis->host, ','))
        return component_fail(loader, component,
                              "redisHost names several servers: clusters and sentinels are not "
                              "served");
    colon = strrchr(redis->host, ':');
    bool is_v6 = *redis->host == '[', has_port = colon && (!is_v6 || colon[-1] == ']');
    if (!is_v6 && colon && strchr(redis->host, ':') != colon) has_port = false; // a bare IPv6
    if (has_port) {
        int64_t port;
        if (!pawl__str_to_int(pawl__str(colon + 1), 1, UINT16_MAX, &port))
            return component_fail(loader, component, "redisHost \"%s\" has no port behind its ':'",
                                  host);
        if (redis->port && redis->port != (int)port)
            return component_fail(loader, component,
                                  "redisHost \"%s\" and redisPort %d name different ports", host,
                                  redis->port);
        redis->port = (int)port;
    }
    struct pawl_str name = {redis->host,
                            has_port ? (size_t)(colon - redis->host) : strlen(redis->host)};
    if (is_v6 && name.len > 2) name = (struct pawl_str){name.data + 1, name.len - 2};
    redis->host = pawl__arena_dup(loader->context->arena, name);
    return redis->host ? PAWL_OK : pawl__fail_plain(loader->error, PAWL_E_NOMEM);
}

static enum pawl_err component_redis(struct loader *loader, struct component *component,
                                     struct pawl_config_redis *redis) {
    int ttl = 0;
    enum pawl_err err = component_redis_unserved(loader, component);
    if (!err) err = component_redis_host(loader, component, redis);
    if (!err) err = component_int(loader, component, "redisDB", 0, INT16_MAX, &redis->database);
    if (!err) err = component_int(loader, component, "ttlInSeconds", 0, INT32_MAX, &ttl);
    if (!err)
        err = component_int(loader, component, "waitReplicas", 0, INT16_MAX, &redis->wait_replicas);
    if (!err) err = component_redis_time(loader, component, "dialTimeout", &redis->dial_timeout);
    if (!err) err = component_redis_time(loader, component, "readTimeout", &redis->timeout);
    const char *evict = component_text(component, "allowEviction");
    redis->allow_eviction = evict && strcasecmp(evict, "true") == 0;
    redis->username = component_text(component, "redisUsername");
    redis->password = component_text(component, "redisPassword");
    redis->ttl = ttl;
    return err;
}

enum {
    COMPONENT_SHARDS = 256
};

// Looks for metadata that the type does not take. A slip of a name would have its value missed, so
// it is an error; others are told in the log, as Dapr's stores may know them.
static enum pawl_err component_check_names(struct loader *loader,
                                           const struct component *component) {
    static const char *const memory[] = {"actorStateStore", "keyPrefix", "shards", NULL};
    static const char *const sqlite[] = {"actorStateStore",  "keyPrefix",
                                         "connectionString", "url",
                                         "timeout",          "timeoutInSeconds",
                                         "busyTimeout",
                                         "disableWAL", // taken, but Pawl's promises rest on the WAL
                                         "tableName",        "metadataTableName",
                                         "cleanupInterval",  "cleanupIntervalInSeconds",
                                         "shards",           NULL};
    // Of Redis: what is served, what is refused, and what its client here has no use for.
    static const char *const redis[] = {"actorStateStore",
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
                                        NULL};
    const char *const *known = component_is_redis(component->type)            ? redis
                               : strcmp(component->type, "state.sqlite") == 0 ? sqlite
                                                                              : memory;
    for (size_t i = 0; i < component->item_count; i++) {
        const char *name = component->items[i].name, *near = pawl__nearest(name, known);
        int line = component->items[i].line;
        if (near && strcasecmp(near, name) == 0) continue;
        if (near)
            return pawl__fail(
                loader->error, PAWL_E_INVALID,
                "%s:%d: component %s has metadata \"%s\", which %s does not take; did "
                "you mean \"%s\"?",
                component->document->file, line, component->name, name, component->type, near);
        component_warn(loader, "%s:%d: component %s: metadata \"%s\" is not used by %s",
                       component->document->file, line, component->name, name, component->type);
    }
    return PAWL_OK;
}

static enum pawl_err component_shards(struct loader *loader, struct component *component,
                                      struct pawl_config_store *store) {
    const char *text = component_get(component, "shards", NULL);
    char *end;
    if (!text || !*text) return PAWL_OK;
    unsigned long count = strtoul(text, &end, 10);
    if (*end || !count || count > COMPONENT_SHARDS || *text == '-')
        return component_fail(loader, component, "shards has to be a number from 1 to %d, not %s",
                              COMPONENT_SHARDS, text);
    store->shards = (uint32_t)count;
    return PAWL_OK;
}

// Keeps the store of a component that is meant for a server in an SQLite file of its name.
static enum pawl_err component_replace(struct loader *loader, const struct component *component,
                                       struct pawl_config_store *store) {
    const struct pawl_config_context *context = loader->context;
    const char *folder;
    if (strchr(component->name, '/') || *component->name == '.')
        return component_fail(loader, component,
                              "its name cannot be that of a file, as "
                              "--local-stores needs it to be");
    enum pawl_err err = component_data_folder(context, &folder, loader->error);
    if (err) return err;
    store->type = "state.sqlite";
    store->version = "v1";
    store->instead_of = component->type;
    store->path = pawl__arena_format(context->arena, "%s/%s.db", folder, component->name);
    if (!store->path) return pawl__fail_plain(loader->error, PAWL_E_NOMEM);
    pawl__log(context->log, PAWL_LOG_INFO, component_scope,
              "--local-stores: state store \"%s\" (%s) is kept in %s", store->name, component->type,
              store->path);
    return PAWL_OK;
}

static enum pawl_err component_add_store(struct loader *loader, struct component *component) {
    struct pawl_config_stores *out = loader->out;
    if (out->count == PAWL_CONFIG_STORES)
        return component_fail(loader, component, "more than %d state stores", PAWL_CONFIG_STORES);
    struct pawl_config_store *store = &out->items[out->count];
    *store = (struct pawl_config_store){
        .name = component->name,
        .type = component->type,
        .version = component->version,
        .key_prefix = component_prefix(loader, component),
        .origin = component->origin,
    };
    const char *holds = component_get(component, "actorStateStore", NULL);
    store->holds_workflows = holds && strcasecmp(holds, "true") == 0;
    enum pawl_err err = PAWL_OK;
    bool sqlite = strcmp(component->type, "state.sqlite") == 0;
    if (component_is_replaced(loader, component->type))
        err = component_replace(loader, component, store);
    else if (!pawl__component_serves(component->type))
        err = component_fail(loader, component,
                             "state store type %s is not served; use state.redis, state.sqlite or "
                             "state.in-memory, or --local-stores, which keeps it in an SQLite file",
                             component->type);
    else if (*component->version && strcasecmp(component->version, "v1") != 0)
        err = component_fail(loader, component, "version %s of %s is not served; served is v1",
                             component->version, component->type);
    if (!err) err = component_check_names(loader, component);
    if (!err && sqlite) err = component_sqlite(loader, component, store);
    if (!err && component_is_redis(store->type))
        err = component_redis(loader, component, &store->redis);
    if (!err) err = component_shards(loader, component, store);
    if (!err && store->key_prefix && strstr(store->key_prefix, "||"))
        err = component_fail(loader, component, "keyPrefix must not hold \"||\"");
    if (err) return err;
    for (size_t i = 0; store->holds_workflows && i < out->count; i++)
        if (out->items[i].holds_workflows)
            return pawl__fail(loader->error, PAWL_E_INVALID,
                              "detected duplicate actor state store: %s and %s", out->items[i].name,
                              store->name);
    out->count++;
    return PAWL_OK;
}

static enum pawl_err component_take(struct loader *loader, const struct pawl_yaml *document) {
    const char *type = pawl__yaml_text(pawl__yaml_get(document, "spec"), "type");
    struct component component;
    if (type && strncmp(type, "secretstores.", 13) == 0) return PAWL_OK; // read when asked for
    enum pawl_err err = component_read(loader, document, &component);
    if (!err && strncmp(component.type, "state.", 6) == 0) {
        err = component_add_store(loader, &component);
    } else if (!err && strcmp(component.type, "dapr.workflow") == 0) {
        err = component_fail(loader, &component,
                             "type dapr.workflow cannot be loaded; workflows "
                             "need no component of their own");
    } else if (!err) {
        pawl__log(loader->context->log, PAWL_LOG_INFO, component_scope,
                  "component %s (%s) of type %s is passed over: Pawl serves workflows and state",
                  component.name, component.origin, component.type);
    }
    if (err && component.ignore_errors) {
        component_warn(loader, "%s; it is ignored, as ignoreErrors says", loader->error->text);
        return PAWL_OK;
    }
    return err;
}

// --- files --------------------------------------------------------------------------------------

static enum pawl_err component_gather(void *arg, struct pawl_yaml *document) {
    struct loader *loader = arg;
    for (size_t i = 0; i < loader->count; i++)
        if (strcmp(component_name(loader->documents[i]), component_name(document)) == 0)
            return pawl__fail(loader->error, PAWL_E_INVALID,
                              "%s:%d: there are two components named \"%s\"; the other is in "
                              "%s:%d",
                              document->file, document->line, component_name(document),
                              loader->documents[i]->file, loader->documents[i]->line);
    if (loader->count == COMPONENT_DOCUMENTS)
        return pawl__fail(loader->error, PAWL_E_INVALID, "more than %d components",
                          COMPONENT_DOCUMENTS);
    loader->documents[loader->count++] = document;
    return PAWL_OK;
}

enum pawl_err pawl__components_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *out, struct pawl_error *error) {
    struct loader *loader = pawl__arena_zalloc(context->arena, sizeof *loader);
    out->count = 0;
    if (!loader) return pawl__fail_plain(error, PAWL_E_NOMEM);
    loader->context = context;
    loader->out = out;
    loader->error = error;
    enum pawl_err err =
        pawl__resources_read(context, folders, count, "Component", component_gather, loader, error);
    for (size_t i = 0; !err && i < loader->count; i++)
        err = component_take(loader, loader->documents[i]);
    return err;
}

enum pawl_err pawl__components_default(const struct pawl_config_context *context,
                                       struct pawl_config_stores *out, struct pawl_error *error) {
    const char *folder;
    enum pawl_err err = component_data_folder(context, &folder, error);
    if (err) return err;
    out->count = 1;
    out->items[0] = (struct pawl_config_store){
        .name = "statestore",
        .type = "state.sqlite",
        .version = "v1",
        .path = pawl__arena_format(context->arena, "%s/statestore.db", folder),
        .key_prefix = context->app_id,
        .holds_workflows = true,
        .origin = "built in",
    };
    pawl__log(context->log, PAWL_LOG_INFO, component_scope,
              "no resources are given: state and workflows are kept in %s", out->items[0].path);
    return PAWL_OK;
}
