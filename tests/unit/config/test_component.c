#include "kit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static struct pawl_config_stores stores;

static enum pawl_err load(struct kit *kit) {
    static const char *const folders[] = {"r"};
    return pawl__components_load(&kit->context, folders, 1, &stores, &kit->error);
}

// A component of |type| with the lines |rest| below spec.
static void component(const char *file, const char *name, const char *type, const char *rest) {
    char text[2048];
    snprintf(text, sizeof text,
             "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: %s\nspec:\n"
             "  type: %s\n  version: v1\n%s",
             name, type, rest);
    kit_write(file, text);
}

// The one item |name| with |value|.
static void sqlite(const char *name, const char *value) {
    char rest[512];
    snprintf(rest, sizeof rest,
             "  metadata:\n  - {name: connectionString, value: data.db}\n"
             "  - {name: %s, value: \"%s\"}\n",
             name, value);
    component("r/a.yaml", "store", "state.sqlite", rest);
}

static void test_sqlite(void **state) {
    struct kit *kit = *state;
    component("r/a.yaml", "store", "state.sqlite",
              "  metadata:\n"
              "  - {name: CONNECTIONSTRING, value: \"file:data.db?cache=shared\"}\n"
              "  - {name: actorStateStore, value: true}\n"
              "  - {name: tableName, value: t}\n"
              "  - {name: metadataTableName, value: m}\n"
              "  - {name: busyTimeout, value: 1500ms}\n"
              "  - {name: cleanupIntervalInSeconds, value: 90}\n");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 1);
    const struct pawl_config_store *store = &stores.items[0];
    assert_string_equal(store->name, "store");
    assert_string_equal(store->type, "state.sqlite");
    assert_string_equal(store->version, "v1");
    assert_string_equal(store->path, "data.db");
    assert_string_equal(store->table, "t");
    assert_string_equal(store->metadata_table, "m");
    assert_string_equal(store->key_prefix, "shop");
    assert_int_equal(store->busy_timeout, 1500 * PAWL_MILLISECOND);
    assert_int_equal(store->cleanup_interval, 90 * PAWL_SECOND);
    assert_true(store->holds_workflows);
    assert_string_equal(store->origin, "r/a.yaml:1");
    assert_string_equal(kit_log(kit), "");
}

// Whether two readings say the same: what is said again is, what is drawn anew as well.
static void test_said(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *before, *after;
        bool same;
    } rows[] = {
        {"prefix", "prefix", true},
        {"prefix", "other", false},
        {"{uuid}", "{uuid}", true},
        {"{appID}", "shop", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sqlite("keyPrefix", rows[i].before);
        assert_int_equal(load(kit), PAWL_OK);
        struct pawl_str before = stores.items[0].said;
        sqlite("keyPrefix", rows[i].after);
        assert_int_equal(load(kit), PAWL_OK);
        assert_int_equal(pawl__str_equal(before, stores.items[0].said), rows[i].same);
    }
    setenv("PAWL_TEST_PREFIX", "one", 1);
    const char *rest = "  metadata:\n  - {name: keyPrefix, envRef: PAWL_TEST_PREFIX}\n";
    component("r/a.yaml", "store", "state.in-memory", rest);
    assert_int_equal(load(kit), PAWL_OK);
    struct pawl_str before = stores.items[0].said;
    setenv("PAWL_TEST_PREFIX", "two", 1);
    assert_int_equal(load(kit), PAWL_OK);
    assert_false(pawl__str_equal(before, stores.items[0].said));
    unsetenv("PAWL_TEST_PREFIX");
}

static void test_connection_strings(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text, *path;
    } good[] = {
        {"data.db", "data.db"},       {"/var/data.db", "/var/data.db"},
        {"file:data.db", "data.db"},  {"file:data.db?_txlock=immediate", "data.db"},
        {":memory:", NULL},           {"file::memory:?cache=shared", NULL},
        {"file:x?mode=memory", NULL},
    };
    static const char *const names[] = {"connectionString", "url", "URL"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char rest[200];
        snprintf(rest, sizeof rest, "  metadata:\n  - {name: %s, value: \"%s\"}\n", names[i % 3],
                 good[i].text);
        component("r/a.yaml", "store", "state.sqlite", rest);
        assert_int_equal(load(kit), PAWL_OK);
        if (good[i].path)
            assert_string_equal(stores.items[0].path, good[i].path);
        else
            assert_null(stores.items[0].path);
    }
    static const char *const forbidden[] = {"busy_timeout", "journal_mode", "foreign_keys"};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        char rest[200], error[200];
        snprintf(rest, sizeof rest,
                 "  metadata:\n  - {name: url, value: \"file:a?_pragma=%s(1)\"}\n", forbidden[i]);
        snprintf(error, sizeof error,
                 "component store (r/a.yaml:1): connectionString must not set %s", forbidden[i]);
        component("r/a.yaml", "store", "state.sqlite", rest);
        assert_int_equal(load(kit), PAWL_E_INVALID);
        assert_error(kit, error);
    }
    component("r/a.yaml", "store", "state.sqlite", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component store (r/a.yaml:1): connectionString is missing: give it the path "
                      "of a file");
}

