#include "runtime/astray.h"

#include <stdlib.h>

struct astray_answer {
    struct pawl_answer verb;
    struct pawl_link link;
    struct pawl_astray *astray;
    const char **addresses;   // of the others
    size_t count, next;       // the one to be asked
    bool is_late;             // nobody has its work: they are asked for the shard
    struct pawl_call *caller; // NULL: nobody waits for it
    struct pawl_remote remote;
    struct pawl_arena arena;
};

static void answer_end(struct astray_answer *answer, const struct pawl_error *error) {
    struct pawl_call *caller = answer->caller;
    pawl__list_remove(&answer->link);
    if (caller) {
        caller->remote = NULL;
        caller->done(caller, error);
    }
    pawl__arena_finish(&answer->arena);
    free(answer);
}

static void answer_on_done(struct pawl_call *call, const struct pawl_error *error) {
    answer_end(PAWL_CONTAINER(call, struct astray_answer, verb.call), error);
}

// Nobody has its work.
static void answer_return(struct astray_answer *answer) {
    struct pawl_call *caller = answer->caller;
    const struct pawl_astray *astray = answer->astray;
    answer->caller = NULL;
    answer_end(answer, NULL);
    if (!caller) return;
    caller->remote = NULL;
    astray->host->call(astray->arg, caller);
}

static bool answer_send(struct astray_answer *answer);

static void answer_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct astray_answer *answer = arg;
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "the daemon that gave out the work cannot be told: %.*s",
               PAWL_FMT(text));
    if (!moved)
        answer_end(answer, &error);
    else if (!answer_send(answer))
        answer_return(answer);
}

// The next to be asked; their count: none.
static size_t answer_next(struct astray_answer *answer) {
    const struct pawl_astray *astray = answer->astray;
    if (answer->next < answer->count || answer->is_late) return answer->next++;
    answer->is_late = true;
    answer->next = 0;
    return astray->host->serves(astray->arg, answer->verb.call.id) ? answer->count : answer->next++;
}

// Asks the next one. False: there is none.
static bool answer_send(struct astray_answer *answer) {
    const struct pawl_astray *astray = answer->astray;
    size_t index = answer_next(answer);
    if (index >= answer->count) return false;
    // With the app's name it is for a worker there; without, for a shard.
    const struct pawl_forward_to to = {.address = pawl__str(answer->addresses[index]),
                                       .app = answer->is_late ? NULL : astray->app,
                                       .namespace = answer->is_late ? NULL : astray->namespace};
    return !pawl__forward_begin(astray->peers, &to, &answer->verb.call, answer_on_failed, answer);
}

// --- whom to ask ---------------------------------------------------------------------------------

static bool answer_has(const struct astray_answer *answer, struct pawl_str address) {
    for (size_t i = 0; i < answer->count; i++)
        if (pawl__str_equal(pawl__str(answer->addresses[i]), address)) return true;
    return false;
}

static bool answer_works(const struct pawl_members *members, struct pawl_str address) {
    for (size_t i = 0; i < members->count; i++)
        if (pawl__str_equal(members->list[i].address, address)) return members->list[i].workers;
    return false;
}

// Those that had workers, or had none, at the last look. Loops first, as they are near; they count
// as daemons, too, once they are known. False when memory is out.
static bool answer_list_some(struct astray_answer *answer, const struct pawl_neighbours *neighbours,
                             bool works) {
    const struct pawl_members *members = answer->astray->members;
    for (size_t i = 0; neighbours && i < neighbours->count; i++)
        if (i != neighbours->sibling->index &&
            answer_works(members, pawl__str(neighbours->addresses[i])) == works)
            answer->addresses[answer->count++] = neighbours->addresses[i];
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        bool counts = member->address.len && (member->workers > 0) == works;
        if (!counts || pawl__members_is_self(members, member)) continue;
        if (answer_has(answer, member->address)) continue;
        const char *address = pawl__arena_dup(&answer->arena, member->address);
        if (!address) return false;
        answer->addresses[answer->count++] = address;
    }
    return true;
}

static bool answer_list(struct astray_answer *answer, const struct pawl_neighbours *neighbours) {
    size_t most = (neighbours ? neighbours->count : 0) + answer->astray->members->count;
    answer->addresses = pawl__arena_alloc(&answer->arena, (most + 1) * sizeof *answer->addresses);
    return answer->addresses && answer_list_some(answer, neighbours, true) &&
           answer_list_some(answer, neighbours, false);
}

// --- taking --------------------------------------------------------------------------------------

static void answer_on_cancel(struct pawl_remote *remote) {
    struct astray_answer *answer = PAWL_CONTAINER(remote, struct astray_answer, remote);
    answer->caller->remote = NULL; // the answer counts all the same; only nobody waits
    answer->caller = NULL;
}

// NULL: memory is out, or there is nobody to ask.
static struct astray_answer *answer_create(struct pawl_astray *astray,
                                           const struct pawl_neighbours *neighbours,
                                           const struct pawl_call *call, struct pawl_str bytes) {
    struct astray_answer *answer = calloc(1, sizeof *answer);
    if (!answer) return NULL;
    struct pawl_str id = {pawl__arena_dup(&answer->arena, call->id), call->id.len};
    bytes.data = pawl__arena_dup(&answer->arena, bytes);
    answer->astray = astray;
    answer->remote.cancel = answer_on_cancel;
    pawl__link_init(&answer->link);
    pawl__answer_init(&answer->verb, call->verb->kind == PAWL_VERB_TURN_RESULT, id, bytes);
    answer->verb.call.done = answer_on_done;
    if (id.data && bytes.data && answer_list(answer, neighbours) && answer_send(answer))
        return answer;
    answer_end(answer, NULL);
    return NULL;
}

bool pawl__astray_takes(struct pawl_astray *astray, const struct pawl_neighbours *neighbours,
                        struct pawl_call *call, struct pawl_str bytes) {
    bool alone = !neighbours && astray->members->count < 2;
    if (alone || astray->stopped || pawl__borrowed_is_here(astray->items, call)) return false;
    struct astray_answer *answer = answer_create(astray, neighbours, call, bytes);
    if (!answer) return false; // it is told that it is late, and its work is given out again
    pawl__list_add(&astray->answers, &answer->link);
    answer->caller = call;
    call->remote = &answer->remote;
    return true;
}

// --- life ----------------------------------------------------------------------------------------

void pawl__astray_init(struct pawl_astray *astray) {
    pawl__link_init(&astray->answers);
    astray->stopped = false;
}

void pawl__astray_stop(struct pawl_astray *astray) {
    struct pawl_error error = {PAWL_E_UNAVAILABLE, "the daemon is shutting down"};
    astray->stopped = true;
    while (!pawl__list_empty(&astray->answers)) {
        struct astray_answer *answer =
            PAWL_CONTAINER(astray->answers.next, struct astray_answer, link);
        pawl__call_cancel(&answer->verb.call);
        answer_end(answer, &error);
    }
}
