#include "observe/exporter.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static const char *const exporter_scope = "dapr.runtime.trace";

#define EXPORTER_GATHER     PAWL_SECOND // from a span's arrival until it is sent
#define EXPORTER_RETRY      (PAWL_SECOND / 2)
#define EXPORTER_RETRY_MOST (10 * PAWL_SECOND)

struct exporter_place {
    struct pawl_span *span;
    size_t size;
};

struct pawl_exporter {
    struct pawl_sink *sink;
    const struct pawl_log *log;
    pthread_t thread;
    pthread_mutex_t mutex; // of all that follows
    pthread_cond_t woken;
    struct exporter_place *places; // a ring of PAWL_EXPORTER_QUEUE
    size_t first, count, bytes;
    struct pawl_exporter_counts counts;
    bool closing;
    int64_t until;      // steady; once closing
    bool down;          // the sink has not taken a batch that it was given before the end began
    bool told_drop;     // since the sink last took something
    uint64_t told_lost; // dropped and failed, when it was last told
};

// --- the queue -----------------------------------------------------------------------------------

void pawl__exporter_add(struct pawl_exporter *exporter, const struct pawl_span *span) {
    size_t size = 0;
    struct pawl_span *copy = pawl__span_copy(span, &size);
    pthread_mutex_lock(&exporter->mutex);
    bool fits = copy && exporter->count < PAWL_EXPORTER_QUEUE &&
                exporter->bytes + size <= PAWL_EXPORTER_BYTES;
    bool tell = !fits && !exporter->told_drop;
    if (fits) {
        size_t at = (exporter->first + exporter->count) % PAWL_EXPORTER_QUEUE;
        exporter->places[at] = (struct exporter_place){copy, size};
        exporter->count++;
        exporter->bytes += size;
        if (exporter->count == 1 || exporter->count == PAWL_EXPORTER_BATCH)
            pthread_cond_signal(&exporter->woken);
    } else {
        exporter->counts.dropped++;
        exporter->told_drop = true;
    }
    pthread_mutex_unlock(&exporter->mutex);
    if (!fits) free(copy);
    if (tell)
        pawl__log(exporter->log, PAWL_LOG_WARN, exporter_scope,
                  "%s does not keep up: spans are dropped, as many wait for it already",
                  exporter->sink->name);
}

struct pawl_exporter_counts pawl__exporter_counts(struct pawl_exporter *exporter) {
    pthread_mutex_lock(&exporter->mutex);
    struct pawl_exporter_counts counts = exporter->counts;
    counts.queued = exporter->count;
    pthread_mutex_unlock(&exporter->mutex);
    return counts;
}

const char *pawl__exporter_name(const struct pawl_exporter *exporter) {
    return exporter->sink->name;
}

// --- the thread ----------------------------------------------------------------------------------

// With the mutex: waits until woken, or until |until| by the steady clock.
static void exporter_wait(struct pawl_exporter *exporter, int64_t until) {
    const struct timespec at = {(time_t)(until / PAWL_SECOND), (long)(until % PAWL_SECOND)};
    pthread_cond_timedwait(&exporter->woken, &exporter->mutex, &at);
}

// With the mutex: waits for spans, and a little for more of them. False: it closes, and there are
// none.
static bool exporter_wait_for_spans(struct pawl_exporter *exporter) {
    while (!exporter->count && !exporter->closing)
        pthread_cond_wait(&exporter->woken, &exporter->mutex);
    int64_t until = pawl__clock_steady() + EXPORTER_GATHER;
    while (exporter->count < PAWL_EXPORTER_BATCH && !exporter->closing &&
           pawl__clock_steady() < until)
        exporter_wait(exporter, until);
    return exporter->count;
}

// With the mutex.
static size_t exporter_take(struct pawl_exporter *exporter,
                            struct pawl_span *batch[PAWL_EXPORTER_BATCH]) {
    size_t count = exporter->count < PAWL_EXPORTER_BATCH ? exporter->count : PAWL_EXPORTER_BATCH;
    for (size_t i = 0; i < count; i++) {
        struct exporter_place *place = &exporter->places[exporter->first];
        batch[i] = place->span;
        exporter->bytes -= place->size;
        exporter->first = (exporter->first + 1) % PAWL_EXPORTER_QUEUE;
    }
    exporter->count -= count;
    return count;
}

// With the mutex. False: time is up. At the end a sink that was down before has one try more.
static bool exporter_wait_to_retry(struct pawl_exporter *exporter, int64_t delay) {
    int64_t until = pawl__clock_steady() + delay;
    while (pawl__clock_steady() < until && !(exporter->closing && exporter->down)) {
        int64_t last = exporter->closing ? exporter->until : INT64_MAX;
        if (pawl__clock_steady() >= last) return false;
        exporter_wait(exporter, until < last ? until : last);
    }
    return !exporter->closing || pawl__clock_steady() < exporter->until;
}

