#include "engine/fork.h"

#include <ctype.h>

#include "engine/apply.h"
#include "engine/fold.h"
#include "engine/trace.h"
#include "wire/fields.h"
#include "wire/pack.h"
#include "wire/unpack.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

struct fork {
    const struct pawl_fork *ask;
    struct pawl_arena *arena;
    struct pawl_instance walk; // what the source waited for when it had come so far; its history is
                               // the source's own
    struct pawl_history *out;
    struct pawl_error *error;
};

static enum pawl_err fork_nomem(const struct fork *fork) {
    return pawl__fail_plain(fork->error, PAWL_E_NOMEM);
}

static enum pawl_err fork_add(struct fork *fork, struct pawl_str event) {
    return pawl__history_add_bytes(fork->out, event) ? PAWL_OK : fork_nomem(fork);
}

static Pb__HistoryEvent *fork_decode(struct fork *fork, uint32_t offset) {
    return pawl__history_at(&fork->walk.history, offset, fork->arena);
}

// --- the source ---------------------------------------------------------------------------------

// Whether the source may be run again, and whether each of its events can be read.
static enum pawl_err fork_check(struct fork *fork) {
    const struct pawl_fork *ask = fork->ask;
    const Pb__ExecutionStartedEvent *start = NULL;
    struct pawl_event_view view;
    bool ended = false;
    size_t at = 0;
    while (pawl__history_next(ask->history, &at, &view)) {
        if (!pawl__wire_check(&pb__history_event__descriptor, view.bytes, NULL)) break;
        Pb__HistoryEvent__EventTypeCase type = pawl__event_type(view.bytes);
        ended = ended || type == EVENT(EXECUTION_COMPLETED);
        if (type != EVENT(EXECUTION_STARTED)) continue;
        const Pb__HistoryEvent *event = fork_decode(fork, view.offset);
        if (!event) return fork_nomem(fork);
        start = event->executionstarted;
    }
    if (at != ask->history.len)
        return pawl__fail(fork->error, PAWL_E_INVALID, "the history of '%s' is damaged",
                          ask->source);
    if (!start || !ended)
        return pawl__fail(fork->error, PAWL_E_INVALID, "'%s' is not in a terminal state",
                          ask->source);
    if (start->parentinstance)
        return pawl__fail(fork->error, PAWL_E_INVALID, "'%s': cannot rerun from child-workflows",
                          ask->source);
    return PAWL_OK;
}

// --- what is kept -------------------------------------------------------------------------------

