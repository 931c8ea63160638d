#include "kit.h"

#include "engine/events.h"
#include "wire/unpack.h"

bool kit_in_runtime;
_Thread_local bool kit_in_load;

// --- the store ----------------------------------------------------------------------------------

static struct gate *gate_of(struct pawl_store *store) {
    return PAWL_CONTAINER(store, struct gate, base);
}

static void gate_close(struct pawl_store *store) {
    // the inner one outlives it
}

static enum pawl_err gate_shards(struct pawl_store *store, struct pawl_str app, uint32_t wanted,
                                 uint32_t *count, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->shards(inner, app, wanted, count, error);
}

static enum pawl_err gate_put_member(struct pawl_store *store, struct pawl_str app,
                                     const struct pawl_member *member, int64_t ttl,
                                     struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->put_member(inner, app, member, ttl, error);
}

static enum pawl_err gate_remove_member(struct pawl_store *store, struct pawl_str app,
                                        struct pawl_str id, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->remove_member(inner, app, id, error);
}

static enum pawl_err gate_holders(struct pawl_store *store, struct pawl_str app,
                                  struct pawl_arena *arena, struct pawl_holder **holders,
                                  size_t *count, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->holders(inner, app, arena, holders, count, error);
}

static enum pawl_err gate_members(struct pawl_store *store, struct pawl_str app,
                                  struct pawl_arena *arena, struct pawl_member **members,
                                  size_t *count, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->members(inner, app, arena, members, count, error);
}

static enum pawl_err gate_read_mail(struct pawl_store *store, struct pawl_str app, uint32_t number,
                                    struct pawl_str after, size_t limit, pawl_mail_fn fn, void *arg,
                                    struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->read_mail(inner, app, number, after, limit, fn, arg, error);
}

static enum pawl_err gate_lease(struct pawl_store *store, struct pawl_str app, uint32_t number,
                                struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->lease(inner, app, number, owner, ttl, lease, error);
}

static enum pawl_err gate_renew(struct pawl_store *store, struct pawl_renewal *renewals,
                                size_t count, int64_t ttl, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->renew(inner, renewals, count, ttl, error);
}

static enum pawl_err gate_release(struct pawl_store *store, const struct pawl_lease *lease,
                                  struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->release(inner, lease, error);
}

static bool gate_is_too_large(const struct pawl_store *store, const struct pawl_commit *commit) {
    size_t max = store->caps.row_max;
    for (const struct pawl_part *part = commit->parts; max && part; part = part->next)
        for (size_t i = 0; i < part->snapshot_count; i++)
            if (part->snapshots[i].state.len > max || part->snapshots[i].history.len > max)
                return true;
    return false;
}

static enum pawl_outcome gate_fail(enum pawl_outcome outcome, enum pawl_err code, const char *text,
                                   struct pawl_error *error) {
    pawl__fail(error, code, "%s", text);
    return outcome;
}

// Several stores may share what is committed to.
static enum pawl_outcome gate_commit_inner(struct gate *gate, const struct pawl_commit *commit,
                                           struct pawl_error *error) {
    static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&alone);
    enum pawl_outcome outcome = gate->inner->ops->commit(gate->inner, commit, error);
    if (outcome == PAWL_COMMIT_DONE && gate->committed)
        gate->committed(gate->committed_arg, commit);
    pthread_mutex_unlock(&alone);
    return outcome;
}

