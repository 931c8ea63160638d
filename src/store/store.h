#ifndef PAWL_STORE_STORE_H
#define PAWL_STORE_STORE_H

// What the runtime asks of a store, and nothing more.
//
// A store keeps, for each shard of an app: a lease with its epoch, a log of batches, and one
// snapshot per instance. Beside them it keeps the user's state (keys with ETags), so that both can
// change in one commit.
//
// Every call blocks. A store is called by at most two threads at a time: one that commits (lease,
// release, commit, tend) and one that reads (the others); a reader sees every commit that has
// returned. Opening and closing happen while no other call runs. All text and byte views that go in
// belong to the caller; what comes out is said with each call.
//
// Safety comes from epochs, not from leases: a commit carries the epoch under which its shard was
// leased, the store checks it in the same transaction (PAWL_E_FENCED otherwise), and each new lease
// has a higher one. A lease only says who may expect to succeed.
//
// Errors that each call may give, beside its own: PAWL_E_IO, PAWL_E_FULL (disk), PAWL_E_CORRUPT (a
// row that fails its checks), PAWL_E_NOMEM, PAWL_E_UNAVAILABLE (try again). |error| then names the
// file or table, and what to do about it.

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/rows.h"

struct pawl_store {
    const struct pawl_store_ops *ops;
    const char *type; // "state.sqlite", "state.in-memory", as in component files
    size_t row_max;   // bytes of a snapshot's state, and of its history; 0: there is no limit
};

// --- leases and the log ---------------------------------------------------------------------

// A leased shard. The store fills it; the caller hands it back with every commit.
struct pawl_lease {
    uint64_t shard;    // the store's own number for (app, shard number)
    uint64_t epoch;    // of this lease; 1 for the first one ever
    uint64_t position; // of the last batch in the log, 0 when none was ever written
};

// --- user state -----------------------------------------------------------------------------

enum pawl_state_op_type {
    PAWL_STATE_SET,
    PAWL_STATE_DELETE
};

struct pawl_state_op {
    enum pawl_state_op_type type;
    struct pawl_str key; // the physical key, with its prefix
    struct pawl_str value;
    bool is_binary;       // the value is not JSON text; stored so that Dapr's tools can read it
    struct pawl_str etag; // empty: unconditional, unless first_write
    bool first_write;     // with an empty etag: only if the key does not exist
    int64_t ttl;          // seconds; 0 or less: for ever. A set replaces an old one, as in Dapr
};

// A transaction over user state: all of |ops| in their order, or none. An expired key is a missing
// one. |result| is filled by a commit that returns PAWL_OK: PAWL_OK; PAWL_E_CONFLICT when an ETag
// does not match, though the store never gave it; PAWL_E_INVALID when a key is empty;
// PAWL_E_TOO_LARGE. A transaction that conflicts does not fail the commit that carries it.
struct pawl_state_tx {
    const struct pawl_state_op *ops;
    size_t op_count;
    struct pawl_error result;
    struct pawl_state_tx *next;
};

struct pawl_state_value {
    bool found;
    struct pawl_str value;
    bool is_binary;
    struct pawl_str etag;
    int64_t expires_at; // nanoseconds since 1970; 0: never
};

// --- commit ---------------------------------------------------------------------------------

// One atomic, durable change. All parts are optional, and are applied in this order: batch,
// deletes, snapshots, trim, state. With |lease| NULL only user state may change. PAWL_E_INTERNAL
// when the batch does not follow the last one, |trim_to| is beyond it, or a snapshot's
// |history_from| is not 0 and the store has no history before it.
struct pawl_commit {
    const struct pawl_lease *lease;
    const struct pawl_batch *batch;        // appended to the log
    const struct pawl_snapshot *snapshots; // put
    size_t snapshot_count;
    const struct pawl_str *deletes; // ids whose snapshots go (purged instances), before the puts
    size_t delete_count;
    uint64_t trim_to;            // batches up to this position are dropped; 0: none
    struct pawl_state_tx *state; // a list
};

// Called with each batch or row; another value than PAWL_OK ends the reading and is returned. Views
// are valid during the call, which may call |load| and |get_state|.
typedef enum pawl_err (*pawl_batch_fn)(void *arg, const struct pawl_batch *batch,
                                       struct pawl_error *error);
