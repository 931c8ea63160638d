#ifndef PAWL_TESTS_SIM_SIM_H
#define PAWL_TESTS_SIM_SIM_H

// The engine in a world of chance: a clock, a store that fails, workers that get lost, clients that
// ask for anything, and crashes. All of it follows from one seed.
//
//   clients ──► shard ──► batch ──► store (fails before or after it took the batch, is slow)
//                 ▲                   │
//   workers ◄─────┴── held effects ◄──┘        mirror: a second shard that replays what is durable
//
// The mirror knows what the log holds and nothing else. Whatever leaves the shard is compared with
// it, and so is the shard itself after each recovery.

#include <stdio.h>

#include "engine/shard.h"

enum {
    SIM_IDS = 24, // that clients use
    SIM_BATCHES = 1 << 16,
    SIM_ROWS = 512,  // snapshots
    SIM_ITEMS = 64,  // with workers
    SIM_HELD = 4096, // answers, effects and marks that wait for the log
    SIM_EXPECTED = 8 // results that an id may have
};

struct sim_random {
    uint64_t state;
};

uint64_t sim_random(struct sim_random *random);
unsigned sim_below(struct sim_random *random, unsigned limit);
bool sim_chance(struct sim_random *random, unsigned percent);

// --- the store ----------------------------------------------------------------------------------

struct sim_row {
    struct pawl_snapshot snapshot; // with its whole history; the bytes are the row's
    char *id, *name, *state, *history;
};

struct sim_store {
    struct pawl_str *batches; // by position - 1; trimmed ones have no data
    uint64_t position;        // of the last one
    uint64_t trimmed;
    struct sim_row rows[SIM_ROWS];
    size_t row_count;
};

struct sim_commit {
    bool running;
    uint64_t position; // 0: no batch
    struct pawl_buf bytes;
    struct sim_row puts[SIM_ROWS];
    uint32_t put_from[SIM_ROWS]; // history_from
    size_t put_count;
    char *deletes[SIM_ROWS];
    size_t delete_count;
    uint64_t trim_to;
};

void sim_store_finish(struct sim_store *store);
const struct sim_row *sim_store_find(const struct sim_store *store, struct pawl_str id);
void sim_store_apply(struct sim_store *store, const struct sim_commit *commit);

void sim_commit_put(struct sim_commit *commit, const struct pawl_snapshot *snapshot);
void sim_commit_clear(struct sim_commit *commit);

// --- the worker ---------------------------------------------------------------------------------

// Runs a turn: the encoded answer goes to |out|. |versions|: it has the code of all versions.
// False: the history is not what a history can be; |*why| says so.
bool sim_worker_turn(const Pb__WorkflowRequest *request, const char *token, bool versions,
                     struct pawl_arena *arena, struct pawl_buf *out, const char **why);

// Runs an activity.
void sim_worker_activity(const Pb__ActivityRequest *request, struct sim_random *random,
                         struct pawl_arena *arena, Pb__ActivityResponse *out);

// What the workflow |name| with |input| ends with, if nobody interferes.
const char *sim_expected(const char *name, const char *input, struct pawl_arena *arena);

extern const char *const sim_programs[]; // names, ended by NULL

// --- the world ----------------------------------------------------------------------------------

// What a client knows of an id. Each start has a number, in the order in which they were asked for.
struct sim_id {
    char name[16];
    unsigned asked;      // the last start that the shard took; 0: none
    unsigned started;    // the last one that was acknowledged, if no purge was asked for since
    unsigned interfered; // the last one that a terminate was asked for
    unsigned raised;     // the last one for which an event was acknowledged
    bool ended;          // it was seen to have ended, and nothing was asked for since
    bool upset;          // it was terminated or purged once: children may be left from then
    struct {
        unsigned start;
        char *result;
    } expected[SIM_EXPECTED];
    size_t expected_count;
};

enum sim_held_type {
    SIM_HELD_ACTIVITY,
    SIM_HELD_STARTED, // answers to clients
    SIM_HELD_RAISED,
    SIM_HELD_ENDED,
    SIM_HELD_RESULT, // an answer to a worker
    SIM_HELD_DELETE, // of a purged instance's snapshot
};

struct sim_held {
    enum sim_held_type type;
    uint64_t position;         // of the batch that it waits for
    struct pawl_effect effect; // with a reference; of activities and deletes
    struct sim_id *id;         // of answers to clients
    unsigned start;
    char *key; // of a result
};

// Work that a worker has.
struct sim_item {
    struct pawl_effect effect; // with a reference; NULL: the place is free
    unsigned token;
    struct pawl_buf bytes; // the WorkItem
};

// An instance as it was when its snapshot was taken.
struct sim_mark {
    struct pawl_instance *instance; // a reference
    uint64_t generation, position;
    uint32_t events;
    size_t bytes;
};

struct sim_options {
    uint64_t seed;
    unsigned long steps;
    bool verbose;
};

struct sim_counts {
    unsigned long crashes, failed_commits, commits, snapshots, trims, turns, activities, timers,
        evictions, loads, ended, stalls, starts, replayed;
};

struct sim {
    struct sim_options options;
    struct sim_random random;
    struct sim_counts counts;
    unsigned long step;
    int64_t now, last_stamp; // the wall clock, which may be set back; what was stamped last
    unsigned uuids, tokens, starts;
    struct pawl_shard shard, mirror;
    struct sim_store store;
    struct sim_commit commit;
    struct sim_mark marks[SIM_ROWS];
    size_t mark_count;
    uint64_t durable;
    struct sim_held held[SIM_HELD];
    size_t held_count;
    struct pawl_effect turns[SIM_HELD], activities[SIM_HELD]; // ready for workers
    size_t turn_count, activity_count;
    struct sim_item items[SIM_ITEMS];
    struct sim_id ids[SIM_IDS];
    struct pawl_map results; // keys of acknowledged results; key and value are one
    bool versions, draining, failed;
    struct pawl_arena arena; // scratch of one step
    struct pawl_error error;
    char trace[40][120];
    unsigned long traced;
};

// Runs the world. False: an invariant did not hold, and it was told which.
bool sim_run(const struct sim_options *options, struct sim_counts *counts);

#endif
