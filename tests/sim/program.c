// What workers run: small deterministic workflows, begun anew at each turn, as SDKs do.

#include "sim.h"

#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "engine/events.h"
#include "wire/timestamp.h"

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

enum {
    WORKER_IDS = 256,
    WORKER_ACTIONS = 64
};

struct context {
    struct pawl_arena *arena;
    const Pb__WorkflowRequest *request;
    const Pb__HistoryEvent *scheduled[WORKER_IDS], *resolved[WORKER_IDS];
    size_t resolved_at[WORKER_IDS]; // place in the history
    const Pb__ExecutionStartedEvent *start;
    const Pb__HistoryEvent *terminated;
    bool suspended, versions;
    int64_t now;
    int32_t next_id;
    size_t events_taken; // raised events that waits have consumed
    Pb__WorkflowAction *actions[WORKER_ACTIONS];
    size_t action_count;
    bool ended;
    const char *why;
};

static void *context_new(struct context *context, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(context->arena, type->sizeof_message);
    if (!message) abort();
    type->message_init(message);
    return message;
}

static const Pb__HistoryEvent *context_event(const struct context *context, size_t i) {
    const Pb__WorkflowRequest *request = context->request;
    return i < request->n_pastevents ? request->pastevents[i]
                                     : request->newevents[i - request->n_pastevents];
}

static size_t context_event_count(const struct context *context) {
    return context->request->n_pastevents + context->request->n_newevents;
}

// --- reading the history ------------------------------------------------------------------------

// The timer of a wait without a deadline: code that was changed may give its id to something else.
static bool is_optional(const Pb__HistoryEvent *event) {
    return event->event_type_case == EVENT(TIMER_CREATED) &&
           event->timercreated->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT &&
           pawl__timestamp_get(event->timercreated->fireat) == INT64_MAX;
}

static void context_schedule(struct context *context, const Pb__HistoryEvent *event) {
    int32_t id = event->eventid;
    if (id < 0 || id >= WORKER_IDS)
        context->why = "history_changes_exactly_once: an id is out of range";
    else if (context->scheduled[id] && !is_optional(context->scheduled[id]))
        context->why = "history_changes_exactly_once: an id is scheduled twice";
    else
        context->scheduled[id] = event;
}

static void context_resolve(struct context *context, const Pb__HistoryEvent *event, int32_t id,
                            Pb__HistoryEvent__EventTypeCase type, size_t at) {
    if (id < 0 || id >= WORKER_IDS || !context->scheduled[id] ||
        context->scheduled[id]->event_type_case != type)
        context->why = "history_changes_exactly_once: what was never scheduled is resolved";
    else if (context->resolved[id])
        context->why = "history_changes_exactly_once: an id is resolved twice";
    else {
        context->resolved[id] = event;
        context->resolved_at[id] = at;
    }
}

// An activity adds one; a result that says something else is that of another.
static void context_check_task(struct context *context, const Pb__TaskCompletedEvent *event) {
    if (context->why) return;
    const Pb__TaskScheduledEvent *task = context->scheduled[event->taskscheduledid]->taskscheduled;
    const char *input = pawl__string_of(task->input), *result = pawl__string_of(event->result);
    if (!input || !result || atoi(result) != atoi(input) + 1)
        context->why = "right_result: an activity has the result of another";
}

