#include "api/console.h"
#include "base/clock.h"
#include "wire/pack.h"

// What several instances wait for, or why they failed: a sentence for each, as a list shows them.
// They are looked at one after the other, for a moment, so that a page of long histories does not
// hold up others; who asks asks again for those that are not told.

#define SENTENCES_TIME (50 * PAWL_MILLISECOND)

enum {
    SENTENCES_MOST = 100 // that are asked for
};

struct sentences {
    struct pawl_console_ask *ask;
    size_t count, at;
    int64_t began;
    struct sentence {
        const char *id, *text; // NULL text: there is none
    } rows[SENTENCES_MOST];
};

static void sentences_next(struct sentences *sentences);

static void sentences_end(const struct sentences *sentences) {
    json_t *told = json_object();
    for (size_t i = 0; i < sentences->at; i++) {
        const char *text = sentences->rows[i].text;
        pawl__json_set(&told, sentences->rows[i].id, text ? json_string(text) : json_null());
    }
    pawl__console_answer(sentences->ask, json_pack("{s:o}", "sentences", told));
}

static void sentences_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_console_ask *ask = request->data;
    pawl__taskhub_cancel(&ask->call);
}

static void sentences_call(struct sentences *sentences, enum pawl_taskhub_method method,
                           const ProtobufCMessage *message,
                           void (*done)(struct pawl_taskhub_call *call,
                                        const struct pawl_error *error)) {
    struct pawl_console_ask *ask = sentences->ask;
    ask->call = (struct pawl_taskhub_call){.method = method,
                                           .request = message,
                                           .patience = PAWL_TASKHUB_AT_ONCE,
                                           .arena = &ask->request->arena,
                                           .done = done,
                                           .data = sentences};
    pawl__taskhub_call(ask->api->options.node, &ask->call);
}

static void sentences_got_history(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct sentences *sentences = call->data;
    struct pawl_console_ask *ask = sentences->ask;
    const Pb__GetInstanceHistoryResponse *history = (const void *)call->response;
    struct pawl_timeline timeline;
    if (!error &&
        pawl__timeline_read(history->events, history->n_events, &ask->request->arena, &timeline)) {
        struct pawl_waits_subject subject = pawl__console_subject(ask, &timeline);
        sentences->rows[sentences->at].text =
            pawl__waits_sentence(&timeline, &subject, &ask->request->arena);
    }
    sentences->at++; // one that has gone, or that nobody serves now, says nothing
    sentences_next(sentences);
}

static void sentences_got_instance(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct sentences *sentences = call->data;
    struct pawl_console_ask *ask = sentences->ask;
    const Pb__GetInstanceResponse *response = (const void *)call->response;
    Pb__GetInstanceHistoryRequest *message =
        pawl__wire_new(&ask->request->arena, &pb__get_instance_history_request__descriptor);
    if (error || !response->exists || !message) {
        sentences->at++;
        sentences_next(sentences);
        return;
    }
    ask->state = response->workflowstate;
    message->instanceid = ask->id;
    sentences_call(sentences, PAWL_TASKHUB_HISTORY, &message->base, sentences_got_history);
}

static void sentences_next(struct sentences *sentences) {
    struct pawl_console_ask *ask = sentences->ask;
    bool late = sentences->at && pawl__clock_steady() - sentences->began > SENTENCES_TIME;
    Pb__GetInstanceRequest *message =
        pawl__wire_new(&ask->request->arena, &pb__get_instance_request__descriptor);
    if (sentences->at == sentences->count || late || !message) {
        sentences_end(sentences);
        return;
    }
    ask->id = (char *)(uintptr_t)sentences->rows[sentences->at].id;
    message->instanceid = ask->id;
    message->getinputsandoutputs = true; // the failure is among them
    sentences_call(sentences, PAWL_TASKHUB_GET, &message->base, sentences_got_instance);
}

// Reads |text|, an array of ids as JSON. False: it is something else.
static bool sentences_read(struct sentences *sentences, struct pawl_str text,
                           struct pawl_arena *arena) {
    json_t *ids = json_loadb(text.data ? text.data : "", text.len, 0, NULL), *id;
    bool ok = json_is_array(ids) && json_array_size(ids) <= SENTENCES_MOST;
    size_t i;
    json_array_foreach(ids, i, id) {
        const char *one = json_string_value(id);
        ok = ok && one && strlen(one) == json_string_length(id);
        if (!ok) break;
        sentences->rows[i].id = pawl__arena_dup(arena, pawl__str(one));
    }
    sentences->count = json_array_size(ids);
    json_decref(ids);
    return ok;
}

void pawl__console_sentences(void *arg, struct pawl_request *request,
                             const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, (struct pawl_str){0});
    if (!ask) return;
    struct sentences *sentences = pawl__arena_zalloc(&request->arena, sizeof *sentences);
    if (!sentences) {
        pawl__api_nomem(request);
        return;
    }
    sentences->ask = ask;
    sentences->began = pawl__clock_steady();
    bool ok = sentences_read(sentences, pawl__request_query(request, "ids"), &request->arena);
    if (pawl__api_starved(request)) return;
    if (!ok) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "ids must be a JSON array of up to %d instance ids", SENTENCES_MOST);
        return;
    }
    request->data = ask;
    request->on_close = sentences_on_close;
    sentences_next(sentences);
}
