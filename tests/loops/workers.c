// Workers: each has a connection for its stream of work, and one for answers. A parent "p<n>"
// starts children "p<n>c<k>" in other shards, and ends when they have; a child runs activities.

#include <stdlib.h>

#include "engine/events.h"
#include "loops.h"
#include "wire/pack.h"
#include "wire/unpack.h"

struct worker_item {
    char id[32], token[40];
    int32_t task;
    bool turn;
    char act; // of a turn: 'b' begins, 'e' ends, '-' nothing
    int64_t until;
    int64_t given_at;
};

struct worker {
    struct pawl_worker base;
    unsigned number;
    struct connection *stream, *answers;
    struct loop *at; // where its stream is; NULL: nowhere
    int64_t next;    // when it acts
    struct worker_item items[ITEMS];
    size_t count;
};

static struct worker workers[WORKERS];

// --- what it is given ----------------------------------------------------------------------------

static const char *const worker_has[WORKERS][2][3] = { // activities, workflows
    {{NULL}, {"Parent", NULL}},
    {{NULL}, {"Child", NULL}},
    {{"work", NULL}, {"Child", NULL}}};

static const char *worker_names(const struct pawl_worker *base, bool turn, size_t *at) {
    const struct worker *worker = PAWL_CONTAINER(base, const struct worker, base);
    // Worker 1 has then what worker 2 has: what one does not do, the other one does.
    unsigned number = worker->number == 1 && world.sleepy ? 2 : worker->number;
    return worker_has[number][turn][(*at)++];
}

static bool worker_serves(const struct pawl_worker *base, bool turn, struct pawl_str name) {
    size_t at = 0;
    for (const char *one; (one = worker_names(base, turn, &at));)
        if (pawl__str_equal(pawl__str(one), name)) return true;
    return false;
}

static int activity_of(const char *id, int32_t task) {
    int parent, child;
    if (sscanf(id, "p%dc%d", &parent, &child) != 2 || task < 0 || task >= TASKS)
        broken("a_message_has_its_effect_once", "%s has an activity %d", id, (int)task);
    return (parent * CHILDREN + child) * TASKS + task;
}

static char worker_decide(const Pb__WorkflowRequest *turn) {
    size_t begun = 0, ended = 0;
    for (int list = 0; list < 2; list++) {
        Pb__HistoryEvent **events = list ? turn->newevents : turn->pastevents;
        for (size_t i = 0; i < (list ? turn->n_newevents : turn->n_pastevents); i++) {
            int type = (int)events[i]->event_type_case;
            begun += type == PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED ||
                     type == PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED;
            ended += type == PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED ||
                     type == PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED;
        }
    }
    bool child = strchr(turn->instanceid, 'c');
    return !begun ? 'b' : ended == (child ? TASKS : CHILDREN) ? 'e' : '-';
}

static void worker_check_activity(const struct worker_item *item) {
    int number = activity_of(item->id, item->task);
    if (world.acked[number])
        broken("acknowledged_result_never_runs_again", "activity %d of %s", (int)item->task,
               item->id);
    if (world.given_at[number] && is_settled(world.given_at[number]))
        broken("work_is_with_one_worker", "activity %d of %s is given again", (int)item->task,
               item->id);
    world.given_at[number] = world.now;
}

static bool worker_deliver(struct pawl_worker *base, struct pawl_str bytes) {
    struct worker *worker = PAWL_CONTAINER(base, struct worker, base);
    struct pawl_arena arena = {0};
    if (world.at != worker->at)
        broken("a_loop_touches_only_its_own", "worker %u is given work on another loop",
               worker->number);
    const Pb__WorkItem *work = pawl__wire_unpack(&arena, &pb__work_item__descriptor, bytes, NULL);
    if (!work || worker->count == ITEMS) abort();
    struct worker_item *item = &worker->items[worker->count++];
    *item =
        (struct worker_item){.turn = work->request_case == PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST,
                             .given_at = world.now,
                             .until = world.now + below(40) * PAWL_MILLISECOND};
    snprintf(item->token, sizeof item->token, "%s", work->completiontoken);
    if (item->turn) {
        snprintf(item->id, sizeof item->id, "%s", work->workflowrequest->instanceid);
        item->act = worker_decide(work->workflowrequest);
    } else {
        snprintf(item->id, sizeof item->id, "%s",
                 work->activityrequest->workflowinstance->instanceid);
        item->task = work->activityrequest->taskid;
    }
    say("worker %u at loop %zu is given %s of %s", worker->number, worker->at->index,
        item->turn ? "a turn" : "an activity", item->id);
    if (!item->turn) worker_check_activity(item);
    pawl__arena_finish(&arena);
    if (item->until < worker->next) worker->next = item->until;
    return true;
}

