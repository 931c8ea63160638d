#ifndef PAWL_CLI_SETTINGS_H
#define PAWL_CLI_SETTINGS_H

// What a daemon's files say, read at one moment: its components and its configuration.

#include <stdatomic.h>

#include "config/component.h"
#include "config/configuration.h"

// Where it stands. Outlives all that is read.
struct pawl_settings_source {
    const char *app_id, *namespace; // namespace "": none was set
    const char *const *folders;     // of resources
    size_t folder_count;            // 0: the store is the one that is built in
    const char *const *files;       // of the configuration
    size_t file_count;
    bool local_stores, no_default_store;
};

// Counted, on any thread: all texts of the result are in it.
struct pawl_settings {
    struct pawl_arena arena;
    struct pawl_configuration configuration;
    struct pawl_config_stores stores;
    atomic_size_t holders;
};

// Reads it all; |*out| is held once. On any thread. |log|, which may be NULL, is told what is not
// used. Errors name file, line and what to do.
enum pawl_err pawl__settings_read(const struct pawl_settings_source *source,
                                  const struct pawl_log *log, struct pawl_settings **out,
                                  struct pawl_error *error);

struct pawl_settings *pawl__settings_hold(struct pawl_settings *settings);
void pawl__settings_release(struct pawl_settings *settings); // NULL: does nothing

#endif
