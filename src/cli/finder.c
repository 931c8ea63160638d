#include "cli/finder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/find.h"

static void finder_add(struct pawl_places *out, const char *address) {
    if (out->count == PAWL_PLACES) return;
    snprintf(out->address[out->count++], PAWL_PLACE_TEXT, "%s", address);
}

// Anybody may give a program of theirs the name of an app: only those of the same user, or of root,
// are trusted with calls.
static bool finder_is_trusted(pid_t pid) {
    char path[64];
    struct stat info;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    return stat(path, &info) == 0 && (info.st_uid == geteuid() || info.st_uid == 0);
}

// The address that |format| gives for |app|.
static void finder_add_formatted(struct pawl_places *out, const char *format, const char *app) {
    char address[PAWL_PLACE_TEXT];
    size_t len = 0;
    for (const char *at = format; *at && len < sizeof address - 1;) {
        bool is_id = strncmp(at, "{appid}", 7) == 0;
        if (is_id)
            len += (size_t)snprintf(address + len, sizeof address - len, "%s", app);
        else
            address[len++] = *at;
        at += is_id ? 7 : 1;
    }
    if (len >= sizeof address) return; // no such app
    address[len] = 0;
    finder_add(out, address);
}

static void finder_find(const struct pawl_finder *finder, const char *app,
                        struct pawl_places *out) {
    const struct pawl_names *names =
        PAWL_CONTAINER(finder, const struct pawl_daemon_finder, finder)->names;
    if (names && (names->table || names->format)) {
        snprintf(out->how, sizeof out->how, "by spec.nameResolution of %.150s", names->file);
        for (const struct pawl_name *name = names->table; name; name = name->next)
            if (strcmp(name->app, app) == 0) finder_add(out, name->address);
        if (names->format) finder_add_formatted(out, names->format, app);
        if (out->count) return;
        snprintf(out->how, sizeof out->how,
                 "in spec.nameResolution of %.100s, and on this machine as 'pawl list' does",
                 names->file);
    } else {
        snprintf(out->how, sizeof out->how, "on this machine as 'pawl list' does");
    }
    struct pawl_found *found = malloc(PAWL_FOUND_MAX * sizeof *found);
    size_t count = found ? pawl__find_running(found) : 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i].app_id, app) == 0 && *found[i].grpc_target &&
            finder_is_trusted(found[i].pid))
            finder_add(out, found[i].grpc_target);
    free(found);
}

void pawl__daemon_finder_init(struct pawl_daemon_finder *finder, const struct pawl_names *names) {
    *finder = (struct pawl_daemon_finder){.finder = {.find = finder_find}, .names = names};
}
