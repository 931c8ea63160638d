#include "handles.h"

#include <stdlib.h>

enum {
    HANDLE_ACTIVE = 1,
    HANDLE_CLOSING = 2
};

void sim_handles_add(uv_loop_t *loop, void *handle, uv_handle_type type) {
    struct sim_handles *handles = sim_loop_handles(loop);
    uv_handle_t *base = handle;
    sim_loop_used(loop);
    base->loop = loop;
    base->type = type;
    base->flags = 0;
    if (handles->count == SIM_HANDLES) abort();
    handles->list[handles->count++] = base;
}

bool sim_handle_closes(const uv_handle_t *handle) {
    return handle->flags & HANDLE_CLOSING;
}

int uv_timer_init(uv_loop_t *loop, uv_timer_t *timer) {
    *timer = (uv_timer_t){0};
    sim_handles_add(loop, timer, UV_TIMER);
    return 0;
}

int uv_timer_start(uv_timer_t *timer, uv_timer_cb run, uint64_t timeout, uint64_t repeat) {
    sim_loop_used(timer->loop);
    sim_loop_timed(timer->loop);
    if (timer->flags & HANDLE_CLOSING) return UV_EINVAL;
    timer->timer_cb = run;
    timer->timeout = sim_loop_ms() + timeout;
    timer->repeat = repeat;
    timer->start_id = sim_loop_handles(timer->loop)->timer_starts++;
    timer->flags |= HANDLE_ACTIVE;
    sim_loop_turn(timer->loop, timer->timeout);
    return 0;
}

int uv_timer_stop(uv_timer_t *timer) {
    sim_loop_used(timer->loop);
    timer->flags &= ~(unsigned)HANDLE_ACTIVE;
    return 0;
}

uint64_t uv_timer_get_due_in(const uv_timer_t *timer) {
    uint64_t now = sim_loop_ms();
    return timer->timeout > now ? timer->timeout - now : 0;
}

int uv_check_init(uv_loop_t *loop, uv_check_t *check) {
    *check = (uv_check_t){0};
    sim_handles_add(loop, check, UV_CHECK);
    return 0;
}

int uv_check_start(uv_check_t *check, uv_check_cb run) {
    sim_loop_used(check->loop);
    check->check_cb = run;
    check->flags |= HANDLE_ACTIVE;
    return 0;
}

int uv_idle_init(uv_loop_t *loop, uv_idle_t *idle) {
    *idle = (uv_idle_t){0};
    sim_handles_add(loop, idle, UV_IDLE);
    return 0;
}

int uv_idle_start(uv_idle_t *idle, uv_idle_cb run) {
    sim_loop_used(idle->loop);
    idle->idle_cb = run;
    idle->flags |= HANDLE_ACTIVE;
    sim_loop_turn(idle->loop, 0);
    return 0;
}

int uv_idle_stop(uv_idle_t *idle) {
    sim_loop_used(idle->loop);
    idle->flags &= ~(unsigned)HANDLE_ACTIVE;
    return 0;
}

int uv_is_active(const uv_handle_t *handle) {
    return (handle->flags & HANDLE_ACTIVE) != 0;
}

void uv_unref(uv_handle_t *handle) {
    // the world ends when it is told to
}

const char *uv_strerror(int err) {
    return "no error of libuv happens here";
}

void uv_close(uv_handle_t *handle, uv_close_cb closed) {
    sim_loop_used(handle->loop);
    if (handle->flags & HANDLE_CLOSING) sim_loop_closed_twice();
    handle->close_cb = closed;
    handle->flags = HANDLE_CLOSING;
    sim_loop_turn(handle->loop, 0);
}

// --- turns ---------------------------------------------------------------------------------------

static uv_timer_t *handles_due(const struct sim_handles *handles, uint64_t before) {
    uv_timer_t *first = NULL;
    for (size_t i = 0; i < handles->count; i++) {
        uv_timer_t *timer = (uv_timer_t *)handles->list[i];
        if (timer->type != UV_TIMER || !(timer->flags & HANDLE_ACTIVE)) continue;
        if (timer->timeout > sim_loop_ms() || timer->start_id >= before) continue;
        if (!first || timer->timeout < first->timeout ||
            (timer->timeout == first->timeout && timer->start_id < first->start_id))
            first = timer;
    }
    return first;
}

void sim_handles_run_timers(uv_loop_t *loop) {
    struct sim_handles *handles = sim_loop_handles(loop);
    uint64_t before = handles->timer_starts; // those that start now wait for the next turn
    for (uv_timer_t *timer; (timer = handles_due(handles, before));) {
        timer->flags &= ~(unsigned)HANDLE_ACTIVE;
        if (timer->repeat) uv_timer_start(timer, timer->timer_cb, timer->repeat, timer->repeat);
        timer->timer_cb(timer);
    }
}

void sim_handles_run_checks(uv_loop_t *loop) {
    struct sim_handles *handles = sim_loop_handles(loop);
    for (size_t i = 0; i < handles->count; i++) {
        uv_check_t *check = (uv_check_t *)handles->list[i];
        if (check->type == UV_CHECK && check->flags & HANDLE_ACTIVE) check->check_cb(check);
    }
}

void sim_handles_run_closed(uv_loop_t *loop) {
    struct sim_handles *handles = sim_loop_handles(loop);
    uv_handle_t *closed[SIM_HANDLES];
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < handles->count; i++)
        if (handles->list[i]->flags & HANDLE_CLOSING)
            closed[count++] = handles->list[i];
        else
            handles->list[kept++] = handles->list[i];
    handles->count = kept;
    for (size_t i = 0; i < count; i++)
        if (closed[i]->close_cb) closed[i]->close_cb(closed[i]);
}

void sim_handles_plan(uv_loop_t *loop) {
    const struct sim_handles *handles = sim_loop_handles(loop);
    for (size_t i = 0; i < handles->count; i++) {
        const uv_handle_t *handle = handles->list[i];
        if (handle->flags & HANDLE_CLOSING || (handle->type == UV_IDLE && uv_is_active(handle)))
            sim_loop_turn(loop, 0);
        if (handle->type == UV_TIMER && uv_is_active(handle))
            sim_loop_turn(loop, ((const uv_timer_t *)handle)->timeout);
    }
}