typedef enum pawl_err (*pawl_snapshot_fn)(void *arg, const struct pawl_snapshot *snapshot,
                                          struct pawl_error *error);

struct pawl_store_ops {
    // Closes and frees the store. Leases that it holds are released.
    void (*close)(struct pawl_store *store);

    // Takes shard |number| of |app| (namespace and app id, as one string) for |owner|, a text that
    // others are shown. PAWL_E_HELD, with the holder's text in |error|, when a living owner has it.
    enum pawl_err (*lease)(struct pawl_store *store, struct pawl_str app, uint32_t number,
                           struct pawl_str owner, struct pawl_lease *lease,
                           struct pawl_error *error);

    // Says that the lease is still in use. PAWL_E_FENCED when it is lost. Stores whose leases end
    // with their process have nothing to do here.
    enum pawl_err (*renew)(struct pawl_store *store, const struct pawl_lease *lease,
                           struct pawl_error *error);

    enum pawl_err (*release)(struct pawl_store *store, const struct pawl_lease *lease,
                             struct pawl_error *error);

    // Applies |commit|; on PAWL_OK it is on stable storage, on any error nothing of it ever shows,
    // unless the error is PAWL_E_UNAVAILABLE or PAWL_E_IO: then it may or may not have happened,
    // and the caller must reload. PAWL_E_FENCED: the lease is not the newest.
    enum pawl_err (*commit)(struct pawl_store *store, const struct pawl_commit *commit,
                            struct pawl_error *error);

    // Does what no commit should wait for: checkpoints, removal of expired keys. To be called by
    // the committing thread after it has told the outcome of a commit, and every second or so when
    // there are none; returns at once when nothing is due. An error is worth a warning: the store
    // goes on, and tries again at a later call. Where it is never called, commits become slow now
    // and then.
    enum pawl_err (*tend)(struct pawl_store *store, struct pawl_error *error);

    // Reads the shard's batches with positions > |after| that were not trimmed, in order.
    // PAWL_E_CORRUPT also when one is missing between them.
    enum pawl_err (*read_log)(struct pawl_store *store, uint64_t shard, uint64_t after,
                              pawl_batch_fn fn, void *arg, struct pawl_error *error);

    // Reads one snapshot with its whole history into |arena|. PAWL_E_NOT_FOUND.
    enum pawl_err (*load)(struct pawl_store *store, uint64_t shard, struct pawl_str id,
                          struct pawl_arena *arena, struct pawl_snapshot *out,
                          struct pawl_error *error);

    // Calls |fn| for each snapshot that is active or has a timer, with columns only: state and
    // history are empty.
    enum pawl_err (*scan_live)(struct pawl_store *store, uint64_t shard, pawl_snapshot_fn fn,
                               void *arg, struct pawl_error *error);

    // Reads the first |limit| ids of snapshots after |after| (empty: all) into |arena|, in the
    // order of their bytes.
    enum pawl_err (*list)(struct pawl_store *store, uint64_t shard, struct pawl_str after,
                          size_t limit, struct pawl_arena *arena, struct pawl_str **ids,
                          size_t *count, struct pawl_error *error);

    // Reads the value of |key| into |arena|; a missing or expired key is PAWL_OK with !found.
    enum pawl_err (*get_state)(struct pawl_store *store, struct pawl_str key,
                               struct pawl_arena *arena, struct pawl_state_value *out,
                               struct pawl_error *error);
};

// Opens an SQLite file, and creates it when it is missing. |path| is a file name (":memory:" is not
// one; use the memory store). See sqlite.c for the layout and for how several processes share a
// file. PAWL_E_FORMAT: written by a newer Pawl; PAWL_E_CORRUPT: not a database.
struct pawl_sqlite_options {
    const char *path;
    const char *state_table;    // NULL: "state", Dapr's default
    const char *metadata_table; // NULL: "metadata", Dapr's default
    int64_t busy_timeout;       // nanoseconds to wait for another process; 0: 2 s
    int64_t cleanup_interval;   // nanoseconds between removals of expired keys; 0: never
};
enum pawl_err pawl__sqlite_open(const struct pawl_sqlite_options *options, struct pawl_store **out,
                                struct pawl_error *error);

// A store that lives as long as the process.
enum pawl_err pawl__memory_open(struct pawl_store **out, struct pawl_error *error);

#endif