static enum pawl_outcome gate_commit(struct pawl_store *store, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    struct gate *gate = gate_of(store);
    uv_mutex_lock(&gate->mutex);
    while (gate->shut) uv_cond_wait(&gate->cond, &gate->mutex);
    enum gate_fault fault = gate->fault;
    if (fault != GATE_NOTHING) gate->fault = GATE_WELL;
    gate->commits++;
    uv_mutex_unlock(&gate->mutex);
    assert_false(gate_is_too_large(store, commit));
    if (fault == GATE_NOTHING)
        return gate_fail(PAWL_COMMIT_NOTHING, PAWL_E_UNAVAILABLE, "somebody else writes", error);
    if (fault == GATE_FAILS_BEFORE)
        return gate_fail(PAWL_COMMIT_UNKNOWN, PAWL_E_IO, "the disk is on fire", error);
    enum pawl_outcome outcome = gate_commit_inner(gate, commit, error);
    if (outcome == PAWL_COMMIT_DONE && fault == GATE_FAILS_AFTER)
        return gate_fail(PAWL_COMMIT_UNKNOWN, PAWL_E_UNAVAILABLE, "nobody knows", error);
    return outcome;
}

static enum pawl_err gate_tend(struct pawl_store *store, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->tend(inner, error);
}

static enum pawl_err gate_read_log(struct pawl_store *store, uint64_t shard, uint64_t after,
                                   pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->read_log(inner, shard, after, fn, arg, error);
}

static enum pawl_err gate_load(struct pawl_store *store, uint64_t shard, struct pawl_str id,
                               struct pawl_arena *arena, struct pawl_snapshot *out,
                               struct pawl_error *error) {
    struct gate *gate = gate_of(store);
    uv_mutex_lock(&gate->mutex);
    bool fails = gate->load_faults > 0 && gate->load_faults--;
    enum pawl_err why = gate->why;
    gate->loads++;
    uv_mutex_unlock(&gate->mutex);
    if (fails) return pawl__fail(error, why, "cannot read");
    if (gate->damaged && pawl__str_equal(id, pawl__str(gate->damaged)))
        return pawl__fail(error, PAWL_E_CORRUPT, "%s is damaged", gate->damaged);
    return gate->inner->ops->load(gate->inner, shard, id, arena, out, error);
}

// Begins with the last, as the order is not promised. A read that fails has told of some by then.
static enum pawl_err gate_load_many(struct pawl_store *store, const struct pawl_place *places,
                                    size_t count, pawl_place_fn fn, void *arg,
                                    struct pawl_error *error) {
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = count; !err && i--;) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = gate_load(store, places[i].shard, places[i].id, &arena, &row, error);
        kit_in_load = true;
        if (!err) err = fn(arg, i, &row, error);
        kit_in_load = false;
        if (err == PAWL_E_NOT_FOUND) err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    return err;
}

static enum pawl_err gate_scan_live(struct pawl_store *store, uint64_t shard, pawl_snapshot_fn fn,
                                    void *arg, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->scan_live(inner, shard, fn, arg, error);
}

// A list or a count was read. Whether it is to fail.
static bool gate_read(struct gate *gate) {
    uv_mutex_lock(&gate->mutex);
    gate->lists++;
    bool fails = gate->load_faults > 0 && gate->load_faults--;
    while (gate->reads_shut) uv_cond_wait(&gate->cond, &gate->mutex);
    uv_mutex_unlock(&gate->mutex);
    return fails;
}

static enum pawl_err gate_query(struct pawl_store *store, uint64_t shard,
                                const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                struct pawl_error *error) {
    struct gate *gate = gate_of(store);
    enum pawl_err err = gate->inner->ops->query(gate->inner, shard, query, fn, arg, error);
    return gate_read(gate) ? pawl__fail(error, PAWL_E_IO, "cannot read") : err;
}

static enum pawl_err gate_count(struct pawl_store *store, uint64_t shard,
                                const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                struct pawl_error *error) {
    struct gate *gate = gate_of(store);
    enum pawl_err err = gate->inner->ops->count(gate->inner, shard, query, fn, arg, error);
    if (gate->slow) uv_sleep(gate->slow);
    return gate_read(gate) ? pawl__fail(error, PAWL_E_IO, "cannot read") : err;
}

static enum pawl_err gate_get_state(struct pawl_store *store, struct pawl_str key,
                                    struct pawl_arena *arena, struct pawl_state_value *out,
                                    struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->get_state(inner, key, arena, out, error);
}

