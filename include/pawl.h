#ifndef PAWL_H
#define PAWL_H

// Durable execution for C.
//
// A workflow is an ordinary function. Each step that it takes (an activity, a timer, an event, a
// child) is recorded before the next one begins. If the process dies, the next process runs the
// function again: recorded steps return at once with their recorded results, and the function
// continues where it stopped. An activity is a function that does the work. It may block and have
// side effects. It runs at least once, and never again after its result is recorded.
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
// Determinism: a workflow function must do the same when it is run again with the same input and
// the same recorded results. It uses no clock, randomness, I/O, threads or blocking calls of its
// own, but pawl_now, pawl_random, pawl_uuid, pawl_sleep and activities.
//
// Memory: a workflow that waits for long may lose its stack. The stack is not unwound; the function
// is run again when the workflow continues. Memory held across a wait must therefore come from
// pawl_alloc or be given to pawl_defer.
//
// Time: moments are nanoseconds since 1970 by the wall clock, durations are nanoseconds. There are
// names for units: 5 * PAWL_SECOND.
//
// Errors: functions return PAWL_OK or an error code; pawl_last_error has the details.
//
// Threads: functions that take a struct pawl may be called from any thread, but not from within a
// workflow. Functions that take a struct pawl_workflow or struct pawl_task may be called only from
// within that workflow's function. Both rules are checked: the call fails with PAWL_E_PRECONDITION.

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

// The last error of a function of this header on this thread: what was wrong, where, and what was
// expected. Valid until another function fails on this thread.
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

// A payload: JSON text with its length, in UTF-8 without NUL. |data| NULL and |len| 0: no payload.
// |data| NULL and another |len|: a payload that could not be made. A function that is given one
// returns the error that prevented it, so payloads can be made in the argument list. Payloads that
// Pawl returns are also terminated. <pawl/jansson.h> makes and reads payloads with jansson.
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
    // The app that the workflows belong to. All programs that serve or start them use the same
    // one. NULL: "default". Not used with a daemon, which has its own app id.
    const char *app_id;

    size_t activity_threads; // activities that run at once; 0: 8
    size_t stack_size;       // bytes of a workflow's stack; 0: 64 KiB. At least 16 KiB.
    size_t warm_workflows;   // waiting workflows that keep their stack; 0: 1000
    int64_t blocked_after;   // a workflow that runs longer than this between two waits is logged as
                             // an error; 0: one second

    // For a program with its own event loop. Pawl then has no loop thread; the program calls
    // pawl_poll when pawl_fd is readable or pawl_timeout has passed. Only activities may call
    // functions of this header from other threads. Functions that wait run Pawl's loop meanwhile.
    bool is_driven;

    const char *api_token; // sent to a daemon; NULL: the environment's DAPR_API_TOKEN

    // Receives log lines, on any thread. NULL: warnings and errors go to stderr.
    void (*log)(void *arg, enum pawl_log_level level, const char *line);
    void *log_arg;

    // Threads that run the engine and workflow functions, each with its own loop; 0: 1. More loops
    // use more cores. Functions of *different* instances then run at the same time, so the data
    // that they share needs locks; one instance still runs on one thread at a time.
    // PAWL_LOOP_PER_CORE: one for each core. Not with is_driven. All loops share the activity
    // threads and the limit on warm workflows. With a daemon, each loop has its own connection.
    size_t loops;

    // How many shards (parts, by a hash of the id) the instances are divided into, for an app that
    // is new to the file; 0: as many as loops. The number is recorded in the file and never
    // changes. Each shard runs on one loop, so the file uses no more loops than it has shards; a
    // warning says when loops are idle. Choose no more shards than you will ever have loops: a
    // workflow whose child is in another shard needs one more commit.
    uint32_t shards;
};

#define PAWL_LOOP_PER_CORE SIZE_MAX // for pawl_options.loops

