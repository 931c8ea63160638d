#ifndef PAWL_CONFIG_POLICIES_H
#define PAWL_CONFIG_POLICIES_H

// The named policies of Resiliency documents, each as its entry in the file has it. Of this folder
// only.

#include "base/policy.h"
#include "config/resource.h"

enum pawl_policy_kind {
    PAWL_POLICY_TIMEOUT,
    PAWL_POLICY_RETRY,
    PAWL_POLICY_BREAKER,
    PAWL_POLICY_KINDS
};

// How the files call a kind.
struct pawl_policy_words {
    const char *list;   // of them, in spec.policies
    const char *one;    // where a target names it
    const char *ending; // of the names of default policies: "Retry" + "Policy"
};
extern const struct pawl_policy_words pawl__policy_words[PAWL_POLICY_KINDS];

// Puts what |entry| says, which is of |kind|, into |out|, and leaves its other kinds as they are.
// Errors name file, line and what was expected.
enum pawl_err pawl__policy_take(const struct pawl_config_context *context,
                                enum pawl_policy_kind kind, const struct pawl_yaml *entry,
                                struct pawl_policy *out, struct pawl_error *error);

// Puts that kind of |from| into |out|.
void pawl__policy_put(struct pawl_policy *out, enum pawl_policy_kind kind,
                      const struct pawl_policy *from);

#endif
