#ifndef PAWL_H
#define PAWL_H

// Durable execution for C.
//
// A workflow is an ordinary function. Each step that it takes (an activity, a timer, an event, a
// child) is recorded before the next one begins. When the process dies, the function is run again
// by the next one: the calls that were recorded return at once what they returned before, and it
// goes on where it stood. An activity is a function that does the work: it may block and have
// effects; it runs at least once, and never again after its result was recorded.
//
//     #include <pawl.h>
//     #include <stdio.h>
//
//     static enum pawl_err greet(struct pawl_activity *activity) {
//         printf("hello %s\n", activity->input.data);
//         return PAWL_OK;
//     }
//
//     static enum pawl_err hello(struct pawl_workflow *wf) {
//         PAWL_TRY(pawl_call(wf, "greet", pawl_text("\"world\""), NULL, NULL));
//         PAWL_TRY(pawl_sleep(wf, 10 * PAWL_SECOND));
//         return pawl_call(wf, "greet", pawl_text("\"again\""), NULL, NULL);
//     }
//
//     int main(void) {
//         struct pawl *pawl;
//         if (pawl_open("hello.db", NULL, &pawl)) return pawl_perror("pawl_open"), 1;
//         pawl_add_activity(pawl, "greet", greet, NULL);
//         pawl_add_workflow(pawl, "hello", hello, NULL);
//         pawl_work(pawl);
//         struct pawl_start_options options = {.id = "hello-1"};
//         pawl_start(pawl, "hello", pawl_text(NULL), &options, NULL);
//         pawl_wait(pawl, "hello-1", PAWL_FOREVER, NULL);
//         return pawl_close(pawl);
//     }
//
// What a workflow may do: everything that gives the same result when it is run again with the same
// input and the same answers. So: no clock, no randomness, no I/O, no threads, no blocking in the
// function itself; pawl_now, pawl_random, pawl_uuid, pawl_sleep and activities stand in for them.
//
// Memory: a workflow's stack lives as long as the process has the workflow at hand. It is dropped
// without unwinding when the workflow rests for long, and the function is run again later. Memory
// that is held while a workflow waits therefore comes from pawl_alloc, or is given to pawl_defer.
//
// Errors: functions return PAWL_OK or say what went wrong; pawl_last_error tells the story.
//
// Threads: functions that take a struct pawl may be called from any thread, but not from within a
// workflow. Functions that take a struct pawl_workflow or struct pawl_task may be called only from
// within that workflow's function. Both are checked: the call fails with PAWL_E_PRECONDITION.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pawl/common.h"
#include "pawl/error.h"

#if defined(__GNUC__)
#define PAWL_API               __attribute__((visibility("default")))
#define PAWL_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define PAWL_API
#define PAWL_PRINTF(at, first)
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct pawl;          // an open store, or a connection to a daemon
struct pawl_workflow; // a workflow that is running, in its function
struct pawl_task;     // something that a workflow can wait for

// The version of the library, such as "0.1.0". Static text.
PAWL_API const char *pawl_version(void);

// --- errors -------------------------------------------------------------------------------------

// What |code| means, in a few words. Static text; never NULL.
PAWL_API const char *pawl_error_text(enum pawl_err code);

// The error of the last function of this header that failed on this thread: what was wrong, where,
// and what was expected. Valid until the next one fails.
PAWL_API const struct pawl_error *pawl_last_error(void);

// Writes "WHAT: last error" to stderr, as perror does.
PAWL_API void pawl_perror(const char *what);

// Returns from the surrounding function when |call| fails.
#define PAWL_TRY(call)                                                                             \
    do {                                                                                           \
        enum pawl_err pawl_try_err = (call);                                                       \
        if (pawl_try_err) return pawl_try_err;                                                     \
    } while (0)

// --- payloads -----------------------------------------------------------------------------------

// A payload: JSON text with its length; UTF-8 without NUL. NULL |data| is no payload at all, but if
// |len| is not 0, one that could not be made: whoever is given it fails with the error of that, so
// that payloads can be made in place. What Pawl hands out is also terminated. <pawl/jansson.h>
// makes and reads payloads with jansson.
struct pawl_text {
    const char *data;
    size_t len;
};

// A view of terminated JSON text. NULL: no payload.
static inline struct pawl_text pawl_text(const char *json) {
    struct pawl_text text = {json, json ? strlen(json) : 0};
    return text;
}