static enum pawl_err gate_ids(struct pawl_store *store, uint64_t shard, struct pawl_str after,
                              size_t limit, pawl_id_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_store *inner = gate_of(store)->inner;
    return inner->ops->ids(inner, shard, after, limit, fn, arg, error);
}

#define GATE_OPS                                                                                   \
    .close = gate_close, .shards = gate_shards, .put_member = gate_put_member,                     \
    .remove_member = gate_remove_member, .holders = gate_holders, .members = gate_members,         \
    .read_mail = gate_read_mail, .lease = gate_lease, .renew = gate_renew,                         \
    .release = gate_release, .commit = gate_commit, .tend = gate_tend, .read_log = gate_read_log,  \
    .load = gate_load, .load_many = gate_load_many, .scan_live = gate_scan_live,                   \
    .query = gate_query, .count = gate_count, .get_state = gate_get_state

static const struct pawl_store_ops gate_ops = {GATE_OPS};
static const struct pawl_store_ops gate_file_ops = {GATE_OPS, .ids = gate_ids};

void kit_shut(struct kit *kit, bool shut) {
    kit->storage.commit_time = 1000 * PAWL_SECOND; // no store for the loop to wait on
    uv_mutex_lock(&kit->gate.mutex);
    kit->gate.shut = shut;
    uv_cond_broadcast(&kit->gate.cond);
    uv_mutex_unlock(&kit->gate.mutex);
}

void kit_shut_reads(struct kit *kit, bool shut) {
    uv_mutex_lock(&kit->gate.mutex);
    kit->gate.reads_shut = shut;
    uv_cond_broadcast(&kit->gate.cond);
    uv_mutex_unlock(&kit->gate.mutex);
}

unsigned kit_lists(struct kit *kit) {
    uv_mutex_lock(&kit->gate.mutex);
    unsigned lists = kit->gate.lists;
    uv_mutex_unlock(&kit->gate.mutex);
    return lists;
}

void kit_fail_commit(struct kit *kit, enum gate_fault fault) {
    uv_mutex_lock(&kit->gate.mutex);
    kit->gate.fault = fault;
    uv_mutex_unlock(&kit->gate.mutex);
}

void kit_fail_loads(struct kit *kit, int count, enum pawl_err why) {
    uv_mutex_lock(&kit->gate.mutex);
    kit->gate.load_faults = count;
    kit->gate.why = why;
    uv_mutex_unlock(&kit->gate.mutex);
}

static enum pawl_err kit_count(void *arg, const struct pawl_batch *batch,
                               struct pawl_error *error) {
    ++*(unsigned *)arg;
    return PAWL_OK;
}

unsigned kit_log_length(struct kit *kit) {
    unsigned count = 0;
    struct pawl_error error;
    assert_int_equal(kit->store->ops->read_log(kit->store, 1, 0, kit_count, &count, &error),
                     PAWL_OK);
    return count;
}

// --- life ---------------------------------------------------------------------------------------

static void kit_on_tick(uv_timer_t *timer) {
}

static void kit_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct kit *kit = arg;
    assert_int_equal(ready, reason == NULL);
    kit->ready = ready;
    if (!ready) kit->unready++;
}

void kit_init(struct kit *kit) {
    struct pawl_store *store;
    assert_int_equal(pawl__memory_open(&store, &kit->error), PAWL_OK);
    kit_init_with(kit, store);
}

static enum pawl_err kit_count_mail(void *arg, const struct pawl_mail *mail,
                                    struct pawl_error *error) {
    ++*(unsigned *)arg;
    return PAWL_OK;
}

unsigned kit_mail(struct kit *kit) {
    unsigned count = 0;
    struct pawl_error error;
    for (uint32_t i = 0; i < kit->node->count; i++)
        assert_int_equal(kit->store->ops->read_mail(kit->store, PAWL_STR("default/app"), i,
                                                    PAWL_STR(""), 0, kit_count_mail, &count,
                                                    &error),
                         PAWL_OK);
    return count;
}

