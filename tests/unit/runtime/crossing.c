// Two apps, each with a store of its own and a network between them that loses, doubles and delays;
// either side fails, stops, is cut off or starts again. App "near" has one daemon, "far" has two,
// which share their shards. Time and threads are real; the troubles come from a seed.
//
//   crossing [--seed N] [--seconds N]     N worlds of troubles, each followed by a calm
//
// Workflow "p<n>" of near calls a child, an activity or a detached workflow of far, and sends
// events to a collector "z<m>" there. What it does beside that goes by n: see crossing.h.
// In every second world far keeps what has ended for a moment only.
//
// It ends with "broken: <invariant>: ..." when one of these does not hold. The first five are seen
// in what the stores commit:
//
//   what_crosses_happens_once          each child begins once, each event and end arrives once
//   what_crosses_arrives_in_order      of one sender to one target
//   a_refused_start_starts_nothing     also when it comes again and the id is free
//   an_end_is_told_once                of a child, to its parent
//   what_is_purged_stays_purged
//   nothing_acknowledged_is_lost       in the calm all that was asked for comes about
//   acknowledged_result_never_runs_again
//   every_call_is_answered_once

#include "crossing.h"

#include "engine/events.h"
#include "runtime/apps.h"
#include "wire/unpack.h"

struct crossing;

struct crossing_worker {
    struct pawl_worker base;
    struct crossing *crossing;
    struct pawl_dispatch *at; // NULL: it is not attached
    struct crossing_item {
        char id[32], token[40];
        int32_t task;
        bool turn;
        char act; // see crossing.h
    } items[ITEMS];
    size_t count;
};

struct crossing_call {
    union {
        struct pawl_call call;
        struct pawl_start start;
        struct pawl_turn_result turn;
        struct pawl_activity_result activity;
        struct pawl_look look;
        struct pawl_post post;
        struct pawl_purge purge;
    };
    struct crossing *crossing;
    bool *ok;           // set when it went well; or NULL
    bool *under_way;    // unset when it is over; or NULL
    enum pawl_err fine; // an error that counts as well
    unsigned done;
    struct pawl_error error;
};

struct crossing {
    struct fleet fleet; // first
    struct pawl_finder finder;
    struct crossing_worker workers[WORKERS];
    struct worker idle[DAEMONS]; // that hold the daemons' places until the others are attached
    struct crossing_call calls[CALLS];
    size_t call_count;
    struct crossing_seen seen;
    bool started[PARENTS], acked[PARENTS], terminated[PARENTS], purged[PARENTS], freed[TAKEN];
    bool busy[PARENTS], freeing[TAKEN]; // a client's call is under way
    uint64_t random;
    int64_t until[DAEMONS]; // when its trouble ends, steady
    bool calm;
    struct patience patience;
};

static unsigned below(struct crossing *crossing, unsigned limit) {
    crossing->random =
        crossing->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(crossing->random >> 33) % limit;
}

// --- stores and the network ----------------------------------------------------------------------

static void crossing_committed(void *fleet, const struct pawl_commit *commit) {
    seen_commit(&PAWL_CONTAINER(fleet, struct crossing, fleet)->seen, commit);
}

static enum fleet_fate crossing_fate(struct fleet *fleet, enum pawl_verb_kind kind) {
    struct crossing *crossing = PAWL_CONTAINER(fleet, struct crossing, fleet);
    if (kind == PAWL_VERB_INVITE) return FLEET_UNHEARD; // far's worker comes by itself
    if (crossing->calm) return FLEET_ARRIVES;
    unsigned chance = below(crossing, 1000);
    if (chance < 200) return FLEET_LATE;
    if (kind != PAWL_VERB_RECEIVE) return chance < 220 ? FLEET_LOST : FLEET_ARRIVES;
    if (chance < 300) return FLEET_LOST;
    if (chance < 500) return FLEET_UNANSWERED;
    if (chance < 600) return FLEET_TWICE;
    return chance < 700 ? FLEET_AGAIN : FLEET_ARRIVES;
}

