#include "sdk/worker.h"

#include <stdlib.h>

#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

enum {
    ITEM_TURN = 1, // fields of WorkItem
    ITEM_ACTIVITY = 2,
    ITEM_TOKEN = 10,
    TURN_ID = 1, // and of WorkflowRequest
    TURN_EXECUTION = 2,
    TURN_PAST = 3,
    TURN_NEW = 4,
    TURN_PROPAGATED = 8,
    TURN_KEPT = 9,
    EVENT_TIMESTAMP = 2, // and of HistoryEvent
};

struct item {
    struct pawl_link link;
    size_t len;
    char bytes[];
};

// A workflow at rest, and where in its history it stands.
struct warm {
    struct pawl_link link;
    struct pawl_workflow *wf;
    size_t answers;      // that still point into its memory
    bool dropped;        // it goes when they are done
    size_t turn_at;      // index of the event that its last turn began with
    size_t turn_count;   // events that it was given then
    size_t action_count; // events that its answer leads to
    char began[24];      // that first event's timestamp, which no other has
    size_t began_len;
};

struct turn_item {
    struct pawl_str id, execution_id, token, bytes, propagated;
    size_t kept;        // events of the past that are not sent, as they were sent before
    size_t past, fresh; // events that are
};

// A turn whose history has to be asked for, as the workflow is not warm any more.
struct cold_turn {
    struct pawl_op op;
    struct pawl_sdk_worker *worker;
    Pb__GetInstanceHistoryRequest request;
    struct turn_item turn; // a copy, in the arena of |op|
};

// The answer to a turn or an activity.
struct answer {
    struct pawl_op op;
    struct pawl_sdk_worker *worker;
    struct warm *warm;
    struct pawl_activity_run *run;
    Pb__WorkflowResponse turn;
    Pb__CompleteWorkflowAction complete; // of an answer that was too large
    bool is_second;
};

static void worker_check_rest(struct pawl_sdk_worker *worker);
static void worker_on_idle(uv_idle_t *idle);

// --- losing and regaining ------------------------------------------------------------------------

static void warm_release(struct warm *warm) {
    if (warm->answers || !warm->dropped) return;
    pawl__execution_destroy(warm->wf);
    free(warm);
}

static void warm_drop(struct pawl_sdk_worker *worker, struct warm *warm) {
    if (warm->dropped) return;
    pawl__map_remove(&worker->warm, pawl__str(warm->wf->id));
    pawl__list_remove(&warm->link);
    warm->dropped = true;
    warm_release(warm);
}

static void worker_on_again(uv_timer_t *timer) {
    struct pawl_sdk_worker *worker = timer->data;
    if (!worker->resting) worker->transport->ops->work(worker->transport, &worker->ask);
}

// What could not be done for want of memory is asked for again.
static void worker_ask_again(struct pawl_sdk_worker *worker) {
    pawl__log(worker->log, PAWL_LOG_ERROR, "pawl.worker",
              "out of memory: work is put off, and asked for again");
    if (!worker->resting) uv_timer_start(&worker->again, worker_on_again, 200, 0);
}

// --- answers ------------------------------------------------------------------------------------

// NULL when memory is out. Lives in the arena of its call.
static struct answer *answer_create(struct pawl_sdk_worker *worker) {
    struct pawl_arena arena = pawl__arena_take(&worker->arenas);
    struct answer *answer = pawl__arena_alloc(&arena, sizeof *answer);
    if (!answer) {
        pawl__arena_give(&worker->arenas, arena);
        return NULL;
    }
    answer->worker = worker;
    answer->warm = NULL;
    answer->run = NULL;
    answer->is_second = false;
    answer->op.arena = arena;
    worker->answers++;
    return answer;
}

static void answer_free(struct answer *answer) {
    struct pawl_sdk_worker *worker = answer->worker;
    if (answer->warm) {
        answer->warm->answers--;
        warm_release(answer->warm);
    }
    if (answer->run) pawl__arena_give(&worker->arenas, answer->run->arena);
    pawl__arena_give(&worker->arenas, answer->op.arena);
    worker->answers--;
    worker_check_rest(worker);
}