static void test_key_prefixes(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *rule, *space, *prefix;
    } rows[] = {
        {"", "", ""},
        {"appid", "", "shop"},
        {"AppId", "ns", "shop"},
        {"name", "", "store"},
        {"none", "", NULL},
        {"namespace", "ns", "ns.shop"},
        {"namespace", "", "shop"},
        {"MyCustom", "", "mycustom"},
        {"{appID}-X", "", "shop-x"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit->context.namespace = rows[i].space;
        sqlite("keyPrefix", rows[i].rule);
        assert_int_equal(load(kit), PAWL_OK);
        if (rows[i].prefix)
            assert_string_equal(stores.items[0].key_prefix, rows[i].prefix);
        else
            assert_null(stores.items[0].key_prefix);
    }
}

static void test_metadata_errors(void **state) {
    struct kit *kit = *state;
    sqlite("busyTimeout", "soon");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component store (r/a.yaml:1): busyTimeout is \"soon\", but has to be a "
                      "duration such as 10s");
    sqlite("timeoutInSeconds", "-1");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component store (r/a.yaml:1): timeout is \"-1\", but has to be a duration "
                      "such as 10s");
    sqlite("redisHost", "x");
    assert_int_equal(load(kit), PAWL_OK);
    assert_logged(kit, "r/a.yaml:10: component store: metadata \\\"redisHost\\\" is not used by "
                       "state.sqlite");
    sqlite("tabelName", "x");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:10: component store has metadata \"tabelName\", which state.sqlite "
                      "does not take; did you mean \"tableName\"?");
    component("r/a.yaml", "store", "state.sqlite",
              "  metadata:\n  - {name: conectionString, value: a.db}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:9: component store has metadata \"conectionString\", which "
                      "state.sqlite does not take; did you mean \"connectionString\"?");
    component("r/a.yaml", "store", "state.in-memory", "  metadata: {a: b}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:8: spec.metadata has to be a list of names and values");
    component("r/a.yaml", "store", "state.in-memory", "  metadata:\n  - {value: b}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:9: a metadata item has to be a name with a value");
    component("r/a.yaml", "store", "state.in-memory", "  ignoreErrors: 7\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:8: ignoreErrors has to be true or false");
    component("r/a.yaml", "store", "state.in-memory", "  versoin: v1\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit,
                 "r/a.yaml:8: unknown key \"versoin\" in spec; did you mean \"version\"?; known "
                 "keys: type, version, ignoreErrors, initTimeout, metadata");
    component("r/a.yaml", "store", "state.in-memory", "  reclaimPolicy: v1\n");
    assert_int_equal(load(kit), PAWL_OK);
    assert_logged(kit, "r/a.yaml:8: unknown key \\\"reclaimPolicy\\\" in spec");
    kit_write("r/a.yaml", "kind: Component\nspec: {type: state.in-memory}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:1: metadata.name has to be given");
    kit_write("r/a.yaml", "kind: Component\nmetadata: {name: a}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/a.yaml:1: spec.type has to be given");
}

#define REDIS(kit, items)                                                                          \
    (component("r/a.yaml", "cache", "state.redis", "  metadata:\n" items), load(kit))

