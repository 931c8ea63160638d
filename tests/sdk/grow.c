// Linked with faults.c: no checkpoint comes, neither of the engine nor of SQLite, and so the log
// and the WAL grow for as long as the program runs.

#include <sqlite3.h>

#include "base/clock.h"
#include "runtime/node.h"

enum pawl_err __real_pawl__node_create(struct pawl_storage *storage,
                                       const struct pawl_node_options *options,
                                       struct pawl_node **out, struct pawl_error *error);
enum pawl_err __wrap_pawl__node_create(struct pawl_storage *storage,
                                       const struct pawl_node_options *options,
                                       struct pawl_node **out, struct pawl_error *error);
int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *log, int *done);

enum pawl_err __wrap_pawl__node_create(struct pawl_storage *storage,
                                       const struct pawl_node_options *options,
                                       struct pawl_node **out, struct pawl_error *error) {
    struct pawl_node_options rare = *options;
    rare.checkpoint_interval = 3600 * PAWL_SECOND;
    rare.checkpoint_bytes = SIZE_MAX;
    return __real_pawl__node_create(storage, &rare, out, error);
}

int __wrap_sqlite3_wal_checkpoint_v2(sqlite3 *db, const char *name, int mode, int *log, int *done) {
    return SQLITE_OK;
}