static void context_read(struct context *context) {
    int64_t last = 0;
    for (size_t i = 0; i < context_event_count(context) && !context->why; i++) {
        const Pb__HistoryEvent *event = context_event(context, i);
        int64_t at = pawl__timestamp_get(event->timestamp);
        switch (event->event_type_case) {
        case EVENT(WORKFLOW_STARTED):
            if (at < last) context->why = "stamps_only_grow: a turn began before an earlier one";
            context->now = last = at;
            break;
        case EVENT(EXECUTION_STARTED):
            if (context->start) context->why = "history_changes_exactly_once: it started twice";
            context->start = event->executionstarted;
            break;
        case EVENT(EXECUTION_COMPLETED):
            context->why = "history_changes_exactly_once: a completed workflow has a turn";
            break;
        case EVENT(EXECUTION_TERMINATED): context->terminated = event; break;
        case EVENT(EXECUTION_SUSPENDED): context->suspended = true; break;
        case EVENT(EXECUTION_RESUMED): context->suspended = false; break;
        case EVENT(TASK_SCHEDULED):
        case EVENT(TIMER_CREATED):
        case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
        case EVENT(EVENT_SENT):
        case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED): context_schedule(context, event); break;
        case EVENT(TASK_COMPLETED):
            context_resolve(context, event, event->taskcompleted->taskscheduledid,
                            EVENT(TASK_SCHEDULED), i);
            context_check_task(context, event->taskcompleted);
            break;
        case EVENT(TASK_FAILED):
            context_resolve(context, event, event->taskfailed->taskscheduledid,
                            EVENT(TASK_SCHEDULED), i);
            break;
        case EVENT(TIMER_FIRED):
            context_resolve(context, event, event->timerfired->timerid, EVENT(TIMER_CREATED), i);
            if (at < pawl__timestamp_get(event->timerfired->fireat))
                context->why = "timer_never_early: it fired before its time";
            break;
        case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
            context_resolve(context, event, event->childworkflowinstancecompleted->taskscheduledid,
                            EVENT(CHILD_WORKFLOW_INSTANCE_CREATED), i);
            break;
        case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED):
            context_resolve(context, event, event->childworkflowinstancefailed->taskscheduledid,
                            EVENT(CHILD_WORKFLOW_INSTANCE_CREATED), i);
            break;
        default: break;
        }
    }
    if (!context->why && !context->start)
        context->why = "history_changes_exactly_once: the history has no start";
}

// --- what workflows do --------------------------------------------------------------------------

// The next action, unless the history has it. |*id| is its id.
static Pb__WorkflowAction *context_act(struct context *context,
                                       Pb__WorkflowAction__WorkflowActionTypeCase type, void *body,
                                       int32_t *id) {
    int32_t next = context->next_id++;
    if (id) *id = next;
    if (next >= WORKER_IDS || context->action_count == WORKER_ACTIONS) abort();
    if (context->scheduled[next]) return NULL;
    Pb__WorkflowAction *action = context_new(context, &pb__workflow_action__descriptor);
    action->id = next;
    action->workflow_action_type_case = type;
    action->scheduletask = body; // every member of the oneof is a pointer in one union
    return context->actions[context->action_count++] = action;
}

static Google__Protobuf__StringValue *context_value(struct context *context, const char *text) {
    return pawl__string_value(context->arena, pawl__arena_dup(context->arena, pawl__str(text)));
}

static int32_t call(struct context *context, const char *name, int input) {
    Pb__ScheduleTaskAction *body = context_new(context, &pb__schedule_task_action__descriptor);
    body->name = pawl__arena_dup(context->arena, pawl__str(name));
    char text[16];
    snprintf(text, sizeof text, "%d", input);
    body->input = context_value(context, text);
    int32_t id;
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK, body, &id);
    return id;
}

// Whether the activity or child |id| has ended; |*result| is NULL when it failed.
static bool ended(const struct context *context, int32_t id, const char **result) {
    const Pb__HistoryEvent *event = context->resolved[id];
    *result = NULL;
    if (!event) return false;
    if (event->event_type_case == EVENT(TASK_COMPLETED))
        *result = pawl__string_of(event->taskcompleted->result);
    if (event->event_type_case == EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED))
        *result = pawl__string_of(event->childworkflowinstancecompleted->result);
    return true;
}