// Longer than any wait.
#define PAWL_FOREVER INT64_MAX

// --- opening ------------------------------------------------------------------------------------

struct pawl_options {
    // Whose workflows these are: the same for all programs that serve or start them. NULL:
    // "default". Against a daemon this is the daemon's own app id, and the option is not used.
    const char *app_id;

    size_t activity_threads; // activities that run at once; 0: 8
    size_t stack_size;       // bytes of a workflow's stack; 0: 64 KiB. At least 16 KiB.
    size_t warm_workflows;   // waiting workflows that keep their stack; 0: 1000
    int64_t blocked_after;   // how long a workflow may run between two waits before that is logged
                             // as an error; 0: one second

    // For a program with an event loop of its own: Pawl's loop has no thread then, and the program
    // calls pawl_poll when pawl_fd is readable or pawl_timeout has passed. All functions are called
    // from that one thread, but for those that activities call; those that wait turn Pawl's loop
    // meanwhile.
    bool is_driven;

    const char *api_token; // sent to a daemon; NULL: what the environment has in DAPR_API_TOKEN

    // Told of what goes on, on any thread. NULL: warnings and errors go to stderr.
    void (*log)(void *arg, enum pawl_log_level level, const char *line);
    void *log_arg;

    // Threads that engine and workflows run on, each with a loop; 0: 1. More use more cores. The
    // functions of *different* workflow instances then run at the same time (those of one instance
    // never do), so what they share among them needs locks. PAWL_LOOP_PER_CORE: as many as there
    // are cores. Not with is_driven. The activity threads and warm workflows are for all of them
    // together. Connected to a daemon, each loop has a connection of its own.
    size_t loops;

    // Into how many parts the instances of an app that is new to the file are divided; 0: as many
    // as loops. Each part is served on one loop, so that a file with fewer parts than loops is
    // served on fewer, which a warning tells. The number is recorded in the file, and stays. A
    // workflow and its child are often in two parts, which then takes a commit more: so it should
    // not be larger than the loops that there will ever be.
    uint32_t shards;
};

#define PAWL_LOOP_PER_CORE SIZE_MAX // of pawl_options.loops, where 0 is the default: one

// Opens |target|:
//
//     "orders.db"         workflows live in this SQLite file and run in this process
//     "memory:"           they live in memory, and end with the process
//     "grpc://HOST:PORT"  they live in a running daemon (pawl daemon, daprd)
//     NULL                in the daemon that the environment names, as with Dapr's SDKs:
//                         DAPR_GRPC_ENDPOINT, or DAPR_GRPC_PORT on 127.0.0.1, or port 50001
//
// |options| may be NULL, and is not needed after the call. A file is served by one process at a
// time for each app id: PAWL_E_HELD. A daemon need not be there yet. Errors that have to do with
// the file name it: PAWL_E_IO, PAWL_E_FULL, PAWL_E_CORRUPT, PAWL_E_FORMAT (it was written by a
// newer version). PAWL_E_INVALID, PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_open(const char *target, const struct pawl_options *options,
                                 struct pawl **out);

// Takes no more work, tells running activities to come to an end, waits for them, writes what is
// left, and frees |pawl| (which may be NULL). Nothing is lost: what was not finished goes on after
// the next pawl_open. PAWL_E_IO, PAWL_E_FULL: the last results could not be written; their
// activities will run again. PAWL_E_PRECONDITION: it was called within a workflow, or within an
// activity of |pawl|, for which it would wait.
PAWL_API enum pawl_err pawl_close(struct pawl *pawl);

// For options.is_driven: the descriptor to poll for reading; milliseconds until pawl_poll should be
// called at the latest (-1: no limit); does what is due, without waiting.
PAWL_API int pawl_fd(struct pawl *pawl);
PAWL_API int pawl_timeout(struct pawl *pawl);
PAWL_API enum pawl_err pawl_poll(struct pawl *pawl);

// --- failures -----------------------------------------------------------------------------------

// How an activity or a workflow failed.
struct pawl_failure {
    const char *type;                 // such as "PaymentDeclined"; never NULL
    const char *message;              // never NULL
    const char *stack;                // NULL: none
    bool is_final;                    // trying again is of no use
    const struct pawl_failure *cause; // NULL: none
};

