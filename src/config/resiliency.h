#ifndef PAWL_CONFIG_RESILIENCY_H
#define PAWL_CONFIG_RESILIENCY_H

// Resources of kind Resiliency: named timeouts, retries and circuit breakers, and the targets that
// they are for. Dapr's format and defaults (docs.dapr.io, "Resiliency spec"; dapr/kit's retry).
//
// The policies of all documents are one set, and so are their targets; the later one of a name
// holds. A state store has the "outbound" policies of its name among the components; one that is
// not among them has the default policies, the most specific of each kind:
//
//   DefaultStatestoreComponentOutboundRetryPolicy, DefaultComponentOutboundRetryPolicy,
//   DefaultComponentRetryPolicy, DefaultRetryPolicy; likewise ...TimeoutPolicy and
//   ...CircuitBreakerPolicy
//
// All else is checked, and the log tells that nothing acts on it.

#include "config/resource.h"
#include "config/stores.h"

// Reads the documents of |folders|, lists them in |stores|, and gives each store its policy. Errors
// name file, line and what was expected; a policy that is not there is one, and so is a slip in a
// key.
enum pawl_err pawl__resiliency_load(const struct pawl_config_context *context,
                                    const char *const *folders, size_t count,
                                    struct pawl_config_stores *stores, struct pawl_error *error);

#endif
