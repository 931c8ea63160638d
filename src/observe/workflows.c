#include "observe/workflows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/quote.h"
#include "engine/events.h"
#include "engine/shard.h"
#include "engine/trace.h"
#include "wire/pb.h"
#include "wire/status.h"
#include "wire/timestamp.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

static const char *const workflows_scope = "durabletask"; // the name of the reference's tracer

// --- notes ---------------------------------------------------------------------------------------

struct span_note {
    struct pawl_note note;
    struct pawl_tracer *tracer;
    struct pawl_span *span;
};

static void workflows_settle(struct pawl_note *note, bool durable) {
    struct span_note *self = (struct span_note *)note;
    if (durable) pawl__tracer_end(self->tracer, self->span);
    free(self->span);
    free(self);
}

// A note of |span|, which is copied. NULL: memory is out, and the span is lost.
static struct span_note *workflows_note(struct pawl_tracer *tracer, const struct pawl_span *span) {
    size_t size;
    struct span_note *note = malloc(sizeof *note);
    struct pawl_span *copy = note ? pawl__span_copy(span, &size) : NULL;
    if (!copy) {
        free(note);
        return NULL;
    }
    *note = (struct span_note){{.settle = workflows_settle}, tracer, copy};
    return note;
}

static void workflows_add(struct pawl_tracer *tracer, const struct pawl_span *span,
                          struct pawl_notes *notes) {
    struct span_note *note = workflows_note(tracer, span);
    if (note) pawl__notes_add(notes, &note->note);
}

// --- encoded events ------------------------------------------------------------------------------

// The numbers of fields are those of proto/history_events.proto.

static struct pawl_str workflows_bytes(struct pawl_str message, unsigned number) {
    struct pawl_pb_field field = {0};
    pawl__pb_find(message, number, &field);
    return field.bytes;
}

// The value of a StringValue field; no data when there is none.
static struct pawl_str workflows_value(struct pawl_str message, unsigned number) {
    struct pawl_pb_field field, value = {.bytes = {"", 0}};
    if (!pawl__pb_find(message, number, &field)) return (struct pawl_str){0};
    pawl__pb_find(field.bytes, 1, &value);
    return value.bytes;
}

static int64_t workflows_time(struct pawl_str stamp) {
    struct pawl_pb_field seconds = {0}, nanos = {0};
    pawl__pb_find(stamp, 1, &seconds);
    pawl__pb_find(stamp, 2, &nanos);
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    at.seconds = (int64_t)seconds.value;
    at.nanos = (int32_t)nanos.value;
    return pawl__timestamp_get(&at);
}

static int64_t workflows_event_time(struct pawl_str event) {
    enum {
        TIMESTAMP = 2
    };
    return workflows_time(workflows_bytes(event, TIMESTAMP));
}

// --- what happened to a workflow -----------------------------------------------------------------

struct workflows_story {
    struct pawl_span_event events[PAWL_SPAN_EVENTS];
    size_t count;
};

static void workflows_tell(struct workflows_story *story, const char *name, struct pawl_str event,
                           struct pawl_attribute first, struct pawl_attribute second) {
    if (story->count == PAWL_SPAN_EVENTS) return;
    struct pawl_span_event *out = &story->events[story->count++];
    *out = (struct pawl_span_event){.name = name, .at = workflows_event_time(event)};
    if (first.key) out->attributes[out->attribute_count++] = first;
    if (second.key) out->attributes[out->attribute_count++] = second;
}

static struct pawl_attribute workflows_reason(struct pawl_str body) {
    struct pawl_str reason = workflows_value(body, 1);
    return (struct pawl_attribute){reason.data ? "reason" : NULL, reason, 0};
}

static struct pawl_str workflows_stall_reason(struct pawl_str body) {
    struct pawl_pb_field field = {0};
    pawl__pb_find(body, 1, &field);
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&pb__stalled_reason__descriptor, (int)field.value);
    return value ? pawl__str(value->name) : PAWL_STR("");
}

