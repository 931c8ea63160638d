// The metadata of state.postgresql, versions 1 and 2, and of what is served as it is.

#include <strings.h>

#include "base/clock.h"
#include "config/fields.h"

// What is served, what is refused, and what a store with two connections has no use for.
const char *const pawl__postgres_fields[] = {"actorStateStore",
                                             "keyPrefix",
                                             "shards",
                                             "lease",
                                             "connectionString",
                                             "url",
                                             "host",
                                             "hostaddr",
                                             "port",
                                             "database",
                                             "user",
                                             "password",
                                             "sslRootCert",
                                             "timeout",
                                             "timeoutInSeconds",
                                             "tableName",
                                             "tablePrefix",
                                             "metadataTableName",
                                             "cleanupInterval",
                                             "cleanupIntervalInSeconds",
                                             "maxConns",
                                             "connectionMaxIdleTime",
                                             "queryExecMode",
                                             "useAzureAD",
                                             "azureTenantId",
                                             "azureClientId",
                                             "azureClientSecret",
                                             "useAWSIAM",
                                             "awsRegion",
                                             "region",
                                             "awsAccessKey",
                                             "accessKey",
                                             "awsSecretKey",
                                             "secretKey",
                                             "sessionToken",
                                             "awsSessionToken",
                                             "assumeRoleArn",
                                             "sessionName",
                                             NULL};

// Names of tables go into SQL as they are: a letter or "_" first, then digits, too, and one schema.
static bool postgres_is_name(const char *name) {
    bool first = true, good = *name;
    for (int dots = 0; good && *name; name++) {
        bool letter = (*name | 0x20) >= 'a' && (*name | 0x20) <= 'z';
        bool dot = *name == '.' && !first && name[1] && dots++ == 0;
        good = letter || *name == '_' || (*name >= '0' && *name <= '9' && !first) || dot;
        first = dot;
    }
    return good;
}

static enum pawl_err postgres_tables(const struct pawl_component *component,
                                     struct pawl_config_store *store) {
    bool v1 = store->postgres.v1;
    const char *other = v1 ? "tablePrefix" : "tableName";
    if (pawl__field_text(component, other, NULL))
        return pawl__component_fail(component, "%s is not of version %s, which takes %s", other,
                                    v1 ? "v1" : "v2", v1 ? "tableName" : "tablePrefix");
    const char *given = pawl__field_text(component, v1 ? "tableName" : "tablePrefix", NULL);
    const char *metadata = pawl__field_text(component, "metadataTableName", NULL);
    store->table =
        v1 ? given ? given : "state"
           : pawl__arena_format(component->context->arena, "%sstate", given ? given : "");
    store->metadata_table = metadata ? metadata : "dapr_metadata";
    if (!store->table) return pawl__fail_plain(component->error, PAWL_E_NOMEM);
    const char *bad = !postgres_is_name(store->table)            ? store->table
                      : !postgres_is_name(store->metadata_table) ? store->metadata_table
                                                                 : NULL;
    if (!bad) return PAWL_OK;
    return pawl__component_fail(component,
                                "\"%s\" cannot be the name of a table: letters, digits and _, "
                                "perhaps with a schema and a dot before them",
                                bad);
}

static enum pawl_err postgres_times(const struct pawl_component *component,
                                    struct pawl_config_store *store) {
    const char *clean = pawl__field_text(component, "cleanupInterval", "cleanupIntervalInSeconds");
    enum pawl_err err =
        pawl__field_time(component, "timeout", "timeoutInSeconds", &store->postgres.timeout);
    if (!err && store->postgres.timeout && store->postgres.timeout < PAWL_SECOND)
        err = pawl__component_fail(component, "timeout has to be 1s or more");
    store->cleanup_interval = 3600 * PAWL_SECOND;
    if (!err && clean && *clean == '-')
        store->cleanup_interval = -1;
    else if (!err)
        err = pawl__field_time(component, "cleanupInterval", "cleanupIntervalInSeconds",
                               &store->cleanup_interval);
    if (store->cleanup_interval == 0) store->cleanup_interval = -1; // Dapr's off
    return err;
}

// Statements are prepared, whatever the mode: what cannot have that says so.
static enum pawl_err postgres_mode(const struct pawl_component *component) {
    static const char *const served[] = {"cache_statement", "cache_describe", "describe_exec"};
    const char *mode = pawl__field_text(component, "queryExecMode", NULL);
    for (size_t i = 0; mode && i < sizeof served / sizeof *served; i++)
        if (strcmp(mode, served[i]) == 0) return PAWL_OK;
    if (!mode) return PAWL_OK;
    return pawl__component_fail(component,
                                "queryExecMode is \"%s\", but statements are always prepared: "
                                "leave it out; a pool such as PgBouncer has to keep sessions",
                                mode);
}

enum pawl_err pawl__postgres_component(const struct pawl_component *component,
                                       struct pawl_config_store *store) {
    static const struct pawl_unserved_field unserved[] = {
        {"useAzureAD", "false", "tokens of Entra ID are not served"},
        {"useAWSIAM", "false", "tokens of AWS IAM are not served"},
    };
    struct pawl_config_postgres *to = &store->postgres;
    const char *text = pawl__field_text(component, "connectionString", "url");
    *to = (struct pawl_config_postgres){
        .connection = text ? text : "",
        .host = pawl__field_text(component, "host", NULL),
        .hostaddr = pawl__field_text(component, "hostaddr", NULL),
        .port = pawl__field_text(component, "port", NULL),
        .database = pawl__field_text(component, "database", NULL),
        .user = pawl__field_text(component, "user", NULL),
        .password = pawl__field_text(component, "password", NULL),
        .ssl_root_cert = pawl__field_text(component, "sslRootCert", NULL),
        .v1 = strcasecmp(component->version, "v2") != 0,
    };
    if (!text && !to->host && !to->hostaddr && !to->database && !to->user)
        return pawl__component_fail(
            component,
            "connectionString is missing: give it, such as \"host=localhost user=postgres "
            "password=... dbname=orders\", or host, user, password and database");
    enum pawl_err err =
        pawl__fields_unserved(component, unserved, sizeof unserved / sizeof *unserved);
    if (!err) err = postgres_mode(component);
    if (!err) err = postgres_tables(component, store);
    if (!err) err = postgres_times(component, store);
    return err;
}