static int32_t sleep_for(struct context *context, int64_t time, const char *event) {
    Pb__CreateTimerAction *body = context_new(context, &pb__create_timer_action__descriptor);
    bool never = time == INT64_MAX; // SDKs say the year 9999
    body->fireat = pawl__timestamp(context->arena, never ? 0 : context->now + time);
    if (never) body->fireat->seconds = INT64_C(253402300799);
    if (event) {
        body->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT;
        body->externalevent = context_new(context, &pb__timer_origin_external_event__descriptor);
        body->externalevent->name = pawl__arena_dup(context->arena, pawl__str(event));
    } else {
        body->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_CREATE_TIMER;
        body->createtimer = context_new(context, &pb__timer_origin_create_timer__descriptor);
    }
    int32_t id;
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_TIMER, body, &id);
    return id;
}

// |instance|: its id; empty: one that follows from the parent's.
static int32_t call_child_as(struct context *context, const char *instance, const char *name,
                             const char *input) {
    Pb__CreateChildWorkflowAction *body =
        context_new(context, &pb__create_child_workflow_action__descriptor);
    body->instanceid = pawl__arena_dup(context->arena, pawl__str(instance));
    body->name = pawl__arena_dup(context->arena, pawl__str(name));
    body->input = context_value(context, input);
    int32_t id;
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW, body,
                &id);
    return id;
}

static int32_t call_child(struct context *context, const char *name, const char *input) {
    return call_child_as(context, "", name, input);
}

// The last action is for another app.
static void to_app(struct context *context, const char *app) {
    if (!context->action_count) return; // the history has it
    Pb__WorkflowAction *action = context->actions[context->action_count - 1];
    if (action->id != context->next_id - 1) return;
    action->_router_case = PB__WORKFLOW_ACTION___ROUTER_ROUTER;
    action->router = context_new(context, &pb__task_router__descriptor);
    action->router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    action->router->targetappid = pawl__arena_dup(context->arena, pawl__str(app));
}

// Passes the history on with the last action. |scope|: a HistoryPropagationScope.
static void pass_on(struct context *context, int scope) {
    if (!context->action_count) return; // the history has it
    Pb__WorkflowAction *action = context->actions[context->action_count - 1];
    if (action->id != context->next_id - 1) return;
    if (action->workflow_action_type_case ==
        PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK) {
        action->scheduletask->_history_propagation_scope_case =
            PB__SCHEDULE_TASK_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        action->scheduletask->historypropagationscope = (Pb__HistoryPropagationScope)scope;
    } else {
        action->createchildworkflow->_history_propagation_scope_case =
            PB__CREATE_CHILD_WORKFLOW_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        action->createchildworkflow->historypropagationscope = (Pb__HistoryPropagationScope)scope;
    }
}

// |data| is told from that of all other sends, see told.c.
static void send_to(struct context *context, const char *id, const char *name, const char *data) {
    Pb__SendEventAction *body = context_new(context, &pb__send_event_action__descriptor);
    body->instance = context_new(context, &pb__workflow_instance__descriptor);
    body->instance->instanceid = pawl__arena_dup(context->arena, pawl__str(id));
    body->name = pawl__arena_dup(context->arena, pawl__str(name));
    body->data = context_value(context, data);
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT, body, NULL);
}

static void terminate(struct context *context, const char *id, const char *reason, bool recurse) {
    Pb__TerminateWorkflowAction *body =
        context_new(context, &pb__terminate_workflow_action__descriptor);
    body->instanceid = pawl__arena_dup(context->arena, pawl__str(id));
    body->reason = context_value(context, reason);
    body->recurse = recurse;
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_TERMINATE_WORKFLOW, body, NULL);
}

static void start_detached(struct context *context, const char *name, const char *input) {
    Pb__CreateDetachedWorkflowAction *body =
        context_new(context, &pb__create_detached_workflow_action__descriptor);
    body->instanceid =
        pawl__arena_format(context->arena, "%s-detached", context->request->instanceid);
    body->name = pawl__arena_dup(context->arena, pawl__str(name));
    body->input = context_value(context, input);
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_DETACHED_WORKFLOW, body,
                NULL);
}