// Goes through at most |count| events of |history|.
static void workflows_read_story(struct workflows_story *story, const struct pawl_history *history,
                                 uint32_t count) {
    const struct pawl_attribute none = {0};
    struct pawl_event_view view;
    size_t at = 0;
    for (uint32_t i = 0;
         i < count && pawl__history_next(pawl__buf_str(&history->bytes), &at, &view); i++) {
        struct pawl_pb_field body = pawl__event_body(view.bytes);
        struct pawl_str text;
        switch (body.number) {
        case EVENT(EVENT_RAISED):
            text = workflows_value(body.bytes, 2);
            workflows_tell(story, "Received external event", view.bytes,
                           (struct pawl_attribute){"name", workflows_bytes(body.bytes, 1), 0},
                           (struct pawl_attribute){"size", {0}, (int64_t)text.len});
            break;
        case EVENT(EXECUTION_SUSPENDED):
            workflows_tell(story, "Execution suspended", view.bytes, workflows_reason(body.bytes),
                           none);
            break;
        case EVENT(EXECUTION_RESUMED):
            workflows_tell(story, "Execution resumed", view.bytes, workflows_reason(body.bytes),
                           none);
            break;
        case EVENT(EXECUTION_STALLED):
            workflows_tell(
                story, "Execution stalled", view.bytes,
                (struct pawl_attribute){"reason", workflows_stall_reason(body.bytes), 0},
                (struct pawl_attribute){"description", workflows_bytes(body.bytes, 2), 0});
            break;
        default: break;
        }
    }
}

// --- spans ---------------------------------------------------------------------------------------

static void workflows_add_timer(struct pawl_tracer *tracer, const struct pawl_instance *instance,
                                const struct pawl_trace *own, struct pawl_str event,
                                struct pawl_str body, struct pawl_notes *notes) {
    char fire_at[PAWL_TIME_TEXT];
    struct pawl_pb_field id = {0};
    pawl__pb_find(body, 2, &id);
    pawl__time_format(workflows_time(workflows_bytes(body, 1)), fire_at);
    const struct pawl_attribute attributes[] = {
        {"durabletask.type", PAWL_STR("timer"), 0},
        {"durabletask.fire_at", pawl__str(fire_at), 0},
        {"durabletask.task.task_id", {0}, (int32_t)id.value},
        {"durabletask.task.instance_id", pawl__instance_id(instance), 0},
    };
    struct pawl_span span = {
        .scope = workflows_scope,
        .name = PAWL_STR("timer"),
        .kind = PAWL_SPAN_INTERNAL,
        .self = pawl__trace_part(own, PAWL_TRACE_TIMER, (int32_t)id.value),
        .start = workflows_event_time(event),
        .attributes = attributes,
        .attribute_count = sizeof attributes / sizeof *attributes,
    };
    span.end = span.start;
    memcpy(span.parent, own->span, sizeof span.parent);
    workflows_add(tracer, &span, notes);
}

// Spans of the timers that fired, of the first |count| events from |at| on.
static void workflows_add_timers(struct pawl_tracer *tracer, const struct pawl_instance *instance,
                                 const struct pawl_trace *own, const struct pawl_history *history,
                                 size_t at, uint32_t count, struct pawl_notes *notes) {
    struct pawl_event_view view;
    for (uint32_t i = 0;
         i < count && pawl__history_next(pawl__buf_str(&history->bytes), &at, &view); i++) {
        struct pawl_pb_field body = pawl__event_body(view.bytes);
        if (body.number == EVENT(TIMER_FIRED))
            workflows_add_timer(tracer, instance, own, view.bytes, body.bytes, notes);
    }
}

