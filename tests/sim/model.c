// What must be true. The model follows the log: each record, in the order in which the disk took
// them, goes into a shard of its own, which knows nothing else, and into a few facts for each id.

#include "sim.h"

#include <stdlib.h>
#include <strings.h>

#include "engine/events.h"
#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

enum {
    MODEL_COMMAND = 3 * 1024 // bytes of the records that one command makes
};

static struct sim_model *const model = &sim.model;

struct sim_id *sim_model_id(struct pawl_str name) {
    struct sim_id *id = pawl__map_get(&model->ids, name);
    if (id) return id;
    id = calloc(1, sizeof *id);
    id->name = pawl__str_dup(name);
    pawl__map_put(&model->ids, pawl__str(id->name), id);
    return id;
}

const struct pawl_instance *sim_model_find(struct pawl_str name) {
    const struct pawl_instance *instance = pawl__shard_find(&model->mirror, name);
    return instance && instance->exists ? instance : NULL;
}

const struct pawl_instance *sim_model_unfinished(void) {
    size_t at = 0;
    for (const struct pawl_instance *instance;
         (instance = pawl__map_next(&model->mirror.instances, &at));)
        if (instance->exists && !pawl__instance_completed(instance)) return instance;
    return NULL;
}

// When |instance| is to be purged, as nobody needs it any more; INT64_MAX: never.
static int64_t model_purge_at(const struct pawl_instance *instance) {
    const struct pawl_retention *kept = &sim.retention;
    if (!pawl__instance_completed(instance)) return INT64_MAX;
    int64_t time = kept->failed;
    if (instance->final_status == STATUS(COMPLETED)) time = kept->completed;
    if (instance->final_status == STATUS(TERMINATED)) time = kept->terminated;
    return time ? instance->completed_at + time : INT64_MAX;
}

// When |instance| has to be in memory again.
static int64_t model_wake_at(const struct pawl_instance *instance) {
    return pawl__instance_completed(instance) ? model_purge_at(instance)
                                              : pawl__instance_wake_at(instance);
}

const struct pawl_instance *sim_model_due(int64_t now) {
    size_t at = 0;
    for (const struct pawl_instance *instance;
         (instance = pawl__map_next(&model->mirror.instances, &at));)
        if (instance->exists && model_purge_at(instance) <= now) return instance;
    return NULL;
}

// --- one state ----------------------------------------------------------------------------------

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_bytes(const struct pawl_buf *a, const struct pawl_buf *b) {
    return pawl__str_equal(pawl__buf_str(a), pawl__buf_str(b));
}

static const struct pawl_pending *next_pending(const struct pawl_pending_list *list, uint32_t *at) {
    while (*at < list->len && !list->items[*at].kind) ++*at;
    return *at < list->len ? &list->items[(*at)++] : NULL;
}

static bool same_pending(const struct pawl_pending_list *a, const struct pawl_pending_list *b) {
    uint32_t i = 0, k = 0;
    if (a->live != b->live) return false;
    for (;;) {
        const struct pawl_pending *x = next_pending(a, &i), *y = next_pending(b, &k);
        if (!x || !y) return x == y;
        if (x->id != y->id || x->kind != y->kind || x->offset != y->offset ||
            x->fire_at != y->fire_at)
            return false;
    }
}

bool sim_same_instance(const struct pawl_instance *a, const struct pawl_instance *b) {
    if (a->exists != b->exists) return false;
    if (!a->exists) return true;
    return a->position == b->position && a->generation == b->generation &&
           a->created_at == b->created_at && a->updated_at == b->updated_at &&
           a->started_at == b->started_at && a->completed_at == b->completed_at &&
           a->start_at == b->start_at && a->final_status == b->final_status &&
           a->continued == b->continued && a->suspended == b->suspended &&
           a->stalled == b->stalled && a->terminate_children == b->terminate_children &&
           a->start_offset == b->start_offset && a->final_offset == b->final_offset &&
           same_text(a->name, b->name) && same_text(a->execution_id, b->execution_id) &&
           same_text(a->version, b->version) && same_text(a->stall_text, b->stall_text) &&
           a->has_custom_status == b->has_custom_status &&
           same_bytes(&a->custom_status, &b->custom_status) &&
           same_bytes(&a->patches, &b->patches) && same_bytes(&a->propagated, &b->propagated) &&
           a->history.count == b->history.count &&
           same_bytes(&a->history.bytes, &b->history.bytes) && a->inbox.count == b->inbox.count &&
           same_bytes(&a->inbox.bytes, &b->inbox.bytes) && same_pending(&a->pending, &b->pending);
}

