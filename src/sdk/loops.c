// Which loop a call goes to, and how threads wait for it.

#include "sdk/loops.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "engine/message.h"
#include "sdk/error.h"

// The loop whose thread this is; NULL: none.
static const struct pawl_loop *loops_own(const struct pawl *pawl) {
    for (size_t i = 0; i < pawl->count; i++)
        if (pthread_equal(pthread_self(), pawl->loops[i].thread)) return &pawl->loops[i];
    return NULL;
}

struct pawl_loop *pawl__handle_loop(struct pawl *pawl, const char *id) {
    if (!id || pawl->count == 1) return &pawl->loops[0];
    return &pawl->loops[pawl__shard_of(pawl__str(id), pawl->shards) % pawl->count];
}

struct pawl_loop *pawl__handle_next_loop(struct pawl *pawl) {
    return &pawl->loops[atomic_fetch_add(&pawl->started, 1) % pawl->count];
}

enum pawl_err pawl__handle_check(const struct pawl *pawl, const char *what) {
    const struct pawl_workflow *wf = pawl__execution_current();
    if (wf)
        return pawl__sdk_fail(
            PAWL_E_PRECONDITION,
            "%s was called within workflow '%s' (instance '%s', sequence number %d): it would not "
            "be replayed; call it from an activity",
            what, wf->name, wf->id, wf->next_id);
    const struct pawl_loop *own = loops_own(pawl);
    if (own && own->worker.in_quick)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "%s was called within a quick activity, and could wait: call it from "
                              "another activity",
                              what);
    if (!pawl->is_driven && own)
        return pawl__sdk_fail(PAWL_E_PRECONDITION, "%s was called on Pawl's own thread", what);
    return PAWL_OK;
}

static struct timespec loops_timespec(int64_t at) {
    return (struct timespec){.tv_sec = at / PAWL_SECOND, .tv_nsec = at % PAWL_SECOND};
}

static void loops_on_deadline(uv_timer_t *timer) {
    // it only ends the wait
}

static void loops_on_deadline_closed(uv_handle_t *handle) {
    *(bool *)handle->data = true;
}

// Turns the program's loop while it waits.
static bool loops_turn(struct pawl *pawl, const struct pawl_done *done, int64_t until) {
    uv_loop_t *loop = &pawl->loops[0].uv;
    uv_timer_t deadline;
    bool is_closed = false;
    uv_timer_init(loop, &deadline);
    deadline.data = &is_closed;
    if (until != INT64_MAX) {
        int64_t left = until - pawl__clock_steady();
        uv_timer_start(&deadline, loops_on_deadline,
                       left > 0 ? (uint64_t)(left / PAWL_MILLISECOND + 1) : 0, 0);
    }
    while (!atomic_load(&done->is_set) && pawl__clock_steady() < until) uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&deadline, loops_on_deadline_closed);
    while (!is_closed) uv_run(loop, UV_RUN_ONCE);
    return atomic_load(&done->is_set);
}

bool pawl__handle_wait(struct pawl *pawl, struct pawl_done *done, int64_t until) {
    if (pawl->is_driven && loops_own(pawl)) return loops_turn(pawl, done, until);
    struct timespec at = loops_timespec(until);
    int rv;
    do
        rv = until == INT64_MAX ? sem_wait(&done->sem)
                                : sem_clockwait(&done->sem, CLOCK_MONOTONIC, &at);
    while (rv && errno == EINTR);
    return !rv && atomic_load(&done->is_set);
}