static void crossing_find(const struct pawl_finder *finder, const char *app,
                          struct pawl_places *out) {
    bool near = strcmp(app, "near") == 0;
    out->count = near ? 1 : 2;
    for (size_t i = 0; i < out->count; i++)
        snprintf(out->address[i], sizeof out->address[i], "n%zu", near ? i : i + 1);
    snprintf(out->how, sizeof out->how, "in a list");
}

// --- calls --------------------------------------------------------------------------------------

static void call_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct crossing_call *made = PAWL_CONTAINER(call, struct crossing_call, call);
    if (made->done++) broken("every_call_is_answered_once", "it was answered again");
    made->error = error ? *error : (struct pawl_error){PAWL_OK, ""};
    if (made->ok && (!error || (made->fine && error->code == made->fine))) *made->ok = true;
    if (made->under_way) *made->under_way = false;
}

static struct crossing_call *call_new(struct crossing *crossing, bool *ok, bool *under_way) {
    if (crossing->call_count == CALLS) broken("every_call_is_answered_once", "too many calls");
    struct crossing_call *call = &crossing->calls[crossing->call_count++];
    *call = (struct crossing_call){.crossing = crossing, .ok = ok, .under_way = under_way};
    if (under_way) *under_way = true;
    return call;
}

static void call_begin(struct crossing_call *call, int at) {
    call->call.done = call_on_done;
    pawl__node_call(call->crossing->fleet.kits[at].node, &call->call);
}

static struct pawl_str crossing_id(struct kit *kit, char letter, int number) {
    return pawl__str(pawl__arena_format(&kit->arena, "%c%d", letter, number));
}

static struct crossing_call *start(struct crossing *crossing, int at, char letter, int number,
                                   bool *ok, bool *under_way) {
    struct kit *kit = &crossing->fleet.kits[at];
    struct crossing_call *call = call_new(crossing, ok, under_way);
    Pb__ExecutionStartedEvent *event = crossing_new(kit, &pb__execution_started_event__descriptor);
    event->name = "Any";
    pawl__start_init(&call->start, crossing_id(kit, letter, number), event, true);
    call->fine = PAWL_E_EXISTS;
    call_begin(call, at);
    return call;
}

static struct crossing_call *terminate(struct crossing *crossing, int number) {
    struct kit *kit = &crossing->fleet.kits[NEAR];
    struct crossing_call *call =
        call_new(crossing, &crossing->terminated[number], &crossing->busy[number]);
    Pb__ExecutionTerminatedEvent *event =
        crossing_new(kit, &pb__execution_terminated_event__descriptor);
    event->recurse = true;
    pawl__post_init(&call->post, crossing_id(kit, 'p', number),
                    PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, event);
    call_begin(call, NEAR);
    return call;
}

static struct crossing_call *purge(struct crossing *crossing, int number) {
    struct kit *kit = &crossing->fleet.kits[NEAR];
    struct crossing_call *call =
        call_new(crossing, &crossing->purged[number], &crossing->busy[number]);
    pawl__purge_init(&call->purge, crossing_id(kit, 'p', number), true, false);
    call->fine = PAWL_E_NOT_FOUND;
    call_begin(call, NEAR);
    return call;
}

// Lets the one that has the id "t<number>" end, once the parent that asked for the id knows that it
// is taken.
static void set_free(struct crossing *crossing, int number, int at) {
    if (crossing->freed[number] || crossing->freeing[number]) return;
    if (!seen_count(&crossing->seen, &crossing->seen.ends[number * KINDS + REFUSED])) return;
    struct kit *kit = &crossing->fleet.kits[at];
    struct crossing_call *call =
        call_new(crossing, &crossing->freed[number], &crossing->freeing[number]);
    Pb__EventRaisedEvent *event = crossing_new(kit, &pb__event_raised_event__descriptor);
    event->name = "go";
    pawl__post_init(&call->post, crossing_id(kit, 't', number),
                    PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, event);
    call->fine = PAWL_E_NOT_FOUND; // it has ended, and was purged
    call_begin(call, at);
}

// --- workers ------------------------------------------------------------------------------------

