#include "observe/timeline.h"

#include <string.h>

#include "base/map.h"
#include "wire/timestamp.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

struct reader {
    struct pawl_arena *arena;
    struct pawl_timeline *out;
    struct pawl_timeline_step **last;
    struct pawl_timeline_pause *suspended; // that has not ended
    struct pawl_timeline_pause **last_pause;
    struct pawl_map by_action; // an action, as reader_id_key says -> the step that waits for it
    struct pawl_map by_work;   // a task execution id, or a child's instance id -> its step
    struct pawl_map by_event;  // an event's name in small letters -> struct waits
    uint32_t number;           // of the event that is read
    int64_t at;                // its time
};

// Waits for events of one name: the first that waits gets the first that comes.
struct waits {
    struct wait *first, **last;
};

struct wait {
    struct pawl_timeline_step *step;
    struct wait *next;
};

static struct pawl_str reader_id_key(struct reader *reader, char prefix, int32_t id) {
    char *key = pawl__arena_alloc(reader->arena, 1 + sizeof id);
    if (!key) return (struct pawl_str){0};
    key[0] = prefix;
    memcpy(key + 1, &id, sizeof id);
    return (struct pawl_str){key, 1 + sizeof id};
}

static struct pawl_str reader_small(struct reader *reader, const char *text) {
    char *copy = pawl__arena_dup(reader->arena, pawl__str(text));
    for (char *at = copy; at && *at; at++)
        if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
    return pawl__str(copy);
}

// A map whose keys could not be made would find the wrong things: the arena's failure ends the
// reading.
static bool reader_put(struct reader *reader, struct pawl_map *map, struct pawl_str key,
                       void *value) {
    return !reader->arena->failed && pawl__map_put(map, key, value);
}

// --- steps --------------------------------------------------------------------------------------

static bool step_add_event(struct reader *reader, struct pawl_timeline_step *step) {
    struct pawl_step_event *event = pawl__arena_alloc(reader->arena, sizeof *event);
    if (!event) return false;
    *event = (struct pawl_step_event){reader->number, NULL};
    *step->last_event = event;
    step->last_event = &event->next;
    return true;
}

static bool step_begin_segment(struct reader *reader, struct pawl_timeline_step *step,
                               enum pawl_segment_state state) {
    struct pawl_segment *segment = pawl__arena_alloc(reader->arena, sizeof *segment);
    if (!segment) return false;
    *segment = (struct pawl_segment){state, reader->at, 0, NULL};
    *step->last_segment = step->running = segment;
    step->last_segment = &segment->next;
    return true;
}

static void step_end_segment(const struct reader *reader, struct pawl_timeline_step *step) {
    if (step->running) step->running->end = reader->at;
    step->running = NULL;
}

static struct pawl_timeline_step *step_create(struct reader *reader, enum pawl_step_kind kind,
                                              const char *name) {
    struct pawl_timeline_step *step = pawl__arena_zalloc(reader->arena, sizeof *step);
    if (!step) return NULL;
    step->kind = kind;
    step->name = name ? name : "";
    step->start = reader->at;
    step->attempts = 1;
    step->last_segment = &step->segments;
    step->last_event = &step->events;
    if (!step_add_event(reader, step)) return NULL;
    *reader->last = step;
    reader->last = &step->next;
    return step;
}

static void step_end(const struct reader *reader, struct pawl_timeline_step *step,
                     enum pawl_step_outcome outcome) {
    step_end_segment(reader, step);
    step->outcome = outcome;
    step->end = reader->at;
}

// Something that takes no time.
static bool step_instant(struct reader *reader, enum pawl_step_kind kind, const char *name,
                         const char *child) {
    struct pawl_timeline_step *step = step_create(reader, kind, name);
    if (!step || !step_begin_segment(reader, step, PAWL_SEGMENT_RUN)) return false;
    step->child = child;
    step_end(reader, step, PAWL_STEP_DONE);
    return true;
}

