#ifndef PAWL_BASE_BREAKER_H
#define PAWL_BASE_BREAKER_H

// A circuit breaker: keeps calls from what fails again and again, so that it can recover, and its
// callers need not wait.
//
//   closed ──(trip is true after a failure)──► open ──(rest is over)──► half-open
//     ▲  ▲                                      ▲                          │ │
//     │  └── counts begin anew each interval    └────────(a failure)───────┘ │
//     └──────────────────────(as many successes in a row as probes)──────────┘
//
// The rules are those of Dapr's, which are those of github.com/sony/gobreaker 0.5. Times are steady
// ones, in nanoseconds.

#include "base/trip.h"

struct pawl_breaker_rule {
    int64_t probes;   // calls that a half-open breaker lets through; at least 1
    int64_t interval; // after which a closed one counts anew; 0: never
    int64_t rest;     // how long it is open
    struct pawl_trip trip;
};

enum pawl_breaker_state {
    PAWL_BREAKER_CLOSED,
    PAWL_BREAKER_HALF_OPEN,
    PAWL_BREAKER_OPEN
};

// Zero-initialised it is closed, and has counted nothing.
struct pawl_breaker {
    enum pawl_breaker_state state;
    struct pawl_trip_counts counts;
    uint64_t age;  // changes with the state, and when the counts begin anew
    int64_t until; // of the state open, or of the interval; 0: it has no end, or has not begun
};

// A call that was let through.
struct pawl_breaker_pass {
    uint64_t age;
};

// Whether a call may be made now; each that may has to leave again. NULL, or why not, in Dapr's
// words.
const char *pawl__breaker_enter(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                                int64_t now, struct pawl_breaker_pass *out);

// The call has ended. One that was let through before the state changed no longer counts.
void pawl__breaker_leave(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                         int64_t now, struct pawl_breaker_pass pass, bool failed);

const char *pawl__breaker_text(enum pawl_breaker_state state); // in Dapr's words

#endif