static bool worker_deliver(struct pawl_worker *base, struct pawl_str bytes) {
    struct crossing_worker *worker = PAWL_CONTAINER(base, struct crossing_worker, base);
    struct pawl_arena arena = {0};
    const Pb__WorkItem *work = pawl__wire_unpack(&arena, &pb__work_item__descriptor, bytes, NULL);
    if (!work || worker->count == ITEMS) {
        pawl__arena_finish(&arena);
        return false;
    }
    struct crossing_item *item = &worker->items[worker->count++];
    *item = (struct crossing_item){.turn = work->request_case ==
                                           PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST};
    snprintf(item->token, sizeof item->token, "%s", work->completiontoken);
    if (item->turn) {
        snprintf(item->id, sizeof item->id, "%s", work->workflowrequest->instanceid);
        item->act = crossing_decide(work->workflowrequest);
    } else {
        const Pb__ActivityRequest *request = work->activityrequest;
        snprintf(item->id, sizeof item->id, "%s", request->workflowinstance->instanceid);
        item->task = request->taskid;
        if (worker->crossing->acked[atoi(item->id + 1)])
            broken("acknowledged_result_never_runs_again", "the activity of %s", item->id);
    }
    pawl__arena_finish(&arena);
    return true;
}

static void worker_detach(struct crossing_worker *worker) {
    struct pawl_dispatch *at = worker->at;
    worker->at = NULL;
    worker->count = 0;
    if (at) pawl__dispatch_detach(at, &worker->base);
}

static void worker_reset(struct pawl_worker *base) {
    worker_detach(PAWL_CONTAINER(base, struct crossing_worker, base));
}

static struct kit *worker_kit(const struct crossing_worker *worker) {
    size_t number = (size_t)(worker - worker->crossing->workers);
    return &worker->crossing->fleet.kits[number == ABROAD ? NEAR : number];
}

static void worker_attach(struct crossing_worker *worker) {
    struct kit *kit = worker_kit(worker);
    struct crossing *crossing = worker->crossing;
    if (worker->at || !kit->node || crossing->fleet.ends[kit - crossing->fleet.kits].stops) return;
    worker->base = (struct pawl_worker){
        .deliver = worker_deliver, .reset = worker_reset, .limit = 1 + below(crossing, ITEMS)};
    worker->at = worker == &crossing->workers[ABROAD]
                     ? pawl__abroad_dispatch(&kit->node->abroad, PAWL_STR("far"))
                     : &kit->node->dispatch;
    pawl__dispatch_attach(worker->at, &worker->base);
}

static void answer_turn(struct crossing *crossing, struct kit *kit,
                        const struct crossing_item *item) {
    Pb__WorkflowAction *actions[ACTIONS_MOST] = {0};
    Pb__WorkflowResponse *response = crossing_new(kit, &pb__workflow_response__descriptor);
    response->instanceid = pawl__arena_dup(&kit->arena, pawl__str(item->id));
    response->completiontoken = pawl__arena_dup(&kit->arena, pawl__str(item->token));
    response->n_actions = crossing_actions(kit, item->id, item->act, actions);
    response->actions = actions;
    size_t len = pb__workflow_response__get_packed_size(response);
    uint8_t *bytes = pawl__arena_alloc(&kit->arena, len);
    pb__workflow_response__pack(response, bytes);
    struct pawl_str packed = {(char *)bytes, len};
    response = (Pb__WorkflowResponse *)pawl__wire_unpack(
        &kit->arena, &pb__workflow_response__descriptor, packed, NULL);
    struct crossing_call *call = call_new(crossing, NULL, NULL);
    pawl__turn_result_init(&call->turn, &kit->node->dispatch, response, packed);
    call_begin(call, (int)(kit - crossing->fleet.kits));
}

static void answer_activity(struct crossing *crossing, struct kit *kit,
                            struct pawl_dispatch *dispatch, const struct crossing_item *item) {
    Pb__ActivityResponse *response = crossing_new(kit, &pb__activity_response__descriptor);
    response->instanceid = pawl__arena_dup(&kit->arena, pawl__str(item->id));
    response->taskid = item->task;
    response->completiontoken = pawl__arena_dup(&kit->arena, pawl__str(item->token));
    struct crossing_call *call = call_new(crossing, &crossing->acked[atoi(item->id + 1)], NULL);
    pawl__activity_result_init(&call->activity, dispatch, response);
    call_begin(call, NEAR);
}

