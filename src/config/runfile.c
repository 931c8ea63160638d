#include "config/runfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"
#include "config/home.h"

// Settings that are flags of the daemon under another name. Those with no flag are handled by
// themselves below, or mean nothing without a control plane.
static const struct runfile_key {
    const char *key, *flag;
    bool of_app;  // not allowed under common
    bool is_idle; // it has no effect here
} runfile_keys[] = {
    {"appID", NULL, true},
    {"appDirPath", NULL, true},
    {"appPort", NULL, true},
    {"daprHTTPPort", NULL, true},
    {"daprGRPCPort", NULL, true},
    {"metricsPort", NULL, true},
    {"command", NULL, true},
    {"env", NULL, false},
    {"resourcesPath", NULL, false},
    {"resourcesPaths", NULL, false},
    {"configFilePath", NULL, false},
    {"appProtocol", NULL, false},
    {"logLevel", NULL, false},
    {"appLogDestination", NULL, false},
    {"daprdLogDestination", NULL, false},
    {"appChannelAddress", "app-channel-address", true},
    {"unixDomainSocket", "unix-domain-socket", true},
    {"apiListenAddresses", "dapr-listen-addresses", false},
    {"maxBodySize", "max-body-size", false},
    {"readBufferSize", "read-buffer-size", false},
    {"appMaxConcurrency", "app-max-concurrency", false},
    {"loops", "loops", false},
    {"enableApiLogging", "enable-api-logging", false},
    {"daprInternalGRPCPort", NULL, true, true},
    {"profilePort", NULL, true, true},
    {"containerImage", NULL, true, true},
    {"containerImagePullPolicy", NULL, true, true},
    {"createService", NULL, true, true},
    {"enableProfiling", NULL, false, true},
    {"placementHostAddress", NULL, false, true},
    {"schedulerHostAddress", NULL, false, true},
    {"appSSL", NULL, false, true},
    {"runtimePath", NULL, false, true},
    {"enableAppHealthCheck", "enable-app-health-check", false},
    {"appHealthCheckPath", "app-health-check-path", false},
    {"appHealthProbeInterval", "app-health-probe-interval", false},
    {"appHealthProbeTimeout", "app-health-probe-timeout", false},
    {"appHealthThreshold", "app-health-threshold", false},
};

enum {
    RUNFILE_KEYS = sizeof runfile_keys / sizeof *runfile_keys
};

struct runfile {
    struct pawl_arena *arena;
    struct pawl_error *error;
    const char *folder; // that relative paths start from
    const struct pawl_yaml *common;
    const char *notes;
};

