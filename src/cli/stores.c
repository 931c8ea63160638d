#include "cli/stores.h"

#include <stdlib.h>

#include "store/memory/memory.h"
#include "store/postgres/postgres.h"
#include "store/redis/redis.h"
#include "store/sqlite/sqlite.h"

static const char *const stores_scope = "dapr.runtime.processor";

// --- opening ------------------------------------------------------------------------------------

static enum pawl_err stores_open_sqlite(const struct pawl_config_store *given,
                                        struct pawl_store **store, struct pawl_error *error) {
    const struct pawl_sqlite_options sqlite = {
        .path = given->path,
        .state_table = given->table,
        .metadata_table = given->metadata_table,
        .busy_timeout = given->busy_timeout,
        .cleanup_interval = given->cleanup_interval,
    };
    return pawl__sqlite_open(&sqlite, store, error);
}

static enum pawl_err stores_open_redis(const struct pawl_daemon_stores *stores,
                                       const struct pawl_config_store *given,
                                       struct pawl_store **store, struct pawl_error *error) {
    struct pawl_redis_address more[PAWL_REDIS_SEEDS] = {0};
    size_t more_count = 0;
    for (size_t i = 1; i < given->redis.host_count && i <= PAWL_REDIS_SEEDS; i++) {
        struct pawl_redis_address *at = &more[more_count++];
        snprintf(at->host, sizeof at->host, "%s", given->redis.hosts[i].host);
        at->port = given->redis.hosts[i].port ? given->redis.hosts[i].port : 6379;
    }
    const struct pawl_redis_options redis = {
        .kind = given->redis.cluster     ? PAWL_REDIS_CLUSTER
                : given->redis.sentinels ? PAWL_REDIS_SENTINEL
                                         : PAWL_REDIS_NODE,
        .host = given->redis.hosts[0].host,
        .port = given->redis.hosts[0].port,
        .more = more,
        .more_count = more_count,
        .app = stores->app_id,
        .master = given->redis.master,
        .sentinel_username = given->redis.sentinel_username,
        .sentinel_password = given->redis.sentinel_password,
        .username = given->redis.username,
        .password = given->redis.password,
        .database = given->redis.database,
        .dial_timeout = given->redis.dial_timeout,
        .timeout = given->redis.timeout,
        .default_ttl = given->redis.ttl,
        .wait_replicas = given->redis.wait_replicas,
        .tls = given->redis.tls,
        .insecure = given->redis.insecure,
        .client_cert = given->redis.client_cert,
        .client_key = given->redis.client_key,
        .allow_eviction = given->redis.allow_eviction,
        .log = stores->log,
    };
    return pawl__redis_open(&redis, store, error);
}

static enum pawl_err stores_open_postgres(const struct pawl_daemon_stores *stores,
                                          const struct pawl_config_store *given,
                                          struct pawl_store **store, struct pawl_error *error) {
    const struct pawl_postgres_options postgres = {
        .type = given->type,
        .connection = given->postgres.connection,
        .host = given->postgres.host,
        .hostaddr = given->postgres.hostaddr,
        .port = given->postgres.port,
        .database = given->postgres.database,
        .user = given->postgres.user,
        .password = given->postgres.password,
        .ssl_root_cert = given->postgres.ssl_root_cert,
        .v1 = given->postgres.v1,
        .state_table = given->table,
        .metadata_table = given->metadata_table,
        .timeout = given->postgres.timeout,
        .cleanup_interval = given->cleanup_interval,
        .workflows = given->holds_workflows,
        .log = stores->log,
    };
    return pawl__postgres_open(&postgres, store, error);
}

static enum pawl_err stores_open(const struct pawl_daemon_stores *stores,
                                 const struct pawl_config_store *given, struct pawl_store **store,
                                 struct pawl_error *error) {
    if (given->postgres.connection) return stores_open_postgres(stores, given, store, error);
    if (given->redis.host_count) return stores_open_redis(stores, given, store, error);
    if (given->path) return stores_open_sqlite(given, store, error);
    return pawl__memory_open(store, error);
}

// Says which component named what could not be opened, and what else there is to do.
static enum pawl_err stores_explain(const struct pawl_config_store *given,
                                    struct pawl_error *error) {
    struct pawl_error why = *error;
    bool is_server = given->redis.host_count || given->postgres.connection;
    return pawl__fail(error, why.code, "%s: component \"%s\": %s%s", given->origin, given->name,
                      why.text,
                      is_server ? "; or use another component, or --local-stores, which keeps it "
                                  "in an SQLite file"
                                : "");
}

enum pawl_err pawl__daemon_store_open(const struct pawl_daemon_stores *stores,
                                      const struct pawl_config_store *given,
                                      struct pawl_store **out, struct pawl_error *error) {
    return stores_open(stores, given, out, error) ? stores_explain(given, error) : PAWL_OK;
}