// An answer that does not fit a message would be given again and again: the failure is told
// instead.
static bool answer_shorten(struct answer *answer) {
    static const char text[] = "the result is larger than a message to the daemon may be: see its "
                               "flag --max-body-size";
    Pb__TaskFailureDetails *details = pawl__arena_alloc(&answer->op.arena, sizeof *details);
    Pb__WorkflowAction *action = pawl__arena_alloc(&answer->op.arena, sizeof *action);
    if (!details || !action || answer->is_second) return false;
    answer->is_second = true;
    pb__task_failure_details__init(details);
    details->errortype = "PayloadTooLarge";
    details->errormessage = (char *)text;
    if (answer->run) {
        Pb__ActivityResponse *response = (Pb__ActivityResponse *)(uintptr_t)answer->op.request;
        response->result = NULL;
        response->failuredetails = details;
        return true;
    }
    pb__complete_workflow_action__init(&answer->complete);
    answer->complete.workflowstatus = PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_FAILED;
    answer->complete.failuredetails = details;
    pb__workflow_action__init(action);
    action->id = answer->warm->wf->next_id;
    action->workflow_action_type_case = PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW;
    action->completeworkflow = &answer->complete;
    answer->turn.actions[0] = action; // there is room for one more than there were
    answer->turn.n_actions = 1;
    return true;
}

static void answer_done(struct pawl_op *op) {
    struct answer *answer = op->data;
    struct pawl_sdk_worker *worker = answer->worker;
    if (op->error.code) {
        worker->lost = worker->resting;
        pawl__log(worker->log, PAWL_LOG_WARN, "pawl.worker",
                  "the result of %s '%s' (instance '%s') was not taken: %s",
                  answer->run ? "activity" : "a turn of workflow",
                  answer->run ? answer->run->activity.name : answer->warm->wf->name,
                  answer->run ? answer->run->activity.instance_id : answer->warm->wf->id,
                  op->error.text);
        if (op->error.code == PAWL_E_TOO_LARGE && answer_shorten(answer)) {
            worker->transport->ops->call(worker->transport, op);
            return;
        }
    }
    answer_free(answer);
}

static void answer_send(struct pawl_sdk_worker *worker, struct answer *answer,
                        enum pawl_taskhub_method method, const ProtobufCMessage *request) {
    answer->op.method = &pawl__methods[method];
    answer->op.request = request;
    answer->op.done = answer_done;
    answer->op.data = answer;
    worker->transport->ops->call(worker->transport, &answer->op);
}

// --- turns --------------------------------------------------------------------------------------

// Reads what a turn is about. The item has been checked, or is of this process.
static bool turn_read(struct pawl_str bytes, struct turn_item *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        switch (field.number) {
        case TURN_ID: out->id = field.bytes; break;
        case TURN_EXECUTION: {
            struct pawl_pb_reader value = pawl__pb_reader(field.bytes);
            struct pawl_pb_field inner;
            if (pawl__pb_next(&value, &inner)) out->execution_id = inner.bytes;
            break;
        }
        case TURN_PAST: out->past++; break;
        case TURN_NEW: out->fresh++; break;
        case TURN_PROPAGATED: out->propagated = field.bytes; break;
        case TURN_KEPT: {
            struct pawl_pb_field count = {0};
            pawl__pb_find(field.bytes, 1, &count);
            out->kept = count.value;
            break;
        }
        default: break;
        }
    }
    out->bytes = bytes;
    return reader.at == reader.end && out->id.len;
}

// The turn's next event, of the past or new; false at the end.
static bool turn_next(struct pawl_pb_reader *reader, unsigned number, struct pawl_str *out) {
    struct pawl_pb_field field;
    while (pawl__pb_next(reader, &field)) {
        if (field.number != number) continue;
        *out = field.bytes;
        return true;
    }
    return false;
}

static void turn_feed(struct pawl_workflow *wf, struct pawl_str bytes, bool past) {
    if (wf->nomem || wf->unavailable) return;
    const Pb__HistoryEvent *event =
        pawl__wire_decode(&wf->arena, &pb__history_event__descriptor, bytes);
    if (event)
        pawl__execution_feed(wf, event, past);
    else
        wf->nomem = true;
}

// The encoded timestamp of an event.
static struct pawl_str turn_stamp(struct pawl_str event) {
    struct pawl_pb_reader reader = pawl__pb_reader(event);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field))
        if (field.number == EVENT_TIMESTAMP) return field.bytes;
    return (struct pawl_str){NULL, 0};
}

