#ifndef PAWL_RUNTIME_STORAGE_H
#define PAWL_RUNTIME_STORAGE_H

// A store on the loop: its two threads, and its group commit.
//
//   writes that arrive ──► next group ──► [commit thread: one transaction] ──► done calls
//                              ▲                     │
//                              └── while it runs ────┘
//
// A commit takes what gathered while the last one ran: user state transactions, and what the shard
// that lives in this store has to write. When the shard's part makes it fail, the transactions are
// committed by themselves. Reads go through a thread of their own.
//
// A commit may wait a little for what the client expects, as two commits cost twice as much as one.
//
// When next to nothing is going on, and the disk is quick, a commit runs on the loop's own thread:
// waking another thread and being woken by it takes longer than what the loop could do meanwhile.

#include "base/log.h"
#include "runtime/thread.h"
#include "store/store.h"

// A transaction of user state. The caller's memory, with all it points to, until |done|.
struct pawl_state_write {
    struct pawl_state_tx tx;                      // the caller fills |ops| and |op_count|
    void (*done)(struct pawl_state_write *write); // |tx.result| says how it went
    void *data;
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
};

// The shard's part in each commit.
struct pawl_storage_client {
    // Adds what is to be written; false when there is nothing. The views stay valid until |done|.
    bool (*prepare)(struct pawl_storage_client *client, struct pawl_commit *commit);
    bool light; // set by |prepare|: so little is written that little else can be going on
    // Whether the commit should wait for what is about to come.
    bool (*expects)(struct pawl_storage_client *client);
    // Only called after a |prepare| that returned true.
    void (*done)(struct pawl_storage_client *client, const struct pawl_error *error);
};

struct pawl_storage {
    struct pawl_store *store; // owned
    uv_loop_t *loop;
    const struct pawl_log *log;
    struct pawl_thread writer, reader;
    uv_check_t check;    // starts a commit after the loop has taken what its sockets hold
    uv_idle_t spin;      // keeps the loop from sleeping before |check|
    uv_timer_t patience; // ends a wait for what the client expects
    struct pawl_storage_client *client;
    struct pawl_link gathering, writing; // pawl_state_write::link
    struct pawl_job job, tend_job;
    uv_timer_t tend_timer;   // housekeeping, between commits
    bool tending, told_tend; // told: that it goes wrong
    struct pawl_error tend_error;
    uint64_t tended; // |commits| when it last began
    unsigned tend_ticks;
    struct pawl_commit commit;
    struct pawl_error result;
    bool wanted, busy, client_writes, closing;
    bool alone;        // the next commit, or the one that runs, is of user state only
    bool leasing;      // the client's: it takes or releases its shard on the writer thread
    int64_t wanted_at; // since when, steady
    int handles;       // threads and uv handles that are still open
    void (*closed)(void *arg);
    void *arg;
    uint64_t commits;    // that succeeded
    int64_t commit_time; // nanoseconds that one takes, on a moving average
};

// Takes over |store|. Also after an error it has to be closed. |log| may be NULL.
enum pawl_err pawl__storage_init(struct pawl_storage *storage, uv_loop_t *loop,
                                 struct pawl_store *store, const struct pawl_log *log,
                                 struct pawl_error *error);

// Writes what was handed in, closes the store, and calls |closed|. Nothing may be handed in any
// more.
void pawl__storage_close(struct pawl_storage *storage, void (*closed)(void *arg), void *arg);

void pawl__storage_write(struct pawl_storage *storage, struct pawl_state_write *write);
void pawl__storage_read(struct pawl_storage *storage, struct pawl_state_read *read);

// For how many nanoseconds a commit has been wanted, and for how many it waits at most for what the
// client expects.
int64_t pawl__storage_waited(const struct pawl_storage *storage);
int64_t pawl__storage_patience(const struct pawl_storage *storage);

// The client has something to write.
void pawl__storage_want(struct pawl_storage *storage);

#endif