// Opens |target|:
//
//     "orders.db"         workflows are stored in this SQLite file and run in this process
//     "memory:"           workflows are kept in memory and end with the process
//     "grpc://HOST:PORT"  workflows are stored by a running daemon (pawl daemon, daprd)
//     NULL                the same, with the daemon that the environment names, as with Dapr's
//                         SDKs: DAPR_GRPC_ENDPOINT, or DAPR_GRPC_PORT on 127.0.0.1, or port 50001
//
// |options| may be NULL, and is not used after the call. A daemon need not be running yet.
// PAWL_E_HELD: another process serves this app id from the file. PAWL_E_IO, PAWL_E_FULL,
// PAWL_E_CORRUPT, PAWL_E_FORMAT (a newer version wrote the file): the error names the file.
// PAWL_E_INVALID, PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_open(const char *target, const struct pawl_options *options,
                                 struct pawl **out);

// Takes no more work, asks running activities to end (pawl_activity_is_canceled), waits for them,
// writes their results, and frees |pawl| (which may be NULL). Unfinished workflows continue after
// the next pawl_open. PAWL_E_IO, PAWL_E_FULL: the last results could not be written; their
// activities will run again. PAWL_E_PRECONDITION: called within a workflow or an activity of
// |pawl|.
PAWL_API enum pawl_err pawl_close(struct pawl *pawl);

// For options.is_driven. pawl_fd: the descriptor to poll for reading. pawl_timeout: milliseconds
// until pawl_poll must be called at the latest; -1: no limit. pawl_poll: does all that is due,
// without waiting.
PAWL_API int pawl_fd(struct pawl *pawl);
PAWL_API int pawl_timeout(struct pawl *pawl);
PAWL_API enum pawl_err pawl_poll(struct pawl *pawl);

// --- failures -----------------------------------------------------------------------------------

// How an activity or a workflow failed.
struct pawl_failure {
    const char *type;                 // such as "PaymentDeclined"; never NULL
    const char *message;              // never NULL
    const char *stack;                // NULL: none
    bool is_final;                    // retry policies are not applied
    const struct pawl_failure *cause; // NULL: none
};

// --- the worker ---------------------------------------------------------------------------------

// A workflow completes when its function returns PAWL_OK, with the output set by pawl_return. It
// fails when the function returns any other code, with the failure set by pawl_fail, or else the
// last failure that it saw. PAWL_E_NOMEM is not recorded; the function is run again later.
typedef enum pawl_err (*pawl_workflow_fn)(struct pawl_workflow *wf);

// The call of an activity. Valid until the activity's function returns.
struct pawl_activity {
    const char *name;
    const char *instance_id;       // of the workflow that called it
    const char *task_execution_id; // the same for all attempts of one call: a key for idempotence
    int32_t sequence_number;       // of the call, in the workflow
    int attempt;                   // 1 for the first; 0: unknown, the daemon does not send it
    struct pawl_text input;
    void *arg; // of pawl_add_activity
    struct pawl *pawl;
};

// An activity succeeds when its function returns PAWL_OK, with the result set by
// pawl_activity_return. It fails when the function returns any other code, with the failure set by
// pawl_activity_fail.
typedef enum pawl_err (*pawl_activity_fn)(struct pawl_activity *activity);

// Registers a function, before pawl_work. |name| is copied. PAWL_E_EXISTS: the name is taken;
// PAWL_E_PRECONDITION: pawl_work was called; PAWL_E_INVALID: |name| or |function| is missing;
// PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_add_workflow(struct pawl *pawl, const char *name,
                                         pawl_workflow_fn function, void *arg);
PAWL_API enum pawl_err pawl_add_activity(struct pawl *pawl, const char *name,
                                         pawl_activity_fn function, void *arg);

// Registers an activity that never blocks and takes microseconds. It runs on the loop's thread
// (options.is_driven: within pawl_poll), which saves the way to another thread and back. A loop
// runs one such activity or workflow function at a time. Functions of this header that can wait
// fail in it with PAWL_E_PRECONDITION. One that runs longer than options.blocked_after is logged as
// an error, since it blocks the loop.
PAWL_API enum pawl_err pawl_add_quick_activity(struct pawl *pawl, const char *name,
                                               pawl_activity_fn function, void *arg);