// Whether the history is the one that |warm| has gone through, with its last answer behind it.
static bool warm_fits(const struct warm *warm, const struct turn_item *turn) {
    const struct pawl_workflow *wf = warm->wf;
    if (!pawl__str_equal(pawl__str(wf->execution_id), turn->execution_id)) return false;
    if (turn->kept + turn->past != warm->turn_at + warm->turn_count + warm->action_count ||
        turn->kept > warm->turn_at)
        return false;
    struct pawl_pb_reader reader = pawl__pb_reader(turn->bytes);
    struct pawl_str bytes = {NULL, 0};
    for (size_t i = turn->kept; i <= warm->turn_at; i++)
        if (!turn_next(&reader, TURN_PAST, &bytes)) return false;
    struct pawl_str began = turn_stamp(bytes);
    return pawl__str_equal(began, (struct pawl_str){warm->began, warm->began_len});
}

// The workflow of |turn|, if it is warm: it then knows the history up to its own last actions.
static struct warm *warm_find(struct pawl_sdk_worker *worker, const struct turn_item *turn) {
    struct warm *warm = pawl__map_get(&worker->warm, turn->id);
    if (!warm) return NULL;
    if (!warm_fits(warm, turn)) {
        warm_drop(worker, warm);
        return NULL;
    }
    pawl__list_remove(&warm->link);
    pawl__list_add(&worker->recent, &warm->link);
    return warm;
}

// Keeps what |turn| brings of the caller's history, which is the same in each. False: memory is
// out.
static bool warm_note_caller(struct warm *warm, const struct turn_item *turn) {
    if (!turn->propagated.len) return true;
    const char *copy = pawl__arena_dup(&warm->wf->arena, turn->propagated);
    warm->wf->propagated = (struct pawl_str){copy, turn->propagated.len};
    return copy;
}

// A run that knows nothing yet. NULL when memory is out.
static struct warm *warm_create(struct pawl_sdk_worker *worker, const struct turn_item *turn) {
    struct warm *warm = calloc(1, sizeof *warm);
    if (warm) warm->wf = pawl__execution_create(&worker->host, turn->id, turn->execution_id);
    if (!warm || !warm->wf || !warm_note_caller(warm, turn) ||
        !pawl__map_put(&worker->warm, pawl__str(warm->wf->id), warm)) {
        if (warm) pawl__execution_destroy(warm->wf);
        free(warm);
        return NULL;
    }
    pawl__link_init(&warm->link);
    pawl__list_add(&worker->recent, &warm->link);
    return warm;
}

static void turn_answer(struct pawl_sdk_worker *worker, struct warm *warm,
                        const struct turn_item *turn) {
    struct pawl_workflow *wf = warm->wf;
    struct answer *answer = answer_create(worker);
    if (!answer) goto nomem;
    pb__workflow_response__init(&answer->turn);
    if (!pawl__execution_answer(wf, &answer->op.arena, &answer->turn)) goto nomem;
    answer->turn.completiontoken = pawl__arena_dup(&answer->op.arena, turn->token);
    if (!answer->turn.completiontoken) goto nomem;
    warm->turn_at = turn->kept + turn->past;
    warm->turn_count = turn->fresh;
    warm->action_count = answer->turn.n_actions;
    bool over = wf->unavailable || (wf->completed && !wf->suspended);
    if (wf->unavailable)
        pawl__log(worker->log, PAWL_LOG_ERROR, "pawl.worker",
                  "%s; it waits, STALLED, until the right code is there", wf->why);
    answer->warm = warm;
    warm->answers++;
    if (over) warm_drop(worker, warm);
    answer_send(worker, answer, PAWL_TASKHUB_COMPLETE_TURN, &answer->turn.base);
    while (worker->warm.len > worker->warm_limit)
        warm_drop(worker, PAWL_CONTAINER(worker->recent.next, struct warm, link));
    return;
nomem:
    if (answer) answer_free(answer);
    warm_drop(worker, warm);
    worker_ask_again(worker);
}

// Runs a turn, of whose past |warm| knows |known| events.
static void turn_run(struct pawl_sdk_worker *worker, struct warm *warm,
                     const struct turn_item *turn, size_t known) {
    struct pawl_pb_reader reader = pawl__pb_reader(turn->bytes);
    struct pawl_str event;
    for (size_t i = turn->kept; turn_next(&reader, TURN_PAST, &event); i++)
        if (i >= known) turn_feed(warm->wf, event, true);
    pawl__execution_check_past(warm->wf);
    reader = pawl__pb_reader(turn->bytes);
    for (size_t i = 0; turn_next(&reader, TURN_NEW, &event); i++) {
        if (i == 0) {
            struct pawl_str stamp = turn_stamp(event);
            warm->began_len = stamp.len <= sizeof warm->began ? stamp.len : 0;
            memcpy(warm->began, stamp.data, warm->began_len);
        }
        turn_feed(warm->wf, event, false);
    }
    if (warm->wf->nomem) {
        warm_drop(worker, warm);
        worker_ask_again(worker);
    } else {
        turn_answer(worker, warm, turn);
    }
}