static void test_redis(void **state) {
    struct kit *kit = *state;
    component("r/a.yaml", "cache", "state.redis", "");
    assert_int_equal(load(kit), PAWL_OK);
    assert_string_equal(stores.items[0].redis.hosts[0].host, "localhost");
    assert_int_equal(stores.items[0].redis.hosts[0].port, 0);
    assert_int_equal(REDIS(kit, "  - {name: redishost, value: 'r1:7000'}\n"
                                "  - {name: redisPassword, value: s3}\n"
                                "  - {name: redisDB, value: '2'}\n"
                                "  - {name: dialTimeout, value: '1500'}\n"
                                "  - {name: readTimeout, value: '-1'}\n"
                                "  - {name: ttlInSeconds, value: '60'}\n"
                                "  - {name: poolSize, value: '9'}\n"
                                "  - {name: enableTLS, value: 'false'}\n"),
                     PAWL_OK);
    const struct pawl_config_redis *redis = &stores.items[0].redis;
    assert_string_equal(redis->hosts[0].host, "r1");
    assert_int_equal(redis->hosts[0].port, 7000);
    assert_string_equal(redis->password, "s3");
    assert_int_equal(redis->database, 2);
    assert_int_equal(redis->dial_timeout, 1500 * (PAWL_SECOND / 1000));
    assert_int_equal(redis->timeout, -1);
    assert_int_equal(redis->ttl, 60);
    assert_false(redis->tls);
    assert_int_equal(REDIS(kit, "  - {name: redisHost, value: 'a:1, b,[::1]:2'}\n"
                                "  - {name: redisType, value: cluster}\n"),
                     PAWL_OK);
    assert_true(redis->cluster && !redis->sentinels);
    assert_int_equal(redis->host_count, 3);
    assert_string_equal(redis->hosts[1].host, "b");
    assert_int_equal(redis->hosts[1].port, 0);
    assert_string_equal(redis->hosts[2].host, "::1");
    assert_int_equal(redis->hosts[2].port, 2);
    assert_int_equal(REDIS(kit, "  - {name: redisHost, value: 'a:1,b:2'}\n"
                                "  - {name: failover, value: 'true'}\n"
                                "  - {name: sentinelMasterName, value: mymaster}\n"
                                "  - {name: sentinelPassword, value: s3}\n"),
                     PAWL_OK);
    assert_true(redis->sentinels && !redis->cluster);
    assert_string_equal(redis->master, "mymaster");
    assert_string_equal(redis->sentinel_password, "s3");
    assert_int_equal(REDIS(kit, "  - {name: enableTLS, value: 'True'}\n"
                                "  - {name: insecureSkipTLSVerify, value: '1'}\n"
                                "  - {name: clientCert, value: 'a text'}\n"
                                "  - {name: clientKey, value: 'another'}\n"),
                     PAWL_OK);
    assert_true(redis->tls && redis->insecure);
    assert_string_equal(redis->client_cert, "a text");
    assert_string_equal(redis->client_key, "another");
    assert_int_equal(REDIS(kit, "  - {name: redisHost, value: '[::1]:7001'}\n"), PAWL_OK);
    assert_string_equal(redis->hosts[0].host, "::1");
    assert_int_equal(redis->hosts[0].port, 7001);
    assert_int_equal(REDIS(kit, "  - {name: redisHost, value: '::1'}\n"), PAWL_OK);
    assert_string_equal(redis->hosts[0].host, "::1");
    assert_int_equal(redis->hosts[0].port, 0);
    static const struct {
        const char *item, *text;
    } wrong[] = {
        {"redisHost, value: 'a:1,b:2'", "redisHost names several servers"},
        {"redisHost, value: 'a:x'", "redisHost \"a:x\" has no port"},
        {"redisDB, value: two", "redisDB is \"two\", but has to be a number from 0"},
        {"dialTimeout, value: soon", "dialTimeout is \"soon\", but has to be a duration"},
        {"enableTLS, value: 'yes'", "enableTLS is \"yes\", but has to be true or false"},
        {"clientKey, value: text", "clientKey is given without clientCert"},
        {"redisType, value: clutser", "redisType is \"clutser\", but has to be node or cluster"},
        {"failover, value: 'true'", "failover needs sentinelMasterName"},
        {"redisHost, value: ':6379'", "redisHost \":6379\" has no host"},
        {"redisHots, value: a", "did you mean \"redisHost\"?"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char items[128];
        snprintf(items, sizeof items, "  metadata:\n  - {name: %s}\n", wrong[i].item);
        component("r/a.yaml", "cache", "state.redis", items);
        assert_int_equal(load(kit), PAWL_E_INVALID);
        assert_non_null(strstr(kit->error.text, wrong[i].text));
    }
}

// A component of |type| and |version| with |items|.
static enum pawl_err load_postgres(struct kit *kit, const char *type, const char *version,
                                   const char *items) {
    char text[1024];
    snprintf(text, sizeof text,
             "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: db}\nspec:\n"
             "  type: %s\n  version: \"%s\"\n  metadata:\n"
             "  - {name: connectionString, value: 'host=h dbname=d'}\n%s",
             type, version, items);
    kit_write("r/a.yaml", text);
    return load(kit);
}

static void test_postgres(void **state) {
    struct kit *kit = *state;
    const struct pawl_config_store *store = &stores.items[0];
    assert_int_equal(load_postgres(kit, "state.postgresql", "", ""), PAWL_OK);
    assert_string_equal(store->postgres.connection, "host=h dbname=d");
    assert_true(store->postgres.v1);
    assert_string_equal(store->table, "state");
    assert_string_equal(store->metadata_table, "dapr_metadata");
    assert_int_equal(store->cleanup_interval, 3600 * PAWL_SECOND);
    assert_null(store->path);
    assert_int_equal(load_postgres(kit, "state.postgres", "v2",
                                   "  - {name: tablePrefix, value: shop.my_}\n"
                                   "  - {name: metadataTableName, value: shop.meta}\n"
                                   "  - {name: TimeoutInSeconds, value: '30'}\n"
                                   "  - {name: cleanupInterval, value: '-1'}\n"
                                   "  - {name: maxConns, value: '4'}\n"
                                   "  - {name: useAWSIAM, value: 'false'}\n"
                                   "  - {name: password, value: s3}\n"
                                   "  - {name: lease, value: '2'}\n"
                                   "  - {name: sslRootCert, value: ca.pem}\n"),
                     PAWL_OK);
    assert_false(store->postgres.v1);
    assert_string_equal(store->table, "shop.my_state");
    assert_string_equal(store->metadata_table, "shop.meta");
    assert_int_equal(store->postgres.timeout, 30 * PAWL_SECOND);
    assert_true(store->cleanup_interval < 0);
    assert_int_equal(store->lease, 2 * PAWL_SECOND);
    assert_string_equal(store->postgres.password, "s3");
    assert_string_equal(store->postgres.ssl_root_cert, "ca.pem");
    assert_int_equal(
        load_postgres(kit, "state.postgresql", "v1", "  - {name: tableName, value: mine}\n"),
        PAWL_OK);
    assert_string_equal(store->table, "mine");
    assert_string_equal(kit_log(kit), "");
    assert_int_equal(load_postgres(kit, "state.yugabytedb", "v2", ""), PAWL_OK);
    assert_logged(kit, "Pawl is not tested with its server");

    static const struct {
        const char *type, *version, *item, *text;
    } wrong[] = {
        {"state.postgresql", "v3", "port, value: '1'", "served are v1 and v2"},
        {"state.cockroachdb", "v1", "port, value: '1'", "version v1 of state.cockroachdb is not"},
        {"state.postgresql", "v2", "tableName, value: t", "tableName is not of version v2"},
        {"state.postgresql", "v1", "tablePrefix, value: t", "tablePrefix is not of version v1"},
        {"state.postgresql", "v1", "tableName, value: 'a;b'", "cannot be the name of a table"},
        {"state.postgresql", "v1", "tableName, value: 'a.b.c'", "cannot be the name of a table"},
        {"state.postgresql", "v2", "timeout, value: 100ms", "timeout has to be 1s or more"},
        {"state.postgresql", "v2", "lease, value: 100ms", "lease has to be a time from 1 to 3600"},
        {"state.postgresql", "v2", "lease, value: long", "has to be a duration"},
        {"state.postgresql", "v2", "useAzureAD, value: 'true'", "tokens of Entra ID"},
        {"state.postgresql", "v2", "queryExecMode, value: exec", "statements are always prepared"},
        {"state.postgresql", "v2", "pasword, value: x", "did you mean \"password\"?"},
        {"state.postgresql", "v2", "outboxPublishTopic, value: x",
         "metadata \"outboxPublishTopic\", which state.postgresql does not take"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char item[128];
        snprintf(item, sizeof item, "  - {name: %s}\n", wrong[i].item);
        assert_int_equal(load_postgres(kit, wrong[i].type, wrong[i].version, item), PAWL_E_INVALID);
        assert_non_null(strstr(kit->error.text, wrong[i].text));
    }
    component("r/a.yaml", "db", "state.postgresql", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "connectionString is missing"));
}

static void test_types(void **state) {
    struct kit *kit = *state;
    component("r/a.yaml", "cache", "state.mysql", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component cache (r/a.yaml:1): state store type state.mysql is not served; "
                      "use state.postgresql, state.redis, state.sqlite or state.in-memory, or "
                      "--local-stores, which keeps it in an SQLite file");
    component("r/a.yaml", "cache", "state.mysql", "  ignoreErrors: true\n");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 0);
    assert_logged(kit, "it is ignored, as ignoreErrors says");
    component("r/a.yaml", "wf", "dapr.workflow", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component wf (r/a.yaml:1): type dapr.workflow cannot be loaded; workflows "
                      "need no component of their own");
    component("r/a.yaml", "bus", "pubsub.redis", "");
    assert_int_equal(load(kit), PAWL_OK);
    assert_logged(kit, "component bus (r/a.yaml:1) of type pubsub.redis is passed over");
}

