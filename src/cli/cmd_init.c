#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "cli/commands.h"
#include "cli/reach.h"
#include "config/component.h"
#include "config/home.h"

// 'init' and 'uninstall': the files that an app has which names none (reference 7.6).

#define INIT_INFO "\u2139\ufe0f  "
#define INIT_OK   "\u2705  "

static const struct pawl_flag init_flags[] = {
    {"redis-host", 0, PAWL_FLAG_TEXT, "localhost:6379", "where to look for Redis"},
    {"zipkin-host", 0, PAWL_FLAG_TEXT, "localhost:9411", "where to look for Zipkin"},
    {"slim", 's', PAWL_FLAG_BOOL, "false", "look for no servers"},
    {"kubernetes", 'k', PAWL_FLAG_BOOL, "false", "refused: Pawl runs on this machine"},
    {"container-runtime", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"dashboard-version", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"from-dir", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"image-registry", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"image-variant", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"network", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"redis-stack", 0, PAWL_FLAG_IDLE, "false", "accepted as dapr's; has no effect here"},
    {"runtime-path", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"runtime-version", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"scheduler-volume", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static const struct pawl_flag uninstall_flags[] = {
    {"all", 0, PAWL_FLAG_IDLE, "false", "accepted as dapr's; has no effect here"},
    {"kubernetes", 'k', PAWL_FLAG_BOOL, "false", "refused: Pawl runs on this machine"},
    {"container-runtime", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"network", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"runtime-path", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// --- files --------------------------------------------------------------------------------------

// The first line of a file that init wrote: by the checksum of the rest, uninstall knows whether
// somebody has changed it since.
static const char init_mark[] =
    "# Written by 'pawl init', checksum %08lx: 'pawl uninstall' removes "
    "this file as long as it is unchanged.\n";

static unsigned long init_checksum(struct pawl_str text) {
    return crc32(crc32(0, NULL, 0), (const Bytef *)text.data, (uInt)text.len);
}

// 1: written, 0: kept, as it was there, -1: failed, which is told.
static int init_write(const char *path, struct pawl_str text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 && errno == EEXIST) return 0;
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool ok = file && fprintf(file, init_mark, init_checksum(text)) > 0 &&
              fwrite(text.data, text.len, 1, file) == 1 && fflush(file) == 0;
    if (!ok) fprintf(stderr, "pawl init: cannot write %s: %s\n", path, strerror(errno));
    if (file) fclose(file);
    if (!ok && fd >= 0) unlink(path); // half of it would be kept for ever
    return ok ? 1 : -1;
}

// Whether the file is as init wrote it.
static bool init_is_ours(const char *path) {
    char text[4096], mark[sizeof init_mark + 16];
    FILE *file = fopen(path, "re");
    if (!file) return false;
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    char *end = len < sizeof text ? memchr(text, '\n', len) : NULL;
    if (!end) return false;
    struct pawl_str rest = {end + 1, len - (size_t)(end + 1 - text)};
    size_t mark_len = (size_t)snprintf(mark, sizeof mark, init_mark, init_checksum(rest));
    return mark_len == (size_t)(end + 1 - text) && memcmp(mark, text, mark_len) == 0;
}

// --- what is written ----------------------------------------------------------------------------

// Text in double quotes, as YAML has it.
static void init_quote(struct pawl_buf *out, const char *text) {
    pawl__buf_append(out, "\"", 1);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') pawl__buf_append(out, "\\", 1);
        pawl__buf_append(out, text, 1);
    }
    pawl__buf_append(out, "\"\n", 2);
}

static void init_add(struct pawl_buf *out, const char *text) {
    pawl__buf_append_str(out, pawl__str(text));
}

static void init_component(struct pawl_buf *out, const char *redis, const char *sqlite) {
    init_add(out, "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: statestore\n"
                  "spec:\n  version: v1\n");
    init_add(out, redis ? "  type: state.redis\n  metadata:\n    - name: redisHost\n      value: "
                        : "  type: state.sqlite\n  metadata:\n    - name: connectionString\n"
                          "      value: ");
    init_quote(out, redis ? redis : sqlite);
    if (redis) init_add(out, "    - name: redisPassword\n      value: \"\"\n");
    init_add(out, "    - name: actorStateStore\n      value: \"true\"\n");
}

static void init_configuration(struct pawl_buf *out, const char *zipkin) {
    init_add(out, "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n"
                  "  name: daprConfig\n");
    init_add(out, zipkin ? "spec:\n  tracing:\n    samplingRate: \"1\"\n    zipkin:\n"
                           "      endpointAddress: "
                         : "spec: {}\n");
    if (!zipkin) return;
    char address[300];
    snprintf(address, sizeof address, "http://%s/api/v2/spans", zipkin);
    init_quote(out, address);
}

// --- servers ------------------------------------------------------------------------------------

// Says who answers, and returns whether state can be kept there.
static bool init_look_for_redis(const char *address) {
    char answer[64];
    size_t len = pawl__reach(address, PAWL_STR("PING\r\n"), answer, sizeof answer);
    bool is_there = strncmp(answer, "+PONG", 5) == 0;
    if (!len)
        printf(INIT_INFO "No Redis answers on %s.\n", address);
    else if (strncmp(answer, "-NOAUTH", 7) == 0)
        printf(INIT_INFO "Redis on %s wants a password, which a component of your own can give.\n",
               address);
    else if (!is_there)
        printf(INIT_INFO "What answers on %s is not Redis.\n", address);
    else if (!pawl__component_serves("state.redis"))
        printf(INIT_INFO "Redis answers on %s; this version of Pawl keeps nothing there.\n",
               address);
    else
        printf(INIT_OK "Redis answers on %s.\n", address);
    return is_there && pawl__component_serves("state.redis");
}

static bool init_look_for_zipkin(const char *address) {
    char answer[64];
    pawl__reach(address, PAWL_STR("GET /health HTTP/1.0\r\n\r\n"), answer, sizeof answer);
    bool is_there = strncmp(answer, "HTTP/1.", 7) == 0;
    printf(is_there ? INIT_OK "Zipkin answers on %s.\n" : INIT_INFO "No Zipkin answers on %s.\n",
           address);
    return is_there;
}

// --- commands -----------------------------------------------------------------------------------

// The folders and files of both commands. False when there is no home, which is told.
struct init_places {
    const char *folder, *components, *store, *configuration;
};

static bool init_find_places(struct pawl_arena *arena, const char *called,
                             const struct pawl_flags *flags, struct init_places *out) {
    if (pawl__flag_bool(flags, "kubernetes")) {
        fprintf(stderr, "%s is not for Kubernetes here; leave out -k\n", called);
        return false;
    }
    const char *home = pawl__home(arena);
    if (!home) {
        fprintf(stderr, "%s: this user has no home folder; set HOME\n", called);
        return false;
    }
    out->folder = pawl__arena_format(arena, "%s/.dapr", home);
    out->components = pawl__arena_format(arena, "%s/.dapr/components", home);
    out->store = pawl__arena_format(arena, "%s/.dapr/components/statestore.yaml", home);
    out->configuration = pawl__arena_format(arena, "%s/.dapr/config.yaml", home);
    if (out->folder && out->components && out->store && out->configuration) return true;
    fprintf(stderr, "%s: out of memory\n", called);
    return false;
}

// Writes a file and says so, with what it means.
static bool init_put(const char *path, struct pawl_buf *text, const char *meaning) {
    if (text->failed) {
        fputs("pawl init: out of memory\n", stderr);
        return false;
    }
    int written = init_write(path, pawl__buf_str(text));
    if (written == 1) printf(INIT_OK "Wrote %s: %s.\n", path, meaning);
    if (written == 0) printf(INIT_INFO "Kept %s, which was there before.\n", path);
    return written >= 0;
}

static int init_run(const struct pawl_flags *flags) {
    struct pawl_arena arena = {0};
    struct init_places places;
    struct pawl_error error;
    struct pawl_buf component = {0}, configuration = {0};
    char meaning[PATH_MAX + 80];
    const char *redis = pawl__flag_text(flags, "redis-host");
    const char *zipkin = pawl__flag_text(flags, "zipkin-host");
    const char *data = pawl__home_data(&arena);
    bool slim = pawl__flag_bool(flags, "slim");
    int code = 1;
    if (!init_find_places(&arena, "pawl init", flags, &places)) goto out;
    if (pawl__home_make_folder(places.components, &error) || pawl__home_make_folder(data, &error)) {
        fprintf(stderr, "pawl init: %s\n", error.text);
        goto out;
    }
    if (slim || !init_look_for_redis(redis)) redis = NULL;
    if (slim || !init_look_for_zipkin(zipkin)) zipkin = NULL;

    const char *sqlite = pawl__arena_format(&arena, "%s/statestore.db", data);
    if (!sqlite) goto out;
    init_component(&component, redis, sqlite);
    init_configuration(&configuration, zipkin);
    snprintf(meaning, sizeof meaning, "state and workflows are kept in %s%s",
             redis ? "Redis on " : "", redis ? redis : sqlite);
    if (!init_put(places.store, &component, meaning)) goto out;
    snprintf(meaning, sizeof meaning,
             zipkin ? "traces are sent to Zipkin on %s" : "no traces are sent", zipkin);
    if (!init_put(places.configuration, &configuration, meaning)) goto out;
    puts("\nApps that name no resources use these. What to type next:\n"
         "  pawl run -f .                              in a folder with a dapr.yaml\n"
         "  pawl run --app-id orders -- python3 app.py\n"
         "  pawl uninstall                             takes back what was written");
    code = 0;
out:
    pawl__buf_finish(&component);
    pawl__buf_finish(&configuration);
    pawl__arena_finish(&arena);
    return code;
}

static int uninstall_run(const struct pawl_flags *flags) {
    struct pawl_arena arena = {0};
    struct init_places places;
    int code = 1;
    if (!init_find_places(&arena, "pawl uninstall", flags, &places)) goto out;
    code = 0;
    const char *const files[] = {places.store, places.configuration};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        if (access(files[i], F_OK)) continue;
        if (!init_is_ours(files[i])) {
            printf(INIT_INFO "Kept %s: 'pawl init' has not written it, or it was changed since.\n",
                   files[i]);
        } else if (unlink(files[i])) {
            fprintf(stderr, "pawl uninstall: cannot remove %s: %s\n", files[i], strerror(errno));
            code = 1;
        } else {
            printf(INIT_OK "Removed %s.\n", files[i]);
        }
    }
    if (rmdir(places.components) == 0) rmdir(places.folder); // when nothing else is there
    const char *data = pawl__home_data(&arena);
    struct stat info;
    if (data && stat(data, &info) == 0)
        printf(INIT_INFO "State and workflows are still in %s.\n", data);
out:
    pawl__arena_finish(&arena);
    return code;
}

const struct pawl_command pawl__cmd_init = {
    .name = "init",
    .summary = "Write the components and configuration of apps that name none",
    .usage = "[FLAGS]",
    .text = "Looks whether Redis and Zipkin answer, and writes ~/.dapr/components/statestore.yaml\n"
            "and ~/.dapr/config.yaml accordingly: state in Redis where there is one, else in an\n"
            "SQLite file; traces to Zipkin where there is one. What is there is kept. Nothing is\n"
            "downloaded, and 'pawl run' works without it, too.\n\n"
            "Example:\n"
            "  pawl init\n",
    .flags = init_flags,
    .run = init_run,
};

const struct pawl_command pawl__cmd_uninstall = {
    .name = "uninstall",
    .summary = "Remove what 'pawl init' wrote",
    .usage = "[FLAGS]",
    .text =
        "Removes ~/.dapr/components/statestore.yaml and ~/.dapr/config.yaml, as far as init wrote\n"
        "them and nobody has changed them since. State and workflows stay. The program itself is\n"
        "removed by 'make uninstall'.\n",
    .flags = uninstall_flags,
    .run = uninstall_run,
};
