#ifndef PAWL_STORE_STORE_H
#define PAWL_STORE_STORE_H

// What the runtime asks of a store, and nothing more.
//
// A store keeps, for each shard of an app: a lease with its epoch, a log of batches, one snapshot
// per instance, and a mailbox. For each app: its number of shards, and the daemons that serve it
// (members). Beside them it keeps the user's state (keys with ETags), so that all can change in one
// commit.
//
//     app ──┬─ shard 0 ── lease, log, snapshots, mailbox
//           ├─ shard 1 ── ...
//           └─ members
//     user state
//
// Threads. Every call blocks. A store is called by at most two threads at a time: one that writes
// (shards, lease, renew, release, commit, put_member, remove_member, tend) and one that reads (the
// others). A reader sees every commit that has returned. Opening and closing happen while no other
// call runs.
//
// Memory. Texts and bytes that go in belong to the caller. What comes out is in the arena that goes
// in, or is a view that lasts as long as a callback's call. A callback may call |load| and
// |get_state|. When it returns anything but PAWL_OK, the reading ends and returns that.
//
// Safety comes from epochs, not from leases: each part of a commit carries the epoch under which
// its shard was leased, the store checks it in the same transaction, and each new lease has a
// higher one. A lease only says who may expect to succeed.
//
// Errors of any call, beside its own: PAWL_E_UNAVAILABLE (a lock, a connection: try again),
// PAWL_E_IO, PAWL_E_FULL (disk), PAWL_E_DENIED (a password, a permission), PAWL_E_CORRUPT (a row
// that fails its checks), PAWL_E_NOMEM. The text names the file, server or table, and what to do.
//
// Names. An |app| is a namespace and an app id as one text, made by the caller. A |number| counts
// the shards of an app from 0. A |shard| is the store's own number for both, never 0, and never
// that of another shard.

#include <stdatomic.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "wire/await.h"
#include "wire/rows.h"

// What a store can.
struct pawl_store_caps {
    bool may_block; // a call may wait for a network: it must not run on a loop's thread
    bool expires;   // leases and members end when they are not renewed; otherwise the store knows
                    // when their owner is gone, and renewing does nothing
    bool shared;    // other processes can have the same store open
    size_t row_max; // bytes of a snapshot's state, of its history, of a batch; 0: no limit
};

struct pawl_store {
    const struct pawl_store_ops *ops;
    const char *type; // "state.sqlite", as in component files
    struct pawl_store_caps caps;
    // |tend| should not wait for its time. A commit sets it, whoever calls |tend| for it clears it.
    _Atomic bool due;
};

// --- leases ---------------------------------------------------------------------------------

// A leased shard. The store fills it; the caller hands it back with every commit.
struct pawl_lease {
    uint64_t shard;
    uint64_t epoch;    // of this lease; 1 for the first one ever
    uint64_t position; // of the last batch in the log, 0 when none was ever written
};

struct pawl_renewal {
    const struct pawl_lease *lease;
    bool lost; // out: it is no longer the newest one, or has ended and was not renewed
};

// Who holds a shard.
struct pawl_holder {
    uint32_t number;
    uint64_t shard;
    uint64_t epoch;
    bool held;             // by a living owner
    struct pawl_str owner; // as given to |lease|; of the last one when it is not held
};

// A daemon of an app.
struct pawl_member {
    struct pawl_str id;      // unique: each start of a daemon has another. Also the owner of leases
    struct pawl_str address; // where other daemons of the app reach it
    struct pawl_str info;    // anything else that it tells the others
    uint32_t workers, loops;
    int64_t joined_at; // out: nanoseconds since 1970, by the store's clock
};

// --- mail -----------------------------------------------------------------------------------

// A message that waits for a shard. The commit of its sender puts it there, that of its receiver
// takes it away. |app| and |number| name a box; what |app| says is the caller's affair, so that
// mail for an app in another store can wait in a box of its own.
struct pawl_mail {
    struct pawl_str app;
    uint32_t number;
    struct pawl_str key;   // of this message in the box; boxes are read in the order of its bytes
    struct pawl_str bytes; // not of mail that is taken away
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
    bool has_ttl;         // the caller has said |ttl|; where it has not, Redis keeps an old one
};

