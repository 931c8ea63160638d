#ifndef PAWL_ENGINE_SHARD_H
#define PAWL_ENGINE_SHARD_H

// The heart: commands in, log records and effects out. No socket, clock, thread or file.
//
//   command ──► decide: may it be? ──► record(s) ──► apply(instance, record) ──► effects
//                                        │
//                                        └► the batch under construction, one log row
//
// Three rules make recovery simple:
//
//  1. A record changes exactly one instance, the one it names. What a turn does to others (start a
//     child, answer a parent, end children) are records of their own, in the same batch. So an
//     instance's state is a fold over its own records, and a snapshot of it may be of any position.
//  2. Apply looks at nothing but the instance and the record: time and randomness are stamped in.
//  3. Effects come only from commands. Replay has none; what is outstanding is derived from the
//     state that it arrives at.
//
// What instances tell each other are messages (message.h). Those for instances of this shard are
// received in the batch that holds their sender's turn; those for others, and for other apps, are
// left as mail, which the caller puts into the store's mailbox in the commit of that batch, and
// gives to pawl__shard_receive of the other shard after it. Replay leaves none.
//
// A command that needs an instance which is not in memory answers PAWL_E_NEEDED and leaves its id
// in |needed|; nothing has changed then. The caller loads it (pawl__shard_restore, or
// pawl__shard_ghost when the store has none) and gives the command again. What the command will ask
// for then is in |also|: who loads that, too, does not have it asked for one after the other.
//
// A command does all or nothing: it reserves before it changes anything. One cannot: when memory
// runs out between a turn and what it tells others in this shard, |failed| is set. Memory is then
// not what the log would say, and the shard has to be dropped and read again.
//
// Nothing that a worker, a client or a row says makes a shard fail: what cannot be done is an error
// of the call, or stalls the instance that it was about.

#include "base/clock.h"
#include "base/err.h"
#include "base/map.h"
#include "base/tree.h"
#include "engine/fork.h"
#include "engine/instance.h"
#include "engine/message.h"
#include "engine/observer.h"
#include "engine/received.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"
#include "wire/rows.h"

enum pawl_effect_type {
    PAWL_EFFECT_TURN,     // the instance has events to process; may be offered before the log holds
    PAWL_EFFECT_ACTIVITY, // |task_id| is to be run; not before the log holds it
    PAWL_EFFECT_CHANGED,  // the status may have changed; tell waiters once the log holds it
    PAWL_EFFECT_PURGED,
    PAWL_EFFECT_END,                // no worker is needed to end it: see pawl__shard_end
    PAWL_EFFECT_STALLED,            // for a reason that is new: |stall_text| of the instance
    PAWL_EFFECT_DROPPED,            // a message of the instance had nowhere to go: |text| says why
    PAWL_EFFECT_ACTIVITY_ELSEWHERE, // as ACTIVITY, by workers of another app
};

struct pawl_effect {
    enum pawl_effect_type type;
    int32_t task_id;
    struct pawl_instance *instance; // a reference, which passes to who takes the effect
    uint64_t generation;            // of the instance; a task's id means another one in the next
    char *text;                     // the heap's, and passes to who takes the effect; or NULL
};

// How large things may become, in bytes. An event or answer is part of a batch, and what waits in
// an instance for a worker is part of each of its snapshots; a row of a store has a limit.
struct pawl_limits {
    size_t event;   // of one event from outside, and of one answer to a turn
    size_t raised;  // clients may raise no more events while more than this waits
    size_t results; // a result that would make more than this wait becomes a failure
    size_t name;    // of one name or id in an action
    size_t batch;   // a batch of as many takes no more commands, see pawl__shard_is_full
    size_t message; // of one message to a worker, 95 % of which may be used; 0: not known
};

struct pawl_need {
    struct pawl_need *next;
    char *id;
};

