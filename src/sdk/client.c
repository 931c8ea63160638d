#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "engine/events.h"
#include "sdk/call.h"
#include "sdk/error.h"
#include "sdk/failure.h"

#include "wire/status.h"
#include "wire/timestamp.h"

// Calls that a program makes and waits for.

enum {
    CLIENT_AGAIN = 200, // milliseconds until waits that nobody answers are asked for again
};

#define CLIENT_LOOK (100 * PAWL_MILLISECOND) // until it is seen that a signal ends the call

static bool client_is_wait(const struct pawl_client_call *call) {
    return call->op.method == &pawl__methods[PAWL_TASKHUB_WAIT_COMPLETION];
}

static void client_end_call(struct pawl_client_call *call) {
    call->over = true;
    pawl__list_remove(&call->link);
    pawl__done_set(&call->done);
}

// Asks again for all waits that are paused.
static void client_on_again(uv_timer_t *timer) {
    struct pawl_loop *loop = timer->data;
    struct pawl_link waits; // a call may end at once, or pause again
    pawl__link_init(&waits);
    pawl__list_move(&waits, &loop->waits);
    for (struct pawl_client_call *call;
         (call = PAWL_LIST_TAKE(struct pawl_client_call, &waits, link));) {
        pawl__list_add(&loop->waits, &call->link);
        if (!call->paused) continue;
        call->paused = false;
        pawl__arena_reset(&call->op.arena); // a wait's request is not in it
        loop->transport->ops->call(loop->transport, &call->op);
    }
}

// Whether a wait goes on although it has failed: what has served this program may come back.
static bool client_waits_on(const struct pawl_client_call *call) {
    return call->op.error.code == PAWL_E_UNAVAILABLE && client_is_wait(call) &&
           !call->loop->closing && atomic_load(&call->loop->pawl->ready.is_set);
}

static void client_on_done(struct pawl_op *op) {
    struct pawl_client_call *call = op->data;
    if (!client_waits_on(call)) {
        client_end_call(call);
        return;
    }
    call->paused = true;
    uv_timer_t *again = &call->loop->again;
    if (!uv_is_active((uv_handle_t *)again))
        uv_timer_start(again, client_on_again, CLIENT_AGAIN, 0);
}

static void client_begin(struct pawl_job *job) {
    struct pawl_client_call *call = PAWL_CONTAINER(job, struct pawl_client_call, begin);
    struct pawl_loop *loop = call->loop;
    bool waits = client_is_wait(call);
    pawl__link_init(&call->link);
    if (waits ? loop->closing : !loop->transport) {
        pawl__fail(&call->op.error, PAWL_E_CANCELED, "the program is closing Pawl");
        client_end_call(call);
        return;
    }
    if (waits) pawl__list_add(&loop->waits, &call->link);
    loop->transport->ops->call(loop->transport, &call->op);
}

// Gives a call up that is not over yet.
static void client_give_up(struct pawl_client_call *call, enum pawl_err code, const char *why) {
    struct pawl_loop *loop = call->loop;
    struct pawl_error reason = call->op.error; // why it is paused
    if (!call->paused) loop->transport->ops->cancel(loop->transport, &call->op);
    pawl__fail(&call->op.error, code, "%s%s%s", why, call->paused ? ": " : "",
               call->paused ? reason.text : "");
    client_end_call(call);
}

static void client_end(struct pawl_job *job) {
    struct pawl_client_call *call = PAWL_CONTAINER(job, struct pawl_client_call, end);
    if (!call->over) client_give_up(call, call->why, pawl_error_text(call->why));
    pawl__done_set(&call->ended);
}

// False, with the reason in |call->why|: it is to be given up.
static bool client_wait(struct pawl *pawl, struct pawl_client_call *call, int64_t until) {
    for (;;) {
        int64_t look =
            pawl->stopped ? pawl__clock_add(pawl__clock_steady(), CLIENT_LOOK) : INT64_MAX;
        if (pawl__handle_wait(pawl, &call->done, look < until ? look : until)) return true;
        bool stopped = pawl->stopped && *pawl->stopped;
        call->why = stopped ? PAWL_E_CANCELED : PAWL_E_DEADLINE;
        if (stopped || look >= until) return false;
    }
}

