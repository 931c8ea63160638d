#include "observe/push.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "observe/otlp_metrics.h"
#include "observe/otlp_post.h"

static const char *const push_scope = "dapr.runtime";

#define PUSH_RETRY      PAWL_SECOND
#define PUSH_RETRY_MOST (30 * PAWL_SECOND)

struct pawl_push {
    char *name;
    struct pawl_resource *resource;
    struct pawl_poster *poster;
    const struct pawl_log *log;
    struct pawl_buf body; // of the thread
    bool told;            // of the thread: that nothing is taken
    pthread_t thread;
    pthread_mutex_t mutex; // of all that follows
    pthread_cond_t woken;
    struct pawl_buf next; // what waits
    struct pawl_push_counts counts;
    bool closing;
    int64_t until; // steady; once closing
};

// --- the thread ----------------------------------------------------------------------------------

static void push_tell(struct pawl_push *push, enum pawl_err err, const struct pawl_error *error) {
    if (err && !push->told)
        pawl__log(push->log, PAWL_LOG_WARN, push_scope, "%s takes no metrics%s: %s", push->name,
                  err == PAWL_E_UNAVAILABLE ? ", will try again" : "", error->text);
    else if (!err && push->told)
        pawl__log(push->log, PAWL_LOG_INFO, push_scope, "%s takes metrics again", push->name);
    push->told = err;
}

// With the mutex: whether the body that was not taken is to be sent once more, after |delay|, or at
// once when this ends. Not when a newer one is there, and not when time is up.
static bool push_wait_to_retry(struct pawl_push *push, int64_t delay) {
    int64_t until = pawl__clock_steady() + delay;
    bool closing = push->closing;
    while (!push->next.len && push->closing == closing && pawl__clock_steady() < until) {
        int64_t last = closing && push->until < until ? push->until : until;
        if (pawl__clock_steady() >= last) return false;
        const struct timespec at = {(time_t)(last / PAWL_SECOND), (long)(last % PAWL_SECOND)};
        pthread_cond_timedwait(&push->woken, &push->mutex, &at);
    }
    return !push->next.len;
}

static void push_send(struct pawl_push *push, struct pawl_str metrics) {
    int64_t delay = PUSH_RETRY;
    enum pawl_err err;
    bool again;
    pawl__buf_clear(&push->body);
    bool made = pawl__otlp_metrics_request(&push->body, push->resource, metrics);
    do {
        struct pawl_error error = {PAWL_E_OK, ""};
        err = made ? pawl__poster_send(push->poster, pawl__buf_str(&push->body), &error)
                   : pawl__fail_plain(&error, PAWL_E_NOMEM);
        push_tell(push, err, &error);
        pthread_mutex_lock(&push->mutex);
        again = err == PAWL_E_UNAVAILABLE && push_wait_to_retry(push, delay);
        bool newer = err == PAWL_E_UNAVAILABLE && push->next.len;
        if (!again)
            *(!err    ? &push->counts.sent
              : newer ? &push->counts.replaced
                      : &push->counts.failed) += 1;
        pthread_mutex_unlock(&push->mutex);
        delay = delay < PUSH_RETRY_MOST / 2 ? delay * 2 : PUSH_RETRY_MOST;
    } while (again);
}

static void *push_run(void *arg) {
    struct pawl_push *push = arg;
    pthread_mutex_lock(&push->mutex);
    for (;;) {
        while (!push->next.len && !push->closing) pthread_cond_wait(&push->woken, &push->mutex);
        if (!push->next.len || (push->closing && pawl__clock_steady() >= push->until)) break;
        struct pawl_buf metrics = push->next;
        push->next = (struct pawl_buf){0};
        pthread_mutex_unlock(&push->mutex);
        push_send(push, pawl__buf_str(&metrics));
        pawl__buf_finish(&metrics);
        pthread_mutex_lock(&push->mutex);
    }
    pthread_mutex_unlock(&push->mutex);
    return NULL;
}

// --- for others ----------------------------------------------------------------------------------

void pawl__push_give(struct pawl_push *push, struct pawl_buf *metrics) {
    pthread_mutex_lock(&push->mutex);
    struct pawl_buf before = push->next;
    push->next = *metrics;
    push->counts.replaced += before.len > 0;
    pthread_cond_signal(&push->woken);
    pthread_mutex_unlock(&push->mutex);
    *metrics = (struct pawl_buf){0};
    pawl__buf_finish(&before);
}

struct pawl_push_counts pawl__push_counts(struct pawl_push *push) {
    pthread_mutex_lock(&push->mutex);
    struct pawl_push_counts counts = push->counts;
    pthread_mutex_unlock(&push->mutex);
    return counts;
}

const char *pawl__push_name(const struct pawl_push *push) {
    return push->name;
}

// --- beginning and end ---------------------------------------------------------------------------

static void push_free(struct pawl_push *push) {
    pthread_cond_destroy(&push->woken);
    pthread_mutex_destroy(&push->mutex);
    pawl__poster_destroy(push->poster);
    pawl__buf_finish(&push->body);
    pawl__buf_finish(&push->next);
    free(push->resource);
    free(push->name);
    free(push);
}

enum pawl_err pawl__push_create(const struct pawl_otlp_options *options,
                                const struct pawl_resource *resource, const struct pawl_log *log,
                                struct pawl_push **out, struct pawl_error *error) {
    struct pawl_push *push = calloc(1, sizeof *push);
    if (!push) return pawl__fail_plain(error, PAWL_E_NOMEM);
    push->log = log;
    pthread_mutex_init(&push->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&push->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    push->resource = pawl__resource_copy(resource);
    enum pawl_err err = push->resource ? pawl__otlp_post(options, &pawl__otlp_of_metrics,
                                                         &push->name, &push->poster, error)
                                       : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err && pthread_create(&push->thread, NULL, push_run, push) != 0)
        err = pawl__fail(error, PAWL_E_NOMEM, "no thread can be started that sends metrics");
    if (err)
        push_free(push);
    else
        *out = push;
    return err;
}

void pawl__push_close(struct pawl_push *push, int64_t patience) {
    if (!push) return;
    int64_t until = pawl__clock_steady() + patience;
    pthread_mutex_lock(&push->mutex);
    push->closing = true;
    push->until = until;
    pthread_cond_signal(&push->woken);
    pthread_mutex_unlock(&push->mutex);
    pawl__poster_hurry(push->poster, until);
    pthread_join(push->thread, NULL);
    push_free(push);
}
