// The metadata of state.sqlite.

#include <string.h>

#include "base/clock.h"
#include "config/fields.h"

const char *const pawl__sqlite_fields[] = {
    "actorStateStore",  "keyPrefix",
    "connectionString", "url",
    "timeout",          "timeoutInSeconds",
    "busyTimeout",      "disableWAL", // taken, but Pawl's promises rest on the WAL
    "tableName",        "metadataTableName",
    "cleanupInterval",  "cleanupIntervalInSeconds",
    "shards",           NULL};
enum pawl_err pawl__sqlite_component(const struct pawl_component *component,
                                     struct pawl_config_store *store) {
    const char *text = pawl__field(component, "connectionString", "url");
    if (!text || !*text)
        return pawl__component_fail(component,
                                    "connectionString is missing: give it the path of a file");
    static const char *const forbidden[] = {"_pragma=busy_timeout", "_pragma=journal_mode",
                                            "_pragma=foreign_keys"};
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (strcasestr(text, forbidden[i]))
            return pawl__component_fail(component, "connectionString must not set %s",
                                        forbidden[i] + strlen("_pragma="));
    bool memory = strstr(text, ":memory:") || strstr(text, "mode=memory");
    const char *path = strncmp(text, "file:", 5) == 0 ? text + 5 : text;
    const char *query = strchr(path, '?');
    if (query)
        path = pawl__arena_dup(component->context->arena,
                               (struct pawl_str){path, (size_t)(query - path)});
    if (!memory && path && !*path) // SQLite would take it for a file that is deleted at the end
        return pawl__component_fail(component,
                                    "connectionString names no file: give it the path of a file");
    if (!path) return pawl__fail_plain(component->error, PAWL_E_NOMEM);
    store->path = memory ? NULL : path;
    store->table = pawl__field_text(component, "tableName", NULL);
    store->metadata_table = pawl__field_text(component, "metadataTableName", NULL);
    enum pawl_err err = pawl__field_time(component, "busyTimeout", NULL, &store->busy_timeout);
    if (!err)
        err = pawl__field_time(component, "cleanupInterval", "cleanupIntervalInSeconds",
                               &store->cleanup_interval);
    int64_t timeout = PAWL_SECOND; // statements do not wait on a network: it is only checked
    if (!err) err = pawl__field_time(component, "timeout", "timeoutInSeconds", &timeout);
    if (!err && timeout < PAWL_SECOND)
        err = pawl__component_fail(component, "timeout has to be 1s or more");
    return err;
}