void pawl__client_end_waits(struct pawl_loop *loop) {
    loop->closing = true;
    for (struct pawl_client_call *call;
         (call = PAWL_LIST_TAKE(struct pawl_client_call, &loop->waits, link));)
        client_give_up(call, PAWL_E_CANCELED, "the program is closing Pawl");
}

// The instance that a request names; NULL: none.
static const char *client_instance(enum pawl_taskhub_method method, const void *request) {
    size_t offset = pawl__methods[method].id;
    return offset ? *(char *const *)(const void *)((const char *)request + offset) : NULL;
}

enum pawl_err pawl__client_call(struct pawl *pawl, struct pawl_client_call *call,
                                enum pawl_taskhub_method method, const void *request,
                                int64_t timeout) {
    int64_t until = pawl__clock_add(pawl__clock_steady(), timeout);
    call->loop = method == PAWL_TASKHUB_START_NEW
                     ? pawl__handle_next_loop(pawl)
                     : pawl__handle_loop(pawl, client_instance(method, request));
    call->op.method = &pawl__methods[method];
    call->op.request = request;
    call->op.done = client_on_done;
    call->op.data = call;
    call->begin.done = client_begin;
    call->end.done = client_end;
    pawl__done_init(&call->done);
    pawl__jobs_post(&call->loop->inbox, &call->begin);
    if (!client_wait(pawl, call, until)) {
        pawl__done_init(&call->ended);
        pawl__jobs_post(&call->loop->inbox, &call->end);
        pawl__handle_wait(pawl, &call->ended, INT64_MAX);
    }
    const struct pawl_error *error = &call->op.error;
    if (error->code && call->about && !strstr(error->text, call->about))
        return pawl__sdk_fail(error->code, "%s (instance '%s')", error->text, call->about);
    return error->code ? pawl__sdk_fail_with(error) : PAWL_OK;
}

enum pawl_err pawl__client_finish(struct pawl_client_call *call, enum pawl_err err) {
    pawl__arena_finish(&call->op.arena);
    return err;
}

static Google__Protobuf__StringValue client_value(const char *text) {
    Google__Protobuf__StringValue value = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    value.value = (char *)text;
    return value;
}

// A payload as a terminated string, in the call's arena.
static enum pawl_err client_payload(struct pawl_client_call *call, struct pawl_text text,
                                    const char *what, const char *of,
                                    Google__Protobuf__StringValue **out) {
    *out = NULL;
    PAWL_TRY(pawl__sdk_check_payload(text, what, of));
    if (!text.data) return PAWL_OK;
    char *copy = pawl__arena_dup(&call->op.arena, (struct pawl_str){text.data, text.len});
    *out = copy ? pawl__string_value(&call->op.arena, copy) : NULL;
    return *out ? PAWL_OK : pawl__sdk_fail_nomem();
}

enum pawl_err pawl__client_check(struct pawl *pawl, const char *id, const char *what) {
    PAWL_TRY(pawl__handle_check(pawl, what));
    return pawl__sdk_check_name(id, "instance id");
}

// --- starting -----------------------------------------------------------------------------------

// With an id of the daemon's or the embedded engine's choice, which is then in |id|: they take one
// that they serve, and know that it is new. PAWL_E_UNIMPLEMENTED: they make none.
static enum pawl_err client_start_new(struct pawl *pawl, struct pawl_client_call *call,
                                      const Pb__CreateInstanceRequest *ask, char id[37]) {
    if (atomic_load(&pawl->names)) return PAWL_E_UNIMPLEMENTED;
    enum pawl_err err = pawl__client_call(pawl, call, PAWL_TASKHUB_START_NEW, ask, PAWL_FOREVER);
    const Pb__CreateInstanceResponse *response = (const void *)call->op.response;
    if (!err) snprintf(id, 37, "%s", response->instanceid);
    if (err == PAWL_E_UNIMPLEMENTED) atomic_store(&pawl->names, true);
    return err;
}

