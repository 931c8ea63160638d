#ifndef PAWL_TESTS_UNIT_ENGINE_KIT_H
#define PAWL_TESTS_UNIT_ENGINE_KIT_H

// Drives a shard by hand: a clock that tests set, actions in one line each, and histories and
// effects as text. Batches are kept, so that they can be replayed.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "engine/shard.h"

#define STATUS(name)               PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
#define ACTIONS(...)               ((Pb__WorkflowAction *[]){__VA_ARGS__, NULL})
#define NO_ACTIONS                 ((Pb__WorkflowAction *[]){NULL})
#define KIT_START                  INT64_C(1700000000000000000)
#define KIT_NEVER                  INT64_MAX
#define KIT_HISTORY(kit, id, text) assert_string_equal(kit_history(kit, id), text)
#define KIT_EFFECTS(kit, text)     assert_string_equal(kit_effects(kit), text)

struct kit {
    struct pawl_shard shard;
    struct pawl_arena arena; // of all that a test makes
    struct pawl_error error; // of the last command
    int64_t now;
    unsigned uuids;
    struct pawl_batch batches[1024]; // in |arena|
    size_t batch_count;
    const Pb__WorkItem *item; // of the last turn or activity
    Pb__WorkflowResponse response;
    const char *trace, *span; // of instances that are created next; NULL: none
};

// Set while a command runs, for tests that make allocations fail.
extern bool kit_in_engine;

void kit_init(struct kit *kit);
void kit_finish(struct kit *kit);

// A stamp a nanosecond later than the last one.
struct pawl_stamp kit_stamp(struct kit *kit);

// The instance, which must be in memory.
struct pawl_instance *kit_find(struct kit *kit, const char *id);

// --- commands: ids that are needed become ghosts ------------------------------------------------

enum pawl_err kit_create(struct kit *kit, const char *id, const char *name);
enum pawl_err kit_create_with(struct kit *kit, const char *id, const char *name, const char *input,
                              int64_t start_at, bool enforce_unique);
// Runs |source| again from |event_id| as |id|; |fork| (NULL: nothing) says what else is asked for.
enum pawl_err kit_rerun(struct kit *kit, const char *source, int32_t event_id, const char *id,
                        const struct pawl_fork *fork);
enum pawl_err kit_import(struct kit *kit, struct pawl_str history, const char *id);
enum pawl_err kit_raise(struct kit *kit, const char *id, const char *name, const char *input);
enum pawl_err kit_suspend(struct kit *kit, const char *id);
enum pawl_err kit_resume(struct kit *kit, const char *id);
enum pawl_err kit_terminate(struct kit *kit, const char *id, const char *reason, bool recurse);
enum pawl_err kit_purge(struct kit *kit, const char *id, bool recursive, bool force,
                        uint32_t *count);
enum pawl_err kit_result(struct kit *kit, const char *id, int32_t task_id, const char *result);
enum pawl_err kit_failure(struct kit *kit, const char *id, int32_t task_id, const char *text);
enum pawl_err kit_fire(struct kit *kit, int64_t now);

// Ends |id| without a worker, if that can be.
enum pawl_err kit_alone(struct kit *kit, const char *id);

// Gives the turn of |id| to a worker: |kit->item| is what it gets.
void kit_begin(struct kit *kit, const char *id);

// Answers the turn that is out with |actions| (see ACTIONS) and what |kit->response| holds beside
// them, which is cleared afterwards.
enum pawl_err kit_answer(struct kit *kit, const char *id, Pb__WorkflowAction **actions);

// Both at once.
enum pawl_err kit_turn(struct kit *kit, const char *id, Pb__WorkflowAction **actions);

// What a worker is given of a pending activity.
const Pb__ActivityRequest *kit_activity(struct kit *kit, const char *id, int32_t task_id);

// --- actions ------------------------------------------------------------------------------------

Pb__WorkflowAction *kit_task(struct kit *kit, int32_t id, const char *name, const char *input);
Pb__WorkflowAction *kit_timer(struct kit *kit, int32_t id, int64_t fire_at);
Pb__WorkflowAction *kit_event_timer(struct kit *kit, int32_t id, const char *name, int64_t fire_at);
Pb__WorkflowAction *kit_send(struct kit *kit, int32_t id, const char *target, const char *name,
                             const char *data);
Pb__WorkflowAction *kit_stop(struct kit *kit, int32_t id, const char *target, const char *reason,
                             bool recurse);
Pb__WorkflowAction *kit_child(struct kit *kit, int32_t id, const char *instance, const char *name);
Pb__WorkflowAction *kit_detached(struct kit *kit, int32_t id, const char *instance,
                                 const char *name);
Pb__WorkflowAction *kit_complete(struct kit *kit, int32_t id, const char *result);
Pb__WorkflowAction *kit_end(struct kit *kit, int32_t id, int32_t status, const char *result);
Pb__WorkflowAction *kit_continue(struct kit *kit, int32_t id, const char *input);
Pb__WorkflowAction *kit_carry(struct kit *kit, Pb__WorkflowAction *action, const char *event);
Pb__WorkflowAction *kit_bare(struct kit *kit, int32_t id,
                             Pb__WorkflowAction__WorkflowActionTypeCase type, void *body);
// Passes the history on to what |action| calls. |scope|: a HistoryPropagationScope.
Pb__WorkflowAction *kit_pass(Pb__WorkflowAction *action, int scope);
Pb__WorkflowAction *kit_to_app(struct kit *kit, Pb__WorkflowAction *action, const char *app);

Google__Protobuf__StringValue *kit_value(struct kit *kit, const char *text);

// --- what is to be seen -------------------------------------------------------------------------

// "WorkflowStarted ExecutionStarted TaskScheduled(0)": ids are those that the event carries or
// resolves.
const char *kit_history(struct kit *kit, const char *id);
const char *kit_inbox(struct kit *kit, const char *id);
const char *kit_events(struct kit *kit, struct pawl_str bytes);

// "TURN a, ACTIVITY a 0": the effects since the last look, which are then forgotten.
const char *kit_effects(struct kit *kit);

// The |index|th event of the history, decoded.
const Pb__HistoryEvent *kit_event(struct kit *kit, const char *id, unsigned index);

// --- rows ---------------------------------------------------------------------------------------

// Ends the batch under construction and keeps it.
void kit_commit(struct kit *kit);

// A whole snapshot of |instance| in |arena|: its history from the first event on.
void kit_snapshot(const struct pawl_instance *instance, struct pawl_arena *arena,
                  struct pawl_snapshot *out);

void kit_assert_same(const struct pawl_snapshot *a, const struct pawl_snapshot *b);

// For pawl__shard_replay: every instance that is asked for is a ghost. |arg|: the shard.
enum pawl_err kit_load_ghost(void *arg, const struct pawl_str *ids, size_t count,
                             struct pawl_error *error);

// Replays all batches into a fresh shard and compares every instance with that of |kit|.
void kit_assert_replays(struct kit *kit);

#endif