static void test_duplicates(void **state) {
    struct kit *kit = *state;
    static const char holds[] = "  metadata:\n  - {name: actorStateStore, value: \"true\"}\n";
    component("r/a.yaml", "one", "state.in-memory", holds);
    component("r/b.yaml", "two", "state.in-memory", holds);
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/b.yaml:1: detected duplicate actor state store: one and two; the other is "
                      "in r/a.yaml:1");
    component("r/b.yaml", "one", "state.in-memory", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/b.yaml:1: there are two components named \"one\"; the other is in "
                      "r/a.yaml:1");
    component("r/b.yaml", "one", "state.in-memory", "scopes: [another]\n");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 1);
}

static void test_files(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit), PAWL_E_NOT_FOUND);
    assert_error(kit, "cannot read the resources folder r: No such file or directory; check "
                      "--resources-path");
    component("r/below/a.yaml", "below", "state.in-memory", "");
    component("r/a.txt", "text", "state.in-memory", "");
    component("r/a.yml", "yml", "state.in-memory",
              "scopes: [shop]\n---\nkind: Resiliency\nmetadata: {name: yml}\n---\n"
              "kind: Component\nmetadata: {name: second}\nspec: {type: state.in-memory}\n");
    kit_write("r/b.json", "{\"kind\": \"Component\", \"metadata\": {\"name\": \"json\"},"
                          " \"spec\": {\"type\": \"state.in-memory\", \"version\": \"v1\"}}");
    kit_write("r/comment.yaml", "# kind: Component\n---\n# nothing yet\n");
    kit_folder("r/folder.yaml");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 3);
    assert_string_equal(stores.items[0].name, "yml");
    assert_string_equal(stores.items[1].name, "second");
    assert_string_equal(stores.items[1].origin, "r/a.yml:13");
    assert_string_equal(stores.items[2].name, "json");
}

