#include "sdk/caller.h"

#include <stdlib.h>

#include "engine/events.h"
#include "sdk/error.h"
#include "sdk/failure.h"
#include "wire/unpack.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

// Where the step that an action began stands among the steps.
struct caller_place {
    int32_t id;
    size_t index;
};

static int caller_compare(const void *a, const void *b) {
    const struct caller_place *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

static struct pawl_text caller_text(const Google__Protobuf__StringValue *value) {
    return pawl_text(pawl__string_of(value));
}

// --- steps --------------------------------------------------------------------------------------

static bool caller_begins(const Pb__HistoryEvent *event, struct pawl_step *step) {
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED):
        *step = (struct pawl_step){.name = event->taskscheduled->name,
                                   .input = caller_text(event->taskscheduled->input)};
        return true;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED): {
        const Pb__ChildWorkflowInstanceCreatedEvent *child = event->childworkflowinstancecreated;
        *step = (struct pawl_step){
            .name = child->name, .child_id = child->instanceid, .input = caller_text(child->input)};
        return true;
    }
    default: return false;
    }
}

// What ended: its action, how, and whether it is a child.
struct caller_end {
    int32_t id;
    bool is_child;
    const Google__Protobuf__StringValue *result;
    bool failed;
    const Pb__TaskFailureDetails *failure;
};

static bool caller_ends(const Pb__HistoryEvent *event, struct caller_end *end) {
    *end = (struct caller_end){0};
    switch (event->event_type_case) {
    case EVENT(TASK_COMPLETED):
        end->id = event->taskcompleted->taskscheduledid;
        end->result = event->taskcompleted->result;
        return true;
    case EVENT(TASK_FAILED):
        end->id = event->taskfailed->taskscheduledid;
        end->failed = true;
        end->failure = event->taskfailed->failuredetails;
        return true;
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
        end->id = event->childworkflowinstancecompleted->taskscheduledid;
        end->is_child = true;
        end->result = event->childworkflowinstancecompleted->result;
        return true;
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED):
        end->id = event->childworkflowinstancefailed->taskscheduledid;
        end->is_child = end->failed = true;
        end->failure = event->childworkflowinstancefailed->failuredetails;
        return true;
    default: return false;
    }
}

// Fills the caller with what its events say. False: memory is out.
static bool caller_fill(struct pawl_arena *arena, struct pawl_caller_events *from) {
    size_t count = 0;
    struct pawl_step *steps = pawl__arena_alloc(arena, (from->count + 1) * sizeof *steps);
    struct caller_place *places = pawl__arena_alloc(arena, (from->count + 1) * sizeof *places);
    if (!steps || !places) return false;
    for (size_t i = 0; i < from->count; i++) {
        const Pb__HistoryEvent *event = from->events[i];
        if (event->event_type_case == EVENT(EXECUTION_STARTED))
            from->caller.input = caller_text(event->executionstarted->input);
        if (!caller_begins(event, &steps[count])) continue;
        places[count] = (struct caller_place){event->eventid, count};
        count++;
    }
    qsort(places, count, sizeof *places, caller_compare); // SDKs give ids in any order
    for (size_t i = 0; i < from->count; i++) {
        struct caller_end end;
        if (!caller_ends(from->events[i], &end)) continue;
        const struct caller_place *place = bsearch(&(struct caller_place){.id = end.id}, places,
                                                   count, sizeof *places, caller_compare);
        if (!place || (steps[place->index].child_id != NULL) != end.is_child) continue;
        struct pawl_step *step = &steps[place->index];
        step->is_done = true;
        step->result = caller_text(end.result);
        if (end.failed && !(step->failure = pawl__failure_unpack(arena, end.failure))) return false;
    }
    from->caller.steps = steps;
    from->caller.step_count = count;
    return true;
}

// --- the chain ----------------------------------------------------------------------------------

static enum pawl_err caller_decode(struct pawl_arena *arena,
                                   const Pb__PropagatedHistoryChunk *chunk,
                                   struct pawl_caller_events *out, const char **why) {
    out->events = pawl__arena_alloc(arena, (chunk->n_rawevents + 1) * sizeof *out->events);
    if (!out->events) return PAWL_E_NOMEM;
    for (size_t i = 0; i < chunk->n_rawevents; i++) {
        struct pawl_str raw = {(const char *)chunk->rawevents[i].data, chunk->rawevents[i].len};
        if (!pawl__wire_check(&pb__history_event__descriptor, raw, why)) return PAWL_E_INVALID;
        out->events[i] = pawl__wire_decode(arena, &pb__history_event__descriptor, raw);
        if (!out->events[i]) return PAWL_E_NOMEM;
    }
    out->count = chunk->n_rawevents;
    return caller_fill(arena, out) ? PAWL_OK : PAWL_E_NOMEM;
}

enum pawl_err pawl__caller_read(struct pawl_arena *arena, const Pb__PropagatedHistory *history,
                                const char *what, const char *name,
                                const struct pawl_caller **out) {
    const struct pawl_caller *before = NULL;
    for (size_t i = 0; history && i < history->n_chunks; i++) {
        const Pb__PropagatedHistoryChunk *chunk = history->chunks[i];
        struct pawl_caller_events *one = pawl__arena_zalloc(arena, sizeof *one);
        const char *why = "";
        enum pawl_err err = one ? caller_decode(arena, chunk, one, &why) : PAWL_E_NOMEM;
        if (err == PAWL_E_INVALID)
            return pawl__sdk_fail(
                err,
                "what %s '%s' was given of the history of workflow '%s' (instance "
                "'%s', app '%s') cannot be read: %s",
                what, name, chunk->workflowname, chunk->instanceid, chunk->appid, why);
        if (err) return pawl__sdk_fail_nomem();
        one->caller.app_id = chunk->appid;
        one->caller.instance_id = chunk->instanceid;
        one->caller.name = chunk->workflowname;
        one->caller.before = before;
        before = &one->caller;
    }
    *out = before;
    return PAWL_OK;
}

const struct pawl_step *pawl_find_step(const struct pawl_caller *caller, const char *name) {
    for (size_t i = caller && name ? caller->step_count : 0; i; i--)
        if (strcmp(caller->steps[i - 1].name, name) == 0) return &caller->steps[i - 1];
    return NULL;
}
