#ifndef PAWL_CONFIG_RESOURCE_H
#define PAWL_CONFIG_RESOURCE_H

// Resource files: folders of YAML and JSON files with documents of several kinds (reference 7.1).

#include "base/log.h"
#include "config/yaml.h"

// Whose resources are read, and for what.
struct pawl_config_context {
    const char *app_id, *namespace; // namespace "": none was set
    struct pawl_arena *arena;       // holds all texts of the result
    const struct pawl_log *log;
    // Stores of a type that needs a server are kept in SQLite files of their names instead, in the
    // user's data folder. Of such a component only keyPrefix and actorStateStore count.
    bool local_stores;
    bool no_default_store; // where no resources are given, there is no store
};

// Calls |fn| with each document of |kind| in |folders| that is meant for the app, by its namespace
// and its scopes, in the order of folders, files' names and documents, until |fn| fails.
//
// A file that cannot be read, is empty or is not YAML, and a document without a kind, are errors:
// what they were to say would be missed. So they are to Dapr's run files; daprd itself passes them
// over with a warning.
enum pawl_err pawl__resources_read(const struct pawl_config_context *context,
                                   const char *const *folders, size_t count, const char *kind,
                                   enum pawl_err (*fn)(void *arg, struct pawl_yaml *document),
                                   void *arg, struct pawl_error *error);

// Whether |document| is of |kind|. Fails when it has none, or one that is a slip of a known one.
enum pawl_err pawl__resource_is(const struct pawl_yaml *document, const char *kind, bool *out,
                                struct pawl_error *error);

// Looks for keys of |map| that are not among |known|. One that is a slip of a known one is an
// error; others are told in the log.
enum pawl_err pawl__resource_check(const struct pawl_config_context *context,
                                   const struct pawl_yaml *map, const char *what,
                                   const char *const *known, struct pawl_error *error);

#endif
