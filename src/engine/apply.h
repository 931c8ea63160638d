#ifndef PAWL_ENGINE_APPLY_H
#define PAWL_ENGINE_APPLY_H

// What a record does to its instance. Shared by commands and replay.
//
// Each function is pure: the same instance and record give the same instance. Each does all of it
// or nothing: on an error the instance is as it was. PAWL_E_NOMEM; PAWL_E_INVALID: the record does
// not fit the instance. Commands check that before they make a record, so to them it is a bug.

#include "engine/instance.h"
#include "engine/message.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"

// What applying a turn brought about beside the new state. Lives in the arena it was applied with.
struct pawl_outcome {
    struct pawl_message *messages, **last; // in the order of the actions
    int32_t *tasks;                        // activities scheduled here
    size_t task_count;
    bool stalled;
    bool told; // stalled, for a reason that the history did not have
};

enum pawl_err pawl__apply_create(struct pawl_instance *instance, const Plog__Create *create,
                                 struct pawl_arena *arena);

// |bytes| is a well-formed HistoryEvent.
enum pawl_err pawl__apply_event(struct pawl_instance *instance, struct pawl_str bytes,
                                struct pawl_arena *arena);

// |response| is that of |record|, decoded.
enum pawl_err pawl__apply_turn(struct pawl_instance *instance, const char *app_id,
                               const Plog__Turn *record, const Pb__WorkflowResponse *response,
                               struct pawl_arena *arena, struct pawl_outcome *outcome);

// Begins the instance with the history of another one: see rerun.c.
enum pawl_err pawl__apply_rerun(struct pawl_instance *instance, const char *app_id,
                                const Plog__Rerun *record, struct pawl_arena *arena,
                                struct pawl_outcome *outcome);

void pawl__apply_purge(struct pawl_instance *instance);

// The id of the child that |action| of |instance| starts; NULL when memory is out.
char *pawl__child_id(const struct pawl_instance *instance, const Pb__WorkflowAction *action,
                     struct pawl_arena *arena);

// The id of a child that was given none, of |parent|'s action |task|.
char *pawl__child_default_id(struct pawl_str parent, int32_t task, struct pawl_arena *arena);

// The other app that |action| is for; NULL: this one.
const char *pawl__action_target_app(const Pb__WorkflowAction *action, const char *app_id);

// Whether the next turn is the first one after a continue-as-new. Its WorkflowStarted says which
// app it is in, as the reference's does.
static inline bool pawl__turn_begins_anew(const struct pawl_instance *instance) {
    return instance->continued && !instance->started_at;
}

// The app that |event| was for, as its router says; NULL: it does not.
static inline const char *pawl__event_app(const Pb__HistoryEvent *event) {
    bool says = event->_router_case && event->router->_target_app_id_case;
    return says && *event->router->targetappid ? event->router->targetappid : NULL;
}

// Whether that is an app other than |app_id|.
static inline bool pawl__is_elsewhere(const Pb__HistoryEvent *event, const char *app_id) {
    const char *app = pawl__event_app(event);
    return app && strcmp(app, app_id) != 0;
}

// The name that an EventSent has in place of an event's, when it confirms a terminate.
#define PAWL_TERMINATE_SENT "ExecutionTerminated"

// Whether the instance that began with |start| is the child that |parent| of |app| started by its
// action |task|.
bool pawl__is_child(const Pb__ExecutionStartedEvent *start, const char *app, const char *parent,
                    int32_t task);

#endif
