// Workflows of an app that does not run: the commands open its store themselves.

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/workflow.h"
#include "sdk/handle.h"
#include "store/postgres/postgres.h"
#include "store/redis/redis.h"
#include "store/sqlite/sqlite.h"

static int store_fail(const char *text) {
    fprintf(stderr, "\u274c  %s\n", text);
    return 1;
}

// Opens the engine, over |store| if there is one.
static int store_open(struct pawl_store *store, const char *name, struct pawl_workflow_app *app) {
    const struct pawl_options options = {.app_id = app->id};
    app->workers = 0;
    enum pawl_err err = store ? pawl__open_over(store, name, &options, &app->pawl)
                              : pawl_open(name, &options, &app->pawl);
    if (!err) return 0;
    fprintf(stderr, "\u274c  no sidecar of '%s' runs: %s\n", app->id, pawl_last_error()->text);
    return 1;
}

// --- servers ------------------------------------------------------------------------------------

// Whether |store| has workflows of |app|; writes to stderr where not.
static bool store_has(struct pawl_store *store, const char *app, const char *name) {
    struct pawl_arena arena = {0};
    struct pawl_holder *holders;
    struct pawl_error error;
    size_t count = 0;
    bool has = false;
    enum pawl_err err =
        store->ops->holders(store, pawl__str(name), &arena, &holders, &count, &error);
    for (size_t i = 0; !err && i < count; i++) has = has || holders[i].epoch; // once leased
    if (err)
        store_fail(error.text);
    else if (!has)
        fprintf(stderr, "\u274c  the server has no workflows of app '%s'\n", app);
    pawl__arena_finish(&arena);
    return has;
}

static enum pawl_err store_postgres(const char *connection, const char *id, struct pawl_store **out,
                                    struct pawl_error *error) {
    const struct pawl_postgres_options options = {
        .type = "state.postgresql",
        .connection = connection,
        .state_table = "state",
        .metadata_table = "dapr_metadata",
        .workflows = true,
        .existing = true,
    };
    return pawl__postgres_open(&options, out, error);
}

// redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE], or rediss:// with TLS.
static enum pawl_err store_redis(const char *connection, const char *id, struct pawl_store **out,
                                 struct pawl_error *error) {
    char text[1024], *end;
    struct pawl_redis_options options = {.app = id, .tls = strncmp(connection, "rediss:", 7) == 0};
    snprintf(text, sizeof text, "%s", strstr(connection, "://") + 3);
    char *at = strrchr(text, '@'), *host = at ? at + 1 : text, *database = strchr(host, '/');
    if (at) {
        *at = 0;
        char *colon = strchr(text, ':');
        if (colon) *colon = 0;
        options.username = text;
        options.password = colon ? colon + 1 : NULL;
    }
    if (database) *database++ = 0;
    char *port = strrchr(host, ':');
    if (port) *port++ = 0;
    options.host = *host ? host : NULL;
    if (port) options.port = (int)strtol(port, &end, 10);
    if (port && (*end || options.port < 1 || options.port > 65535))
        return pawl__fail(error, PAWL_E_INVALID, "'%s' is no port of a Redis server", port);
    if (database && *database) options.database = (int)strtol(database, &end, 10);
    if (database && *database && *end)
        return pawl__fail(error, PAWL_E_INVALID, "'%s' is no number of a database", database);
    return pawl__redis_open(&options, out, error);
}

static const struct {
    const char *begins;
    enum pawl_err (*open)(const char *connection, const char *id, struct pawl_store **out,
                          struct pawl_error *error);
} store_servers[] = {
    {"postgres://", store_postgres}, {"postgresql://", store_postgres}, {"host=", store_postgres},
    {"user=", store_postgres},       {"dbname=", store_postgres},       {"redis://", store_redis},
    {"rediss://", store_redis},
};

// --- files --------------------------------------------------------------------------------------

// The file that a component's connectionString names: a path, or a URI of one. False: something
// else.
static bool store_path(const char *text, char out[PATH_MAX]) {
    if (strncmp(text, "file:", 5) == 0) {
        text += 5;
        if (strncmp(text, "//", 2) == 0) text += 2;
    } else if (strstr(text, "://")) {
        return false;
    }
    snprintf(out, PATH_MAX, "%.*s", (int)strcspn(text, "?"), text);
    return true;
}

static int store_open_file(const char *path, const char *name, struct pawl_workflow_app *app) {
    struct pawl_error error;
    bool has;
    if (access(path, R_OK | W_OK)) {
        fprintf(stderr, "\u274c  cannot open %s: %m\n", path);
        return 1;
    }
    if (pawl__sqlite_peek(path, pawl__str(name), &has, &error)) return store_fail(error.text);
    if (!has) {
        fprintf(stderr, "\u274c  %s has no workflows of app '%s'\n", path, app->id);
        return 1;
    }
    return store_open(NULL, path, app);
}

int pawl__workflow_open_store(const char *connection, const char *id,
                              struct pawl_workflow_app *app) {
    char path[PATH_MAX], name[sizeof app->id + 16];
    struct pawl_error error;
    struct pawl_store *store;
    snprintf(app->id, sizeof app->id, "%s", id);
    snprintf(name, sizeof name, "default/%s", app->id);
    for (size_t i = 0; i < sizeof store_servers / sizeof *store_servers; i++) {
        if (strncmp(connection, store_servers[i].begins, strlen(store_servers[i].begins)) != 0)
            continue;
        if (store_servers[i].open(connection, id, &store, &error)) return store_fail(error.text);
        if (store_has(store, id, name)) return store_open(store, "the server", app);
        store->ops->close(store);
        return 1;
    }
    if (store_path(connection, path)) return store_open_file(path, name, app);
    fprintf(stderr,
            "\u274c  '%s' is no store: give the path of an SQLite file, postgres://..., what else "
            "PostgreSQL takes as a connection, or redis://...\n",
            connection);
    return 1;
}