// A step that runs: a new one, or the next attempt of one that failed. |work| names what all
// attempts have in common; it may be empty.
static struct pawl_timeline_step *step_attempt(struct reader *reader, enum pawl_step_kind kind,
                                               const char *name, int32_t id, const char *work) {
    struct pawl_timeline_step *step =
        work && *work ? pawl__map_get(&reader->by_work, pawl__str(work)) : NULL;
    if (step && step->outcome == PAWL_STEP_FAILED) {
        step->attempts++;
        step->outcome = PAWL_STEP_OPEN;
        step->end = 0;
        step_end_segment(reader, step);
        if (!step_add_event(reader, step)) return NULL;
    } else {
        step = step_create(reader, kind, name);
        if (!step) return NULL;
        if (work && *work && !reader_put(reader, &reader->by_work, pawl__str(work), step))
            return NULL;
    }
    bool ok = step_begin_segment(reader, step, PAWL_SEGMENT_RUN) &&
              reader_put(reader, &reader->by_action, reader_id_key(reader, 'w', id), step);
    return ok ? step : NULL;
}

// The answer to the action |id|. |failure| is NULL when it went well.
static bool step_answer(struct reader *reader, int32_t id, const Pb__TaskFailureDetails *failure,
                        bool failed) {
    struct pawl_str key = reader_id_key(reader, 'w', id);
    if (!key.data) return false;
    struct pawl_timeline_step *step = pawl__map_remove(&reader->by_action, key);
    if (!step) return true; // of an earlier generation, or doubled: nothing waits for it
    if (step->running && failed) step->running->state = PAWL_SEGMENT_FAIL;
    if (failed) step->error = failure && failure->errormessage ? failure->errormessage : "";
    step_end(reader, step, failed ? PAWL_STEP_FAILED : PAWL_STEP_DONE);
    return step_add_event(reader, step);
}

// --- timers and events --------------------------------------------------------------------------

static bool wait_add(struct reader *reader, struct pawl_timeline_step *step) {
    struct pawl_str key = reader_small(reader, step->name);
    if (!key.data) return false;
    struct waits *waits = pawl__map_get(&reader->by_event, key);
    if (!waits) {
        waits = pawl__arena_alloc(reader->arena, sizeof *waits);
        if (!waits) return false;
        *waits = (struct waits){NULL, &waits->first};
        if (!reader_put(reader, &reader->by_event, key, waits)) return false;
    }
    struct wait *wait = pawl__arena_alloc(reader->arena, sizeof *wait);
    if (!wait) return false;
    *wait = (struct wait){step, NULL};
    *waits->last = wait;
    waits->last = &wait->next;
    return true;
}

// The step that an event of this name resolves; NULL when none waits.
static struct pawl_timeline_step *wait_take(struct reader *reader, const char *name) {
    struct pawl_str key = reader_small(reader, name);
    struct waits *waits = key.data ? pawl__map_get(&reader->by_event, key) : NULL;
    while (waits && waits->first) {
        struct pawl_timeline_step *step = waits->first->step;
        waits->first = waits->first->next;
        if (!waits->first) waits->last = &waits->first;
        if (step->outcome == PAWL_STEP_OPEN) return step; // else its time was over
    }
    return NULL;
}

static bool read_timer(struct reader *reader, int32_t id, const Pb__TimerCreatedEvent *timer) {
    struct pawl_timeline_step *step = NULL;
    const char *work = NULL;
    if (timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_ACTIVITY_RETRY)
        work = timer->activityretry->taskexecutionid;
    else if (timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_CHILD_WORKFLOW_RETRY)
        work = timer->childworkflowretry->instanceid;
    if (work && *work) step = pawl__map_get(&reader->by_work, pawl__str(work));
    bool retries = step && step->outcome == PAWL_STEP_FAILED;
    int64_t due = timer->fireat ? pawl__timestamp_get(timer->fireat) : reader->at;
    if (retries) {
        if (!step_add_event(reader, step)) return false;
    } else {
        bool awaits = timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT;
        const char *name = awaits              ? timer->externalevent->name
                           : timer->_name_case ? timer->name
                                               : "";
        step = step_create(reader, awaits ? PAWL_STEP_EVENT : PAWL_STEP_TIMER, name);
        if (!step || (awaits && !wait_add(reader, step))) return false;
    }
    step->until = due;
    return step_begin_segment(reader, step, PAWL_SEGMENT_WAIT) &&
           reader_put(reader, &reader->by_action, reader_id_key(reader, 't', id), step);
}