struct pawl_shard {
    struct pawl_map instances; // by id
    uint32_t number, count;    // of the app's shards; see pawl__shard_of
    struct pawl_heap timers;
    struct pawl_tree by_created;   // of those that exist: the order of lists
    struct pawl_mailbag mail;      // of the batch under construction
    struct pawl_origin origin;     // of letters to other apps; the caller's to fill
    struct pawl_received received; // letters of other apps
    struct pawl_buf batch;         // the records since the last pawl__shard_take_batch
    uint32_t batch_records;        // in it
    uint64_t position;             // of the batch under construction
    struct pawl_effect *effects;
    size_t effect_count, effect_cap;
    struct pawl_arena arena;        // scratch of one command
    uint64_t marks;                 // see pawl_instance.mark
    struct pawl_limits limits;      // pawl__shard_init sets them
    struct pawl_observer *observer; // NULL: none; may be set after pawl__shard_init
    struct pawl_listener *listener; // the same
    struct pawl_notes notes; // of the batch under construction; the caller takes them with it
    char *app_id;
    const char *namespace;  // the app's; the caller's. NULL: not known
    char *needed;           // see PAWL_E_NEEDED; in |arena|
    struct pawl_need *also; // the same
    int64_t stamped;        // the last time that pawl__shard_unique_time gave
    uint64_t dropped;       // messages that had nowhere to go
    bool awaits_news;  // pawl__shard_create was refused for a child elsewhere, not known to have
                       // ended
    bool awaits_app;   // and that is of another app
    bool reaches_apps; // what is of other apps can be reached; else it is refused. The caller's
    bool gives_far;    // and activities of other apps given out; else they fail
    bool is_told;      // the listener is told of the changes in the batch under construction
    bool failed;
};

// What is stamped into a command's records.
struct pawl_stamp {
    int64_t now;               // nanoseconds since 1970, never less than that of an earlier command
    char uuid[PAWL_UUID_TEXT]; // random, for turns that start executions; else it may be empty
    int64_t given_at;          // of a result: when its worker was given the activity; 0: not known
};

// |position|: of the last batch in the log. The only shard of its app, unless the caller sets
// |number| and |count|.
bool pawl__shard_init(struct pawl_shard *shard, struct pawl_str app_id, uint64_t position);
void pawl__shard_finish(struct pawl_shard *shard);

// Whether instances with |id| live in this shard.
static inline bool pawl__shard_has(const struct pawl_shard *shard, struct pawl_str id) {
    return shard->count <= 1 || pawl__shard_of(id, shard->count) == shard->number;
}

// A time for something that is told apart by it: no other has the same.
int64_t pawl__shard_unique_time(struct pawl_shard *shard, struct pawl_stamp stamp);

// --- what is in memory --------------------------------------------------------------------------

// The instance, which may be a ghost; NULL when it is not known whether it exists.
struct pawl_instance *pawl__shard_find(const struct pawl_shard *shard, struct pawl_str id);

// Puts a loaded snapshot in memory. PAWL_E_CORRUPT when it cannot be read.
enum pawl_err pawl__shard_restore(struct pawl_shard *shard, const struct pawl_snapshot *snapshot,
                                  struct pawl_instance **out, struct pawl_error *error);

// Notes that |id| does not exist in the store.
enum pawl_err pawl__shard_ghost(struct pawl_shard *shard, struct pawl_str id,
                                struct pawl_instance **out);

// Forgets an instance whose snapshot is current, or a ghost.
void pawl__shard_evict(struct pawl_shard *shard, struct pawl_instance *instance);

// Fills |out|'s columns alone: what lists and filters ask for. Its views are valid until the
// instance changes or |arena| is reset.
bool pawl__shard_columns(const struct pawl_instance *instance, struct pawl_arena *arena,
                         struct pawl_snapshot *out);

// Fills |out| with the state of |instance| for the store. All of it is in |arena|: the instance may
// change while it is being written.
bool pawl__shard_snapshot(const struct pawl_instance *instance, struct pawl_arena *arena,
                          struct pawl_snapshot *out);

// --- commands -----------------------------------------------------------------------------------
//
// Each may give PAWL_E_NEEDED and PAWL_E_NOMEM beside its own errors, and PAWL_E_INVALID for what
// could not be read back from the log (a text that is not UTF-8); |error| gets the text that the
// reference gives to clients. On any error nothing has changed, unless |failed| is set.

// Starts an instance. PAWL_E_EXISTS, PAWL_E_UNKNOWN: texts of the reference (1.2 StartInstance).
// PAWL_E_TOO_LARGE.
enum pawl_err pawl__shard_create(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_str id, Pb__ExecutionStartedEvent *start,
                                 bool enforce_unique, struct pawl_error *error);