static enum pawl_err model_load(void *arg, const struct pawl_str *ids, size_t count,
                                struct pawl_error *error) {
    struct pawl_instance *ghost;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) err = pawl__shard_ghost(arg, ids[i], &ghost);
    return err;
}

// --- facts --------------------------------------------------------------------------------------

static void model_toggle(struct sim_id *id, bool exists) {
    if (id->exists == exists) return;
    id->exists = exists;
    id->changed = model->records;
}

// Notes that its place in the order of lists is another one.
static void model_move(struct sim_id *id, const struct pawl_instance *instance) {
    int64_t now = instance->exists ? instance->created_at : 0;
    if (id->created_at == now) return;
    if (model->move_count == model->move_cap) {
        model->move_cap = model->move_cap ? 2 * model->move_cap : 256;
        model->moves = realloc(model->moves, model->move_cap * sizeof *model->moves);
    }
    model->moves[model->move_count++] = (struct sim_move){model->records, id, id->created_at};
    id->created_at = now;
}

// Children and detached workflows may be left by one that was ended from outside.
static void model_upset(const char *name) {
    struct sim_id *root = sim_model_id((struct pawl_str){name, strcspn(name, ":-")});
    root->upset = true;
}

// A request may be found in the log as often as it arrived, and no more.
static void model_count(const struct sim_id *id, const char *tag) {
    unsigned number = tag ? (unsigned)atoi(tag) : 0;
    if (!number) return;
    if (number >= model->tags) {
        sim_fail("each_request_counts_once", id->name, "request %u was never made", number);
        return;
    }
    if (++model->logged[number] > model->delivered[number])
        sim_fail("each_request_counts_once", id->name,
                 "request %u arrived %u times, and is in the log %u times", number,
                 model->delivered[number], model->logged[number]);
}

// A run begins under |id|, with |start|.
static void model_begin(struct sim_id *id, struct pawl_str program,
                        const Pb__ExecutionStartedEvent *start) {
    const char *input = pawl__string_of(start->input);
    model_toggle(id, true);
    id->creates++;
    id->completed = id->terminated = false;
    id->items = id->goes = 0;
    *id->events = 0;
    free(id->program);
    free(id->input);
    id->program = pawl__str_dup(program);
    id->input = pawl__str_dup(pawl__str(input ? input : ""));
}

static void model_created(struct sim_id *id, uint64_t generation, struct pawl_str bytes) {
    const Pb__HistoryEvent *event =
        pawl__wire_unpack(&sim.arena, &pb__history_event__descriptor, bytes, NULL);
    const Pb__ExecutionStartedEvent *start = event->executionstarted;
    if (id->exists && !id->completed)
        sim_fail("history_changes_exactly_once", id->name, "it was started while it runs");
    if (generation == id->generation)
        sim_fail("each_run_has_its_own_number", id->name, "%llu is that of the run before, too",
                 (unsigned long long)generation);
    model_begin(id, pawl__str(start->name), start);
    const char *tag = strchr(id->input, '#');
    if (tag && !start->parentinstance) model_count(id, tag + 1);
    sim.counts.starts++;
    sim_trace(id->name, "log: %s is created, %s(%s)", id->name, id->program, id->input);
}

// Facts of what the new instance takes over.
static void model_note_raised(struct sim_id *id, const Pb__EventRaisedEvent *raised) {
    if (strcasecmp(raised->name, "go") == 0) id->goes++;
    if (strcasecmp(raised->name, "item") != 0 || id->items++ >= 3) return;
    size_t len = strlen(id->events);
    const char *tag = pawl__string_of(raised->input);
    snprintf(id->events + len, sizeof id->events - len, "%s,", tag ? tag : "");
}

