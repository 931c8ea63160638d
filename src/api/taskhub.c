#include "api/internal.h"

// The client's side of the TaskHub service.

struct taskhub_call {
    struct pawl_call call;
    struct pawl_api *api;
    struct pawl_request *request;
    const char *wrap;    // what errors begin with
    enum pawl_wait then; // what a command waits for when it is done; TASKHUB_NOTHING: nothing
    bool with_payloads;
    void (*reply)(struct taskhub_call *taskhub);
};

enum {
    TASKHUB_NOTHING = -1
};

static void taskhub_on_close(struct pawl_request *request, enum pawl_err reason) {
    (void)reason;
    struct taskhub_call *taskhub = request->data;
    pawl__runtime_cancel(&taskhub->call);
}

// Errors that the reference has no status for cross the wire as UNKNOWN.
static enum pawl_err taskhub_code(enum pawl_err code) {
    return code == PAWL_E_NOT_FOUND || code == PAWL_E_PRECONDITION ? PAWL_E_UNKNOWN : code;
}

static void taskhub_done(struct pawl_call *call, const struct pawl_error *error) {
    struct taskhub_call *taskhub = call->data;
    if (error) {
        pawl__api_fail(taskhub->request, taskhub_code(error->code), "%s%s", taskhub->wrap,
                       error->text);
        return;
    }
    if ((int)taskhub->then != TASKHUB_NOTHING) {
        enum pawl_wait then = taskhub->then;
        taskhub->then = (enum pawl_wait)TASKHUB_NOTHING;
        pawl__runtime_wait(taskhub->api->options.runtime, call, then);
        return;
    }
    taskhub->reply(taskhub);
}

static void taskhub_reply_empty(struct taskhub_call *taskhub) {
    pawl__api_reply_empty(taskhub->request);
}

// Whether |router| leads to this app; if not, says so.
static bool taskhub_is_here(struct pawl_api *api, struct pawl_request *request, bool given,
                            const Pb__TaskRouter *router) {
    const char *app = given && router && router->_target_app_id_case ? router->targetappid : "";
    if (!*app || strcmp(app, api->options.app_id) == 0) return true;
    pawl__api_fail(request, PAWL_E_UNIMPLEMENTED,
                   "app '%s' cannot be reached from here, only app '%s'", app, api->options.app_id);
    return false;
}

// A call about |id|, or NULL after answering.
static struct taskhub_call *taskhub_begin(struct pawl_api *api, struct pawl_request *request,
                                          const char *id, const char *wrap,
                                          void (*reply)(struct taskhub_call *)) {
    if (!api->options.runtime) {
        pawl__api_fail(request, PAWL_E_INTERNAL, PAWL_NO_RUNTIME);
        return NULL;
    }
    struct taskhub_call *taskhub = pawl__arena_zalloc(&request->arena, sizeof *taskhub);
    if (!taskhub) {
        pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return NULL;
    }
    taskhub->call.id = pawl__str(id);
    taskhub->call.arena = &request->arena;
    taskhub->call.done = taskhub_done;
    taskhub->call.data = taskhub;
    taskhub->api = api;
    taskhub->request = request;
    taskhub->wrap = wrap;
    taskhub->reply = reply;
    taskhub->then = (enum pawl_wait)TASKHUB_NOTHING;
    request->data = taskhub;
    request->on_close = taskhub_on_close;
    return taskhub;
}

static void taskhub_hello(struct pawl_api *api, struct pawl_request *request) {
    (void)api;
    pawl__api_reply_empty(request);
}

// --- starting
// -------------------------------------------------------------------------------------

static void taskhub_reply_start(struct taskhub_call *taskhub) {
    Pb__CreateInstanceResponse response = PB__CREATE_INSTANCE_RESPONSE__INIT;
    response.instanceid = (char *)taskhub->call.id.data;
    pawl__api_reply(taskhub->request, &response.base);
}