// Runs a workflow again from one of its events, or takes one in that has ended elsewhere, under
// |fork->id|, which must be free; sets |fork->execution_id| and |fork->now|. Needs |stamp.uuid|.
// Errors of pawl__fork_build and pawl__import_build;
// PAWL_E_EXISTS; PAWL_E_TOO_LARGE.
enum pawl_err pawl__shard_rerun(struct pawl_shard *shard, struct pawl_stamp stamp,
                                struct pawl_fork *fork, struct pawl_error *error);

// Hands an instance an event of a client: EventRaised, ExecutionSuspended, ExecutionResumed,
// ExecutionTerminated. A completed instance takes and drops it. PAWL_E_NOT_FOUND,
// PAWL_E_PRECONDITION (stalled; but one whose worker's answers cannot be applied can be
// terminated), PAWL_E_TOO_LARGE (by pawl_limits).
enum pawl_err pawl__shard_post(struct pawl_shard *shard, struct pawl_stamp stamp,
                               struct pawl_str id, Pb__HistoryEvent *event,
                               struct pawl_error *error);

// A child in another shard of the app.
struct pawl_kin {
    struct pawl_str id, parent;
    int32_t task; // of the parent, that started it
    struct pawl_kin *next;
};

struct pawl_purge_ask {
    bool recursive;     // its children too, deepest first
    bool force;         // in whatever state they are
    bool asks_kin;      // while it has children in other shards, nothing but tell them
    const char *parent; // only if it is a child of this instance; NULL: whoever it is
    int32_t task;       // of |parent|
};

// Removes an instance that has completed, or has yet to begin at its scheduled time. Counts what
// was removed here. Children in other apps, and unless |asks_kin| those in other shards, are told,
// and removed there if they can be. |kin|: those that stand in the way, in the shard's arena, and
// nothing was done; NULL: none do. What is no child of |ask->parent| is left, and nothing counted.
// PAWL_E_NOT_FOUND, PAWL_E_PRECONDITION.
enum pawl_err pawl__shard_purge(struct pawl_shard *shard, struct pawl_str id,
                                const struct pawl_purge_ask *ask, uint32_t *count,
                                struct pawl_kin **kin, struct pawl_error *error);

// The result of an activity. One that nobody waits for is dropped, with PAWL_OK; one that is too
// large is recorded as a failure that says so.
enum pawl_err pawl__shard_complete_task(struct pawl_shard *shard, struct pawl_stamp stamp,
                                        struct pawl_instance *instance, int32_t task_id,
                                        const Pb__ActivityResponse *response,
                                        struct pawl_error *error);

// The answer of the turn that is out; when none is, it is dropped, with PAWL_OK. |bytes| is the
// encoded |response|. An answer that cannot be applied (an action that is not served, an id that
// was used before) and one that says that the code does not fit stall the instance, with PAWL_OK;
// its turn is held until a worker connects; so does one that asks for an activity which no message
// to a worker has room for (text of the reference, 3.12), or passes on more of the history than can
// be stored. PAWL_E_TOO_LARGE: the turn stays out, for a smaller answer.
enum pawl_err pawl__shard_complete_turn(struct pawl_shard *shard, struct pawl_stamp stamp,
                                        struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, struct pawl_str bytes,
                                        struct pawl_error *error);

// Whether |response| starts executions, and so needs |stamp.uuid|.
bool pawl__shard_turn_starts(const Pb__WorkflowResponse *response);

// Ends an instance that is to be terminated without asking a worker, if
// pawl__instance_ends_alone says so.
enum pawl_err pawl__shard_end(struct pawl_shard *shard, struct pawl_stamp stamp,
                              struct pawl_instance *instance, struct pawl_error *error);

// Does what |message|, which came through the mailbox or from another app, says: the caller then
// removes its row in the commit of the batch under construction, or acknowledges it after that. One
// that was received before does nothing; of those from other apps that is noted (received.h).
enum pawl_err pawl__shard_receive(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  const struct pawl_message *message, struct pawl_error *error);

// |message|, whose letter is in the box, is too large for the other app, as |why| says: its sender
// is told, or who waits for what it says. The caller removes its row in the commit of the batch
// under construction.
enum pawl_err pawl__shard_undelivered(struct pawl_shard *shard, struct pawl_stamp stamp,
                                      const struct pawl_message *message, const char *why,
                                      struct pawl_error *error);

// Notes that an instance cannot go on, once per |text|, and holds its turn.
enum pawl_err pawl__shard_stall(struct pawl_shard *shard, struct pawl_stamp stamp,
                                struct pawl_instance *instance, Pb__StalledReason reason,
                                char *text, struct pawl_error *error);