static void end(struct context *context, int32_t status, const char *result) {
    Pb__CompleteWorkflowAction *body =
        context_new(context, &pb__complete_workflow_action__descriptor);
    body->workflowstatus = (Pb__OrchestrationStatus)status;
    if (result) body->result = context_value(context, result);
    context_act(context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW, body, NULL);
    context->ended = true;
}

static void end_number(struct context *context, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    end(context, STATUS(COMPLETED), text);
}

// The next raised event of |name| and where it stands, or NULL.
static const Pb__HistoryEvent *next_event(struct context *context, const char *name, size_t *at) {
    size_t skip = context->events_taken;
    for (size_t i = 0; i < context_event_count(context); i++) {
        const Pb__HistoryEvent *event = context_event(context, i);
        if (event->event_type_case != EVENT(EVENT_RAISED) ||
            !pawl__str_equal_nocase(pawl__str(event->eventraised->name), pawl__str(name)) || skip--)
            continue;
        context->events_taken++;
        *at = i;
        return event;
    }
    return NULL;
}

// --- the workflows ------------------------------------------------------------------------------

static int input_number(const struct context *context) {
    const char *input = pawl__string_of(context->start->input);
    return input ? atoi(input) : 0;
}

static void run_chain(struct context *context) {
    int value = input_number(context);
    for (int i = 0; i < 3; i++) {
        const char *result;
        if (!ended(context, call(context, "inc", value), &result)) return;
        value = atoi(result);
    }
    end_number(context, value);
}

static void run_fan(struct context *context) {
    int32_t ids[12];
    int width = 1 + input_number(context) % 12, sum = 0;
    bool all = true;
    for (int i = 0; i < width; i++) ids[i] = call(context, "inc", i);
    for (int i = 0; i < width; i++) {
        const char *result;
        if (ended(context, ids[i], &result))
            sum += atoi(result);
        else
            all = false;
    }
    if (all) end_number(context, sum);
}

static void run_retry(struct context *context) {
    for (;;) {
        const char *result;
        if (!ended(context, call(context, "flaky", 7), &result)) return;
        if (!result) continue;
        end_number(context, atoi(result));
        return;
    }
}

static void run_sleep(struct context *context) {
    for (int i = 0; i < 3; i++) {
        int32_t id =
            sleep_for(context, 3 * PAWL_MILLISECOND * (1 + input_number(context) % 10), NULL);
        if (!context->resolved[id]) return;
    }
    end_number(context, input_number(context));
}

// Waits for the event for ever.
static void run_gate(struct context *context) {
    size_t at;
    sleep_for(context, INT64_MAX, "Go");
    if (next_event(context, "go", &at)) end_number(context, input_number(context));
}

// Waits for three events, each no longer than its timeout. All ends are right.
static void run_waits(struct context *context) {
    for (int i = 0; i < 3; i++) {
        size_t at;
        int32_t id = sleep_for(context, 15 * PAWL_MILLISECOND, "Step");
        const Pb__HistoryEvent *event = next_event(context, "step", &at);
        bool timeout = context->resolved[id] && (!event || context->resolved_at[id] < at);
        if (event && timeout) context->events_taken--; // it came too late for this wait
        if (!event && !timeout) return;
    }
    end(context, STATUS(COMPLETED), "waited");
}

static void run_parent(struct context *context) {
    int width = 1 + input_number(context) % 3, sum = 0;
    bool all = true;
    int32_t ids[3];
    for (int i = 0; i < width; i++) ids[i] = call_child(context, i == 2 ? "nest" : "chain", "4");
    for (int i = 0; i < width; i++) {
        const char *result;
        if (!ended(context, ids[i], &result)) {
            all = false;
        } else if (!result) {
            end(context, STATUS(FAILED), "a child failed");
            return;
        } else {
            sum += atoi(result);
        }
    }
    if (all) end_number(context, sum);
}

