#ifndef PAWL_ENGINE_INSTANCE_H
#define PAWL_ENGINE_INSTANCE_H

// One workflow instance: a pure function of the log records that name it.
//
//   inbox ──turn──► history          pending: what history scheduled and nothing resolved yet
//
// An event that arrives waits in the inbox. A turn gives history and inbox to a worker; when its
// answer is applied, the events that it saw move to the history, followed by those that the answer
// scheduled.

#include "base/heap.h"
#include "base/list.h"
#include "base/tree.h"
#include "engine/history.h"
#include "engine/pending.h"

enum {
    PAWL_STATUS_NONE = -1
}; // no final status yet

struct pawl_instance {
    struct pawl_heap_node timer;      // in the shard's heap, by the next wake-up
    struct pawl_tree_node by_created; // in the shard's order, by its creation and id
    char *id;
    size_t id_len;
    unsigned refs;     // the shard's, and one for each effect or call that holds it
    bool exists;       // false: known not to exist (a ghost), or purged
    bool linked;       // still in its shard's table
    bool orphan;       // see replay.c
    uint64_t position; // of the last batch that changed it
    uint64_t saved;    // position of its snapshot in the store; 0: it has none
    uint64_t unsaved;  // the first batch that changed it since, or an earlier one; 0: none did
    // Of the run under this id: each start and continue-as-new has a higher one, and none comes
    // twice, also after a purge (a start takes the time as its number, when that is higher).
    uint64_t generation;

    // What the records say.
    int64_t created_at, updated_at, started_at, completed_at; // ns; 0: not yet
    int64_t start_at;                                         // scheduled start; 0: at once
    int32_t final_status; // an OrchestrationStatus once completed, else PAWL_STATUS_NONE
    bool continued;       // this generation began by continue-as-new
    bool suspended;
    bool stalled;
    bool has_custom_status;
    bool terminate_children; // a recursive terminate arrived
    uint32_t start_offset;   // of ExecutionStarted in the history; valid once started_at is set
    uint32_t final_offset;   // of ExecutionCompleted
    char *name;              // of the workflow
    char *execution_id;
    char *version;        // its named version, once a turn has told; NULL
    char *stall_text;     // NULL when not stalled
    int32_t stall_reason; // a StalledReason, when stalled
    uint64_t sent;        // messages that this generation has sent
    struct pawl_buf custom_status;
    struct pawl_buf patches;    // names, each terminated by a zero
    struct pawl_buf propagated; // a PropagatedHistory, of who started it; empty: none
    struct pawl_history history;
    struct pawl_history inbox;
    struct pawl_pending_list pending;
    uint32_t saved_events; // events of this generation's history that the snapshot holds
    size_t saved_bytes;

    // Not in the log: the generation that is known not to be traced, so that its start need not be
    // read for each activity; 0: none is.
    uint64_t untraced;

    // Not in the log: a turn that was given to a worker. It is given again, the same, when the
    // worker is lost.
    bool turn_out;
    bool turn_held;       // it stalled or failed; not offered again until a worker connects
    uint32_t turn_events; // of the inbox
    int64_t turn_started_at;
    bool start_due; // the time of its scheduled start has come, whatever the clock says now

    // Nor this: the beginning of this generation's history that a worker has been given and keeps.
    uint64_t kept_by; // the worker's number; 0: nobody keeps anything
    uint32_t kept_events;
    size_t kept_bytes;

    // Nor this, which is the runtime's: its place among those that rest in memory, and in what a
    // checkpoint writes.
    struct pawl_link rest;
    size_t todo_at;
    size_t rest_bytes; // 0: it has none
    uint64_t mark;     // the last walk over children that came by
};

// An instance that does not exist yet, with one reference. NULL when memory is out.
struct pawl_instance *pawl__instance_create(struct pawl_str id);

struct pawl_instance *pawl__instance_ref(struct pawl_instance *instance);
void pawl__instance_unref(struct pawl_instance *instance);

// Back to a ghost: all that the records said is forgotten, but for the generation.
void pawl__instance_reset(struct pawl_instance *instance);

static inline struct pawl_str pawl__instance_id(const struct pawl_instance *instance) {
    return (struct pawl_str){instance->id, instance->id_len};
}

// Notes that the batch at |position| changes it.
static inline void pawl__instance_changed(struct pawl_instance *instance, uint64_t position) {
    instance->position = position;
    if (!instance->unsaved) instance->unsaved = position;
}

// The OrchestrationStatus of the wire, by the reference's order of precedence.
int32_t pawl__instance_status(const struct pawl_instance *instance);

static inline bool pawl__instance_completed(const struct pawl_instance *instance) {
    return instance->final_status != PAWL_STATUS_NONE;
}

// When it next has to be woken by the clock; INT64_MAX: never.
int64_t pawl__instance_wake_at(const struct pawl_instance *instance);

// Whether it waits for the time of its scheduled start, or for its first turn after that.
static inline bool pawl__instance_is_scheduled(const struct pawl_instance *instance) {
    return instance->exists && instance->start_at && !instance->started_at;
}

// Whether it is to be terminated and no worker has to be asked for that: it has not begun, or no
// worker's answer can be applied (see pawl__shard_end).
bool pawl__instance_ends_alone(const struct pawl_instance *instance);

// It has something to offer to a worker, now or once its log record is durable.
bool pawl__instance_active(const struct pawl_instance *instance);

// Its start event, from the history or from the inbox, decoded into |arena|. NULL when memory is
// out or the rows that it came from are damaged.
Pb__ExecutionStartedEvent *pawl__instance_start(const struct pawl_instance *instance,
                                                struct pawl_arena *arena);

#endif
