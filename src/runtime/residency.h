#ifndef PAWL_RUNTIME_RESIDENCY_H
#define PAWL_RUNTIME_RESIDENCY_H

// Which instances of one shard are in memory, and what is known of the rest.
//
//   in the store only ──load──► in memory ──changed──► (log) ──checkpoint──► saved ──► in the store
//                                   └──► resting: it was only read ──► the oldest leave memory
//
// An instance that has nothing to do and whose snapshot is current leaves memory. If it was
// written, it leaves at once; if it was only read, once those read later take more than a bound.
// One that waits for the clock leaves a sleeper. A ghost is the knowledge that an id does not
// exist: it stays as long as a command may ask for the id, or the store may still have its row.
//
// This is the lowest component of the runtime. It tells its host what it finds out by itself: a
// load is done, memory is out.

#include "engine/shard.h"
#include "runtime/known.h"
#include "runtime/options.h"
#include "runtime/shadow.h"
#include "runtime/sleepers.h"
#include "runtime/storage.h"

enum pawl_residency_state {
    PAWL_RESIDENCY_IDLE,   // another daemon has the shard, or nobody
    PAWL_RESIDENCY_TAKING, // the lease is asked for, the shard is being read
    PAWL_RESIDENCY_SERVING,
    PAWL_RESIDENCY_CLOSING, // what is left is being written; then it is given back
};

struct pawl_call;
struct pawl_residency;

// Whoever composes the components of a shard.
struct pawl_residency_host {
    // A command was run: hand its effects on, and have its records written. May be called at any
    // time, and does nothing when there is nothing to do.
    void (*settle)(struct pawl_residency *residency);
    // The state in memory is not to be trusted any more (|failing| is set), for |error|.
    void (*failed)(struct pawl_residency *residency, const struct pawl_error *error);
    // A call has come while the shard is not served here. True: it was taken to where it is served,
    // or will be. False: it fails.
    bool (*elsewhere)(struct pawl_residency *residency, struct pawl_call *call);
    // Reads the shard's mail, and tells pawl__calls_hear.
    void (*listen)(struct pawl_residency *residency);
    // Whether no worker is connected that may have a turn (of a workflow) or an activity |name|.
    bool (*lacks)(const struct pawl_residency *residency, bool turn, struct pawl_str name);
};

struct pawl_residency {
    const struct pawl_residency_host *host;
    const struct pawl_node_options *options;
    const struct pawl_log *log;
    struct pawl_storage *storage;
    struct pawl_str app;      // as the store knows it
    struct pawl_str received; // the box of notes of engine/received.h
    uint32_t number, count;   // of the app's shards
    enum pawl_residency_state state;
    bool ending;          // the daemon ends; else a shard that is closing goes to another one
    bool failing;         // the state in memory is to be dropped
    bool in_commit;       // the commit that runs reads what is in memory
    unsigned incarnation; // counts reloads, so that what began before one is told apart

    struct pawl_shard shard;
    struct pawl_shadow shadow;
    struct pawl_lease lease;
    int64_t leased_until; // at least, if nobody ends the lease; steady. INT64_MAX: it does not end
    uint64_t durable;     // position of the last batch on disk
    int64_t last_now;     // the largest time that was stamped

    struct pawl_map loads; // id -> what is being loaded; see load.h
    struct pawl_known known;
    size_t gathering;         // calls that need several instances in memory at a time
    struct pawl_link resting; // pawl_instance.rest, the one that was read longest ago first
    size_t resting_bytes;
    struct pawl_link searches; // that are being made; see search.h
    size_t jobs_out;           // with the reader, also those from before a reload
    int64_t load_time;         // nanoseconds that a load takes, on a moving average
    struct pawl_link ghosts;   // struct ghost
    struct pawl_sleepers sleepers;
    bool has_evicted; // instances have left memory since it was last trimmed
};

// Of shard |number| of |count|. |app| is a view of the caller's.
void pawl__residency_init(struct pawl_residency *residency, struct pawl_storage *storage,
                          const struct pawl_node_options *options, struct pawl_str app,
                          uint32_t number, uint32_t count, const struct pawl_residency_host *host);

// Frees what is in memory of the shard; what has been begun with the reader comes back later.
void pawl__residency_drop(struct pawl_residency *residency);

// Whether the shard's state is in memory, and belongs to the loop.
static inline bool pawl__residency_has_state(const struct pawl_residency *residency) {
    return residency->state == PAWL_RESIDENCY_SERVING || residency->state == PAWL_RESIDENCY_CLOSING;
}

static inline bool pawl__residency_serves(const struct pawl_residency *residency) {
    return residency->state == PAWL_RESIDENCY_SERVING && !residency->failing;
}

// Why a call fails that has come while the shard is closing.
static inline void pawl__residency_tell_closing(const struct pawl_residency *residency,
                                                struct pawl_error *error) {
    pawl__fail(error, PAWL_E_UNAVAILABLE,
               residency->ending ? "the daemon is shutting down"
                                 : "the shard goes to another daemon, try again");
}

// Whether nothing may leave memory, for one of two reasons. The store is being read for a search,
// which is then put together with what is in memory: what left meanwhile would be in neither, or be
// seen as it was before. Or a call needs several instances, and the first would have left by the
// time the last has come.
static inline bool pawl__residency_keeps(const struct pawl_residency *residency) {
    return residency->gathering || !pawl__list_empty(&residency->searches);
}

// The time and randomness for a command. Stamps never go back, and no two are equal: the name and
// the time tell raised events apart.
struct pawl_stamp pawl__residency_stamp(struct pawl_residency *residency);

// Whether the lease may have ended, as this process has slept. Then others may have the shard, and
// what they gave out since may have been answered: nothing is given out until it is known.
bool pawl__residency_has_slept(const struct pawl_residency *residency);

// Tells the host, once until the state is dropped.
void pawl__residency_fail(struct pawl_residency *residency, const struct pawl_error *error);
void pawl__residency_fail_nomem(struct pawl_residency *residency);

// The instance |id|, or a ghost. PAWL_E_NEEDED, as the engine's commands give it; PAWL_E_NOMEM.
enum pawl_err pawl__residency_find(struct pawl_residency *residency, struct pawl_str id,
                                   struct pawl_instance **out);

// Notes that |instance| does not exist, to be forgotten once nobody needs to know.
void pawl__residency_add_ghost(struct pawl_residency *residency, struct pawl_instance *instance);

// Forgets ghosts that nobody needs any more.
void pawl__residency_sweep_ghosts(struct pawl_residency *residency);

// When |instance| has to be in memory again: for its next timer, or to be purged. INT64_MAX: never.
int64_t pawl__residency_wake_at(const struct pawl_residency *residency,
                                const struct pawl_instance *instance);

// For an instance in memory: purges it if that is due, which the caller settles; else notes when it
// will be.
void pawl__residency_retain(struct pawl_residency *residency, struct pawl_instance *instance);

// Notes that |instance| is read: if it rests, it is now the last to leave.
void pawl__residency_touch(struct pawl_residency *residency, struct pawl_instance *instance);

// Lets those that were read longest ago leave until the rest is within the bound. To be called
// after calls.
void pawl__residency_trim(struct pawl_residency *residency);

// Lets |instance| leave memory if it rests and its snapshot is current.
void pawl__residency_evict(struct pawl_residency *residency, struct pawl_instance *instance);

#endif
