#ifndef PAWL_API_STORES_H
#define PAWL_API_STORES_H

// The state stores that the app can use: a set that may change while calls run.
//
// A store is counted. The set holds it while it is in it, each call from its beginning to its end,
// and so does whatever else is in need of it. It goes when the last one lets go: a call ends on the
// store on which it began, whatever has become of the set meanwhile. All of it on the loop's
// thread, where the set changes between two calls and never within one.

#include "api/state_verb.h"
#include "base/meter.h"
#include "base/policy.h"
#include "base/str.h"

struct pawl_storage;

// Of a store, by what was asked and whether it failed.
struct pawl_state_series {
    struct pawl_histogram times[PAWL_API_STATE_VERBS][2]; // nanoseconds
};

// What its policies have done since it has them. The state of a breaker stands for an index.
struct pawl_policy_series {
    uint64_t timeouts, retries;               // calls that had such a policy
    uint64_t breakers[PAWL_BREAKER_OPEN + 1]; // calls, by its state as they began
    uint64_t timed_out;                       // calls of which an attempt ran out of time
    uint64_t retried;                         // attempts that failed, and were followed by another
    uint64_t changes[PAWL_BREAKER_OPEN + 1];  // of the breaker's state, by what calls made of it
};

struct pawl_api_store {
    const char *name, *type, *version; // of the component
    const char *path;                  // of its file; NULL: it has none
    const char *key_prefix;            // before "||"; NULL: keys are used as they are
    struct pawl_storage *storage;
    struct pawl_policy policy;   // of calls; it may change between two of them
    struct pawl_breaker breaker; // by that
    struct pawl_policy_series policed;
    bool troubled;                   // a call failed and is made again: the log was told
    struct pawl_state_series series; // with buckets where somebody looks
    size_t holders;
    void (*unused)(struct pawl_api_store *store); // nobody holds it any more; NULL: nobody minds
};

// What is told of in the metadata, and not called.
struct pawl_api_resource {
    const char *name, *type, *version; // type NULL: it is no component
    const char *namespace;             // as its document has it; "": it has none
};

struct pawl_api_stores {
    struct pawl_api_store *const *items;
    size_t count;
    const struct pawl_api_resource *secrets;  // secret stores
    const struct pawl_api_resource *policies; // resiliency policies, as they were read
    size_t secret_count, policy_count;
};

// NULL: there is none of that name. To be held before the loop goes on.
struct pawl_api_store *pawl__api_store_find(const struct pawl_api_stores *stores,
                                            struct pawl_str name);

static inline struct pawl_api_store *pawl__api_store_hold(struct pawl_api_store *store) {
    store->holders++;
    return store;
}

void pawl__api_store_release(struct pawl_api_store *store);

// Has calls obey |policy| from now on, with a circuit breaker that is closed, and nothing counted.
void pawl__api_store_obey(struct pawl_api_store *store, const struct pawl_policy *policy);

// Has the times of |store| counted anew, in |buckets|, which outlive it; NULL: not at all.
void pawl__api_store_watch(struct pawl_api_store *store, const struct pawl_buckets *buckets);

#endif
