// Workers: each has a stream to a daemon, takes what it is given, and answers some time later, as
// long as its stream lives. Some die with work in hand; some answer when nobody waits any more.

#include <stdlib.h>

#include "base/clock.h"
#include "engine/events.h"
#include "sim.h"
#include "wire/unpack.h"

// Something that a session was given and has not answered. The daemon's memory.
struct given {
    struct pawl_link link;
    bool turn;
    int32_t task;
    char id[40], execution[40], token[36];
};

static void worker_connect(struct sim_event *event);

// --- in the daemon ------------------------------------------------------------------------------

static struct sim_session *session_find(struct sim_daemon *daemon, unsigned number) {
    PAWL_LIST_EACH(struct sim_session, session, &daemon->sessions, link) {
        if (session->number == number) return session;
    }
    return NULL;
}

static void given_free(struct given *given) {
    pawl__list_remove(&given->link);
    free(given);
}

static void session_forget(struct sim_session *session) {
    while (!pawl__list_empty(&session->given))
        given_free(PAWL_CONTAINER(session->given.next, struct given, link));
}

bool sim_session_take(struct sim_daemon *daemon, const struct sim_message *message) {
    struct sim_session *session = session_find(daemon, message->session);
    if (!session) return false;
    PAWL_LIST_EACH(struct given, given, &session->given, link) {
        if (strcmp(given->token, message->token) != 0) continue;
        given_free(given);
        return true;
    }
    return false;
}

void sim_session_end(struct sim_session *session) {
    session_forget(session); // first: detaching gives it to others
    pawl__list_remove(&session->link);
    pawl__dispatch_detach(&session->daemon->node->dispatch, &session->worker);
    free(session);
}

static void session_detach(struct sim_event *event) {
    struct sim_session *session = session_find(event->daemon, event->a);
    if (!session || event->daemon->state != SIM_UP) return;
    sim_session_end(session);
    sim_loop_wake(event->daemon, sim.now);
}

static void session_ready(struct sim_event *event) {
    struct sim_session *session = session_find(event->daemon, event->a);
    if (!session || event->daemon->state != SIM_UP) return;
    pawl__dispatch_ready(&event->daemon->node->dispatch, &session->worker);
    sim_loop_wake(event->daemon, sim.now);
}

static void worker_hears_end(struct sim_event *event) {
    struct sim_worker *worker = &sim.workers[event->a];
    if (worker->session == event->b) sim_worker_break(worker);
}

static void session_reset(struct pawl_worker *base) {
    struct sim_session *session = PAWL_CONTAINER(base, struct sim_session, worker);
    struct sim_daemon *daemon = session->daemon, *was = sim_enter(NULL);
    struct sim_event *event = sim_after(sim_time(500000), worker_hears_end);
    event->a = session->index;
    event->b = session->number;
    bool at_once = sim_chance(700);
    if (!at_once) sim_after_in(daemon, sim_time(500000), session_detach)->a = session->number;
    session_forget(session); // as the runtime does
    sim_enter(was);
    if (at_once) sim_session_end(session);
}

static bool session_serves(const struct pawl_worker *base, bool turn, struct pawl_str name) {
    const struct sim_session *session = PAWL_CONTAINER(base, struct sim_session, worker);
    if (!turn) return session->index != 1 || !pawl__str_equal(name, PAWL_STR("flaky"));
    return session->index != 2 || !pawl__str_equal(name, PAWL_STR("fan"));
}

// --- what is given ------------------------------------------------------------------------------

// What |session| is given is with nobody else.
static void given_note(struct sim_session *session, const struct given *given) {
    struct sim_daemon *daemon = session->daemon;
    for (struct pawl_link *link = daemon->sessions.next; link != &daemon->sessions;
         link = link->next) {
        struct sim_session *other = PAWL_CONTAINER(link, struct sim_session, link);
        PAWL_LIST_EACH_SAFE(struct given, old, &other->given, link) {
            if (old->turn != given->turn || old->task != given->task ||
                strcmp(old->id, given->id) != 0)
                continue;
            if (strcmp(old->execution, given->execution) == 0)
                sim_fail("work_is_with_one_worker", given->id,
                         "%s %d is with worker %u, and was given to %u",
                         given->turn ? "turn" : "activity", given->task, other->index,
                         session->index);
            given_free(old);
        }
    }
    struct sim_fate fate = sim_spare(daemon);
    struct sim_daemon *was = sim_enter(daemon);
    struct given *copy = malloc(sizeof *copy);
    sim_enter(was);
    daemon->fate = fate;
    *copy = *given;
    pawl__link_init(&copy->link);
    pawl__list_add(&session->given, &copy->link);
}

