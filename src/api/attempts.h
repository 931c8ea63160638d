#ifndef PAWL_API_ATTEMPTS_H
#define PAWL_API_ATTEMPTS_H

// A call on a state store by the store's policies (base/policy.h): tried, and tried again.
//
// Only one operation of a call is ever on its way to the store. An attempt that runs out of time
// leaves its operation there, as nobody can take it back, and the next attempt waits for that one's
// result rather than ask for the same twice. So no write of a call comes after another one of it,
// and what waits for a store that hangs is as much as there are calls. An operation that succeeds
// between two attempts ends the call.
//
// What the caller has done wrong (a wrong ETag, a value that does not fit) is an answer: it is not
// tried again, and to the circuit breaker the store has worked. Dapr does the same for ETags of
// saves; its circuit breakers count them as failures.
//
// All of it on the loop's thread.

#include <uv.h>

#include "api/stores.h"
#include "base/err.h"

struct pawl_attempts;

struct pawl_attempts_ops {
    void (*start)(struct pawl_attempts *attempts); // the operation; pawl__attempts_done is called
                                                   // once it is over, maybe before this returns
    void (*end)(struct pawl_attempts *attempts,
                const struct pawl_error *error);  // the call, once; |code| 0: it has succeeded
    void (*gone)(struct pawl_attempts *attempts); // nothing here uses the memory any more
};

// The caller's memory until |gone|. Zero-initialised but for the first four.
struct pawl_attempts {
    const struct pawl_attempts_ops *ops;
    struct pawl_api_store *store; // held by the caller until |gone|
    uv_loop_t *loop;
    const struct pawl_log *log;
    uv_timer_t timer;
    bool timed;   // |timer| is there, to be closed
    bool busy;    // the operation is on its way
    bool entered; // an attempt is under way, which the circuit breaker let through
    bool late;    // an attempt has run out of time
    bool over;    // the call has ended, or nobody waits for it
    bool closing;
    struct pawl_breaker_pass pass;
    int64_t began; // the first attempt, steady
    int64_t tries;
};

void pawl__attempts_begin(struct pawl_attempts *attempts);
void pawl__attempts_done(struct pawl_attempts *attempts, const struct pawl_error *error);

// Nobody waits for the call any more: it is not tried again, and does not |end|.
void pawl__attempts_abandon(struct pawl_attempts *attempts);

#endif
