#ifndef PAWL_RUNTIME_INTERNAL_H
#define PAWL_RUNTIME_INTERNAL_H

// What the files of the runtime share.

#include "runtime/queue.h"
#include "runtime/runtime.h"
#include "runtime/waiting.h"

enum pawl_runtime_state {
    PAWL_RUNTIME_TAKING, // asks for the lease, reads the shard
    PAWL_RUNTIME_SERVING,
    PAWL_RUNTIME_CLOSING, // writes what is left
};

// What waits for one batch to be durable.
struct pawl_held {
    struct pawl_link calls; // pawl_call::link
    struct pawl_queue activities;
    struct pawl_queue purged; // whose snapshots go with the batch
    struct pawl_notes notes;
};

// An instance that sleeps in the store, with the time to wake it.
struct pawl_sleeper {
    struct pawl_heap_node node;
    size_t id_len;
    char id[];
};

enum {
    PAWL_CHECKPOINT_ROWS = 128
}; // in one commit

// An instance as it was when its snapshot was taken.
struct pawl_checkpoint_row {
    struct pawl_instance *instance;
    uint64_t generation;
    uint32_t events; // in its history
    size_t bytes;
};

// The snapshots that are being written.
struct pawl_checkpoint {
    bool running;
    bool in_commit;              // the commit that runs has a part of it
    uint64_t horizon;            // position of the last batch when the last one began
    uint64_t save_to;            // instances are written that changed up to this position
    uint64_t trim_to;            // once all are written: the same, or less if some cannot be
    size_t left_out;             // snapshots that are too large for the store
    struct pawl_instance **todo; // references, from |next| on
    size_t count, next, written; // |next| .. |written| are in the commit that runs
    struct pawl_snapshot snapshots[PAWL_CHECKPOINT_ROWS]; // of that commit
    struct pawl_checkpoint_row rows[PAWL_CHECKPOINT_ROWS];
    size_t row_count;
    struct pawl_arena arena;
    size_t log_bytes; // since the last one began
    int64_t last_at;  // steady
    uint64_t trimmed; // position up to which the log was dropped
    bool told;        // of snapshots that were left out
};

struct pawl_runtime {
    struct pawl_runtime_options options;
    char *app_id, *namespace, *shard_name, *owner;
    const struct pawl_log *log;
    struct pawl_storage *storage;
    struct pawl_storage_client client;
    enum pawl_runtime_state state;
    bool failing;         // the state in memory is to be dropped
    unsigned incarnation; // counts reloads, so that what began before one is told apart

    struct pawl_shard shard;
#ifndef NDEBUG
    struct pawl_shard shadow;
#endif
    struct pawl_lease lease;
    bool leased;      // the commit thread's: |lease| was taken and not released
    uint64_t durable; // position of the last batch on disk
    int64_t last_now; // the largest time that was stamped

    struct pawl_held building, writing;
    bool awaited; // the batch under construction: by more than calls that are patient
    struct pawl_buf batch_bytes;
    struct pawl_batch batch;
    struct pawl_str *deletes;
    bool wrote_batch;
    size_t last_records; // in the last batch
    struct pawl_checkpoint checkpoint;

    struct pawl_map loads;    // id -> struct load
    size_t loads_out;         // and lists; with the reader, also those from before a reload
    int64_t load_time;        // nanoseconds that a load takes, on a moving average
    struct pawl_map waiters;  // id -> struct waiters
    struct pawl_link lists;   // struct list
    struct pawl_link ghosts;  // struct ghost
    struct pawl_map sleepers; // id -> struct pawl_sleeper
    struct pawl_heap sleeping;