void kit_init_with(struct kit *kit, struct pawl_store *store) {
    kit_init_with_shards(kit, store, 0);
}

void kit_init_with_shards(struct kit *kit, struct pawl_store *store, uint32_t shards) {
    kit_make(kit, store, shards);
    kit_open(kit);
}

void kit_make(struct kit *kit, struct pawl_store *store, uint32_t shards) {
    *kit = (struct kit){.store = store};
    uv_loop_init(&kit->loop);
    uv_timer_init(&kit->loop, &kit->tick);
    uv_timer_start(&kit->tick, kit_on_tick, 2, 2);
    kit->options =
        (struct pawl_node_options){.app_id = "app", .on_ready = kit_on_ready, .arg = kit};
    kit->options.shards = shards;
}

void kit_open(struct kit *kit) {
    kit_begin(kit);
    UNTIL(kit, kit->ready);
}

void kit_begin(struct kit *kit) {
    const struct pawl_store_caps caps = {.row_max = kit->row_max,
                                         .shared = kit->shares,
                                         .expires = kit->shares,
                                         .may_block = kit->is_server};
    const struct pawl_store_ops *ops = kit->store->ops->ids ? &gate_file_ops : &gate_ops;
    kit->gate = (struct gate){.base = {ops, "state.gate", caps},
                              .inner = kit->store,
                              .committed = kit->committed,
                              .committed_arg = kit->committed_arg};
    uv_mutex_init(&kit->gate.mutex);
    uv_cond_init(&kit->gate.cond);
    kit->closed = kit->ready = false;
    assert_int_equal(
        pawl__storage_init(&kit->storage, &kit->loop, &kit->gate.base, NULL, &kit->error), PAWL_OK);
    assert_int_equal(pawl__node_create(&kit->storage, &kit->options, &kit->node, &kit->error),
                     PAWL_OK);
}

void kit_note(void *arg) {
    *(bool *)arg = true;
}

// The node is gone, and what is on its way to it must not arrive.
static void kit_on_closed(void *arg) {
    struct kit *kit = arg;
    kit->node = NULL;
    kit->closed = true;
}

void kit_close(struct kit *kit) {
    pawl__node_close(kit->node, kit_on_closed, kit);
    kit_close_rest(kit);
}

void kit_close_rest(struct kit *kit) {
    UNTIL(kit, kit->closed);
    kit->node = NULL;
    kit->closed = false;
    pawl__storage_close(&kit->storage, kit_note, &kit->closed);
    UNTIL(kit, kit->closed);
    uv_mutex_destroy(&kit->gate.mutex);
    uv_cond_destroy(&kit->gate.cond);
}

void kit_finish(struct kit *kit) {
    kit_close(kit);
    uv_close((uv_handle_t *)&kit->tick, NULL);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&kit->loop), 0);
    kit->store->ops->close(kit->store);
    pawl__arena_finish(&kit->arena);
}

void kit_spin(struct kit *kit) {
    kit_in_runtime = true;
    uv_run(&kit->loop, UV_RUN_ONCE);
    kit_in_runtime = false;
    if (kit->beside) kit->beside(kit->beside_arg);
}

void kit_spin_beside(struct kit *kit) {
    kit_in_runtime = true;
    uv_run(&kit->loop, UV_RUN_NOWAIT);
    kit_in_runtime = false;
}

void kit_rest(struct kit *kit, int milliseconds) {
    int64_t end = pawl__clock_steady() + milliseconds * PAWL_MILLISECOND;
    while (pawl__clock_steady() < end) kit_spin(kit);
}

// --- workers ------------------------------------------------------------------------------------