// A transaction over user state: all of |ops| in their order, or none. An expired key is a missing
// one. |result| is filled by a commit that was done: PAWL_OK; PAWL_E_CONFLICT when an ETag does not
// match; PAWL_E_INVALID when a key is empty or of a form that the store cannot keep, when a value
// is none (JSON that the store cannot keep as such), or when an ETag has a form that none of the
// store's has, in stores where Dapr's says so (a conflict in the others); PAWL_E_TOO_LARGE. A
// transaction with an error does not fail the commit that carries it.
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

// What a commit does to one shard. Everything but |lease| is optional, and is applied in this
// order. |result| is filled by a commit that was done:
//
//     PAWL_OK            all of the part was done
//     PAWL_E_FENCED      |lease| is not the newest one of its shard
//     PAWL_E_INTERNAL    the batch does not follow the last one; |trim_to| is beyond it; a
//                        snapshot's |history_from| is not 0, and nothing before it is stored
//     PAWL_E_TOO_LARGE   a row is longer than |row_max|
//
// A part with an error has done nothing, and keeps no other part from being done.
struct pawl_part {
    const struct pawl_lease *lease;
    const struct pawl_batch *batch; // appended to the log
    const struct pawl_str *deletes; // ids of instances whose snapshots go
    size_t delete_count;
    const struct pawl_snapshot *snapshots; // put
    size_t snapshot_count;
    const struct pawl_mail *mail_out; // put into its boxes; a key that is there stays as it is
    size_t mail_out_count;
    const struct pawl_mail *mail_in; // taken out of its boxes; may be gone already
    size_t mail_in_count;
    uint64_t trim_to; // batches up to this position are dropped; 0: none
    struct pawl_error result;
    struct pawl_part *next;
};

// One atomic, durable change: the parts, then the user's transactions. Each part is of another
// shard; but a loop that has slept may bring one of an earlier lease beside that of the newest.
//
// A commit has a price of its own, whatever is in it: a sync, above all. So a store may ask for
// |more| while it writes, as often as it likes until it begins to make what it wrote durable. That
// adds to the ends of both lists what has come since; false: nothing has. What a store does not ask
// for goes with the next commit. NULL: nothing will come.
struct pawl_commit {
    struct pawl_part *parts;     // a list
    struct pawl_state_tx *state; // a list
    bool at_once; // do not wait for others (locks): PAWL_COMMIT_NOTHING when there is need to
    bool (*more)(void *arg);
    void *arg;
};

enum pawl_outcome {
    PAWL_COMMIT_DONE,    // it is on stable storage. The parts' and transactions' results are filled
    PAWL_COMMIT_NOTHING, // nothing was done, nothing will be, and nothing shows: give the same
                         // commit again. The error says what was in the way
    PAWL_COMMIT_UNKNOWN, // it may have been done, wholly, or may still be. To know, lease the
                         // shards anew (which ends what is under way) and read them
};

// --- queries --------------------------------------------------------------------------------

enum pawl_order {
    PAWL_ORDER_OLDEST = 1, // by creation; ties by the bytes of the id. It is also what 0 means
    PAWL_ORDER_NEWEST = 2, // the reverse of that
};

// How far a query looks. A filter that next to nothing fits would otherwise look at all there is.
struct pawl_scan {
    size_t most;              // look at about so many instances; a store may look at more
    struct pawl_arena *arena; // of |id|
    bool stopped;             // out: it did, and fewer were found than the query's limit
    int64_t created_at;       // then: what was looked at ends with this place in the order
    struct pawl_str id;
    // Of calls on a whole app, not of stores: instances that were looked at, at least; and of a
    // count the shard that it begins with, and then the one in which that place is.
    uint64_t looked;
    uint32_t shard;
};

