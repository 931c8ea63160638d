#include "runtime/family.h"

#include <stdlib.h>

enum {
    FAMILY_DEPTH = 64 // of members; what is deeper is told by message, and goes when it can
};

struct family {
    struct pawl_remote remote; // of the call
    struct pawl_purge *whole;
    void (*begin)(void *arg, struct pawl_call *call);
    void *arg;
    struct pawl_link members;
    uint32_t count;
    struct pawl_error error; // the first
};

// A workflow of which children may be in other shards.
struct member {
    struct pawl_purge step;
    struct family *family;
    struct member *up;     // its parent; NULL: the one that is asked for
    struct pawl_link link; // among the family
    struct pawl_arena arena;
    unsigned depth;
    size_t open; // children that are still there, and one while they are begun
    bool running;
};

static void member_free(struct member *member) {
    pawl__list_remove(&member->link);
    pawl__arena_finish(&member->arena);
    free(member);
}

static void family_free(struct family *family) {
    for (struct member *member; (member = PAWL_LIST_TAKE(struct member, &family->members, link));) {
        pawl__link_init(&member->link);
        member_free(member);
    }
    family->whole->call.remote = NULL;
    free(family);
}

static void family_cancel(struct pawl_remote *remote) {
    struct family *family = PAWL_CONTAINER(remote, struct family, remote);
    PAWL_LIST_EACH(struct member, member, &family->members, link) {
        if (member->running) pawl__call_cancel(&member->step.call);
    }
    family_free(family);
}

static void family_end(struct family *family) {
    struct pawl_purge *whole = family->whole;
    struct pawl_error error = family->error;
    whole->count = family->count;
    family_free(family);
    whole->call.done(&whole->call, error.code ? &error : NULL);
}

static void member_run(struct member *member, bool asks_kin);

// One of |member|'s children is gone, or could not be removed.
static void member_close_child(struct member *member) {
    if (--member->open) return;
    if (!member->family->error.code) {
        member_run(member, false);
        return;
    }
    struct member *up = member->up;
    struct family *family = member->family;
    member_free(member);
    if (up)
        member_close_child(up);
    else
        family_end(family);
}

static struct member *member_create(struct family *family, struct member *up,
                                    const struct pawl_kin *kin) {
    struct member *member = calloc(1, sizeof *member);
    if (!member) return NULL;
    const struct pawl_purge *whole = family->whole;
    pawl__purge_init(&member->step, kin ? kin->id : whole->call.id, true, whole->ask.force);
    member->step.ask.parent = kin ? kin->parent.data : whole->ask.parent;
    member->step.ask.task = kin ? kin->task : whole->ask.task;
    member->family = family;
    member->up = up;
    member->depth = up ? up->depth + 1 : 0;
    pawl__list_add(&family->members, &member->link);
    return member;
}

// The children first; |kin| stays in |member|'s arena.
static void member_begin_children(struct member *member, const struct pawl_kin *kin) {
    member->open = 1;
    for (; kin; kin = kin->next) {
        struct member *child = member_create(member->family, member, kin);
        if (!child) {
            pawl__fail_plain(&member->family->error, PAWL_E_NOMEM);
            break;
        }
        member->open++;
        member_run(child, child->depth < FAMILY_DEPTH);
    }
    member_close_child(member);
}

static void member_done(struct pawl_call *call, const struct pawl_error *error) {
    struct member *member = call->data, *up = member->up;
    struct family *family = member->family;
    member->running = false;
    bool gone = error && error->code == PAWL_E_NOT_FOUND && up; // somebody else removed it
    if (error && !gone && !family->error.code) family->error = *error;
    if (!error && member->step.kin) {
        member_begin_children(member, member->step.kin);
        return;
    }
    if (!error) family->count += member->step.count;
    member_free(member);
    if (up)
        member_close_child(up);
    else
        family_end(family);
}

static void member_run(struct member *member, bool asks_kin) {
    struct pawl_purge *step = &member->step;
    const struct pawl_purge_ask ask = step->ask;
    pawl__purge_init(step, step->call.id, ask.recursive, ask.force);
    step->ask = ask;
    step->ask.asks_kin = asks_kin;
    step->arena = &member->arena;
    step->call.done = member_done;
    step->call.data = member;
    member->running = true;
    member->family->begin(member->family->arg, &step->call);
}

bool pawl__family_is_for(const struct pawl_call *call) {
    if (call->verb->kind != PAWL_VERB_PURGE) return false;
    const struct pawl_purge *purge = PAWL_CONTAINER(call, const struct pawl_purge, call);
    return purge->ask.recursive && !purge->arena;
}

enum pawl_err pawl__family_begin(struct pawl_call *call,
                                 void (*begin)(void *arg, struct pawl_call *call), void *arg) {
    struct family *family = calloc(1, sizeof *family);
    if (!family) return PAWL_E_NOMEM;
    family->remote.cancel = family_cancel;
    family->whole = PAWL_CONTAINER(call, struct pawl_purge, call);
    family->begin = begin;
    family->arg = arg;
    pawl__link_init(&family->members);
    call->remote = &family->remote;
    struct member *first = member_create(family, NULL, NULL);
    if (!first) {
        family_free(family);
        return PAWL_E_NOMEM;
    }
    member_run(first, true);
    return PAWL_OK;
}