static void test_namespaces(void **state) {
    struct kit *kit = *state;
    kit_write("r/a.yaml", "kind: Component\nmetadata: {name: a, namespace: other}\n"
                          "spec: {type: state.in-memory}\n");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 1);
    kit->context.namespace = "ns";
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 0);
}

static void test_templates(void **state) {
    struct kit *kit = *state;
    kit->context.namespace = "ns";
    setenv("POD_NAME", "pod", 1);
    sqlite("tableName", "{appID}-{namespace}-{podName}-{appID}-{other}");
    assert_int_equal(load(kit), PAWL_OK);
    assert_string_equal(stores.items[0].table, "shop-ns.shop-pod-shop-{other}");
    sqlite("tableName", "{uuid}");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(strlen(stores.items[0].table), 36);
    unsetenv("POD_NAME");
}

static void test_environment(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"PAWL_TEST_TABLE", "given"},
        {"PAWL_TEST_NONE", ""},
        {"APP_API_TOKEN", ""},
        {"DAPR_API_TOKEN", ""},
        {"A B", ""},
        {"", ""},
    };
    setenv("PAWL_TEST_TABLE", "given", 1);
    setenv("APP_API_TOKEN", "hidden", 1);
    setenv("DAPR_API_TOKEN", "hidden", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char rest[256];
        snprintf(rest, sizeof rest,
                 "  metadata:\n  - {name: url, value: a.db}\n"
                 "  - {name: tableName, envRef: \"%s\"}\n",
                 rows[i].name);
        component("r/a.yaml", "store", "state.sqlite", rest);
        assert_int_equal(load(kit), PAWL_OK);
        if (*rows[i].value)
            assert_string_equal(stores.items[0].table, rows[i].value);
        else
            assert_null(stores.items[0].table);
    }
    assert_logged(kit, "r/a.yaml:10: envRef \\\"DAPR_API_TOKEN\\\" is not allowed; the value is "
                       "left empty");
    unsetenv("PAWL_TEST_TABLE");
    unsetenv("APP_API_TOKEN");
    unsetenv("DAPR_API_TOKEN");
}