static void worker_step(struct crossing_worker *worker) {
    struct crossing *crossing = worker->crossing;
    struct kit *kit = worker_kit(worker);
    if (!worker->at || !worker->count || crossing->fleet.ends[kit - crossing->fleet.kits].stops)
        return;
    if (below(crossing, 3)) return;
    size_t at = below(crossing, (unsigned)worker->count);
    struct crossing_item item = worker->items[at];
    worker->items[at] = worker->items[--worker->count];
    if (item.turn)
        answer_turn(crossing, kit, &item);
    else
        answer_activity(crossing, kit, worker->at, &item);
    if (worker->at && worker->base.paused) pawl__dispatch_ready(worker->at, &worker->base);
}

// --- troubles -----------------------------------------------------------------------------------

static void detach_all(struct crossing *crossing, int at) {
    for (int i = 0; i < WORKERS; i++)
        if (worker_kit(&crossing->workers[i]) == &crossing->fleet.kits[at])
            worker_detach(&crossing->workers[i]);
}

// The daemon ends in order and starts again.
static void restart(struct crossing *crossing, int at) {
    struct kit *kit = &crossing->fleet.kits[at];
    bool stopped[DAEMONS];
    for (int i = 0; i < DAEMONS; i++) {
        stopped[i] = crossing->fleet.ends[i].stops;
        crossing->fleet.ends[i].stops = false;
    }
    detach_all(crossing, at);
    kit_fail_commit(kit, GATE_WELL);
    kit_close(kit);
    kit_begin(kit);
    for (int i = 0; i < DAEMONS; i++) crossing->fleet.ends[i].stops = stopped[i];
}

static void trouble(struct crossing *crossing) {
    int at = (int)below(crossing, DAEMONS);
    struct fleet_end *end = &crossing->fleet.ends[at];
    int64_t now = pawl__clock_steady();
    if (now < crossing->until[at]) return;
    end->cut = end->stops = false;
    switch (below(crossing, 80)) {
    case 0:
        end->cut = true; // for longer than anybody waits for it
        crossing->until[at] = now + 2000 * PAWL_MILLISECOND;
        break;
    case 1:
    case 2:
        end->stops = true;
        crossing->until[at] = now + below(crossing, 300) * PAWL_MILLISECOND;
        break;
    case 3:
    case 4:
        end->cut = true;
        crossing->until[at] = now + below(crossing, 400) * PAWL_MILLISECOND;
        break;
    case 5:
    case 6: worker_detach(&crossing->workers[below(crossing, WORKERS)]); break;
    case 7:
    case 8: kit_fail_commit(&crossing->fleet.kits[at], GATE_FAILS_BEFORE); break;
    case 9:
    case 10: kit_fail_commit(&crossing->fleet.kits[at], GATE_FAILS_AFTER); break;
    case 11:
        if (!below(crossing, 3)) restart(crossing, at);
        break;
    default: break;
    }
}

static void calm_down(struct crossing *crossing) {
    crossing->calm = true;
    for (int i = 0; i < DAEMONS; i++) {
        crossing->fleet.ends[i].cut = crossing->fleet.ends[i].stops = false;
        kit_fail_commit(&crossing->fleet.kits[i], GATE_WELL);
    }
}

static void crossing_step(struct crossing *crossing) {
    patience_spend(&crossing->patience);
    fleet_step(&crossing->fleet);
    for (int i = 0; i < WORKERS; i++) {
        if (crossing->calm || !below(crossing, 20)) worker_attach(&crossing->workers[i]);
        worker_step(&crossing->workers[i]);
    }
    uv_sleep(1);
}

// --- clients ------------------------------------------------------------------------------------

static struct crossing_call *await(struct crossing *crossing, struct crossing_call *call,
                                   const char *what) {
    int64_t end = crossing->patience.spent + CALM_SECONDS * PAWL_SECOND;
    while (!call->done) {
        if (crossing->patience.spent > end) broken("every_call_is_answered_once", "%s", what);
        crossing_step(crossing);
    }
    return call;
}

