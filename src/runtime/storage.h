#ifndef PAWL_RUNTIME_STORAGE_H
#define PAWL_RUNTIME_STORAGE_H

// A store on the loop: its two threads, and its group commit.
//
//   writes that arrive ──► next group ──► [commit thread: one transaction] ──► done calls
//                              ▲                     │
//                              └── while it runs ────┘
//
// A commit takes what gathered while the last one ran: user state transactions, and a part of each
// client that has something to write. What a store refuses of a client (store.h) keeps nothing else
// from being written. Reads go through a thread of their own; what becomes of them when a server
// does not answer is in mute.h.
//
// A commit of which nothing was done (a lock that another process holds, a disk that is full, a
// server that is away) is given again, after a delay that grows from 10 ms to a second. Its clients
// wait; what they have meanwhile gathers for the next one. User state that has waited for 5 s is
// told why, and left out of the next try; clients are told, too, for those who can be told.
//
// A commit may wait a little for what a client expects, as two commits cost twice as much as one.
//
// When next to nothing is going on, and the disk is known to be quick, a commit runs on the loop's
// own thread: waking another thread and being woken by it takes longer than what the loop could do
// meanwhile. It does not wait for locks there; when it would have to, the thread does.
//
// Several loops may share a store (shared.h): each has a storage, the threads are for all, and so
// is each commit.

#include "base/clock.h"
#include "base/log.h"
#include "base/meter.h"
#include "runtime/jobs.h"
#include "runtime/loads.h"
#include "runtime/mute.h"
#include "runtime/shared.h"
#include "runtime/tend.h"
#include "store/store.h"

// How long leases and members last in a store where they end by themselves, unless it is said
// otherwise: whoever is killed or cut off is replaced within it and a second (node.c).
#define PAWL_LEASE_TTL (5 * PAWL_SECOND)

// A transaction of user state. The caller's memory, with all it points to, until |done|.
struct pawl_state_write {
    struct pawl_state_tx tx;                      // the caller fills |ops| and |op_count|
    void (*done)(struct pawl_state_write *write); // |tx.result| says how it went
    void *data;
    int64_t since; // the storage's: when it was handed in, steady
    struct pawl_link link;
};

// A read of several keys. The caller's memory until |done|.
struct pawl_state_read {
    const struct pawl_str *keys;
    size_t count;
    struct pawl_arena *arena;        // the values are put here
    struct pawl_state_value *values; // |count| of them, the caller's
    struct pawl_error result;
    void (*done)(struct pawl_state_read *read);
    void *data;
    struct pawl_job job;
    struct pawl_storage *storage;
    int64_t since; // the storage's: when it was handed in, steady
    int64_t took;
};

// Who has a part in each commit: a shard.
struct pawl_storage_client {
    // Fills |part|, which is clear, with what is to be written; false when there is nothing. What
    // it points to stays until |done|.
    bool (*prepare)(struct pawl_storage_client *client, struct pawl_part *part);
    bool light;     // set by |prepare|: nobody waits for the loop while it makes the commit
    size_t records; // the same: how many go into the log
    // How many records wait for the commit.
    size_t (*gathered)(const struct pawl_storage_client *client);
    // How long, since it was asked for, the commit should wait for what is about to come, in
    // nanoseconds; 0: it should not.
    int64_t (*patience)(struct pawl_storage_client *client);
    // Nothing could be written since |since| (steady), for more than 5 s, because of |error|;
    // called again and again until that ends. Then |error| is NULL. The function may be NULL.
    void (*stalled)(struct pawl_storage_client *client, int64_t since,
                    const struct pawl_error *error);
    // Only called after a |prepare| that returned true. PAWL_COMMIT_DONE: |error| is the result of
    // the part. PAWL_COMMIT_NOTHING only after pawl__storage_hurry.
    void (*done)(struct pawl_storage_client *client, enum pawl_outcome outcome,
                 const struct pawl_error *error);
    struct pawl_part part; // the storage's
    bool writes;           // a part of it is in the commit that runs, so its memory must stay
    struct pawl_link link;
};

// What is counted for who looks; times are nanoseconds.
struct pawl_storage_meters {
    struct pawl_histogram commits; // time of each that succeeded
    struct pawl_histogram group;   // records in each
    struct pawl_histogram loads;   // time to read an instance
    struct pawl_histogram reads;   // time to read user state
    uint64_t nothing, unknown;     // commits that had these outcomes
    uint64_t refused;              // parts of commits that had PAWL_COMMIT_DONE
    uint64_t snapshots;            // written
    uint64_t failed_loads, failed_reads;
};

