#ifndef PAWL_BASE_POLICY_H
#define PAWL_BASE_POLICY_H

// What is done about calls that may fail, as Dapr's resiliency policies have it: around each other,
// from the outside in, retries, a circuit breaker, and a time limit of each try.

#include "base/backoff.h"
#include "base/breaker.h"

// It points to nothing, so it can be copied. Zero-initialised it lets each call go as it goes.
struct pawl_policy {
    int64_t timeout; // nanoseconds; 0: none
    bool retries, breaks;
    struct pawl_backoff backoff;   // if it |retries|
    struct pawl_breaker_rule rule; // if it |breaks|
};

static inline bool pawl__policy_is_none(const struct pawl_policy *policy) {
    return !policy->timeout && !policy->retries && !policy->breaks;
}

#endif