// Registers a version of the workflow |name|. A new instance begins with the version registered
// last, and keeps it until the instance ends or continues as new. An instance whose version is
// missing waits (PAWL_STALLED) until a worker that has it connects.
PAWL_API enum pawl_err pawl_add_workflow_version(struct pawl *pawl, const char *name,
                                                 const char *version, pawl_workflow_fn function,
                                                 void *arg);

// Begins to run workflows and activities, until pawl_close. PAWL_E_PRECONDITION: it was called
// before, or nothing is registered.
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

// Reports an input of the wrong shape; |why| becomes part of the error. Returns PAWL_E_INVALID for
// the function to return. The failure is final.
PAWL_API enum pawl_err pawl_activity_shape_error(struct pawl_activity *activity, const char *why);

// Whether the program is closing, so the activity should end. Return PAWL_E_CANCELED to have the
// next worker run it again; a failure would be recorded.
PAWL_API bool pawl_activity_is_canceled(const struct pawl_activity *activity);

// Calls |function| when the activity's function has returned, or at once when this call fails.
PAWL_API enum pawl_err pawl_activity_defer(struct pawl_activity *activity,
                                           void (*function)(void *arg), void *arg);

// Leaves the activity open, to be completed later from any thread or process that has opened the
// same target. The return value of the function is then ignored. Returns a token for pawl_complete,
// which the caller frees with free(); NULL: out of memory. After a restart the activity runs again
// with a new token, and the old one has no effect.
PAWL_API char *pawl_activity_later(struct pawl_activity *activity);

// Complete such an activity: with |result|, or with a failure. PAWL_OK: the result is recorded, or
// the token is out of date. PAWL_E_INVALID: |token| is not a token.
PAWL_API enum pawl_err pawl_complete(struct pawl *pawl, const char *token, struct pawl_text result);
PAWL_API enum pawl_err pawl_complete_failed(struct pawl *pawl, const char *token, const char *type,
                                            const char *message);

// --- within a workflow: what it is ---------------------------------------------------------------

PAWL_API const char *pawl_id(const struct pawl_workflow *wf); // of the instance
PAWL_API const char *pawl_name(const struct pawl_workflow *wf);
PAWL_API struct pawl_text pawl_input(const struct pawl_workflow *wf);
PAWL_API void *pawl_arg(const struct pawl_workflow *wf); // of pawl_add_workflow

// Whether the function is repeating steps that are already recorded.
PAWL_API bool pawl_is_replaying(const struct pawl_workflow *wf);

// The workflow's clock. It stands still between waits, and shows the same times when the function
// is run again. Random numbers and UUIDs (version 4) are repeated likewise; the log is silent
// during replay.
PAWL_API int64_t pawl_now(const struct pawl_workflow *wf);
PAWL_API uint64_t pawl_random(struct pawl_workflow *wf);
PAWL_API void pawl_uuid(struct pawl_workflow *wf, char out[37]);
PAWL_API void pawl_log(struct pawl_workflow *wf, enum pawl_log_level level, const char *format, ...)
    PAWL_PRINTF(3, 4);

// --- within a workflow: memory ------------------------------------------------------------------

// Memory that lives as long as the workflow's stack. NULL when memory is out: return PAWL_E_NOMEM.
PAWL_API void *pawl_alloc(struct pawl_workflow *wf, size_t len);
PAWL_API char *pawl_format(struct pawl_workflow *wf, const char *format, ...) PAWL_PRINTF(2, 3);

// |text| as a JSON string, with quotes. It cannot be made (see struct pawl_text) when memory is out
// or |text| is not UTF-8.
PAWL_API struct pawl_text pawl_quote(struct pawl_workflow *wf, const char *text);

