#include "base/breaker.h"

#include <stddef.h>

#include "base/clock.h"

static void breaker_become(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                           enum pawl_breaker_state state, int64_t now) {
    breaker->state = state;
    breaker->counts = (struct pawl_trip_counts){0};
    breaker->age++;
    breaker->until = 0;
    if (state == PAWL_BREAKER_OPEN)
        breaker->until = pawl__clock_add(now, rule->rest);
    else if (state == PAWL_BREAKER_CLOSED && rule->interval)
        breaker->until = pawl__clock_add(now, rule->interval);
}

// Lets the time that has passed take its effect.
static void breaker_pass_time(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                              int64_t now) {
    bool ends = breaker->until && breaker->until < now;
    if (breaker->state == PAWL_BREAKER_CLOSED && rule->interval && (ends || !breaker->until))
        breaker_become(breaker, rule, PAWL_BREAKER_CLOSED, now);
    else if (breaker->state == PAWL_BREAKER_OPEN && ends)
        breaker_become(breaker, rule, PAWL_BREAKER_HALF_OPEN, now);
}

const char *pawl__breaker_enter(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                                int64_t now, struct pawl_breaker_pass *out) {
    breaker_pass_time(breaker, rule, now);
    if (breaker->state == PAWL_BREAKER_OPEN) return "circuit breaker is open";
    if (breaker->state == PAWL_BREAKER_HALF_OPEN && breaker->counts.requests >= rule->probes)
        return "too many requests";
    breaker->counts.requests++;
    out->age = breaker->age;
    return NULL;
}

void pawl__breaker_leave(struct pawl_breaker *breaker, const struct pawl_breaker_rule *rule,
                         int64_t now, struct pawl_breaker_pass pass, bool failed) {
    struct pawl_trip_counts *counts = &breaker->counts;
    breaker_pass_time(breaker, rule, now);
    if (pass.age != breaker->age) return;
    bool probed = breaker->state == PAWL_BREAKER_HALF_OPEN;
    if (failed) {
        counts->total_failures++;
        counts->consecutive_failures++;
        counts->consecutive_successes = 0;
        if (probed || pawl__trip_eval(&rule->trip, counts))
            breaker_become(breaker, rule, PAWL_BREAKER_OPEN, now);
    } else {
        counts->total_successes++;
        counts->consecutive_successes++;
        counts->consecutive_failures = 0;
        if (probed && counts->consecutive_successes >= rule->probes)
            breaker_become(breaker, rule, PAWL_BREAKER_CLOSED, now);
    }
}

const char *pawl__breaker_text(enum pawl_breaker_state state) {
    static const char *const texts[] = {
        [PAWL_BREAKER_CLOSED] = "closed",
        [PAWL_BREAKER_HALF_OPEN] = "half-open",
        [PAWL_BREAKER_OPEN] = "open",
    };
    return texts[state];
}
