#include <stdlib.h>

#include "sdk/call.h"
#include "sdk/caller.h"
#include "sdk/error.h"
#include "wire/json.h"

// What an instance did, as text, and the same text run against code.

static enum pawl_err history_dump(const Pb__HistoryEvent *const *from, size_t count, char **out) {
    json_t *events = json_array();
    bool ok = events;
    for (size_t i = 0; ok && i < count; i++)
        ok = json_array_append_new(events, pawl__wire_to_json(&from[i]->base)) == 0;
    *out = ok ? json_dumps(events, JSON_INDENT(2)) : NULL;
    json_decref(events);
    return *out ? PAWL_OK : pawl__sdk_fail_nomem();
}

enum pawl_err pawl_history(struct pawl *pawl, const char *id, char **json) {
    *json = NULL;
    PAWL_TRY(pawl__client_check(pawl, id, "pawl_history"));
    struct pawl_client_call call = {0};
    Pb__GetInstanceHistoryRequest ask = PB__GET_INSTANCE_HISTORY_REQUEST__INIT;
    ask.instanceid = (char *)id;
    enum pawl_err err = pawl__client_call(pawl, &call, PAWL_TASKHUB_HISTORY, &ask, PAWL_FOREVER);
    const Pb__GetInstanceHistoryResponse *answer = (const void *)call.op.response;
    if (!err)
        err = history_dump((const Pb__HistoryEvent *const *)answer->events, answer->n_events, json);
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl_caller_history(const struct pawl_caller *caller, char **json) {
    const struct pawl_caller_events *from =
        PAWL_CONTAINER(caller, struct pawl_caller_events, caller);
    return history_dump(from->events, from->count, json);
}

// --- replay -------------------------------------------------------------------------------------

// Feeds the events of |json|; sets the error of those that are none.
static enum pawl_err history_feed(struct pawl_workflow *wf, const json_t *json) {
    size_t index;
    json_t *one;
    json_array_foreach(json, index, one) {
        const char *why = NULL;
        const Pb__HistoryEvent *event =
            pawl__wire_from_json(&wf->arena, &pb__history_event__descriptor, one, &why);
        if (!event)
            return pawl__sdk_fail(PAWL_E_INVALID, "event %zu of the history is not valid: %s",
                                  index, why ? why : "out of memory");
        pawl__execution_feed(wf, event, true);
        if (wf->nomem) return pawl__sdk_fail_nomem();
        if (wf->unavailable) return pawl__sdk_fail(PAWL_E_MISMATCH, "%s", wf->why);
    }
    pawl__execution_check_past(wf);
    if (wf->unavailable) return pawl__sdk_fail(PAWL_E_MISMATCH, "%s", wf->why);
    if (!wf->name)
        return pawl__sdk_fail(PAWL_E_INVALID, "the history has no event executionStarted");
    return PAWL_OK;
}

// The instance and execution that |json| is of, so that random numbers are the same.
static void history_identity(const json_t *json, const char **id, const char **execution_id) {
    size_t index;
    json_t *one;
    *id = *execution_id = "";
    json_array_foreach(json, index, one) {
        const json_t *self =
            json_object_get(json_object_get(one, "executionStarted"), "workflowInstance");
        if (!self) continue;
        const char *text = json_string_value(json_object_get(self, "instanceId"));
        if (text) *id = text;
        text = json_string_value(json_object_get(self, "executionId"));
        if (text) *execution_id = text;
        return;
    }
}

enum pawl_err pawl_replay(struct pawl_text history, pawl_workflow_fn function, void *arg) {
    json_error_t error;
    if (!function) return pawl__sdk_fail(PAWL_E_INVALID, "there is no function to replay");
    json_t *json = history.data ? json_loadb(history.data, history.len, 0, &error) : NULL;
    if (!json)
        return pawl__sdk_fail(PAWL_E_INVALID, "the history is not JSON: %s",
                              history.data ? error.text : "it is empty");
    struct pawl_execution_host host = {0};
    pawl__coro_pool_init(&host.coros, PAWL_STACK_SIZE);
    const struct pawl_workflow_entry entry = {.function = function, .arg = arg, .version = ""};
    const char *id, *execution_id;
    enum pawl_err err = PAWL_OK;
    struct pawl_workflow *wf = NULL;
    if (!json_is_array(json)) {
        err = pawl__sdk_fail(PAWL_E_INVALID, "the history is not an array of events");
    } else {
        history_identity(json, &id, &execution_id);
        wf = pawl__execution_create(&host, pawl__str(id), pawl__str(execution_id));
        if (!wf) err = pawl__sdk_fail_nomem();
    }
    if (wf) {
        wf->entry = &entry;
        err = history_feed(wf, json);
    }
    struct pawl_error kept = *pawl_last_error(); // what is deferred may fail
    pawl__execution_destroy(wf);
    pawl__coro_pool_finish(&host.coros);
    json_decref(json);
    return err ? pawl__sdk_fail_with(&kept) : PAWL_OK;
}