// Reports that |text|, which the workflow was given, has the wrong shape. Returns PAWL_E_INVALID;
// the error names the workflow, the instance, |why| and the text.
PAWL_API enum pawl_err pawl_shape_error(struct pawl_workflow *wf, struct pawl_text text,
                                        const char *why);

// Calls |function| when the workflow's stack is dropped, the last one first, or at once when this
// call fails. |function| must not call functions of this header.
PAWL_API enum pawl_err pawl_defer(struct pawl_workflow *wf, void (*function)(void *arg), void *arg);

// --- within a workflow: how it ends --------------------------------------------------------------

// Sets the output (copied). PAWL_E_INVALID: it is not UTF-8; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_return(struct pawl_workflow *wf, struct pawl_text output);

// Sets the failure, with the last failure that the workflow saw as its cause. Returns
// PAWL_E_FAILED.
PAWL_API enum pawl_err pawl_fail(struct pawl_workflow *wf, const char *type, const char *format,
                                 ...) PAWL_PRINTF(3, 4);

// Once the function returns PAWL_OK, the workflow begins again with |input| and an empty history.
// |keep_events|: events that arrived and were not consumed are kept.
PAWL_API enum pawl_err pawl_continue_as_new(struct pawl_workflow *wf, struct pawl_text input,
                                            bool keep_events);

// Sets a text that clients see beside the status; NULL data: none.
PAWL_API enum pawl_err pawl_set_custom_status(struct pawl_workflow *wf, struct pawl_text status);

// --- within a workflow: tasks -------------------------------------------------------------------
//
// A task belongs to its workflow. It lives as long as the workflow's stack, and is not freed by the
// caller. A function that makes a task returns NULL when memory is out or when it is called from
// outside the workflow; awaiting NULL returns that error.

// When and how often to try again. All attempts of a call have one task.
struct pawl_retry {
    int max_attempts;       // the first included; 0: 1
    int64_t first_interval; // before the second attempt; must be more than 0
    double backoff;         // factor by which the interval grows; 0: 1
    int64_t max_interval;   // 0: no limit
    int64_t timeout;        // no attempt begins later than this after the first; 0: no limit
    // Whether to try again after |failure|; NULL: always. It must depend on |failure| alone.
    bool (*handles)(const struct pawl_failure *failure, void *arg);
    void *arg;
};

// How much history is passed on with a call: see struct pawl_caller. The numbers are those of
// Dapr's protocol.
enum pawl_pass {
    PAWL_PASS_NOTHING = 0,
    PAWL_PASS_OWN = 1,     // the history of this workflow
    PAWL_PASS_LINEAGE = 2, // that, and the history that was passed on to this workflow
};

struct pawl_call_options {
    const struct pawl_retry *retry; // NULL: one attempt. Copied.
    const char *app_id;             // another app, reached by a daemon; NULL: this app
    const char *instance_id;        // of a child; NULL: "PARENT:NNNN"
    enum pawl_pass pass;
};

// Call an activity, start a child workflow. |options| may be NULL.
PAWL_API struct pawl_task *pawl_call_activity(struct pawl_workflow *wf, const char *name,
                                              struct pawl_text input,
                                              const struct pawl_call_options *options);
PAWL_API struct pawl_task *pawl_call_child(struct pawl_workflow *wf, const char *name,
                                           struct pawl_text input,
                                           const struct pawl_call_options *options);

// Fires after |duration|, or at |time|.
PAWL_API struct pawl_task *pawl_create_timer(struct pawl_workflow *wf, int64_t duration);
PAWL_API struct pawl_task *pawl_create_timer_at(struct pawl_workflow *wf, int64_t time);

// The next event of this name (case does not matter); an event that has already arrived counts.
// |timeout| 0: only such an event. Awaiting the task returns PAWL_E_DEADLINE when none arrived in
// time.
PAWL_API struct pawl_task *pawl_wait_for_event(struct pawl_workflow *wf, const char *name,
                                               int64_t timeout);

