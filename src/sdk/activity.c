#include "sdk/activity.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/events.h"
#include "sdk/caller.h"
#include "sdk/error.h"
#include "wire/pack.h"

struct pawl_activity_deferred {
    struct pawl_activity_deferred *next;
    void (*function)(void *arg);
    void *arg;
};

// Of a pool's threads: what it runs.
static _Thread_local const struct pawl_activity_run *activity_running;

static struct pawl_activity_run *activity_run(const struct pawl_activity *activity) {
    return PAWL_CONTAINER(activity, struct pawl_activity_run, activity);
}

// --- what the function calls --------------------------------------------------------------------

enum pawl_err pawl_activity_return(struct pawl_activity *activity, struct pawl_text result) {
    struct pawl_activity_run *run = activity_run(activity);
    PAWL_TRY(pawl__sdk_check_payload(result, "result", activity->name));
    run->result = (struct pawl_text){NULL, 0};
    if (!result.data) return PAWL_OK;
    char *copy = pawl__arena_dup(&run->arena, (struct pawl_str){result.data, result.len});
    if (!copy) return pawl__sdk_fail_nomem();
    run->result = (struct pawl_text){copy, result.len};
    return PAWL_OK;
}

enum pawl_err pawl_activity_fail(struct pawl_activity *activity, const char *type,
                                 const char *format, ...) {
    struct pawl_activity_run *run = activity_run(activity);
    char text[1024];
    va_list args;
    va_start(args, format);
    pawl__str_vformat(text, sizeof text, format, args);
    va_end(args);
    PAWL_TRY(pawl__sdk_check_payload(pawl_text(text), "failure", activity->name));
    PAWL_TRY(pawl__sdk_check_name(type, "failure's type"));
    run->failure_type = pawl__arena_dup(&run->arena, pawl__str(type));
    run->failure_message = pawl__arena_dup(&run->arena, pawl__str(text));
    if (!run->failure_type || !run->failure_message) return pawl__sdk_fail_nomem();
    return pawl__sdk_fail(PAWL_E_FAILED, "%s", text);
}

void pawl_activity_fail_finally(struct pawl_activity *activity) {
    activity_run(activity)->is_final = true;
}

enum pawl_err pawl_activity_shape_error(struct pawl_activity *activity, const char *why) {
    struct pawl_str shown =
        pawl__str_shorten((struct pawl_str){activity->input.data, activity->input.len}, 200);
    pawl_activity_fail_finally(activity);
    pawl_activity_fail(activity, "PayloadShape",
                       "activity '%s' (instance '%s', sequence number %d) was given a payload of "
                       "the wrong shape: %s; it is: %.*s",
                       activity->name, activity->instance_id, activity->sequence_number, why,
                       PAWL_FMT(shown));
    return pawl__sdk_fail(PAWL_E_INVALID, "%s", pawl_last_error()->text);
}

bool pawl_activity_is_canceled(const struct pawl_activity *activity) {
    return atomic_load(&activity_run(activity)->pool->canceled);
}

enum pawl_err pawl_activity_defer(struct pawl_activity *activity, void (*function)(void *arg),
                                  void *arg) {
    struct pawl_activity_run *run = activity_run(activity);
    struct pawl_activity_deferred *deferred = pawl__arena_alloc(&run->arena, sizeof *deferred);
    if (!deferred) {
        function(arg);
        return pawl__sdk_fail_nomem();
    }
    *deferred = (struct pawl_activity_deferred){run->deferred, function, arg};
    run->deferred = deferred;
    return PAWL_OK;
}

enum pawl_err pawl_activity_caller(struct pawl_activity *activity, const struct pawl_caller **out) {
    struct pawl_activity_run *run = activity_run(activity);
    *out = run->caller;
    if (*out || !run->propagated) return PAWL_OK;
    enum pawl_err err =
        pawl__caller_read(&run->arena, run->propagated, "activity", activity->name, out);
    run->caller = *out;
    return err;
}

// --- tokens: "<sequence number>:<completion token>:<instance id>" -------------------------------

