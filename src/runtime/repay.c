#include "runtime/repay.h"

#include <stdlib.h>

#include "wire/pack.h"

// A worker's answer on its way.
struct repay_answer {
    struct pawl_answer verb;
    struct pawl_link link;
    struct pawl_repay *repay;
    struct pawl_borrowed *item;
    struct pawl_worker *worker; // which has answered
    struct pawl_call *caller;   // NULL: nobody waits for it
    struct pawl_remote remote;
    struct pawl_arena arena;
};

static void answer_end(struct repay_answer *answer, const struct pawl_error *error) {
    struct pawl_repay *repay = answer->repay;
    struct pawl_call *caller = answer->caller;
    struct pawl_borrowed *item = answer->item;
    // The worker may give a smaller one; everything else it has done with.
    if (error && error->code == PAWL_E_TOO_LARGE && item->session)
        pawl__borrowed_count(repay->items, item, answer->worker);
    else
        pawl__borrowed_free(repay->items, item);
    struct pawl_arena arena = answer->arena;
    pawl__list_remove(&answer->link);
    if (caller) {
        caller->remote = NULL;
        caller->done(caller, error);
    }
    free(answer);
    pawl__arena_finish(&arena);
}

static void answer_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct repay_answer *answer = PAWL_CONTAINER(call, struct repay_answer, verb.call);
    struct pawl_repay *repay = answer->repay;
    answer_end(answer, error);
    pawl__dispatch_pump(repay->items->dispatch);
}

// It is not known whether it has arrived. The lender gives the item to others when the session
// ends.
static void answer_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct repay_answer *answer = PAWL_CONTAINER(call, struct repay_answer, verb.call);
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE,
               "the daemon that gave out the work cannot be told of the result (%.*s); it gives "
               "it out again",
               PAWL_FMT(text));
    if (answer->item->session) answer->repay->failed(answer->repay, answer->item, error.text);
    answer_on_done(call, &error);
}

static void answer_on_cancel(struct pawl_remote *remote) {
    struct repay_answer *answer = PAWL_CONTAINER(remote, struct repay_answer, remote);
    answer->caller->remote = NULL; // the result counts all the same; only nobody waits
    answer->caller = NULL;
}

// False: memory is out.
static bool answer_send(struct pawl_repay *repay, struct pawl_borrowed *item,
                        struct pawl_call *caller, struct pawl_str bytes) {
    struct repay_answer *answer = calloc(1, sizeof *answer);
    if (!answer) return false;
    char *copy = pawl__arena_dup(&answer->arena, bytes);
    const struct pawl_forward_to to = {.address = pawl__str(item->lender)};
    pawl__answer_init(&answer->verb, item->turn, item->id, (struct pawl_str){copy, bytes.len});
    answer->verb.call.done = answer_on_done;
    answer->repay = repay;
    answer->worker = item->worker;
    answer->item = item;
    if (!copy ||
        pawl__forward_begin(repay->peers, &to, &answer->verb.call, answer_on_failed, NULL)) {
        pawl__arena_finish(&answer->arena);
        free(answer);
        return false;
    }
    pawl__list_add(&repay->answers, &answer->link);
    answer->caller = caller;
    answer->remote.cancel = answer_on_cancel;
    caller->remote = &answer->remote;
    pawl__borrowed_count(repay->items, item, NULL); // the worker has room again
    return true;
}

bool pawl__repay_takes(struct pawl_repay *repay, struct pawl_call *call) {
    if (!repay->items->by_token.len) return false;
    bool turn = call->verb->kind == PAWL_VERB_TURN_RESULT;
    if (!turn && call->verb->kind != PAWL_VERB_ACTIVITY_RESULT) return false;
    const struct pawl_turn_result *answer = PAWL_CONTAINER(call, struct pawl_turn_result, call);
    const struct pawl_activity_result *result =
        PAWL_CONTAINER(call, struct pawl_activity_result, call);
    struct pawl_borrowed *item =
        turn ? pawl__borrowed_match(repay->items, call->id, PAWL_ITEM_TURN,
                                    answer->response->completiontoken)
             : pawl__borrowed_match(repay->items, call->id, result->response->taskid,
                                    result->response->completiontoken);
    if (!item) return false;
    struct pawl_error over = {PAWL_E_UNAVAILABLE,
                              "the daemon that gave out the work has ended; it is given again"};
    if (!item->worker) { // the answer before this one is on its way, or waits for another
        over = (struct pawl_error){PAWL_E_UNAVAILABLE, "the result is on its way already"};
        call->done(call, &over);
        return true;
    }
    if (!item->session) {
        pawl__borrowed_free(repay->items, item);
        call->done(call, turn ? NULL : &over); // late answers to turns do nothing
        pawl__dispatch_pump(repay->items->dispatch);
        return true;
    }
    struct pawl_arena arena = {0};
    struct pawl_str bytes = turn ? answer->bytes : pawl__wire_pack(&arena, &result->response->base);
    bool sent = bytes.data && answer_send(repay, item, call, bytes);
    pawl__arena_finish(&arena);
    if (!sent) call->done(call, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    pawl__dispatch_pump(repay->items->dispatch);
    return true;
}

// --- life ---------------------------------------------------------------------------------------

void pawl__repay_init(struct pawl_repay *repay, struct pawl_borrowed_items *items,
                      struct pawl_peers *peers,
                      void (*failed)(struct pawl_repay *repay, struct pawl_borrowed *item,
                                     const char *why)) {
    *repay = (struct pawl_repay){.items = items, .peers = peers, .failed = failed};
    pawl__link_init(&repay->answers);
}

void pawl__repay_stop(struct pawl_repay *repay) {
    struct pawl_error error = {PAWL_E_UNAVAILABLE, "the daemon is shutting down"};
    while (!pawl__list_empty(&repay->answers)) {
        struct repay_answer *answer =
            PAWL_CONTAINER(repay->answers.next, struct repay_answer, link);
        pawl__call_cancel(&answer->verb.call);
        answer_end(answer, &error);
    }
}