static void run_nest(struct context *context) {
    const char *result;
    if (!ended(context, call_child(context, "chain", "4"), &result)) return;
    if (!result)
        end(context, STATUS(FAILED), "a child failed");
    else
        end_number(context, atoi(result));
}

// Begins the next generation with |input|, and the raised events that nobody has taken: all but
// |taken|.
static void continue_as_new(struct context *context, const char *input,
                            const Pb__HistoryEvent *taken) {
    end(context, STATUS(CONTINUED_AS_NEW), input);
    Pb__CompleteWorkflowAction *body =
        context->actions[context->action_count - 1]->completeworkflow;
    size_t count = context_event_count(context);
    body->carryoverevents = pawl__arena_alloc(context->arena, (count + 1) * sizeof(void *));
    for (size_t i = 0; i < count; i++) {
        const Pb__HistoryEvent *event = context_event(context, i);
        if (event->event_type_case == EVENT(EVENT_RAISED) && event != taken)
            body->carryoverevents[body->n_carryoverevents++] = (Pb__HistoryEvent *)(uintptr_t)event;
    }
}

static void continue_with_less(struct context *context, int left) {
    continue_as_new(context, pawl__arena_format(context->arena, "%d", left - 1), NULL);
}

// Each generation calls an activity and a child, whose id is the same each time, and leaves an
// activity behind.
static void run_loop(struct context *context) {
    int left = input_number(context) % 4;
    const char *result;
    call(context, "inc", 90 + left); // nobody waits for it
    if (!ended(context, call(context, "inc", left), &result)) return;
    if (!ended(context, call_child(context, "chain", "4"), &result)) return;
    if (!result)
        end(context, STATUS(FAILED), "a child failed");
    else if (left)
        continue_with_less(context, left);
    else
        end(context, STATUS(COMPLETED), "looped");
}

// Waits for the event in its last generation; it may come in any.
static void run_relay(struct context *context) {
    int left = input_number(context) % 4;
    const char *result;
    size_t at;
    call(context, "inc", 80 + left); // often still out when the next generation begins
    if (!ended(context, call(context, "inc", left), &result)) return;
    if (left) {
        call(context, "inc", 97); // of the turn that ends this generation: ignored
        continue_with_less(context, left);
        return;
    }
    sleep_for(context, INT64_MAX, "Go");
    if (next_event(context, "go", &at)) end(context, STATUS(COMPLETED), "relayed");
}

static void run_detach(struct context *context) {
    start_detached(context, "chain", "1");
    const char *result;
    if (!ended(context, call(context, "inc", 1), &result)) return;
    end(context, STATUS(COMPLETED), "detached");
}

// Ends with the first three items, in the order in which they were raised.
static void run_collect(struct context *context) {
    char text[64] = "";
    for (int i = 0; i < 3; i++) {
        size_t at;
        sleep_for(context, INT64_MAX, "Item");
        const Pb__HistoryEvent *event = next_event(context, "item", &at);
        if (!event) return;
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "%s,", pawl__string_of(event->eventraised->input));
    }
    end(context, STATUS(COMPLETED), text);
}

// The same, with one item to a generation. What it has so far stands after the bar of its input.
static void run_gather(struct context *context) {
    const char *input = pawl__string_of(context->start->input), *bar = strchr(input, '|');
    int have = 0;
    size_t at;
    for (const char *comma = bar; comma && (comma = strchr(comma + 1, ','));) have++;
    sleep_for(context, INT64_MAX, "Item");
    const Pb__HistoryEvent *event = next_event(context, "item", &at);
    if (!event) return;
    const char *next = pawl__arena_format(context->arena, "%s%s%s,", input, bar ? "" : "|",
                                          pawl__string_of(event->eventraised->input));
    if (have < 2)
        continue_as_new(context, next, event);
    else
        end(context, STATUS(COMPLETED), strchr(next, '|') + 1);
}

// --- workflows that touch others ----------------------------------------------------------------