enum pawl_err pawl_start(struct pawl *pawl, const char *name, struct pawl_text input,
                         const struct pawl_start_options *options, char *id) {
    static const struct pawl_start_options none;
    if (!options) options = &none;
    PAWL_TRY(pawl__handle_check(pawl, "pawl_start"));
    PAWL_TRY(pawl__sdk_check_name(name, "workflow's name"));
    char fresh[37] = "";
    if (options->id) PAWL_TRY(pawl__sdk_check_name(options->id, "instance id"));
    if (options->app_id) PAWL_TRY(pawl__sdk_check_name(options->app_id, "app id"));
    struct pawl_client_call call = {0};
    Pb__CreateInstanceRequest ask = PB__CREATE_INSTANCE_REQUEST__INIT;
    Pb__TaskRouter router = PB__TASK_ROUTER__INIT;
    if (options->app_id) {
        router._target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
        router.targetappid = (char *)options->app_id;
        ask._router_case = PB__CREATE_INSTANCE_REQUEST___ROUTER_ROUTER;
        ask.router = &router;
    }
    ask.instanceid = options->id ? (char *)options->id : fresh;
    ask.name = (char *)name;
    ask.enforceuniqueinstanceid = options->reuse == PAWL_REUSE_NEVER;
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    if (options->start_at) {
        pawl__timestamp_set(&at, options->start_at);
        ask.scheduledstarttimestamp = &at;
    }
    enum pawl_err err = client_payload(&call, input, "input", name, &ask.input);
    bool is_new = !options->id && !options->app_id;
    if (!err && is_new) err = client_start_new(pawl, &call, &ask, fresh);
    if (is_new ? err == PAWL_E_UNIMPLEMENTED : !err) {
        if (!options->id) pawl__id_new(fresh);
        err = pawl__client_call(pawl, &call, PAWL_TASKHUB_START, &ask, PAWL_FOREVER);
    }
    if (!err && id && !options->id) memcpy(id, fresh, sizeof fresh);
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_rerun(struct pawl *pawl, const char *source, uint32_t event_id,
                         const struct pawl_rerun_options *options, char *id) {
    static const struct pawl_rerun_options none;
    if (!options) options = &none;
    PAWL_TRY(pawl__client_check(pawl, source, "pawl_rerun"));
    if (options->id) PAWL_TRY(pawl__sdk_check_name(options->id, "instance id"));
    if (options->child_id) PAWL_TRY(pawl__sdk_check_name(options->child_id, "child's id"));
    if (options->input.data && !options->overwrite_input)
        return pawl__sdk_fail(PAWL_E_INVALID,
                              "pawl_rerun was given an input, but overwrite_input is false");
    char fresh[37];
    if (!options->id) pawl__id_new(fresh);
    struct pawl_client_call call = {.about = source};
    Pb__RerunWorkflowFromEventRequest ask = PB__RERUN_WORKFLOW_FROM_EVENT_REQUEST__INIT;
    ask.sourceinstanceid = (char *)source;
    ask.eventid = event_id;
    ask._new_instance_id_case =
        PB__RERUN_WORKFLOW_FROM_EVENT_REQUEST___NEW_INSTANCE_ID_NEW_INSTANCE_ID;
    ask.newinstanceid = options->id ? (char *)options->id : fresh;
    ask.overwriteinput = options->overwrite_input;
    if (options->child_id) {
        ask._new_child_workflow_instance_id_case =
            PB__RERUN_WORKFLOW_FROM_EVENT_REQUEST___NEW_CHILD_WORKFLOW_INSTANCE_ID_NEW_CHILD_WORKFLOW_INSTANCE_ID;
        ask.newchildworkflowinstanceid = (char *)options->child_id;
    }
    enum pawl_err err = client_payload(&call, options->input, "input", "pawl_rerun", &ask.input);
    if (!err) err = pawl__client_call(pawl, &call, PAWL_TASKHUB_RERUN, &ask, PAWL_FOREVER);
    if (!err && id && !options->id) memcpy(id, fresh, sizeof fresh);
    return pawl__client_finish(&call, err);
}

// --- looking ------------------------------------------------------------------------------------

// An info, and the memory of all that it points to.
struct client_info {
    struct pawl_info info;
    struct pawl_arena arena;
};

static struct pawl_text client_text(const Google__Protobuf__StringValue *value) {
    return pawl_text(pawl__string_of(value));
}

static int64_t client_time(const Google__Protobuf__Timestamp *stamp) {
    return stamp ? pawl__timestamp_get(stamp) : 0;
}

// False when memory is out.
static bool client_tags(struct pawl_arena *arena, const Pb__WorkflowState *state,
                        struct pawl_info *info) {
    if (!state->n_tags) return true;
    struct pawl_tag *tags = pawl__arena_alloc(arena, state->n_tags * sizeof *tags);
    if (!tags) return false;
    for (size_t i = 0; i < state->n_tags; i++)
        tags[i] = (struct pawl_tag){state->tags[i]->key, state->tags[i]->value};
    info->tags = tags;
    info->tag_count = state->n_tags;
    return true;
}

bool pawl__client_info(struct pawl_arena *arena, const Pb__WorkflowState *state,
                       struct pawl_info *info) {
    *info = (struct pawl_info){
        .id = state->instanceid,
        .name = state->name,
        .version = pawl__string_of(state->version),
        .status = (enum pawl_status)state->workflowstatus,
        .created_at = client_time(state->createdtimestamp),
        .updated_at = client_time(state->lastupdatedtimestamp),
        .input = client_text(state->input),
        .output = client_text(state->output),
        .custom_status = client_text(state->customstatus),
        .parent_id = pawl__string_of(state->parentinstanceid),
    };
    if (state->failuredetails) info->failure = pawl__failure_unpack(arena, state->failuredetails);
    return client_tags(arena, state, info) && (info->failure || !state->failuredetails);
}

// Takes over the call's arena, which holds |state|. NULL when memory is out.
static struct pawl_info *client_info(struct pawl_client_call *call,
                                     const Pb__WorkflowState *state) {
    struct client_info *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    // The id of an instance in this process is the caller's memory.
    const char *id = pawl__arena_dup(&call->op.arena, pawl__str(state->instanceid));
    if (!id || !pawl__client_info(&call->op.arena, state, &made->info)) {
        free(made);
        return NULL;
    }
    made->info.id = id;
    made->arena = call->op.arena;
    call->op.arena = (struct pawl_arena){0};
    return &made->info;
}

void pawl_info_free(struct pawl_info *info) {
    if (!info) return;
    struct client_info *made = PAWL_CONTAINER(info, struct client_info, info);
    pawl__arena_finish(&made->arena);
    free(made);
}

static enum pawl_err client_look(struct pawl *pawl, const char *id, enum pawl_taskhub_method method,
                                 int64_t timeout, struct pawl_info **out) {
    struct pawl_client_call call = {0};
    Pb__GetInstanceRequest ask = PB__GET_INSTANCE_REQUEST__INIT;
    ask.instanceid = (char *)id;
    ask.getinputsandoutputs = true;
    enum pawl_err err = pawl__client_call(pawl, &call, method, &ask, timeout);
    if (err == PAWL_E_DEADLINE)
        pawl__sdk_fail(err, "instance '%s' has not ended in time%s%s", id, call.paused ? ": " : "",
                       call.paused ? call.op.error.text : "");
    if (err) return pawl__client_finish(&call, err);
    const Pb__GetInstanceResponse *response = (const void *)call.op.response;
    if (!response->exists || !response->workflowstate) {
        err = pawl__sdk_fail(PAWL_E_NOT_FOUND, "there is no instance '%s'", id);
    } else if (out) {
        *out = client_info(&call, response->workflowstate);
        if (!*out) err = pawl__sdk_fail_nomem();
    }
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_get(struct pawl *pawl, const char *id, struct pawl_info **out) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_get"));
    return client_look(pawl, id, PAWL_TASKHUB_GET, PAWL_FOREVER, out);
}

enum pawl_err pawl_wait(struct pawl *pawl, const char *id, int64_t timeout,
                        struct pawl_info **out) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_wait"));
    if (timeout < 0) return pawl__sdk_fail(PAWL_E_INVALID, "the timeout is negative");
    return client_look(pawl, id, PAWL_TASKHUB_WAIT_COMPLETION, timeout, out);
}

