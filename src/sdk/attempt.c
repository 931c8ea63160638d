#include "base/clock.h"
#include "engine/events.h"
#include "sdk/execution.h"
#include "wire/pack.h"

// Attempts of an activity or child, and the rests between them (reference 3.8).

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

static bool attempt_of_activity(struct pawl_workflow *wf, struct pawl_task *task,
                                Pb__WorkflowAction *message) {
    Pb__ScheduleTaskAction *body =
        pawl__wire_new(&wf->arena, &pb__schedule_task_action__descriptor);
    if (!body) return false;
    body->name = (char *)task->name;
    body->input = pawl__string_value(&wf->arena, (char *)task->input.data);
    if (task->input.data && !body->input) return false;
    body->taskexecutionid = task->execution_id;
    body->attempt = task->attempt;
    if (task->pass) {
        body->_history_propagation_scope_case =
            PB__SCHEDULE_TASK_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        body->historypropagationscope = (Pb__HistoryPropagationScope)task->pass;
    }
    message->workflow_action_type_case = ACTION(SCHEDULE_TASK);
    message->scheduletask = body;
    return true;
}

static bool attempt_of_child(struct pawl_workflow *wf, struct pawl_task *task,
                             Pb__WorkflowAction *message) {
    Pb__CreateChildWorkflowAction *body =
        pawl__wire_new(&wf->arena, &pb__create_child_workflow_action__descriptor);
    if (!body) return false;
    body->name = (char *)task->name;
    body->input = pawl__string_value(&wf->arena, (char *)task->input.data);
    if (task->input.data && !body->input) return false;
    if (task->pass) {
        body->_history_propagation_scope_case =
            PB__CREATE_CHILD_WORKFLOW_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        body->historypropagationscope = (Pb__HistoryPropagationScope)task->pass;
    }
    if (task->attempt == 1) {
        if (task->instance_id) body->instanceid = (char *)task->instance_id;
    } else {
        Pb__RetryParentInstanceInfo *info =
            pawl__wire_new(&wf->arena, &pb__retry_parent_instance_info__descriptor);
        if (!info) return false;
        info->instanceid = task->execution_id;
        body->_retry_parent_instance_info_case =
            PB__CREATE_CHILD_WORKFLOW_ACTION___RETRY_PARENT_INSTANCE_INFO_RETRY_PARENT_INSTANCE_INFO;
        body->retryparentinstanceinfo = info;
    }
    message->workflow_action_type_case = ACTION(CREATE_CHILD_WORKFLOW);
    message->createchildworkflow = body;
    return true;
}

bool pawl__execution_attempt(struct pawl_workflow *wf, struct pawl_task *task) {
    struct pawl_action *action = pawl__execution_act(wf);
    if (!action) return false;
    task->attempt++;
    task->resting = false;
    bool ok = pawl__execution_route(wf, &action->message, task->app_id) &&
              (task->kind == PAWL_TASK_ACTIVITY ? attempt_of_activity(wf, task, &action->message)
                                                : attempt_of_child(wf, task, &action->message));
    ok = ok && pawl__execution_bind(wf, task, action->message.id);
    if (!ok) wf->nomem = true;
    return ok;
}

// How long to wait before the next attempt; -1: there is none.
static int64_t attempt_retry_delay(const struct pawl_workflow *wf, const struct pawl_task *task) {
    const struct pawl_retry *retry = &task->retry;
    if (task->attempt >= retry->max_attempts || task->failure->is_final) return -1;
    if (retry->handles && !retry->handles(task->failure, retry->arg)) return -1;
    double delay = (double)retry->first_interval;
    for (int i = 1; i < task->attempt && delay < 1e18; i++) delay *= retry->backoff;
    if (retry->max_interval && delay > (double)retry->max_interval)
        delay = (double)retry->max_interval;
    if (delay > 1e18) delay = 1e18;
    if (retry->timeout && wf->now > pawl__clock_add(task->first_at, retry->timeout)) return -1;
    return (int64_t)delay;
}

bool pawl__execution_retry(struct pawl_workflow *wf, struct pawl_task *task) {
    int64_t delay = attempt_retry_delay(wf, task);
    if (delay < 0) return false;
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__CreateTimerAction *timer = pawl__wire_new(&wf->arena, &pb__create_timer_action__descriptor);
    char *name = pawl__arena_format(&wf->arena, "%s-retry", task->name);
    if (!action || !timer || !name) goto nomem;
    timer->fireat = pawl__timestamp(&wf->arena, pawl__clock_add(wf->now, delay));
    timer->_name_case = PB__CREATE_TIMER_ACTION___NAME_NAME;
    timer->name = name;
    if (!timer->fireat) goto nomem;
    if (task->kind == PAWL_TASK_ACTIVITY) {
        Pb__TimerOriginActivityRetry *origin =
            pawl__wire_new(&wf->arena, &pb__timer_origin_activity_retry__descriptor);
        if (!origin) goto nomem;
        origin->taskexecutionid = task->execution_id;
        timer->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_ACTIVITY_RETRY;
        timer->activityretry = origin;
    } else {
        Pb__TimerOriginChildWorkflowRetry *origin =
            pawl__wire_new(&wf->arena, &pb__timer_origin_child_workflow_retry__descriptor);
        if (!origin) goto nomem;
        origin->instanceid = task->execution_id;
        timer->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_CHILD_WORKFLOW_RETRY;
        timer->childworkflowretry = origin;
    }
    action->message.workflow_action_type_case = ACTION(CREATE_TIMER);
    action->message.createtimer = timer;
    task->resting = true;
    pawl__execution_bind(wf, task, action->message.id);
    return true;
nomem:
    wf->nomem = true;
    return true;
}
