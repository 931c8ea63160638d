// Three daemons of one app, with a worker each and a network between them that loses, doubles and
// delays; daemons that stop for longer than their leases, are cut off, or hand shards over; a store
// whose commits and loads fail. Time and threads are real; the troubles come from a seed.
//
//   storm [--seed N] [--seconds N]     N worlds of troubles, each followed by a calm
//
// Each workflow "p<n>" starts children in other shards, and sends events to a collector "z<m>". No
// worker has all: one has the workflows' turns, one the children's, one the activities and, as the
// second one's daemon takes small messages only, the turns of children with a large input. So what
// is done at all is done by workers of other daemons.
//
// It ends with "broken: <invariant>: ..." when one of these does not hold:
//
//   a_message_has_its_effect_once      each child runs once; each event is in its collector once
//   messages_arrive_in_order           of one sender to one target
//   a_shard_has_one_owner              a commit under an older lease than the newest has no effect
//   every_call_is_answered_once        of clients and of workers
//   acknowledged_result_never_runs_again
//   no_work_starves                    when the troubles end, all that was begun ends soon
//   a_limit_is_never_exceeded          of the app: what workers have in hand, in all daemons that
//                                      live
//   a_worker_gets_no_more_than_it_takes    of bytes in a message
//   a_bell_says_why                    a ring tells of mail, of work, or of a quota to be asked for

#include "fleet.h"
#include "worlds.h"

#include "engine/events.h"
#include "wire/unpack.h"

enum {
    DAEMONS = 3,
    SHARDS = 6,
    PARENTS = 24, // of a world
    CHILDREN = 2, // of a parent
    TASKS = 3,    // activities of a child
    COLLECTORS = 4,
    EVENTS = 2,        // that a parent sends
    SMALL = 4096,      // bytes of a message that the second daemon takes
    LARGE = 6000,      // bytes of the input of every second child
    ITEMS = 64,        // that a worker has
    CALLS = 4096,      // of a world
    PATIENCE_MS = 200, // of a client at most
    ACTIVITY_MS = 150, // that an activity takes at most
    LOADS = 8,         // that fail, one after the other
    GOING = 12,        // activities that have run before the troubles, in two worlds of three
    TROUBLE_MS = 4000,
    CALM_SECONDS = 40
};

#define SLOW (600 * PAWL_MILLISECOND) // some turns take it: longer than it takes shards to move

struct storm_worker {
    struct pawl_worker base;
    struct storm *storm;
    int at; // its daemon; -1: it is not attached
    struct storm_item {
        char id[32], token[40];
        int32_t task;
        bool turn;
        const char *actions; // see storm_decide
        int child;           // the parent's first event and children are sent already
        int64_t until;       // it takes so long, steady
        bool is_lost;        // to the daemon that gave it out
    } items[ITEMS];
    size_t count;
};

struct storm_call {
    union {
        struct pawl_call call;
        struct pawl_start start;
        struct pawl_turn_result turn;
        struct pawl_activity_result activity;
        struct pawl_read_history history;
        struct pawl_look look;
    };
    struct storm *storm;
    int parent;      // that it starts; -1: none
    int activity_of; // the activity whose result it brings; -1: none
    unsigned done;
    int at;           // its daemon
    int64_t patience; // until its client gives it up, steady; 0: for ever
    bool given_up;
    bool used;
    struct pawl_error error;
};

struct storm {
    struct fleet fleet; // first
    struct storm_worker workers[DAEMONS];
    struct worker idle[DAEMONS]; // that hold the daemons' places until the storm's are attached
    struct storm_call calls[CALLS];
    size_t call_count;
    uint64_t epochs[SHARDS + 1]; // the newest that has written, by shard
    bool started[PARENTS], acked[PARENTS * CHILDREN * TASKS];
    uint64_t random;
    int64_t until[DAEMONS]; // when its trouble ends, steady
    bool calm;
    struct patience patience;
};

static unsigned below(struct storm *storm, unsigned limit) {
    storm->random = storm->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(storm->random >> 33) % limit;
}

