#include "sdk/call.h"

#include "base/clock.h"
#include "sdk/error.h"

enum {
    CALL_AGAIN = 200, // milliseconds until waits that nobody answers are asked for again
};

#define CALL_LOOK (100 * PAWL_MILLISECOND) // until it is seen that a signal ends the call

static bool call_is_wait(const struct pawl_client_call *call) {
    return call->op.method == &pawl__methods[PAWL_TASKHUB_WAIT_COMPLETION];
}

static void call_settle(struct pawl_client_call *call) {
    call->over = true;
    pawl__list_remove(&call->link);
    pawl__done_set(&call->done);
}

// Asks again for all waits that are paused.
static void call_on_again(uv_timer_t *timer) {
    struct pawl_loop *loop = timer->data;
    struct pawl_link waits; // a call may end at once, or pause again
    pawl__link_init(&waits);
    pawl__list_move(&waits, &loop->waits);
    for (struct pawl_client_call *call;
         (call = PAWL_LIST_TAKE(struct pawl_client_call, &waits, link));) {
        pawl__list_add(&loop->waits, &call->link);
        if (!call->paused) continue;
        call->paused = false;
        pawl__arena_reset(&call->op.arena); // a wait's request is not in it
        loop->transport->ops->call(loop->transport, &call->op);
    }
}

// Whether a wait goes on although it has failed: what has served this program may come back.
static bool call_waits_on(const struct pawl_client_call *call) {
    return call->op.error.code == PAWL_E_UNAVAILABLE && call_is_wait(call) &&
           !call->loop->closing && atomic_load(&call->loop->pawl->ready.is_set);
}

static void call_on_done(struct pawl_op *op) {
    struct pawl_client_call *call = op->data;
    if (!call_waits_on(call)) {
        call_settle(call);
        return;
    }
    call->paused = true;
    uv_timer_t *again = &call->loop->again;
    if (!uv_is_active((uv_handle_t *)again)) uv_timer_start(again, call_on_again, CALL_AGAIN, 0);
}

static void call_begin(struct pawl_job *job) {
    struct pawl_client_call *call = PAWL_CONTAINER(job, struct pawl_client_call, begin);
    struct pawl_loop *loop = call->loop;
    bool waits = call_is_wait(call);
    pawl__link_init(&call->link);
    if (waits ? loop->closing : !loop->transport) {
        pawl__fail(&call->op.error, PAWL_E_CANCELED, "the program is closing Pawl");
        call_settle(call);
        return;
    }
    if (waits) pawl__list_add(&loop->waits, &call->link);
    loop->transport->ops->call(loop->transport, &call->op);
}

// Gives a call up that is not over yet.
static void call_give_up(struct pawl_client_call *call, enum pawl_err code, const char *why) {
    struct pawl_loop *loop = call->loop;
    struct pawl_error reason = call->op.error; // why it is paused
    if (!call->paused) loop->transport->ops->cancel(loop->transport, &call->op);
    pawl__fail(&call->op.error, code, "%s%s%s", why, call->paused ? ": " : "",
               call->paused ? reason.text : "");
    call_settle(call);
}

static void call_end(struct pawl_job *job) {
    struct pawl_client_call *call = PAWL_CONTAINER(job, struct pawl_client_call, end);
    if (!call->over) call_give_up(call, call->why, pawl_error_text(call->why));
    pawl__done_set(&call->ended);
}

// False, with the reason in |call->why|: it is to be given up.
static bool call_wait(struct pawl *pawl, struct pawl_client_call *call, int64_t until) {
    for (;;) {
        int64_t look = pawl->stopped ? pawl__clock_add(pawl__clock_steady(), CALL_LOOK) : INT64_MAX;
        if (pawl__handle_wait(pawl, &call->done, look < until ? look : until)) return true;
        bool stopped = pawl->stopped && *pawl->stopped;
        call->why = stopped ? PAWL_E_CANCELED : PAWL_E_DEADLINE;
        if (stopped || look >= until) return false;
    }
}

void pawl__client_end_waits(struct pawl_loop *loop) {
    loop->closing = true;
    for (struct pawl_client_call *call;
         (call = PAWL_LIST_TAKE(struct pawl_client_call, &loop->waits, link));)
        call_give_up(call, PAWL_E_CANCELED, "the program is closing Pawl");
}

// The instance that a request names; NULL: none.
static const char *call_instance(enum pawl_taskhub_method method, const void *request) {
    size_t offset = pawl__methods[method].id;
    return offset ? *(char *const *)(const void *)((const char *)request + offset) : NULL;
}

enum pawl_err pawl__client_call(struct pawl *pawl, struct pawl_client_call *call,
                                enum pawl_taskhub_method method, const void *request,
                                int64_t timeout) {
    int64_t until = pawl__clock_add(pawl__clock_steady(), timeout);
    call->loop = method == PAWL_TASKHUB_START_NEW
                     ? pawl__handle_next_loop(pawl)
                     : pawl__handle_loop(pawl, call_instance(method, request));
    call->op.method = &pawl__methods[method];
    call->op.request = request;
    call->op.done = call_on_done;
    call->op.data = call;
    call->begin.done = call_begin;
    call->end.done = call_end;
    pawl__done_init(&call->done);
    pawl__jobs_post(&call->loop->inbox, &call->begin);
    if (!call_wait(pawl, call, until)) {
        pawl__done_init(&call->ended);
        pawl__jobs_post(&call->loop->inbox, &call->end);
        pawl__handle_wait(pawl, &call->ended, INT64_MAX);
    }
    const struct pawl_error *error = &call->op.error;
    if (error->code && call->about && !strstr(error->text, call->about))
        return pawl__sdk_fail(error->code, "%s (instance '%s')", error->text, call->about);
    return error->code ? pawl__sdk_fail_with(error) : PAWL_OK;
}

enum pawl_err pawl__client_finish(struct pawl_client_call *call, enum pawl_err err) {
    pawl__arena_finish(&call->op.arena);
    return err;
}

enum pawl_err pawl__client_check(struct pawl *pawl, const char *id, const char *what) {
    PAWL_TRY(pawl__handle_check(pawl, what));
    return pawl__sdk_check_name(id, "instance id");
}