// A store whose table is the secret of |reference|, from the store |from|.
static void secret(const char *reference, const char *from) {
    char rest[512];
    snprintf(rest, sizeof rest,
             "  metadata:\n  - {name: url, value: a.db}\n"
             "  - name: tableName\n    secretKeyRef: %s\n%s%s\n",
             reference, *from ? "auth:\n  secretStore: " : "", from);
    component("r/a.yaml", "store", "state.sqlite", rest);
}

static void test_secrets(void **state) {
    struct kit *kit = *state;
    setenv("PAWL_TEST_SECRET", "env", 1);
    kit_write("secrets.json", "{\"plain\": \"p\", \"db\": {\"table\": \"nested\"}}");
    component("r/y.yaml", "env", "secretstores.local.env", "");
    component("r/z.yaml", "file", "secretstores.local.file",
              "  metadata:\n  - {name: secretsFile, value: secrets.json}\n");
    component("r/v.yaml", "vault", "secretstores.hashicorp.vault", "");
    static const struct {
        const char *reference, *store, *value;
    } good[] = {
        {"{name: PAWL_TEST_SECRET}", "env", "env"},
        {"{name: X, key: PAWL_TEST_SECRET}", "env", "env"},
        {"{name: plain, key: plain}", "file", "p"},
        {"{name: \"db:table\"}", "file", "nested"},
        {"{name: db, key: table}", "file", "nested"},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        secret(good[i].reference, good[i].store);
        assert_int_equal(load(kit), PAWL_OK);
        assert_string_equal(stores.items[0].table, good[i].value);
    }
    static const struct {
        const char *reference, *store, *error;
    } bad[] = {
        {"{name: none}", "file", "r/a.yaml:11: secret \"none\" is not in secret store \"file\""},
        {"{key: none}", "file", "r/a.yaml:11: secretKeyRef has to be a map with a name"},
        {"{name: a}", "gone", "r/a.yaml:11: there is no secret store \"gone\" among the resources"},
        {"{name: a}", "vault",
         "r/v.yaml:1: secret store \"vault\" is of type secretstores.hashicorp.vault; served are "
         "secretstores.local.env and secretstores.local.file"},
        {"{name: a}", "",
         "r/a.yaml:11: secretKeyRef needs a secret store: set auth.secretStore to the name of a "
         "secretstores.local.env or secretstores.local.file component"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        secret(bad[i].reference, bad[i].store);
        assert_int_equal(load(kit), PAWL_E_INVALID);
        assert_error(kit, bad[i].error);
    }
    unsetenv("PAWL_TEST_SECRET");
}

// As a Go program writes one with encoding/json: all that was not set is there, and empty.
static void test_from_go(void **state) {
    struct kit *kit = *state;
    kit_write("r/a.json",
              "{\"kind\":\"Component\",\"apiVersion\":\"dapr.io/"
              "v1alpha1\",\"metadata\":{\"name\":\"store\","
              "\"namespace\":\"\",\"creationTimestamp\":null},\"spec\":{\"type\":\"state.sqlite\","
              "\"version\":\"\",\"ignoreErrors\":false,\"initTimeout\":\"\",\"metadata\":["
              "{\"name\":\"connectionString\",\"value\":\"a.db\",\"secretKeyRef\":{\"name\":\"\","
              "\"key\":\"\"},"
              "\"envRef\":\"\"},"
              "{\"name\":\"tableName\",\"value\":\"\",\"secretKeyRef\":{}},"
              "{\"name\":\"cleanupInterval\",\"value\":null,\"secretKeyRef\":null},"
              "{\"name\":\"actorStateStore\",\"value\":true,\"secretKeyRef\":\"\"}]},"
              "\"auth\":{\"secretStore\":\"\"},\"scopes\":null}");
    kit->context.namespace = "default";
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 1);
    assert_string_equal(stores.items[0].path, "a.db");
    assert_null(stores.items[0].table);
    assert_true(stores.items[0].holds_workflows);
    assert_string_equal(kit_log(kit), "");
}

