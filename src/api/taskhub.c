#include <stdio.h>

#include "api/internal.h"
#include "base/base64.h"
#include "wire/pb.h"

// The client's side of the TaskHub service.

struct taskhub_call {
    struct pawl_call call;
    struct pawl_api *api;
    struct pawl_request *request;
    const char *wrap;    // what errors begin with
    enum pawl_wait then; // what a command waits for when it is done; TASKHUB_NOTHING: nothing
    bool with_payloads;
    size_t page;   // list: most ids in the answer
    bool own_code; // errors cross the wire with the code that they have
    void (*reply)(struct taskhub_call *taskhub);
};

enum {
    TASKHUB_NOTHING = -1,
    TASKHUB_PAGE = 1024,   // ids in an answer
    TASKHUB_CHECK_LEN = 16 // digits in front of a token's id
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
        enum pawl_err code = taskhub->own_code ? error->code : taskhub_code(error->code);
        pawl__api_fail(taskhub->request, code, "%s%s", taskhub->wrap, error->text);
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

// The history's events are field 3 there, as in a work item, and field 1 of the answer.
static void taskhub_reply_history(struct taskhub_call *taskhub) {
    struct pawl_str history = taskhub->call.history;
    char *bytes = (char *)history.data; // the call's own copy
    size_t at = 0;
    for (struct pawl_event_view event; pawl__history_next(history, &at, &event);)
        bytes[event.offset] = 1 << 3 | PAWL_PB_BYTES;
    pawl__grpc_respond(taskhub->request, history);
}

static void taskhub_history(struct pawl_api *api, struct pawl_request *request) {
    const Pb__GetInstanceHistoryRequest *ask =
        pawl__api_unpack(request, &pb__get_instance_history_request__descriptor);
    if (!ask) return;
    struct taskhub_call *taskhub =
        taskhub_begin(api, request, ask->instanceid, "", taskhub_reply_history);
    if (!taskhub) return;
    taskhub->own_code = true;
    pawl__runtime_history(api->options.runtime, &taskhub->call);
}

// A list goes on after the last id that was given. The token is that id, made opaque so that nobody
// builds on it, behind a check that tells tokens from what is none.
static void taskhub_token_check(struct pawl_str id, char out[TASKHUB_CHECK_LEN + 1]) {
    snprintf(out, TASKHUB_CHECK_LEN + 1, "%016llx", (unsigned long long)pawl__str_hash(id));
}

// NULL when memory is out.
static char *taskhub_make_token(struct pawl_arena *arena, struct pawl_str id) {
    char check[TASKHUB_CHECK_LEN + 1];
    struct pawl_buf plain = {0}, token = {0};
    taskhub_token_check(id, check);
    pawl__buf_format(&plain, "%s%.*s", check, PAWL_FMT(id));
    pawl__base64_encode(&token, pawl__buf_str(&plain));
    bool ok = !plain.failed && !token.failed;
    char *copy = ok ? pawl__arena_dup(arena, pawl__buf_str(&token)) : NULL;
    pawl__buf_finish(&plain);
    pawl__buf_finish(&token);
    return copy;
}

// Reads the id of |token| into |arena|.
static enum pawl_err taskhub_read_token(struct pawl_arena *arena, const char *token,
                                        struct pawl_str *id) {
    struct pawl_buf plain = {0};
    bool good = pawl__base64_decode(&plain, pawl__str(token)) && plain.len > TASKHUB_CHECK_LEN;
    enum pawl_err err = plain.failed ? PAWL_E_NOMEM : good ? PAWL_OK : PAWL_E_INVALID;
    if (!err) {
        char check[TASKHUB_CHECK_LEN + 1];
        *id = (struct pawl_str){(char *)plain.data + TASKHUB_CHECK_LEN,
                                plain.len - TASKHUB_CHECK_LEN};
        taskhub_token_check(*id, check);
        id->data = pawl__arena_dup(arena, *id);
        if (!id->data)
            err = PAWL_E_NOMEM;
        else if (memcmp(check, plain.data, TASKHUB_CHECK_LEN) != 0)
            err = PAWL_E_INVALID;
    }
    pawl__buf_finish(&plain);
    return err;
}

static void taskhub_reply_list(struct taskhub_call *taskhub) {
    struct pawl_arena *arena = &taskhub->request->arena;
    const struct pawl_call *call = &taskhub->call;
    bool more = call->id_count > taskhub->page;
    size_t count = more ? taskhub->page : call->id_count;
    Pb__ListInstanceIDsResponse response = PB__LIST_INSTANCE_IDS_RESPONSE__INIT;
    response.n_instanceids = count;
    response.instanceids = pawl__arena_alloc(arena, count * sizeof(char *));
    if (more) {
        response._continuation_token_case =
            PB__LIST_INSTANCE_IDS_RESPONSE___CONTINUATION_TOKEN_CONTINUATION_TOKEN;
        response.continuationtoken = taskhub_make_token(arena, call->ids[count - 1]);
    }
    if (!response.instanceids || (more && !response.continuationtoken)) {
        pawl__api_fail(taskhub->request, PAWL_E_NOMEM, "out of memory");
        return;
    }
    for (size_t i = 0; i < count; i++) response.instanceids[i] = (char *)call->ids[i].data;
    pawl__api_reply(taskhub->request, &response.base);
}

static void taskhub_list(struct pawl_api *api, struct pawl_request *request) {
    const Pb__ListInstanceIDsRequest *ask =
        pawl__api_unpack(request, &pb__list_instance_ids_request__descriptor);
    if (!ask) return;
    struct pawl_str after = PAWL_STR("");
    if (ask->_continuation_token_case && *ask->continuationtoken) {
        enum pawl_err err = taskhub_read_token(&request->arena, ask->continuationtoken, &after);
        if (err) {
            pawl__api_fail(request, err, "%s",
                           err == PAWL_E_INVALID ? "the continuation token is not one of ours"
                                                 : "out of memory");
            return;
        }
    }
    struct taskhub_call *taskhub = taskhub_begin(api, request, "", "", taskhub_reply_list);
    if (!taskhub) return;
    taskhub->page = ask->_page_size_case ? ask->pagesize : 0;
    if (taskhub->page == 0 || taskhub->page > TASKHUB_PAGE) taskhub->page = TASKHUB_PAGE;
    // One more than fits tells whether there are more.
    pawl__runtime_list(api->options.runtime, &taskhub->call, after, taskhub->page + 1);
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
    {"/TaskHubSidecarService/GetInstanceHistory", taskhub_history},
    {"/TaskHubSidecarService/ListInstanceIDs", taskhub_list},
    {NULL, NULL},
};
