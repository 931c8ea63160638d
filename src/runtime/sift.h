#ifndef PAWL_RUNTIME_SIFT_H
#define PAWL_RUNTIME_SIFT_H

// For what instances wait. In memory that is known. Of those in the store no column says it, so
// what a query finds by its other filters is loaded, some at a time, and sifted.

#include "runtime/residency.h"

// Whether |instance|, in memory, waits for what |query| asks for.
bool pawl__sift_instance(const struct pawl_residency *residency,
                         const struct pawl_instance *instance, const struct pawl_query *query);

// As a store's |query|, of what it finds for |query->await|; on the reader's thread. With a
// |query->scan| it ends, too, when it has loaded many or taken long. That counts in |scan->looked|
// what was loaded, or passed over to the scan's end.
enum pawl_err pawl__sift_query(struct pawl_store *store, uint64_t shard,
                               const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                               struct pawl_error *error);

#endif
