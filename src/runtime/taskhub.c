#include "runtime/taskhub.h"

#include "base/id.h"
#include "engine/events.h"
#include "engine/history.h"
#include "runtime/operations.h"
#include "runtime/taskhub_list.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// How a method is carried out.
struct taskhub_verb {
    // Makes the call's verb and runs it.
    void (*begin)(struct pawl_taskhub_call *call);
    // Fills the response. False: memory is out.
    bool (*answer)(struct pawl_taskhub_call *call);
    // What a command that was recorded waits for; NULL: nothing.
    enum pawl_wait (*then)(const struct pawl_taskhub_call *call);
    const char *prefix; // of its errors' texts
};
static const struct taskhub_verb taskhub_verbs[PAWL_TASKHUB_COUNT]; // below

// The instance that a request names.
static const char *taskhub_id(const struct pawl_taskhub_call *call) {
    const char *id = call->method == PAWL_TASKHUB_START_NEW ? call->new_id : "";
    size_t offset = pawl__methods[call->method].id;
    if (offset) memcpy(&id, (const char *)call->request + offset, sizeof id);
    return id;
}

// --- answers ------------------------------------------------------------------------------------

static void taskhub_finish(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    call->done(call, error);
}

static void taskhub_fail(struct pawl_taskhub_call *call, enum pawl_err code, const char *text) {
    struct pawl_error error;
    pawl__fail(&error, code, "%s", text);
    taskhub_finish(call, &error);
}

static bool taskhub_answer_view(struct pawl_taskhub_call *call) {
    const struct pawl_view *view = &call->verb.look.view;
    Pb__GetInstanceResponse *response = pawl__taskhub_response(call);
    if (!response) return false;
    response->exists = view->exists;
    if (!view->exists) return true;
    Pb__WorkflowState *state = pawl__wire_new(call->arena, &pb__workflow_state__descriptor);
    if (!state) return false;
    response->workflowstate = state;
    state->instanceid = (char *)view->id.data;
    state->name = (char *)view->name.data;
    state->workflowstatus = (Pb__OrchestrationStatus)view->status;
    state->createdtimestamp = pawl__timestamp(call->arena, view->created_at);
    state->lastupdatedtimestamp = pawl__timestamp(call->arena, view->updated_at);
    state->version = pawl__string_value(call->arena, (char *)view->version);
    state->parentinstanceid = pawl__string_value(call->arena, (char *)view->parent_id);
    state->parentappid = pawl__string_value(call->arena, (char *)view->parent_app);
    if (view->started_at) {
        state->_started_at_case = PB__WORKFLOW_STATE___STARTED_AT_STARTED_AT;
        state->startedat = pawl__timestamp(call->arena, view->started_at);
        if (!state->startedat) return false;
    }
    if (((const Pb__GetInstanceRequest *)call->request)->getinputsandoutputs) {
        state->input = view->input;
        state->output = view->output;
        state->failuredetails = view->failure;
        if (view->has_custom_status)
            state->customstatus = pawl__string_value(call->arena, (char *)view->custom_status.data);
        if (view->has_custom_status && !state->customstatus) return false;
    }
    return pawl__taskhub_put_tags(call->arena, view->tags, state) && state->createdtimestamp &&
           state->lastupdatedtimestamp && (state->version || !view->version) &&
           (state->parentinstanceid || !view->parent_id) &&
           (state->parentappid || !view->parent_app);
}

// The history's events are field 3 there, as in a work item, and field 1 of the answer.
static bool taskhub_answer_history(struct pawl_taskhub_call *call) {
    struct pawl_str history = call->verb.history.history;
    char *bytes = (char *)history.data; // the call's own copy
    size_t at = 0;
    for (struct pawl_event_view event; pawl__history_next(history, &at, &event);)
        bytes[event.offset] = 1 << 3 | PAWL_PB_BYTES;
    call->response = pawl__wire_unpack(call->arena, &pb__get_instance_history_response__descriptor,
                                       history, NULL);
    return call->response;
}

static bool taskhub_answer_start(struct pawl_taskhub_call *call) {
    Pb__CreateInstanceResponse *response = pawl__taskhub_response(call);
    if (response) response->instanceid = (char *)taskhub_id(call);
    return response;
}

static bool taskhub_answer_purge(struct pawl_taskhub_call *call) {
    Pb__PurgeInstancesResponse *response = pawl__taskhub_response(call);
    if (response) response->deletedinstancecount = (int32_t)call->verb.purge.count;
    return response;
}

