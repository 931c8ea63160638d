#ifndef PAWL_RUNTIME_CALLS_H
#define PAWL_RUNTIME_CALLS_H

// Calls on the instances of one shard: run against what is in memory, after a load where that is
// needed, and answered when the log holds what they saw or did.
//
//   begin ──► run ──► wait for the batch ──► done
//             │ ▲ ▲
//       load ─┘ │ └── the instance changes (of calls that wait for that)
//               └──── loaded
//
// A verb's own struct has the call as its first member; see verbs.h.

#include "runtime/load.h"

struct pawl_call;
struct pawl_calls;

enum pawl_verb_kind {    // part of what daemons send each other: a number is never reused
    PAWL_VERB_LOCAL = 0, // of what is known in one process only
    PAWL_VERB_START = 1,
    PAWL_VERB_LOOK = 2,
    PAWL_VERB_HISTORY = 3,
    PAWL_VERB_POST = 4,
    PAWL_VERB_PURGE = 5,
    PAWL_VERB_SEARCH = 6,
    PAWL_VERB_TALLY = 7,
    PAWL_VERB_RERUN = 8,
    PAWL_VERB_RECEIVE = 9,
    PAWL_VERB_INVITE = 10,
    PAWL_VERB_RING = 11,
    PAWL_VERB_BORROW = 12,
    PAWL_VERB_TURN_RESULT = 13,
    PAWL_VERB_ACTIVITY_RESULT = 14,
    PAWL_VERB_QUOTA = 15,
};

struct pawl_verb {
    enum pawl_verb_kind kind;
    // Does what |call| asks for. PAWL_E_NEEDED, as the engine's commands give it: it is run again
    // once that is loaded.
    enum pawl_err (*run)(struct pawl_calls *calls, struct pawl_call *call,
                         struct pawl_error *error);
    // Undoes what waits for the call when it fails before it could run. NULL: nothing does.
    void (*give_up)(struct pawl_call *call);
    bool patient; // the answer may wait for what comes next
    bool behind; // the answer comes behind turns that workers have, so that a little more is little
    bool writes; // it has to wait while the batch under construction is full
    bool reads;  // all that it does is to look: nobody has to know whether it was done
    bool asks;   // a client asks for a change, and does not wait for ever for it to be written
    bool outlasts; // begun while the shard is being taken, it waits until the shard is served
};

// Where a call is that is not being carried out by this process.
struct pawl_remote {
    void (*cancel)(struct pawl_remote *remote);
};

// One call. The caller's memory, with all that it points to, until |done| is called or the call is
// canceled. |done| may be called from inside the function that begins the call.
struct pawl_call {
    struct pawl_str id; // the instance
    const char *app;    // that it is of, and which is another one; NULL: this app
    size_t place;       // of that app, where it was sent to
    bool patient;       // whoever gave it waits for what a worker makes of it
    // |error| is NULL when the call succeeded.
    void (*done)(struct pawl_call *call, const struct pawl_error *error);
    void *data;

    /* private */
    const struct pawl_verb *verb;
    struct pawl_calls *calls;   // NULL: it has not begun here
    struct pawl_remote *remote; // NULL: it is here
    struct pawl_link link;      // in the list in which it waits
    struct pawl_load_waiter load;
    bool loading;
    unsigned loads;               // that it has needed
    bool waiting;                 // |run| has put it somewhere to wait
    struct pawl_waiters *waiters; // there, if it waits for the instance to change
    bool is_forwarded;            // it came from another daemon, and goes no further
    int64_t parked_at;  // since when nobody is known to serve the shard, steady; 0: somebody is
    int64_t hoped_at;   // since when it has waited for news, steady; 0: it does not
    uint64_t position;  // the answer waits for this batch
    int64_t stalled_at; // since when a store that cannot write holds it, steady; 0: unknown
    struct pawl_error error; // at the end, as it is not cleared
};

struct pawl_calls {
    struct pawl_residency *residency;
    struct pawl_map waiters;            // id -> struct pawl_waiters
    struct pawl_link building, writing; // which wait for these batches to be durable
    struct pawl_link
        blocked;      // until there is room in a batch for what they write, or there is news
    int64_t heard_at; // all mail that was there by then has been received; steady
    uv_timer_t news;  // ends the wait for that; |data| is for whoever closes it
    // The batch under construction: by more than calls that are patient, and by some that are not
    // behind turns either.
    bool awaited, asked;
    bool stalled; // the store has not been able to write for long
};

void pawl__calls_init(struct pawl_calls *calls, struct pawl_residency *residency);
void pawl__calls_finish(struct pawl_calls *calls);

// Makes |call| one of |verb|, for instance |id|.
static inline void pawl__call_init(struct pawl_call *call, const struct pawl_verb *verb,
                                   struct pawl_str id) {
    memset(call, 0, offsetof(struct pawl_call, error));
    pawl__error_clear(&call->error);
    call->verb = verb;
    call->id = id;
    pawl__link_init(&call->link);
    pawl__link_init(&call->load.link);
}

// Begins |call|, whose effects the caller then settles.
void pawl__calls_begin(struct pawl_calls *calls, struct pawl_call *call);

// Forgets a call whose |done| was not called. What it asked for may happen all the same.
void pawl__call_cancel(struct pawl_call *call);

// Lets |call|, which |run| has been given, wait until its instance changes; then it is run again.
enum pawl_err pawl__calls_wait(struct pawl_calls *calls, struct pawl_call *call);

// Lets |call|, which |run| has been given and which fails for something that is about to change,
// run again with each batch from now on, and last of all when |most| (nanoseconds) have passed.
// False: they have.
bool pawl__calls_hope(struct pawl_calls *calls, struct pawl_call *call, int64_t most);

// All mail of the shard that was there |at| has been received: runs those who hope for it again.
void pawl__calls_hear(struct pawl_calls *calls, int64_t at);

// Runs those who wait for |instance| again, if |is_met| says so, or it is gone.
void pawl__calls_recheck(struct pawl_calls *calls, const struct pawl_instance *instance,
                         bool (*is_met)(const struct pawl_call *call,
                                        const struct pawl_instance *instance));
void pawl__calls_recheck_all(struct pawl_calls *calls);

// Answers |call|, which may have seen all that is in memory, once that is durable. With call->error
// it fails.
void pawl__calls_answer(struct pawl_calls *calls, struct pawl_call *call);

// What waited for the batch under construction now waits for the one that is written.
void pawl__calls_batch_taken(struct pawl_calls *calls);

// That batch is durable. What was blocked is run, as far as there is room again.
void pawl__calls_batch_durable(struct pawl_calls *calls);

// Ends all calls that wait for the log. (Those that wait for the store end by pawl__load_drop and
// pawl__search_drop.)
void pawl__calls_fail(struct pawl_calls *calls, const struct pawl_error *error);

// The store has not been able to write since |since| (steady), because of |error|; to be called now
// and then until that ends. Those that only look, and wait for the log, are told so. Clients that
// ask for a change wait, and are told after 20 s. What they ask for from now on is not begun before
// the store writes again, so that those who are told and ask again do not have it done twice.
void pawl__calls_stall(struct pawl_calls *calls, int64_t since, const struct pawl_error *error);

// The store writes again.
void pawl__calls_go_on(struct pawl_calls *calls);

// Sends the calls that wait for an instance to change to where the shard is served by now. Where
// nobody knows, they fail.
void pawl__calls_send_away(struct pawl_calls *calls);

// Ends those that wait for an instance to change.
void pawl__calls_fail_waiters(struct pawl_calls *calls, const struct pawl_error *error);

#endif