// Waits until |task| is done. PAWL_OK; PAWL_E_FAILED: see pawl_failure; PAWL_E_DEADLINE: an event
// did not arrive in time; PAWL_E_CANCELED: pawl_cancel was called; PAWL_E_PRECONDITION: called from
// outside the workflow; PAWL_E_INVALID: |task| could not be made; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_await(struct pawl_task *task);

// Waits until all are done. Returns the first error in the order of |tasks|.
PAWL_API enum pawl_err pawl_await_all(struct pawl_task *const *tasks, size_t count);

// Waits until one is done; |*index| receives which.
PAWL_API enum pawl_err pawl_await_any(struct pawl_task *const *tasks, size_t count, size_t *index);

PAWL_API bool pawl_is_done(const struct pawl_task *task);

// Of a task that is done: the result (NULL data: none); the failure (NULL: it did not fail).
PAWL_API struct pawl_text pawl_result(const struct pawl_task *task);
PAWL_API const struct pawl_failure *pawl_failure(const struct pawl_task *task);

// Ends the wait for a task: a result that still arrives is ignored, an event goes to the next task
// that waits for its name. An activity or child that already runs is not stopped.
PAWL_API void pawl_cancel(struct pawl_task *task);

// Shorthands that make a task and await it. |result| may be NULL.
PAWL_API enum pawl_err pawl_call(struct pawl_workflow *wf, const char *activity,
                                 struct pawl_text input, const struct pawl_call_options *options,
                                 struct pawl_text *result);
PAWL_API enum pawl_err pawl_sleep(struct pawl_workflow *wf, int64_t duration);

// A pair of strings that is stored with an instance.
struct pawl_tag {
    const char *name, *value;
};

enum pawl_reuse {
    PAWL_REUSE_ENDED, // the id may be used again once its workflow has ended
    PAWL_REUSE_NEVER, // not before its workflow is purged
};

struct pawl_start_options {
    const char *id;              // NULL: a new UUID
    int64_t start_at;            // 0: now
    const struct pawl_tag *tags; // stored for detached workflows only, as in Dapr
    size_t tag_count;
    enum pawl_reuse reuse;
    const char *app_id; // another app, reached by a daemon; NULL: this app
};

// Starts an independent workflow, which is not a child: this one does not wait for it, and ending
// this one does not end it. |id| (NULL or 37 bytes) receives the id when |options| has none.
PAWL_API enum pawl_err pawl_start_detached(struct pawl_workflow *wf, const char *name,
                                           struct pawl_text input,
                                           const struct pawl_start_options *options, char *id);

struct pawl_send_options {
    const char *app_id; // of the workflow, as in struct pawl_start_options
};

// Sends the event |event| to the workflow |id|, which may be this one. It arrives exactly once,
// like an event of pawl_raise, even if this process dies. If that workflow does not exist or has
// ended, the event is dropped and the log says so. |options| may be NULL. PAWL_E_PRECONDITION:
// called from outside the workflow's function; PAWL_E_INVALID; PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_send(struct pawl_workflow *wf, const char *id, const char *event,
                                 struct pawl_text data, const struct pawl_send_options *options);

// Terminates the workflow |id|, and its children if |recursive|; |reason| becomes its output. A
// workflow that does not exist or has ended is left alone. |options| and errors: as for pawl_send.
PAWL_API enum pawl_err pawl_end(struct pawl_workflow *wf, const char *id, struct pawl_text reason,
                                bool recursive, const struct pawl_send_options *options);

// --- the callers' history ------------------------------------------------------------------------
//
// A workflow that calls an activity or a child with options.pass shows it the history up to the
// call. The history is fixed at the call: later steps of the caller are not in it, and every
// attempt and replay sees the same.

// An activity or a child that a workflow has called.
struct pawl_step {
    const char *name;
    const char *child_id; // of a child; NULL: it is an activity
    struct pawl_text input;
    bool is_done;                       // false for the call itself, which is the last step
    struct pawl_text result;            // NULL data: none
    const struct pawl_failure *failure; // NULL: it has not failed
};