// --- the worker ---------------------------------------------------------------------------------

// A workflow completes when its function returns PAWL_OK, with the output of pawl_return. It fails
// when the function returns anything else: with what pawl_fail said, or else with the failure that
// it saw last. PAWL_E_NOMEM is not recorded; the function is run again later.
typedef enum pawl_err (*pawl_workflow_fn)(struct pawl_workflow *wf);

// What an activity is told. Valid until its function returns.
struct pawl_activity {
    const char *name;
    const char *instance_id;       // of the workflow that called it
    const char *task_execution_id; // the same for all attempts of one call: a key for idempotence
    int32_t sequence_number;       // of the call, in the workflow
    int attempt;                   // 1 for the first; 0 when the daemon does not tell
    struct pawl_text input;
    void *arg; // of pawl_add_activity
    struct pawl *pawl;
};

// An activity succeeds when its function returns PAWL_OK, with the result of pawl_activity_return.
// It fails when the function returns anything else, with what pawl_activity_fail said.
typedef enum pawl_err (*pawl_activity_fn)(struct pawl_activity *activity);

// Names a function, before pawl_work. The name is copied. PAWL_E_EXISTS: there is one of this name;
// PAWL_E_PRECONDITION: pawl_work was called; PAWL_E_INVALID: no name or function; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_add_workflow(struct pawl *pawl, const char *name,
                                         pawl_workflow_fn function, void *arg);
PAWL_API enum pawl_err pawl_add_activity(struct pawl *pawl, const char *name,
                                         pawl_activity_fn function, void *arg);

// The same for an activity that never blocks and is over in microseconds. It is called on Pawl's
// own thread (for options.is_driven: within pawl_poll), one at a time and none while a workflow's
// function runs, and so without the cost of going to another thread and back. (With several
// options.loops each has a thread, and this is so for each.) Functions of this
// header that can wait fail in it with PAWL_E_PRECONDITION. One that takes longer than
// options.blocked_after is logged as an error, as it holds up all else.
PAWL_API enum pawl_err pawl_add_quick_activity(struct pawl *pawl, const char *name,
                                               pawl_activity_fn function, void *arg);

// Adds a version of the workflow |name|. A new instance begins with the one that was added last,
// and keeps to its version until it ends or continues as new. An instance whose version is missing
// waits (PAWL_STALLED) until a worker with it comes.
PAWL_API enum pawl_err pawl_add_workflow_version(struct pawl *pawl, const char *name,
                                                 const char *version, pawl_workflow_fn function,
                                                 void *arg);

// Begins to run workflows and activities, until pawl_close. PAWL_E_PRECONDITION: it has begun, or
// nothing was added.
PAWL_API enum pawl_err pawl_work(struct pawl *pawl);

// --- activities ---------------------------------------------------------------------------------

// Sets the result, which is copied. PAWL_E_INVALID: it is not UTF-8. PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_activity_return(struct pawl_activity *activity,
                                            struct pawl_text result);

// Sets the failure, and returns PAWL_E_FAILED for the function to return.
PAWL_API enum pawl_err pawl_activity_fail(struct pawl_activity *activity, const char *type,
                                          const char *format, ...) PAWL_PRINTF(3, 4);

// Makes the failure final: retry policies are not applied to it.
PAWL_API void pawl_activity_fail_finally(struct pawl_activity *activity);

// Says that the input does not have the shape that it should; |why| is part of the error. Returns
// PAWL_E_INVALID for the function to return: the failure is final.
PAWL_API enum pawl_err pawl_activity_shape_error(struct pawl_activity *activity, const char *why);

// Whether the program is closing: the activity should come to an end. Returning a failure records
// it; return PAWL_E_CANCELED to have the activity run again by the next worker.
PAWL_API bool pawl_activity_is_canceled(const struct pawl_activity *activity);

// Calls |function| when the activity's function has returned; at once if this fails.
PAWL_API enum pawl_err pawl_activity_defer(struct pawl_activity *activity,
                                           void (*function)(void *arg), void *arg);

// The activity will be completed later, from any thread or process that has opened the same target:
// whatever the function returns is not its result. The token is the caller's, to free(); NULL when
// memory is out. After a restart the activity runs again, with a new token, and the old one counts
// for nothing.
PAWL_API char *pawl_activity_later(struct pawl_activity *activity);