static void taskhub_start(struct pawl_api *api, struct pawl_request *request) {
    Pb__CreateInstanceRequest *ask =
        pawl__api_unpack(request, &pb__create_instance_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    if (!*ask->instanceid) {
        pawl__api_fail(request, PAWL_E_INVALID, "the instance ID is empty");
        return;
    }
    struct taskhub_call *taskhub = taskhub_begin(
        api, request, ask->instanceid, "failed to create workflow instance: ", taskhub_reply_start);
    if (!taskhub) return;
    Pb__ExecutionStartedEvent *start =
        pawl__workflow_start_event(request, ask->instanceid, ask->name, ask->input);
    if (!start) {
        pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    start->scheduledstarttimestamp = ask->scheduledstarttimestamp;
    start->parenttracecontext = ask->parenttracecontext;
    // With a start time, even one that has passed, the call does not wait for the first turn.
    if (!ask->scheduledstarttimestamp) taskhub->then = PAWL_WAIT_STARTED;
    pawl__runtime_start(api->options.runtime, &taskhub->call, start, ask->enforceuniqueinstanceid);
}

// --- looking
// --------------------------------------------------------------------------------------

static void taskhub_reply_view(struct taskhub_call *taskhub) {
    const struct pawl_view *view = &taskhub->call.view;
    struct pawl_request *request = taskhub->request;
    Pb__GetInstanceResponse response = PB__GET_INSTANCE_RESPONSE__INIT;
    Pb__WorkflowState state = PB__WORKFLOW_STATE__INIT;
    response.exists = view->exists;
    if (view->exists) {
        response.workflowstate = &state;
        state.instanceid = (char *)view->id.data;
        state.name = (char *)view->name.data;
        state.workflowstatus = (Pb__OrchestrationStatus)view->status;
        state.createdtimestamp = pawl__api_time(request, view->created_at);
        state.lastupdatedtimestamp = pawl__api_time(request, view->updated_at);
        state.version = pawl__api_text(request, view->version);
        state.parentinstanceid = pawl__api_text(request, view->parent_id);
        state.parentappid = pawl__api_text(request, view->parent_app);
        if (view->started_at) {
            state._started_at_case = PB__WORKFLOW_STATE___STARTED_AT_STARTED_AT;
            state.startedat = pawl__api_time(request, view->started_at);
        }
        if (taskhub->with_payloads) {
            state.input = view->input;
            state.output = view->output;
            state.failuredetails = view->failure;
            if (view->has_custom_status)
                state.customstatus = pawl__api_text(request, view->custom_status.data);
        }
    }
    pawl__api_reply(request, &response.base);
}

// A call that answers with a view of the instance, or NULL after answering.
static struct taskhub_call *taskhub_begin_view(struct pawl_api *api, struct pawl_request *request) {
    const Pb__GetInstanceRequest *ask =
        pawl__api_unpack(request, &pb__get_instance_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return NULL;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid, "", taskhub_reply_view);
    if (taskhub) taskhub->with_payloads = ask->getinputsandoutputs;
    return taskhub;
}

static void taskhub_get(struct pawl_api *api, struct pawl_request *request) {
    struct taskhub_call *taskhub = taskhub_begin_view(api, request);
    if (taskhub) pawl__runtime_get(api->options.runtime, &taskhub->call);
}

static void taskhub_wait_start(struct pawl_api *api, struct pawl_request *request) {
    struct taskhub_call *taskhub = taskhub_begin_view(api, request);
    if (taskhub) pawl__runtime_wait(api->options.runtime, &taskhub->call, PAWL_WAIT_STARTED);
}

static void taskhub_wait_completion(struct pawl_api *api, struct pawl_request *request) {
    struct taskhub_call *taskhub = taskhub_begin_view(api, request);
    if (taskhub) pawl__runtime_wait(api->options.runtime, &taskhub->call, PAWL_WAIT_COMPLETED);
}

// --- events
// ---------------------------------------------------------------------------------------

static void taskhub_raise(struct pawl_api *api, struct pawl_request *request) {
    const Pb__RaiseEventRequest *ask =
        pawl__api_unpack(request, &pb__raise_event_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid, "", taskhub_reply_empty);
    Pb__EventRaisedEvent *event =
        taskhub ? pawl__arena_alloc(&request->arena, sizeof *event) : NULL;
    if (!event) {
        if (taskhub) pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    pb__event_raised_event__init(event);
    event->name = ask->name;
    event->input = ask->input;
    pawl__runtime_raise(api->options.runtime, &taskhub->call, event);
}

static void taskhub_terminate(struct pawl_api *api, struct pawl_request *request) {
    const Pb__TerminateRequest *ask = pawl__api_unpack(request, &pb__terminate_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid,
                      "failed to submit termination request: ", taskhub_reply_empty);
    Pb__ExecutionTerminatedEvent *event =
        taskhub ? pawl__arena_alloc(&request->arena, sizeof *event) : NULL;
    if (!event) {
        if (taskhub) pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    pb__execution_terminated_event__init(event);
    event->input = ask->output;
    event->recurse = ask->recursive;
    taskhub->then = PAWL_WAIT_COMPLETED;
    pawl__runtime_terminate(api->options.runtime, &taskhub->call, event);
}

// A reason that is empty counts as none.
static Google__Protobuf__StringValue *taskhub_reason(Google__Protobuf__StringValue *reason) {
    return reason && *reason->value ? reason : NULL;
}

static void taskhub_suspend(struct pawl_api *api, struct pawl_request *request) {
    const Pb__SuspendRequest *ask = pawl__api_unpack(request, &pb__suspend_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid, "", taskhub_reply_empty);
    Pb__ExecutionSuspendedEvent *event =
        taskhub ? pawl__arena_alloc(&request->arena, sizeof *event) : NULL;
    if (!event) {
        if (taskhub) pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    pb__execution_suspended_event__init(event);
    event->input = taskhub_reason(ask->reason);
    taskhub->then = PAWL_WAIT_SUSPENDED;
    pawl__runtime_suspend(api->options.runtime, &taskhub->call, event);
}

static void taskhub_resume(struct pawl_api *api, struct pawl_request *request) {
    const Pb__ResumeRequest *ask = pawl__api_unpack(request, &pb__resume_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid, "", taskhub_reply_empty);
    Pb__ExecutionResumedEvent *event =
        taskhub ? pawl__arena_alloc(&request->arena, sizeof *event) : NULL;
    if (!event) {
        if (taskhub) pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    pb__execution_resumed_event__init(event);
    event->input = taskhub_reason(ask->reason);
    taskhub->then = PAWL_WAIT_RESUMED;
    pawl__runtime_resume(api->options.runtime, &taskhub->call, event);
}

static void taskhub_reply_purge(struct taskhub_call *taskhub) {
    Pb__PurgeInstancesResponse response = PB__PURGE_INSTANCES_RESPONSE__INIT;
    response.deletedinstancecount = (int32_t)taskhub->call.count;
    pawl__api_reply(taskhub->request, &response.base);
}

static void taskhub_purge(struct pawl_api *api, struct pawl_request *request) {
    const Pb__PurgeInstancesRequest *ask =
        pawl__api_unpack(request, &pb__purge_instances_request__descriptor);
    if (!ask || !taskhub_is_here(api, request, ask->_router_case, ask->router)) return;
    if (ask->request_case != PB__PURGE_INSTANCES_REQUEST__REQUEST_INSTANCE_ID) {
        pawl__api_fail(request, PAWL_E_UNKNOWN, "multi-instance purge is not implemented");
        return;
    }
    struct taskhub_call *taskhub = taskhub_begin(
        api, request, ask->instanceid, "failed to purge workflow state: ", taskhub_reply_purge);
    if (!taskhub) return;
    pawl__runtime_purge(api->options.runtime, &taskhub->call, ask->recursive,
                        ask->_force_case && ask->force);
}

const struct pawl_api_method_row pawl__taskhub_methods[] = {
    {"/TaskHubSidecarService/Hello", taskhub_hello},
    {"/TaskHubSidecarService/StartInstance", taskhub_start},
    {"/TaskHubSidecarService/GetInstance", taskhub_get},
    {"/TaskHubSidecarService/WaitForInstanceStart", taskhub_wait_start},
    {"/TaskHubSidecarService/WaitForInstanceCompletion", taskhub_wait_completion},
    {"/TaskHubSidecarService/RaiseEvent", taskhub_raise},
    {"/TaskHubSidecarService/TerminateInstance", taskhub_terminate},
    {"/TaskHubSidecarService/SuspendInstance", taskhub_suspend},
    {"/TaskHubSidecarService/ResumeInstance", taskhub_resume},
    {"/TaskHubSidecarService/PurgeInstances", taskhub_purge},
    {NULL, NULL},
};
