#include <stdio.h>

#include "base/clock.h"
#include "engine/events.h"
#include "sdk/error.h"
#include "sdk/execution.h"
#include "wire/pack.h"
#include "wire/timestamp.h"

// What a workflow's function waits for.

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

static struct pawl_task *task_nomem(struct pawl_workflow *wf) {
    pawl__execution_nomem(wf);
    return NULL;
}

static struct pawl_task *task_create(struct pawl_workflow *wf, enum pawl_task_kind kind,
                                     const char *name) {
    struct pawl_task *task = pawl__arena_zalloc(&wf->arena, sizeof *task);
    if (!task) return task_nomem(wf);
    pawl__link_init(&task->link);
    task->wf = wf;
    task->kind = kind;
    task->id = -1;
    task->name = pawl__arena_dup(&wf->arena, pawl__str(name));
    return task->name ? task : task_nomem(wf);
}

static bool task_copy(struct pawl_workflow *wf, const char *text, const char **out) {
    *out = text ? pawl__arena_dup(&wf->arena, pawl__str(text)) : NULL;
    return *out || !text;
}

static enum pawl_err task_check_retry(const struct pawl_retry *retry, const char *name) {
    if (retry->max_attempts > 1 && retry->first_interval <= 0)
        return pawl__sdk_fail(PAWL_E_INVALID,
                              "the retry policy of '%s' has no first_interval, which must be more "
                              "than 0",
                              name);
    if (retry->max_attempts < 0 || retry->backoff < 0 || retry->max_interval < 0 ||
        retry->timeout < 0)
        return pawl__sdk_fail(PAWL_E_INVALID, "the retry policy of '%s' has a negative value",
                              name);
    return PAWL_OK;
}

static enum pawl_err task_check_pass(enum pawl_pass pass, const char *name) {
    if (pass >= PAWL_PASS_NOTHING && pass <= PAWL_PASS_LINEAGE) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_INVALID, "%d is not what can be passed on to '%s'", (int)pass,
                          name);
}

static struct pawl_task *task_call(struct pawl_workflow *wf, enum pawl_task_kind kind,
                                   const char *name, struct pawl_text input,
                                   const struct pawl_call_options *options, const char *what) {
    static const struct pawl_call_options none;
    if (!options) options = &none;
    if (!pawl__execution_is_inside(wf, what) || pawl__sdk_check_name(name, "name") ||
        pawl__sdk_check_payload(input, "input", name) ||
        (options->app_id && pawl__sdk_check_name(options->app_id, "app id")) ||
        (options->instance_id && pawl__sdk_check_name(options->instance_id, "instance id")) ||
        (options->retry && task_check_retry(options->retry, name)) ||
        task_check_pass(options->pass, name))
        return NULL;
    struct pawl_task *task = task_create(wf, kind, name);
    if (!task) return NULL;
    task->retry = options->retry ? *options->retry : (struct pawl_retry){.max_attempts = 1};
    if (task->retry.backoff <= 0) task->retry.backoff = 1;
    task->first_at = wf->now;
    task->pass = options->pass;
    task->input.len = input.len;
    if (input.data)
        task->input.data = pawl__arena_dup(&wf->arena, (struct pawl_str){input.data, input.len});
    task->execution_id = pawl__arena_alloc(&wf->arena, PAWL_UUID_TEXT);
    if ((input.data && !task->input.data) || !task->execution_id ||
        !task_copy(wf, options->app_id, &task->app_id) ||
        !task_copy(wf, options->instance_id, &task->instance_id))
        return task_nomem(wf);
    pawl__execution_uuid(&wf->ids, task->execution_id);
    return pawl__execution_attempt(wf, task) ? task : task_nomem(wf);
}

struct pawl_task *pawl_call_activity(struct pawl_workflow *wf, const char *name,
                                     struct pawl_text input,
                                     const struct pawl_call_options *options) {
    return task_call(wf, PAWL_TASK_ACTIVITY, name, input, options, "pawl_call_activity");
}