// The source of a rerun is what it was: in the log nobody touched it, so in memory nobody may have.
static void model_check_source(const struct sim_daemon *daemon, const char *source) {
    const struct pawl_instance *mirror = sim_model_find(pawl__str(source));
    const struct pawl_instance *live =
        daemon ? pawl__shard_find(&sim_daemon_home(daemon)->shard, pawl__str(source)) : NULL;
    if (!mirror || !live || live->position != mirror->position) return;
    // What this batch has more of it came before the rerun, or comes after it.
    bool at_rest = mirror->position + 1 < sim.model.mirror.position;
    if (at_rest && !sim_same_instance(live, mirror))
        sim_fail("rerun_leaves_its_source", source, "a rerun of it has changed it");
}

// |instance|: as the record has made it.
static void model_rerun(struct sim_id *id, const struct sim_daemon *daemon,
                        const struct pawl_instance *instance) {
    if (id->exists)
        sim_fail("history_changes_exactly_once", id->name, "a rerun took an id that is in use");
    model_begin(id, pawl__str(instance->name), pawl__instance_start(instance, &sim.arena));
    struct pawl_event_view view;
    const char *source = NULL;
    size_t at = 0;
    while (pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) {
        const Pb__HistoryEvent *event =
            pawl__history_at(&instance->history, view.offset, &sim.arena);
        switch (event->event_type_case) {
        case PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED:
            model_note_raised(id, event->eventraised);
            break;
        case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED: id->terminated = true; break;
        case PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED:
            if (event->taskscheduled->_rerun_parent_instance_info_case)
                source = event->taskscheduled->rerunparentinstanceinfo->instanceid;
            break;
        case PB__HISTORY_EVENT__EVENT_TYPE_TIMER_CREATED:
            if (event->timercreated->_rerun_parent_instance_info_case)
                source = event->timercreated->rerunparentinstanceinfo->instanceid;
            break;
        case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED:
            if (event->childworkflowinstancecreated->_rerun_parent_instance_info_case)
                source = event->childworkflowinstancecreated->rerunparentinstanceinfo->instanceid;
            break;
        default: break;
        }
    }
    // What the source had been told by others, or had lost, the new one has taken over.
    if (source && sim_model_id((struct pawl_str){source, strcspn(source, ":-")})->upset)
        model_upset(id->name);
    if (source) model_check_source(daemon, source);
    sim.counts.reruns++;
    sim_trace(id->name, "log: %s runs %s again, %s(%s)", id->name, source ? source : "?",
              id->program, id->input);
}

static void model_fired(struct sim_id *id, const struct sim_daemon *daemon,
                        const Pb__HistoryEvent *event) {
    int64_t due = pawl__timestamp_get(event->timerfired->fireat);
    sim.counts.timers++;
    if (pawl__timestamp_get(event->timestamp) < due || (daemon && daemon->wall_most < due))
        sim_fail("timer_never_early", id->name, "timer %d, due at %lld, fired %lld ns before",
                 event->timerfired->timerid, (long long)due,
                 (long long)(due - pawl__timestamp_get(event->timestamp)));
}

// Name and time tell raised events apart.
static void model_stamp(const struct sim_id *id, const Pb__HistoryEvent *event) {
    int64_t at = pawl__timestamp_get(event->timestamp);
    if (model->stamp_epoch == sim.disk.lease.epoch && at <= model->stamp)
        sim_fail("stamps_only_grow", id->name, "an event of %lld comes after one of %lld",
                 (long long)at, (long long)model->stamp);
    model->stamp = at;
    model->stamp_epoch = sim.disk.lease.epoch;
}

// Whether the request |tag| was about |id| itself: its children are told the same.
static bool model_was_asked(const struct sim_id *id, const char *tag) {
    unsigned number = tag ? (unsigned)atoi(tag) : 0;
    return number >= model->tags || strcmp(model->asked[number], id->name) == 0;
}