const char *pawl_status_text(enum pawl_status status) {
    return pawl__status_name((int32_t)status);
}

// --- commands -----------------------------------------------------------------------------------

// Makes the call |soon|, which is answered once the command is on record, or |method|, whose answer
// waits for a worker: a daemon from before there was the other takes no other.
static enum pawl_err client_command(struct pawl *pawl, struct pawl_client_call *call, bool waits,
                                    enum pawl_taskhub_method method, enum pawl_taskhub_method soon,
                                    const void *ask) {
    if (!waits && !atomic_load(&pawl->waits)) {
        enum pawl_err err = pawl__client_call(pawl, call, soon, ask, PAWL_FOREVER);
        if (err != PAWL_E_UNIMPLEMENTED) return err;
        atomic_store(&pawl->waits, true);
    }
    return pawl__client_call(pawl, call, method, ask, PAWL_FOREVER);
}

enum pawl_err pawl_raise(struct pawl *pawl, const char *id, const char *event,
                         struct pawl_text data) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_raise"));
    PAWL_TRY(pawl__sdk_check_name(event, "event's name"));
    struct pawl_client_call call = {.about = id};
    Pb__RaiseEventRequest ask = PB__RAISE_EVENT_REQUEST__INIT;
    ask.instanceid = (char *)id;
    ask.name = (char *)event;
    enum pawl_err err = client_payload(&call, data, "data", event, &ask.input);
    if (!err) err = pawl__client_call(pawl, &call, PAWL_TASKHUB_RAISE, &ask, PAWL_FOREVER);
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl__suspend(struct pawl *pawl, const char *id, const char *reason, bool waits) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_suspend"));
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(reason), "reason", "pawl_suspend"));
    struct pawl_client_call call = {.about = id};
    Pb__SuspendRequest ask = PB__SUSPEND_REQUEST__INIT;
    Google__Protobuf__StringValue value = client_value(reason);
    ask.instanceid = (char *)id;
    ask.reason = reason ? &value : NULL;
    return pawl__client_finish(&call, client_command(pawl, &call, waits, PAWL_TASKHUB_SUSPEND,
                                                     PAWL_TASKHUB_SUSPEND_SOON, &ask));
}