// --- coming and going ----------------------------------------------------------------------------

static void worker_detach(struct worker *worker) {
    struct loop *loop = worker->at;
    if (!loop) return;
    say("worker %u leaves loop %zu with %zu items", worker->number, loop->index, worker->count);
    worker->at = NULL;
    upset();
    pawl__dispatch_detach(&loop->node->dispatch, &worker->base);
}

static void worker_reset(struct pawl_worker *base) {
    struct worker *worker = PAWL_CONTAINER(base, struct worker, base);
    worker_detach(worker);
    worker->count = 0;
}

static void worker_attach(struct worker *worker) {
    worker->at = worker->stream->loop;
    worker->count = 0;
    worker->base = (struct pawl_worker){
        .deliver = worker_deliver, .reset = worker_reset, .limit = 1 + below(LIMIT)};
    if (world.seed % 4) { // else none says what it serves
        worker->base.serves = worker_serves;
        worker->base.names = worker_names;
    }
    upset();
    say("worker %u comes to loop %zu", worker->number, worker->at->index);
    pawl__dispatch_attach(&worker->at->node->dispatch, &worker->base);
}

bool workers_work_elsewhere(const struct loop *one, const struct loop *other) {
    for (unsigned i = 0; i < WORKERS; i++)
        if (workers[i].at && workers[i].at != one && workers[i].at != other &&
            worker_serves(&workers[i].base, false, PAWL_STR("work")))
            return true;
    return false;
}

void workers_end_streams(struct loop *loop) {
    for (unsigned i = 0; i < WORKERS; i++)
        if (workers[i].at == loop) worker_detach(&workers[i]);
}

// Whether something can be done on |connection|; begins its turn then.
static bool worker_at(const struct connection *connection) {
    if (connection->state != CONNECTION_HERE || !schedule_is_free(connection->loop)) return false;
    world.at = connection->loop;
    return true;
}

void worker_trouble(void) {
    struct worker *worker = &workers[below(WORKERS)];
    unsigned kind = below(4); // 0, 1: all of it; 2: the stream; 3: answers
    bool stream = kind != 3 && worker_at(worker->stream);
    upset();
    if (stream) {
        worker_detach(worker);
        process_hang_up(worker->stream);
    }
    if (kind != 2 && worker_at(worker->answers)) process_hang_up(worker->answers);
    if (stream && kind < 2) worker->count = 0; // it has ended
    if (stream) worker->next = world.now + below(500) * PAWL_MILLISECOND;
}

// --- answers -------------------------------------------------------------------------------------

static void *worker_new(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(arena, type->sizeof_message);
    if (!message) abort();
    type->message_init(message);
    return message;
}

static Pb__WorkflowAction *worker_action(struct pawl_arena *arena, int32_t id, int kind) {
    Pb__WorkflowAction *action = worker_new(arena, &pb__workflow_action__descriptor);
    action->id = id;
    action->workflow_action_type_case = kind;
    return action;
}

static Pb__WorkflowAction *worker_child(struct pawl_arena *arena, int k, const char *parent) {
    Pb__WorkflowAction *action =
        worker_action(arena, k, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW);
    action->createchildworkflow = worker_new(arena, &pb__create_child_workflow_action__descriptor);
    action->createchildworkflow->name = "Child";
    action->createchildworkflow->instanceid = pawl__arena_format(arena, "%sc%d", parent, k);
    return action;
}

static Pb__WorkflowAction *worker_task(struct pawl_arena *arena, int k) {
    Pb__WorkflowAction *action =
        worker_action(arena, k, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK);
    action->scheduletask = worker_new(arena, &pb__schedule_task_action__descriptor);
    action->scheduletask->name = "work";
    return action;
}

static Pb__WorkflowAction *worker_complete(struct pawl_arena *arena, int32_t id) {
    Pb__WorkflowAction *action =
        worker_action(arena, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW);
    action->completeworkflow = worker_new(arena, &pb__complete_workflow_action__descriptor);
    action->completeworkflow->workflowstatus =
        PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED;
    return action;
}

