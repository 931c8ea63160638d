#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/console.h"
#include "base/clock.h"
#include "wire/json.h"
#include "wire/pack.h"
#include "wire/status.h"
#include "wire/timestamp.h"

// Looking at one instance: what it is and waits for, its events.

enum {
    CONSOLE_EVENTS = 1000, // at most in one answer
    CONSOLE_PREVIEW = 256, // bytes of a payload in a list of events
    CONSOLE_CAUSES = 20,   // failures within failures
    CONSOLE_LOOKED = 5000, // events that one answer searches
};

static int64_t console_stamp(const Google__Protobuf__Timestamp *stamp) {
    return stamp ? pawl__timestamp_get(stamp) : 0;
}

static const char *console_value(const Google__Protobuf__StringValue *value) {
    return value ? value->value : NULL;
}

static json_t *console_failure(const Pb__TaskFailureDetails *failure, int depth) {
    json_t *json =
        json_pack("{s:s, s:s}", "type", failure->errortype, "message", failure->errormessage);
    pawl__console_text(&json, "stack", console_value(failure->stacktrace));
    if (failure->innerfailure && depth)
        pawl__json_set(&json, "cause", console_failure(failure->innerfailure, depth - 1));
    return json;
}

static bool console_status_ended(int32_t status) {
    switch (status) {
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED:
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_FAILED:
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CANCELED:
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_TERMINATED: return true;
    default: return false;
    }
}

static const Pb__GetInstanceHistoryResponse *console_history(const struct pawl_console_ask *ask) {
    return (const void *)ask->call.response;
}

// --- the instance --------------------------------------------------------------------------------

static bool console_lacks(const struct pawl_waits_subject *subject, bool turn, const char *name) {
    const struct pawl_node *node = subject->arg;
    return pawl__choose_lacks(&node->dispatch, turn, pawl__str(name));
}

// Where the instance is served by another loop or daemon, only that one knows who lacks.
static bool console_serves(const struct pawl_node *node, const char *id) {
    uint32_t shard = node->count ? pawl__shard_of(pawl__str(id), node->count) : 0;
    return node->count && pawl__partition_serves(&node->partitions[shard]);
}

static json_t *console_wait(const struct pawl_timeline_step *step,
                            const struct pawl_waits_subject *subject) {
    json_t *json = json_pack("{s:s, s:s, s:I}", "kind", pawl__wait_kind(step), "name", step->name,
                             "attempt", (json_int_t)step->attempts);
    pawl__console_time(&json, "since", step->running ? step->running->start : step->start);
    if (step->until != INT64_MAX) pawl__console_time(&json, "until", step->until);
    pawl__console_text(&json, "error", step->error);
    pawl__console_text(&json, "child", step->child);
    if (pawl__step_lacks(step, subject)) pawl__json_set(&json, "lacksWorker", json_true());
    return json;
}

static const char *console_why(const Pb__WorkflowState *state, struct pawl_arena *arena) {
    const Pb__TaskFailureDetails *failure = state->failuredetails;
    if (!failure) return NULL;
    return pawl__arena_format(arena, "%s: %s", failure->errortype, failure->errormessage);
}

// Answers with |body|, which it frees, and the timeline as one more member of it: both are of one
// reading of the history, which of a long one takes most of the time.
static void console_answer_both(struct pawl_console_ask *ask, json_t *body,
                                const struct pawl_timeline *timeline) {
    struct pawl_buf text = {0};
    bool ok = !ask->request->arena.failed && pawl__api_dump(&text, body);
    json_decref(body);
    if (ok) {
        text.len--; // its end
        pawl__buf_format(&text, ",\"timeline\":");
        pawl__console_put_timeline(&text, timeline, true);
        pawl__buf_format(&text, "}");
    }
    if (ok && !text.failed)
        pawl__api_json_text(ask->request, 200, pawl__buf_str(&text));
    else
        pawl__api_nomem(ask->request);
    pawl__buf_finish(&text);
}

struct pawl_waits_subject pawl__console_subject(const struct pawl_console_ask *ask,
                                                const struct pawl_timeline *timeline) {
    const Pb__WorkflowState *state = ask->state;
    struct pawl_waits_subject subject = {
        .status = (int32_t)state->workflowstatus,
        .created_at = console_stamp(state->createdtimestamp),
        .ended_at = console_stamp(state->completedtimestamp),
        .starts_at = console_stamp(state->scheduledstarttimestamp),
        .failure = console_why(state, &ask->request->arena),
        .workers = pawl__node_worker_count(ask->api->options.node),
        .name = state->name,
        .lacks = console_serves(ask->api->options.node, ask->id) ? console_lacks : NULL,
        .arg = ask->api->options.node,
        .now = pawl__clock_wall(),
    };
    if (!subject.ended_at && console_status_ended(subject.status))
        subject.ended_at =
            timeline->end ? timeline->end : console_stamp(state->lastupdatedtimestamp);
    return subject;
}