static const char *other_id(const struct context *context, int number) {
    return pawl__arena_format(context->arena, "w%d", number % (int)sim.options.ids);
}

// Of what is sent: whose it is, by its execution, and the how manieth.
static const char *send_data(const struct context *context, int number) {
    return pawl__arena_format(context->arena, "s%.8s.%d",
                              pawl__string_of(context->request->executionid), number);
}

// What the generation before told its own workflow, |from| being its name in that, comes before all
// that came from elsewhere.
static void speak_check_kept(struct context *context, const char *from) {
    int kept = 0;
    for (size_t i = 0; i < context_event_count(context) && kept < 2; i++) {
        const Pb__HistoryEvent *event = context_event(context, i);
        if (event->event_type_case != EVENT(EVENT_RAISED)) continue;
        const char *data = pawl__string_of(event->eventraised->input);
        if (!data || strncmp(data, from, strlen(from)) != 0)
            context->why = "sent_events_arrive_in_order: what was kept does not come first";
        kept += strcasecmp(event->eventraised->name, "echo") == 0;
    }
}

// Sends to others, who may not be there, and to itself. What it has sent itself it takes in its
// order, over generations, too: it keeps it as .NET's SDKs up to 1.16 do.
static void run_speak(struct context *context) {
    int number = input_number(context), left = number % 4;
    const char *me = context->request->instanceid, *result;
    const char *kept[2];
    size_t at;
    send_to(context, other_id(context, number + left), "Item", send_data(context, 0));
    for (int i = 1; i <= 2; i++) send_to(context, me, "Echo", send_data(context, i));
    if (!ended(context, call(context, "inc", left), &result)) return;
    send_to(context, other_id(context, number + left + 1), "Go", send_data(context, 3));
    const char *given = pawl__string_of(context->start->input), *bar = strchr(given, '|');
    if (bar) speak_check_kept(context, bar + 1);
    for (int i = 0; i < 2; i++) {
        const Pb__HistoryEvent *event = next_event(context, "echo", &at);
        if (!event) return;
        const char *data = pawl__string_of(event->eventraised->input);
        const char *expected = bar ? pawl__arena_format(context->arena, "%s.%d", bar + 1, i + 1)
                                   : send_data(context, i + 1);
        if (strcmp(data, expected) != 0)
            context->why = "sent_events_arrive_in_order: one came before its time";
        kept[i] = send_data(context, i + 1);
    }
    for (int i = 0; bar && i < 2; i++) { // the generation's own follow those that were kept
        const Pb__HistoryEvent *event = next_event(context, "echo", &at);
        if (!event) return;
        if (strcmp(pawl__string_of(event->eventraised->input), kept[i]) != 0)
            context->why = "sent_events_arrive_in_order: a kept one came late";
    }
    if (!left) {
        end(context, STATUS(COMPLETED), "spoke");
        return;
    }
    char *next = pawl__arena_format(context->arena, "%d|s%.8s", left - 1,
                                    pawl__string_of(context->request->executionid));
    bool first = number % 2;
    for (int i = 0; first && i < 2; i++) send_to(context, me, "Echo", kept[i]);
    end(context, STATUS(CONTINUED_AS_NEW), next);
    for (int i = 0; !first && i < 2; i++) send_to(context, me, "Echo", kept[i]);
}

// Ends another one, perhaps with its children, or nobody.
static void run_ender(struct context *context) {
    int number = input_number(context);
    const char *result;
    if (!ended(context, call(context, "inc", number), &result)) return;
    terminate(context, other_id(context, number), send_data(context, 0), number % 2);
    end(context, STATUS(COMPLETED), "ended another");
}

// Wants an id for its child that others may have. Who has it may be purged by force, and then
// nobody says how the child ended.
static void run_claims(struct context *context) {
    const char *result;
    int32_t id = call_child_as(context, other_id(context, input_number(context)), "chain", "1");
    int32_t limit = sleep_for(context, 30 * PAWL_MILLISECOND, NULL);
    call(context, "inc", 70);
    if (ended(context, id, &result) || context->resolved[limit])
        end(context, STATUS(COMPLETED), "claimed");
}