static bool taskhub_answer_rerun(struct pawl_taskhub_call *call) {
    Pb__RerunWorkflowFromEventResponse *response = pawl__taskhub_response(call);
    if (response) response->newinstanceid = call->new_id;
    return response;
}

static bool taskhub_answer_plain(struct pawl_taskhub_call *call) {
    return pawl__taskhub_response(call);
}

// --- what comes after a command -----------------------------------------------------------------

// With a start time, even one that has passed, nobody waits for the first turn.
static enum pawl_wait taskhub_then_started(const struct pawl_taskhub_call *call) {
    const Pb__CreateInstanceRequest *ask = (const void *)call->request;
    bool starts = call->patience == PAWL_TASKHUB_WAITS && !ask->scheduledstarttimestamp;
    return starts ? PAWL_WAIT_STARTED : PAWL_WAIT_NOT;
}

static enum pawl_wait taskhub_then_completed(const struct pawl_taskhub_call *call) {
    return PAWL_WAIT_COMPLETED;
}

static enum pawl_wait taskhub_then_suspended(const struct pawl_taskhub_call *call) {
    return PAWL_WAIT_SUSPENDED;
}

static enum pawl_wait taskhub_then_resumed(const struct pawl_taskhub_call *call) {
    return PAWL_WAIT_RESUMED;
}

// What the call waits for when what has begun is done.
static enum pawl_wait taskhub_then(const struct pawl_taskhub_call *call) {
    const struct taskhub_verb *verb = &taskhub_verbs[call->method];
    bool is_last = call->waits || call->patience == PAWL_TASKHUB_AT_ONCE || !verb->then;
    return is_last ? PAWL_WAIT_NOT : verb->then(call);
}

static void taskhub_done(struct pawl_call *inner, const struct pawl_error *error);

static void taskhub_run(struct pawl_taskhub_call *call, struct pawl_call *inner) {
    inner->patient = taskhub_then(call) != PAWL_WAIT_NOT;
    inner->done = taskhub_done;
    inner->data = call;
    inner->app = call->app;
    call->inner = inner;
    call->began = pawl__operation_begin(call->node->options.operations);
    pawl__node_call(call->node, inner);
}

// |arena|: for what there is to see; NULL: only the wait counts.
static void taskhub_look(struct pawl_taskhub_call *call, enum pawl_wait wait_for,
                         struct pawl_arena *arena) {
    struct pawl_look *look = &call->verb.look;
    call->waits = wait_for != PAWL_WAIT_NOT;
    pawl__look_init(look, pawl__str(taskhub_id(call)), wait_for, arena);
    taskhub_run(call, &look->call);
}

// The source of a rerun has been read, wherever it lives; what comes of it is decided where the new
// instance will live.
static void taskhub_fork(struct pawl_taskhub_call *call) {
    const Pb__RerunWorkflowFromEventRequest *ask = (const void *)call->request;
    const struct pawl_fork fork = {
        .source = ask->sourceinstanceid,
        .history = call->verb.history.history,
        .event_id = (int32_t)ask->eventid,
        .overwrites_input = ask->overwriteinput,
        .input = pawl__string_of(ask->input),
        .child_id =
            ask->_new_child_workflow_instance_id_case ? ask->newchildworkflowinstanceid : NULL,
        .id = call->new_id,
    };
    struct pawl_rerun_call *verb = &call->verb.rerun;
    call->waits = true;
    pawl__rerun_init(verb, &fork);
    taskhub_run(call, &verb->call);
}

// Whether the start was told, by the daemon that has the shard, that there is nothing to wait for.
static bool taskhub_has_started(const struct pawl_taskhub_call *call) {
    bool starts = call->method == PAWL_TASKHUB_START || call->method == PAWL_TASKHUB_START_NEW;
    return starts && !call->waits && call->verb.start.started;
}

static void taskhub_done(struct pawl_call *inner, const struct pawl_error *error) {
    struct pawl_taskhub_call *call = inner->data;
    const struct taskhub_verb *verb = &taskhub_verbs[call->method];
    enum pawl_wait then = taskhub_then(call);
    pawl__operation_end(call->node->options.operations, inner, call->began, error);
    if (error && error->code == PAWL_E_NOT_FOUND && call->method == PAWL_TASKHUB_RERUN &&
        !call->waits) {
        pawl__fail(&call->error, PAWL_E_NOT_FOUND, "workflow instance does not exist with ID '%s'",
                   taskhub_id(call));
        taskhub_finish(call, &call->error);
    } else if (error) {
        pawl__fail(&call->error, error->code, "%s%s", verb->prefix ? verb->prefix : "",
                   error->text);
        taskhub_finish(call, &call->error);
    } else if (!call->waits && call->method == PAWL_TASKHUB_RERUN) {
        taskhub_fork(call);
    } else if (then != PAWL_WAIT_NOT && !taskhub_has_started(call)) {
        taskhub_look(call, then, NULL);
    } else if (verb->answer(call)) {
        taskhub_finish(call, NULL);
    } else {
        taskhub_fail(call, PAWL_E_NOMEM, "out of memory");
    }
}