static void console_reply_instance(struct pawl_console_ask *ask) {
    const Pb__WorkflowState *state = ask->state;
    const struct pawl_console_options *options = &ask->api->options.console;
    struct pawl_timeline timeline;
    if (!pawl__console_read_timeline(ask, &timeline)) return;
    const struct pawl_waits_subject subject = pawl__console_subject(ask, &timeline);
    const char *sentence = pawl__waits_sentence(&timeline, &subject, &ask->request->arena);
    if (!sentence) {
        pawl__api_nomem(ask->request);
        return;
    }
    json_t *waits = json_array();
    if (!console_status_ended(subject.status))
        for (const struct pawl_timeline_step *step = timeline.steps; step; step = step->next)
            if (pawl__step_waits(step)) pawl__json_add(&waits, console_wait(step, &subject));
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:I, s:o}", "id", ask->id, "name", state->name,
                             "status", pawl__status_name(subject.status), "sentence", sentence,
                             "events", (json_int_t)timeline.events, "waits", waits);
    pawl__console_time(&body, "created", subject.created_at);
    pawl__console_time(&body, "updated", console_stamp(state->lastupdatedtimestamp));
    pawl__console_time(&body, "started", timeline.start);
    pawl__console_time(&body, "ended", subject.ended_at);
    pawl__console_text(&body, "version", console_value(state->version));
    pawl__console_text(&body, "parent", console_value(state->parentinstanceid));
    pawl__console_text(&body, "stalled", timeline.stalled);
    if (!options->hide_payloads) {
        pawl__console_text(&body, "customStatus", console_value(state->customstatus));
        pawl__console_text(&body, "input", console_value(state->input));
        pawl__console_text(&body, "output", console_value(state->output));
    }
    if (state->failuredetails)
        pawl__json_set(&body, "failed", console_failure(state->failuredetails, CONSOLE_CAUSES));
    json_t *tags = json_object();
    for (size_t i = 0; i < state->n_tags; i++)
        pawl__json_set(&tags, state->tags[i]->key, json_string(state->tags[i]->value));
    pawl__json_set(&body, "tags", tags);
    pawl__console_time(&body, "at", subject.now);
    if (ask->columns)
        console_answer_both(ask, body, &timeline);
    else
        pawl__api_json(ask->request, 200, body);
}

static void console_got_instance(struct pawl_console_ask *ask) {
    const Pb__GetInstanceResponse *response = (const void *)ask->call.response;
    if (!response->exists) {
        pawl__api_http_fail(ask->request, 404, "ERR_INSTANCE_ID_NOT_FOUND",
                            "there is no workflow instance '%s'", ask->id);
        return;
    }
    ask->state = response->workflowstate;
    pawl__console_ask_history(ask, console_reply_instance);
}

void pawl__console_instance(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    if (!ask) return;
    ask->columns = pawl__console_wants_columns(request, "timeline");
    Pb__GetInstanceRequest *message =
        pawl__wire_new(&request->arena, &pb__get_instance_request__descriptor);
    if (!message) {
        pawl__api_nomem(request);
        return;
    }
    message->instanceid = ask->id;
    message->getinputsandoutputs = true;
    pawl__console_call(ask, PAWL_TASKHUB_GET, &message->base, console_got_instance);
}

// --- events --------------------------------------------------------------------------------------

// What JSON calls the event's member that says what it is.
static const char *console_event_type(json_t *event, json_t **body) {
    const char *key;
    json_t *value;
    json_object_foreach(event, key, value) {
        if (json_is_object(value) && strcmp(key, "router") != 0) {
            *body = value;
            return key;
        }
    }
    *body = NULL;
    return "unknown";
}

static bool console_is_payload(const char *key) {
    return strcmp(key, "input") == 0 || strcmp(key, "result") == 0 || strcmp(key, "data") == 0;
}