// Replays what the worker was sent before, and runs the turn.
static void cold_run(struct cold_turn *cold, const Pb__GetInstanceHistoryResponse *history) {
    struct pawl_sdk_worker *worker = cold->worker;
    struct warm *warm = warm_create(worker, &cold->turn);
    if (!warm) {
        worker_ask_again(worker);
        return;
    }
    for (size_t i = 0; i < cold->turn.kept; i++) { // the run keeps its events in its own memory
        struct pawl_str bytes = pawl__wire_pack(&cold->op.arena, &history->events[i]->base);
        if (bytes.data)
            turn_feed(warm->wf, bytes, true);
        else
            warm->wf->nomem = true;
    }
    turn_run(worker, warm, &cold->turn, 0);
}

static void cold_done(struct pawl_op *op) {
    struct cold_turn *cold = op->data;
    struct pawl_sdk_worker *worker = cold->worker;
    const Pb__GetInstanceHistoryResponse *history = (const void *)op->response;
    bool is_there = !op->error.code && history->n_events >= cold->turn.kept;
    if (is_there && !worker->resting && !pawl__map_get(&worker->warm, cold->turn.id))
        cold_run(cold, history);
    else if (!is_there && !worker->resting)
        uv_timer_start(&worker->again, worker_on_again, 200, 0); // the whole is sent then
    pawl__arena_give(&worker->arenas, op->arena);
    worker->answers--;
    worker_check_rest(worker);
}

static void cold_begin(struct pawl_sdk_worker *worker, const struct turn_item *turn) {
    struct pawl_arena arena = pawl__arena_take(&worker->arenas);
    struct cold_turn *cold = pawl__arena_alloc(&arena, sizeof *cold);
    char *bytes = pawl__arena_dup(&arena, turn->bytes),
         *token = pawl__arena_dup(&arena, turn->token);
    char *id = pawl__arena_dup(&arena, turn->id);
    if (!cold || !bytes || !token || !id) {
        pawl__arena_give(&worker->arenas, arena);
        worker_ask_again(worker);
        return;
    }
    cold->worker = worker;
    cold->turn = (struct turn_item){.token = {token, turn->token.len}};
    turn_read((struct pawl_str){bytes, turn->bytes.len}, &cold->turn);
    pb__get_instance_history_request__init(&cold->request);
    cold->request.instanceid = id;
    cold->op.arena = arena;
    cold->op.method = &pawl__methods[PAWL_TASKHUB_HISTORY];
    cold->op.request = &cold->request.base;
    cold->op.done = cold_done;
    cold->op.data = cold;
    worker->answers++;
    worker->transport->ops->call(worker->transport, &cold->op);
}

static void worker_turn(struct pawl_sdk_worker *worker, struct pawl_str bytes,
                        struct pawl_str token) {
    struct turn_item turn = {.token = token};
    if (!turn_read(bytes, &turn)) return;
    struct warm *warm = warm_find(worker, &turn);
    if (warm) {
        turn_run(worker, warm, &turn, warm->turn_at + warm->turn_count);
    } else if (turn.kept) {
        cold_begin(worker, &turn);
    } else if ((warm = warm_create(worker, &turn))) {
        turn_run(worker, warm, &turn, 0);
    } else {
        worker_ask_again(worker);
    }
}

// --- activities ---------------------------------------------------------------------------------

static struct pawl_activity_run *worker_activity(struct pawl_sdk_worker *worker,
                                                 struct pawl_str bytes, struct pawl_str token) {
    struct pawl_arena arena = pawl__arena_take(&worker->arenas);
    const Pb__ActivityRequest *request =
        pawl__wire_decode(&arena, &pb__activity_request__descriptor, bytes);
    struct pawl_activity_run *run =
        request ? pawl__activity_run_create(&arena, request, token) : NULL;
    if (!run) {
        pawl__arena_give(&worker->arenas, arena);
        worker_ask_again(worker);
        return NULL;
    }
    run->pool = &worker->pool;
    run->activity.pawl = worker->pawl;
    run->entry = pawl__registry_activity(worker->host.registry, run->activity.name);
    return run;
}