static bool worker_deliver(struct pawl_worker *base, struct pawl_str bytes) {
    struct worker *worker = PAWL_CONTAINER(base, struct worker, base);
    if (worker->refuses) return false;
    if (worker->hangs_up) {
        worker->hangs_up = false;
        kit_detach(worker->kit, worker);
        return false;
    }
    bool inside = kit_in_runtime;
    kit_in_runtime = false;
    const Pb__WorkItem *item =
        pawl__wire_unpack(&worker->kit->arena, &pb__work_item__descriptor, bytes, NULL);
    assert_non_null(item);
    assert_true(worker->count < sizeof worker->items / sizeof *worker->items);
    worker->items[worker->count++] = item;
    kit_in_runtime = inside;
    return true;
}

static void worker_reset(struct pawl_worker *base) {
    struct worker *worker = PAWL_CONTAINER(base, struct worker, base);
    worker->resets++;
    worker->count = 0;
    kit_detach(worker->kit, worker); // as a stream that ends
}

void kit_attach(struct kit *kit, struct worker *worker) {
    worker->kit = kit;
    worker->base.deliver = worker_deliver;
    worker->base.reset = worker_reset;
    worker->attached = true;
    pawl__dispatch_attach(&kit->node->dispatch, &worker->base);
}

void kit_detach(struct kit *kit, struct worker *worker) {
    if (!worker->attached) return;
    worker->attached = false;
    worker->count = 0;
    pawl__dispatch_detach(&kit->node->dispatch, &worker->base);
}

const Pb__WorkItem *kit_take(struct kit *kit, struct worker *worker) {
    UNTIL(kit, worker->count);
    const Pb__WorkItem *item = worker->items[0];
    memmove(&worker->items[0], &worker->items[1], --worker->count * sizeof(void *));
    return item;
}

static void *kit_new(struct kit *kit, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(&kit->arena, type->sizeof_message);
    assert_non_null(message);
    type->message_init(message);
    return message;
}

static char *kit_text(struct kit *kit, const char *text) {
    return pawl__arena_dup(&kit->arena, pawl__str(text));
}

static void caller_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct caller *caller = PAWL_CONTAINER(call, struct caller, call);
    assert_false(caller->done);
    caller->done = true;
    caller->error = error ? *error : (struct pawl_error){PAWL_OK, ""};
}

static void kit_prepare(struct caller *caller) {
    caller->done = false;
    caller->call.done = caller_on_done;
}

void kit_prepare_answer(struct kit *kit, struct caller *caller, const char *id, const char *token,
                        Pb__WorkflowAction **actions) {
    Pb__WorkflowResponse *response = kit_new(kit, &pb__workflow_response__descriptor);
    response->instanceid = kit_text(kit, id);
    if (token) response->completiontoken = kit_text(kit, token);
    if (kit->says)
        response->customstatus = pawl__string_value(&kit->arena, kit_text(kit, kit->says));
    while (actions[response->n_actions]) response->n_actions++;
    response->actions = pawl__arena_alloc(&kit->arena, (response->n_actions + 1) * sizeof(void *));
    memcpy(response->actions, actions, response->n_actions * sizeof(void *));
    size_t len = pb__workflow_response__get_packed_size(response);
    uint8_t *bytes = pawl__arena_alloc(&kit->arena, len);
    pb__workflow_response__pack(response, bytes);
    pawl__turn_result_init(&caller->turn, &kit->node->dispatch, response,
                           (struct pawl_str){(char *)bytes, len});
    kit_prepare(caller);
}

void kit_answer(struct kit *kit, struct caller *caller, const char *id, const char *token,
                Pb__WorkflowAction **actions) {
    kit_prepare_answer(kit, caller, id, token, actions);
    pawl__node_call(kit->node, &caller->call);
}

void kit_result(struct kit *kit, struct caller *caller, const char *id, int32_t task_id,
                const char *token, const char *result) {
    Pb__ActivityResponse *response = kit_new(kit, &pb__activity_response__descriptor);
    response->instanceid = kit_text(kit, id);
    response->taskid = task_id;
    if (token) response->completiontoken = kit_text(kit, token);
    if (result) response->result = pawl__string_value(&kit->arena, kit_text(kit, result));
    pawl__activity_result_init(&caller->activity, &kit->node->dispatch, response);
    kit_call(kit, caller);
}