// Tells what was lost since it was last told, once the sink has taken something again.
static void exporter_tell_lost(struct pawl_exporter *exporter) {
    pthread_mutex_lock(&exporter->mutex);
    uint64_t lost = exporter->counts.dropped + exporter->counts.failed;
    uint64_t more = lost - exporter->told_lost;
    exporter->told_lost = lost;
    exporter->told_drop = false;
    pthread_mutex_unlock(&exporter->mutex);
    if (more)
        pawl__log(exporter->log, PAWL_LOG_WARN, exporter_scope, "%llu spans were lost for %s",
                  (unsigned long long)more, exporter->sink->name);
}

// Sends one batch, however often it takes.
static void exporter_send(struct pawl_exporter *exporter, struct pawl_span *const *batch,
                          size_t count) {
    struct pawl_sink *sink = exporter->sink;
    bool told = false, goes_on = true;
    enum pawl_err err = PAWL_E_UNAVAILABLE;
    int64_t delay = EXPORTER_RETRY;
    while (err == PAWL_E_UNAVAILABLE && goes_on) {
        struct pawl_error error = {PAWL_E_OK, ""};
        pthread_mutex_lock(&exporter->mutex);
        bool ends = exporter->closing, last = ends && exporter->down;
        pthread_mutex_unlock(&exporter->mutex);
        err = sink->send(sink, batch, count, &error);
        if (err && !told)
            pawl__log(exporter->log, PAWL_LOG_WARN, exporter_scope, "%s takes no spans%s: %s",
                      sink->name, err == PAWL_E_UNAVAILABLE ? ", will try again" : "", error.text);
        told = told || err;
        pthread_mutex_lock(&exporter->mutex);
        if (!err) exporter->counts.sent += count;
        exporter->down = err == PAWL_E_UNAVAILABLE && (exporter->down || !ends);
        if (err == PAWL_E_UNAVAILABLE) goes_on = !last && exporter_wait_to_retry(exporter, delay);
        if (err && (err != PAWL_E_UNAVAILABLE || !goes_on)) exporter->counts.failed += count;
        pthread_mutex_unlock(&exporter->mutex);
        delay = delay < EXPORTER_RETRY_MOST / 2 ? delay * 2 : EXPORTER_RETRY_MOST;
    }
    if (err) return;
    if (told)
        pawl__log(exporter->log, PAWL_LOG_INFO, exporter_scope, "%s takes spans again", sink->name);
    exporter_tell_lost(exporter);
}

static void *exporter_run(void *arg) {
    struct pawl_exporter *exporter = arg;
    struct pawl_span *batch[PAWL_EXPORTER_BATCH];
    pthread_mutex_lock(&exporter->mutex);
    while (exporter_wait_for_spans(exporter)) {
        size_t count = exporter_take(exporter, batch);
        pthread_mutex_unlock(&exporter->mutex);
        exporter_send(exporter, batch, count);
        for (size_t i = 0; i < count; i++) free(batch[i]);
        pthread_mutex_lock(&exporter->mutex);
        if (exporter->closing && (exporter->down || pawl__clock_steady() >= exporter->until)) break;
    }
    pthread_mutex_unlock(&exporter->mutex);
    return NULL;
}

// --- beginning and end ---------------------------------------------------------------------------

static void exporter_free(struct pawl_exporter *exporter) {
    for (size_t i = 0; i < exporter->count; i++)
        free(exporter->places[(exporter->first + i) % PAWL_EXPORTER_QUEUE].span);
    exporter->sink->destroy(exporter->sink);
    pthread_cond_destroy(&exporter->woken);
    pthread_mutex_destroy(&exporter->mutex);
    free(exporter->places);
    free(exporter);
}

struct pawl_exporter *pawl__exporter_create(struct pawl_sink *sink, const struct pawl_log *log) {
    struct pawl_exporter *exporter = calloc(1, sizeof *exporter);
    if (!exporter) {
        sink->destroy(sink);
        return NULL;
    }
    exporter->sink = sink;
    exporter->log = log;
    pthread_mutex_init(&exporter->mutex, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&exporter->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    exporter->places = calloc(PAWL_EXPORTER_QUEUE, sizeof *exporter->places);
    if (!exporter->places || pthread_create(&exporter->thread, NULL, exporter_run, exporter) != 0) {
        exporter_free(exporter);
        return NULL;
    }
    return exporter;
}

void pawl__exporter_close(struct pawl_exporter *exporter, int64_t patience) {
    if (!exporter) return;
    struct pawl_sink *sink = exporter->sink;
    int64_t until = pawl__clock_steady() + patience;
    pthread_mutex_lock(&exporter->mutex);
    exporter->closing = true;
    exporter->until = until;
    pthread_cond_signal(&exporter->woken);
    pthread_mutex_unlock(&exporter->mutex);
    if (sink->hurry) sink->hurry(sink, until);
    pthread_join(exporter->thread, NULL);
    exporter->counts.dropped += exporter->count;
    exporter_tell_lost(exporter);
    exporter_free(exporter);
}
