#ifndef PAWL_ENGINE_APPLY_H
#define PAWL_ENGINE_APPLY_H

// What a record does to its instance. Shared by commands and replay.
//
// Each function is pure: the same instance and record give the same instance. All return false when
// memory is out or the record does not fit the instance; the shard is then dropped.

#include "engine/instance.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"

// What a turn asks of another instance: to start, or to take an event.
struct pawl_message {
    struct pawl_message *next;
    char *target; // instance id
    Pb__HistoryEvent *event;
    bool create;
    int32_t child_id; // of a child's start: the action's id; -1: detached, nobody waits for it
};

// What applying a turn brought about beside the new state. Lives in the arena it was applied with.
struct pawl_outcome {
    struct pawl_arena *arena;
    struct pawl_message *messages, **last;
    int32_t *tasks; // activities scheduled
    size_t task_count;
    bool stalled;
};

bool pawl__apply_create(struct pawl_instance *instance, const Plog__Create *create,
                        struct pawl_arena *arena);

// |bytes| is a well-formed HistoryEvent.
bool pawl__apply_event(struct pawl_instance *instance, struct pawl_str bytes,
                       struct pawl_arena *arena);

bool pawl__apply_turn(struct pawl_instance *instance, char *app_id, const Plog__Turn *turn,
                      const Pb__WorkflowResponse *response, struct pawl_arena *arena,
                      struct pawl_outcome *outcome);

void pawl__apply_purge(struct pawl_instance *instance);

// The id of the child that |action| of |instance| starts; NULL when memory is out.
char *pawl__child_id(const struct pawl_instance *instance, const Pb__WorkflowAction *action,
                     struct pawl_arena *arena);

// The other app that |action| is for; NULL: this one.
const char *pawl__action_target_app(const Pb__WorkflowAction *action, const char *app_id);

// Whether the next turn is the first one after a continue-as-new. Its WorkflowStarted says which
// app it is in, as the reference's does.
static inline bool pawl__turn_begins_anew(const struct pawl_instance *instance) {
    return instance->continued && !instance->started_at;
}

#endif