// Notes which keys of |map| have no effect, so that nobody relies on them.
static enum pawl_err runfile_note_idle(struct runfile *file, const struct pawl_yaml *map) {
    for (size_t i = 0; i < RUNFILE_KEYS; i++) {
        const struct pawl_yaml *node =
            runfile_keys[i].is_idle ? pawl__yaml_get(map, runfile_keys[i].key) : NULL;
        bool is_off = node && node->kind == PAWL_YAML_SCALAR && strcmp(node->text, "false") == 0;
        if (!node || is_off) continue;
        file->notes = pawl__arena_format(file->arena, "%s%s:%d: %s has no effect here\n",
                                         file->notes, node->file, node->line, runfile_keys[i].key);
        if (!file->notes) return pawl__fail_plain(file->error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

static enum pawl_err runfile_check(struct runfile *file, const struct pawl_yaml *map,
                                   const char *what, bool of_app) {
    const char *known[RUNFILE_KEYS + 1];
    size_t count = 0;
    for (size_t i = 0; i < RUNFILE_KEYS; i++)
        if (of_app || !runfile_keys[i].of_app) known[count++] = runfile_keys[i].key;
    known[count] = NULL;
    enum pawl_err err = pawl__yaml_check(map, what, known, file->error);
    return err ? err : runfile_note_idle(file, map);
}

// The value of the app, or else the one that all share.
static const struct pawl_yaml *runfile_get(const struct runfile *file, const struct pawl_yaml *app,
                                           const char *key) {
    const struct pawl_yaml *own = pawl__yaml_get(app, key);
    return own ? own : pawl__yaml_get(file->common, key);
}

// |text| made absolute, and checked to be a folder or a file.
static enum pawl_err runfile_path(const struct runfile *file, const struct pawl_yaml *node,
                                  const char *base, const char *what, bool folder,
                                  const char **out) {
    struct stat info;
    if (node->kind != PAWL_YAML_SCALAR || !*node->text)
        return pawl__yaml_fail(node, file->error, what, "a path");
    const char *text = node->text, *home;
    if (text[0] == '~' && text[1] == '/' && (home = pawl__home(file->arena)))
        text = pawl__arena_format(file->arena, "%s%s", home, text + 1);
    *out = text[0] == '/' ? text : pawl__arena_format(file->arena, "%s/%s", base, text);
    if (!*out) return pawl__fail_plain(file->error, PAWL_E_NOMEM);
    if (stat(*out, &info) == 0 && (folder ? S_ISDIR(info.st_mode) : S_ISREG(info.st_mode)))
        return PAWL_OK;
    return pawl__fail(file->error, PAWL_E_INVALID,
                      "%s:%d: %s \"%s\" is not a %s; create %s, or "
                      "correct the path",
                      node->file, node->line, what, *out, folder ? "folder" : "file", *out);
}

static bool runfile_is_folder(const char *path) {
    struct stat info;
    return path && stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static enum pawl_err runfile_resources(const struct runfile *file, const struct pawl_yaml *map,
                                       struct pawl_runfile_app *out) {
    const struct pawl_yaml *list = pawl__yaml_get(map, "resourcesPaths");
    const struct pawl_yaml *one = pawl__yaml_get(map, "resourcesPath");
    if (list && list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, file->error, "resourcesPaths", "a list of folders");
    if (list) one = list->children;
    for (; one; one = list ? one->next : NULL) {
        if (out->resource_count == PAWL_RUNFILE_LIST)
            return pawl__yaml_fail(one, file->error, "resourcesPaths", "shorter");
        enum pawl_err err = runfile_path(file, one, file->folder, "resourcesPaths", true,
                                         &out->resources[out->resource_count]);
        if (err) return err;
        out->resource_count++;
    }
    return PAWL_OK;
}

// The app's own resources win, then its .dapr/resources, then those that all share, then the
// user's.
static enum pawl_err runfile_find_resources(const struct runfile *file, const struct pawl_yaml *app,
                                            struct pawl_runfile_app *out) {
    enum pawl_err err = runfile_resources(file, app, out);
    if (err || out->resource_count) return err;
    const char *own = pawl__arena_format(file->arena, "%s/.dapr/resources", out->directory);
    if (runfile_is_folder(own)) {
        out->resources[out->resource_count++] = own;
        return PAWL_OK;
    }
    err = runfile_resources(file, file->common, out);
    const char *user = pawl__home_dapr(file->arena).components;
    if (err || out->resource_count || !user) return err;
    out->resources[out->resource_count++] = user;
    out->user_resources = true;
    return PAWL_OK;
}

static enum pawl_err runfile_config(const struct runfile *file, const struct pawl_yaml *app,
                                    struct pawl_runfile_app *out) {
    const struct pawl_yaml *node = pawl__yaml_get(app, "configFilePath");
    const char *own = pawl__arena_format(file->arena, "%s/.dapr/config.yaml", out->directory);
    if (!node && own && access(own, R_OK) == 0) {
        out->config = own;
        return PAWL_OK;
    }
    if (!node) node = pawl__yaml_get(file->common, "configFilePath");
    if (node) return runfile_path(file, node, file->folder, "configFilePath", false, &out->config);
    out->config = pawl__home_dapr(file->arena).config;
    return PAWL_OK;
}

// Such as shells and programs can read.
static bool runfile_is_variable(const char *name) {
    if (!*name) return false;
    for (; *name; name++)
        if ((unsigned char)*name <= ' ' || *name == '=' || *name == 127) return false;
    return true;
}

static enum pawl_err runfile_env(const struct runfile *file, const struct pawl_yaml *map,
                                 struct pawl_runfile_app *out) {
    const struct pawl_yaml *env = pawl__yaml_get(map, "env");
    if (env && env->kind != PAWL_YAML_MAP)
        return pawl__yaml_fail(env, file->error, "env", "a map of names and values");
    for (const struct pawl_yaml *one = env ? env->children : NULL; one; one = one->next) {
        if (one->kind != PAWL_YAML_SCALAR)
            return pawl__yaml_fail(one, file->error, "a value of env", "plain text");
        if (!runfile_is_variable(one->key))
            return pawl__fail(file->error, PAWL_E_INVALID,
                              "%s:%d: \"%s\" cannot be the name of a variable in env: it may have "
                              "letters, digits and any sign but =, and no blank",
                              one->file, one->line, one->key);
        if (out->env_count == PAWL_RUNFILE_LIST * 2)
            return pawl__yaml_fail(one, file->error, "env", "shorter");
        out->env[out->env_count] = pawl__arena_format(file->arena, "%s=%s", one->key, one->text);
        if (!out->env[out->env_count++]) return pawl__fail_plain(file->error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

static enum pawl_err runfile_destination(const struct runfile *file, const struct pawl_yaml *app,
                                         const char *key, const char *fallback, const char **out) {
    const struct pawl_yaml *node = runfile_get(file, app, key);
    *out = node && node->text ? node->text : fallback;
    if (node && !node->text)
        return pawl__yaml_fail(node, file->error, key, "console, file or fileAndConsole");
    if (strcmp(*out, "console") == 0 || strcmp(*out, "file") == 0 ||
        strcmp(*out, "fileAndConsole") == 0)
        return PAWL_OK;
    return pawl__yaml_fail(node, file->error, key, "console, file or fileAndConsole");
}

static enum pawl_err runfile_port(const struct runfile *file, const struct pawl_yaml *app,
                                  const char *key, int *out) {
    enum pawl_err err = pawl__yaml_int(app, key, out, file->error);
    if (!err && (*out < -1 || *out > 65535))
        err = pawl__yaml_fail(pawl__yaml_get(app, key), file->error, key, "a port up to 65535");
    if (*out < 0) *out = 0;
    return err;
}

static enum pawl_err runfile_command(const struct runfile *file, const struct pawl_yaml *app,
                                     struct pawl_runfile_app *out) {
    const struct pawl_yaml *list = pawl__yaml_get(app, "command");
    if (!list) return PAWL_OK;
    if (list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, file->error, "command",
                               "a list such as [\"python3\", \"app.py\"]");
    for (const struct pawl_yaml *one = list->children; one; one = one->next) {
        if (one->kind != PAWL_YAML_SCALAR || out->command_count == PAWL_RUNFILE_LIST)
            return pawl__yaml_fail(one, file->error, "command", "a list of at most 32 words");
        out->command[out->command_count++] = one->text;
    }
    return PAWL_OK;
}

// NULL: not given.
static enum pawl_err runfile_text(const struct runfile *file, const struct pawl_yaml *app,
                                  const char *key, const char **out) {
    const struct pawl_yaml *node = runfile_get(file, app, key);
    *out = node ? node->text : NULL;
    return !node || *out ? PAWL_OK : pawl__yaml_fail(node, file->error, key, "a single value");
}

static enum pawl_err runfile_id(const struct runfile *file, const struct pawl_yaml *app,
                                struct pawl_runfile_app *out) {
    const struct pawl_yaml *node = pawl__yaml_get(app, "appID");
    if (node && !node->text) return pawl__yaml_fail(node, file->error, "appID", "a single value");
    out->is_named = node && *node->text;
    out->app_id = out->is_named ? node->text : strrchr(out->directory, '/') + 1;
    const char *flaw = pawl__name_flaw(out->app_id);
    if (!flaw) return PAWL_OK;
    if (!node) node = app;
    return pawl__fail(file->error, PAWL_E_INVALID, "%s:%d: the ID of an app %s%s", node->file,
                      node->line, flaw, out->is_named ? "" : "; give it an appID");
}

static enum pawl_err runfile_app(struct runfile *file, const struct pawl_yaml *app,
                                 struct pawl_runfile_app *out) {
    enum pawl_err err = runfile_check(file, app, "an app", true);
    if (err) return err;
    const struct pawl_yaml *directory = pawl__yaml_get(app, "appDirPath");
    if (!directory) return pawl__yaml_fail(app, file->error, "appDirPath of an app", "given");
    err = runfile_path(file, directory, file->folder, "appDirPath", true, &out->directory);
    if (err) return err;
    char real[PATH_MAX];
    if (realpath(out->directory, real))
        out->directory = pawl__arena_dup(file->arena, pawl__str(real));
    if (!out->directory) return pawl__fail_plain(file->error, PAWL_E_NOMEM);
    if ((err = runfile_id(file, app, out))) return err;
    if ((err = runfile_command(file, app, out))) return err;
    if ((err = runfile_port(file, app, "appPort", &out->app_port))) return err;
    if ((err = runfile_port(file, app, "daprHTTPPort", &out->http_port))) return err;
    if ((err = runfile_port(file, app, "daprGRPCPort", &out->grpc_port))) return err;
    if ((err = runfile_port(file, app, "metricsPort", &out->metrics_port))) return err;
    if ((err = runfile_find_resources(file, app, out))) return err;
    if ((err = runfile_config(file, app, out))) return err;
    if ((err = runfile_env(file, file->common, out))) return err; // the app's come last, and win
    if ((err = runfile_env(file, app, out))) return err;
    err = runfile_destination(file, app, "appLogDestination", "fileAndConsole", &out->app_log);
    if (!err) err = runfile_destination(file, app, "daprdLogDestination", "file", &out->daemon_log);
    if (err) return err;
    const struct pawl_yaml *node;
    if ((err = runfile_text(file, app, "appProtocol", &out->protocol))) return err;
    if ((err = runfile_text(file, app, "logLevel", &out->log_level))) return err;
    for (size_t i = 0; i < RUNFILE_KEYS; i++) {
        node = runfile_keys[i].flag ? runfile_get(file, app, runfile_keys[i].key) : NULL;
        if (!node || out->pass_count == PAWL_RUNFILE_PASS) continue;
        if (node->kind != PAWL_YAML_SCALAR)
            return pawl__yaml_fail(node, file->error, runfile_keys[i].key, "a single value");
        out->pass[out->pass_count].flag = runfile_keys[i].flag;
        out->pass[out->pass_count++].value = node->text;
    }
    return PAWL_OK;
}

// |path|, in |folder| if that is not NULL, is not there. Guides to apps lead into an app's folder,
// where the run file of all apps stands above it.
static enum pawl_err runfile_missing(const struct runfile *file, const char *path,
                                     const char *folder) {
    const char *why = strerror(errno), *above = "";
    if (folder && strcmp(folder, ".") != 0) above = pawl__arena_format(file->arena, "%s/", folder);
    const char *there =
        folder && above ? pawl__arena_format(file->arena, "%s../dapr.yaml", above) : NULL;
    if (there && access(there, R_OK) == 0)
        return pawl__fail(file->error, PAWL_E_NOT_FOUND,
                          "there is no run file %s, but one in the folder above it: give -f %s..",
                          path, above);
    return pawl__fail(file->error, PAWL_E_NOT_FOUND,
                      "cannot read the run file %s: %s; name a run file, or a folder with a "
                      "dapr.yaml",
                      path, why);
}

static enum pawl_err runfile_locate(struct runfile *file, const char *path,
                                    struct pawl_runfile *out) {
    char real[PATH_MAX];
    if (strcmp(path, "-") == 0) {
        out->path = "-";
        if (!getcwd(real, sizeof real)) real[0] = 0;
        file->folder = pawl__arena_dup(file->arena, pawl__str(real));
        return file->folder ? PAWL_OK : pawl__fail_plain(file->error, PAWL_E_NOMEM);
    }
    const char *folder = runfile_is_folder(path) ? path : NULL;
    if (folder) path = pawl__arena_format(file->arena, "%s/dapr.yaml", folder);
    if (!path) return pawl__fail_plain(file->error, PAWL_E_NOMEM);
    if (!realpath(path, real)) return runfile_missing(file, path, folder);
    out->path = pawl__arena_dup(file->arena, pawl__str(real));
    *strrchr(real, '/') = 0;
    file->folder = pawl__arena_dup(file->arena, pawl__str(*real ? real : "/"));
    return out->path && file->folder ? PAWL_OK : pawl__fail_plain(file->error, PAWL_E_NOMEM);
}

enum pawl_err pawl__runfile_load(const char *path, struct pawl_arena *arena,
                                 struct pawl_runfile *out, struct pawl_error *error) {
    static const char *const keys[] = {"version", "name", "common", "apps", NULL};
    struct runfile file = {.arena = arena, .error = error, .notes = ""};
    struct pawl_yaml *root;
    *out = (struct pawl_runfile){0};
    enum pawl_err err = runfile_locate(&file, path, out);
    if (!err) err = pawl__yaml_load(out->path, arena, &root, error);
    if (err) return err;
    if (!root) return pawl__fail(error, PAWL_E_INVALID, "%s: the run file is empty", out->path);
    if ((err = pawl__yaml_check(root, "a run file", keys, error))) return err;
    int version = 0;
    if ((err = pawl__yaml_int(root, "version", &version, error))) return err;
    if (version != 1) {
        const struct pawl_yaml *node = pawl__yaml_get(root, "version");
        return pawl__yaml_fail(node ? node : root, error, "version", "1");
    }
    file.common = pawl__yaml_get(root, "common");
    if ((err = runfile_check(&file, file.common, "common", false))) return err;
    const struct pawl_yaml *apps = pawl__yaml_get(root, "apps");
    if (!apps || apps->kind != PAWL_YAML_LIST || !apps->children)
        return pawl__yaml_fail(apps ? apps : root, error, "apps", "a list with at least one app");
    const char *slash = strrchr(file.folder, '/');
    out->name = pawl__yaml_text(root, "name");
    if (!out->name) out->name = slash ? slash + 1 : file.folder;
    out->apps = pawl__arena_zalloc(arena, PAWL_RUNFILE_APPS * sizeof *out->apps);
    if (!out->apps) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (const struct pawl_yaml *app = apps->children; app; app = app->next) {
        if (out->app_count == PAWL_RUNFILE_APPS)
            return pawl__yaml_fail(app, error, "apps", "a list of at most 64 apps");
        struct pawl_runfile_app *one = &out->apps[out->app_count];
        if ((err = runfile_app(&file, app, one))) return err;
        for (size_t i = 0; i < out->app_count; i++) {
            const struct pawl_runfile_app *other = &out->apps[i];
            if (strcmp(other->app_id, one->app_id) != 0) continue;
            if (!one->is_named || !other->is_named)
                return pawl__fail(
                    error, PAWL_E_INVALID,
                    "%s:%d: there are two apps with the ID \"%s\"; give each an appID", app->file,
                    app->line, one->app_id);
            one->replica++;
        }
        out->app_count++;
    }
    out->notes = file.notes;
    return PAWL_OK;
}