// Completes such an activity; |type| NULL: it succeeded with |result|, else it failed. PAWL_OK when
// the result is recorded, or the token is out of date. PAWL_E_INVALID: |token| is none.
PAWL_API enum pawl_err pawl_complete(struct pawl *pawl, const char *token, struct pawl_text result);
PAWL_API enum pawl_err pawl_complete_failed(struct pawl *pawl, const char *token, const char *type,
                                            const char *message);

// --- within a workflow: what it is ---------------------------------------------------------------

PAWL_API const char *pawl_id(const struct pawl_workflow *wf); // of the instance
PAWL_API const char *pawl_name(const struct pawl_workflow *wf);
PAWL_API struct pawl_text pawl_input(const struct pawl_workflow *wf);
PAWL_API void *pawl_arg(const struct pawl_workflow *wf); // of pawl_add_workflow

// Whether what happens now has happened before, and is being repeated.
PAWL_API bool pawl_is_replaying(const struct pawl_workflow *wf);

// The workflow's clock: stands still between waits, and shows the same when the function is run
// again. Replay-safe in the same way: random numbers, UUIDs (version 4), and a log that is silent
// while replaying.
PAWL_API int64_t pawl_now(const struct pawl_workflow *wf);
PAWL_API uint64_t pawl_random(struct pawl_workflow *wf);
PAWL_API void pawl_uuid(struct pawl_workflow *wf, char out[37]);
PAWL_API void pawl_log(struct pawl_workflow *wf, enum pawl_log_level level, const char *format, ...)
    PAWL_PRINTF(3, 4);

// --- within a workflow: memory ------------------------------------------------------------------

// Memory that lives as long as the workflow's stack. NULL when memory is out: return PAWL_E_NOMEM.
PAWL_API void *pawl_alloc(struct pawl_workflow *wf, size_t len);
PAWL_API char *pawl_format(struct pawl_workflow *wf, const char *format, ...) PAWL_PRINTF(2, 3);

// |text| as a JSON string, quotes included. It cannot be made when memory is out or |text| is not
// UTF-8 (see struct pawl_text).
PAWL_API struct pawl_text pawl_quote(struct pawl_workflow *wf, const char *text);

// Says that |text|, something that the workflow was given, does not have the shape that it should:
// returns PAWL_E_INVALID, with an error that names the workflow, the instance, the place, |why| and
// the text.
PAWL_API enum pawl_err pawl_shape_error(struct pawl_workflow *wf, struct pawl_text text,
                                        const char *why);

// Calls |function| when the workflow's stack goes, in reverse order; at once if this fails. It must
// not call back.
PAWL_API enum pawl_err pawl_defer(struct pawl_workflow *wf, void (*function)(void *arg), void *arg);

// --- within a workflow: how it ends --------------------------------------------------------------

// Sets the output (copied). PAWL_E_INVALID: it is not UTF-8; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_return(struct pawl_workflow *wf, struct pawl_text output);

// Sets the failure, with the failure that was seen last as its cause, and returns PAWL_E_FAILED.
PAWL_API enum pawl_err pawl_fail(struct pawl_workflow *wf, const char *type, const char *format,
                                 ...) PAWL_PRINTF(3, 4);

// Once the function returns PAWL_OK, the workflow begins again with |input| and an empty history.
// |keep_events|: events that came and were not waited for come along.
PAWL_API enum pawl_err pawl_continue_as_new(struct pawl_workflow *wf, struct pawl_text input,
                                            bool keep_events);

// What clients see beside the status; NULL data: nothing.
PAWL_API enum pawl_err pawl_set_custom_status(struct pawl_workflow *wf, struct pawl_text status);

// --- within a workflow: tasks -------------------------------------------------------------------
//
// A task belongs to its workflow and is not freed: it goes with the workflow's stack, and must not
// be looked at after that. A function that makes one returns NULL when memory is out or it is
// called from outside the workflow; waiting for NULL returns that error.

// When and how often to try again. All attempts of a call have one task.
struct pawl_retry {
    int max_attempts;       // the first included; 0: 1
    int64_t first_interval; // before the second attempt; must be more than 0
    double backoff;         // what the interval is multiplied with each time; 0: 1
    int64_t max_interval;   // 0: no limit
    int64_t timeout;        // no attempt begins later than this after the first; 0: no limit
    // Whether to try again after |failure|. NULL: always. It must depend on nothing but |failure|.
    bool (*handles)(const struct pawl_failure *failure, void *arg);
    void *arg;
};