struct pawl_task *pawl_call_child(struct pawl_workflow *wf, const char *name,
                                  struct pawl_text input, const struct pawl_call_options *options) {
    return task_call(wf, PAWL_TASK_CHILD, name, input, options, "pawl_call_child");
}

// --- timers and events --------------------------------------------------------------------------

// Adds the action for a timer that |task| waits for. |event|: it bounds the wait for that event; at
// PAWL_FOREVER it only tells that somebody waits.
static struct pawl_task *task_add_timer(struct pawl_workflow *wf, struct pawl_task *task,
                                        int64_t at, const char *event) {
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__CreateTimerAction *timer = pawl__wire_new(&wf->arena, &pb__create_timer_action__descriptor);
    if (!action || !timer) return task_nomem(wf);
    action->optional = event && at == PAWL_FOREVER;
    timer->fireat = pawl__timestamp(&wf->arena, at);
    if (timer->fireat && action->optional) pawl__timestamp_set_never(timer->fireat);
    if (event) {
        Pb__TimerOriginExternalEvent *origin =
            pawl__wire_new(&wf->arena, &pb__timer_origin_external_event__descriptor);
        if (!origin) return task_nomem(wf);
        origin->name = (char *)event;
        timer->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT;
        timer->externalevent = origin;
        timer->_name_case = PB__CREATE_TIMER_ACTION___NAME_NAME;
        timer->name = (char *)event;
    } else {
        Pb__TimerOriginCreateTimer *origin =
            pawl__wire_new(&wf->arena, &pb__timer_origin_create_timer__descriptor);
        if (!origin) return task_nomem(wf);
        timer->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_CREATE_TIMER;
        timer->createtimer = origin;
    }
    action->message.workflow_action_type_case = ACTION(CREATE_TIMER);
    action->message.createtimer = timer;
    if (!timer->fireat || !pawl__execution_bind(wf, task, action->message.id))
        return task_nomem(wf);
    return task;
}

struct pawl_task *pawl_create_timer_at(struct pawl_workflow *wf, int64_t time) {
    if (!pawl__execution_is_inside(wf, "pawl_create_timer")) return NULL;
    struct pawl_task *task = task_create(wf, PAWL_TASK_TIMER, "timer");
    return task ? task_add_timer(wf, task, time, NULL) : NULL;
}

struct pawl_task *pawl_create_timer(struct pawl_workflow *wf, int64_t duration) {
    if (!pawl__execution_is_inside(wf, "pawl_create_timer")) return NULL;
    if (duration < 0) {
        pawl__sdk_fail(PAWL_E_INVALID, "a timer of %lld ns is negative", (long long)duration);
        return NULL;
    }
    return pawl_create_timer_at(wf, pawl__clock_add(wf->now, duration));
}

struct pawl_task *pawl_wait_for_event(struct pawl_workflow *wf, const char *name, int64_t timeout) {
    if (!pawl__execution_is_inside(wf, "pawl_wait_for_event") ||
        pawl__sdk_check_name(name, "event's name"))
        return NULL;
    if (timeout < 0) {
        pawl__sdk_fail(PAWL_E_INVALID, "the timeout for event '%s' is negative", name);
        return NULL;
    }
    struct pawl_task *task = task_create(wf, PAWL_TASK_EVENT, name);
    if (!task) return NULL;
    const Pb__EventRaisedEvent *raised;
    if (!pawl__events_take(&wf->events, &wf->arena, name, &raised)) return task_nomem(wf);
    if (raised) {
        task->done = true;
        task->result = pawl_text(pawl__string_of(raised->input));
        return task;
    }
    if (!timeout) {
        task->done = true;
        task->err = PAWL_E_DEADLINE;
        return task;
    }
    if (!pawl__events_wait(&wf->events, &wf->arena, name, &task->link)) return task_nomem(wf);
    // What is added up to PAWL_FOREVER, the end of all times, has no limit either.
    return task_add_timer(wf, task, pawl__clock_add(wf->now, timeout), task->name);
}

// --- waiting ------------------------------------------------------------------------------------

