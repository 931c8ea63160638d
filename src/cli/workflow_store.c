// Workflows of an app that does not run: the commands open its store themselves.

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "cli/workflow.h"
#include "store/sqlite/sqlite.h"

// The file that a component's connectionString names: a path, or a URI of one. False: a server.
static bool store_path(const char *text, char out[PATH_MAX]) {
    if (strncmp(text, "file:", 5) == 0) {
        text += 5;
        if (strncmp(text, "//", 2) == 0) text += 2;
    } else if (strstr(text, "://") || strstr(text, "host=")) {
        return false;
    }
    snprintf(out, PATH_MAX, "%.*s", (int)strcspn(text, "?"), text);
    return true;
}

int pawl__workflow_open_store(const char *connection, const char *id,
                              struct pawl_workflow_app *app) {
    char path[PATH_MAX], name[sizeof app->id + 16];
    struct pawl_error error;
    bool has;
    if (!store_path(connection, path)) {
        fputs("\u274c  without a sidecar only an SQLite file can be looked into; start one for the "
              "app: "
              "'pawl run -a APP-ID', with --resources-path where its store needs it\n",
              stderr);
        return 1;
    }
    if (access(path, R_OK | W_OK)) {
        fprintf(stderr, "\u274c  cannot open %s: %m\n", path);
        return 1;
    }
    snprintf(app->id, sizeof app->id, "%s", id);
    snprintf(name, sizeof name, "default/%s", app->id);
    if (pawl__sqlite_peek(path, pawl__str(name), &has, &error)) {
        fprintf(stderr, "\u274c  %s\n", error.text);
        return 1;
    }
    if (!has) {
        fprintf(stderr, "\u274c  %s has no workflows of app '%s'\n", path, id);
        return 1;
    }
    app->workers = 0;
    const struct pawl_options options = {.app_id = app->id};
    return pawl_open(path, &options, &app->pawl)
               ? pawl__workflow_fail("no sidecar of '%s' runs", app->id)
               : 0;
}