// --- requests -----------------------------------------------------------------------------------

// The body of an event, of |type|; NULL after answering.
static void *taskhub_event(struct pawl_taskhub_call *call, const ProtobufCMessageDescriptor *type) {
    void *event = pawl__wire_new(call->arena, type);
    if (!event) taskhub_fail(call, PAWL_E_NOMEM, "out of memory");
    return event;
}

static void taskhub_hello(struct pawl_taskhub_call *call) {
    if (taskhub_answer_plain(call))
        taskhub_finish(call, NULL);
    else
        taskhub_fail(call, PAWL_E_NOMEM, "out of memory");
}

static void taskhub_start(struct pawl_taskhub_call *call) {
    const Pb__CreateInstanceRequest *ask = (const void *)call->request;
    bool is_new = call->method == PAWL_TASKHUB_START_NEW;
    if (is_new == !!*ask->instanceid) {
        taskhub_fail(call, PAWL_E_INVALID,
                     is_new ? "the instance ID is drawn here, and cannot be given"
                            : "the instance ID is empty");
        return;
    }
    char *id = is_new ? call->new_id : ask->instanceid;
    Pb__ExecutionStartedEvent *start =
        pawl__taskhub_start_event(call->arena, id, ask->name, ask->input);
    if (!start) {
        taskhub_fail(call, PAWL_E_NOMEM, "out of memory");
        return;
    }
    start->scheduledstarttimestamp = ask->scheduledstarttimestamp;
    start->parenttracecontext = ask->parenttracecontext;
    start->workflowspanid = pawl__string_value(call->arena, call->span_id);
    struct pawl_start *verb = &call->verb.start;
    pawl__start_init(verb, pawl__str(id), start, ask->enforceuniqueinstanceid);
    verb->is_new = is_new;
    taskhub_run(call, &verb->call);
}

static void taskhub_post(struct pawl_taskhub_call *call, Pb__HistoryEvent__EventTypeCase type,
                         void *body) {
    struct pawl_post *verb = &call->verb.post;
    pawl__post_init(verb, pawl__str(taskhub_id(call)), type, body);
    taskhub_run(call, &verb->call);
}

static void taskhub_raise(struct pawl_taskhub_call *call) {
    const Pb__RaiseEventRequest *ask = (const void *)call->request;
    Pb__EventRaisedEvent *event = taskhub_event(call, &pb__event_raised_event__descriptor);
    if (!event) return;
    event->name = ask->name;
    event->input = ask->input;
    taskhub_post(call, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, event);
}

static void taskhub_terminate(struct pawl_taskhub_call *call) {
    const Pb__TerminateRequest *ask = (const void *)call->request;
    Pb__ExecutionTerminatedEvent *event =
        taskhub_event(call, &pb__execution_terminated_event__descriptor);
    if (!event) return;
    event->input = ask->output;
    event->recurse = ask->recursive;
    taskhub_post(call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, event);
}

// A reason that is empty counts as none.
static Google__Protobuf__StringValue *taskhub_reason(Google__Protobuf__StringValue *reason) {
    return reason && *reason->value ? reason : NULL;
}

static void taskhub_suspend(struct pawl_taskhub_call *call) {
    Pb__ExecutionSuspendedEvent *event =
        taskhub_event(call, &pb__execution_suspended_event__descriptor);
    if (!event) return;
    event->input = taskhub_reason(((const Pb__SuspendRequest *)call->request)->reason);
    taskhub_post(call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED, event);
}

static void taskhub_resume(struct pawl_taskhub_call *call) {
    Pb__ExecutionResumedEvent *event =
        taskhub_event(call, &pb__execution_resumed_event__descriptor);
    if (!event) return;
    event->input = taskhub_reason(((const Pb__ResumeRequest *)call->request)->reason);
    taskhub_post(call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED, event);
}