// Which instances of a shard, and in which order. What is zero does not filter.
struct pawl_query {
    struct pawl_str name;
    uint32_t statuses;                    // bits: 1 << status
    int64_t created_from, created_before; // nanoseconds since 1970
    int64_t ended_from, ended_before;     // with either, what has not ended is left out
    struct pawl_str parent;
    struct pawl_str tag; // as pawl__tags_part makes it (wire/columns.h)
    struct pawl_str id_prefix;
    struct pawl_str custom_status; // a part of it
    struct pawl_str failure_type;
    enum pawl_order order;
    int64_t after_created; // with |after_id|: only what comes after this place in the order
    struct pawl_str after_id;
    size_t limit;           // 0: none
    struct pawl_scan *scan; // NULL: looks at all
    // For what it waits, which no column says: no store looks at it, the runtime does.
    struct pawl_await await;
    // Of counts: ids, each named once, of instances that are left out, be they there or not.
    const struct pawl_str *except;
    size_t except_count;
};

// Where a snapshot is.
struct pawl_place {
    uint64_t shard;
    struct pawl_str id;
};

// --- the calls ------------------------------------------------------------------------------

typedef enum pawl_err (*pawl_batch_fn)(void *arg, const struct pawl_batch *batch,
                                       struct pawl_error *error);
typedef enum pawl_err (*pawl_snapshot_fn)(void *arg, const struct pawl_snapshot *snapshot,
                                          struct pawl_error *error);
typedef enum pawl_err (*pawl_id_fn)(void *arg, struct pawl_str id, struct pawl_error *error);
// |index|: of the place that was asked for.
typedef enum pawl_err (*pawl_place_fn)(void *arg, size_t index,
                                       const struct pawl_snapshot *snapshot,
                                       struct pawl_error *error);
typedef enum pawl_err (*pawl_mail_fn)(void *arg, const struct pawl_mail *mail,
                                      struct pawl_error *error);
typedef enum pawl_err (*pawl_count_fn)(void *arg, struct pawl_str name, int32_t status,
                                       uint64_t count, struct pawl_error *error);

struct pawl_store_ops {
    // Closes and frees the store. Leases and members that it holds are released.
    void (*close)(struct pawl_store *store);

    // --- writing ---

    // Records how many shards |app| has, if that is not on record yet: |wanted|, at least 1.
    // |*count| is what is on record. An app with a shard and no record is from an earlier Pawl: it
    // has 1.
    enum pawl_err (*shards)(struct pawl_store *store, struct pawl_str app, uint32_t wanted,
                            uint32_t *count, struct pawl_error *error);

    // Takes shard |number| of |app| for |owner|, a text that others are shown. It lasts |ttl|
    // nanoseconds by the store's clock, or, where |caps.expires| is not set, until it is released
    // or the store is closed. PAWL_E_HELD, with the holder's text in |error|, when a living owner
    // has it, be it the same one. A commit under an earlier epoch that is under way has been done
    // when this returns, or will never be.
    enum pawl_err (*lease)(struct pawl_store *store, struct pawl_str app, uint32_t number,
                           struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                           struct pawl_error *error);

    // Lets leases last |ttl| from now on. One that has ended, but that nobody has taken since, is
    // renewed. PAWL_E_UNAVAILABLE: it is not known, and |lost| says nothing.
    enum pawl_err (*renew)(struct pawl_store *store, struct pawl_renewal *renewals, size_t count,
                           int64_t ttl, struct pawl_error *error);

    // PAWL_OK also when |lease| is not the newest one any more.
    enum pawl_err (*release)(struct pawl_store *store, const struct pawl_lease *lease,
                             struct pawl_error *error);

    // Applies |commit|. |error| is filled unless it was done.
    enum pawl_outcome (*commit)(struct pawl_store *store, const struct pawl_commit *commit,
                                struct pawl_error *error);

    // Adds a member, or replaces what it told; it ends as a lease does. Members that have ended are
    // removed by the way.
    enum pawl_err (*put_member)(struct pawl_store *store, struct pawl_str app,
                                const struct pawl_member *member, int64_t ttl,
                                struct pawl_error *error);
    enum pawl_err (*remove_member)(struct pawl_store *store, struct pawl_str app,
                                   struct pawl_str id, struct pawl_error *error);