// How much of what was done so far is passed on with a call: see struct pawl_caller.
enum pawl_pass {
    PAWL_PASS_NOTHING = 0, // the numbers are those of the Dapr wire
    PAWL_PASS_OWN = 1,     // what this workflow has done
    PAWL_PASS_LINEAGE = 2, // that, and what was passed on to this workflow itself
};

struct pawl_call_options {
    const struct pawl_retry *retry; // NULL: one attempt. Copied.
    const char *app_id;             // of another app, which a daemon reaches; NULL: this one
    const char *instance_id;        // of a child; NULL: "PARENT:NNNN"
    enum pawl_pass pass;
};

// Calls an activity, begins a child workflow. |options| may be NULL.
PAWL_API struct pawl_task *pawl_call_activity(struct pawl_workflow *wf, const char *name,
                                              struct pawl_text input,
                                              const struct pawl_call_options *options);
PAWL_API struct pawl_task *pawl_call_child(struct pawl_workflow *wf, const char *name,
                                           struct pawl_text input,
                                           const struct pawl_call_options *options);

// Fires after |duration|, or at |time|.
PAWL_API struct pawl_task *pawl_create_timer(struct pawl_workflow *wf, int64_t duration);
PAWL_API struct pawl_task *pawl_create_timer_at(struct pawl_workflow *wf, int64_t time);

// The next event of this name (case does not matter), also one that has come before. With |timeout|
// 0, only such a one. Waiting for the task gives PAWL_E_DEADLINE when none came in time.
PAWL_API struct pawl_task *pawl_wait_for_event(struct pawl_workflow *wf, const char *name,
                                               int64_t timeout);

// Waits. PAWL_OK; PAWL_E_FAILED: see pawl_failure; PAWL_E_DEADLINE: an event did not come in time;
// PAWL_E_CANCELED: pawl_cancel was called for it; PAWL_E_PRECONDITION: called from outside the
// workflow; PAWL_E_INVALID: |task| could not be made; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_await(struct pawl_task *task);

// Waits until all are done; returns the first error among them, in their order.
PAWL_API enum pawl_err pawl_await_all(struct pawl_task *const *tasks, size_t count);

// Waits until one is done, and says which.
PAWL_API enum pawl_err pawl_await_any(struct pawl_task *const *tasks, size_t count, size_t *index);

PAWL_API bool pawl_is_done(const struct pawl_task *task);

// Of a task that is done: the result (NULL data: none); the failure (NULL: it did not fail).
PAWL_API struct pawl_text pawl_result(const struct pawl_task *task);
PAWL_API const struct pawl_failure *pawl_failure(const struct pawl_task *task);

// Whatever it still brings is of no interest; an event goes to the next who waits. What already
// runs is not stopped.
PAWL_API void pawl_cancel(struct pawl_task *task);

// Shorthands: make a task and wait for it. |result| may be NULL.
PAWL_API enum pawl_err pawl_call(struct pawl_workflow *wf, const char *activity,
                                 struct pawl_text input, const struct pawl_call_options *options,
                                 struct pawl_text *result);
PAWL_API enum pawl_err pawl_sleep(struct pawl_workflow *wf, int64_t duration);

// A pair of strings that go with an instance.
struct pawl_tag {
    const char *name, *value;
};

enum pawl_reuse {
    PAWL_REUSE_ENDED, // an id may be used again once its workflow has ended
    PAWL_REUSE_NEVER, // until it was purged
};

struct pawl_start_options {
    const char *id;              // NULL: a new UUID
    int64_t start_at;            // 0: now
    const struct pawl_tag *tags; // kept with detached workflows only, as Dapr does
    size_t tag_count;
    enum pawl_reuse reuse;
    const char *app_id; // of another app, which a daemon reaches; NULL: this one
};

// Starts a workflow of its own, which this one neither waits for nor ends with. |id| (NULL or 37
// bytes) receives the id when |options| has none.
PAWL_API enum pawl_err pawl_start_detached(struct pawl_workflow *wf, const char *name,
                                           struct pawl_text input,
                                           const struct pawl_start_options *options, char *id);

struct pawl_send_options {
    const char *app_id; // whose workflow it is, as of struct pawl_start_options
};