// Tells the result of |run|, whose function has returned, and ends it.
static void worker_tell(struct pawl_sdk_worker *worker, struct pawl_activity_run *run) {
    bool put_back = run->err == PAWL_E_CANCELED && worker->resting;
    if (run->is_later || put_back) {
        pawl__arena_give(&worker->arenas, run->arena);
        return;
    }
    struct answer *answer = answer_create(worker);
    Pb__ActivityResponse *response = answer ? pawl__activity_run_answer(run) : NULL;
    if (!response) {
        if (answer) answer_free(answer);
        pawl__arena_give(&worker->arenas, run->arena);
        worker_ask_again(worker);
        return;
    }
    answer->run = run;
    answer_send(worker, answer, PAWL_TASKHUB_COMPLETE_ACTIVITY, &response->base);
}

static void worker_on_finished(struct pawl_job *job) {
    struct pawl_activity_run *run = PAWL_CONTAINER(job, struct pawl_activity_run, job);
    struct pawl_sdk_worker *worker = PAWL_CONTAINER(run->pool, struct pawl_sdk_worker, pool);
    worker_tell(worker, run);
    worker_check_rest(worker);
}

static void worker_add(struct pawl_activity_run *run, struct pawl_link *runs) {
    run->job.run = pawl__activity_execute_job;
    run->job.done = worker_on_finished;
    pawl__list_add(runs, &run->job.link);
}

static void worker_run_quick(struct pawl_sdk_worker *worker, struct pawl_activity_run *run) {
    const struct pawl_activity *activity = &run->activity;
    pawl__watch_enter(&worker->watch, "quick activity", activity->name, activity->instance_id,
                      activity->sequence_number);
    worker->in_quick = true;
    pawl__activity_execute(run);
    worker->in_quick = false;
    pawl__watch_leave(&worker->watch);
    worker_tell(worker, run);
}

// --- items --------------------------------------------------------------------------------------

void pawl__worker_take(struct pawl_sdk_worker *worker, struct pawl_str bytes) {
    if (!worker->working || worker->resting) return;
    struct item *item = malloc(sizeof *item + bytes.len);
    if (!item) {
        worker_ask_again(worker);
        return;
    }
    pawl__link_init(&item->link);
    item->len = bytes.len;
    memcpy(item->bytes, bytes.data, bytes.len);
    pawl__list_add(&worker->items, &item->link);
    // Not from here: the engine is in the middle of handing out.
    uv_idle_start(&worker->idle, worker_on_idle);
}

static void worker_on_idle(uv_idle_t *idle) {
    struct pawl_sdk_worker *worker = idle->data;
    struct pawl_link items, runs;
    uv_idle_stop(idle);
    pawl__link_init(&items);
    pawl__link_init(&runs);
    pawl__list_move(&items, &worker->items);
    for (struct pawl_link *link; (link = pawl__list_take(&items));) {
        struct item *item = PAWL_CONTAINER(link, struct item, link);
        struct pawl_pb_reader reader = pawl__pb_reader((struct pawl_str){item->bytes, item->len});
        struct pawl_pb_field field, body = {0};
        struct pawl_str token = {NULL, 0};
        while (pawl__pb_next(&reader, &field)) {
            if (field.number == ITEM_TOKEN) token = field.bytes;
            if (field.number == ITEM_TURN || field.number == ITEM_ACTIVITY) body = field;
        }
        if (body.number == ITEM_TURN && !worker->resting) {
            worker_turn(worker, body.bytes, token);
        } else if (body.number == ITEM_ACTIVITY && !worker->resting) {
            struct pawl_activity_run *run = worker_activity(worker, body.bytes, token);
            if (run && run->entry && run->entry->is_quick)
                worker_run_quick(worker, run);
            else if (run)
                worker_add(run, &runs);
        }
        free(item);
    }
    pawl__jobs_submit_all(&worker->pool.jobs, &runs);
    if (!worker->resting) worker->transport->ops->more(worker->transport);
}

// --- life ---------------------------------------------------------------------------------------