void kit_turn(struct kit *kit, struct worker *worker, const char *id,
              Pb__WorkflowAction **actions) {
    struct caller caller;
    const Pb__WorkItem *item = kit_take(kit, worker);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST);
    assert_string_equal(item->workflowrequest->instanceid, id);
    kit_answer(kit, &caller, id, item->completiontoken, actions);
    UNTIL(kit, caller.done);
    assert_int_equal(caller.error.code, PAWL_OK);
}

static Pb__WorkflowAction *kit_action(struct kit *kit, int32_t id,
                                      Pb__WorkflowAction__WorkflowActionTypeCase type, void *body) {
    Pb__WorkflowAction *action = kit_new(kit, &pb__workflow_action__descriptor);
    action->id = id;
    action->workflow_action_type_case = type;
    action->scheduletask = body; // every member of the oneof is a pointer in one union
    return action;
}

Pb__WorkflowAction *kit_task(struct kit *kit, int32_t id, const char *name) {
    Pb__ScheduleTaskAction *body = kit_new(kit, &pb__schedule_task_action__descriptor);
    body->name = kit_text(kit, name);
    return kit_action(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK, body);
}

Pb__WorkflowAction *kit_timer(struct kit *kit, int32_t id, int64_t fire_at) {
    Pb__CreateTimerAction *body = kit_new(kit, &pb__create_timer_action__descriptor);
    body->fireat = pawl__timestamp(&kit->arena, fire_at);
    return kit_action(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_TIMER, body);
}

Pb__WorkflowAction *kit_child(struct kit *kit, int32_t id) {
    Pb__CreateChildWorkflowAction *body =
        kit_new(kit, &pb__create_child_workflow_action__descriptor);
    body->name = "Child";
    body->instanceid = pawl__arena_format(&kit->arena, "child%d", (int)id);
    return kit_action(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW,
                      body);
}

static Pb__WorkflowAction *kit_end(struct kit *kit, int32_t id, int status, const char *result) {
    Pb__CompleteWorkflowAction *body = kit_new(kit, &pb__complete_workflow_action__descriptor);
    body->workflowstatus = (Pb__OrchestrationStatus)status;
    if (result) body->result = pawl__string_value(&kit->arena, kit_text(kit, result));
    return kit_action(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW, body);
}

Pb__WorkflowAction *kit_complete(struct kit *kit, int32_t id, const char *result) {
    return kit_end(kit, id, STATUS(COMPLETED), result);
}

Pb__WorkflowAction *kit_continue(struct kit *kit, int32_t id) {
    return kit_end(kit, id, STATUS(CONTINUED_AS_NEW), NULL);
}

// --- callers ------------------------------------------------------------------------------------

void kit_call(struct kit *kit, struct caller *caller) {
    kit_prepare(caller);
    pawl__node_call(kit->node, &caller->call);
}

static struct pawl_str kit_str(struct kit *kit, const char *text) {
    return pawl__str(kit_text(kit, text));
}

void kit_start(struct kit *kit, struct caller *caller, const char *id) {
    kit_start_named(kit, caller, id, "Order");
}

void kit_start_named(struct kit *kit, struct caller *caller, const char *id, const char *name) {
    Pb__ExecutionStartedEvent *start = kit_new(kit, &pb__execution_started_event__descriptor);
    start->name = kit_text(kit, name);
    start->input = pawl__string_value(&kit->arena, kit_text(kit, "\"in\""));
    pawl__start_init(&caller->start, kit_str(kit, id), start, false);
    kit_call(kit, caller);
}

void kit_get(struct kit *kit, struct caller *caller, const char *id) {
    kit_wait(kit, caller, id, PAWL_WAIT_NOT);
}

