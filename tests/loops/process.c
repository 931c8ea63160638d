// The process: its loops begin and end as those of the daemon do (src/cli/loops.c, inside.c).

#include <stdlib.h>
#include <unistd.h>

#include "loops.h"
#include "store/memory/memory.h"

enum {
    PROCESS_FD = 100000 // descriptors of connections are from here on
};

static const char *const process_addresses[LOOPS] = {"loop0", "loop1", "loop2", "loop3"};

// --- connections ---------------------------------------------------------------------------------

int __wrap_close(int fd);

static struct connection *connection_of(int fd) {
    if (fd < PROCESS_FD || fd >= PROCESS_FD + CONNECTIONS)
        broken("a_connection_is_at_one_loop", "descriptor %d is none", fd);
    return &world.connections[fd - PROCESS_FD];
}

// Stands in for close(2).
int __wrap_close(int fd) {
    struct connection *connection = connection_of(fd);
    if (connection->state != CONNECTION_WAITS)
        broken("a_connection_is_at_one_loop", "it is closed twice");
    *connection = (struct connection){CONNECTION_NONE, NULL};
    return 0;
}

static void process_on_enter(void *arg, int fd, bool is_pipe) {
    struct loop *loop = arg;
    struct connection *connection = connection_of(fd);
    if (connection->state != CONNECTION_WAITS || connection->loop != loop || world.at != loop)
        broken("a_connection_is_at_one_loop", "it enters at loop %zu as well", loop->index);
    if (loop->state == LOOP_UP)
        connection->state = CONNECTION_HERE;
    else
        close(fd);
}

bool process_connect(struct connection *connection) {
    struct loop *first = &world.loops[0], *to = &world.loops[below((unsigned)world.count)];
    if (first->state != LOOP_UP || !schedule_is_free(first)) return false;
    *connection = (struct connection){CONNECTION_HERE, to};
    if (to == first) return true;
    connection->state = CONNECTION_WAITS;
    world.at = first;
    return pawl__door_pass(&to->door, PROCESS_FD + (int)(connection - world.connections), false);
}

// --- calls ---------------------------------------------------------------------------------------

static void call_free(struct call *call) {
    pawl__list_remove(&call->link);
    pawl__arena_finish(&call->arena);
    free(call);
}

static void call_end(struct call *call, const struct pawl_error *error) {
    call->over(call, error);
    call_free(call);
}

static void call_on_done(struct pawl_call *base, const struct pawl_error *error) {
    struct call *call = PAWL_CONTAINER(base, struct call, call);
    if (world.at != call->loop)
        broken("a_loop_touches_only_its_own", "a call of loop %zu ends on another",
               call->loop->index);
    if (pawl__list_empty(&call->link)) broken("every_call_is_answered_once", "it was before");
    call_end(call, error);
}

struct call *call_new(struct connection *connection, void *person,
                      void (*over)(struct call *call, const struct pawl_error *error)) {
    struct call *call = calloc(1, sizeof *call);
    if (!call) abort();
    call->loop = connection->loop;
    call->connection = connection;
    call->person = person;
    call->over = over;
    call->number = -1;
    pawl__link_init(&call->link);
    return call;
}

static struct pawl_node *call_enter(struct call *call) {
    call->call.done = call_on_done;
    pawl__list_add(&call->loop->calls, &call->link);
    return call->loop->node;
}

void call_begin(struct call *call) {
    pawl__node_call(call_enter(call), &call->call);
}

void call_begin_answer(struct call *call, struct pawl_str bytes) {
    struct loop *loop = call->loop;
    struct pawl_node *node = call_enter(call);
    if (!pawl__astray_takes(&node->astray, &loop->neighbours, &call->call, bytes))
        pawl__node_call(node, &call->call);
}

// Of |connection|; NULL: all.
static void calls_cancel(struct loop *loop, const struct connection *connection) {
    static const struct pawl_error gone = {PAWL_E_CANCELED, "the connection is gone"};
    PAWL_LIST_EACH_SAFE(struct call, call, &loop->calls, link) {
        if (connection && call->connection != connection) continue;
        pawl__call_cancel(&call->call);
        call_end(call, &gone);
    }
}

void process_hang_up(struct connection *connection) {
    calls_cancel(connection->loop, connection);
    *connection = (struct connection){CONNECTION_NONE, NULL};
}

// --- a daemon that is not there
// -------------------------------------------------------------------

struct absent_call {
    struct pawl_link link;
    struct pawl_forward *forward;
    int64_t until;
};

static enum pawl_err absent_send(struct pawl_peers *peers, struct pawl_str address,
                                 struct pawl_forward *forward) {
    struct loop *loop = PAWL_CONTAINER(peers, struct loop, absent);
    struct absent_call *call = calloc(1, sizeof *call);
    if (!call) abort();
    call->forward = forward;
    call->until = world.now + below(300) * PAWL_MILLISECOND;
    forward->transport = call;
    pawl__link_init(&call->link);
    pawl__list_add(&loop->unanswered, &call->link);
    return PAWL_OK;
}

