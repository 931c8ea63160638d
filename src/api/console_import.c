#include <string.h>

#include "api/console.h"
#include "runtime/verbs.h"
#include "wire/json.h"

// Taking in the history of an instance that has ended, as 'pawl workflow export' writes it.

struct import_ask {
    struct pawl_console_ask *ask;
    struct pawl_rerun_call verb;
    struct pawl_buf history;
};

static void import_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct import_ask *import = request->data;
    pawl__call_cancel(&import->verb.call);
    pawl__buf_finish(&import->history);
}

static void import_refuse(struct pawl_request *request, const char *format, const char *what) {
    pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST", format, what);
}

static void import_done(struct pawl_call *call, const struct pawl_error *error) {
    struct import_ask *import = call->data;
    pawl__buf_finish(&import->history);
    if (error) {
        pawl__api_http_fail(import->ask->request, pawl__err_http(error->code),
                            error->code == PAWL_E_INVALID ? "ERR_MALFORMED_REQUEST"
                                                          : "ERR_WORKFLOW",
                            "%s", error->text);
        return;
    }
    pawl__console_answer(import->ask, json_pack("{s:s}", "id", import->ask->id));
}

// The id that |event| gives its instance; NULL: none.
static const char *import_own_id(const Pb__HistoryEvent *event) {
    if (event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED) return NULL;
    const Pb__WorkflowInstance *self = event->executionstarted->workflowinstance;
    return self && *self->instanceid ? self->instanceid : NULL;
}

// Reads |events| and finds the id of the instance, unless |id| is given. False after answering,
// with which |import| goes.
static bool import_read(struct import_ask *import, const json_t *events, const char *id) {
    struct pawl_request *request = import->ask->request;
    struct pawl_history history = {0};
    struct pawl_arena arena = {0};
    const char *why = NULL;
    size_t i;
    json_t *one;
    bool ok = true;
    json_array_foreach(events, i, one) {
        pawl__arena_reset(&arena);
        const Pb__HistoryEvent *event =
            pawl__wire_from_json(&arena, &pb__history_event__descriptor, one, &why);
        const char *own = event && !id ? import_own_id(event) : NULL;
        if (own) id = pawl__arena_dup(&request->arena, pawl__str(own));
        ok = event && (id || !own) && pawl__history_add(&history, event);
        if (!ok) break;
    }
    if (!ok && why) why = pawl__arena_format(&request->arena, "event %zu: %s", i, why);
    pawl__arena_finish(&arena);
    if (ok && id) {
        import->history = history.bytes;
        import->ask->id = (char *)(uintptr_t)id;
        return true;
    }
    pawl__buf_finish(&history.bytes);
    if (!ok && why)
        import_refuse(request, "the history is not one: %s", why);
    else if (!ok)
        pawl__api_nomem(request);
    else
        import_refuse(request, "%s", "the history names no instance, and id is missing");
    return false;
}

// False after answering.
static bool import_take(struct import_ask *import, const json_t *body) {
    struct pawl_request *request = import->ask->request;
    const json_t *events = json_object_get(body, "history"), *id = json_object_get(body, "id");
    const char *given = NULL;
    if (!json_is_array(events)) {
        import_refuse(request, "%s", "history must be an array of events");
        return false;
    }
    if (id && (!json_is_string(id) || !*json_string_value(id))) {
        import_refuse(request, "%s", "id must be text, and not empty");
        return false;
    }
    if (id) given = pawl__arena_dup(&request->arena, pawl__str(json_string_value(id)));
    if (id && !given) {
        pawl__api_nomem(request);
        return false;
    }
    return import_read(import, events, given);
}

void pawl__console_import(void *arg, struct pawl_request *request,
                          const struct pawl_params *params) {
    struct pawl_api *api = arg;
    struct pawl_console_ask *ask = pawl__console_ask(api, request, (struct pawl_str){NULL, 0});
    json_t *body = ask ? pawl__console_body(ask, "history id") : NULL;
    struct import_ask *import = body ? pawl__arena_zalloc(&request->arena, sizeof *import) : NULL;
    if (body && !import) pawl__api_nomem(request);
    if (import) import->ask = ask;
    bool ok = import && import_take(import, body);
    json_decref(body);
    if (!ok) return;
    pawl__console_note(ask, "import", PAWL_STR(""));
    const struct pawl_fork fork = {
        .imports = true, .source = "", .history = pawl__buf_str(&import->history), .id = ask->id};
    pawl__rerun_init(&import->verb, &fork);
    import->verb.call.done = import_done;
    import->verb.call.data = import;
    request->data = import;
    request->on_close = import_on_close;
    pawl__node_call(api->options.node, &import->verb.call);
}
