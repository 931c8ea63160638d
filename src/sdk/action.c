#include <stdlib.h>

#include "sdk/execution.h"
#include "wire/pack.h"

// Actions that a workflow asks for, and the tasks that they resolve.

struct pawl_action *pawl__execution_act(struct pawl_workflow *wf) {
    struct pawl_action *action = pawl__arena_alloc(&wf->arena, sizeof *action);
    if (!action) {
        wf->nomem = true;
        return NULL;
    }
    pawl__link_init(&action->link);
    action->optional = false;
    pb__workflow_action__init(&action->message);
    action->message.id = wf->next_id++;
    pawl__list_add(&wf->actions, &action->link);
    return action;
}

bool pawl__execution_bind(struct pawl_workflow *wf, struct pawl_task *task, int32_t id) {
    if (id >= wf->task_cap) {
        int32_t cap = id < 8 ? 16 : id * 2;
        struct pawl_task **tasks = realloc(wf->tasks, (size_t)cap * sizeof *tasks);
        if (!tasks) {
            wf->nomem = true;
            return false;
        }
        memset(tasks + wf->task_cap, 0, (size_t)(cap - wf->task_cap) * sizeof *tasks);
        wf->tasks = tasks;
        wf->task_cap = cap;
    }
    task->id = id;
    wf->tasks[id] = task;
    return true;
}

bool pawl__execution_route(struct pawl_workflow *wf, Pb__WorkflowAction *message,
                           const char *app_id) {
    if (!app_id) return true;
    Pb__TaskRouter *router = pawl__wire_new(&wf->arena, &pb__task_router__descriptor);
    if (!router) return false;
    router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    router->targetappid = (char *)app_id;
    message->_router_case = PB__WORKFLOW_ACTION___ROUTER_ROUTER;
    message->router = router;
    return true;
}