static void absent_free(struct absent_call *call) {
    pawl__list_remove(&call->link);
    free(call);
}

static bool absent_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    absent_free(forward->transport);
    return true;
}

// Those whose time has come; |all|: as the loop ends.
static void absent_fail(struct loop *loop, bool all) {
    for (struct pawl_link *link = loop->unanswered.next, *next; link != &loop->unanswered;
         link = next) {
        struct absent_call *call = PAWL_CONTAINER(link, struct absent_call, link);
        struct pawl_forward *forward = call->forward;
        next = link->next;
        if (!all && call->until > world.now) continue;
        absent_free(call);
        forward->done(forward, PAWL_E_HELD, PAWL_STR("cannot connect"), PAWL_STR(""));
        next = loop->unanswered.next; // it may have canceled others
    }
}

// --- calls of other loops
// -------------------------------------------------------------------------

static void process_on_crossed(void *arg, struct pawl_forwarded *forwarded) {
    struct loop *loop = arg;
    if (world.at != loop)
        broken("a_loop_touches_only_its_own", "a call comes to loop %zu on another", loop->index);
    say("loop %zu is asked by another: %d of %.*s", loop->index, (int)forwarded->kind,
        PAWL_FMT(forwarded->verb.call.id));
    pawl__node_serve(loop->node, forwarded);
}

static void process_on_rung(void *arg) {
    // never, as for the daemon
}

static void process_on_visited(void *arg, struct pawl_round *round) {
    const struct loop *loop = arg;
    if (world.at != loop)
        broken("a_loop_touches_only_its_own", "a round visits loop %zu on another", loop->index);
    pawl__round_next(round);
}

static void process_on_back(struct pawl_round *round) {
    struct loop *loop = PAWL_CONTAINER(round, struct loop, round);
    if (world.at != loop || !loop->goes_round)
        broken("a_loop_touches_only_its_own", "a round of loop %zu ends elsewhere, or twice",
               loop->index);
    loop->goes_round = false;
}

void process_go_round(struct loop *loop) {
    if (loop->goes_round || loop->state != LOOP_UP) return;
    loop->goes_round = true;
    loop->round.back = process_on_back;
    pawl__round_begin(loop->sibling, &loop->round);
}

static const struct pawl_sibling_host process_host = {
    .serve = process_on_crossed, .rung = process_on_rung, .visited = process_on_visited};

// --- the end -------------------------------------------------------------------------------------

static void process_on_storage_closed(void *arg) {
    struct loop *loop = arg;
    say("loop %zu has ended", loop->index);
    if (loop->goes_round) broken("a_stop_ends_all", "a round of loop %zu is lost", loop->index);
    loop->state = LOOP_DOWN;
    world.started_at = world.now;
}

static void process_on_left(void *arg) {
    struct loop *loop = arg;
    pawl__storage_close(&loop->storage, process_on_storage_closed, loop);
}

static void process_on_node_closed(void *arg) {
    struct loop *loop = arg;
    loop->node = NULL;
    absent_fail(loop, true);
    pawl__sibling_leave(loop->sibling, process_on_left, loop);
}

static void process_close_node(struct loop *loop) {
    pawl__sibling_join(loop->sibling, NULL, NULL);
    // Shards may be on their way to another loop right then.
    for (uint32_t i = 0; !below(2) && i < loop->node->count; i++)
        pawl__partition_give(&loop->node->partitions[i]);
    pawl__node_close(loop->node, process_on_node_closed, loop);
}

static void process_on_door_closed(void *arg) {
    process_close_node(arg);
}

static void process_end(struct loop *loop) {
    say("loop %zu is to end", loop->index);
    loop->told_to_end = false;
    loop->state = LOOP_ENDING;
    loop->grace_until = world.now + below(200) * PAWL_MILLISECOND;
    workers_end_streams(loop);
    for (size_t i = 1; loop->index == 0 && i < world.count; i++) world.loops[i].told_to_end = true;
}

// Its connections are closed, and then all else.
static void process_close(struct loop *loop) {
    loop->state = LOOP_CLOSING;
    calls_cancel(loop, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct connection *connection = &world.connections[i];
        if (connection->state == CONNECTION_HERE && connection->loop == loop)
            *connection = (struct connection){CONNECTION_NONE, NULL};
    }
    if (loop->has_door)
        pawl__door_close(&loop->door, process_on_door_closed);
    else
        process_close_node(loop);
}

static bool process_is_over(const struct loop *loop) {
    return loop->state == LOOP_ENDING &&
           (pawl__list_empty(&loop->calls) || loop->grace_until <= world.now);
}

static bool absent_is_due(const struct loop *loop) {
    const struct pawl_link *first = loop->unanswered.next;
    return first != &loop->unanswered &&
           PAWL_CONTAINER(first, const struct absent_call, link)->until <= world.now;
}

bool process_wants(const struct loop *loop) {
    return loop->state != LOOP_DOWN &&
           (loop->told_to_end || process_is_over(loop) || absent_is_due(loop));
}