static struct storm *storm_of(struct fleet *fleet) {
    return PAWL_CONTAINER(fleet, struct storm, fleet);
}

// --- limits of the app --------------------------------------------------------------------------

static const struct pawl_ceiling_rule storm_ceilings[] = {
    {"work", false, 3}, {"Child", true, 1}, {"", true, 4}};

static bool item_is_under(const struct storm_item *item, const struct pawl_ceiling_rule *rule) {
    const char *name = !item->turn             ? "work"
                       : strchr(item->id, 'c') ? "Child"
                       : *item->id == 'z'      ? "Collector"
                                               : "Parent";
    return item->turn == rule->turn && (!*rule->name || strcmp(name, rule->name) == 0);
}

// Whether |dispatch| counts what it gave out as |item|.
static bool item_is_counted(struct pawl_dispatch *dispatch, const struct storm_item *item) {
    char key[64];
    int32_t task = item->turn ? PAWL_ITEM_TURN : item->task;
    size_t len = strlen(item->id);
    memcpy(key, item->id, len);
    memcpy(key + len, &task, sizeof task);
    const struct pawl_item *found =
        pawl__map_get(&dispatch->items, (struct pawl_str){key, len + sizeof task});
    if (found && strcmp(found->token, item->token) == 0) return true;
    for (struct pawl_link *link = dispatch->departed.next; link != &dispatch->departed;
         link = link->next)
        if (strcmp(PAWL_CONTAINER(link, struct pawl_item, link)->token, item->token) == 0)
            return true;
    return false;
}

// Whether the daemon that gave |item| to the worker of daemon |at| is no more, or has lost it: as
// it has died, or has lost the worker's daemon.
static bool item_is_lost(struct storm *storm, int at, const struct storm_item *item) {
    for (int i = 0; i < DAEMONS; i++) {
        struct pawl_node *node = storm->fleet.kits[i].node;
        const char *prefix = node->dispatch.token_prefix;
        if (strncmp(item->token, prefix, strlen(prefix)) != 0) continue;
        if (pawl__clock_steady() >= node->members.told_until) return true;
        return i != at && !item_is_counted(&node->dispatch, item);
    }
    return true;
}

static void check_ceilings(struct storm *storm) {
    if (!storm->fleet.ceiling_count) return;
    size_t counts[3] = {0};
    for (int at = 0; at < DAEMONS; at++) {
        struct storm_worker *worker = &storm->workers[at];
        for (size_t i = 0; i < worker->count; i++) {
            struct storm_item *item = &worker->items[i];
            item->is_lost = item->is_lost || item_is_lost(storm, at, item);
            for (int k = 0; k < 3 && !item->is_lost; k++)
                counts[k] += item_is_under(item, &storm_ceilings[k]);
        }
    }
    for (int k = 0; k < 3; k++)
        if (counts[k] > storm_ceilings[k].most)
            broken("a_limit_is_never_exceeded", "%zu of \"%s\" are out, of %u", counts[k],
                   storm_ceilings[k].name, storm_ceilings[k].most);
}

// --- the store and the network ------------------------------------------------------------------

static void storm_committed(void *fleet, const struct pawl_commit *commit) {
    struct storm *storm = storm_of(fleet);
    for (const struct pawl_part *part = commit->parts; part; part = part->next) {
        const struct pawl_lease *lease = part->lease;
        if (part->result.code) continue;
        if (lease->epoch < storm->epochs[lease->shard])
            broken("a_shard_has_one_owner", "epoch %llu of shard %llu has written after epoch %llu",
                   (unsigned long long)lease->epoch, (unsigned long long)lease->shard,
                   (unsigned long long)storm->epochs[lease->shard]);
        storm->epochs[lease->shard] = lease->epoch;
    }
}