static const char *const task_kinds[] = {
    [PAWL_TASK_ACTIVITY] = "activity",
    [PAWL_TASK_CHILD] = "child workflow",
    [PAWL_TASK_TIMER] = "timer",
    [PAWL_TASK_EVENT] = "event",
};

// How a task that is done has ended, with its story.
static enum pawl_err task_outcome(const struct pawl_task *task) {
    struct pawl_workflow *wf = task->wf;
    if (!task->err) return PAWL_OK;
    wf->last = task;
    switch (task->err) {
    case PAWL_E_FAILED:
        return pawl__sdk_fail(task->err, "%s '%s' (sequence number %d) of workflow '%s' failed: %s",
                              task_kinds[task->kind], task->name, task->id, wf->name,
                              task->failure->message);
    case PAWL_E_DEADLINE:
        return pawl__sdk_fail(task->err, "event '%s' did not come in time to workflow '%s'",
                              task->name, wf->name);
    default:
        return pawl__sdk_fail(task->err, "the wait for %s '%s' was canceled",
                              task_kinds[task->kind], task->name);
    }
}

// Whether |tasks| may be waited for here.
static enum pawl_err task_check(struct pawl_task *const *tasks, size_t count) {
    const struct pawl_workflow *current = pawl__execution_current();
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i]) {
            enum pawl_err err = pawl_last_error()->code;
            return err ? err : pawl__sdk_fail(PAWL_E_INVALID, "there is no task to wait for");
        }
        if (tasks[i]->wf == current) continue;
        const struct pawl_workflow *wf = tasks[i]->wf;
        return pawl__sdk_fail(
            PAWL_E_PRECONDITION,
            "%s '%s' (sequence number %d) of workflow '%s' (instance '%s') was awaited outside the "
            "workflow's function: only that may wait for it",
            task_kinds[tasks[i]->kind], tasks[i]->name, tasks[i]->id, wf->name, wf->id);
    }
    return PAWL_OK;
}

enum pawl_err pawl_await_all(struct pawl_task *const *tasks, size_t count) {
    PAWL_TRY(task_check(tasks, count));
    if (!count) return PAWL_OK;
    pawl__execution_park(tasks[0]->wf, tasks, count, true);
    for (size_t i = 0; i < count; i++) PAWL_TRY(task_outcome(tasks[i]));
    return PAWL_OK;
}

enum pawl_err pawl_await(struct pawl_task *task) {
    return pawl_await_all(&task, 1);
}

enum pawl_err pawl_await_any(struct pawl_task *const *tasks, size_t count, size_t *index) {
    PAWL_TRY(task_check(tasks, count));
    if (!count) return pawl__sdk_fail(PAWL_E_INVALID, "there is nothing to wait for");
    pawl__execution_park(tasks[0]->wf, tasks, count, false);
    size_t first = 0;
    while (!tasks[first]->done) first++;
    if (index) *index = first;
    return PAWL_OK;
}

bool pawl_is_done(const struct pawl_task *task) {
    return task && task->done;
}

struct pawl_text pawl_result(const struct pawl_task *task) {
    return task && task->done ? task->result : (struct pawl_text){NULL, 0};
}

const struct pawl_failure *pawl_failure(const struct pawl_task *task) {
    return task && task->done ? task->failure : NULL;
}

void pawl_cancel(struct pawl_task *task) {
    if (!task || task->done || !pawl__execution_is_inside(task->wf, "pawl_cancel")) return;
    pawl__list_remove(&task->link);
    task->done = true;
    task->err = PAWL_E_CANCELED;
}

enum pawl_err pawl_call(struct pawl_workflow *wf, const char *activity, struct pawl_text input,
                        const struct pawl_call_options *options, struct pawl_text *result) {
    struct pawl_task *task = pawl_call_activity(wf, activity, input, options);
    enum pawl_err err = pawl_await(task);
    if (result) *result = pawl_result(task);
    return err;
}

enum pawl_err pawl_sleep(struct pawl_workflow *wf, int64_t duration) {
    return pawl_await(pawl_create_timer(wf, duration));
}