// A workflow at the moment when it made a call.
struct pawl_caller {
    const char *app_id, *instance_id, *name;
    struct pawl_text input;
    const struct pawl_step *steps; // in the order in which they began
    size_t step_count;
    // Its own caller or, after a continue-as-new, its run before that; NULL: not passed on.
    const struct pawl_caller *before;
};

// The history that was passed on to this workflow or activity. |*out| is NULL when there is none.
// It lives as long as the workflow's stack, or until the activity's function returns.
// PAWL_E_INVALID: it cannot be read (another app may have sent it); PAWL_E_NOMEM;
// PAWL_E_PRECONDITION: called from outside the workflow. With pawl_replay there is none.
PAWL_API enum pawl_err pawl_caller(struct pawl_workflow *wf, const struct pawl_caller **out);
PAWL_API enum pawl_err pawl_activity_caller(struct pawl_activity *activity,
                                            const struct pawl_caller **out);

// The last step of this name; NULL: there is none, or |caller| is NULL.
PAWL_API const struct pawl_step *pawl_find_step(const struct pawl_caller *caller, const char *name);

// The history of |caller|, with its timers and events, in the form of pawl_history. Free |*json|
// with free(). PAWL_E_NOMEM.
PAWL_API enum pawl_err pawl_caller_history(const struct pawl_caller *caller, char **json);

// --- within a workflow: change ------------------------------------------------------------------

// Whether the change to the workflow's code that is named |patch| applies to this instance: true
// when the instance reaches this call for the first time, false when it passed this place before
// the change was made.
PAWL_API bool pawl_is_patched(struct pawl_workflow *wf, const char *patch);

// --- within a workflow: sagas -------------------------------------------------------------------

// A list of activities that undo earlier steps. NULL: out of memory; the functions below then
// return PAWL_E_NOMEM.
struct pawl_saga;
PAWL_API struct pawl_saga *pawl_saga(struct pawl_workflow *wf);

// Adds |activity|. Call this before the step that it undoes, so that a step that fails halfway is
// undone too. |options|: as for pawl_call_activity.
PAWL_API enum pawl_err pawl_saga_add(struct pawl_saga *saga, const char *activity,
                                     struct pawl_text input,
                                     const struct pawl_call_options *options);

// Runs the activities one after the other, the last one first, and empties the list. It continues
// when one fails, and returns the first error.
PAWL_API enum pawl_err pawl_saga_compensate(struct pawl_saga *saga);

// --- clients ------------------------------------------------------------------------------------
//
// These functions wait for the answer. All can fail with PAWL_E_UNAVAILABLE (the daemon cannot be
// reached, or the store cannot be written; the request may or may not have been carried out),
// PAWL_E_PRECONDITION (called within a workflow), PAWL_E_INVALID and PAWL_E_NOMEM.

enum pawl_status { // the numbers are those of Dapr's protocol
    PAWL_RUNNING = 0,
    PAWL_COMPLETED = 1,
    PAWL_FAILED = 3,
    PAWL_CANCELED = 4,
    PAWL_TERMINATED = 5,
    PAWL_PENDING = 6,
    PAWL_SUSPENDED = 7,
    PAWL_STALLED = 8, // no worker has the code that it needs; it continues when one connects
};

// Such as "COMPLETED". Static text.
PAWL_API const char *pawl_status_text(enum pawl_status status);

// An instance, as seen by clients.
struct pawl_info {
    const char *id, *name;
    const char *version; // NULL: none
    enum pawl_status status;
    int64_t created_at, updated_at;
    struct pawl_text input, output, custom_status;
    const struct pawl_failure *failure; // NULL: it has not failed
    const char *parent_id;              // NULL: none
    const struct pawl_tag *tags;
    size_t tag_count;
};

// Accepts NULL.
PAWL_API void pawl_info_free(struct pawl_info *info);