static enum fleet_fate storm_fate(struct fleet *fleet, enum pawl_verb_kind kind) {
    struct storm *storm = storm_of(fleet);
    if (storm->calm) return FLEET_ARRIVES;
    unsigned chance = below(storm, 1000);
    if (kind == PAWL_VERB_RING && chance < 300) return FLEET_UNHEARD;
    if (chance < 200) return FLEET_LATE;
    if (chance < 220) return FLEET_LOST;
    if (chance < (kind == PAWL_VERB_BORROW ? 400 : 240)) return FLEET_UNANSWERED;
    // What is not a worker's is done twice if it comes twice, as over any network without a memory.
    bool may = kind == PAWL_VERB_RING || kind == PAWL_VERB_BORROW ||
               kind == PAWL_VERB_TURN_RESULT || kind == PAWL_VERB_ACTIVITY_RESULT ||
               kind == PAWL_VERB_QUOTA;
    return may && chance < 440 ? FLEET_TWICE : FLEET_ARRIVES;
}

static void storm_served(struct fleet *fleet, const struct pawl_forwarded *call) {
    const struct pawl_ring *ring = &call->verb.ring;
    if (call->kind == PAWL_VERB_RING && !ring->mail_count && !ring->work && !ring->quota)
        broken("a_bell_says_why", "%s rings for nothing", ring->address);
}

// --- calls --------------------------------------------------------------------------------------

static void call_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct storm_call *made = PAWL_CONTAINER(call, struct storm_call, call);
    struct storm *storm = made->storm;
    if (made->given_up)
        broken("every_call_is_answered_once", "it was answered after it was given up");
    if (made->done++) broken("every_call_is_answered_once", "it was answered again");
    made->error = error ? *error : (struct pawl_error){PAWL_OK, ""};
    bool exists = error && error->code == PAWL_E_EXISTS;
    if (made->parent >= 0) storm->started[made->parent] = !error || exists;
    if (made->activity_of >= 0 && !error) storm->acked[made->activity_of] = true;
}

static struct storm_call *call_new(struct storm *storm) {
    if (storm->call_count == CALLS) broken("every_call_is_answered_once", "too many calls");
    struct storm_call *call = &storm->calls[storm->call_count++];
    *call = (struct storm_call){.storm = storm, .parent = -1, .activity_of = -1, .used = true};
    return call;
}

static void call_begin(struct storm_call *call, int at) {
    call->at = at;
    call->call.done = call_on_done;
    pawl__node_call(call->storm->fleet.kits[at].node, &call->call);
}

// Clients lose patience, wherever their calls are by then: what was asked may have been done.
static void give_up(struct storm *storm) {
    for (size_t i = 0; i < storm->call_count; i++) {
        struct storm_call *call = &storm->calls[i];
        bool over = call->patience && (storm->calm || pawl__clock_steady() > call->patience);
        if (!over || call->done || storm->fleet.ends[call->at].stops) continue;
        call->given_up = true;
        call->done = 1;
        pawl__call_cancel(&call->call);
    }
}

static void *storm_new(struct kit *kit, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(&kit->arena, type->sizeof_message);
    type->message_init(message);
    return message;
}

static void start_parent(struct storm *storm, int parent, int at) {
    struct kit *kit = &storm->fleet.kits[at];
    struct storm_call *call = call_new(storm);
    Pb__ExecutionStartedEvent *start = storm_new(kit, &pb__execution_started_event__descriptor);
    bool collects = parent < 0;
    start->name = collects ? "Collector" : "Parent";
    char *id = collects ? pawl__arena_format(&kit->arena, "z%d", -parent - 1)
                        : pawl__arena_format(&kit->arena, "p%d", parent);
    if (!collects) call->parent = parent;
    pawl__start_init(&call->start, pawl__str(id), start, true);
    if (!storm->calm && !below(storm, 3))
        call->patience = pawl__clock_steady() + below(storm, PATIENCE_MS) * PAWL_MILLISECOND;
    call_begin(call, at);
}

// --- workers ------------------------------------------------------------------------------------

static const char *const storm_names[DAEMONS][2] = { // of activities, of workflows
    {"", "Parent Collector"},
    {"", "Child"},
    {"work", "Child"}};