enum pawl_err pawl_suspend(struct pawl *pawl, const char *id, const char *reason) {
    return pawl__suspend(pawl, id, reason, true);
}

enum pawl_err pawl__resume(struct pawl *pawl, const char *id, const char *reason, bool waits) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_resume"));
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(reason), "reason", "pawl_resume"));
    struct pawl_client_call call = {.about = id};
    Pb__ResumeRequest ask = PB__RESUME_REQUEST__INIT;
    Google__Protobuf__StringValue value = client_value(reason);
    ask.instanceid = (char *)id;
    ask.reason = reason ? &value : NULL;
    return pawl__client_finish(&call, client_command(pawl, &call, waits, PAWL_TASKHUB_RESUME,
                                                     PAWL_TASKHUB_RESUME_SOON, &ask));
}

enum pawl_err pawl_resume(struct pawl *pawl, const char *id, const char *reason) {
    return pawl__resume(pawl, id, reason, true);
}

enum pawl_err pawl__terminate(struct pawl *pawl, const char *id, struct pawl_text output,
                              bool recursive, bool waits) {
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_terminate"));
    struct pawl_client_call call = {.about = id};
    Pb__TerminateRequest ask = PB__TERMINATE_REQUEST__INIT;
    ask.instanceid = (char *)id;
    ask.recursive = recursive;
    enum pawl_err err = client_payload(&call, output, "output", "pawl_terminate", &ask.output);
    if (!err)
        err = client_command(pawl, &call, waits, PAWL_TASKHUB_TERMINATE,
                             PAWL_TASKHUB_TERMINATE_SOON, &ask);
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_terminate(struct pawl *pawl, const char *id, struct pawl_text output,
                             bool recursive) {
    return pawl__terminate(pawl, id, output, recursive, true);
}

static enum pawl_err client_purge(struct pawl *pawl, const char *id, bool recursive, bool force,
                                  uint32_t *count) {
    PAWL_TRY(pawl__client_check(pawl, id, force ? "pawl_purge_force" : "pawl_purge"));
    struct pawl_client_call call = {.about = id};
    Pb__PurgeInstancesRequest ask = PB__PURGE_INSTANCES_REQUEST__INIT;
    ask.request_case = PB__PURGE_INSTANCES_REQUEST__REQUEST_INSTANCE_ID;
    ask.instanceid = (char *)id;
    ask.recursive = recursive;
    if (force) ask._force_case = PB__PURGE_INSTANCES_REQUEST___FORCE_FORCE;
    ask.force = force;
    enum pawl_err err = pawl__client_call(pawl, &call, PAWL_TASKHUB_PURGE, &ask, PAWL_FOREVER);
    if (!err && count)
        *count = (uint32_t)((const Pb__PurgeInstancesResponse *)(const void *)call.op.response)
                     ->deletedinstancecount;
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_purge(struct pawl *pawl, const char *id, bool recursive, uint32_t *count) {
    return client_purge(pawl, id, recursive, false, count);
}

enum pawl_err pawl_purge_force(struct pawl *pawl, const char *id, bool recursive, uint32_t *count) {
    return client_purge(pawl, id, recursive, true, count);
}

// --- activities that are completed later --------------------------------------------------------

static enum pawl_err client_complete(struct pawl *pawl, const char *token, struct pawl_text result,
                                     Pb__TaskFailureDetails *failure) {
    struct pawl_client_call call = {0};
    Pb__ActivityResponse answer = PB__ACTIVITY_RESPONSE__INIT;
    enum pawl_err err = PAWL_OK;
    if (!token || !pawl__activity_token_read(&call.op.arena, token, &answer))
        err = pawl__sdk_fail(PAWL_E_INVALID, "'%s' is not a token of pawl_activity_later",
                             token ? token : "");
    answer.failuredetails = failure;
    if (!err) err = client_payload(&call, result, "result", "pawl_complete", &answer.result);
    if (!err)
        err = pawl__client_call(pawl, &call, PAWL_TASKHUB_COMPLETE_ACTIVITY, &answer, PAWL_FOREVER);
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_complete(struct pawl *pawl, const char *token, struct pawl_text result) {
    PAWL_TRY(pawl__handle_check(pawl, "pawl_complete"));
    return client_complete(pawl, token, result, NULL);
}

enum pawl_err pawl_complete_failed(struct pawl *pawl, const char *token, const char *type,
                                   const char *message) {
    PAWL_TRY(pawl__handle_check(pawl, "pawl_complete_failed"));
    PAWL_TRY(pawl__sdk_check_name(type, "failure's type"));
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(message), "message", "pawl_complete_failed"));
    Pb__TaskFailureDetails details = PB__TASK_FAILURE_DETAILS__INIT;
    details.errortype = (char *)type;
    details.errormessage = (char *)(message ? message : "");
    return client_complete(pawl, token, (struct pawl_text){NULL, 0}, &details);
}
