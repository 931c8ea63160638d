#include "config/home.h"

#include <pwd.h>
#include <stdlib.h>
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