static bool worker_serves(const struct pawl_worker *base, bool turn, struct pawl_str name) {
    const struct storm_worker *worker = PAWL_CONTAINER(base, const struct storm_worker, base);
    const char *names = storm_names[worker - worker->storm->workers][turn];
    return name.len && memmem(names, strlen(names), name.data, name.len);
}

static const char *worker_names(const struct pawl_worker *base, bool turn, size_t *at) {
    static const char *const each[DAEMONS][2][3] = {{{NULL}, {"Parent", "Collector", NULL}},
                                                    {{NULL}, {"Child", NULL}},
                                                    {{"work", NULL}, {"Child", NULL}}};
    const struct storm_worker *worker = PAWL_CONTAINER(base, const struct storm_worker, base);
    return each[worker - worker->storm->workers][turn][(*at)++];
}

// What a turn does next: 'c' begins, 'e' ends, '-' nothing.
static const char *storm_decide(const Pb__WorkflowRequest *turn) {
    size_t created = 0, scheduled = 0, ended = 0;
    for (int list = 0; list < 2; list++) {
        Pb__HistoryEvent **events = list ? turn->newevents : turn->pastevents;
        for (size_t i = 0; i < (list ? turn->n_newevents : turn->n_pastevents); i++) {
            created += events[i]->event_type_case ==
                       PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED;
            scheduled += events[i]->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED;
            ended += events[i]->event_type_case ==
                         PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED ||
                     events[i]->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED;
        }
    }
    if (*turn->instanceid == 'z') return "-";
    bool child = strchr(turn->instanceid, 'c');
    if (!(child ? scheduled : created)) return "c";
    return ended == (child ? TASKS : CHILDREN) ? "e" : "-";
}

// The number of an activity among all.
static int storm_activity(const char *id, int32_t task) {
    int parent = 0, child = 0;
    if (sscanf(id, "p%dc%d", &parent, &child) != 2 || task < 0 || task >= TASKS)
        broken("a_message_has_its_effect_once", "%s has an activity %d", id, (int)task);
    return (parent * CHILDREN + child) * TASKS + task;
}

static bool worker_deliver(struct pawl_worker *base, struct pawl_str bytes) {
    struct storm_worker *worker = PAWL_CONTAINER(base, struct storm_worker, base);
    struct storm *storm = worker->storm;
    struct pawl_arena arena = {0};
    if (bytes.len > base->message)
        broken("a_worker_gets_no_more_than_it_takes", "that of daemon %d takes %zu bytes, not %zu",
               worker->at, base->message, bytes.len);
    const Pb__WorkItem *work = pawl__wire_unpack(&arena, &pb__work_item__descriptor, bytes, NULL);
    if (!work || worker->count == ITEMS) {
        pawl__arena_finish(&arena);
        return false;
    }
    struct storm_item *item = &worker->items[worker->count++];
    *item =
        (struct storm_item){.turn = work->request_case == PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST};
    if (!below(storm, 20)) item->until = pawl__clock_steady() + SLOW;
    snprintf(item->token, sizeof item->token, "%s", work->completiontoken);
    if (item->turn) {
        snprintf(item->id, sizeof item->id, "%s", work->workflowrequest->instanceid);
        item->actions = storm_decide(work->workflowrequest);
    } else {
        const Pb__ActivityRequest *request = work->activityrequest;
        snprintf(item->id, sizeof item->id, "%s", request->workflowinstance->instanceid);
        item->task = request->taskid;
        // Long enough for its lender to be lost meanwhile.
        item->until = pawl__clock_steady() + below(storm, ACTIVITY_MS) * PAWL_MILLISECOND;
        if (storm->acked[storm_activity(item->id, item->task)])
            broken("acknowledged_result_never_runs_again", "activity %d of %s", (int)item->task,
                   item->id);
    }
    pawl__arena_finish(&arena);
    return true;
}

static void worker_detach(struct storm_worker *worker) {
    if (worker->at < 0) return;
    struct pawl_dispatch *dispatch = &worker->storm->fleet.kits[worker->at].node->dispatch;
    worker->at = -1;
    worker->count = 0;
    pawl__dispatch_detach(dispatch, &worker->base);
}