int64_t process_next(const struct loop *loop) {
    int64_t next = loop->state == LOOP_ENDING ? loop->grace_until : INT64_MAX;
    const struct pawl_link *first = loop->unanswered.next;
    if (loop->state == LOOP_DOWN || first == &loop->unanswered) return next;
    int64_t at = PAWL_CONTAINER(first, const struct absent_call, link)->until;
    return at < next ? at : next;
}

void process_turn(struct loop *loop) {
    if (loop->state == LOOP_DOWN) return;
    absent_fail(loop, false);
    if (loop->told_to_end && loop->state == LOOP_UP) process_end(loop);
    if (process_is_over(loop)) process_close(loop);
}

void process_stop(void) {
    say("the process is to end");
    world.stops++;
    upset();
    world.started_at = world.now;
    world.loops[0].told_to_end = true;
}

bool process_runs(void) {
    bool runs = false;
    for (size_t i = 0; i < world.count; i++) runs = runs || world.loops[i].state != LOOP_DOWN;
    for (size_t i = 0; !runs && i < world.count; i++)
        if (world.loops[i].handles.count)
            broken("a_stop_ends_all", "loop %zu has %zu handles left", i,
                   world.loops[i].handles.count);
    for (size_t i = 0; !runs && i < CONNECTIONS; i++)
        if (world.connections[i].state != CONNECTION_NONE)
            broken("a_connection_is_at_one_loop", "it is at none that lives");
    return runs;
}

// --- the beginning -------------------------------------------------------------------------------

static enum pawl_outcome process_commit(struct pawl_store *store, const struct pawl_commit *commit,
                                        struct pawl_error *error) {
    int how = (int)world.commits;
    world.commits = COMMITS_WELL;
    do schedule_meanwhile();
    while (below(2) && commit->more && commit->more(commit->arg));
    if (how != COMMITS_WELL) upset();
    enum pawl_outcome outcome = how == COMMITS_FAIL_BEFORE
                                    ? PAWL_COMMIT_UNKNOWN
                                    : world.store->ops->commit(store, commit, error);
    if (how == COMMITS_WELL) return outcome;
    say("a commit fails");
    pawl__fail(error, PAWL_E_UNAVAILABLE, "nobody knows");
    return PAWL_COMMIT_UNKNOWN;
}

static struct pawl_shared_store *process_open_store(void) {
    struct pawl_error error;
    struct pawl_store *store;
    struct pawl_shared_store *shared;
    if (pawl__memory_share(world.store, &store, &error)) abort();
    world.ops = *store->ops;
    world.ops.commit = process_commit;
    store->ops = &world.ops;
    store->caps.expires = true;
    if (pawl__shared_create(store, world.count, &shared, &error)) abort();
    return shared;
}

static void process_log(void *arg, enum pawl_log_level level, const char *line) {
    const struct loop *loop = arg;
    say("loop %zu: %s", loop->index, line);
}

static void process_begin_loop(struct loop *loop, struct pawl_shared_store *shared) {
    static struct pawl_log logs[LOOPS];
    struct pawl_error error;
    struct pawl_log *log = &logs[loop->index];
    *log = (struct pawl_log){.level = PAWL_LOG_DEBUG, .write = process_log, .arg = loop};
    loop->absent = (struct pawl_peers){.send = absent_send, .cancel = absent_cancel};
    pawl__neighbours_init(&loop->neighbours, loop->sibling, &loop->absent, process_addresses,
                          world.count);
    if (pawl__storage_init_shared(&loop->storage, &loop->uv, shared, NULL, &error)) abort();
    const struct pawl_node_options options = {
        .app_id = "app",
        .shards = SHARDS,
        .lease = 2 * PAWL_SECOND,
        .address = process_addresses[loop->index],
        .peers = &loop->neighbours.peers,
        .checkpoint_interval = 50 * PAWL_MILLISECOND,
        .log = world.trace ? log : NULL,
    };
    if (pawl__node_create(&loop->storage, &options, &loop->node, &error)) abort();
    loop->has_door = loop->index;
    if (loop->has_door && !pawl__door_init(&loop->door, &loop->uv, process_on_enter, loop)) abort();
    pawl__sibling_join(loop->sibling, &process_host, loop);
    loop->state = LOOP_UP;
}

void process_begin(void) {
    struct pawl_siblings *siblings;
    struct pawl_error error;
    uv_loop_t *all[LOOPS];
    world.making = true;
    world.started_at = world.now;
    for (size_t i = 0; i < world.count; i++) {
        struct loop *loop = &world.loops[i];
        *loop = (struct loop){.index = i, .uv = {.data = loop}, .next_at = INT64_MAX};
        pawl__link_init(&loop->calls);
        pawl__link_init(&loop->unanswered);
        all[i] = &loop->uv;
    }
    if (pawl__siblings_create(all, world.count, &siblings, &error)) abort();
    struct pawl_shared_store *shared = process_open_store();
    for (size_t i = 0; i < world.count; i++) {
        world.loops[i].sibling = pawl__siblings_at(siblings, i);
        process_begin_loop(&world.loops[i], shared);
    }
    world.making = false;
}