// An activity is given out only when the log holds it, and not its result.
static void given_check(const struct sim_session *session, const struct given *given) {
    const struct pawl_instance *instance = sim_model_find(pawl__str(given->id));
    const struct pawl_pending *pending = NULL;
    if (!sim_daemon_owns(session->daemon)) return;
    if (instance && instance->execution_id && strcmp(instance->execution_id, given->execution) == 0)
        pending = pawl__pending_find(&instance->pending, given->task);
    if (pending && pending->kind == PAWL_PENDING_TASK) return;
    char *key =
        pawl__arena_format(&sim.arena, "%s/%s/%d", given->id, given->execution, given->task);
    if (pawl__map_get(&sim.model.acked, pawl__str(key)))
        sim_fail("acknowledged_result_never_runs_again", given->id, "activity %d", given->task);
    else
        sim_fail("nothing_visible_before_durable", given->id,
                 "activity %d was given out, and the log does not have it", given->task);
}

static void item_arrive(struct sim_event *event);

static void item_free(void *data) {
    struct sim_item *item = data;
    pawl__buf_finish(&item->bytes);
    free(item);
}

static bool session_deliver_item(struct sim_session *session, struct pawl_str bytes) {
    struct pawl_arena arena = {0};
    const Pb__WorkItem *work = pawl__wire_unpack(&arena, &pb__work_item__descriptor, bytes, NULL);
    const Pb__WorkflowRequest *turn = work->workflowrequest;
    struct given given = {.turn = work->request_case == PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST,
                          .task = -1};
    const char *id, *execution;
    if (given.turn) {
        id = turn->instanceid;
        execution = pawl__string_of(turn->executionid);
        sim.counts.turns++;
    } else {
        const Pb__ActivityRequest *task = work->activityrequest;
        id = task->workflowinstance->instanceid;
        execution = pawl__string_of(task->workflowinstance->executionid);
        given.task = task->taskid;
        sim.counts.activities++;
    }
    snprintf(given.id, sizeof given.id, "%s", id);
    snprintf(given.execution, sizeof given.execution, "%s", execution ? execution : "");
    snprintf(given.token, sizeof given.token, "%s", work->completiontoken);
    sim_passed_item(session->daemon, work);
    pawl__arena_finish(&arena);
    sim_trace(given.id, "daemon %u gives %s %d of %s to worker %u", session->daemon->number,
              given.turn ? "turn" : "activity", given.task, given.id, session->index);
    if (!given.turn) given_check(session, &given);
    if (sim_fault(SIM_WORKER, 4)) { // its stream is broken
        sim_after_in(session->daemon, sim_time(100000), session_detach)->a = session->number;
        return false;
    }
    given_note(session, &given);
    struct sim_item *item = calloc(1, sizeof *item);
    item->turn = given.turn;
    item->task = given.task;
    item->session = session->number;
    memcpy(item->id, given.id, sizeof item->id);
    memcpy(item->execution, given.execution, sizeof item->execution);
    pawl__buf_append_str(&item->bytes, bytes);
    if (given.turn) {
        const struct pawl_shard *shard = &sim_daemon_home(session->daemon)->shard;
        const struct pawl_instance *instance = pawl__shard_find(shard, pawl__str(given.id));
        item->history = sim_hash_bytes(0, pawl__buf_str(&instance->history.bytes));
    }
    struct sim_event *event = sim_after(sim_time(100000), item_arrive);
    event->a = session->index;
    event->data = item;
    event->drop = item_free;
    if (sim_fault(SIM_SLOW, 20)) {
        session->worker.paused = true;
        sim_after_in(session->daemon, sim_time(PAWL_MILLISECOND), session_ready)->a =
            session->number;
    }
    return true;
}

static bool session_deliver(struct pawl_worker *base, struct pawl_str bytes) {
    struct sim_session *session = PAWL_CONTAINER(base, struct sim_session, worker);
    sim_touch();
    struct sim_daemon *was = sim_enter(NULL);
    bool taken = session_deliver_item(session, bytes);
    sim_enter(was);
    return taken;
}