static void test_default(void **state) {
    struct kit *kit = *state;
    struct stat info;
    setenv("XDG_DATA_HOME", kit_path(kit, "x/data"), 1);
    assert_int_equal(pawl__components_default(&kit->context, &stores, &kit->error), PAWL_OK);
    assert_int_equal(stores.count, 1);
    assert_string_equal(stores.items[0].name, "statestore");
    assert_string_equal(stores.items[0].type, "state.sqlite");
    assert_string_equal(stores.items[0].key_prefix, "shop");
    assert_true(stores.items[0].holds_workflows);
    assert_string_equal(stores.items[0].path, kit_path(kit, "x/data/pawl/statestore.db"));
    assert_int_equal(stat("x/data/pawl", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);

    unsetenv("XDG_DATA_HOME");
    setenv("HOME", kit->folder, 1);
    assert_int_equal(pawl__components_default(&kit->context, &stores, &kit->error), PAWL_OK);
    assert_string_equal(stores.items[0].path, kit_path(kit, ".local/share/pawl/statestore.db"));

    kit_write("file", "");
    setenv("XDG_DATA_HOME", kit_path(kit, "file"), 1);
    assert_int_equal(pawl__components_default(&kit->context, &stores, &kit->error), PAWL_E_IO);
    assert_non_null(strstr(kit->error.text, "/file/pawl: Not a directory"));
    unsetenv("XDG_DATA_HOME");
}

// Stores that need a server become files; their servers' settings, and secrets that are not here,
// do not matter. Those that are local anyway stay what they are.
static void test_local_stores(void **state) {
    struct kit *kit = *state;
    setenv("XDG_DATA_HOME", kit_path(kit, "data"), 1);
    kit->context.local_stores = true;
    component("r/a.yaml", "statestore", "state.redis",
              "  metadata:\n"
              "  - {name: redisHost, value: 'localhost:6379'}\n"
              "  - {name: redisPassword, secretKeyRef: {name: gone}}\n"
              "  - {name: keyPrefix, value: name}\n"
              "  - {name: actorStateStore, value: 'true'}\n"
              "auth: {secretStore: vault}\n");
    component("r/b.yaml", "own", "state.sqlite",
              "  metadata:\n  - {name: connectionString, value: own.db}\n");
    component("r/c.yaml", "short", "state.in-memory", "");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 3);
    assert_string_equal(stores.items[0].name, "statestore");
    assert_string_equal(stores.items[0].type, "state.sqlite");
    assert_string_equal(stores.items[0].version, "v1");
    assert_string_equal(stores.items[0].instead_of, "state.redis");
    assert_string_equal(stores.items[0].path, kit_path(kit, "data/pawl/statestore.db"));
    assert_string_equal(stores.items[0].key_prefix, "statestore");
    assert_true(stores.items[0].holds_workflows);
    assert_string_equal(stores.items[1].path, "own.db");
    assert_null(stores.items[1].instead_of);
    assert_null(stores.items[2].path);

    assert_int_equal(remove("r/b.yaml"), 0);
    assert_int_equal(remove("r/c.yaml"), 0);
    component("r/a.yaml", "../x", "state.mongodb", "");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component ../x (r/a.yaml:1): its name cannot be that of a file, as "
                      "--local-stores needs it to be");
    unsetenv("XDG_DATA_HOME");
}

// Without HOME, as under systemd and cron, nothing lands where others can take it away.
static void test_no_home(void **state) {
    struct kit *kit = *state;
    static const char *const homes[] = {NULL, "", "relative"};
    setenv("XDG_DATA_HOME", "relative", 1); // the specification has it ignored
    for (size_t i = 0; i < 3; i++) {
        unsetenv("HOME");
        if (i) setenv("HOME", homes[i], 1);
        kit_home = homes[i];
        assert_int_equal(pawl__components_default(&kit->context, &stores, &kit->error),
                         PAWL_E_INVALID);
        assert_error(kit, "there is no place for state and workflows, as this user has no home "
                          "folder: set HOME or XDG_DATA_HOME, or name a store with "
                          "--resources-path");
    }
    unsetenv("HOME");
    kit_home = kit->folder;
    assert_int_equal(pawl__components_default(&kit->context, &stores, &kit->error), PAWL_OK);
    assert_string_equal(stores.items[0].path, kit_path(kit, ".local/share/pawl/statestore.db"));
    unsetenv("XDG_DATA_HOME");
    kit_home = NULL;
}

// Values that are refused, whose text would otherwise be lost, hang or lose data.
static void test_refused(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *name, *value, *error;
    } rows[] = {
        {"connectionString", "file:", "connectionString names no file: give it the path of a file"},
        {"url", "file:?cache=shared", "connectionString names no file: give it the path of a file"},
        {"url", "file:a?_pragma=BUSY_TIMEOUT(1)", "connectionString must not set busy_timeout"},
        {"timeout", "1ms", "timeout has to be 1s or more"},
        {"timeoutInSeconds", "0", "timeout has to be 1s or more"},
        {"keyPrefix", "a||b", "keyPrefix must not hold \"||\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sqlite(rows[i].name, rows[i].value);
        assert_int_equal(load(kit), PAWL_E_INVALID);
        assert_error(kit, pawl__arena_format(&kit->arena, "component store (r/a.yaml:1): %s",
                                             rows[i].error));
    }
    kit_write("r/a.yaml", "kind: Component\nmetadata: {name: a}\n"
                          "spec: {type: state.in-memory, version: v2}\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "component a (r/a.yaml:1): version v2 of state.in-memory is not served; "
                      "served is v1");
}

