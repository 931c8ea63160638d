#include "sdk/worker.h"

#include <stdlib.h>

#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

enum {
    ITEM_TURN = 1, // fields of WorkItem
    ITEM_ACTIVITY = 2,
    ITEM_TOKEN = 10,
};

struct item {
    struct pawl_link link;
    size_t len;
    char bytes[];
};

// A turn whose history has to be asked for, as the workflow is not warm any more.
struct cold_turn {
    struct pawl_op op;
    struct pawl_sdk_worker *worker;
    Pb__GetInstanceHistoryRequest request;
    struct pawl_turn_item turn; // a copy, in the arena of |op|
};

// The answer to a turn or an activity.
struct answer {
    struct pawl_op op;
    struct pawl_sdk_worker *worker;
    struct pawl_warm *warm;
    struct pawl_activity_run *run;
    Pb__WorkflowResponse turn;
    Pb__CompleteWorkflowAction complete; // of an answer that was too large
    bool is_second;
};

static void worker_check_rest(struct pawl_sdk_worker *worker);
static void worker_on_idle(uv_idle_t *idle);

// --- losing and regaining ------------------------------------------------------------------------

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
        pawl__warm_release(answer->warm);
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
    Pb__TaskFailureDetails *details =
        pawl__wire_new(&answer->op.arena, &pb__task_failure_details__descriptor);
    Pb__WorkflowAction *action = pawl__arena_alloc(&answer->op.arena, sizeof *action);
    if (!details || !action || answer->is_second) return false;
    answer->is_second = true;
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

static void turn_answer(struct pawl_sdk_worker *worker, struct pawl_warm *warm,
                        const struct pawl_turn_item *turn) {
    struct pawl_workflow *wf = warm->wf;
    struct answer *answer = answer_create(worker);
    if (!answer) goto nomem;
    pb__workflow_response__init(&answer->turn);
    if (!pawl__execution_answer(wf, &answer->op.arena, &answer->turn)) goto nomem;
    answer->turn.completiontoken = pawl__arena_dup(&answer->op.arena, turn->token);
    if (!answer->turn.completiontoken) goto nomem;
    pawl__warm_answered(warm, turn, answer->turn.n_actions);
    bool over = wf->unavailable || (wf->completed && !wf->suspended);
    if (wf->unavailable)
        pawl__log(worker->log, PAWL_LOG_ERROR, "pawl.worker",
                  "%s; it waits, STALLED, until the right code is there", wf->why);
    answer->warm = warm;
    warm->answers++;
    if (over) pawl__warm_drop(&worker->warm, warm);
    answer_send(worker, answer, PAWL_TASKHUB_COMPLETE_TURN, &answer->turn.base);
    pawl__warm_trim(&worker->warm);
    return;
nomem:
    if (answer) answer_free(answer);
    pawl__warm_drop(&worker->warm, warm);
    worker_ask_again(worker);
}

// Runs a turn, of whose past |warm| knows |known| events.
static void turn_run(struct pawl_sdk_worker *worker, struct pawl_warm *warm,
                     const struct pawl_turn_item *turn, size_t known) {
    if (pawl__warm_run(warm, turn, known)) {
        turn_answer(worker, warm, turn);
    } else {
        pawl__warm_drop(&worker->warm, warm);
        worker_ask_again(worker);
    }
}

// Replays what the worker was sent before, and runs the turn.
static void cold_run(struct cold_turn *cold, const Pb__GetInstanceHistoryResponse *history) {
    struct pawl_sdk_worker *worker = cold->worker;
    struct pawl_warm *warm = pawl__warm_create(&worker->warm, &cold->turn);
    if (!warm) {
        worker_ask_again(worker);
        return;
    }
    for (size_t i = 0; i < cold->turn.kept; i++) { // the run keeps its events in its own memory
        struct pawl_str bytes = pawl__wire_pack(&cold->op.arena, &history->events[i]->base);
        if (bytes.data)
            pawl__warm_feed(warm, bytes);
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
    if (is_there && !worker->resting && !pawl__map_get(&worker->warm.by_id, cold->turn.id))
        cold_run(cold, history);
    else if (!is_there && !worker->resting)
        uv_timer_start(&worker->again, worker_on_again, 200, 0); // the whole is sent then
    pawl__arena_give(&worker->arenas, op->arena);
    worker->answers--;
    worker_check_rest(worker);
}

static void cold_begin(struct pawl_sdk_worker *worker, const struct pawl_turn_item *turn) {
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
    cold->turn = (struct pawl_turn_item){.token = {token, turn->token.len}};
    pawl__turn_item_read((struct pawl_str){bytes, turn->bytes.len}, &cold->turn);
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
    struct pawl_turn_item turn = {.token = token};
    if (!pawl__turn_item_read(bytes, &turn)) return;
    struct pawl_warm *warm = pawl__warm_find(&worker->warm, &turn);
    if (warm) {
        turn_run(worker, warm, &turn, pawl__warm_known(warm));
    } else if (turn.kept) {
        cold_begin(worker, &turn);
    } else if ((warm = pawl__warm_create(&worker->warm, &turn))) {
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
    for (struct item *item; (item = PAWL_LIST_TAKE(struct item, &items, link));) {
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
    worker->warm.host = &worker->host;
    worker->warm.limit = options->warm_workflows;
    pawl__link_init(&worker->warm.recent);
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
    for (struct pawl_activity_run *run;
         (run = PAWL_LIST_TAKE(struct pawl_activity_run, &dropped, job.link));)
        pawl__arena_give(&worker->arenas, run->arena);
    worker_check_rest(worker);
}

void pawl__worker_finish(struct pawl_sdk_worker *worker) {
    if (worker->working) {
        while (!pawl__list_empty(&worker->warm.recent))
            pawl__warm_drop(&worker->warm,
                            PAWL_CONTAINER(worker->warm.recent.next, struct pawl_warm, link));
        for (struct item *item; (item = PAWL_LIST_TAKE(struct item, &worker->items, link));)
            free(item);
        pawl__map_finish(&worker->warm.by_id);
        pawl__arena_pool_finish(&worker->arenas);
        pawl__coro_pool_finish(&worker->host.coros);
        pawl__watch_stop(&worker->watch);
    }
    free(worker->ask.workflows);
}