    // Does what no commit should wait for: checkpoints, removal of expired keys, filling columns of
    // rows that an earlier Pawl wrote. To be called after a commit's outcome was told: at once when
    // it has set |due|, and every second or so; returns at once when there is nothing to do. An
    // error is worth a warning: the store goes on, and tries again at a later call. Where it is
    // never called, commits become slow now and then.
    enum pawl_err (*tend)(struct pawl_store *store, struct pawl_error *error);

    // --- reading ---

    // The shards of |app| that exist, by number, each with its holder.
    enum pawl_err (*holders)(struct pawl_store *store, struct pawl_str app,
                             struct pawl_arena *arena, struct pawl_holder **holders, size_t *count,
                             struct pawl_error *error);

    // The living members of |app|, in the order of their ids.
    enum pawl_err (*members)(struct pawl_store *store, struct pawl_str app,
                             struct pawl_arena *arena, struct pawl_member **members, size_t *count,
                             struct pawl_error *error);

    // Reads the shard's batches with positions > |after| that were not trimmed, in order.
    // PAWL_E_CORRUPT also when one is missing between them.
    enum pawl_err (*read_log)(struct pawl_store *store, uint64_t shard, uint64_t after,
                              pawl_batch_fn fn, void *arg, struct pawl_error *error);

    // Reads up to |limit| messages (0: all) of a box with keys > |after| (empty: from its
    // beginning), in the order of their keys.
    enum pawl_err (*read_mail)(struct pawl_store *store, struct pawl_str app, uint32_t number,
                               struct pawl_str after, size_t limit, pawl_mail_fn fn, void *arg,
                               struct pawl_error *error);

    // Reads one snapshot with its whole history into |arena|. PAWL_E_NOT_FOUND.
    enum pawl_err (*load)(struct pawl_store *store, uint64_t shard, struct pawl_str id,
                          struct pawl_arena *arena, struct pawl_snapshot *out,
                          struct pawl_error *error);

    // Calls |fn| for each snapshot of |places|, each of which is named once, that is there: with
    // its whole history, in any order. To be called by pawl__store_load_many. NULL: |load| is as
    // good.
    enum pawl_err (*load_many)(struct pawl_store *store, const struct pawl_place *places,
                               size_t count, pawl_place_fn fn, void *arg, struct pawl_error *error);

    // Calls |fn| for each snapshot that is active or has a timer, with columns only: state and
    // history are empty.
    enum pawl_err (*scan_live)(struct pawl_store *store, uint64_t shard, pawl_snapshot_fn fn,
                               void *arg, struct pawl_error *error);

    // Calls |fn| for the ids of up to |limit| snapshots of |shard|, in the order of their bytes,
    // that come after |after| (empty: from the first on). It does not look at the snapshots. NULL:
    // it costs next to nothing to learn from |load| that there is none.
    enum pawl_err (*ids)(struct pawl_store *store, uint64_t shard, struct pawl_str after,
                         size_t limit, pawl_id_fn fn, void *arg, struct pawl_error *error);

    // Calls |fn| for the snapshots of |shard| that |query| asks for, in its order, with columns
    // only; all of them, or those up to the place that |query->scan| tells.
    enum pawl_err (*query)(struct pawl_store *store, uint64_t shard, const struct pawl_query *query,
                           pawl_snapshot_fn fn, void *arg, struct pawl_error *error);

    // Counts them by name and status, in no order; |query|'s limit does not matter. Without
    // |query->scan| it counts all, whatever its place. With one, the oldest are asked for first,
    // and it counts those behind its place, up to the one that the scan tells.
    enum pawl_err (*count)(struct pawl_store *store, uint64_t shard, const struct pawl_query *query,
                           pawl_count_fn fn, void *arg, struct pawl_error *error);

    // Reads the value of |key| into |arena|; a missing or expired key is PAWL_OK with !found.
    enum pawl_err (*get_state)(struct pawl_store *store, struct pawl_str key,
                               struct pawl_arena *arena, struct pawl_state_value *out,
                               struct pawl_error *error);
};

#endif
