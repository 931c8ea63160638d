#ifndef PAWL_CONFIG_VALUE_H
#define PAWL_CONFIG_VALUE_H

// What stands in the metadata of a component: texts with names to be replaced, variables of the
// environment, and secrets of secret stores (reference 7.2).

#include "config/resource.h"

// Where values are looked for.
struct pawl_value_scope {
    const struct pawl_config_context *context;
    struct pawl_yaml *const *documents; // all components of the app, secret stores among them
    size_t count;
    struct pawl_error *error; // where errors go
};

// metadata.name of a component; "" for none.
const char *pawl__component_name(const struct pawl_yaml *document);

// The value of |item|, in the context's arena. |secret_store| is auth.secretStore, or NULL.
// PAWL_E_INVALID: its secret is not to be found.
enum pawl_err pawl__value_of(const struct pawl_value_scope *scope, const struct pawl_yaml *item,
                             const char *secret_store, const char **out);

#endif