// Fires the timers that are due at |now| by the wall clock (which may be less than |stamp.now|,
// when it was set back), and offers scheduled starts; those for which the batch has no room follow
// when it was taken. PAWL_E_NEEDED never.
enum pawl_err pawl__shard_fire_timers(struct pawl_shard *shard, int64_t now,
                                      struct pawl_stamp stamp, struct pawl_error *error);

// When the clock next matters; INT64_MAX: never.
int64_t pawl__shard_wake_at(const struct pawl_shard *shard);

// --- turns and activities for workers -----------------------------------------------------------

// Whether a turn of |instance| can be given to a worker now.
bool pawl__shard_turn_ready(const struct pawl_instance *instance, int64_t now);

// Who a turn is for.
struct pawl_turn_to {
    struct pawl_str token;
    uint64_t keeper; // the number of a worker that keeps histories, and is not sent again what it
                     // was sent before; else 0
    bool plain;      // it may speak the protocol's elder dialect, in which the numbers of some
                     // fields mean something else: they are left out
};

// Marks the turn as out and appends its work item to |out|, an encoded WorkItem. Given again after
// pawl__shard_turn_lost it is the same but for what |to| says. False when memory is out.
bool pawl__shard_begin_turn(const struct pawl_shard *shard, struct pawl_instance *instance,
                            struct pawl_stamp stamp, const struct pawl_turn_to *to,
                            struct pawl_buf *out);

// Bytes of the work item that pawl__shard_begin_turn would build, near enough for limits.
size_t pawl__shard_turn_size(const struct pawl_instance *instance);

// The worker that had the turn is gone, or it is not known what it has of the history.
void pawl__shard_turn_lost(struct pawl_instance *instance);

// The name of a pending activity, valid until the instance changes. No data: it is not pending (any
// more).
struct pawl_str pawl__shard_activity_name(const struct pawl_instance *instance, int32_t task_id);

// The app that is to run it; empty: this one.
struct pawl_str pawl__shard_activity_app(const struct pawl_instance *instance, int32_t task_id);

// Bytes of the work item that pawl__shard_activity_item would build, near enough for limits.
size_t pawl__shard_activity_size(const struct pawl_shard *shard,
                                 const struct pawl_instance *instance, int32_t task_id);

// Appends the work item of a pending activity. False when it is not pending (any more).
bool pawl__shard_activity_item(const struct pawl_shard *shard, const struct pawl_instance *instance,
                               int32_t task_id, struct pawl_str token, struct pawl_buf *out);

// Reports as effects all that an instance has outstanding: after it was loaded or replayed.
bool pawl__shard_offer(struct pawl_shard *shard, struct pawl_instance *instance);

// --- the log ------------------------------------------------------------------------------------

// Whether the batch under construction is so large that commands have to wait until it is taken.
// The row of a batch has a limit, and memory; a disk may stand still for long.
static inline bool pawl__shard_is_full(const struct pawl_shard *shard) {
    return shard->batch.len >= shard->limits.batch;
}

// Moves the batch under construction to |out| (which is empty) and gives its position; the next one
// begins. A batch that has mail may have no records. False when there is nothing to write.
bool pawl__shard_take_batch(struct pawl_shard *shard, struct pawl_buf *out, uint64_t *position);

// Moves the mail of the batch that was taken last to |out|, which is empty: to be called right
// after it was taken.
void pawl__shard_take_mail(struct pawl_shard *shard, struct pawl_mailbag *out);

// Applies a batch that was read from the log. |load| puts instances in memory, each as for
// PAWL_E_NEEDED; they are all that the batch needs, each once. Records that an instance's snapshot
// already holds are skipped. PAWL_E_CORRUPT when the batch cannot be read or does not fit the
// state.
typedef enum pawl_err (*pawl_load_fn)(void *arg, const struct pawl_str *ids, size_t count,
                                      struct pawl_error *error);
enum pawl_err pawl__shard_replay(struct pawl_shard *shard, const struct pawl_batch *batch,
                                 pawl_load_fn load, void *arg, struct pawl_error *error);

// After the last batch: PAWL_E_CORRUPT when records had no instance to stand on.
enum pawl_err pawl__shard_replayed(const struct pawl_shard *shard, struct pawl_error *error);

#endif