char *pawl_activity_later(struct pawl_activity *activity) {
    struct pawl_activity_run *run = activity_run(activity);
    size_t size = strlen(run->token) + strlen(activity->instance_id) + 16;
    char *token = malloc(size);
    if (!token) {
        pawl__sdk_fail_nomem();
        return NULL;
    }
    snprintf(token, size, "%d:%s:%s", activity->sequence_number, run->token, activity->instance_id);
    run->is_later = true;
    return token;
}

bool pawl__activity_token_read(struct pawl_arena *arena, const char *token,
                               Pb__ActivityResponse *out) {
    struct pawl_str rest = pawl__str(token);
    int64_t id;
    if (!pawl__str_to_int(pawl__str_cut(&rest, ':'), 0, INT32_MAX, &id)) return false;
    struct pawl_str completion = pawl__str_cut(&rest, ':');
    if (!completion.len || !rest.len) return false;
    out->taskid = (int32_t)id;
    out->completiontoken = pawl__arena_dup(arena, completion);
    out->instanceid = pawl__arena_dup(arena, rest);
    return out->completiontoken && out->instanceid;
}

// --- runs ---------------------------------------------------------------------------------------

struct pawl_activity_run *pawl__activity_run_create(struct pawl_arena *arena,
                                                    const Pb__ActivityRequest *request,
                                                    struct pawl_str token) {
    struct pawl_activity_run *run = pawl__arena_zalloc(arena, sizeof *run);
    if (!run) return NULL;
    run->token = pawl__arena_dup(arena, token);
    if (!run->token) return NULL;
    pawl__link_init(&run->job.link);
    run->activity = (struct pawl_activity){
        .name = request->name,
        .instance_id = request->workflowinstance ? request->workflowinstance->instanceid : "",
        .task_execution_id = request->taskexecutionid,
        .sequence_number = request->taskid,
        .attempt = request->attempt,
        .input = pawl_text(pawl__string_of(request->input)),
    };
    if (request->_propagated_history_case) run->propagated = request->propagatedhistory;
    run->arena = *arena; // which holds |run| itself
    *arena = (struct pawl_arena){0};
    return run;
}

void pawl__activity_execute(struct pawl_activity_run *run) {
    pawl__sdk_clear_error();
    if (run->entry) {
        run->activity.arg = run->entry->arg;
        run->err = run->entry->function(&run->activity);
    } else {
        run->err = pawl_activity_fail(
            &run->activity, "TaskActivityNotRegistered",
            "activity named '%s' is not registered: no pawl_add_activity named it (instance '%s', "
            "sequence number %d)",
            run->activity.name, run->activity.instance_id, run->activity.sequence_number);
    }
    if (run->err && !run->failure_type && !run->is_later)
        pawl_activity_fail(&run->activity, "ActivityError", "%s", pawl__sdk_error_text(run->err));
    for (; run->deferred; run->deferred = run->deferred->next)
        run->deferred->function(run->deferred->arg);
}

Pb__ActivityResponse *pawl__activity_run_answer(struct pawl_activity_run *run) {
    Pb__ActivityResponse *answer = pawl__wire_new(&run->arena, &pb__activity_response__descriptor);
    if (!answer) return NULL;
    answer->instanceid = (char *)run->activity.instance_id;
    answer->taskid = run->activity.sequence_number;
    answer->completiontoken = run->token;
    if (!run->err) {
        answer->result = pawl__string_value(&run->arena, (char *)run->result.data);
        return answer->result || !run->result.data ? answer : NULL;
    }
    Pb__TaskFailureDetails *details =
        pawl__wire_new(&run->arena, &pb__task_failure_details__descriptor);
    if (!details || !run->failure_type) return NULL;
    details->errortype = (char *)run->failure_type;
    details->errormessage = (char *)run->failure_message;
    details->isnonretriable = run->is_final;
    answer->failuredetails = details;
    return answer;
}

// --- the pool -----------------------------------------------------------------------------------

void pawl__activity_execute_job(struct pawl_job *job) {
    struct pawl_activity_run *run = PAWL_CONTAINER(job, struct pawl_activity_run, job);
    activity_running = run;
    pawl__activity_execute(run);
    activity_running = NULL;
}

const struct pawl_activity *pawl__activity_current(const struct pawl *pawl) {
    const struct pawl_activity_run *run = activity_running;
    return run && run->activity.pawl == pawl ? &run->activity : NULL;
}