// Sends the event |event| to the workflow |id|, which may be this one: it comes there once, as one
// that a client raises, whatever becomes of this workflow or of its process. One that does not
// exist, or has ended, is sent nothing, which the log tells. |data|: as of pawl_raise. |options|
// may be NULL. PAWL_E_PRECONDITION: called from outside the workflow's function; PAWL_E_INVALID;
// PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_send(struct pawl_workflow *wf, const char *id, const char *event,
                                 struct pawl_text data, const struct pawl_send_options *options);

// Terminates the workflow |id|, and with |recursive| its children: |reason| becomes its output. One
// that does not exist, or has ended, stays as it is. |options| and errors as of pawl_send.
PAWL_API enum pawl_err pawl_end(struct pawl_workflow *wf, const char *id, struct pawl_text reason,
                                bool recursive, const struct pawl_send_options *options);

// --- what callers have done ----------------------------------------------------------------------
//
// A workflow that calls an activity or a child with options.pass lets it see what was done before:
// each step up to the call, as its history says. It is fixed with the call: what the caller does
// afterwards is not seen, and each run sees the same.

// An activity or a child that a workflow has called.
struct pawl_step {
    const char *name;
    const char *child_id; // of a child; NULL: it is an activity
    struct pawl_text input;
    bool is_done;                       // it has ended; the call itself, which comes last, has not
    struct pawl_text result;            // NULL data: none
    const struct pawl_failure *failure; // NULL: it has not failed
};

// A workflow, as it was when it made a call.
struct pawl_caller {
    const char *app_id, *instance_id, *name;
    struct pawl_text input;
    const struct pawl_step *steps; // in the order in which they began
    size_t step_count;
    // Who called this one, or, after a continue-as-new, what it was before that; NULL: that was not
    // passed on.
    const struct pawl_caller *before;
};

// What was passed on to a workflow, which sees the same as long as it runs, and to an activity.
// |*out| is NULL when it is nothing, and lives as long as the workflow's stack, or until the
// activity's function returns. PAWL_E_INVALID: it cannot be read, as another app may have sent it;
// PAWL_E_NOMEM; PAWL_E_PRECONDITION: called from outside the workflow. pawl_replay passes nothing.
PAWL_API enum pawl_err pawl_caller(struct pawl_workflow *wf, const struct pawl_caller **out);
PAWL_API enum pawl_err pawl_activity_caller(struct pawl_activity *activity,
                                            const struct pawl_caller **out);

// The last step of this name; NULL: there is none, or |caller| is NULL.
PAWL_API const struct pawl_step *pawl_find_step(const struct pawl_caller *caller, const char *name);

// All that was passed on of |caller|'s history, as pawl_history gives it: also timers and events.
// The caller frees |*json|. PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_caller_history(const struct pawl_caller *caller, char **json);

// --- within a workflow: change ------------------------------------------------------------------

// Whether a change to the workflow's code, named |patch|, applies to this instance: true for those
// that reach this place for the first time, false for those that passed it before the change.
PAWL_API bool pawl_is_patched(struct pawl_workflow *wf, const char *patch);

// --- within a workflow: sagas -------------------------------------------------------------------

// A list of activities that undo what was done. |saga| is NULL when memory is out, and then the
// functions below return PAWL_E_NOMEM.
struct pawl_saga;
PAWL_API struct pawl_saga *pawl_saga(struct pawl_workflow *wf);

// To be called before the step that |activity| undoes, so that a step that half happened is undone
// too. |options| as for pawl_call_activity.
PAWL_API enum pawl_err pawl_saga_add(struct pawl_saga *saga, const char *activity,
                                     struct pawl_text input,
                                     const struct pawl_call_options *options);

// Runs them, the last one first, each after the other; goes on when one fails, and returns the
// first error. Those that ran are forgotten.
PAWL_API enum pawl_err pawl_saga_compensate(struct pawl_saga *saga);

// --- clients ------------------------------------------------------------------------------------
//
// These wait for their answer. Errors of all: PAWL_E_UNAVAILABLE: the daemon cannot be reached, or
// the store could not be written (what was asked for has not happened, or will be found to have
// happened); PAWL_E_PRECONDITION: called within a workflow; PAWL_E_INVALID, PAWL_E_NOMEM.

