#include <stdlib.h>

#include "base/id.h"
#include "engine/events.h"
#include "sdk/call.h"
#include "sdk/error.h"
#include "sdk/failure.h"
#include "wire/status.h"
#include "wire/timestamp.h"

// What a program asks for about instances.

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

// --- starting -----------------------------------------------------------------------------------

// With an id of the daemon's or the embedded engine's choice, which is then in |id|: they take one
// that they serve, and know that it is new. PAWL_E_UNIMPLEMENTED: they make none.
static enum pawl_err client_start_new(struct pawl *pawl, struct pawl_client_call *call,
                                      const Pb__CreateInstanceRequest *ask,
                                      char id[PAWL_UUID_TEXT]) {
    if (atomic_load(&pawl->names)) return PAWL_E_UNIMPLEMENTED;
    enum pawl_err err = pawl__client_call(pawl, call, PAWL_TASKHUB_START_NEW, ask, PAWL_FOREVER);
    const Pb__CreateInstanceResponse *response = (const void *)call->op.response;
    if (!err) snprintf(id, PAWL_UUID_TEXT, "%s", response->instanceid);
    if (err == PAWL_E_UNIMPLEMENTED) atomic_store(&pawl->names, true);
    return err;
}

enum pawl_err pawl_start(struct pawl *pawl, const char *name, struct pawl_text input,
                         const struct pawl_start_options *options, char *id) {
    static const struct pawl_start_options none;
    if (!options) options = &none;
    PAWL_TRY(pawl__handle_check(pawl, "pawl_start"));
    PAWL_TRY(pawl__sdk_check_name(name, "workflow's name"));
    char fresh[PAWL_UUID_TEXT] = "";
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
    char fresh[PAWL_UUID_TEXT];
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
