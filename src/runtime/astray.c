#include "runtime/astray.h"

#include <stdlib.h>

struct astray {
    struct pawl_answer verb;
    struct pawl_node *node; // while |caller| waits
    const char *app, *namespace;
    const char **addresses;   // of the others
    size_t count, next;       // the one to be asked
    bool is_late;             // nobody has its work: they are asked for the shard
    struct pawl_call *caller; // NULL: nobody waits for it
    struct pawl_remote remote;
    struct pawl_arena arena;
};

static void astray_end(struct astray *astray, const struct pawl_error *error) {
    struct pawl_call *caller = astray->caller;
    if (caller) {
        caller->remote = NULL;
        caller->done(caller, error);
    }
    pawl__arena_finish(&astray->arena);
    free(astray);
}

static void astray_on_done(struct pawl_call *call, const struct pawl_error *error) {
    astray_end(PAWL_CONTAINER(call, struct astray, verb.call), error);
}

// Nobody has its work, and the caller waits.
static void astray_return(struct astray *astray) {
    struct pawl_call *caller = astray->caller;
    struct pawl_node *node = astray->node;
    astray->caller = NULL;
    astray_end(astray, NULL);
    caller->remote = NULL;
    pawl__node_call(node, caller);
}

static bool astray_send(struct astray *astray);

static void astray_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct astray *astray = arg;
    struct pawl_error error;
    (void)call;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "the daemon that gave out the work cannot be told: %.*s",
               PAWL_FMT(text));
    if (!moved || !astray->caller) // without a caller the node may be gone, too
        astray_end(astray, &error);
    else if (!astray_send(astray))
        astray_return(astray);
}

static bool astray_serves(const struct astray *astray) {
    const struct pawl_node *node = astray->node;
    uint32_t shard = pawl__shard_of(astray->verb.call.id, node->count);
    return shard < node->count && pawl__partition_serves(&node->partitions[shard]);
}

// The next to be asked; their count: none.
static size_t astray_next(struct astray *astray) {
    if (astray->next < astray->count || astray->is_late) return astray->next++;
    astray->is_late = true;
    astray->next = 0;
    return astray_serves(astray) ? astray->count : astray->next++;
}

// Asks the next one. False: there is none.
static bool astray_send(struct astray *astray) {
    size_t index = astray_next(astray);
    if (index >= astray->count) return false;
    // With the app's name it is for a worker there; without, for a shard.
    const struct pawl_forward_to to = {.address = pawl__str(astray->addresses[index]),
                                       .app = astray->is_late ? NULL : astray->app,
                                       .namespace = astray->is_late ? NULL : astray->namespace};
    return !pawl__forward_begin(astray->node->options.peers, &to, &astray->verb.call,
                                astray_on_failed, astray);
}

static bool astray_has(const struct astray *astray, struct pawl_str address) {
    for (size_t i = 0; i < astray->count; i++)
        if (pawl__str_equal(pawl__str(astray->addresses[i]), address)) return true;
    return false;
}

// Loops first, as they are near; they count as daemons, too, once they are known. False when memory
// is out.
static bool astray_list(struct astray *astray, const struct pawl_neighbours *neighbours) {
    const struct pawl_members *members = &astray->node->members;
    size_t loops = neighbours ? neighbours->count : 0;
    size_t most = loops + members->count;
    astray->addresses = pawl__arena_alloc(&astray->arena, (most + 1) * sizeof *astray->addresses);
    if (!astray->addresses) return false;
    for (size_t i = 0; i < loops; i++)
        if (i != neighbours->sibling->index)
            astray->addresses[astray->count++] = neighbours->addresses[i];
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        bool counts = member->address.len && !pawl__members_is_self(members, member);
        if (!counts || astray_has(astray, member->address)) continue;
        const char *address = pawl__arena_dup(&astray->arena, member->address);
        if (!address) return false;
        astray->addresses[astray->count++] = address;
    }
    return true;
}

static void astray_on_cancel(struct pawl_remote *remote) {
    struct astray *astray = PAWL_CONTAINER(remote, struct astray, remote);
    astray->caller->remote = NULL; // the answer counts all the same; only nobody waits
    astray->caller = NULL;
}

bool pawl__astray_takes(struct pawl_node *node, const struct pawl_neighbours *neighbours,
                        struct pawl_call *call, struct pawl_str bytes) {
    bool alone = !neighbours && (!node->shares || node->members.count < 2);
    if (alone || pawl__borrowed_is_here(&node->borrower.items, call)) return false;
    struct astray *astray = calloc(1, sizeof *astray);
    if (!astray) return false; // it is told that it is late, and its work is given out again
    struct pawl_str id = {pawl__arena_dup(&astray->arena, call->id), call->id.len};
    bytes.data = pawl__arena_dup(&astray->arena, bytes);
    astray->app = pawl__arena_dup(&astray->arena, pawl__str(node->app_id));
    astray->namespace = pawl__arena_dup(&astray->arena, pawl__str(node->namespace));
    astray->node = node;
    astray->remote.cancel = astray_on_cancel;
    pawl__answer_init(&astray->verb, call->verb->kind == PAWL_VERB_TURN_RESULT, id, bytes);
    astray->verb.call.done = astray_on_done;
    bool ok = id.data && bytes.data && astray->app && astray->namespace &&
              astray_list(astray, neighbours);
    if (!ok || !astray_send(astray)) {
        astray_end(astray, NULL);
        return false;
    }
    astray->caller = call;
    call->remote = &astray->remote;
    return true;
}
