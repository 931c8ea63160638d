#include "api/attempts.h"

#include "base/clock.h"
#include "base/log.h"

static const char *const attempts_scope = "dapr.runtime.resiliency";

static void attempts_try(struct pawl_attempts *attempts);
static void attempts_failed(struct pawl_attempts *attempts, const struct pawl_error *error);

// --- the end ------------------------------------------------------------------------------------

static void attempts_on_closed(uv_handle_t *handle) {
    struct pawl_attempts *attempts = handle->data;
    attempts->ops->gone(attempts);
}

// The last call on |attempts|, which may be gone with it.
static void attempts_go(struct pawl_attempts *attempts) {
    if (attempts->busy || attempts->closing) return;
    attempts->closing = true;
    if (attempts->timed)
        uv_close((uv_handle_t *)&attempts->timer, attempts_on_closed);
    else
        attempts->ops->gone(attempts);
}

static void attempts_end(struct pawl_attempts *attempts, const struct pawl_error *error) {
    attempts->over = true;
    if (attempts->timed) uv_timer_stop(&attempts->timer);
    attempts->ops->end(attempts, error);
    attempts_go(attempts);
}

void pawl__attempts_abandon(struct pawl_attempts *attempts) {
    attempts->over = true;
    if (attempts->timed) uv_timer_stop(&attempts->timer);
    attempts_go(attempts);
}

// --- time ---------------------------------------------------------------------------------------

static void attempts_on_timer(uv_timer_t *timer) {
    struct pawl_attempts *attempts = timer->data;
    if (!attempts->entered) {
        attempts_try(attempts);
        return;
    }
    if (!attempts->late) attempts->store->policed.timed_out++;
    attempts->late = true;
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_INTERNAL, "context deadline exceeded"); // Dapr's words
    attempts_failed(attempts, &error);
}

static void attempts_wait(struct pawl_attempts *attempts, int64_t duration) {
    if (!attempts->timed) {
        uv_timer_init(attempts->loop, &attempts->timer);
        attempts->timer.data = attempts;
        attempts->timed = true;
    }
    uint64_t ms = (uint64_t)(duration / PAWL_MILLISECOND) + (duration % PAWL_MILLISECOND != 0);
    uv_timer_start(&attempts->timer, attempts_on_timer, ms, 0);
}

// --- one attempt --------------------------------------------------------------------------------

static void attempts_tell_breaker(const struct pawl_attempts *attempts,
                                  enum pawl_breaker_state before) {
    enum pawl_breaker_state now = attempts->store->breaker.state;
    if (now != before)
        pawl__log(attempts->log, PAWL_LOG_INFO, attempts_scope,
                  "Circuit breaker \"%s\" changed state from %s to %s", attempts->store->name,
                  pawl__breaker_text(before), pawl__breaker_text(now));
}

static void attempts_leave(struct pawl_attempts *attempts, bool failed) {
    struct pawl_api_store *store = attempts->store;
    enum pawl_breaker_state before = store->breaker.state;
    bool entered = attempts->entered;
    attempts->entered = false;
    if (!entered || !store->policy.breaks) return;
    pawl__breaker_leave(&store->breaker, &store->policy.rule, pawl__clock_steady(), attempts->pass,
                        failed);
    if (store->breaker.state != before) store->policed.changes[store->breaker.state]++;
    attempts_tell_breaker(attempts, before);
}

// NULL, or why no attempt may be made now.
static const char *attempts_enter(struct pawl_attempts *attempts) {
    struct pawl_api_store *store = attempts->store;
    enum pawl_breaker_state before = store->breaker.state;
    const char *why = NULL;
    if (store->policy.breaks) {
        why = pawl__breaker_enter(&store->breaker, &store->policy.rule, pawl__clock_steady(),
                                  &attempts->pass);
        attempts_tell_breaker(attempts, before);
    }
    attempts->entered = !why;
    return why;
}

static void attempts_count_call(const struct pawl_attempts *attempts) {
    const struct pawl_policy *policy = &attempts->store->policy;
    struct pawl_policy_series *series = &attempts->store->policed;
    if (policy->timeout) series->timeouts++;
    if (policy->retries) series->retries++;
    if (policy->breaks) series->breakers[attempts->store->breaker.state]++;
}

static void attempts_try(struct pawl_attempts *attempts) {
    attempts->tries++;
    const char *why = attempts_enter(attempts);
    if (attempts->tries == 1) attempts_count_call(attempts);
    if (why) {
        struct pawl_error error;
        pawl__fail(&error, PAWL_E_INTERNAL, "%s", why);
        attempts_end(attempts, &error);
        return;
    }
    if (attempts->store->policy.timeout) attempts_wait(attempts, attempts->store->policy.timeout);
    if (attempts->busy) return; // with the operation of an attempt before
    attempts->busy = true;
    attempts->ops->start(attempts);
}

static double attempts_chance(void) {
    uint32_t bits;
    pawl__random(&bits, sizeof bits);
    return bits / 4294967296.0;
}

static void attempts_failed(struct pawl_attempts *attempts, const struct pawl_error *error) {
    struct pawl_api_store *store = attempts->store;
    int64_t wait, passed = pawl__clock_steady() - attempts->began;
    attempts_leave(attempts, true);
    if (!store->policy.retries || !pawl__backoff_wait(&store->policy.backoff, attempts->tries,
                                                      passed, attempts_chance(), &wait)) {
        attempts_end(attempts, error);
        return;
    }
    store->policed.retried++;
    if (!store->troubled)
        pawl__log(attempts->log, PAWL_LOG_WARN, attempts_scope,
                  "state store \"%s\": %s; calls are made again, as its policy says; the next one "
                  "in %lld ms",
                  store->name, error->text, (long long)(wait / PAWL_MILLISECOND));
    store->troubled = true;
    attempts_wait(attempts, wait);
}

// Whether the store has answered, be it that the caller is wrong.
static bool attempts_is_answer(enum pawl_err code) {
    return !code || code == PAWL_E_CONFLICT || code == PAWL_E_INVALID || code == PAWL_E_TOO_LARGE;
}

void pawl__attempts_done(struct pawl_attempts *attempts, const struct pawl_error *error) {
    struct pawl_api_store *store = attempts->store;
    bool answered = attempts_is_answer(error->code);
    attempts->busy = false;
    if (answered && store->troubled) {
        store->troubled = false;
        pawl__log(attempts->log, PAWL_LOG_INFO, attempts_scope,
                  "state store \"%s\" answers again, after %lld attempts", store->name,
                  (long long)attempts->tries);
    }
    if (attempts->over) {
        attempts_leave(attempts, !answered);
        attempts_go(attempts);
    } else if (answered) {
        attempts_leave(attempts, false);
        attempts_end(attempts, error);
    } else if (attempts->entered) {
        attempts_failed(attempts, error);
    } // else the next attempt, for which the timer runs, makes a new operation
}

void pawl__attempts_begin(struct pawl_attempts *attempts) {
    attempts->began = pawl__clock_steady();
    attempts_try(attempts);
}