static void taskhub_purge(struct pawl_taskhub_call *call) {
    const Pb__PurgeInstancesRequest *ask = (const void *)call->request;
    if (ask->request_case != PB__PURGE_INSTANCES_REQUEST__REQUEST_INSTANCE_ID) {
        taskhub_fail(call, PAWL_E_UNKNOWN, "multi-instance purge is not implemented");
        return;
    }
    if (call->app && ask->_force_case && ask->force && !ask->recursive) {
        taskhub_fail(call, PAWL_E_UNKNOWN,
                     "cross-app purge does not support force without recursive");
        return;
    }
    struct pawl_purge *verb = &call->verb.purge;
    pawl__purge_init(verb, pawl__str(ask->instanceid), ask->recursive,
                     ask->_force_case && ask->force);
    taskhub_run(call, &verb->call);
}

static void taskhub_rerun(struct pawl_taskhub_call *call) {
    const Pb__RerunWorkflowFromEventRequest *ask = (const void *)call->request;
    bool given = ask->_new_instance_id_case;
    if (!*ask->sourceinstanceid) {
        taskhub_fail(call, PAWL_E_INVALID, "rerun workflow source instance ID is required");
        return;
    }
    call->new_id = given ? ask->newinstanceid : pawl__arena_alloc(call->arena, PAWL_UUID_TEXT);
    if (!call->new_id) {
        taskhub_fail(call, PAWL_E_NOMEM, "out of memory");
        return;
    }
    if (!given) pawl__id_new(call->new_id);
    if (!*call->new_id) {
        taskhub_fail(call, PAWL_E_INVALID, "the new instance ID is empty");
        return;
    }
    if (strcmp(call->new_id, ask->sourceinstanceid) == 0) {
        taskhub_fail(call, PAWL_E_INVALID,
                     "rerun workflow instance ID must be different from the original instance ID");
        return;
    }
    struct pawl_read_history *verb = &call->verb.history;
    pawl__read_history_init(verb, pawl__str(ask->sourceinstanceid), call->arena);
    taskhub_run(call, &verb->call);
}

// Runs a verb that |make| makes.
static void taskhub_begin(struct pawl_taskhub_call *call,
                          struct pawl_call *(*make)(struct pawl_taskhub_call *call,
                                                    struct pawl_error *error)) {
    struct pawl_error error;
    struct pawl_call *inner = make(call, &error);
    if (inner)
        taskhub_run(call, inner);
    else
        taskhub_finish(call, &error);
}

static void taskhub_list(struct pawl_taskhub_call *call) {
    taskhub_begin(call, pawl__taskhub_list);
}

static void taskhub_search(struct pawl_taskhub_call *call) {
    taskhub_begin(call, pawl__taskhub_search);
}

static void taskhub_tally(struct pawl_taskhub_call *call) {
    taskhub_begin(call, pawl__taskhub_tally);
}

static void taskhub_get(struct pawl_taskhub_call *call) {
    taskhub_look(call, PAWL_WAIT_NOT, call->arena);
}

static void taskhub_wait_start(struct pawl_taskhub_call *call) {
    taskhub_look(call, PAWL_WAIT_STARTED, call->arena);
}

static void taskhub_wait_completion(struct pawl_taskhub_call *call) {
    taskhub_look(call, PAWL_WAIT_COMPLETED, call->arena);
}

static void taskhub_history(struct pawl_taskhub_call *call) {
    struct pawl_read_history *verb = &call->verb.history;
    pawl__read_history_init(verb, pawl__str(taskhub_id(call)), call->arena);
    taskhub_run(call, &verb->call);
}

static void taskhub_complete_activity(struct pawl_taskhub_call *call) {
    struct pawl_activity_result *verb = &call->verb.activity;
    pawl__activity_result_init(verb, &call->node->dispatch, (const void *)call->request);
    taskhub_run(call, &verb->call);
}

static void taskhub_complete_turn(struct pawl_taskhub_call *call) {
    struct pawl_turn_result *verb = &call->verb.turn;
    pawl__turn_result_init(verb, &call->node->dispatch, (const void *)call->request, call->bytes);
    taskhub_run(call, &verb->call);
}

// --- other apps ---------------------------------------------------------------------------------

// Whether |app| may be the id of an app, as the reference has it.
static bool taskhub_is_app(const char *app) {
    for (const char *at = app; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!letter && !(*at >= '0' && *at <= '9') && *at != '_' && *at != '-') return false;
    }
    return *app;
}