static void worker_reset(struct pawl_worker *base) {
    worker_detach(PAWL_CONTAINER(base, struct storm_worker, base));
}

static void worker_attach(struct storm_worker *worker) {
    struct storm *storm = worker->storm;
    int at = (int)(worker - storm->workers);
    if (worker->at >= 0 || storm->fleet.ends[at].stops) return;
    worker->base = (struct pawl_worker){.deliver = worker_deliver,
                                        .reset = worker_reset,
                                        .serves = worker_serves,
                                        .names = worker_names,
                                        .limit = below(storm, 3) ? 1 + below(storm, 4) : 0};
    if (!worker->base.limit) worker->base.limit = ITEMS;
    worker->at = at;
    pawl__dispatch_attach(&storm->fleet.kits[at].node->dispatch, &worker->base);
}

static Pb__WorkflowAction *storm_send(struct kit *kit, int32_t id, int parent, int number) {
    Pb__SendEventAction *body = storm_new(kit, &pb__send_event_action__descriptor);
    body->instance = storm_new(kit, &pb__workflow_instance__descriptor);
    body->instance->instanceid = pawl__arena_format(&kit->arena, "z%d", parent % COLLECTORS);
    body->name = "e";
    body->data =
        pawl__string_value(&kit->arena, pawl__arena_format(&kit->arena, "p%d:%d", parent, number));
    Pb__WorkflowAction *action = storm_new(kit, &pb__workflow_action__descriptor);
    action->id = id;
    action->workflow_action_type_case = PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT;
    action->sendevent = body;
    return action;
}

static void answer_turn(struct storm *storm, struct kit *kit, int at,
                        const struct storm_item *item) {
    Pb__WorkflowAction *actions[TASKS + CHILDREN + 2] = {0};
    size_t count = 0;
    int parent = atoi(item->id + 1);
    bool child = strchr(item->id, 'c');
    for (int i = 0; *item->actions == 'c' && child && i < TASKS; i++)
        actions[count++] = kit_task(kit, i, "work");
    if (*item->actions == 'c' && !child) {
        for (int i = 0; i < CHILDREN; i++) {
            Pb__WorkflowAction *start = kit_child(kit, i);
            start->createchildworkflow->instanceid =
                pawl__arena_format(&kit->arena, "p%dc%d", parent, i);
            if (i % 2)
                start->createchildworkflow->input = pawl__string_value(
                    &kit->arena, pawl__arena_format(&kit->arena, "%0*d", LARGE, i));
            actions[count++] = start;
        }
        actions[count++] = storm_send(kit, CHILDREN, parent, 0);
    }
    if (*item->actions == 'e' && !child)
        actions[count++] = storm_send(kit, CHILDREN + 1, parent, 1);
    if (*item->actions == 'e')
        actions[count++] = kit_complete(kit, child ? TASKS : CHILDREN + 2, "1");
    Pb__WorkflowResponse *response = storm_new(kit, &pb__workflow_response__descriptor);
    response->instanceid = pawl__arena_dup(&kit->arena, pawl__str(item->id));
    response->completiontoken = pawl__arena_dup(&kit->arena, pawl__str(item->token));
    response->n_actions = count;
    response->actions = actions;
    size_t len = pb__workflow_response__get_packed_size(response);
    uint8_t *bytes = pawl__arena_alloc(&kit->arena, len);
    pb__workflow_response__pack(response, bytes);
    struct pawl_str packed = {(char *)bytes, len};
    response = (Pb__WorkflowResponse *)pawl__wire_unpack(
        &kit->arena, &pb__workflow_response__descriptor, packed, NULL);
    struct storm_call *call = call_new(storm);
    pawl__turn_result_init(&call->turn, &kit->node->dispatch, response, packed);
    call_begin(call, at);
}

