#ifndef PAWL_API_CONSOLE_H
#define PAWL_API_CONSOLE_H

// /pawl/v1: the JSON API for people's tools. The dashboard is one of its clients.
//
// Times are milliseconds since 1970, with fractions. Members without a value are left out. Every
// answer has |at|, the daemon's time, so that clients can compute ages. Errors are {"errorCode",
// "message"}.

#include "api/internal.h"
#include "observe/waits.h"
#include "runtime/taskhub.h"
#include "wire/json_build.h"

// --- console.c: the table -----------------------------------------------------------------------

extern const struct pawl_route pawl__console_routes[];
extern const size_t pawl__console_route_count;

// --- console_ask.c: what the others need --------------------------------------------------------

// One request of the console on its way through one or two calls of the TaskHub service. In the
// request's arena.
struct pawl_console_ask {
    struct pawl_taskhub_call call;
    struct pawl_api *api;
    struct pawl_request *request;
    char *id;      // the instance's; NULL: of none
    uint32_t from, // of a list of events
        count;
    bool full;            // events with all that they carry
    bool columns;         // the rows of a timeline as columns; of an instance: those as well
    struct pawl_str find; // only events with this text; empty: all
    bool finds_event;     // of a rerun: the event to begin from is to be found
    void *message;        // of the call to come
    const char *wrong;    // with what was asked; NULL: nothing is, as yet
    void (*answer)(struct pawl_console_ask *ask);
    const Pb__WorkflowState *state; // of the instance, once it was asked for
};

// NULL after answering that there is no runtime, memory is out, or |id| (which may have NULL data)
// is not text.
struct pawl_console_ask *pawl__console_ask(struct pawl_api *api, struct pawl_request *request,
                                           struct pawl_str id);

// Calls |method|, then |answer|, which finds |ask->call.response|. Errors are answered here.
void pawl__console_call(struct pawl_console_ask *ask, enum pawl_taskhub_method method,
                        const ProtobufCMessage *message,
                        void (*answer)(struct pawl_console_ask *ask));

// The same for the history of |ask->id|.
void pawl__console_ask_history(struct pawl_console_ask *ask,
                               void (*answer)(struct pawl_console_ask *ask));

// Answers 200 with |body|, which it frees, and |at|.
void pawl__console_answer(struct pawl_console_ask *ask, json_t *body);

// Reads an integer of the query; |otherwise| when it is absent. False after answering that it is
// malformed.
bool pawl__console_number(struct pawl_request *request, const char *name, uint32_t otherwise,
                          uint32_t *out);

// Sets |key| unless |value| is NULL or 0, as of wire/json_build.h; text that is not UTF-8 cannot
// come here.
void pawl__console_text(json_t **object, const char *key, const char *value);
void pawl__console_time(json_t **object, const char *key, int64_t at); // nanoseconds

// --- console_list.c: which ones there are --------------------------------------------------------

void pawl__console_list(void *arg, struct pawl_request *request, const struct pawl_params *params);
void pawl__console_count(void *arg, struct pawl_request *request, const struct pawl_params *params);

// --- console_numbers.c: what this daemon is doing -----------------------------------------------

void pawl__console_numbers(void *arg, struct pawl_request *request,
                           const struct pawl_params *params);

// --- console_past.c: what happened within the last hour -----------------------------------------

void pawl__console_past(void *arg, struct pawl_request *request, const struct pawl_params *params);

// --- console_parts.c: workers, stores, daemons ---------------------------------------------------

void pawl__console_workers(void *arg, struct pawl_request *request,
                           const struct pawl_params *params);
void pawl__console_store(void *arg, struct pawl_request *request, const struct pawl_params *params);

// --- console_log.c: what the app and this daemon wrote -------------------------------------------

void pawl__console_log(void *arg, struct pawl_request *request, const struct pawl_params *params);

// --- console_changes.c: what happens -------------------------------------------------------------

void pawl__console_changes(void *arg, struct pawl_request *request,
                           const struct pawl_params *params);

// --- console_instance.c: looking at one ----------------------------------------------------------

void pawl__console_instance(void *arg, struct pawl_request *request,
                            const struct pawl_params *params);
void pawl__console_events(void *arg, struct pawl_request *request,
                          const struct pawl_params *params);
void pawl__console_event(void *arg, struct pawl_request *request, const struct pawl_params *params);

// What the sentence about |ask->state|, whose history |timeline| is of, is made of. Texts are in
// the request's arena.
struct pawl_waits_subject pawl__console_subject(const struct pawl_console_ask *ask,
                                                const struct pawl_timeline *timeline);

// --- console_sentences.c: why several do not go on -----------------------------------------------

void pawl__console_sentences(void *arg, struct pawl_request *request,
                             const struct pawl_params *params);

// --- console_timeline.c: what one did, as rows ---------------------------------------------------

void pawl__console_timeline(void *arg, struct pawl_request *request,
                            const struct pawl_params *params);

// Makes rows of the history that was asked for. False after answering.
bool pawl__console_read_timeline(struct pawl_console_ask *ask, struct pawl_timeline *out);

// Appends the JSON of |timeline|: with an object for each of its rows, or with columns.
void pawl__console_put_timeline(struct pawl_buf *out, const struct pawl_timeline *timeline,
                                bool columns);

// Whether |key| of the query asks for columns.
bool pawl__console_wants_columns(struct pawl_request *request, const char *key);

// --- console_read.c: histories as files ----------------------------------------------------------

void pawl__console_history(void *arg, struct pawl_request *request,
                           const struct pawl_params *params);

// Answers with the timeline of the history in the body. It needs no daemon, and keeps nothing:
// |arg| is not looked at.
void pawl__console_read(void *arg, struct pawl_request *request, const struct pawl_params *params);

// --- console_act.c: steering ---------------------------------------------------------------------

void pawl__console_start(void *arg, struct pawl_request *request, const struct pawl_params *params);
void pawl__console_act(void *arg, struct pawl_request *request, const struct pawl_params *params);

// The request's body as an object; NULL after answering that this console only reads, that it is
// none, or that it has something else than |members|, which spaces separate.
json_t *pawl__console_body(struct pawl_console_ask *ask, const char *members);

// Logs that |ask->id| is told to |verb|, and by whom.
void pawl__console_note(const struct pawl_console_ask *ask, const char *verb,
                        struct pawl_str reason);

// --- console_import.c: histories from elsewhere --------------------------------------------------

void pawl__console_import(void *arg, struct pawl_request *request,
                          const struct pawl_params *params);

#endif