// Calls what is of another app, which cannot be reached.
static void run_abroad(struct context *context) {
    const char *child, *task;
    int32_t first = call_child_as(context, other_id(context, input_number(context)), "chain", "1");
    to_app(context, "far");
    int32_t second = call(context, "inc", 1);
    to_app(context, "far");
    bool both = ended(context, first, &child) && ended(context, second, &task);
    if (both) end(context, STATUS(COMPLETED), child || task ? "reached" : "not reached");
}

// Passes its history on, to activities while others are out, and to a child.
static void run_tells(struct context *context) {
    const char *result, *first, *second;
    int number = input_number(context);
    int32_t before = call(context, "inc", number);
    pass_on(context, 1);
    if (!ended(context, before, &result)) return;
    int32_t left = call(context, "inc", 1);
    pass_on(context, 2);
    int32_t child = call_child(context, "hears", number % 2 ? "1" : "0");
    pass_on(context, number % 3);
    int32_t right = call(context, "inc", 2);
    pass_on(context, 1);
    bool both = ended(context, left, &first) & ended(context, right, &second);
    if (!ended(context, child, &result) || !both) return;
    end(context, result ? STATUS(COMPLETED) : STATUS(FAILED), result ? "told" : "a child failed");
}

// A child that passes on what it was told, and perhaps to its own next generation.
static void run_hears(struct context *context) {
    const char *result;
    int left = input_number(context);
    int32_t task = call(context, "inc", left);
    pass_on(context, 2);
    if (!ended(context, task, &result)) return;
    int32_t child = call_child(context, "chain", "4");
    pass_on(context, 2);
    if (!ended(context, child, &result)) return;
    if (!result)
        end(context, STATUS(FAILED), "a child failed");
    else if (left)
        continue_with_less(context, left);
    else
        end_number(context, 7); // as the others that parents of this id may find under its id
}

// Workers that do not have its version answer with what cannot be applied.
static void run_rogue(struct context *context) {
    if (context->versions) {
        run_chain(context);
        return;
    }
    unsigned kind = sim_below(5);
    if (kind < 2) call(context, "inc", 0);
    if (kind == 1) call(context, "inc", 0);
    if (kind == 2) send_to(context, "", "Go", "x");
    if (kind == 3) terminate(context, "", "x", true);
    for (size_t i = 0; kind < 2 && i < context->action_count; i++) // below zero; twice the same
        context->actions[i]->id = kind ? 0 : -1 - (int32_t)sim_below(3);
    if (kind < 4 && context->action_count > kind % 2) return;
    Pb__WorkflowAction *unknown = context_new(context, &pb__workflow_action__descriptor);
    unknown->id = WORKER_IDS - 2;
    context->actions[context->action_count++] = unknown; // an action of the future
}

// New code has an activity in front of the wait that older code begins with.
static void run_patched(struct context *context) {
    const Pb__HistoryEvent *before = context->scheduled[0];
    size_t at;
    if (before && is_optional(before) && context->versions) context->scheduled[0] = NULL;
    if (context->versions) {
        const char *result;
        if (!ended(context, call(context, "inc", 60), &result)) return;
    } else if (before && !is_optional(before)) {
        context->next_id = WORKER_IDS - 1;
        context_act(
            context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_WORKFLOW_VERSION_NOT_AVAILABLE,
            context_new(context, &pb__workflow_version_not_available_action__descriptor), NULL);
        return;
    }
    sleep_for(context, INT64_MAX, "Go");
    if (next_event(context, "go", &at)) end(context, STATUS(COMPLETED), "patched");
}

// Only some workers have its version.
static void run_versioned(struct context *context) {
    run_chain(context);
}