// Payloads are cut to a preview, or left out where they are not to be seen. False: memory is out.
static bool console_trim(json_t *fields, bool full, bool hidden) {
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(fields, next, key, value) {
        if (!console_is_payload(key) || !json_is_string(value)) continue;
        struct pawl_str whole = {json_string_value(value), json_string_length(value)};
        struct pawl_str shown = pawl__str_shorten(whole, CONSOLE_PREVIEW);
        if (hidden)
            json_object_del(fields, key);
        else if (!full && shown.len < whole.len &&
                 json_object_set_new(fields, key, json_stringn(shown.data, shown.len)))
            return false;
    }
    return true;
}

static json_t *console_event_json(const struct pawl_console_ask *ask, uint32_t number) {
    const Pb__HistoryEvent *event = console_history(ask)->events[number];
    json_t *whole = pawl__wire_to_json(&event->base), *fields;
    if (!whole) return NULL;
    const char *type = console_event_type(whole, &fields);
    const char *name = json_string_value(json_object_get(fields, "name"));
    bool ok = !fields || console_trim(fields, ask->full, ask->api->options.console.hide_payloads);
    json_t *json = !ok ? NULL
                       : json_pack("{s:I, s:I, s:s, s:O?}", "number", (json_int_t)number, "id",
                                   (json_int_t)event->eventid, "type", type, "fields", fields);
    pawl__console_text(&json, "name", name);
    pawl__console_time(&json, "at", console_stamp(event->timestamp));
    json_decref(whole);
    return json;
}

static bool console_has(const char *text, struct pawl_str part) {
    for (; *text; text++)
        if (strncasecmp(text, part.data, part.len) == 0) return true;
    return false;
}

// Whether the event, with all that it carries and may show, has the text that is looked for.
// |*starved|: memory is out, so that nobody knows.
static bool console_finds(struct pawl_console_ask *ask, uint32_t number, bool *starved) {
    if (!ask->find.len) return true;
    bool full = ask->full;
    ask->full = true;
    json_t *json = console_event_json(ask, number);
    ask->full = full;
    struct pawl_buf text = {0};
    *starved = !pawl__api_dump(&text, json) || !pawl__buf_append(&text, "", 1);
    bool found = !*starved && console_has((const char *)text.data, ask->find);
    pawl__buf_finish(&text);
    json_decref(json);
    return found;
}

static void console_reply_events(struct pawl_console_ask *ask) {
    size_t total = console_history(ask)->n_events, i = ask->from;
    json_t *events = json_array();
    bool starved = false;
    for (; events && i < total && json_array_size(events) < ask->count &&
           i - ask->from < CONSOLE_LOOKED;
         i++)
        if (console_finds(ask, (uint32_t)i, &starved) || starved)
            pawl__json_add(&events, starved ? NULL : console_event_json(ask, (uint32_t)i));
    json_t *body = json_pack("{s:o, s:I}", "events", events, "total", (json_int_t)total);
    if (i < total) pawl__json_set(&body, "next", json_integer((json_int_t)i));
    pawl__console_answer(ask, body);
}

void pawl__console_events(void *arg, struct pawl_request *request,
                          const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    if (!ask || !pawl__console_number(request, "from", 0, &ask->from) ||
        !pawl__console_number(request, "n", 200, &ask->count))
        return;
    if (ask->count > CONSOLE_EVENTS) ask->count = CONSOLE_EVENTS;
    ask->full = pawl__str_equal(pawl__request_query(request, "full"), PAWL_STR("1"));
    ask->find = pawl__request_query(request, "find");
    if (pawl__api_starved(request)) return;
    pawl__console_ask_history(ask, console_reply_events);
}

static void console_reply_event(struct pawl_console_ask *ask) {
    if (ask->from >= console_history(ask)->n_events) {
        pawl__api_http_fail(ask->request, 404, "ERR_NOT_FOUND",
                            "the history of '%s' has %zu events, and none with number %u", ask->id,
                            console_history(ask)->n_events, (unsigned)ask->from);
        return;
    }
    json_t *body = console_event_json(ask, ask->from);
    if (body)
        pawl__api_json(ask->request, 200, body);
    else
        pawl__api_nomem(ask->request);
}

void pawl__console_event(void *arg, struct pawl_request *request,
                         const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    int64_t number;
    if (!ask) return;
    if (!pawl__str_to_int(params->values[1], 0, INT32_MAX, &number)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "the number of an event must be a whole number from 0");
        return;
    }
    ask->from = (uint32_t)number;
    ask->full = true;
    pawl__console_ask_history(ask, console_reply_event);
}