// -1: it does not exist, or it is not known.
static int32_t status_of(struct crossing *crossing, int at, const char *id) {
    struct crossing_call call = {.crossing = crossing};
    pawl__look_init(&call.look, pawl__str(id), PAWL_WAIT_NOT, &crossing->fleet.kits[at].arena);
    call_begin(&call, at);
    await(crossing, &call, "a look");
    return !call.error.code && call.look.view.exists ? call.look.view.status : -1;
}

// What a client does next for the parent |number|, if it is free to.
static void client_step(struct crossing *crossing, int number) {
    enum crossing_kind kind = number % KINDS;
    char id[16];
    if (crossing->busy[number] || crossing->fleet.ends[NEAR].stops) return;
    if (!crossing->started[number]) {
        start(crossing, NEAR, 'p', number, &crossing->started[number], &crossing->busy[number]);
        return;
    }
    snprintf(id, sizeof id, "p%d", number);
    if (kind == TERMINATED && !crossing->terminated[number])
        terminate(crossing, number);
    else if (kind == PURGED && !crossing->purged[number] &&
             seen_count(&crossing->seen, &crossing->seen.ends[number]))
        purge(crossing, number); // which is refused for as long as it runs
}

static void clients_step(struct crossing *crossing, unsigned step) {
    if (crossing->call_count > CALLS / 2 && !crossing->calm) return;
    if (step % 16 == 0) client_step(crossing, (int)below(crossing, PARENTS));
    int taken = (int)below(crossing, TAKEN * 20), at = 1 + (int)below(crossing, DAEMONS - 1);
    if (taken < TAKEN && !crossing->fleet.ends[at].stops && crossing->fleet.kits[at].ready)
        set_free(crossing, taken, at);
}

// --- at the end ---------------------------------------------------------------------------------

#define EVENTUALLY(crossing, condition, ...)                                                       \
    for (int64_t end_ = (crossing)->patience.spent + CALM_SECONDS * PAWL_SECOND; !(condition);) {  \
        if ((crossing)->patience.spent > end_)                                                     \
            broken("nothing_acknowledged_is_lost", __VA_ARGS__);                                   \
        crossing_step(crossing);                                                                   \
    }

// Asks once more for what clients want of parent |number|. True: it is so.
static bool client_is_content(struct crossing *crossing, int number) {
    enum crossing_kind kind = number % KINDS;
    client_step(crossing, number);
    return crossing->started[number] && (kind != TERMINATED || crossing->terminated[number]) &&
           (kind != PURGED || crossing->purged[number]);
}

static bool is_free(struct crossing *crossing, int number) {
    set_free(crossing, number, 1);
    return crossing->freed[number];
}

// What clients ask for is asked until it is so.
static void finish_asking(struct crossing *crossing) {
    for (int i = 0; i < PARENTS; i++)
        EVENTUALLY(crossing, client_is_content(crossing, i), "p%d is not as clients want it", i);
    for (int i = 0; i < TAKEN; i++)
        EVENTUALLY(crossing, is_free(crossing, i), "t%d has not taken its event", i);
}

static void check_parent(struct crossing *crossing, int number) {
    struct crossing_seen *seen = &crossing->seen;
    enum crossing_kind kind = number % KINDS;
    char id[16], child[24];
    snprintf(id, sizeof id, "p%d", number);
    snprintf(child, sizeof child, "%s%c", id, kind == STOPS ? 'd' : 'c');
    int32_t wanted = kind == TERMINATED ? STATUS(TERMINATED)
                     : kind == PURGED   ? -1
                                        : STATUS(COMPLETED);
    EVENTUALLY(crossing, status_of(crossing, NEAR, id) == wanted, "%s has not ended", id);
    if (kind != TERMINATED)
        EVENTUALLY(crossing, seen_count(&crossing->seen, &seen->events[number]) == 2,
                   "%u events of %s have arrived", seen->events[number], id);
    bool begins = kind == PLAIN || kind == PURGED || kind == NESTED;
    if (begins && seen_count(&crossing->seen, &seen->children[number]) != 1)
        broken("nothing_acknowledged_is_lost", "%s has not begun", child);
    if (kind == NESTED && seen_count(&crossing->seen, &seen->nested[number]) != 1)
        broken("nothing_acknowledged_is_lost", "%sn has not begun", child);
    if (kind == PURGED)
        EVENTUALLY(crossing, status_of(crossing, 1, child) == -1, "%s is there still", child);
    if (kind == STOPS)
        EVENTUALLY(crossing, seen_count(&crossing->seen, &seen->detached[number]) == 1,
                   "%s has not begun", child);
    if (kind == STOPS ||
        (kind == TERMINATED && seen_count(&crossing->seen, &seen->children[number])))
        EVENTUALLY(crossing,
                   status_of(crossing, 1, child) == STATUS(TERMINATED) ||
                       status_of(crossing, 1, child) == -1,
                   "%s was not ended", child);
}