static void model_event(struct sim_id *id, const struct sim_daemon *daemon, struct pawl_str bytes) {
    const Pb__HistoryEvent *event =
        pawl__wire_unpack(&sim.arena, &pb__history_event__descriptor, bytes, NULL);
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED: {
        const char *name = event->eventraised->name,
                   *tag = pawl__string_of(event->eventraised->input);
        model_count(id, tag);
        model_stamp(id, event);
        model_note_raised(id, event->eventraised);
        sim_told_event(id->name, tag, false);
        sim_trace(id->name, "log: %s gets %s(%s)", id->name, name, tag);
        break;
    }
    case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED:
        id->terminated = true;
        model_upset(id->name);
        if (model_was_asked(id, pawl__string_of(event->executionterminated->input)))
            model_count(id, pawl__string_of(event->executionterminated->input));
        sim_told_event(id->name, pawl__string_of(event->executionterminated->input), true);
        sim_trace(id->name, "log: %s is to be terminated", id->name);
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED:
        model_count(id, pawl__string_of(event->executionsuspended->input));
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED:
        model_count(id, pawl__string_of(event->executionresumed->input));
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED: model_fired(id, daemon, event); break;
    default: break;
    }
}

static void model_purged(struct sim_id *id) {
    if (!id->exists) sim_fail("history_changes_exactly_once", id->name, "it was purged twice");
    model_toggle(id, false);
    id->purges++;
    id->completed = false;
    model_upset(id->name);
    sim_trace(id->name, "log: %s is purged", id->name);
}

static void model_check_end(const struct sim_id *id, int32_t status, const char *result) {
    if (status == STATUS(TERMINATED)) {
        if (!id->terminated) sim_fail("right_result", id->name, "it was terminated by nobody");
        return;
    }
    const struct sim_id *root = sim_model_id((struct pawl_str){id->name, strcspn(id->name, ":-")});
    if (status == STATUS(FAILED) && root->upset) return;
    const char *expected = sim_expected(id->program, id->input, id->events, &sim.arena);
    if (!result || strcmp(result, expected) != 0)
        sim_fail("right_result", id->name, "%s(%s) ended with %s, not with %s", id->program,
                 id->input, result ? result : "nothing", expected);
}

static void model_turn(struct sim_id *id, const struct pawl_instance *instance) {
    sim_trace(id->name, "log: a turn of %s leads to status %d, %u events", id->name,
              pawl__instance_status(instance), instance->history.count);
    sim.counts.stalls += instance->stalled;
    if (!pawl__instance_completed(instance) || id->completed) return;
    const Pb__HistoryEvent *event =
        pawl__history_at(&instance->history, instance->final_offset, &sim.arena);
    const char *result = pawl__string_of(event->executioncompleted->result);
    id->completed = true;
    unsigned place = id->completions++ % SIM_ENDS;
    id->ends[place].status = instance->final_status;
    snprintf(id->ends[place].result, sizeof id->ends[place].result, "%s", result ? result : "");
    sim.counts.ended++;
    model_check_end(id, instance->final_status, result);
}

// Whether a client asked |daemon| to purge |id|, or what it is a child of.
static bool model_purge_is_asked(const struct sim_id *id, const struct sim_daemon *daemon,
                                 const struct pawl_instance *instance) {
    PAWL_LIST_EACH(const struct sim_serving, serving, &daemon->servings, link) {
        if (serving->message.method == PAWL_TASKHUB_PURGE &&
            (serving->id == id ||
             (serving->message.flag && sim_told_descends(id->name, instance, serving->id->name))))
            return true;
    }
    size_t at = 0; // what was canceled may have been done all the same
    for (const struct sim_id *other; (other = pawl__map_next(&model->ids, &at));)
        if (other->purge_canceled && sim_told_descends(id->name, instance, other->name))
            return true;
    return false;
}

// |instance|: as it was before the purge. |daemon| NULL: it is not known what it was asked for.
static void model_check_purge(const struct sim_id *id, const struct sim_daemon *daemon,
                              const struct pawl_instance *instance) {
    if (!daemon || !instance || model_purge_is_asked(id, daemon, instance)) return;
    int64_t due = model_purge_at(instance);
    sim.counts.retained++;
    if (!pawl__instance_completed(instance))
        sim_fail("purged_only_when_due", id->name, "nobody asked for it, and it has not ended");
    else if (due == INT64_MAX)
        sim_fail("purged_only_when_due", id->name, "nobody asked for it, and it is kept for ever");
    else if (daemon->wall_most < due)
        sim_fail("purged_only_when_due", id->name, "it was purged %lld ns before its time",
                 (long long)(due - daemon->wall_most));
}

