#include "sdk/watch.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

static void watch_look(struct pawl_watch *watch) {
    if (!watch->running || watch->told) return;
    int64_t since = pawl__clock_steady() - watch->began;
    if (since < watch->limit) return;
    watch->told = true;
    pawl__log(watch->log, PAWL_LOG_ERROR, "pawl.worker",
              "%s '%s' (instance '%s', sequence number %d) has been running for %lld ms without "
              "waiting, and holds up all others: what blocks belongs in an activity%s",
              watch->kind, watch->name, watch->instance, watch->sequence_number,
              (long long)(since / PAWL_MILLISECOND),
              strcmp(watch->kind, "workflow") == 0 ? "" : " that is not a quick one");
}

static void *watch_main(void *arg) {
    struct pawl_watch *watch = arg;
    pthread_mutex_lock(&watch->mutex);
    while (!watch->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t at = until.tv_nsec + watch->limit / 2;
        until.tv_sec += at / PAWL_SECOND;
        until.tv_nsec = at % PAWL_SECOND;
        pthread_cond_timedwait(&watch->wake, &watch->mutex, &until);
        watch_look(watch);
    }
    pthread_mutex_unlock(&watch->mutex);
    return NULL;
}

int pawl__watch_start(struct pawl_watch *watch, int64_t limit, const struct pawl_log *log) {
    *watch = (struct pawl_watch){.limit = limit, .log = log};
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&watch->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&watch->mutex, NULL);
    int err = pthread_create(&watch->thread, NULL, watch_main, watch);
    if (!err) return 0;
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->mutex);
    return err;
}

void pawl__watch_stop(struct pawl_watch *watch) {
    pthread_mutex_lock(&watch->mutex);
    watch->stop = true;
    pthread_cond_signal(&watch->wake);
    pthread_mutex_unlock(&watch->mutex);
    pthread_join(watch->thread, NULL);
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->mutex);
}

static void watch_copy(char *out, size_t size, const char *text) {
    size_t len = strnlen(text, size - 1);
    memcpy(out, text, len);
    out[len] = 0;
}

void pawl__watch_enter(struct pawl_watch *watch, const char *kind, const char *name,
                       const char *instance, int32_t sequence_number) {
    pthread_mutex_lock(&watch->mutex);
    watch->kind = kind;
    watch_copy(watch->name, sizeof watch->name, name);
    watch_copy(watch->instance, sizeof watch->instance, instance);
    watch->sequence_number = sequence_number;
    watch->began = pawl__clock_steady();
    watch->running = true;
    watch->told = false;
    pthread_mutex_unlock(&watch->mutex);
}

void pawl__watch_leave(struct pawl_watch *watch) {
    pthread_mutex_lock(&watch->mutex);
    watch->running = false;
    pthread_mutex_unlock(&watch->mutex);
}