// An app ID is any text, also that of a template.
static void test_template_of_itself(void **state) {
    struct kit *kit = *state;
    kit->context.app_id = "x{appID}{uuid}";
    sqlite("tableName", "{appID}");
    assert_int_equal(load(kit), PAWL_OK);
    assert_string_equal(stores.items[0].table, "x{appID}{uuid}");
}

// Files whose components would be missed, and how each is told.
static void test_broken_files(void **state) {
    struct kit *kit = *state;
#define GOOD "kind: Component\nmetadata: {name: a}\nspec: {type: state.in-memory}\n"
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "r/b.yaml: the file is empty; write a Component, or remove the file"},
        {" \n\n", "r/b.yaml: the file is empty; write a Component, or remove the file"},
        {"kind: Component\nspec:\n\ttype: x\n",
         "r/b.yaml:3: found character that cannot start any token; indent with blanks, as YAML "
         "takes no tabs there"},
        {GOOD "---\nkind: [\n---\n" GOOD, "r/b.yaml:6: did not find expected node content"},
        {"kind: Component\nkind: Component\n", "r/b.yaml:2: \"kind\" is given twice"},
        {"metadata: {name: a}\nspec: {type: state.in-memory}\n",
         "r/b.yaml:1: kind has to be given, as in \"kind: Component\""},
        {GOOD "---\nkind: ''\n", "r/b.yaml:5: kind has to be given, as in \"kind: Component\""},
        {"kind: component\n",
         "r/b.yaml:1: there is no kind \"component\"; did you mean \"Component\"?"},
        {"a: b\nkind: Compnent\n",
         "r/b.yaml:2: there is no kind \"Compnent\"; did you mean \"Component\"?"},
        {"just text\n", "r/b.yaml:1: a resource has to be a map with a kind and a spec"},
        {"- kind: Component\n", "r/b.yaml:1: a resource has to be a map with a kind and a spec"},
        {GOOD "scopes: shop\n", "r/b.yaml:4: scopes has to be a list of app IDs"},
        {GOOD "scope: [shop]\n", "r/b.yaml:4: unknown key \"scope\" in a component; did you mean "
                                 "\"scopes\"?; known keys: apiVersion, kind, metadata, spec, auth, "
                                 "scopes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kit_write("r/b.yaml", rows[i].text);
        assert_int_equal(load(kit), PAWL_E_INVALID);
        assert_error(kit, rows[i].error);
    }
    assert_int_equal(remove("r/b.yaml"), 0);
    assert_int_equal(mkfifo("r/c", 0600), 0);
    kit_write("r/d.yaml", "kind: Service\n" // Kubernetes has more
                          "---\n---\n" GOOD);
    kit_write("r/notes.txt", "");
    assert_int_equal(load(kit), PAWL_OK);
    assert_int_equal(stores.count, 1);
    assert_logged(kit, "r/notes.txt is passed over: resources end in .yaml, .yml or .json");
    assert_null(strstr(strstr(kit_log(kit), "passed over") + 1, "passed over"));
    assert_int_equal(symlink("r/none.yaml", "r/e.yaml"), 0);
    assert_int_equal(load(kit), PAWL_E_IO);
    assert_error(kit, "cannot read r/e.yaml: No such file or directory");
    assert_int_equal(remove("r/e.yaml"), 0);
    assert_int_equal(mkfifo("r/e.yaml", 0600), 0); // nobody will ever write into it
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/e.yaml is no regular file; write a Component, or remove it");
    assert_int_equal(remove("r/e.yaml"), 0);
    kit_write("r/e.YML", "just text\n");
    assert_int_equal(load(kit), PAWL_E_INVALID);
    assert_error(kit, "r/e.YML:1: a resource has to be a map with a kind and a spec");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sqlite, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_said, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_connection_strings, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_key_prefixes, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_metadata_errors, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_types, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_redis, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_postgres, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_duplicates, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_files, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_namespaces, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_templates, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_environment, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_secrets, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_from_go, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_refused, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_template_of_itself, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_broken_files, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_default, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_local_stores, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_no_home, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