// Starts a workflow. PAWL_OK: it is stored. With a daemon the call also waits until a worker has
// begun it, as in Dapr's SDKs, unless options.start_at is set. |options| may be NULL. |id| (NULL or
// 37 bytes) receives the id when |options| has none. PAWL_E_EXISTS: the id is taken, see enum
// pawl_reuse.
PAWL_API enum pawl_err pawl_start(struct pawl *pawl, const char *name, struct pawl_text input,
                                  const struct pawl_start_options *options, char *id);

struct pawl_rerun_options {
    const char *id;         // of the new instance; NULL: a new UUID
    bool overwrite_input;   // |input| replaces that of the event, even with no payload
    struct pawl_text input; // of the activity or child
    const char *child_id;   // of the child that the event starts; NULL: derived from the new id
};

// Runs the ended workflow |source| again, as a new instance, from the event |event_id| of its
// history. The event must have called an activity, set a timer or started a child; pawl_history
// shows the ids. Steps that were done before the event keep their results. The event itself and
// steps that were unfinished at that point are done again. |source| does not change, and must not
// be a child. pawl_random and pawl_uuid give other values in the new instance, so code that
// branches on them may no longer match the history. |options| may be NULL. |id| (NULL or 37 bytes)
// receives the id when |options| has none. PAWL_E_NOT_FOUND: |source| or the event does not exist;
// PAWL_E_INVALID: this source or event cannot be rerun; PAWL_E_EXISTS: the id is taken.
PAWL_API enum pawl_err pawl_rerun(struct pawl *pawl, const char *source, uint32_t event_id,
                                  const struct pawl_rerun_options *options, char *id);

// Reads an instance. Free |*out| with pawl_info_free; |out| may be NULL. PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_get(struct pawl *pawl, const char *id, struct pawl_info **out);

// Waits until the instance has ended, in whatever status; an instance that does not exist yet is
// waited for. The wait survives a restart of the daemon. |out| may be NULL. PAWL_E_DEADLINE:
// |timeout| has passed; PAWL_E_UNAVAILABLE: the daemon could not be reached from the start;
// PAWL_E_CANCELED: another thread has called pawl_close.
PAWL_API enum pawl_err pawl_wait(struct pawl *pawl, const char *id, int64_t timeout,
                                 struct pawl_info **out);

// Raises an event for an instance. One for an instance that has ended is dropped.
// PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_raise(struct pawl *pawl, const char *id, const char *event,
                                  struct pawl_text data);

// Return once the instance is suspended, resumed or terminated; the last with its children if
// |recursive|. |reason| may be NULL. PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_suspend(struct pawl *pawl, const char *id, const char *reason);
PAWL_API enum pawl_err pawl_resume(struct pawl *pawl, const char *id, const char *reason);
PAWL_API enum pawl_err pawl_terminate(struct pawl *pawl, const char *id, struct pawl_text output,
                                      bool recursive);

// Deletes an instance that has ended, and its children if |recursive|. |count| (may be NULL): how
// many were deleted. Children in other shards are deleted soon after, and are not counted.
// PAWL_E_NOT_FOUND; PAWL_E_PRECONDITION: it has not ended.
PAWL_API enum pawl_err pawl_purge(struct pawl *pawl, const char *id, bool recursive,
                                  uint32_t *count);

// Deletes an instance even if it has not ended. Its running activities are not stopped; their
// results are dropped. Its parent is not told: prefer pawl_terminate and pawl_purge, and keep this
// for instances that cannot be terminated.
PAWL_API enum pawl_err pawl_purge_force(struct pawl *pawl, const char *id, bool recursive,
                                        uint32_t *count);

// The instance's history: a JSON array of events, in protobuf's JSON form. Free |*json| with
// free(). PAWL_E_NOT_FOUND.
PAWL_API enum pawl_err pawl_history(struct pawl *pawl, const char *id, char **json);