// The instance that the only record of |rows| is about, before it is applied; NULL: there is none.
static const struct pawl_instance *model_before(const Plog__Batch *rows) {
    return rows ? sim_model_find(pawl__str(rows->records[0]->instance_id)) : NULL;
}

static void model_tell(const struct sim_id *id, uint64_t generation,
                       const ProtobufCBinaryData *bytes) {
    const Pb__WorkflowResponse *response =
        pawl__wire_unpack(&sim.arena, &pb__workflow_response__descriptor,
                          (struct pawl_str){(const char *)bytes->data, bytes->len}, NULL);
    sim_told_turn(pawl__shard_find(&model->mirror, pawl__str(id->name)), generation, response);
}

static enum pawl_change model_change(const Plog__Record *record) {
    switch (record->change_case) {
    case PLOG__RECORD__CHANGE_EVENT: return PAWL_CHANGE_EVENT;
    case PLOG__RECORD__CHANGE_TURN: return PAWL_CHANGE_TURN;
    case PLOG__RECORD__CHANGE_PURGE: return PAWL_CHANGE_PURGED;
    default: return PAWL_CHANGE_CREATED;
    }
}

// |bytes|: a Batch of one record.
static void model_record(const struct sim_daemon *daemon, uint64_t position,
                         struct pawl_str bytes) {
    struct pawl_batch batch = {position, bytes};
    struct pawl_error error;
    const Plog__Batch *rows = pawl__wire_unpack(&sim.arena, &plog__batch__descriptor, bytes, NULL);
    if (rows && rows->records[0]->change_case == PLOG__RECORD__CHANGE_PURGE) {
        struct pawl_str name = pawl__str(rows->records[0]->instance_id);
        model_check_purge(sim_model_id(name), daemon, sim_model_find(name));
    }
    const struct pawl_instance *before = model_before(rows), *instance;
    uint64_t generation = before ? before->generation : 0;
    const char *passed = "";
    if (before && rows->records[0]->change_case == PLOG__RECORD__CHANGE_TURN)
        passed = sim_passed_next(before, rows->records[0]->turn->inbox_events);
    if (!rows || pawl__shard_replay(&model->mirror, &batch, model_load, &model->mirror, &error)) {
        sim_fail("the_log_can_be_read", NULL, "%s", rows ? error.text : "a record is damaged");
        return;
    }
    const Plog__Record *record = rows->records[0];
    struct sim_id *id = sim_model_id(pawl__str(record->instance_id));
    instance = pawl__shard_find(&model->mirror, pawl__str(id->name));
    model->records++;
    sim_feed_logged(position, id, model_change(record));
    switch (record->change_case) {
    case PLOG__RECORD__CHANGE_CREATE:
        model_created(id, record->create->generation,
                      (struct pawl_str){(char *)record->create->start_event.data,
                                        record->create->start_event.len});
        sim_passed_create(instance);
        break;
    case PLOG__RECORD__CHANGE_EVENT:
        model_event(id, daemon, (struct pawl_str){(char *)record->event.data, record->event.len});
        break;
    case PLOG__RECORD__CHANGE_TURN:
        model_turn(id, instance);
        if (instance->generation != generation) sim_passed_continue(instance, passed);
        model_tell(id, generation, &record->turn->response);
        break;
    case PLOG__RECORD__CHANGE_RERUN:
        model_rerun(id, daemon, instance);
        sim_passed_rerun(instance);
        break;
    case PLOG__RECORD__CHANGE_PURGE: model_purged(id); break;
    default: break;
    }
    id->generation = instance->generation;
    model_move(id, instance);
}

// --- commits ------------------------------------------------------------------------------------