// Notes the app that the request's router leads to. False after answering.
static bool taskhub_route(struct pawl_taskhub_call *call) {
    const ProtobufCMessageDescriptor *type = call->request->descriptor;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(type, "router");
    const Pb__TaskRouter *router = NULL;
    call->app = NULL;
    if (field && !pawl__methods[call->method].of_worker)
        memcpy(&router, (const char *)call->request + field->offset, sizeof(router));
    if (!router) return true;
    const char *app = router->_target_app_id_case ? router->targetappid : "";
    const char *namespace = router->_target_app_namespace_case ? router->targetappnamespace : "";
    bool own = !*app || strcmp(app, call->node->app_id) == 0, valid = own || taskhub_is_app(app);
    bool near = !*namespace || strcmp(namespace, call->node->namespace) == 0;
    if (valid && near) {
        if (!own) call->app = app;
        return true;
    }
    struct pawl_error error;
    if (valid)
        pawl__fail(&error, PAWL_E_UNAVAILABLE,
                   "app '%s' of namespace '%s' cannot be reached from namespace '%s'", app,
                   namespace, call->node->namespace);
    else
        pawl__fail(&error, PAWL_E_INVALID,
                   "workflow app ID '%s' is invalid: only alphanumeric, dash and underscore "
                   "characters are allowed",
                   app);
    taskhub_finish(call, &error);
    return false;
}

bool pawl__taskhub_draw(const struct pawl_node *node, struct pawl_taskhub_call *call) {
    call->new_id = pawl__arena_alloc(call->arena, PAWL_UUID_TEXT);
    if (call->new_id) pawl__node_draw(node, call->new_id);
    return call->new_id;
}

void pawl__taskhub_call(struct pawl_node *node, struct pawl_taskhub_call *call) {
    call->node = node;
    call->waits = false;
    call->response = NULL;
    call->inner = NULL;
    if (!taskhub_route(call)) return;
    taskhub_verbs[call->method].begin(call);
}

void pawl__taskhub_cancel(struct pawl_taskhub_call *call) {
    if (call->inner) pawl__call_cancel(call->inner);
}

static const struct taskhub_verb taskhub_verbs[PAWL_TASKHUB_COUNT] = {
    [PAWL_TASKHUB_HELLO] = {taskhub_hello, taskhub_answer_plain},
    [PAWL_TASKHUB_START] = {taskhub_start, taskhub_answer_start, .then = taskhub_then_started,
                            .prefix = "failed to create workflow instance: "},
    [PAWL_TASKHUB_START_NEW] = {taskhub_start, taskhub_answer_start, .then = taskhub_then_started,
                                .prefix = "failed to create workflow instance: "},
    [PAWL_TASKHUB_GET] = {taskhub_get, taskhub_answer_view},
    [PAWL_TASKHUB_WAIT_START] = {taskhub_wait_start, taskhub_answer_view},
    [PAWL_TASKHUB_WAIT_COMPLETION] = {taskhub_wait_completion, taskhub_answer_view},
    [PAWL_TASKHUB_RAISE] = {taskhub_raise, taskhub_answer_plain},
    [PAWL_TASKHUB_TERMINATE] = {taskhub_terminate, taskhub_answer_plain,
                                .then = taskhub_then_completed,
                                .prefix = "failed to submit termination request: "},
    [PAWL_TASKHUB_SUSPEND] = {taskhub_suspend, taskhub_answer_plain,
                              .then = taskhub_then_suspended},
    [PAWL_TASKHUB_RESUME] = {taskhub_resume, taskhub_answer_plain, .then = taskhub_then_resumed},
    [PAWL_TASKHUB_PURGE] = {taskhub_purge, taskhub_answer_purge,
                            .prefix = "failed to purge workflow state: "},
    [PAWL_TASKHUB_RERUN] = {taskhub_rerun, taskhub_answer_rerun},
    [PAWL_TASKHUB_HISTORY] = {taskhub_history, taskhub_answer_history},
    [PAWL_TASKHUB_LIST] = {taskhub_list, pawl__taskhub_answer_list},
    [PAWL_TASKHUB_SEARCH] = {taskhub_search, pawl__taskhub_answer_search},
    [PAWL_TASKHUB_TALLY] = {taskhub_tally, pawl__taskhub_answer_tally},
    [PAWL_TASKHUB_TERMINATE_SOON] = {taskhub_terminate, taskhub_answer_plain,
                                     .prefix = "failed to submit termination request: "},
    [PAWL_TASKHUB_SUSPEND_SOON] = {taskhub_suspend, taskhub_answer_plain},
    [PAWL_TASKHUB_RESUME_SOON] = {taskhub_resume, taskhub_answer_plain},
    [PAWL_TASKHUB_COMPLETE_ACTIVITY] = {taskhub_complete_activity, taskhub_answer_plain},
    [PAWL_TASKHUB_COMPLETE_TURN] = {taskhub_complete_turn, taskhub_answer_plain},
};