// A span of its own for the new run. False: memory is out.
static bool fork_trace(struct fork *fork, Pb__ExecutionStartedEvent *start) {
    struct pawl_trace span;
    if (!pawl__trace_of_start(start, &span)) return true;
    // The execution id is random, so its hash is told apart from those of other runs.
    uint64_t seed = UINT64_C(0xcbf29ce484222325);
    for (const char *at = fork->ask->execution_id; *at; at++)
        seed = (seed ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
    pawl__trace_derive(&span, seed, span.span);
    char *text = pawl__arena_alloc(fork->arena, 2 * sizeof span.span + 1);
    if (!text) return false;
    pawl__trace_id_format(span.span, sizeof span.span, text);
    start->workflowspanid = pawl__string_value(fork->arena, text);
    return start->workflowspanid;
}

// The event that began the source now begins the new instance.
static enum pawl_err fork_add_start(struct fork *fork, uint32_t offset) {
    Pb__HistoryEvent *event = fork_decode(fork, offset);
    Pb__WorkflowInstance *self = pawl__wire_new(fork->arena, &pb__workflow_instance__descriptor);
    if (!event || !self) return fork_nomem(fork);
    self->instanceid = (char *)(uintptr_t)fork->ask->id;
    self->executionid = pawl__string_value(fork->arena, (char *)(uintptr_t)fork->ask->execution_id);
    event->executionstarted->workflowinstance = self;
    event->executionstarted->scheduledstarttimestamp = NULL; // its time has come
    if (!self->executionid || !fork_trace(fork, event->executionstarted)) return fork_nomem(fork);
    return pawl__history_add(fork->out, event) ? PAWL_OK : fork_nomem(fork);
}

// An event before the one to begin with: what schedules something waits until that is resolved.
static enum pawl_err fork_pass(struct fork *fork, struct pawl_event_view view) {
    struct pawl_fold fold;
    enum pawl_err err = pawl__fold_history_event(&fork->walk, view, fork->arena, &fold);
    if (err == PAWL_E_INVALID)
        return pawl__fail(fork->error, err, "the history of '%s' uses an id twice",
                          fork->ask->source);
    if (err) return fork_nomem(fork);
    if (fold.resolves) {
        err = fork_add(fork, pawl__history_bytes(&fork->walk.history, fold.resolved.offset));
        if (err) return err;
    }
    if (fold.schedules) return PAWL_OK;
    return pawl__event_type(view.bytes) == EVENT(EXECUTION_STARTED)
               ? fork_add_start(fork, view.offset)
               : fork_add(fork, view.bytes);
}

// --- what is sent anew --------------------------------------------------------------------------

// Adds |event|, which is sent anew. |child_id|: see pawl_fork.
static enum pawl_err fork_add_anew(struct fork *fork, Pb__HistoryEvent *event,
                                   const char *child_id) {
    event->timestamp = pawl__timestamp(fork->arena, fork->ask->now);
    if (!event->timestamp) return fork_nomem(fork);
    if (event->event_type_case == EVENT(CHILD_WORKFLOW_INSTANCE_CREATED)) {
        char *id = child_id ? (char *)(uintptr_t)child_id
                            : pawl__child_default_id(pawl__str(fork->ask->id), event->eventid,
                                                     fork->arena);
        if (!id) return fork_nomem(fork);
        event->childworkflowinstancecreated->instanceid = id;
    }
    return pawl__history_add(fork->out, event) ? PAWL_OK : fork_nomem(fork);
}

static enum pawl_err fork_add_peers(struct fork *fork) {
    static const enum pawl_pending_kind order[][2] = {
        {PAWL_PENDING_TASK, PAWL_PENDING_TASK},
        {PAWL_PENDING_TIMER, PAWL_PENDING_EVENT_TIMER},
        {PAWL_PENDING_CHILD, PAWL_PENDING_CHILD},
    };
    const struct pawl_pending_list *pending = &fork->walk.pending;
    for (size_t kind = 0; kind < sizeof order / sizeof *order; kind++)
        for (uint32_t i = 0; i < pending->len; i++) {
            const struct pawl_pending *item = &pending->items[i];
            if (item->kind != order[kind][0] && item->kind != order[kind][1]) continue;
            Pb__HistoryEvent *event = fork_decode(fork, item->offset);
            if (!event) return fork_nomem(fork);
            enum pawl_err err = fork_add_anew(fork, event, NULL);
            if (err) return err;
        }
    return PAWL_OK;
}

static enum pawl_err fork_refuse_child_id(const struct fork *fork, const char *what) {
    return pawl__fail(fork->error, PAWL_E_INVALID,
                      "cannot set new child workflow instance ID on %s event '%d'", what,
                      fork->ask->event_id);
}

// As the reference names it, which is by its Go type.
static enum pawl_err fork_refuse(const struct fork *fork, const Pb__HistoryEvent *event) {
    const ProtobufCFieldDescriptor *field =
        pawl__field_find(&pb__history_event__descriptor, (unsigned)event->event_type_case);
    const char *name = field ? field->name : "?";
    return pawl__fail(fork->error, PAWL_E_NOT_FOUND,
                      "target event '*protos.HistoryEvent_%c%s' with ID '%d' is not an event that "
                      "can be rerun",
                      toupper((unsigned char)*name), name + 1, fork->ask->event_id);
}

// Marks |event| as the one that is run again.
static enum pawl_err fork_mark(struct fork *fork, Pb__HistoryEvent *event) {
    const struct pawl_fork *ask = fork->ask;
    Google__Protobuf__StringValue *input =
        pawl__string_value(fork->arena, (char *)(uintptr_t)ask->input);
    Pb__RerunParentInstanceInfo *info =
        pawl__wire_new(fork->arena, &pb__rerun_parent_instance_info__descriptor);
    if (!info || (ask->input && !input)) return fork_nomem(fork);
    info->instanceid = (char *)(uintptr_t)ask->source;
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED):
        if (ask->child_id) return fork_refuse_child_id(fork, "activity");
        if (ask->overwrites_input) event->taskscheduled->input = input;
        event->taskscheduled->_rerun_parent_instance_info_case =
            PB__TASK_SCHEDULED_EVENT___RERUN_PARENT_INSTANCE_INFO_RERUN_PARENT_INSTANCE_INFO;
        event->taskscheduled->rerunparentinstanceinfo = info;
        return PAWL_OK;
    case EVENT(TIMER_CREATED):
        if (ask->overwrites_input)
            return pawl__fail(fork->error, PAWL_E_INVALID, "cannot write input to timer event '%d'",
                              ask->event_id);
        if (ask->child_id) return fork_refuse_child_id(fork, "timer");
        event->timercreated->_rerun_parent_instance_info_case =
            PB__TIMER_CREATED_EVENT___RERUN_PARENT_INSTANCE_INFO_RERUN_PARENT_INSTANCE_INFO;
        event->timercreated->rerunparentinstanceinfo = info;
        return PAWL_OK;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED): {
        Pb__ChildWorkflowInstanceCreatedEvent *child = event->childworkflowinstancecreated;
        if (ask->overwrites_input) child->input = input;
        child->_rerun_parent_instance_info_case =
            PB__CHILD_WORKFLOW_INSTANCE_CREATED_EVENT___RERUN_PARENT_INSTANCE_INFO_RERUN_PARENT_INSTANCE_INFO;
        child->rerunparentinstanceinfo = info;
        return PAWL_OK;
    }
    case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED):
        return pawl__fail(fork->error, PAWL_E_INVALID,
                          "event '%d' is a detached workflow spawn and cannot be rerun: detached "
                          "spawns are fire-and-forget and have no replayable continuation in the "
                          "caller",
                          ask->event_id);
    default: return fork_refuse(fork, event);
    }
}