static bool read_fired(struct reader *reader, const Pb__TimerFiredEvent *fired) {
    struct pawl_str key = reader_id_key(reader, 't', fired->timerid);
    if (!key.data) return false;
    struct pawl_timeline_step *step = pawl__map_remove(&reader->by_action, key);
    if (!step) return true;
    step_end_segment(reader, step);
    // The back-off of something that failed is over: its next attempt opens it again.
    if (step->outcome == PAWL_STEP_OPEN)
        step_end(reader, step, step->kind == PAWL_STEP_EVENT ? PAWL_STEP_FAILED : PAWL_STEP_DONE);
    return step_add_event(reader, step);
}

static bool read_raised(struct reader *reader, const Pb__EventRaisedEvent *raised) {
    struct pawl_timeline_step *step = wait_take(reader, raised->name);
    if (reader->arena->failed) return false;
    if (!step) return step_instant(reader, PAWL_STEP_EVENT, raised->name, NULL);
    step_end(reader, step, PAWL_STEP_DONE);
    return step_add_event(reader, step);
}

// --- the whole ----------------------------------------------------------------------------------

// The app that does what |event| schedules; NULL: the same.
static const char *read_app(const Pb__HistoryEvent *event) {
    const Pb__TaskRouter *router = event->router;
    const char *app = router ? router->targetappid : NULL;
    return app && *app && strcmp(app, router->sourceappid) != 0 ? app : NULL;
}

static bool read_activity(struct reader *reader, const Pb__HistoryEvent *event) {
    const Pb__TaskScheduledEvent *task = event->taskscheduled;
    struct pawl_timeline_step *step =
        step_attempt(reader, PAWL_STEP_ACTIVITY, task->name, event->eventid, task->taskexecutionid);
    if (step) step->app = read_app(event);
    return step;
}

static bool read_child(struct reader *reader, const Pb__HistoryEvent *event) {
    const Pb__ChildWorkflowInstanceCreatedEvent *child = event->childworkflowinstancecreated;
    const char *first = child->instanceid;
    if (child->_retry_parent_instance_info_case && child->retryparentinstanceinfo &&
        child->retryparentinstanceinfo->instanceid && *child->retryparentinstanceinfo->instanceid)
        first = child->retryparentinstanceinfo->instanceid;
    struct pawl_timeline_step *step =
        step_attempt(reader, PAWL_STEP_CHILD, child->name, event->eventid, first);
    if (!step) return false;
    step->child = child->instanceid;
    step->app = read_app(event);
    return true;
}

static bool read_suspended(struct reader *reader) {
    if (reader->suspended) return true;
    struct pawl_timeline_pause *pause = pawl__arena_alloc(reader->arena, sizeof *pause);
    if (!pause) return false;
    *pause = (struct pawl_timeline_pause){reader->at, 0, NULL};
    *reader->last_pause = reader->suspended = pause;
    reader->last_pause = &pause->next;
    return true;
}

static void read_resumed(struct reader *reader) {
    if (reader->suspended) reader->suspended->end = reader->at;
    reader->suspended = NULL;
}

static void read_end(struct reader *reader) {
    reader->out->end = reader->at;
    read_resumed(reader);
    for (struct pawl_timeline_step *step = reader->out->steps; step; step = step->next)
        if (step->outcome == PAWL_STEP_OPEN) step_end(reader, step, PAWL_STEP_DROPPED);
}

