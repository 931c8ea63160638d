#ifndef PAWL_CONFIG_HOME_H
#define PAWL_CONFIG_HOME_H

#include "base/arena.h"
#include "base/err.h"

// The user's home folder: HOME, or, where that is not set, as under systemd and cron, what the
// system's list of users says. NULL: neither names an absolute path. Copied into |arena|.
const char *pawl__home(struct pawl_arena *arena);

// Where the user's stores are: $XDG_DATA_HOME/pawl, or .local/share/pawl in the home folder. NULL:
// there is neither. Copied into |arena|; the folder need not be there.
const char *pawl__home_data(struct pawl_arena *arena);

// Where Dapr's command line keeps what an app has that names no resources and no configuration:
// ~/.dapr/components and ~/.dapr/config.yaml. Each NULL when it is not there.
struct pawl_home_dapr {
    const char *components; // a folder
    const char *config;     // a file
};

struct pawl_home_dapr pawl__home_dapr(struct pawl_arena *arena);

// Creates |path| and the folders above it, for the user alone.
enum pawl_err pawl__home_make_folder(const char *path, struct pawl_error *error);

#endif