// The names of patches as a JSON list.
static char *workflows_patches(const struct pawl_instance *instance, struct pawl_arena *arena) {
    struct pawl_buf text = {0};
    for (size_t at = 0; at < instance->patches.len;) {
        struct pawl_str name = pawl__str((const char *)instance->patches.data + at);
        pawl__buf_append(&text, at ? "," : "[", 1);
        pawl__buf_quote(&text, name);
        at += name.len + 1;
    }
    pawl__buf_append(&text, "]", 1);
    char *copy = text.failed ? NULL : pawl__arena_dup(arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

// How a generation ended.
struct workflows_end {
    int64_t started_at, at;
    const char *status;
    struct pawl_str failure; // no data: it did not fail
};

static struct span_note *
workflows_note_end(struct pawl_tracer *tracer, const struct pawl_instance *instance,
                   const Pb__ExecutionStartedEvent *start, const struct workflows_end *end,
                   const struct workflows_story *story, struct pawl_arena *arena) {
    struct pawl_attribute attributes[8] = {
        {"durabletask.type", PAWL_STR("orchestration"), 0},
        {"durabletask.task.name", pawl__str(start->name), 0},
        {"durabletask.task.instance_id", pawl__instance_id(instance), 0},
        {"durabletask.runtime_status", pawl__str(end->status), 0},
    };
    size_t count = 4;
    const char *version = pawl__string_of(start->version);
    if (version && *version)
        attributes[count++] =
            (struct pawl_attribute){"durabletask.task.version", pawl__str(version), 0};
    if (instance->patches.len)
        attributes[count++] = (struct pawl_attribute){
            "applied_patches", pawl__str(workflows_patches(instance, arena)), 0};
    const char *name = pawl__arena_format(arena, "orchestration||%s", start->name);
    struct pawl_trace parent;
    struct pawl_span span = {
        .scope = workflows_scope,
        .name = pawl__str(name),
        .kind = PAWL_SPAN_SERVER,
        .start = end->started_at,
        .end = end->at,
        .attributes = attributes,
        .attribute_count = count,
        .events = story->events,
        .event_count = story->count,
    };
    if (!name || !pawl__trace_of_start(start, &span.self)) return NULL;
    span.state = pawl__str(pawl__string_of(start->parenttracecontext->tracestate));
    // A generation that continue-as-new began is a root, which its context says by naming itself.
    if (pawl__trace_of_context(start->parenttracecontext, &parent) &&
        memcmp(parent.span, span.self.span, sizeof parent.span) != 0)
        memcpy(span.parent, parent.span, sizeof span.parent);
    if (end->failure.data) {
        span.status = PAWL_SPAN_ERROR;
        span.message = end->failure;
    }
    return workflows_note(tracer, &span);
}

static void workflows_add_end(struct pawl_tracer *tracer, const struct pawl_instance *instance,
                              struct pawl_notes *notes) {
    struct pawl_arena arena = {0};
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &arena);
    const Pb__HistoryEvent *last =
        pawl__history_at(&instance->history, instance->final_offset, &arena);
    struct workflows_story *story = pawl__arena_zalloc(&arena, sizeof *story);
    if (start && last && story && last->event_type_case == EVENT(EXECUTION_COMPLETED)) {
        const Pb__TaskFailureDetails *failure = last->executioncompleted->failuredetails;
        struct workflows_end end = {
            .started_at = instance->started_at,
            .at = instance->completed_at,
            .status = pawl__status_name(instance->final_status),
            .failure = pawl__str(failure ? failure->errormessage : NULL),
        };
        workflows_read_story(story, &instance->history, instance->history.count);
        struct span_note *note = workflows_note_end(tracer, instance, start, &end, story, &arena);
        if (note) pawl__notes_add(notes, &note->note);
    }
    pawl__arena_finish(&arena);
}

// --- the observer --------------------------------------------------------------------------------

static struct pawl_tracer *workflows_tracer(struct pawl_observer *observer) {
    return ((struct pawl_workflow_spans *)observer)->tracer;
}

static bool workflows_continues(const Pb__WorkflowResponse *response) {
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        if (action->workflow_action_type_case ==
            PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW)
            return action->completeworkflow->workflowstatus ==
                   PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CONTINUED_AS_NEW;
    }
    return false;
}