// What the commands made is what the log says.
static void model_compare(const struct sim_daemon *daemon, const struct pawl_batch *batch,
                          const char *name) {
    const struct pawl_instance *live =
        pawl__shard_find(&sim_daemon_home(daemon)->shard, pawl__str(name));
    const struct pawl_instance *mirror = pawl__shard_find(&model->mirror, pawl__str(name));
    if (live && live->position == batch->position && !sim_same_instance(live, mirror))
        sim_fail("same_log_same_state", name, "it is not what its log makes of it");
}

static void model_batch(struct sim_daemon *daemon, const struct pawl_batch *batch, bool now) {
    struct pawl_pb_reader reader = pawl__pb_reader(batch->records);
    struct pawl_pb_field field;
    if (batch->position != model->mirror.position)
        sim_fail("the_log_is_whole", NULL, "batch %llu comes after %llu",
                 (unsigned long long)batch->position,
                 (unsigned long long)model->mirror.position - 1);
    if (sim.batch_most && batch->records.len > sim.batch_most + MODEL_COMMAND)
        sim_fail("batches_are_bounded", NULL, "one has %zu bytes, and was full with %zu",
                 batch->records.len, sim.batch_most);
    sim.hash = sim_hash_bytes(sim.hash, batch->records);
    for (const uint8_t *from = reader.at; pawl__pb_next(&reader, &field) && !sim.failed;
         from = reader.at)
        model_record(now ? daemon : NULL, batch->position,
                     (struct pawl_str){(const char *)from, (size_t)(reader.at - from)});
    model->mirror.position = batch->position + 1;
    if (!sim.failed) sim_told_batch();
    if (!now || sim.failed) return;
    const Plog__Batch *rows =
        pawl__wire_unpack(&sim.arena, &plog__batch__descriptor, batch->records, NULL);
    for (size_t i = 0; i < rows->n_records; i++)
        model_compare(daemon, batch, rows->records[i]->instance_id);
}

static void model_snapshot(const struct pawl_snapshot *row) {
    const struct pawl_instance *instance = sim_model_find(row->id);
    struct pawl_snapshot own;
    sim.counts.snapshots++;
    if (!instance || instance->position != row->position ||
        !pawl__shard_snapshot(instance, &sim.arena, &own)) {
        sim_fail("snapshot_is_what_the_log_says", pawl__arena_dup(&sim.arena, row->id),
                 "it was taken at %llu, and the log has it at %llu",
                 (unsigned long long)row->position,
                 (unsigned long long)(instance ? instance->position : 0));
        return;
    }
    struct pawl_str tail = own.history;
    if (tail.len > row->history.len) {
        tail.data += tail.len - row->history.len;
        tail.len = row->history.len;
    }
    if (!pawl__str_equal(own.state, row->state) || !pawl__str_equal(tail, row->history) ||
        model_wake_at(instance) != row->wake_at || own.active != row->active ||
        own.status != row->status)
        sim_fail("snapshot_is_what_the_log_says", instance->id, "it is another");
}

void sim_model_commit(struct sim_daemon *daemon, const struct pawl_commit *commit, bool now) {
    pawl__arena_reset(&sim.arena);
    const struct pawl_part *part = commit->parts;
    sim_state_committed(commit->state);
    if (!part || part->result.code) return;
    if (part->lease->epoch != sim.disk.lease.epoch)
        sim_fail("one_owner_commits", NULL,
                 "daemon %u committed under epoch %llu, the newest is %llu", daemon->number,
                 (unsigned long long)part->lease->epoch, (unsigned long long)sim.disk.lease.epoch);
    sim_trace(NULL, "daemon %u commits %llu: %zu snapshots, %zu deletes, trim to %llu",
              daemon->number, (unsigned long long)(part->batch ? part->batch->position : 0),
              part->snapshot_count, part->delete_count, (unsigned long long)part->trim_to);
    if (part->batch) model_batch(daemon, part->batch, now);
    for (size_t i = 0; i < part->snapshot_count && !sim.failed; i++)
        model_snapshot(&part->snapshots[i]);
}

// --- recovery -----------------------------------------------------------------------------------

