#ifndef PAWL_RUNTIME_VERBS_H
#define PAWL_RUNTIME_VERBS_H

// What clients ask of an instance. Each verb has a struct that begins with the call, and a function
// that makes it; the caller then sets |call.done| and |call.data| and gives it to pawl__node_call.
// What a verb points to stays as long as the call. Results are put into |arena|.

#include "runtime/calls.h"

// What is told of an instance.
struct pawl_view {
    struct pawl_str id, name;
    bool exists;
    int32_t status; // OrchestrationStatus
    int64_t created_at, updated_at, started_at, completed_at;
    const char *version; // NULL: none
    struct pawl_str custom_status;
    bool has_custom_status;
    Google__Protobuf__StringValue *input, *output; // NULL: none
    Pb__TaskFailureDetails *failure;
    const char *parent_id, *parent_app; // NULL: no parent
    struct pawl_str tags;               // as in a row (wire/rows.h)
};

// Starts the instance |id|. |start| names the workflow and its input. PAWL_E_EXISTS and other
// errors of pawl__shard_create.
struct pawl_start {
    struct pawl_call call;
    Pb__ExecutionStartedEvent *start;
    bool enforce_unique;
    bool is_new;  // the id was drawn for this call: nobody can have used it
    bool started; // once it is done: the first turn is known to be on record, too
};
void pawl__start_init(struct pawl_start *verb, struct pawl_str id, Pb__ExecutionStartedEvent *start,
                      bool enforce_unique);

enum pawl_wait {
    PAWL_WAIT_NOT,       // it is as it is
    PAWL_WAIT_STARTED,   // it has left PENDING
    PAWL_WAIT_COMPLETED, // COMPLETED, FAILED, TERMINATED or CANCELED
    PAWL_WAIT_SUSPENDED, // or completed, or gone
    PAWL_WAIT_RESUMED,   // or completed, or gone
};

// Fills |view|, once the instance is as |wait_for| says. An unknown id is no error (!view.exists)
// with PAWL_WAIT_NOT; else it is waited for, also while the engine reads its state again.
struct pawl_look {
    struct pawl_call call;
    enum pawl_wait wait_for;
    struct pawl_arena *arena; // for |view|; NULL: only the wait counts
    struct pawl_view view;
};
void pawl__look_init(struct pawl_look *verb, struct pawl_str id, enum pawl_wait wait_for,
                     struct pawl_arena *arena);

// Whether |call|, a pawl_look that waits, has |instance| as it wants it. For pawl__calls_recheck.
bool pawl__look_is_met(const struct pawl_call *call, const struct pawl_instance *instance);

// Fills |history| with the instance's committed events, encoded as src/engine/history.h says. What
// waits to be processed is not among them. PAWL_E_NOT_FOUND.
struct pawl_read_history {
    struct pawl_call call;
    struct pawl_arena *arena;
    struct pawl_str history;
};
void pawl__read_history_init(struct pawl_read_history *verb, struct pawl_str id,
                             struct pawl_arena *arena);

// Runs a workflow again, as |fork| says; its |id| is the call's. Errors of pawl__shard_rerun.
struct pawl_rerun_call {
    struct pawl_call call;
    struct pawl_fork fork;
};
void pawl__rerun_init(struct pawl_rerun_call *verb, const struct pawl_fork *fork);

// Hands the instance an event: EventRaised, ExecutionSuspended, ExecutionResumed or
// ExecutionTerminated, of |type| with |body|. Errors of pawl__shard_post.
struct pawl_post {
    struct pawl_call call;
    Pb__HistoryEvent event;
};
void pawl__post_init(struct pawl_post *verb, struct pawl_str id,
                     Pb__HistoryEvent__EventTypeCase type, void *body);

// Removes the instance. Fills |count| with how many were removed. Errors of pawl__shard_purge. A
// recursive one of a client is carried out by family.h, in steps that have |arena|.
struct pawl_purge {
    struct pawl_call call;
    struct pawl_purge_ask ask;
    uint32_t count;
    struct pawl_kin *kin;     // in |arena|; see pawl__shard_purge
    struct pawl_arena *arena; // of who begins the call. NULL: no step
};
void pawl__purge_init(struct pawl_purge *verb, struct pawl_str id, bool recursive, bool force);

// Hands the instance a message of another app; done once that is on record. One that was received
// before does nothing. PAWL_E_INVALID: it is not for this app.
struct pawl_receive {
    struct pawl_call call;
    struct pawl_str letter;        // a pawl.Message
    struct pawl_crossing crossing; // of it, which the caller may fill after pawl__receive_init
    struct pawl_message message;
};

// Reads |letter|, whose texts stay, into |arena|. PAWL_E_CORRUPT, PAWL_E_NOMEM.
enum pawl_err pawl__receive_init(struct pawl_receive *verb, struct pawl_str letter,
                                 struct pawl_arena *arena, struct pawl_error *error);

// Ends |instance|, for which no worker is needed (pawl__shard_end), as soon as what that needs is
// loaded. The call frees itself. NULL: memory is out.
struct pawl_call *pawl__end_create(struct pawl_instance *instance);

#endif
