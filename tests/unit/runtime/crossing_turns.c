#include "crossing.h"

#include "engine/events.h"

// What the workflows of the two apps do.

void *crossing_new(struct kit *kit, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(&kit->arena, type->sizeof_message);
    type->message_init(message);
    return message;
}

char crossing_decide(const Pb__WorkflowRequest *turn) {
    const char *id = turn->instanceid, *rest = "";
    int parent, ended = 0;
    bool began = false, terminated = false, raised = false;
    for (int list = 0; list < 2; list++) {
        Pb__HistoryEvent **events = list ? turn->newevents : turn->pastevents;
        for (size_t i = 0; i < (list ? turn->n_newevents : turn->n_pastevents); i++) {
            switch (events[i]->event_type_case) {
            case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED: began = true; break;
            case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED: terminated = true; break;
            case PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED: raised = true; break;
            case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED:
            case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
            case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED: ended++; break;
            default: break;
            }
        }
    }
    if (*id == 'z') return '-';
    if (terminated) return 'x';
    if (*id == 't') return raised ? 'e' : '-';
    if (!is_parent(id, &parent, &rest)) return '-';
    enum crossing_kind kind = parent % KINDS;
    bool calls = !*rest || (kind == NESTED && strcmp(rest, "c") == 0);
    if (calls && !began) return 'b';
    if (!*rest && (kind == PLAIN || kind == PURGED)) return ended == 2 ? 'e' : '-';
    if (calls) return ended ? 'e' : '-';
    return kind == TERMINATED || kind == STOPS ? '-' : 'e';
}

static Pb__WorkflowAction *act(struct kit *kit, int32_t id, const char *app,
                               Pb__WorkflowAction__WorkflowActionTypeCase type, void *body) {
    Pb__WorkflowAction *action = crossing_new(kit, &pb__workflow_action__descriptor);
    action->id = id;
    action->workflow_action_type_case = type;
    action->sendevent = body; // every member of the oneof is a pointer in one union
    if (!app) return action;
    action->_router_case = PB__WORKFLOW_ACTION___ROUTER_ROUTER;
    action->router = crossing_new(kit, &pb__task_router__descriptor);
    action->router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    action->router->targetappid = pawl__arena_dup(&kit->arena, pawl__str(app));
    return action;
}

static Pb__WorkflowAction *act_send(struct kit *kit, int32_t id, int parent, int number) {
    Pb__SendEventAction *body = crossing_new(kit, &pb__send_event_action__descriptor);
    body->instance = crossing_new(kit, &pb__workflow_instance__descriptor);
    body->instance->instanceid = pawl__arena_format(&kit->arena, "z%d", parent % COLLECTORS);
    body->name = "e";
    body->data =
        pawl__string_value(&kit->arena, pawl__arena_format(&kit->arena, "p%d:%d", parent, number));
    return act(kit, id, "far", PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT, body);
}

static Pb__WorkflowAction *act_child(struct kit *kit, int32_t id, const char *app, char *child) {
    Pb__CreateChildWorkflowAction *body =
        crossing_new(kit, &pb__create_child_workflow_action__descriptor);
    body->name = "Any";
    body->instanceid = child;
    return act(kit, id, app, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW, body);
}

static Pb__WorkflowAction *act_task(struct kit *kit, int32_t id) {
    Pb__ScheduleTaskAction *body = crossing_new(kit, &pb__schedule_task_action__descriptor);
    body->name = "work";
    return act(kit, id, "far", PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK, body);
}

static Pb__WorkflowAction *act_detached(struct kit *kit, int32_t id, char *target) {
    Pb__CreateDetachedWorkflowAction *body =
        crossing_new(kit, &pb__create_detached_workflow_action__descriptor);
    body->name = "Any";
    body->instanceid = target;
    return act(kit, id, "far", PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_DETACHED_WORKFLOW,
               body);
}

static Pb__WorkflowAction *act_stop(struct kit *kit, int32_t id, char *target) {
    Pb__TerminateWorkflowAction *body =
        crossing_new(kit, &pb__terminate_workflow_action__descriptor);
    body->instanceid = target;
    return act(kit, id, "far", PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_TERMINATE_WORKFLOW, body);
}

static Pb__WorkflowAction *act_end(struct kit *kit, int32_t id, bool terminated) {
    Pb__CompleteWorkflowAction *body = crossing_new(kit, &pb__complete_workflow_action__descriptor);
    body->workflowstatus = terminated ? STATUS(TERMINATED) : STATUS(COMPLETED);
    return act(kit, id, NULL, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW, body);
}

// The first turn of |id|; how many actions it has.
static size_t begin_actions(struct kit *kit, const char *id, Pb__WorkflowAction **out) {
    int parent = 0;
    const char *rest = "";
    size_t count = 0;
    is_parent(id, &parent, &rest);
    enum crossing_kind kind = parent % KINDS;
    if (*rest) { // of a NESTED one
        out[count++] = act_child(kit, 0, "near", pawl__arena_format(&kit->arena, "%sn", id));
        return count;
    }
    out[count++] = act_send(kit, 0, parent, 0);
    char *child = kind == REFUSED
                      ? pawl__arena_format(&kit->arena, "t%d", parent / KINDS)
                      : pawl__arena_format(&kit->arena, "%s%c", id, kind == STOPS ? 'd' : 'c');
    if (kind == STOPS) {
        out[count++] = act_detached(kit, 1, child);
        out[count++] = act_stop(kit, 2, child);
        out[count++] = act_send(kit, 3, parent, 1);
        out[count++] = act_end(kit, 4, false);
        return count;
    }
    out[count++] = act_child(kit, 1, "far", child);
    if (kind == PLAIN || kind == PURGED) out[count++] = act_task(kit, 2);
    return count;
}

size_t crossing_actions(struct kit *kit, const char *id, char act_of,
                        Pb__WorkflowAction *out[ACTIONS_MOST]) {
    int parent;
    const char *rest;
    size_t count = 0;
    if (act_of == 'b') return begin_actions(kit, id, out);
    if (act_of == '-') return 0;
    bool tells = act_of == 'e' && is_parent(id, &parent, &rest) && !*rest;
    if (tells) out[count++] = act_send(kit, 8, parent, 1);
    out[count++] = act_end(kit, 9, act_of == 'x');
    return count;
}