static bool read_event(struct reader *reader, const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED): return read_activity(reader, event);
    case EVENT(TASK_COMPLETED):
        return step_answer(reader, event->taskcompleted->taskscheduledid, NULL, false);
    case EVENT(TASK_FAILED):
        return step_answer(reader, event->taskfailed->taskscheduledid,
                           event->taskfailed->failuredetails, true);
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED): return read_child(reader, event);
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
        return step_answer(reader, event->childworkflowinstancecompleted->taskscheduledid, NULL,
                           false);
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED):
        return step_answer(reader, event->childworkflowinstancefailed->taskscheduledid,
                           event->childworkflowinstancefailed->failuredetails, true);
    case EVENT(TIMER_CREATED): return read_timer(reader, event->eventid, event->timercreated);
    case EVENT(TIMER_FIRED): return read_fired(reader, event->timerfired);
    case EVENT(EVENT_RAISED): return read_raised(reader, event->eventraised);
    case EVENT(EVENT_SENT):
        return step_instant(reader, PAWL_STEP_SENT, event->eventsent->name,
                            event->eventsent->instanceid);
    case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED):
        return step_instant(reader, PAWL_STEP_DETACHED,
                            event->detachedworkflowinstancecreated->instanceid,
                            event->detachedworkflowinstancecreated->instanceid);
    case EVENT(EXECUTION_SUSPENDED): return read_suspended(reader);
    case EVENT(EXECUTION_RESUMED): read_resumed(reader); return true;
    case EVENT(EXECUTION_COMPLETED): read_end(reader); return true;
    default: return true;
    }
}

bool pawl__timeline_read(Pb__HistoryEvent *const *events, size_t count, struct pawl_arena *arena,
                         struct pawl_timeline *out) {
    *out = (struct pawl_timeline){.events = (uint32_t)count};
    struct reader reader = {
        .arena = arena, .out = out, .last = &out->steps, .last_pause = &out->suspended};
    bool ok = true;
    for (; ok && reader.number < count; reader.number++) {
        const Pb__HistoryEvent *event = events[reader.number];
        if (event->timestamp) reader.at = pawl__timestamp_get(event->timestamp);
        if (!out->start) out->start = reader.at;
        bool stalls = event->event_type_case == EVENT(EXECUTION_STALLED);
        out->stalled = stalls ? event->executionstalled->description : NULL;
        ok = read_event(&reader, event);
    }
    pawl__map_finish(&reader.by_action);
    pawl__map_finish(&reader.by_work);
    pawl__map_finish(&reader.by_event);
    return ok;
}

int32_t pawl__timeline_failed(const struct pawl_timeline *timeline,
                              Pb__HistoryEvent *const *events) {
    int32_t id = 0;
    for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next)
        if (step->outcome == PAWL_STEP_FAILED &&
            (step->kind == PAWL_STEP_ACTIVITY || step->kind == PAWL_STEP_CHILD))
            id = events[step->events->number]->eventid;
    return id;
}

// --- names --------------------------------------------------------------------------------------

const char *pawl__step_kind_name(enum pawl_step_kind kind) {
    static const char *const names[] = {
        [PAWL_STEP_ACTIVITY] = "activity", [PAWL_STEP_CHILD] = "child",
        [PAWL_STEP_TIMER] = "timer",       [PAWL_STEP_EVENT] = "event",
        [PAWL_STEP_SENT] = "sent",         [PAWL_STEP_DETACHED] = "detached",
    };
    return names[kind];
}

const char *pawl__step_outcome_name(enum pawl_step_outcome outcome) {
    static const char *const names[] = {
        [PAWL_STEP_OPEN] = "open",
        [PAWL_STEP_DONE] = "done",
        [PAWL_STEP_FAILED] = "failed",
        [PAWL_STEP_DROPPED] = "dropped",
    };
    return names[outcome];
}

const char *pawl__segment_state_name(enum pawl_segment_state state) {
    static const char *const names[] = {
        [PAWL_SEGMENT_RUN] = "run",
        [PAWL_SEGMENT_FAIL] = "fail",
        [PAWL_SEGMENT_WAIT] = "wait",
    };
    return names[state];
}