static void answer_activity(struct storm *storm, struct kit *kit, int at,
                            const struct storm_item *item) {
    Pb__ActivityResponse *response = storm_new(kit, &pb__activity_response__descriptor);
    response->instanceid = pawl__arena_dup(&kit->arena, pawl__str(item->id));
    response->taskid = item->task;
    response->completiontoken = pawl__arena_dup(&kit->arena, pawl__str(item->token));
    response->result = pawl__string_value(&kit->arena, "1");
    struct storm_call *call = call_new(storm);
    pawl__activity_result_init(&call->activity, &kit->node->dispatch, response);
    call->activity_of = storm_activity(item->id, item->task);
    call_begin(call, at);
}

static void worker_step(struct storm_worker *worker) {
    struct storm *storm = worker->storm;
    if (worker->at < 0 || !worker->count || storm->fleet.ends[worker->at].stops) return;
    if (below(storm, 3)) return;
    size_t at = below(storm, (unsigned)worker->count);
    struct storm_item item = worker->items[at];
    if (pawl__clock_steady() < item.until && !(storm->calm && item.turn)) return;
    worker->items[at] = worker->items[--worker->count];
    struct kit *kit = &storm->fleet.kits[worker->at];
    if (item.turn)
        answer_turn(storm, kit, worker->at, &item);
    else
        answer_activity(storm, kit, worker->at, &item);
    if (worker->at >= 0 && worker->base.paused)
        pawl__dispatch_ready(&kit->node->dispatch, &worker->base);
}

// --- troubles -----------------------------------------------------------------------------------

// As it does when another one should have it.
static void give_a_shard(struct storm *storm, int at) {
    struct pawl_node *node = storm->fleet.kits[at].node;
    pawl__partition_give(&node->partitions[below(storm, SHARDS)]);
}

// Of a server that goes away for a moment, and of a disk that cannot be read.
static void fail_loads(struct storm *storm, int at) {
    enum pawl_err why = below(storm, 2) ? PAWL_E_UNAVAILABLE : PAWL_E_IO;
    kit_fail_loads(&storm->fleet.kits[at], 1 + (int)below(storm, LOADS), why);
}

static void trouble(struct storm *storm) {
    int at = (int)below(storm, DAEMONS);
    struct fleet_end *end = &storm->fleet.ends[at];
    int64_t now = pawl__clock_steady();
    if (now < storm->until[at]) return;
    end->cut = end->stops = false;
    switch (below(storm, 60)) {
    case 0:
        end->stops = true; // for longer than its lease
        storm->until[at] = now + 5500 * PAWL_MILLISECOND;
        break;
    case 1:
    case 2:
        end->stops = true;
        storm->until[at] = now + below(storm, 300) * PAWL_MILLISECOND;
        break;
    case 3:
    case 4:
    case 5:
        end->cut = true;
        storm->until[at] = now + below(storm, 500) * PAWL_MILLISECOND;
        break;
    case 6:
    case 7: worker_detach(&storm->workers[at]); break;
    case 8: kit_fail_commit(&storm->fleet.kits[at], GATE_FAILS_BEFORE); break;
    case 9: kit_fail_commit(&storm->fleet.kits[at], GATE_FAILS_AFTER); break;
    case 10: give_a_shard(storm, at); break;
    case 11:
    case 12: fail_loads(storm, at); break;
    default: break;
    }
}

// Whether a daemon has not slept for as long as it should.
static bool sleeps_on(const struct storm *storm) {
    bool on = false;
    for (int i = 0; i < DAEMONS; i++)
        on = on || (storm->fleet.ends[i].stops && pawl__clock_steady() < storm->until[i]);
    return on;
}

static void calm_down(struct storm *storm) {
    storm->calm = true;
    for (int i = 0; i < DAEMONS; i++) {
        storm->fleet.ends[i].cut = storm->fleet.ends[i].stops = false;
        kit_fail_commit(&storm->fleet.kits[i], GATE_WELL);
        kit_fail_loads(&storm->fleet.kits[i], 0, PAWL_OK);
    }
}

static void storm_step(struct storm *storm) {
    patience_spend(&storm->patience);
    fleet_step(&storm->fleet);
    check_ceilings(storm);
    give_up(storm);
    for (int i = 0; i < DAEMONS; i++) {
        if (storm->calm || !below(storm, i == 2 ? 200 : 20)) worker_attach(&storm->workers[i]);
        worker_step(&storm->workers[i]);
    }
    uv_sleep(1);
}