struct pawl_storage {
    struct pawl_store *store;         // owned, unless it is |shared|
    struct pawl_shared_store *shared; // with other loops; NULL: with none
    struct pawl_offer offer;          // of |commit|, then
    uv_loop_t *loop;
    const struct pawl_log *log;
    struct pawl_jobs writer, reader;
    struct pawl_loads loads;
    uv_check_t check;         // starts a commit after the loop has taken what its sockets hold
    uv_idle_t spin;           // keeps the loop from sleeping before |check|
    uv_timer_t patience;      // ends a wait for what a client expects
    uv_timer_t again;         // gives a commit again
    struct pawl_link clients; // pawl_storage_client::link
    struct pawl_link gathering, writing; // pawl_state_write::link
    struct pawl_job job;
    struct pawl_tend tend;
    struct pawl_commit commit;
    enum pawl_outcome outcome;
    struct pawl_error result;  // the writer's thread's while the commit runs
    struct pawl_error failure; // the last result of a commit that is given again
    struct pawl_mute mute;     // the reader's thread's
    bool wanted, closing;
    bool busy;             // a commit runs, or waits to be given again
    bool hurry;            // see pawl__storage_hurry
    bool measured;         // |commit_time| is known
    bool others;           // daemons of the app write to the same store; set by whoever knows
    unsigned leasing;      // clients that take or release a shard on the writer thread
    int64_t wanted_at;     // since when, steady
    int64_t ended_at;      // the last commit, steady
    int64_t failing_since; // the commit that runs was first given then, steady; 0: it goes well
    bool told_stalled;     // clients know that
    int64_t retry_delay;   // milliseconds
    int handles;           // threads and uv handles that are still open
    void (*closed)(void *arg);
    void *arg;
    uint64_t commits;    // that succeeded
    int64_t commit_time; // nanoseconds that one takes, on a moving average
    int64_t took;        // the last one
    size_t group;        // records in the one that runs, or the last one
    int64_t came_at;     // when |gathered| was seen to change, steady
    size_t gathered;     // for the next one, as clients are asked for their patience
    struct pawl_storage_meters meters;
};

// Takes over |store|. Also after an error it has to be closed. |log| may be NULL.
enum pawl_err pawl__storage_init(struct pawl_storage *storage, uv_loop_t *loop,
                                 struct pawl_store *store, const struct pawl_log *log,
                                 struct pawl_error *error);

// The same on a store that other loops have, too; |shared| is released when the storage is closed.
enum pawl_err pawl__storage_init_shared(struct pawl_storage *storage, uv_loop_t *loop,
                                        struct pawl_shared_store *shared,
                                        const struct pawl_log *log, struct pawl_error *error);

// Commits of the store that were done. On any thread.
uint64_t pawl__storage_commits(const struct pawl_storage *storage);

// Writes what was handed in, closes the store, and calls |closed|, later. Nothing may be handed in
// any more. It may be called from the last |done| of what was handed in.
void pawl__storage_close(struct pawl_storage *storage, void (*closed)(void *arg), void *arg);

void pawl__storage_write(struct pawl_storage *storage, struct pawl_state_write *write);
void pawl__storage_read(struct pawl_storage *storage, struct pawl_state_read *read);

// Reads an instance, with others (loads.h). False: memory is out.
bool pawl__storage_load(struct pawl_storage *storage, struct pawl_loads_one *one);

// Gives a job to the reader's thread.
static inline void pawl__storage_ask(struct pawl_storage *storage, struct pawl_job *job) {
    pawl__loads_send(&storage->loads);
    pawl__jobs_submit(&storage->reader, job);
}

// Adds a client; or removes one of which no part is being written.
void pawl__storage_add(struct pawl_storage *storage, struct pawl_storage_client *client);
void pawl__storage_remove(struct pawl_storage *storage, struct pawl_storage_client *client);

// A client has something to write.
void pawl__storage_want(struct pawl_storage *storage);

// The process is about to end: a commit of which nothing can be done is given up after 5 s.
void pawl__storage_hurry(struct pawl_storage *storage);

// For how many nanoseconds a commit has been wanted, and for how many it waits at most for what a
// client expects.
int64_t pawl__storage_waited(const struct pawl_storage *storage);
int64_t pawl__storage_patience(const struct pawl_storage *storage);

// How long, since it was asked for, a commit waits that other daemons' commits slow down, in
// nanoseconds: from the end of the last one on for the time of two at most, and no longer than half
// the time of one after a record has come.
int64_t pawl__storage_shared_patience(const struct pawl_storage *storage);

// Who looks at the store's trouble calls it ill after this long.
#define PAWL_STORAGE_ILL (5 * PAWL_SECOND)

// For how many nanoseconds nothing could be written, or housekeeping has failed, which is done also
// while nobody writes; 0: all goes well. |*error| is why.
int64_t pawl__storage_trouble(const struct pawl_storage *storage, const struct pawl_error **error);

#endif