bool pawl__daemon_store_ignores(const struct pawl_daemon_stores *stores,
                                const struct pawl_config_store *given,
                                const struct pawl_error *error) {
    if (!given->ignores_errors) return false;
    pawl__log(stores->log, PAWL_LOG_WARN, stores_scope, "%s; it is ignored, as ignoreErrors says",
              error->text);
    return true;
}

// --- the set ------------------------------------------------------------------------------------

void pawl__daemon_stores_init(struct pawl_daemon_stores *stores, uv_loop_t *loop,
                              const char *app_id, const struct pawl_log *log) {
    *stores = (struct pawl_daemon_stores){.loop = loop, .app_id = app_id, .log = log};
    stores->set.items = stores->items;
    stores->set.secrets = stores->secrets;
    stores->set.policies = stores->policies;
}

static void stores_on_closed(void *arg) {
    struct pawl_daemon_store *store = arg;
    struct pawl_daemon_stores *owner = store->owner;
    pawl__settings_release(store->settings);
    free(store);
    if (!--owner->open && owner->closed) owner->closed(owner->arg);
}

static void stores_on_unused(struct pawl_api_store *api) {
    struct pawl_daemon_store *store = PAWL_CONTAINER(api, struct pawl_daemon_store, api);
    pawl__storage_close(&store->storage, stores_on_closed, store);
}

static void stores_watch(struct pawl_daemon_store *store, struct pawl_metrics *metrics) {
    pawl__metrics_watch(metrics, &store->storage);
    if (metrics)
        store->latency = metrics->config->metrics.latency; // which may go before the store does
    pawl__api_store_watch(&store->api, metrics ? &store->latency : NULL);
}

void pawl__daemon_stores_watch(struct pawl_daemon_stores *stores, struct pawl_metrics *metrics) {
    stores->metrics = metrics;
    for (size_t i = 0; i < stores->set.count; i++)
        stores_watch(PAWL_CONTAINER(stores->items[i], struct pawl_daemon_store, api), metrics);
}

// Nothing is behind it yet. NULL: memory is out.
static struct pawl_daemon_store *stores_make(struct pawl_daemon_stores *stores,
                                             struct pawl_settings *settings,
                                             const struct pawl_config_store *given) {
    struct pawl_daemon_store *store = calloc(1, sizeof *store);
    if (!store) return NULL;
    store->owner = stores;
    store->given = given;
    store->settings = pawl__settings_hold(settings);
    store->api = (struct pawl_api_store){
        .name = given->name,
        .type = given->type,
        .version = given->version,
        .path = given->path,
        .key_prefix = given->key_prefix,
        .storage = &store->storage,
        .policy = given->policy,
        .holders = 1,
        .unused = stores_on_unused,
    };
    stores->open++;
    return store;
}

static void stores_unmake(struct pawl_daemon_store *store) {
    store->owner->open--;
    pawl__settings_release(store->settings);
    free(store);
}

static enum pawl_err stores_start(struct pawl_daemon_store *store, struct pawl_store *opened,
                                  struct pawl_error *error) {
    struct pawl_daemon_stores *stores = store->owner;
    enum pawl_err err = store->shared ? pawl__storage_init_shared(&store->storage, stores->loop,
                                                                  store->shared, stores->log, error)
                                      : pawl__storage_init(&store->storage, stores->loop, opened,
                                                           stores->log, error);
    if (err)
        pawl__api_store_release(&store->api);
    else
        stores_watch(store, stores->metrics);
    return err;
}

enum pawl_err pawl__daemon_stores_add(struct pawl_daemon_stores *stores, struct pawl_store *opened,
                                      struct pawl_settings *settings,
                                      const struct pawl_config_store *given,
                                      struct pawl_daemon_store **out, struct pawl_error *error) {
    struct pawl_daemon_store *store = stores_make(stores, settings, given);
    if (!store) {
        opened->ops->close(opened);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    enum pawl_err err = PAWL_OK;
    if (stores->is_shared && (err = pawl__shared_create(opened, 1, &store->shared, error)))
        stores_unmake(store);
    if (!err) err = stores_start(store, opened, error);
    if (err) return err;
    pawl__log(stores->log, PAWL_LOG_INFO, stores_scope, "Component loaded: %s (%s/%s)%s%s",
              given->name, given->type, given->version, given->path ? " in " : "",
              given->path ? given->path : "");
    *out = store;
    return PAWL_OK;
}

static size_t stores_list(struct pawl_api_resource *out,
                          const struct pawl_config_resources *given) {
    for (size_t i = 0; i < given->count; i++)
        out[i] = (struct pawl_api_resource){
            .name = given->items[i].name,
            .type = given->items[i].type,
            .version = given->items[i].version,
            .namespace = given->items[i].namespace,
        };
    return given->count;
}

// Exchanges the stores of the set.
static void stores_exchange(struct pawl_daemon_stores *stores, struct pawl_api_store *const *items,
                            size_t count) {
    struct pawl_api_store *before[PAWL_CONFIG_STORES];
    size_t before_count = stores->set.count;
    memcpy(before, stores->items, before_count * sizeof *before);
    for (size_t i = 0; i < count; i++) stores->items[i] = items[i];
    stores->set.count = count;
    for (size_t i = 0; i < before_count; i++) pawl__api_store_release(before[i]);
}

// Gives the stores that stay the policies that |now| says.
static void stores_obey(struct pawl_api_store *const *items, size_t count,
                        const struct pawl_config_stores *now) {
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < now->count; j++)
            if (strcmp(items[i]->name, now->items[j].name) == 0)
                pawl__api_store_obey(items[i], &now->items[j].policy);
}