static void session_attach(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (daemon->state != SIM_UP) return;
    if (sim.workers[event->a].session != event->b) return; // it has left before it was let in
    struct sim_fate fate = sim_spare(daemon);
    struct sim_session *session = calloc(1, sizeof *session);
    daemon->fate = fate;
    session->daemon = daemon;
    session->index = event->a;
    session->number = event->b;
    pawl__link_init(&session->link);
    pawl__link_init(&session->given);
    session->worker = (struct pawl_worker){.deliver = session_deliver, .reset = session_reset};
    session->worker.keeps_history = sim.workers[event->a].keeps;
    if (!sim.calm && sim_chance(300)) session->worker.limit = 1 + sim_below(3);
    if (!sim.calm && sim_chance(150)) session->worker.serves = session_serves;
    pawl__list_add(&daemon->sessions, &session->link);
    pawl__dispatch_attach(&daemon->node->dispatch, &session->worker);
    sim_loop_wake(daemon, sim.now);
}

// --- the worker's process -----------------------------------------------------------------------

static void worker_forget(struct sim_worker *worker, bool late) {
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        struct sim_item *item = &worker->items[i];
        if (!item->used) continue;
        // Some SDKs answer on a new connection what they were given on the old one.
        if (late && item->result && sim_chance(500))
            sim_send(item->result, &sim.daemons[sim_below(SIM_DAEMONS)]);
        if (item->result) pawl__buf_finish(&item->result->bytes);
        free(item->result);
        pawl__buf_finish(&item->bytes);
        *item = (struct sim_item){0};
    }
}

static void worker_leave(struct sim_worker *worker, bool late) {
    struct sim_daemon *daemon = &sim.daemons[worker->daemon];
    unsigned index = (unsigned)(worker - sim.workers);
    if (daemon->state != SIM_DOWN)
        sim_after_in(daemon, sim_time(PAWL_MILLISECOND), session_detach)->a = worker->session;
    worker->session = 0;
    worker_forget(worker, late);
    sim_after(sim_time(5 * PAWL_MILLISECOND), worker_connect)->a = index;
}

void sim_worker_break(struct sim_worker *worker) {
    sim_trace(NULL, "worker %u has lost its stream", (unsigned)(worker - sim.workers));
    if (worker->session) worker_leave(worker, true);
}

void sim_worker_kill(struct sim_worker *worker) {
    sim_trace(NULL, "worker %u dies", (unsigned)(worker - sim.workers));
    if (worker->session) worker_leave(worker, false);
}

static void worker_connect(struct sim_event *event) {
    struct sim_worker *worker = &sim.workers[event->a];
    struct sim_daemon *daemon = &sim.daemons[sim_below(SIM_DAEMONS)];
    if (worker->session) return;
    if (sim.disk.held && (sim.calm || sim_chance(700))) daemon = sim.disk.holder;
    if (daemon->state != SIM_UP) {
        sim_after(sim_time(5 * PAWL_MILLISECOND), worker_connect)->a = event->a;
        return;
    }
    worker->versions = sim.calm || sim_chance(800);
    worker->keeps = sim_chance(400);
    sim_kept_drop(worker);
    worker->session = ++sim.sessions;
    worker->daemon = daemon->number;
    struct sim_event *attach = sim_after_in(daemon, sim_time(200000), session_attach);
    attach->a = event->a;
    attach->b = worker->session;
}

static void worker_done(struct sim_event *event);

static void item_arrive(struct sim_event *event) {
    struct sim_item *item = event->data;
    struct sim_worker *worker = &sim.workers[event->a];
    size_t place = 0;
    while (place < SIM_ITEMS && worker->items[place].used) place++;
    // A worker that is overrun, or has lost a history, connects anew.
    if (worker->session != item->session || place == SIM_ITEMS ||
        (item->turn && !sim_kept_complete(worker, item))) {
        if (worker->session == item->session) sim_worker_break(worker);
        item_free(item);
        return;
    }
    worker->items[place] = *item;
    worker->items[place].used = true;
    // An activity may still be at work when its workflow is long gone, and another has its id.
    int64_t typical = item->turn ? 300000 : PAWL_MILLISECOND;
    if (!item->turn && !sim.calm && sim_chance(80)) typical = 300 * PAWL_MILLISECOND;
    struct sim_event *done = sim_after(sim_time(typical), worker_done);
    done->a = event->a | (unsigned)place << 8;
    done->b = item->session;
    free(item);
}

