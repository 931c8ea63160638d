#include "engine/apply.h"
#include "engine/events.h"
#include "sdk/execution.h"
#include "wire/timestamp.h"

// A workflow reads its own history again with each turn: what it has asked for, and when turns
// began. Nothing is kept of these events, so they are compared as they are encoded. All that is not
// as expected is left to those who decode it and know what to say.

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

struct encoded_event {
    int32_t id;
    struct pawl_str stamp;
    struct pawl_pb_field body;
};

static struct encoded_event encoded_read(struct pawl_str bytes) {
    enum {
        ID = 1,
        TIMESTAMP = 2,
        ROUTER = 30
    };
    struct encoded_event event = {0};
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        switch (field.number) {
        case ID: event.id = (int32_t)field.value; break;
        case TIMESTAMP: event.stamp = field.bytes; break;
        case ROUTER: break;
        default: event.body = field; break;
        }
    }
    return event;
}

static int64_t encoded_time(struct pawl_str bytes) {
    enum {
        SECONDS = 1
    };
    Google__Protobuf__Timestamp stamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        if (field.number == SECONDS)
            stamp.seconds = (int64_t)field.value;
        else
            stamp.nanos = (int32_t)field.value;
    }
    return pawl__timestamp_get(&stamp);
}

// Whether the TimerCreated |body| is what |action| asked for.
static bool encoded_is_timer(struct pawl_str body, const struct pawl_action *action) {
    enum {
        FIRE_AT = 1,
        RERUN = 3,
        EVENT_NAME = 1 // of TimerOriginExternalEvent
    };
    if (action->message.workflow_action_type_case != ACTION(CREATE_TIMER)) return false;
    struct pawl_pb_reader reader = pawl__pb_reader(body);
    struct pawl_pb_field field, name = {0};
    bool endless = false, awaits = false;
    while (pawl__pb_next(&reader, &field)) {
        if (field.number == RERUN) return false;
        if (field.number == FIRE_AT) endless = encoded_time(field.bytes) == INT64_MAX;
        if (field.number != PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT) continue;
        awaits = true;
        pawl__pb_find(field.bytes, EVENT_NAME, &name);
    }
    if (action->optional != (endless && awaits)) return false;
    return !action->optional ||
           pawl__str_equal_nocase(name.bytes,
                                  pawl__str(action->message.createtimer->externalevent->name));
}

// Whether the TaskScheduled |body| is what |action| asked for, and was done under the id that
// |task| has.
static bool encoded_is_task(struct pawl_str body, const struct pawl_action *action,
                            const struct pawl_task *task) {
    enum {
        NAME = 1,
        EXECUTION_ID = 5,
        RERUN = 6
    };
    if (action->message.workflow_action_type_case != ACTION(SCHEDULE_TASK)) return false;
    struct pawl_pb_reader reader = pawl__pb_reader(body);
    struct pawl_pb_field field, name = {0}, execution_id = {0};
    while (pawl__pb_next(&reader, &field)) {
        if (field.number == RERUN) return false;
        if (field.number == NAME) name = field;
        if (field.number == EXECUTION_ID) execution_id = field;
    }
    return pawl__str_equal(name.bytes, pawl__str(action->message.scheduletask->name)) &&
           (!execution_id.bytes.len || !task ||
            pawl__str_equal(execution_id.bytes, pawl__str(task->execution_id)));
}

// Whether |event| is what the code asked for next, which the history confirms then.
static bool encoded_confirm(struct pawl_workflow *wf, const struct encoded_event *event) {
    if (wf->suspended || pawl__list_empty(&wf->actions)) return false;
    struct pawl_action *action = PAWL_CONTAINER(wf->actions.next, struct pawl_action, link);
    if (action->message.id != event->id) return false;
    const struct pawl_task *task = event->id < wf->task_cap ? wf->tasks[event->id] : NULL;
    if (event->body.number == EVENT(TIMER_CREATED)
            ? !encoded_is_timer(event->body.bytes, action)
            : !encoded_is_task(event->body.bytes, action, task))
        return false;
    pawl__list_remove(&action->link);
    return true;
}

bool pawl__execution_feed_encoded(struct pawl_workflow *wf, struct pawl_str bytes, bool past) {
    struct encoded_event event = encoded_read(bytes);
    switch (event.body.number) {
    case EVENT(WORKFLOW_STARTED):
        if (event.body.bytes.len || !event.stamp.len) return false;
        wf->now = encoded_time(event.stamp);
        wf->rerun_from = -1;
        break;
    case EVENT(TIMER_CREATED):
    case EVENT(TASK_SCHEDULED):
        if (!encoded_confirm(wf, &event)) return false;
        break;
    default: return false;
    }
    wf->replaying = past;
    return true;
}