// --- at the end ---------------------------------------------------------------------------------

// Waits for |call| in the calm.
static void await(struct storm *storm, const struct storm_call *call, const char *what) {
    int64_t end = storm->patience.spent + CALM_SECONDS * PAWL_SECOND;
    while (!call->done) {
        if (storm->patience.spent > end) broken("every_call_is_answered_once", "%s", what);
        storm_step(storm);
    }
}

static int32_t status_of(struct storm *storm, const char *id) {
    struct storm_call call = {.storm = storm, .parent = -1, .activity_of = -1};
    pawl__look_init(&call.look, pawl__str(id), PAWL_WAIT_NOT, &storm->fleet.kits[0].arena);
    call_begin(&call, 0);
    await(storm, &call, "a look in the calm");
    return !call.error.code && call.look.view.exists ? call.look.view.status : -1;
}

// Until all that was begun has ended.
static void check_ends(struct storm *storm) {
    int64_t end = storm->patience.spent + CALM_SECONDS * PAWL_SECOND;
    char id[16];
    for (int i = 0; i < PARENTS; i++) {
        snprintf(id, sizeof id, "p%d", i);
        while (status_of(storm, id) != STATUS(COMPLETED)) {
            if (storm->patience.spent > end)
                broken("no_work_starves", "%s has not ended; daemons lend %zu, %zu, %zu", id,
                       storm->fleet.kits[0].node->dispatch.lent,
                       storm->fleet.kits[1].node->dispatch.lent,
                       storm->fleet.kits[2].node->dispatch.lent);
            storm_step(storm);
        }
    }
}

// NULL: there is none.
static const Pb__WorkflowRequest *history_of(struct storm *storm, const char *id) {
    struct kit *kit = &storm->fleet.kits[0];
    struct storm_call call;
    do {
        call = (struct storm_call){.storm = storm, .parent = -1, .activity_of = -1};
        pawl__read_history_init(&call.history, pawl__str(id), &kit->arena);
        call_begin(&call, 0);
        await(storm, &call, "a history in the calm");
    } while (call.error.code == PAWL_E_UNAVAILABLE);
    if (call.error.code) return NULL;
    return pawl__wire_unpack(&kit->arena, &pb__workflow_request__descriptor, call.history.history,
                             NULL);
}

// What the collector |at| has, as its inbox is taken by turns. True: all that should be there is.
static bool check_collector(struct storm *storm, int at) {
    char id[16];
    int seen[PARENTS] = {0}, all = 0;
    snprintf(id, sizeof id, "z%d", at);
    const Pb__WorkflowRequest *history = history_of(storm, id);
    if (!history) return false;
    for (size_t i = 0; i < history->n_pastevents; i++) {
        const Pb__HistoryEvent *event = history->pastevents[i];
        int parent = 0, number = 0;
        if (event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED) continue;
        if (sscanf(event->eventraised->input->value, "p%d:%d", &parent, &number) != 2) continue;
        if (number < seen[parent])
            broken("a_message_has_its_effect_once", "event %d of p%d is in %s again", number,
                   parent, id);
        if (number > seen[parent])
            broken("messages_arrive_in_order", "event %d of p%d is in %s before %d", number, parent,
                   id, seen[parent]);
        seen[parent]++;
        all++;
    }
    return all == EVENTS * (PARENTS / COLLECTORS);
}

static void check_children(struct storm *storm) {
    char id[16];
    for (int i = 0; i < PARENTS * CHILDREN; i++) {
        size_t began = 0, ended = 0;
        snprintf(id, sizeof id, "p%dc%d", i / CHILDREN, i % CHILDREN);
        const Pb__WorkflowRequest *history = history_of(storm, id);
        for (size_t k = 0; history && k < history->n_pastevents; k++) {
            began += history->pastevents[k]->event_type_case ==
                     PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED;
            ended += history->pastevents[k]->event_type_case ==
                     PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED;
        }
        if (began != 1 || ended != TASKS)
            broken("a_message_has_its_effect_once",
                   "%s was started %zu times, its %d activities ended %zu times", id, began, TASKS,
                   ended);
    }
}

