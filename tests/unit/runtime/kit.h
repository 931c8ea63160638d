#ifndef PAWL_TESTS_UNIT_RUNTIME_KIT_H
#define PAWL_TESTS_UNIT_RUNTIME_KIT_H

// A runtime on a loop of its own, over a store whose commits can be kept waiting or made to fail,
// with workers and callers that remember what they were given.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../patience.h"
#include "base/clock.h"
#include "runtime/node.h"
#include "store/memory/memory.h"
#include "store/sqlite/sqlite.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
#define ACTIONS(...) ((Pb__WorkflowAction *[]){__VA_ARGS__, NULL})
#define NO_ACTIONS   ((Pb__WorkflowAction *[]){NULL})

// Runs the loop until |condition| holds; fails the test after thirty seconds.
#define UNTIL(kit, condition)                                                                      \
    for (struct patience until_ = {0}; !(condition);) {                                            \
        if (patience_spend(&until_) > 30 * PAWL_SECOND)                                            \
            fail_msg("waited too long for: %s", #condition);                                       \
        kit_spin(kit);                                                                             \
    }

enum gate_fault {
    GATE_WELL,
    GATE_FAILS_BEFORE, // nobody knows of the next commit, and nothing of it was done
    GATE_FAILS_AFTER,  // nobody knows, and all of it was done
    GATE_NOTHING,      // nothing is done of any commit, and that is known
};

// A store in front of another.
struct gate {
    struct pawl_store base;
    struct pawl_store *inner;
    uv_mutex_t mutex;
    uv_cond_t cond;
    bool shut; // commits wait
    enum gate_fault fault;
    bool reads_shut;     // lists wait, once they have been read
    int load_faults;     // so many loads and lists fail
    enum pawl_err why;   // loads do
    const char *damaged; // the id of a row that cannot be read; NULL: all can
    unsigned commits, loads, lists;
    unsigned slow; // milliseconds that a count takes
    // Told of each commit that was done, while nobody else commits; NULL: nobody is.
    void (*committed)(void *arg, const struct pawl_commit *commit);
    void *committed_arg;
};

struct kit {
    uv_loop_t loop;
    uv_timer_t tick; // keeps the loop from sleeping for long
    struct pawl_store *store;
    struct gate gate;
    struct pawl_storage storage;
    struct pawl_node *node;
    struct pawl_node_options options;
    size_t row_max; // of the store, when it is opened next
    struct pawl_arena arena;
    struct pawl_error error;
    const char *says; // the custom status that turns set; NULL: none
    bool ready, closed;
    unsigned unready;          // times that it ceased to serve
    bool shares;               // the store with other kits
    bool is_server;            // the store: it may block, so its thread loads, and several at once
    void (*beside)(void *arg); // runs what goes on beside it; NULL: nothing does
    void *beside_arg;
    void (*committed)(void *arg, const struct pawl_commit *commit); // see struct gate
    void *committed_arg;
};

struct worker {
    struct pawl_worker base;
    struct kit *kit;
    const Pb__WorkItem *items[64];
    size_t count;
    unsigned resets;
    bool refuses, attached;
    bool hangs_up; // its stream ends with what it is given next
};

// Waits for a caller's answer.
#define DONE(kit, caller, expected)                                                                \
    do {                                                                                           \
        UNTIL(kit, (caller).done);                                                                 \
        assert_int_equal((caller).error.code, expected);                                           \
    } while (0)

struct caller {
    union {
        struct pawl_call call; // of each
        struct pawl_start start;
        struct pawl_look look;
        struct pawl_read_history read;
        struct pawl_search search;
        struct pawl_tally tally;
        struct pawl_post post;
        struct pawl_purge purge;
        struct pawl_turn_result turn;
        struct pawl_activity_result activity;
    };
    bool done;
    struct pawl_error error; // code 0: it went well
};

// Set while the loop runs what is not a test's own, for tests that make allocations fail.
extern bool kit_in_runtime;

// The same while the reader's thread has instances that it loads together.
extern _Thread_local bool kit_in_load;

// The store is made by kit_init and outlives what kit_open and kit_close open and close.
void kit_init(struct kit *kit);
void kit_init_with(struct kit *kit, struct pawl_store *store); // takes it over
void kit_init_with_shards(struct kit *kit, struct pawl_store *store, uint32_t shards);
void kit_make(struct kit *kit, struct pawl_store *store, uint32_t shards); // without kit_open
void kit_open(struct kit *kit);
void kit_begin(struct kit *kit); // the same without waiting for it to serve
void kit_close(struct kit *kit);
void kit_finish(struct kit *kit);

// The rest of kit_close, after pawl__node_close(node, kit_note, &kit->closed).
void kit_note(void *arg);
void kit_close_rest(struct kit *kit);

void kit_spin(struct kit *kit);
void kit_spin_beside(struct kit *kit); // without waiting
void kit_rest(struct kit *kit, int milliseconds);

void kit_shut(struct kit *kit, bool shut);
void kit_shut_reads(struct kit *kit, bool shut);
void kit_fail_commit(struct kit *kit, enum gate_fault fault);
void kit_fail_loads(struct kit *kit, int count, enum pawl_err why);

// How many lists and counts were read.
unsigned kit_lists(struct kit *kit);

// How many messages wait in the boxes of the app.
unsigned kit_mail(struct kit *kit);

// How many batches the log holds.
unsigned kit_log_length(struct kit *kit);

// --- workers ------------------------------------------------------------------------------------

void kit_attach(struct kit *kit, struct worker *worker);
void kit_detach(struct kit *kit, struct worker *worker);

// The first item of the worker that is not yet answered, which is taken.
const Pb__WorkItem *kit_take(struct kit *kit, struct worker *worker);

// Makes an answer, which is to be begun.
void kit_prepare_answer(struct kit *kit, struct caller *caller, const char *id, const char *token,
                        Pb__WorkflowAction **actions);

// Answers; the caller is of the answer. |token| NULL: none, as older SDKs do.
void kit_answer(struct kit *kit, struct caller *caller, const char *id, const char *token,
                Pb__WorkflowAction **actions);
void kit_result(struct kit *kit, struct caller *caller, const char *id, int32_t task_id,
                const char *token, const char *result);

// Waits for a turn of |id|, answers it, and waits for the answer to be durable.
void kit_turn(struct kit *kit, struct worker *worker, const char *id, Pb__WorkflowAction **actions);

Pb__WorkflowAction *kit_task(struct kit *kit, int32_t id, const char *name);
Pb__WorkflowAction *kit_timer(struct kit *kit, int32_t id, int64_t fire_at);
Pb__WorkflowAction *kit_child(struct kit *kit, int32_t id); // the instance "child<id>"
Pb__WorkflowAction *kit_complete(struct kit *kit, int32_t id, const char *result);
Pb__WorkflowAction *kit_continue(struct kit *kit, int32_t id);

// --- callers ------------------------------------------------------------------------------------

// Begins the call that was made of |caller|.
void kit_call(struct kit *kit, struct caller *caller);

void kit_start(struct kit *kit, struct caller *caller, const char *id);
void kit_start_named(struct kit *kit, struct caller *caller, const char *id, const char *name);
void kit_get(struct kit *kit, struct caller *caller, const char *id);
void kit_wait(struct kit *kit, struct caller *caller, const char *id, enum pawl_wait wait_for);
void kit_raise(struct kit *kit, struct caller *caller, const char *id, const char *name);
void kit_suspend(struct kit *kit, struct caller *caller, const char *id);
void kit_resume(struct kit *kit, struct caller *caller, const char *id);
void kit_terminate(struct kit *kit, struct caller *caller, const char *id);
void kit_purge(struct kit *kit, struct caller *caller, const char *id, bool force);
void kit_history(struct kit *kit, struct caller *caller, const char *id);
void kit_search(struct kit *kit, struct caller *caller, const struct pawl_query *query);
void kit_tally(struct kit *kit, struct caller *caller, const struct pawl_query *query);
void kit_list(struct kit *kit, struct caller *caller, const struct pawl_snapshot *after,
              size_t max);

// The ids that |caller| was given, with a blank after each.
const char *kit_ids(struct kit *kit, const struct caller *caller);

// Starts |id| and waits for the answer.
void kit_started(struct kit *kit, const char *id);

// Purges |id|, whatever it is doing, and waits for the answer.
void kit_purged(struct kit *kit, const char *id);

// Lets all leave memory.
void kit_to_rest(struct kit *kit);

// Its status; -1 when it does not exist.
int kit_status(struct kit *kit, const char *id);

#endif
