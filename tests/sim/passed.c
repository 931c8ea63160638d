// What workflows pass on of their histories: a callee sees what its caller's was at the call, and
// with LINEAGE what that caller had been given itself, whatever happens afterwards. What is passed
// is kept as text here, a line for each chunk, which is made of the log and nothing else.

#include <stdlib.h>

#include "engine/events.h"
#include "sim.h"
#include "wire/unpack.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

enum {
    OWN = 1,
    LINEAGE
};

// The events of a chunk. A WorkflowStarted counts, but its bytes do not: no record has those of the
// last turn.
struct events {
    uint64_t hash;
    unsigned count;
};

static void events_add(struct events *events, struct pawl_str bytes) {
    events->count++;
    if (pawl__event_type(bytes) == EVENT(WORKFLOW_STARTED)) return;
    events->hash = sim_hash_bytes(events->hash * 31 + bytes.len, bytes);
}

static void passed_line(struct pawl_buf *text, const char *app, const char *id, const char *name,
                        struct events events) {
    pawl__buf_format(text, "%s %s %s %u %016llx\n", app, id, name, events.count,
                     (unsigned long long)events.hash);
}

static char *passed_text(struct pawl_buf *text) {
    char *copy = pawl__arena_dup(&sim.arena, pawl__buf_str(text));
    pawl__buf_finish(text);
    return copy;
}

// What somebody was given.
static char *passed_given(const Pb__PropagatedHistory *history) {
    struct pawl_buf text = {0};
    if (history) pawl__buf_format(&text, "%d\n", (int)history->scope);
    for (size_t i = 0; history && i < history->n_chunks; i++) {
        const Pb__PropagatedHistoryChunk *chunk = history->chunks[i];
        struct events events = {0};
        for (size_t k = 0; k < chunk->n_rawevents; k++)
            events_add(&events, (struct pawl_str){(const char *)chunk->rawevents[k].data,
                                                  chunk->rawevents[k].len});
        passed_line(&text, chunk->appid, chunk->instanceid, chunk->workflowname, events);
    }
    return passed_text(&text);
}

// What |caller|, with |events| behind it, passes on with |scope|.
static char *passed_by(const struct pawl_instance *caller, struct events events, int scope) {
    struct pawl_buf text = {0};
    if (!scope) return passed_text(&text);
    const char *given = sim_model_id(pawl__instance_id(caller))->passed;
    pawl__buf_format(&text, "%d\n", scope);
    if (scope == LINEAGE && given && *given)
        pawl__buf_append_str(&text, pawl__str(strchr(given, '\n') + 1));
    passed_line(&text, "app", caller->id, caller->name, events);
    return passed_text(&text);
}

// What the call |id| of |caller| passes on; "" also when the caller's history has no such call.
static char *passed_with(const struct pawl_instance *caller, int32_t id,
                         Pb__HistoryEvent__EventTypeCase type) {
    struct pawl_event_view view;
    struct events events = {0};
    size_t at = 0;
    while (caller && pawl__history_next(pawl__buf_str(&caller->history.bytes), &at, &view)) {
        events_add(&events, view.bytes);
        if (pawl__event_type(view.bytes) != type) continue;
        const Pb__HistoryEvent *event = pawl__history_at(&caller->history, view.offset, &sim.arena);
        if (event->eventid != id) continue;
        return passed_by(caller, events,
                         type == EVENT(TASK_SCHEDULED)
                             ? (int)event->taskscheduled->historypropagationscope
                             : (int)event->childworkflowinstancecreated->historypropagationscope);
    }
    return "";
}

static void passed_set(struct sim_id *id, const char *text) {
    free(id->passed);
    id->passed = pawl__str_dup(pawl__str(text));
    sim.counts.passed += *text != 0;
}

// Whether the log gives |instance| what it is to have.
static void passed_check(const struct pawl_instance *instance, const char *expected) {
    const Pb__PropagatedHistory *history = NULL;
    if (instance->propagated.len)
        history = pawl__wire_unpack(&sim.arena, &pb__propagated_history__descriptor,
                                    pawl__buf_str(&instance->propagated), NULL);
    const char *given = passed_given(history);
    if (strcmp(given, expected) != 0)
        sim_fail("callees_see_the_call", instance->id, "the log gives it '%s', and not '%s'", given,
                 expected);
}

void sim_passed_create(const struct pawl_instance *instance) {
    struct sim_id *id = sim_model_id(pawl__instance_id(instance));
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &sim.arena);
    const Pb__ParentInstanceInfo *parent = start->parentinstance;
    const char *expected = "";
    if (parent)
        expected = passed_with(sim_model_find(pawl__str(parent->workflowinstance->instanceid)),
                               parent->taskscheduledid, EVENT(CHILD_WORKFLOW_INSTANCE_CREATED));
    passed_set(id, expected);
    passed_check(instance, expected);
}

void sim_passed_rerun(const struct pawl_instance *instance) {
    passed_set(sim_model_id(pawl__instance_id(instance)), "");
    passed_check(instance, "");
}

char *sim_passed_next(const struct pawl_instance *instance, uint32_t inbox_events) {
    const char *given = sim_model_id(pawl__instance_id(instance))->passed;
    int scope = given ? atoi(given) : 0;
    struct pawl_event_view view;
    struct events events = {0};
    size_t at = 0;
    if (!scope) return "";
    while (pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view))
        events_add(&events, view.bytes);
    events.count++; // the turn's WorkflowStarted
    for (at = 0; inbox_events--;) {
        pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view);
        events_add(&events, view.bytes);
    }
    return passed_by(instance, events, scope);
}

void sim_passed_continue(const struct pawl_instance *instance, const char *expected) {
    passed_set(sim_model_id(pawl__instance_id(instance)), expected);
    passed_check(instance, expected);
}

void sim_passed_item(const struct sim_daemon *daemon, const Pb__WorkItem *work) {
    const Pb__WorkflowRequest *turn = work->workflowrequest;
    const Pb__ActivityRequest *task = work->activityrequest;
    bool is_turn = work->request_case == PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST;
    const char *id = is_turn ? turn->instanceid : task->workflowinstance->instanceid;
    const char *execution =
        pawl__string_of(is_turn ? turn->executionid : task->workflowinstance->executionid);
    const struct pawl_instance *instance = sim_model_find(pawl__str(id));
    // A turn may be given out before the log has what it is of.
    if (!sim_daemon_owns(daemon) || !instance || !execution || !instance->execution_id ||
        strcmp(instance->execution_id, execution) != 0)
        return;
    const char *expected = is_turn ? sim_model_id(pawl__str(id))->passed
                                   : passed_with(instance, task->taskid, EVENT(TASK_SCHEDULED));
    bool has = is_turn ? turn->_propagated_history_case : task->_propagated_history_case;
    const char *given = passed_given(!has      ? NULL
                                     : is_turn ? turn->propagatedhistory
                                               : task->propagatedhistory);
    if (strcmp(given, expected ? expected : "") != 0)
        sim_fail("callees_see_the_call", id, "%s %d was given '%s', and not '%s'",
                 is_turn ? "turn" : "activity", is_turn ? -1 : task->taskid, given, expected);
}