void kit_wait(struct kit *kit, struct caller *caller, const char *id, enum pawl_wait wait_for) {
    pawl__look_init(&caller->look, kit_str(kit, id), wait_for, &kit->arena);
    kit_call(kit, caller);
}

static void kit_post(struct kit *kit, struct caller *caller, const char *id,
                     Pb__HistoryEvent__EventTypeCase type, void *event) {
    pawl__post_init(&caller->post, kit_str(kit, id), type, event);
    kit_call(kit, caller);
}

void kit_raise(struct kit *kit, struct caller *caller, const char *id, const char *name) {
    Pb__EventRaisedEvent *event = kit_new(kit, &pb__event_raised_event__descriptor);
    event->name = kit_text(kit, name);
    kit_post(kit, caller, id, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, event);
}

void kit_suspend(struct kit *kit, struct caller *caller, const char *id) {
    kit_post(kit, caller, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED,
             kit_new(kit, &pb__execution_suspended_event__descriptor));
}

void kit_resume(struct kit *kit, struct caller *caller, const char *id) {
    kit_post(kit, caller, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED,
             kit_new(kit, &pb__execution_resumed_event__descriptor));
}

void kit_terminate(struct kit *kit, struct caller *caller, const char *id) {
    kit_post(kit, caller, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED,
             kit_new(kit, &pb__execution_terminated_event__descriptor));
}

void kit_purge(struct kit *kit, struct caller *caller, const char *id, bool force) {
    pawl__purge_init(&caller->purge, kit_str(kit, id), false, force);
    kit_call(kit, caller);
}

void kit_history(struct kit *kit, struct caller *caller, const char *id) {
    pawl__read_history_init(&caller->read, kit_str(kit, id), &kit->arena);
    kit_call(kit, caller);
}

void kit_list(struct kit *kit, struct caller *caller, const struct pawl_snapshot *after,
              size_t max) {
    struct pawl_query query = {.order = PAWL_ORDER_OLDEST, .limit = max};
    if (after) {
        query.after_created = after->created_at;
        query.after_id = after->id;
    }
    pawl__search_init(&caller->search, &query, &kit->arena);
    kit_call(kit, caller);
}

void kit_search(struct kit *kit, struct caller *caller, const struct pawl_query *query) {
    pawl__search_init(&caller->search, query, &kit->arena);
    kit_call(kit, caller);
}

void kit_tally(struct kit *kit, struct caller *caller, const struct pawl_query *query) {
    pawl__tally_init(&caller->tally, query, &kit->arena);
    kit_call(kit, caller);
}

const char *kit_ids(struct kit *kit, const struct caller *caller) {
    char *text = kit_text(kit, "");
    for (size_t i = 0; i < caller->search.count; i++)
        text =
            pawl__arena_format(&kit->arena, "%s%.*s ", text, PAWL_FMT(caller->search.rows[i].id));
    return text;
}

void kit_started(struct kit *kit, const char *id) {
    struct caller caller;
    kit_start(kit, &caller, id);
    UNTIL(kit, caller.done);
    assert_int_equal(caller.error.code, PAWL_OK);
}

void kit_purged(struct kit *kit, const char *id) {
    struct caller caller;
    kit_purge(kit, &caller, id, true);
    DONE(kit, caller, PAWL_OK);
}

void kit_to_rest(struct kit *kit) {
    kit->node->options.checkpoint_interval = PAWL_MILLISECOND;
    for (uint32_t i = 0; i < kit->node->count; i++)
        UNTIL(kit, !kit->node->partitions[i].residency.shard.instances.len);
    kit->node->options.checkpoint_interval = 1000 * PAWL_SECOND;
}

int kit_status(struct kit *kit, const char *id) {
    struct caller caller;
    kit_get(kit, &caller, id);
    UNTIL(kit, caller.done);
    assert_int_equal(caller.error.code, PAWL_OK);
    return caller.look.view.exists ? caller.look.view.status : -1;
}