static enum pawl_err fork_walk(struct fork *fork) {
    const struct pawl_fork *ask = fork->ask;
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(ask->history, &at, &view)) {
        Pb__HistoryEvent *event = fork_decode(fork, view.offset);
        if (!event) return fork_nomem(fork);
        enum pawl_err err;
        if (event->eventid != ask->event_id) {
            if ((err = fork_pass(fork, view))) return err;
            continue;
        }
        err = fork_mark(fork, event);
        if (!err) err = fork_add_peers(fork);
        return err ? err : fork_add_anew(fork, event, ask->child_id);
    }
    return pawl__fail(fork->error, PAWL_E_NOT_FOUND, "does not have history event with ID '%d'",
                      ask->event_id);
}

enum pawl_err pawl__fork_build(const struct pawl_fork *ask, struct pawl_arena *arena,
                               struct pawl_history *out, struct pawl_error *error) {
    struct fork fork = {.ask = ask, .arena = arena, .out = out, .error = error};
    fork.walk.history.bytes.data = (uint8_t *)(uintptr_t)ask->history.data;
    fork.walk.history.bytes.len = ask->history.len;
    enum pawl_err err = fork_check(&fork);
    if (!err) err = fork_walk(&fork);
    pawl__pending_clear(&fork.walk.pending);
    if (err) pawl__history_finish(out);
    return err;
}