// Says which names there are to serve. False when memory is out.
static bool worker_name_all(struct pawl_sdk_worker *worker) {
    const struct pawl_registry *registry = worker->host.registry;
    size_t workflows = 0, activities = 0;
    for (const struct pawl_workflow_entry *at = registry->workflows; at; at = at->next) workflows++;
    for (const struct pawl_activity_entry *at = registry->activities; at; at = at->next)
        activities++;
    Pb__GetWorkItemsRequest *ask = &worker->ask;
    free(ask->workflows); // of a start that failed
    pb__get_work_items_request__init(ask);
    ask->workflows = calloc(workflows + activities + 1, sizeof *ask->workflows);
    if (!ask->workflows) return false;
    ask->activities = ask->workflows + workflows;
    static Pb__WorkerCapability capabilities[] = {
        PB__WORKER_CAPABILITY__WORKER_CAPABILITY_STATEFUL_HISTORY};
    ask->capabilities = capabilities;
    ask->n_capabilities = 1;
    for (const struct pawl_workflow_entry *at = registry->workflows; at; at = at->next)
        ask->workflows[ask->n_workflows++] = (char *)at->name;
    for (const struct pawl_activity_entry *at = registry->activities; at; at = at->next)
        ask->activities[ask->n_activities++] = (char *)at->name;
    return true;
}

enum pawl_err pawl__worker_start(struct pawl_sdk_worker *worker,
                                 const struct pawl_sdk_worker_options *options,
                                 struct pawl_error *error) {
    worker->host.registry = options->registry;
    if (!worker_name_all(worker)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    int err = pawl__watch_start(&worker->watch, options->blocked_after, options->log);
    if (err) return pawl__fail(error, PAWL_E_NOMEM, "cannot start a thread: %s", strerror(err));
    struct pawl_jobs *jobs = &worker->pool.jobs;
    err = options->lender ? pawl__jobs_borrow(jobs, options->loop, options->lender)
                          : pawl__jobs_start(jobs, options->loop, options->activity_threads);
    if (err) {
        pawl__watch_stop(&worker->watch);
        return pawl__fail(error, PAWL_E_NOMEM, "cannot start %zu threads for activities: %s",
                          options->activity_threads, uv_strerror(err));
    }
    pawl__coro_pool_init(&worker->host.coros, options->stack_size);
    worker->host.watch = &worker->watch;
    worker->host.log = worker->log = options->log;
    worker->transport = options->transport;
    worker->pawl = options->pawl;
    worker->warm_limit = options->warm_workflows;
    pawl__link_init(&worker->recent);
    pawl__link_init(&worker->items);
    uv_idle_init(options->loop, &worker->idle);
    uv_timer_init(options->loop, &worker->again);
    worker->idle.data = worker->again.data = worker;
    worker->working = true;
    worker->transport->ops->work(worker->transport, &worker->ask);
    return PAWL_OK;
}

static void worker_on_closed(void *arg) {
    struct pawl_sdk_worker *worker = arg;
    if (--worker->handles) return;
    void (*rested)(void *) = worker->rested;
    worker->rested = NULL;
    rested(worker->arg);
}

static void worker_on_handle_closed(uv_handle_t *handle) {
    worker_on_closed(handle->data);
}

static void worker_check_rest(struct pawl_sdk_worker *worker) {
    if (!worker->resting || worker->handles || worker->answers) return;
    if (worker->pool.jobs.out) return;
    worker->handles = 3;
    uv_close((uv_handle_t *)&worker->idle, worker_on_handle_closed);
    pawl__jobs_stop(&worker->pool.jobs, worker_on_closed, worker);
    uv_close((uv_handle_t *)&worker->again, worker_on_handle_closed);
}

void pawl__worker_rest(struct pawl_sdk_worker *worker, void (*rested)(void *arg), void *arg) {
    worker->rested = rested;
    worker->arg = arg;
    if (!worker->working) {
        rested(arg);
        return;
    }
    worker->resting = true;
    worker->transport->ops->rest(worker->transport);
    struct pawl_link dropped;
    pawl__link_init(&dropped);
    atomic_store(&worker->pool.canceled, true);
    pawl__jobs_drop(&worker->pool.jobs, &dropped);
    for (struct pawl_link *link; (link = pawl__list_take(&dropped));)
        pawl__arena_give(&worker->arenas,
                         PAWL_CONTAINER(link, struct pawl_activity_run, job.link)->arena);
    worker_check_rest(worker);
}

void pawl__worker_finish(struct pawl_sdk_worker *worker) {
    if (worker->working) {
        while (!pawl__list_empty(&worker->recent))
            warm_drop(worker, PAWL_CONTAINER(worker->recent.next, struct warm, link));
        for (struct pawl_link *link; (link = pawl__list_take(&worker->items));)
            free(PAWL_CONTAINER(link, struct item, link));
        pawl__map_finish(&worker->warm);
        pawl__arena_pool_finish(&worker->arenas);
        pawl__coro_pool_finish(&worker->host.coros);
        pawl__watch_stop(&worker->watch);
    }
    free(worker->ask.workflows);
}