// A generation that continues as new leaves no history: its span is made while it is there.
static void workflows_turn_begins(struct pawl_observer *observer,
                                  const struct pawl_instance *instance,
                                  const Pb__WorkflowResponse *response,
                                  struct pawl_turn_mark *mark) {
    *mark = (struct pawl_turn_mark){
        .generation = instance->generation,
        .history = instance->history.bytes.len,
        .is_first = !instance->started_at,
    };
    if (!workflows_continues(response)) return;
    struct pawl_tracer *tracer = workflows_tracer(observer);
    struct pawl_arena arena = {0};
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &arena);
    struct workflows_story *story = pawl__arena_zalloc(&arena, sizeof *story);
    struct pawl_trace own;
    if (start && story && pawl__trace_of_start(start, &own)) {
        struct workflows_end end = {
            .started_at = mark->is_first ? instance->turn_started_at : instance->started_at,
            .status = "CONTINUED_AS_NEW",
        };
        workflows_read_story(story, &instance->history, instance->history.count);
        workflows_read_story(story, &instance->inbox, instance->turn_events);
        workflows_add_timers(tracer, instance, &own, &instance->inbox, 0, instance->turn_events,
                             &mark->ended);
        struct span_note *note = workflows_note_end(tracer, instance, start, &end, story, &arena);
        if (note) pawl__notes_add(&mark->ended, &note->note);
    }
    pawl__arena_finish(&arena);
}

static void workflows_turn_ends(struct pawl_observer *observer,
                                const struct pawl_instance *instance, struct pawl_turn_mark *mark,
                                struct pawl_notes *notes) {
    struct pawl_tracer *tracer = workflows_tracer(observer);
    struct pawl_trace own;
    if (instance->generation != mark->generation) {
        if (mark->ended.first) {
            struct pawl_span *span = ((struct span_note *)mark->ended.last)->span;
            span->end = instance->created_at;
        }
        pawl__notes_move(notes, &mark->ended);
        return;
    }
    pawl__notes_settle(&mark->ended, false); // something else won over it
    if (instance->history.bytes.len == mark->history || !pawl__trace_of_instance(instance, &own))
        return;
    workflows_add_timers(tracer, instance, &own, &instance->history, mark->history, UINT32_MAX,
                         notes);
    if (pawl__instance_completed(instance)) workflows_add_end(tracer, instance, notes);
}

static void workflows_activity_ends(struct pawl_observer *observer,
                                    const struct pawl_instance *instance, int32_t task_id,
                                    int64_t given_at, const Pb__ActivityResponse *response,
                                    struct pawl_notes *notes) {
    // the reference gives the span no error when the activity's code fails
    struct pawl_trace own;
    if (!pawl__trace_of_instance(instance, &own)) return; // first: the name has to be looked for
    struct pawl_str task = pawl__shard_activity_name(instance, task_id);
    if (!task.data) return;
    const struct pawl_attribute attributes[] = {
        {"durabletask.type", PAWL_STR("activity"), 0},
        {"durabletask.task.name", task, 0},
        {"durabletask.task.task_id", {0}, task_id},
        {"durabletask.task.instance_id", pawl__instance_id(instance), 0},
    };
    struct pawl_arena arena = {0};
    const char *name = pawl__arena_format(&arena, "activity||%.*s", PAWL_FMT(task));
    struct pawl_span span = {
        .scope = workflows_scope,
        .name = pawl__str(name),
        .kind = PAWL_SPAN_SERVER,
        .self = pawl__trace_part(&own, PAWL_TRACE_ACTIVITY, task_id),
        .end = pawl__clock_wall(),
        .attributes = attributes,
        .attribute_count = sizeof attributes / sizeof *attributes,
    };
    span.start = given_at && given_at < span.end ? given_at : span.end;
    memcpy(span.parent, own.span, sizeof span.parent);
    if (name) workflows_add(workflows_tracer(observer), &span, notes);
    pawl__arena_finish(&arena);
}

void pawl__workflow_spans_init(struct pawl_workflow_spans *spans, struct pawl_tracer *tracer) {
    *spans = (struct pawl_workflow_spans){
        .observer =
            {
                .turn_begins = workflows_turn_begins,
                .turn_ends = workflows_turn_ends,
                .activity_ends = workflows_activity_ends,
            },
        .tracer = tracer,
    };
}