const char *const sim_programs[] = {"chain",   "fan",   "retry",  "sleep",     "gate",    "waits",
                                    "parent",  "loop",  "detach", "versioned", "collect", "gather",
                                    "relay",   "speak", "ender",  "claims",    "abroad",  "rogue",
                                    "patched", "tells", NULL};

static const struct program {
    const char *name;
    void (*run)(struct context *context);
} worker_programs[] = {
    {"chain", run_chain},     {"fan", run_fan},         {"retry", run_retry},
    {"sleep", run_sleep},     {"gate", run_gate},       {"waits", run_waits},
    {"parent", run_parent},   {"nest", run_nest},       {"loop", run_loop},
    {"relay", run_relay},     {"detach", run_detach},   {"versioned", run_versioned},
    {"collect", run_collect}, {"gather", run_gather},   {"speak", run_speak},
    {"ender", run_ender},     {"claims", run_claims},   {"abroad", run_abroad},
    {"rogue", run_rogue},     {"patched", run_patched}, {"tells", run_tells},
    {"hears", run_hears},
};

// What a history has scheduled, each run schedules at the same place.
static void run_program(struct context *context, const char *name) {
    for (size_t i = 0; i < sizeof worker_programs / sizeof *worker_programs; i++)
        if (strcmp(worker_programs[i].name, name) == 0) worker_programs[i].run(context);
}

bool sim_worker_turn(const Pb__WorkflowRequest *request, const char *token, bool versions,
                     struct pawl_arena *arena, struct pawl_buf *out, const char **why) {
    struct context *context = pawl__arena_zalloc(arena, sizeof *context);
    context->arena = arena;
    context->request = request;
    context->versions = versions;
    context_read(context);
    *why = context->why;
    if (context->why) return false;
    const char *name = context->start->name;
    if (context->terminated) {
        // Some SDKs go as far as the function does before they look.
        if (!context->suspended && versions && sim_chance(300)) run_program(context, name);
        context->next_id = WORKER_IDS - 1;
        if (!context->ended)
            end(context, STATUS(TERMINATED),
                pawl__string_of(context->terminated->executionterminated->input));
    } else if (!versions && strcmp(name, "versioned") == 0) {
        context->next_id = WORKER_IDS - 1;
        context_act(
            context, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_WORKFLOW_VERSION_NOT_AVAILABLE,
            context_new(context, &pb__workflow_version_not_available_action__descriptor), NULL);
    } else if (!context->suspended) {
        run_program(context, name);
    }
    *why = context->why;
    if (context->why) return false;
    Pb__WorkflowResponse response = PB__WORKFLOW_RESPONSE__INIT;
    response.instanceid = request->instanceid;
    response.actions = context->actions;
    response.n_actions = context->action_count;
    response.customstatus = context_value(
        context, pawl__arena_format(arena, "%zu events", context_event_count(context)));
    response.completiontoken = pawl__arena_dup(arena, pawl__str(token));
    size_t len = pb__workflow_response__get_packed_size(&response);
    uint8_t *room = pawl__buf_reserve(out, len);
    if (!room) abort();
    pb__workflow_response__pack(&response, room);
    out->len += len;
    return true;
}

void sim_worker_activity(const Pb__ActivityRequest *request, struct pawl_arena *arena,
                         Pb__ActivityResponse *out) {
    pb__activity_response__init(out);
    out->instanceid = request->workflowinstance->instanceid;
    out->taskid = request->taskid;
    if (strcmp(request->name, "flaky") == 0 && sim_chance(400)) {
        Pb__TaskFailureDetails *details = pawl__arena_alloc(arena, sizeof *details);
        pb__task_failure_details__init(details);
        details->errortype = "Flaky";
        details->errormessage = "not this time";
        out->failuredetails = details;
        return;
    }
    out->result = pawl__string_value(
        arena, pawl__arena_format(arena, "%d", atoi(pawl__string_of(request->input)) + 1));
}