static void check_all(struct storm *storm) {
    check_ends(storm);
    int64_t end = storm->patience.spent + CALM_SECONDS * PAWL_SECOND;
    for (int i = 0; i < COLLECTORS; i++)
        while (!check_collector(storm, i)) {
            if (storm->patience.spent > end)
                broken("a_message_has_its_effect_once", "events for z%d are lost", i);
            storm_step(storm);
        }
    check_children(storm);
    for (size_t i = 0; i < storm->call_count; i++)
        await(storm, &storm->calls[i], "one of the troubles is not answered");
}

// --- a world ------------------------------------------------------------------------------------

// Again when it fails, as on a machine that stands still for longer than leases last.
static void begin_all(struct storm *storm) {
    for (int i = 0; i < COLLECTORS; i++) {
        const struct storm_call *call;
        do {
            call = &storm->calls[storm->call_count];
            start_parent(storm, -i - 1, 0);
            await(storm, call, "a first start");
        } while (call->error.code && call->error.code != PAWL_E_EXISTS);
    }
}

// Until the activities of all are there, and some have run: what is in hand then is what troubles
// meet.
static void get_going(struct storm *storm) {
    int64_t end = storm->patience.spent + CALM_SECONDS * PAWL_SECOND;
    for (int i = 0; i < PARENTS; i++) start_parent(storm, i, i % DAEMONS);
    unsigned acked;
    do {
        if (storm->patience.spent > end) broken("no_work_starves", "nothing runs in the calm");
        storm_step(storm);
        acked = 0;
        for (size_t i = 0; i < PARENTS * CHILDREN * TASKS; i++) acked += storm->acked[i];
    } while (acked < GOING);
}

static void storm_world(uint64_t seed) {
    struct storm *storm = calloc(1, sizeof *storm);
    storm->random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    storm->fleet.fate = storm_fate;
    storm->fleet.committed = storm_committed;
    storm->fleet.served = storm_served;
    storm->fleet.ceilings = storm_ceilings; // in every second world
    if (seed % 2 == 0) storm->fleet.ceiling_count = sizeof storm_ceilings / sizeof *storm_ceilings;
    storm->fleet.max_message[1] = SMALL;
    storm->fleet.is_server = seed % 4 < 2; // it reads instances together
    storm->calm = true;
    fleet_init(&storm->fleet, DAEMONS, SHARDS, storm->idle);
    for (int i = 0; i < DAEMONS; i++) {
        storm->workers[i].storm = storm;
        storm->workers[i].at = -1;
        worker_attach(&storm->workers[i]);
        kit_detach(&storm->fleet.kits[i], &storm->idle[i]);
    }
    begin_all(storm);
    if (seed % 3) get_going(storm);
    storm->calm = false;
    int64_t end = pawl__clock_steady() + TROUBLE_MS * PAWL_MILLISECOND;
    for (unsigned step = 0; pawl__clock_steady() < end || sleeps_on(storm); step++) {
        int parent = (int)below(storm, PARENTS), at = (int)below(storm, DAEMONS);
        bool may = !storm->started[parent] && !storm->fleet.ends[at].stops;
        if (step % 16 == 0 && may && storm->call_count < CALLS / 2) start_parent(storm, parent, at);
        if (step % 4 == 0 && pawl__clock_steady() < end) trouble(storm);
        storm_step(storm);
    }
    calm_down(storm);
    for (int i = 0; i < PARENTS; i++)
        while (!storm->started[i]) {
            size_t at = storm->call_count;
            start_parent(storm, i, 0);
            await(storm, &storm->calls[at], "a start in the calm");
        }
    check_all(storm);
    for (int i = 0; i < DAEMONS; i++) worker_detach(&storm->workers[i]);
    fleet_finish(&storm->fleet);
    free(storm);
}

int main(int argc, char **argv) {
    return run_worlds(argc, argv, storm_world);
}