struct pawl_list_options {
    // Terms separated by spaces; an instance must match all of them. NULL or "": all instances.
    //
    //     order-7  id:"order 7"      ids that begin with this
    //     name:order                 of this workflow
    //     status:failed,stalled      in one of these statuses
    //     parent:ID                  children of this instance
    //     failure:Timeout            failed with an error of this type
    //     says:packing               with this text in their custom status
    //     wait:event                 that wait for an event; also for an activity, retry, timer,
    //                                child, or worker (no connected worker has what they need)
    //     wait:event:approval        that wait for this event; wait:worker:charge: that call an
    //                                activity, or are a workflow, which no connected worker has
    //     tag.team:blue  tag.team:   with this tag
    //     age<1h  age>2d             created within, before (units: s, m, h, d)
    //     ended<10m  ended>1h        ended within, before
    const char *filter;
    bool newest_first; // else the oldest
    size_t limit;      // instances on a page; 0: 1024, which is also the most
};

// A page of a list. It covers 25,000 instances at most, so with a filter that matches few of them a
// page may be empty before the last. Input, output, version, and all of a failure but its type are
// left out: pawl_get has them.
struct pawl_page {
    const struct pawl_info *items;
    size_t count;
};

// Frees |*page| and replaces it with the next page, or with NULL after the last. |*page| NULL: the
// first page. Instances are in the order of creation, then of id. One that is created or purged
// meanwhile does not move others to another page; one that is started again or continues as new
// counts as created at that time. |options| may be NULL, and must be the same for all pages. An
// error leaves |*page| unchanged. PAWL_E_INVALID: the error names the wrong term of the filter.
//
//     struct pawl_page *page = NULL;
//     while (!pawl_list(pawl, &options, &page) && page)
//         for (size_t i = 0; i < page->count; i++) puts(page->items[i].id);
//     pawl_page_free(page); // not NULL if pawl_list failed
PAWL_API enum pawl_err pawl_list(struct pawl *pawl, const struct pawl_list_options *options,
                                 struct pawl_page **page);

// For callers that stop before the last page. Accepts NULL.
PAWL_API void pawl_page_free(struct pawl_page *page);

// How many instances of a workflow have a status.
struct pawl_count {
    const char *name; // of the workflow
    enum pawl_status status;
    uint64_t count; // never 0
};

// Counts the instances that match |filter|, by name and status. |*counts| receives |*len| rows, in
// no particular order; free it with free(). Errors: as for pawl_list.
PAWL_API enum pawl_err pawl_count(struct pawl *pawl, const char *filter, struct pawl_count **counts,
                                  size_t *len);

// --- state --------------------------------------------------------------------------------------
//
// A key-value store beside the workflows. |store| names a component of the daemon, such as
// "statestore"; a file has a single store, under any name.

// Reads a value. Free |*value| with free(); NULL: there is none. |etag| (NULL or 64 bytes) changes
// with each write; "" when there is no value.
PAWL_API enum pawl_err pawl_get_state(struct pawl *pawl, const char *store, const char *key,
                                      char **value, size_t *len, char *etag);

// Write and delete a value. |etag| NULL or "": unconditionally. PAWL_E_CONFLICT: the value has
// changed since |etag| was read.
PAWL_API enum pawl_err pawl_save_state(struct pawl *pawl, const char *store, const char *key,
                                       struct pawl_text value, const char *etag);
PAWL_API enum pawl_err pawl_delete_state(struct pawl *pawl, const char *store, const char *key,
                                         const char *etag);

// --- tests --------------------------------------------------------------------------------------

// Replays |function| against a |history| of pawl_history, without store or network. Activities are
// not run. PAWL_E_MISMATCH: the code does not follow the history; pawl_last_error says what each of
// them has. PAWL_E_INVALID: |history| is not a history.
PAWL_API enum pawl_err pawl_replay(struct pawl_text history, pawl_workflow_fn function, void *arg);

#ifdef __cplusplus
}
#endif

#endif
