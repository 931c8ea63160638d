#include "engine/events.h"
#include "sdk/error.h"
#include "sdk/execution.h"
#include "wire/pack.h"

// What a workflow tells other workflows, without waiting for anything: to start, to take an event,
// to end.

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

static bool others_add_tags(struct pawl_workflow *wf, const struct pawl_start_options *options,
                            Pb__CreateDetachedWorkflowAction *body) {
    if (!options->tag_count) return true;
    body->tags = pawl__arena_alloc(&wf->arena, options->tag_count * sizeof *body->tags);
    if (!body->tags) return false;
    for (size_t i = 0; i < options->tag_count; i++) {
        Pb__CreateDetachedWorkflowAction__TagsEntry *tag = pawl__wire_new(
            &wf->arena, &pb__create_detached_workflow_action__tags_entry__descriptor);
        if (!tag) return false;
        tag->key = pawl__arena_dup(&wf->arena, pawl__str(options->tags[i].name));
        tag->value = pawl__arena_dup(&wf->arena, pawl__str(options->tags[i].value));
        if (!tag->key || !tag->value) return false;
        body->tags[body->n_tags++] = tag;
    }
    return true;
}

// Leads |action| to the app |id|, NULL: this one. False: memory is out.
static bool others_route(struct pawl_workflow *wf, struct pawl_action *action, const char *id) {
    const char *copy = id ? pawl__arena_dup(&wf->arena, pawl__str(id)) : NULL;
    return (copy || !id) && pawl__execution_route(wf, &action->message, copy);
}

enum pawl_err pawl_start_detached(struct pawl_workflow *wf, const char *name,
                                  struct pawl_text input, const struct pawl_start_options *options,
                                  char *id) {
    static const struct pawl_start_options none;
    if (!options) options = &none;
    if (!pawl__execution_is_inside(wf, "pawl_start_detached")) return PAWL_E_PRECONDITION;
    PAWL_TRY(pawl__sdk_check_name(name, "workflow's name"));
    PAWL_TRY(pawl__sdk_check_payload(input, "input", name));
    if (options->id) PAWL_TRY(pawl__sdk_check_name(options->id, "instance id"));
    if (options->app_id) PAWL_TRY(pawl__sdk_check_name(options->app_id, "app id"));
    for (size_t i = 0; i < options->tag_count; i++) {
        PAWL_TRY(pawl__sdk_check_payload(pawl_text(options->tags[i].name), "tag", name));
        PAWL_TRY(pawl__sdk_check_payload(pawl_text(options->tags[i].value), "tag", name));
    }
    char fresh[PAWL_UUID_TEXT];
    if (!options->id) pawl__execution_uuid(&wf->ids, fresh);
    const char *chosen = options->id ? options->id : fresh;
    if (id && !options->id) memcpy(id, fresh, sizeof fresh);
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__CreateDetachedWorkflowAction *body =
        pawl__wire_new(&wf->arena, &pb__create_detached_workflow_action__descriptor);
    if (!action || !body) goto nomem;
    body->instanceid = pawl__arena_dup(&wf->arena, pawl__str(chosen));
    body->name = pawl__arena_dup(&wf->arena, pawl__str(name));
    if (!body->instanceid || !body->name || !others_add_tags(wf, options, body)) goto nomem;
    if (input.data) {
        char *copy = pawl__arena_dup(&wf->arena, (struct pawl_str){input.data, input.len});
        body->input = copy ? pawl__string_value(&wf->arena, copy) : NULL;
        if (!body->input) goto nomem;
    }
    if (options->start_at) {
        body->_scheduled_start_timestamp_case =
            PB__CREATE_DETACHED_WORKFLOW_ACTION___SCHEDULED_START_TIMESTAMP_SCHEDULED_START_TIMESTAMP;
        body->scheduledstarttimestamp = pawl__timestamp(&wf->arena, options->start_at);
        if (!body->scheduledstarttimestamp) goto nomem;
    }
    if (!others_route(wf, action, options->app_id)) goto nomem;
    action->message.workflow_action_type_case = ACTION(CREATE_DETACHED_WORKFLOW);
    action->message.createdetachedworkflow = body;
    return PAWL_OK;
nomem:
    return pawl__execution_nomem(wf);
}

// --- events and ends ----------------------------------------------------------------------------

// A copy of |text|, which may have no data. False: memory is out.
static bool others_value(struct pawl_workflow *wf, struct pawl_text text,
                         Google__Protobuf__StringValue **out) {
    *out = NULL;
    if (!text.data) return true;
    char *copy = pawl__arena_dup(&wf->arena, (struct pawl_str){text.data, text.len});
    *out = copy ? pawl__string_value(&wf->arena, copy) : NULL;
    return *out;
}

static enum pawl_err others_check_app(const struct pawl_send_options *options, const char **app) {
    *app = options ? options->app_id : NULL;
    return *app ? pawl__sdk_check_name(*app, "app id") : PAWL_OK;
}

enum pawl_err pawl_send(struct pawl_workflow *wf, const char *id, const char *event,
                        struct pawl_text data, const struct pawl_send_options *options) {
    const char *app;
    if (!pawl__execution_is_inside(wf, "pawl_send")) return PAWL_E_PRECONDITION;
    PAWL_TRY(pawl__sdk_check_name(id, "instance id"));
    PAWL_TRY(pawl__sdk_check_name(event, "event's name"));
    PAWL_TRY(pawl__sdk_check_payload(data, "data", event));
    PAWL_TRY(others_check_app(options, &app));
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__SendEventAction *body = pawl__wire_new(&wf->arena, &pb__send_event_action__descriptor);
    Pb__WorkflowInstance *target = pawl__wire_new(&wf->arena, &pb__workflow_instance__descriptor);
    if (!action || !body || !target) return pawl__execution_nomem(wf);
    target->instanceid = pawl__arena_dup(&wf->arena, pawl__str(id));
    body->instance = target;
    body->name = pawl__arena_dup(&wf->arena, pawl__str(event));
    if (!target->instanceid || !body->name || !others_value(wf, data, &body->data) ||
        !others_route(wf, action, app))
        return pawl__execution_nomem(wf);
    action->message.workflow_action_type_case = ACTION(SEND_EVENT);
    action->message.sendevent = body;
    return PAWL_OK;
}

enum pawl_err pawl_end(struct pawl_workflow *wf, const char *id, struct pawl_text reason,
                       bool recursive, const struct pawl_send_options *options) {
    const char *app;
    if (!pawl__execution_is_inside(wf, "pawl_end")) return PAWL_E_PRECONDITION;
    PAWL_TRY(pawl__sdk_check_name(id, "instance id"));
    PAWL_TRY(pawl__sdk_check_payload(reason, "reason", id));
    PAWL_TRY(others_check_app(options, &app));
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__TerminateWorkflowAction *body =
        pawl__wire_new(&wf->arena, &pb__terminate_workflow_action__descriptor);
    if (!action || !body) return pawl__execution_nomem(wf);
    body->instanceid = pawl__arena_dup(&wf->arena, pawl__str(id));
    if (!body->instanceid || !others_value(wf, reason, &body->reason) ||
        !others_route(wf, action, app))
        return pawl__execution_nomem(wf);
    body->recurse = recursive;
    body->confirm = true;
    action->message.workflow_action_type_case = ACTION(TERMINATE_WORKFLOW);
    action->message.terminateworkflow = body;
    return PAWL_OK;
}