void pawl__daemon_stores_put(struct pawl_daemon_stores *stores, struct pawl_settings *settings,
                             struct pawl_api_store *const *items, size_t count) {
    struct pawl_settings *before = stores->settings;
    if (!before || !pawl__str_equal(before->stores.policies_said, settings->stores.policies_said))
        stores_obey(items, count, &settings->stores);
    stores->settings = pawl__settings_hold(settings);
    stores->set.secret_count = stores_list(stores->secrets, &settings->stores.secrets);
    stores->set.policy_count = stores_list(stores->policies, &settings->stores.policies);
    stores_exchange(stores, items, count);
    pawl__settings_release(before);
}

void pawl__daemon_stores_let_go(struct pawl_api_store *const *items, size_t count) {
    for (size_t i = 0; i < count; i++) pawl__api_store_release(items[i]);
}

// Makes |items| the set, unless |err| says that they are not all.
static enum pawl_err stores_end(struct pawl_daemon_stores *stores, struct pawl_settings *settings,
                                struct pawl_api_store *const *items, size_t count,
                                enum pawl_err err) {
    if (err)
        pawl__daemon_stores_let_go(items, count);
    else
        pawl__daemon_stores_put(stores, settings, items, count);
    return err;
}

enum pawl_err pawl__daemon_stores_begin(struct pawl_daemon_stores *stores,
                                        struct pawl_settings *settings, struct pawl_error *error) {
    struct pawl_api_store *items[PAWL_CONFIG_STORES];
    size_t count = 0;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < settings->stores.count; i++) {
        const struct pawl_config_store *given = &settings->stores.items[i];
        struct pawl_store *opened;
        struct pawl_daemon_store *store;
        err = pawl__daemon_store_open(stores, given, &opened, error);
        if (err && pawl__daemon_store_ignores(stores, given, error)) {
            pawl__error_clear(error);
            err = PAWL_OK;
            continue;
        }
        if (!err) err = pawl__daemon_stores_add(stores, opened, settings, given, &store, error);
        if (!err) items[count++] = &store->api;
    }
    return stores_end(stores, settings, items, count, err);
}

// Has |stores| share what is behind |other|.
static enum pawl_err stores_share(struct pawl_daemon_stores *stores,
                                  const struct pawl_daemon_store *other,
                                  struct pawl_api_store **out, struct pawl_error *error) {
    struct pawl_daemon_store *store = stores_make(stores, other->settings, other->given);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    store->shared = other->shared;
    pawl__shared_hold(store->shared);
    *out = &store->api;
    return stores_start(store, NULL, error);
}

enum pawl_err pawl__daemon_stores_join(struct pawl_daemon_stores *stores,
                                       const struct pawl_daemon_stores *from,
                                       struct pawl_error *error) {
    struct pawl_api_store *items[PAWL_CONFIG_STORES];
    size_t count = 0;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < from->set.count; i++) {
        err = stores_share(stores, PAWL_CONTAINER(from->items[i], struct pawl_daemon_store, api),
                           &items[i], error);
        count += !err;
    }
    return stores_end(stores, from->settings, items, count, err);
}

struct pawl_daemon_store *
pawl__daemon_stores_of_workflows(const struct pawl_daemon_stores *stores) {
    for (size_t i = 0; i < stores->set.count; i++) {
        struct pawl_daemon_store *store =
            PAWL_CONTAINER(stores->items[i], struct pawl_daemon_store, api);
        if (store->given->holds_workflows) return store;
    }
    return NULL;
}

void pawl__daemon_stores_close(struct pawl_daemon_stores *stores, void (*closed)(void *arg),
                               void *arg) {
    stores->open++; // so that the last one to close is the one below
    stores->closed = closed;
    stores->arg = arg;
    stores_exchange(stores, NULL, 0);
    pawl__settings_release(stores->settings);
    stores->settings = NULL;
    if (!--stores->open) closed(arg);
}
