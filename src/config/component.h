#ifndef PAWL_CONFIG_COMPONENT_H
#define PAWL_CONFIG_COMPONENT_H

// Component files: which stores an app has. Dapr's formats and rules (reference 7.1 to 7.3).

#include "config/resource.h"
#include "config/stores.h"

// Whether stores of this type, such as "state.sqlite", can be opened.
bool pawl__component_serves(const char *type);

// Reads the component files of |folders|. Components of other types than state stores are told in
// the log and passed over. Errors name file, line and what to do.
enum pawl_err pawl__components_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *out, struct pawl_error *error);

// The store of an app that names no resources: an SQLite file in the user's data directory, which
// is created.
enum pawl_err pawl__components_default(const struct pawl_config_context *context,
                                       struct pawl_config_stores *out, struct pawl_error *error);

#endif
