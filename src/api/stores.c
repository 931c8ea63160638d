#include "api/stores.h"

const char *const pawl__state_verbs[] = {
    [PAWL_API_STATE_GET] = "get",
    [PAWL_API_STATE_GET_BULK] = "bulk_get",
    [PAWL_API_STATE_SAVE] = "set",
    [PAWL_API_STATE_DELETE] = "delete",
    [PAWL_API_STATE_DELETE_BULK] = "bulk_delete",
    [PAWL_API_STATE_TRANSACTION] = "transaction",
};

struct pawl_api_store *pawl__api_store_find(const struct pawl_api_stores *stores,
                                            struct pawl_str name) {
    for (size_t i = 0; i < stores->count; i++)
        if (pawl__str_equal(pawl__str(stores->items[i]->name), name)) return stores->items[i];
    return NULL;
}

void pawl__api_store_release(struct pawl_api_store *store) {
    if (!--store->holders && store->unused) store->unused(store);
}

void pawl__api_store_obey(struct pawl_api_store *store, const struct pawl_policy *policy) {
    store->policy = *policy;
    // What an earlier policy let through does not count.
    store->breaker = (struct pawl_breaker){.age = store->breaker.age + 1};
    store->policed = (struct pawl_policy_series){0};
}

void pawl__api_store_watch(struct pawl_api_store *store, const struct pawl_buckets *buckets) {
    store->series = (struct pawl_state_series){0};
    for (int verb = 0; verb < PAWL_API_STATE_VERBS; verb++)
        for (int failed = 0; failed < 2; failed++)
            store->series.times[verb][failed].buckets = buckets;
}
