#ifndef PAWL_STORE_SQLITE_SQLITE_H
#define PAWL_STORE_SQLITE_SQLITE_H

#include "store/store.h"

// Opens an SQLite file, and creates it when it is missing. |path| is a file name (":memory:" is not
// one; use the memory store). See open.c for the layout and for how several processes share a file.
// PAWL_E_FORMAT: written by a newer Pawl; PAWL_E_CORRUPT: not a database.
struct pawl_sqlite_options {
    const char *path;
    const char *state_table;    // NULL: "state", Dapr's default
    const char *metadata_table; // NULL: "metadata", Dapr's default
    int64_t busy_timeout;       // nanoseconds to wait for another process; 0: 2 s
    int64_t cleanup_interval;   // nanoseconds between removals of expired keys; 0: never
};
enum pawl_err pawl__sqlite_open(const struct pawl_sqlite_options *options, struct pawl_store **out,
                                struct pawl_error *error);

// Whether the file at |path| has a shard of |app| (as pawl__node_app makes the name). Nothing is
// made or changed. PAWL_E_INVALID: it is no file of this store; PAWL_E_IO.
enum pawl_err pawl__sqlite_peek(const char *path, struct pawl_str app, bool *has,
                                struct pawl_error *error);

#endif