static void worker_answer(struct sim_item *item, const struct sim_worker *worker) {
    struct pawl_arena arena = {0};
    struct sim_message *message = calloc(1, sizeof *message);
    const Pb__WorkItem *work =
        pawl__wire_unpack(&arena, &pb__work_item__descriptor, pawl__buf_str(&item->bytes), NULL);
    const char *why = NULL;
    message->method = item->turn ? PAWL_TASKHUB_COMPLETE_TURN : PAWL_TASKHUB_COMPLETE_ACTIVITY;
    message->client = (unsigned)(worker - sim.workers);
    message->number = item->request = sim_new_number();
    message->session = item->session;
    message->task = item->task;
    memcpy(message->id, item->id, sizeof message->id);
    memcpy(message->execution, item->execution, sizeof message->execution);
    snprintf(message->token, sizeof message->token, "%s", work->completiontoken);
    if (item->turn) {
        if (!sim_worker_turn(work->workflowrequest, work->completiontoken, worker->versions, &arena,
                             &message->bytes, &why))
            sim_fail(pawl__arena_format(&arena, "%.*s", (int)strcspn(why, ":"), why), item->id,
                     "%s", why);
    } else {
        Pb__ActivityResponse response;
        sim_worker_activity(work->activityrequest, &arena, &response);
        response.completiontoken = work->completiontoken;
        size_t size = pb__activity_response__get_packed_size(&response);
        message->bytes.len =
            pb__activity_response__pack(&response, pawl__buf_reserve(&message->bytes, size));
    }
    item->result = message;
    pawl__arena_finish(&arena);
}

static struct sim_item *worker_item(const struct sim_event *event) {
    struct sim_worker *worker = &sim.workers[event->a & 0xff];
    struct sim_item *item = &worker->items[event->a >> 8];
    return worker->session == event->b && item->used ? item : NULL;
}

// Sends the result until it is acknowledged.
static void worker_send(struct sim_event *event) {
    struct sim_item *item = worker_item(event);
    const struct sim_worker *worker = &sim.workers[event->a & 0xff];
    if (!item || !item->result) return;
    if (event->daemon || item->request != (unsigned)(uintptr_t)event->data) return;
    sim_send(item->result, &sim.daemons[worker->daemon]);
    struct sim_event *again = sim_after(sim_time(20 * PAWL_MILLISECOND), worker_send);
    again->a = event->a;
    again->b = event->b;
    again->data = event->data;
}

static void worker_done(struct sim_event *event) {
    struct sim_item *item = worker_item(event);
    if (!item || item->result) return;
    worker_answer(item, &sim.workers[event->a & 0xff]);
    event->data = (void *)(uintptr_t)item->request;
    worker_send(event);
}

void sim_worker_answer(const struct sim_message *message, enum pawl_err code) {
    struct sim_worker *worker = &sim.workers[message->client];
    if (code || worker->session != message->session) return;
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        struct sim_item *item = &worker->items[i];
        if (!item->used || !item->result || item->request != message->number) continue;
        pawl__buf_finish(&item->result->bytes);
        free(item->result);
        pawl__buf_finish(&item->bytes);
        *item = (struct sim_item){0};
    }
}

void sim_workers_begin(void) {
    for (unsigned i = 0; i < SIM_WORKERS; i++) {
        sim.workers[i] = (struct sim_worker){0};
        sim_after(sim_time(2 * PAWL_MILLISECOND), worker_connect)->a = i;
    }
}

void sim_workers_upgrade(void) {
    for (size_t i = 0; i < SIM_WORKERS; i++)
        if (sim.workers[i].session) worker_leave(&sim.workers[i], true);
}

void sim_workers_follow(void) {
    for (size_t i = 0; i < SIM_WORKERS; i++) {
        struct sim_worker *worker = &sim.workers[i];
        if (worker->session && worker->daemon != sim.disk.holder->number)
            worker_leave(worker, true);
    }
}

void sim_workers_end(void) {
    for (size_t i = 0; i < SIM_WORKERS; i++) {
        worker_forget(&sim.workers[i], false);
        sim_kept_drop(&sim.workers[i]);
    }
}