enum pawl_status { // the numbers are those of the Dapr wire
    PAWL_RUNNING = 0,
    PAWL_COMPLETED = 1,
    PAWL_FAILED = 3,
    PAWL_CANCELED = 4,
    PAWL_TERMINATED = 5,
    PAWL_PENDING = 6,
    PAWL_SUSPENDED = 7,
    PAWL_STALLED = 8, // its code is not there; it goes on when it is back
};

// Such as "COMPLETED". Static text.
PAWL_API const char *pawl_status_text(enum pawl_status status);

// What is known of an instance.
struct pawl_info {
    const char *id, *name;
    const char *version; // NULL: none
    enum pawl_status status;
    int64_t created_at, updated_at;
    struct pawl_text input, output, custom_status;
    const struct pawl_failure *failure; // NULL: it has not failed
    const char *parent_id;              // NULL: none
};

// Accepts NULL.
PAWL_API void pawl_info_free(struct pawl_info *info);

// Starts a workflow: it is on record when this returns PAWL_OK. Against a daemon the call also
// waits until a worker has begun it, as Dapr's do, unless options.start_at is set. |options| may be
// NULL. |id| (NULL or 37 bytes) receives the id when |options| has none. PAWL_E_EXISTS: see enum
// pawl_reuse.
PAWL_API enum pawl_err pawl_start(struct pawl *pawl, const char *name, struct pawl_text input,
                                  const struct pawl_start_options *options, char *id);

struct pawl_rerun_options {
    const char *id;         // of the new instance; NULL: a new UUID
    bool overwrite_input;   // |input| takes the place of the event's, also when it is none
    struct pawl_text input; // of an activity or a child
    const char *child_id;   // of the child that the event starts; NULL: one made of the new id
};

// Runs the workflow |source|, which has ended and is no child, again as a new instance: from the
// event |event_id| of its history, which called an activity, set a timer or started a child. What
// was done before the event keeps its result; the event is done again, and so is what was under way
// when it came, and the workflow goes on from there. |source| stays as it is. |options| may be
// NULL. |id| (NULL or 37 bytes) receives the id when |options| has none. PAWL_E_NOT_FOUND: the
// source, or such an event; PAWL_E_INVALID: this source, or this event, cannot be run again so;
// PAWL_E_EXISTS: the id is taken. pawl_history shows the events with their ids. What pawl_random
// and pawl_uuid give is another in the new instance: code that takes another path by it does not
// follow the history.
PAWL_API enum pawl_err pawl_rerun(struct pawl *pawl, const char *source, uint32_t event_id,
                                  const struct pawl_rerun_options *options, char *id);

// |*out| is freed by pawl_info_free; |out| may be NULL. PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_get(struct pawl *pawl, const char *id, struct pawl_info **out);

// Waits until the instance has ended (PAWL_OK however it ended) or |timeout| has passed:
// PAWL_E_DEADLINE. One that does not exist is waited for. |out| may be NULL. A daemon that goes
// away while it is waited for, as in a restart, may come back until then; one that was never there
// is PAWL_E_UNAVAILABLE. PAWL_E_CANCELED: another thread has called pawl_close, which an activity
// may be waiting through.
PAWL_API enum pawl_err pawl_wait(struct pawl *pawl, const char *id, int64_t timeout,
                                 struct pawl_info **out);

// PAWL_E_NOT_FOUND. An event for an instance that has ended is dropped.
PAWL_API enum pawl_err pawl_raise(struct pawl *pawl, const char *id, const char *event,
                                  struct pawl_text data);

// |reason| may be NULL. They return when the instance is suspended, goes on, has ended.
// PAWL_E_NOT_FOUND. Terminating takes the children along when |recursive|.
PAWL_API enum pawl_err pawl_suspend(struct pawl *pawl, const char *id, const char *reason);
PAWL_API enum pawl_err pawl_resume(struct pawl *pawl, const char *id, const char *reason);
PAWL_API enum pawl_err pawl_terminate(struct pawl *pawl, const char *id, struct pawl_text output,
                                      bool recursive);

// Removes all trace of an instance that has ended. |recursive|: of its children too. |count| (may
// be NULL): how many were removed. With several options.shards, children in other parts than the
// instance's are removed soon after, and are not counted. PAWL_E_NOT_FOUND; PAWL_E_PRECONDITION: it
// has not ended.
PAWL_API enum pawl_err pawl_purge(struct pawl *pawl, const char *id, bool recursive,
                                  uint32_t *count);

