#ifndef PAWL_SDK_WATCH_H
#define PAWL_SDK_WATCH_H

// Detects from a thread of its own when a function on the loop's thread blocks, which holds up all
// others.

#include <pthread.h>

#include "base/log.h"

struct pawl_watch {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    const struct pawl_log *log;
    int64_t limit; // nanoseconds
    bool stop;
    bool running, told;
    int64_t began; // steady
    const char *kind;
    char name[64], instance[128]; // cut
    int32_t sequence_number;
};

// Starts the thread; 0 or an errno.
int pawl__watch_start(struct pawl_watch *watch, int64_t limit, const struct pawl_log *log);
void pawl__watch_stop(struct pawl_watch *watch);

// The function |name| is entered, and left. |kind|: such as "workflow", a literal.
void pawl__watch_enter(struct pawl_watch *watch, const char *kind, const char *name,
                       const char *instance, int32_t sequence_number);
void pawl__watch_leave(struct pawl_watch *watch);

#endif