    struct pawl_link workers;
    uint64_t last_worker;                                  // pawl_worker.number
    size_t worker_count, choosy_count;                     // choosy: they say what they serve
    bool had_silent;                                       // a worker that does not say was here
    int64_t workers_changed;                               // steady
    struct pawl_queue turns, activities;                   // ready to be given to a worker
    struct pawl_queue parked_turns, parked_activities;     // until workers come or go
    struct pawl_waiting waiting_turns, waiting_activities; // until one of their workers has room
    bool regroup;                                          // workers have come or gone
    struct pawl_map items; // key of an item -> what is with a worker
    size_t turns_out, activities_out;
    int64_t turn_time;          // nanoseconds that workers take for one, on a moving average
    struct pawl_buf item_bytes; // the work item under construction
    struct pawl_buf key_bytes;  // scratch
    uint64_t next_token;
    char token_prefix[12];
    bool pumping;

    uv_timer_t clock;       // wakes for workflow timers
    uv_timer_t retry;       // of the lease
    uv_timer_t pulse;       // checkpoints
    uint64_t pulse_commits; // of the storage at the last one
    bool has_evicted;       // instances have left memory since it was last trimmed
    struct pawl_job job;
    struct pawl_error job_error;
    int64_t retry_delay; // milliseconds
    int64_t fail_delay;  // the same, until what failed is tried again; 0 after a batch was written
    bool told_held;
    int unserved; // pulses for which work has waited with no worker there
    int handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

// --- runtime.c ----------------------------------------------------------------------------------

// The time and randomness for a command.
struct pawl_stamp pawl__runtime_stamp(struct pawl_runtime *runtime);

// To be called after every command: hands its effects on, and asks for a commit if there is
// something to write.
void pawl__runtime_settle(struct pawl_runtime *runtime);

// Drops what is in memory and begins again from the store, soon.
void pawl__runtime_fail(struct pawl_runtime *runtime, const struct pawl_error *error);

static inline bool pawl__runtime_serves(const struct pawl_runtime *runtime) {
    return runtime->state == PAWL_RUNTIME_SERVING && !runtime->failing;
}

// Whether the store is being read for something that is put together with what is in memory.
// Nothing leaves memory then: it would be in neither, or be read as it was before.
static inline bool pawl__runtime_reads(const struct pawl_runtime *runtime) {
    return runtime->loads.len || !pawl__list_empty(&runtime->lists);
}

// --- calls.c ------------------------------------------------------------------------------------

// Runs those who wait for |instance| again, if it has become what they wait for.
void pawl__calls_recheck(struct pawl_runtime *runtime, const struct pawl_instance *instance);
void pawl__calls_recheck_all(struct pawl_runtime *runtime);

// Ends all calls of |list| with |error| (NULL: success).
void pawl__calls_finish(struct pawl_link *list, const struct pawl_error *error);

// Ends all calls that have begun, but for those that wait.
void pawl__calls_fail(struct pawl_runtime *runtime, const struct pawl_error *error);
void pawl__calls_fail_waiters(struct pawl_runtime *runtime, const struct pawl_error *error);

// Loads |id| so that its timers fire.
void pawl__calls_wake(struct pawl_runtime *runtime, struct pawl_str id);

// Notes that |instance| does not exist, to be forgotten once nobody needs to know.
void pawl__calls_add_ghost(struct pawl_runtime *runtime, struct pawl_instance *instance);

// Forgets ghosts that nobody needs any more.
void pawl__calls_sweep_ghosts(struct pawl_runtime *runtime);

// Runs |call|, loads what it needs, and holds its answer.
void pawl__calls_execute(struct pawl_runtime *runtime, struct pawl_call *call);

// Answers |call|, which may have seen all that is in memory, once that is durable.
void pawl__calls_answer(struct pawl_runtime *runtime, struct pawl_call *call);

// --- list.c -------------------------------------------------------------------------------------

// Moves the calls of all lists that are being made to |calls|.
void pawl__lists_drop(struct pawl_runtime *runtime, struct pawl_link *calls);

// --- sleep.c ------------------------------------------------------------------------------------

bool pawl__sleep_add(struct pawl_runtime *runtime, struct pawl_str id, int64_t wake_at);
void pawl__sleep_remove(struct pawl_runtime *runtime, struct pawl_str id);

// |id|, if it was asleep, could not be loaded: it is tried again in a second.
void pawl__sleep_retry(struct pawl_runtime *runtime, struct pawl_str id);
void pawl__sleep_clear(struct pawl_runtime *runtime);

// Arms the clock for the next timer or sleeper, and fires what is due.
void pawl__sleep_check(struct pawl_runtime *runtime);

// --- checkpoint.c -------------------------------------------------------------------------------

// Adds the next snapshots to a commit. True when it added something.
bool pawl__checkpoint_prepare(struct pawl_runtime *runtime, struct pawl_commit *commit);
void pawl__checkpoint_done(struct pawl_runtime *runtime);
void pawl__checkpoint_consider(struct pawl_runtime *runtime, bool force);
void pawl__checkpoint_drop(struct pawl_runtime *runtime);

// --- retain.c -----------------------------------------------------------------------------------

// When |instance| has to be in memory again: for its next timer, or to be purged. INT64_MAX: never.
int64_t pawl__retain_wake_at(const struct pawl_runtime *runtime,
                             const struct pawl_instance *instance);

// For an instance in memory: purges it if that is due, which the caller settles; else notes when it
// will be.
void pawl__retain_look(struct pawl_runtime *runtime, struct pawl_instance *instance);

// --- commit.c -----------------------------------------------------------------------------------

bool pawl__commit_prepare(struct pawl_storage_client *client, struct pawl_commit *commit);
bool pawl__commit_expects(struct pawl_storage_client *client);
void pawl__commit_done(struct pawl_storage_client *client, const struct pawl_error *error);

// --- dispatch.c ---------------------------------------------------------------------------------

// Gives what is ready to workers that have room.
void pawl__dispatch_pump(struct pawl_runtime *runtime);

// Looks again at what no worker was there for.
void pawl__dispatch_unpark(struct pawl_runtime *runtime);

// Forgets what workers hold, and asks them to connect anew.
void pawl__dispatch_reset(struct pawl_runtime *runtime);

// --- shadow.c: nothing in release builds ---------------------------------------------------------

#ifdef NDEBUG
static inline void pawl__shadow_begin(struct pawl_runtime *runtime) {
    (void)runtime;
}
static inline void pawl__shadow_add(struct pawl_runtime *runtime,
                                    const struct pawl_instance *instance) {
    (void)runtime;
    (void)instance;
}
static inline void pawl__shadow_remove(struct pawl_runtime *runtime,
                                       const struct pawl_instance *instance) {
    (void)runtime;
    (void)instance;
}
static inline void pawl__shadow_check(struct pawl_runtime *runtime) {
    (void)runtime;
}
static inline void pawl__shadow_drop(struct pawl_runtime *runtime) {
    (void)runtime;
}
#else
// Copies what is in memory, which is what the store holds: after it was read.
void pawl__shadow_begin(struct pawl_runtime *runtime);
// An instance or ghost was loaded; has left memory.
void pawl__shadow_add(struct pawl_runtime *runtime, const struct pawl_instance *instance);
void pawl__shadow_remove(struct pawl_runtime *runtime, const struct pawl_instance *instance);
// The batch in |batch| is durable.
void pawl__shadow_check(struct pawl_runtime *runtime);
void pawl__shadow_drop(struct pawl_runtime *runtime);
#endif

// --- recover.c ----------------------------------------------------------------------------------

// Takes the lease and reads the shard, on the storage's threads; ends by pawl__runtime_taken.
void pawl__recover_begin(struct pawl_runtime *runtime);
// On the commit thread: gives the lease back, if there is one.
void pawl__recover_release(struct pawl_runtime *runtime);

void pawl__runtime_taken(struct pawl_runtime *runtime, const struct pawl_error *error);

#endif