// Whether the row of |instance| is what the log says.
static void model_check_row(const struct pawl_instance *instance) {
    struct pawl_arena arena = {0};
    struct pawl_shard scratch;
    struct pawl_snapshot row;
    struct pawl_instance *copy;
    struct pawl_error error;
    struct pawl_store *memory = sim.disk.memory;
    if (!pawl__shard_init(&scratch, PAWL_STR("app"), 0)) abort();
    if (memory->ops->load(memory, sim.disk.lease.shard, pawl__instance_id(instance), &arena, &row,
                          &error))
        sim_fail("acknowledged_start_survives", instance->id,
                 "it is neither in memory nor in a row");
    else if (pawl__shard_restore(&scratch, &row, &copy, &error))
        sim_fail("snapshot_is_what_the_log_says", instance->id, "%s", error.text);
    else if (!sim_same_instance(copy, instance))
        sim_fail("recovered_is_what_was_durable", instance->id, "its row is not what the log says");
    pawl__shard_finish(&scratch);
    pawl__arena_finish(&arena);
}

static void model_check_one(const struct sim_daemon *daemon, const struct pawl_instance *instance) {
    const struct pawl_residency *residency = sim_daemon_home(daemon);
    const struct pawl_instance *live =
        pawl__shard_find(&residency->shard, pawl__instance_id(instance));
    if (live) {
        if (!sim_same_instance(live, instance))
            sim_fail(instance->exists && !live->exists ? "acknowledged_start_survives"
                                                       : "recovered_is_what_was_durable",
                     instance->id, "daemon %u has another one in memory", daemon->number);
        return;
    }
    if (!instance->exists) return;
    struct pawl_sleeper *sleeper =
        pawl__map_get(&residency->sleepers.by_id, pawl__instance_id(instance));
    int64_t wake_at = model_wake_at(instance);
    if (pawl__instance_active(instance))
        sim_fail("outstanding_work_survives", instance->id,
                 "daemon %u does not know that it has some", daemon->number);
    else if (wake_at != INT64_MAX && (!sleeper || sleeper->node.key != wake_at))
        sim_fail("timers_survive", instance->id, "daemon %u will not wake it", daemon->number);
    else if (sim_chance(200))
        model_check_row(instance);
}

void sim_model_recovered(struct sim_daemon *daemon) {
    struct pawl_residency *residency = sim_daemon_home(daemon);
    pawl__arena_reset(&sim.arena);
    if (sim.batch_most) residency->shard.limits.batch = sim.batch_most;
    if (!sim_daemon_owns(daemon)) return; // somebody has taken it meanwhile
    if (residency->durable != model->mirror.position - 1) {
        sim_fail("the_log_is_whole", NULL, "daemon %u has read it up to %llu of %llu",
                 daemon->number, (unsigned long long)residency->durable,
                 (unsigned long long)model->mirror.position - 1);
        return;
    }
    size_t at = 0;
    for (struct pawl_instance *instance;
         !sim.failed && (instance = pawl__map_next(&model->mirror.instances, &at));)
        model_check_one(daemon, instance);
    at = 0;
    for (struct pawl_instance *live;
         !sim.failed && (live = pawl__map_next(&residency->shard.instances, &at));)
        if (live->exists && !sim_model_find(pawl__instance_id(live)))
            sim_fail("recovered_is_what_was_durable", live->id, "the log does not know it");
}

// --- life ---------------------------------------------------------------------------------------

void sim_model_open(void) {
    sim.model = (struct sim_model){0};
    if (!pawl__shard_init(&model->mirror, PAWL_STR("app"), 0)) abort();
}

void sim_model_close(void) {
    size_t at = 0;
    for (struct sim_id *id; (id = pawl__map_next(&model->ids, &at));) {
        free(id->name);
        free(id->program);
        free(id->input);
        free(id->passed);
        free(id);
    }
    at = 0;
    for (char *key; (key = pawl__map_next(&model->acked, &at));) free(key);
    pawl__map_finish(&model->acked);
    pawl__map_finish(&model->ids);
    free(model->delivered);
    free(model->logged);
    free(model->asked);
    free(model->told);
    free(model->moves);
    free(model->changes);
    pawl__shard_finish(&model->mirror);
}