static enum pawl_err count_row(void *arg, const struct pawl_mail *mail, struct pawl_error *error) {
    ++*(unsigned *)arg;
    return PAWL_OK;
}

static unsigned letters_of(struct crossing *crossing, int at, const char *box) {
    const struct kit *kit = &crossing->fleet.kits[at];
    unsigned count = 0;
    struct pawl_error error;
    for (uint32_t i = 0; i < kit->node->count; i++)
        kit->store->ops->read_mail(kit->store, pawl__str(box), i, PAWL_STR(""), 0, count_row,
                                   &count, &error);
    return count;
}

static void check_all(struct crossing *crossing) {
    for (int i = 0; i < PARENTS; i++) check_parent(crossing, i);
    EVENTUALLY(crossing, !letters_of(crossing, NEAR, "to other apps/default/near"),
               "letters are in near's box");
    EVENTUALLY(crossing, !letters_of(crossing, 1, "to other apps/default/far"),
               "letters are in far's box");
    for (size_t i = 0; i < crossing->call_count; i++)
        await(crossing, &crossing->calls[i], "one of the troubles is not answered");
}

// --- a world ------------------------------------------------------------------------------------

// Again when it fails, as on a machine that stands still for longer than leases last.
static void first_start(struct crossing *crossing, char letter, int number) {
    for (bool ok = false; !ok;)
        await(crossing, start(crossing, 1, letter, number, &ok, NULL), "a first start");
}

static void world_begin(struct crossing *crossing, uint64_t seed) {
    static const char near[] = "near", far[] = "far";
    const char *const apps[] = {near, far, far};
    struct fleet *fleet = &crossing->fleet;
    crossing->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uv_mutex_init(&crossing->seen.mutex);
    crossing->finder.find = crossing_find;
    fleet->fate = crossing_fate;
    fleet->committed = crossing_committed;
    fleet->finder = &crossing->finder;
    memcpy(fleet->apps, apps, sizeof apps);
    if (seed % 2) fleet->retention.completed = fleet->retention.terminated = 30 * PAWL_MILLISECOND;
    crossing->calm = true;
    fleet_init(fleet, DAEMONS, SHARDS, crossing->idle);
    for (int i = 0; i < WORKERS; i++) {
        crossing->workers[i].crossing = crossing;
        worker_attach(&crossing->workers[i]);
    }
    for (int i = 0; i < DAEMONS; i++) kit_detach(&fleet->kits[i], &crossing->idle[i]);
    for (int i = 0; i < COLLECTORS; i++) first_start(crossing, 'z', i);
    for (int i = 0; i < TAKEN; i++) first_start(crossing, 't', i);
}

static void crossing_world(uint64_t seed) {
    struct crossing *crossing = calloc(1, sizeof *crossing);
    world_begin(crossing, seed);
    crossing->calm = false;
    int64_t end = pawl__clock_steady() + TROUBLE_MS * PAWL_MILLISECOND;
    for (unsigned step = 0; pawl__clock_steady() < end; step++) {
        clients_step(crossing, step);
        if (step % 4 == 0) trouble(crossing);
        crossing_step(crossing);
    }
    calm_down(crossing);
    finish_asking(crossing);
    check_all(crossing);
    for (int i = 0; i < WORKERS; i++) worker_detach(&crossing->workers[i]);
    fleet_finish(&crossing->fleet);
    uv_mutex_destroy(&crossing->seen.mutex);
    free(crossing);
}

int main(int argc, char **argv) {
    return run_worlds(argc, argv, crossing_world);
}
