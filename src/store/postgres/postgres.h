#ifndef PAWL_STORE_POSTGRES_POSTGRES_H
#define PAWL_STORE_POSTGRES_POSTGRES_H

#include "base/log.h"
#include "store/store.h"

// Opens a store in a PostgreSQL database, and makes the tables that are missing. The user's state
// is laid out as Dapr's components state.postgresql v1 and v2 do; workflows are in tables pawl_*.
// No error tells a password.
// PAWL_E_INVALID (|connection|, names of tables), PAWL_E_DENIED (a password), PAWL_E_NOT_FOUND (the
// database), PAWL_E_FORMAT (tables of another version, or of a newer Pawl), PAWL_E_UNAVAILABLE (no
// server).
struct pawl_postgres_options {
    const char *type;       // as in the component file, for |pawl_store.type|
    const char *connection; // a URL, or keys and values, as Go's pgx reads them; NULL: none
    const char *host, *hostaddr, *port, *database, *user, *password, *ssl_root_cert; // beside it
    bool v1;                 // the layout of Dapr's version 1
    const char *state_table; // of version 2: a prefix and "state"
    const char *metadata_table;
    int64_t timeout;            // nanoseconds for a connection, and for a statement
    int64_t cleanup_interval;   // nanoseconds between removals of expired keys; 0 or less: never
    bool workflows;             // make and use the tables for workflows
    bool existing;              // make no tables, and use none of the user's state
    const struct pawl_log *log; // is told what a crash of the server can lose; may be NULL
};
enum pawl_err pawl__postgres_open(const struct pawl_postgres_options *options,
                                  struct pawl_store **out, struct pawl_error *error);

#endif
