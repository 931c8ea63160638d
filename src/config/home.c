#include "config/home.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *pawl__home(struct pawl_arena *arena) {
    const char *home = getenv("HOME");
    char room[4096];
    struct passwd entry, *found = NULL;
    if (!home || !*home) {
        if (getpwuid_r(getuid(), &entry, room, sizeof room, &found)) found = NULL;
        home = found ? found->pw_dir : NULL;
    }
    return home && *home == '/' ? pawl__arena_dup(arena, pawl__str(home)) : NULL;
}

const char *pawl__home_data(struct pawl_arena *arena) {
    const char *data = getenv("XDG_DATA_HOME");
    // The XDG specification has relative paths ignored.
    if (data && *data == '/') return pawl__arena_format(arena, "%s/pawl", data);
    const char *home = pawl__home(arena);
    return home ? pawl__arena_format(arena, "%s/.local/share/pawl", home) : NULL;
}

struct pawl_home_dapr pawl__home_dapr(struct pawl_arena *arena) {
    struct pawl_home_dapr found = {NULL, NULL};
    struct stat info;
    const char *home = pawl__home(arena);
    const char *folder = home ? pawl__arena_format(arena, "%s/.dapr/components", home) : NULL;
    const char *file = home ? pawl__arena_format(arena, "%s/.dapr/config.yaml", home) : NULL;
    if (folder && stat(folder, &info) == 0 && S_ISDIR(info.st_mode)) found.components = folder;
    if (file && stat(file, &info) == 0 && S_ISREG(info.st_mode)) found.config = file;
    return found;
}

enum pawl_err pawl__home_make_folder(const char *path, struct pawl_error *error) {
    char part[PATH_MAX];
    for (size_t i = 1; path[i - 1] && i < sizeof part; i++) {
        if (path[i] && path[i] != '/') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0700) && errno != EEXIST)
            return pawl__fail(error, PAWL_E_IO, "cannot create the folder %s: %s", part,
                              strerror(errno));
    }
    return PAWL_OK;
}