// The same for an instance that may not have ended. What is being done for it is not stopped, and
// its results are dropped. For instances that cannot be ended: else terminate first, which tells a
// parent.
PAWL_API enum pawl_err pawl_purge_force(struct pawl *pawl, const char *id, bool recursive,
                                        uint32_t *count);

// The instance's history as a JSON array of events, in protobuf's JSON form. The caller frees
// |*json|. PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_history(struct pawl *pawl, const char *id, char **json);

// Which instances a list holds, and how.
struct pawl_list_options {
    // Terms between spaces, all of which have to hold. NULL or "": all instances.
    //
    //     order-7  id:"order 7"      ids that begin so
    //     name:order                 of this workflow
    //     status:failed,stalled      in one of these statuses
    //     parent:ID                  children of this instance
    //     failure:Timeout            failed with an error of this type
    //     says:packing               with this text in their custom status
    //     tag.team:blue  tag.team:   with this tag
    //     age<1h  age>2d             created within, before (units: s, m, h, d)
    //     ended<10m  ended>1h        ended within, before
    const char *filter;
    bool newest_first; // else the oldest
    size_t limit;      // instances on a page; 0: 1024, which is also the most
};

// A page of a list, also an empty one: where a filter chooses few instances, it has those among the
// next 25,000. The instances have no input, no output, no version, and of a failure only the
// type: pawl_get has them.
struct pawl_page {
    const struct pawl_info *items;
    size_t count;
};

// Turns the page: |*page| is NULL before the first one; it is freed, and becomes the next one, or
// NULL after the last. Pages are in the order of creation, ties by id. An instance that comes or
// goes meanwhile moves no other to another page; one that is started again, or continues as new,
// counts as created then. |options| may be NULL, and is the same for all pages. After an error
// |*page| is what it was. PAWL_E_INVALID: the filter, with the term that is wrong.
//
//     struct pawl_page *page = NULL;
//     while (!pawl_list(pawl, &options, &page) && page)
//         for (size_t i = 0; i < page->count; i++) puts(page->items[i].id);
//     pawl_page_free(page); // there is one if it failed
PAWL_API enum pawl_err pawl_list(struct pawl *pawl, const struct pawl_list_options *options,
                                 struct pawl_page **page);

// For a caller that does not go to the end. Accepts NULL.
PAWL_API void pawl_page_free(struct pawl_page *page);

// How many instances of a workflow have a status.
struct pawl_count {
    const char *name; // of the workflow
    enum pawl_status status;
    uint64_t count; // never 0
};

// Counts the instances that |filter| chooses, by name and status, in no order: |*counts| has |*len|
// rows, and is freed by the caller with free(). Inputs and histories are not read for it. Errors as
// of pawl_list.
PAWL_API enum pawl_err pawl_count(struct pawl *pawl, const char *filter, struct pawl_count **counts,
                                  size_t *len);

// --- state --------------------------------------------------------------------------------------
//
// Values under keys, in the same store. |store| names the daemon's component, such as "statestore";
// a file has one, and any name will do.

// |*value| is freed by the caller; NULL when there is none. |etag| (NULL or 64 bytes) changes with
// each write; "" when there is no value.
PAWL_API enum pawl_err pawl_get_state(struct pawl *pawl, const char *store, const char *key,
                                      char **value, size_t *len, char *etag);

// |etag| NULL or "": whatever is there is overwritten. PAWL_E_CONFLICT: somebody else changed it.
PAWL_API enum pawl_err pawl_save_state(struct pawl *pawl, const char *store, const char *key,
                                       struct pawl_text value, const char *etag);
PAWL_API enum pawl_err pawl_delete_state(struct pawl *pawl, const char *store, const char *key,
                                         const char *etag);

// --- tests --------------------------------------------------------------------------------------

// Runs |function| against a |history| as pawl_history gives it, without store or network.
// Activities are not run. PAWL_E_MISMATCH: the code does not do what the history says;
// pawl_last_error has both sides. PAWL_E_INVALID: |history| is not one.
PAWL_API enum pawl_err pawl_replay(struct pawl_text history, pawl_workflow_fn function, void *arg);

#ifdef __cplusplus
}
#endif

#endif