static Pb__WorkflowResponse *worker_response(struct pawl_arena *arena,
                                             const struct worker_item *item) {
    Pb__WorkflowResponse *response = worker_new(arena, &pb__workflow_response__descriptor);
    bool child = strchr(item->id, 'c');
    int most = child ? TASKS : CHILDREN;
    response->instanceid = pawl__arena_dup(arena, pawl__str(item->id));
    response->completiontoken = pawl__arena_dup(arena, pawl__str(item->token));
    response->actions = pawl__arena_alloc(arena, (size_t)most * sizeof *response->actions);
    if (item->act == 'e') response->actions[response->n_actions++] = worker_complete(arena, most);
    for (int k = 0; item->act == 'b' && k < most; k++)
        response->actions[response->n_actions++] =
            child ? worker_task(arena, k) : worker_child(arena, k, item->id);
    return response;
}

static void worker_on_answered(struct call *call, const struct pawl_error *error) {
    const struct worker *worker = call->person;
    say("worker %u: its answer is %s", worker->number, error ? error->text : "taken");
    if (!error && call->number >= 0) world.acked[call->number] = true;
    if (error && error->code != PAWL_E_CANCELED && is_settled(call->given_at))
        broken("an_answer_finds_its_work", "worker %u: %s", worker->number, error->text);
}

static void worker_answer(struct worker *worker, struct connection *connection,
                          const struct worker_item *item) {
    struct call *call = call_new(connection, worker, worker_on_answered);
    struct pawl_arena *arena = &call->arena;
    struct pawl_dispatch *dispatch = &connection->loop->node->dispatch;
    struct pawl_str bytes;
    call->given_at = item->given_at;
    if (item->turn) {
        const Pb__WorkflowResponse *response = worker_response(arena, item);
        bytes = pawl__wire_pack(arena, &response->base);
        pawl__turn_result_init(&call->turn, dispatch,
                               pawl__wire_unpack(arena, response->base.descriptor, bytes, NULL),
                               bytes);
    } else {
        Pb__ActivityResponse *response = worker_new(arena, &pb__activity_response__descriptor);
        response->instanceid = pawl__arena_dup(arena, pawl__str(item->id));
        response->completiontoken = pawl__arena_dup(arena, pawl__str(item->token));
        response->taskid = item->task;
        bytes = pawl__wire_pack(arena, &response->base);
        pawl__activity_result_init(&call->activity, dispatch, response);
        call->number = activity_of(item->id, item->task);
    }
    say("worker %u answers %s at loop %zu", worker->number, item->id, connection->loop->index);
    call_begin_answer(call, bytes);
}

// Answers one that it is done with. False: there is none, or no way.
static bool worker_answers(struct worker *worker) {
    struct connection *connection = below(2) ? worker->stream : worker->answers;
    for (size_t i = 0; i < worker->count; i++) {
        struct worker_item item = worker->items[i];
        if (item.until > world.now) continue;
        if (!worker_at(connection) || connection->loop->state != LOOP_UP) return false;
        worker->items[i] = worker->items[--worker->count];
        worker_answer(worker, connection, &item);
        if (!world.calm && !world.quiet && connection == worker->answers && !below(30)) {
            upset();
            process_hang_up(connection); // before it is told
        }
        return true;
    }
    return false;
}

// --- acting --------------------------------------------------------------------------------------

void workers_act(unsigned number) {
    struct worker *worker = &workers[number];
    worker->next = world.now + PAWL_MILLISECOND + below(20) * PAWL_MILLISECOND;
    struct connection *both[2] = {worker->stream, worker->answers};
    for (int i = 0; i < 2; i++)
        if (both[i]->state == CONNECTION_NONE) {
            process_connect(both[i]);
            return;
        }
    if (!worker->at) {
        if (worker_at(worker->stream) && worker->stream->loop->state == LOOP_UP)
            worker_attach(worker);
    } else if (worker_answers(worker)) {
        worker->next = world.now + below(3) * PAWL_MILLISECOND;
    }
}

int64_t workers_next(unsigned number) {
    return workers[number].next;
}

void workers_begin(void) {
    for (unsigned i = 0; i < WORKERS; i++)
        workers[i] = (struct worker){.number = i,
                                     .stream = &world.connections[2 * i],
                                     .answers = &world.connections[2 * i + 1]};
}
