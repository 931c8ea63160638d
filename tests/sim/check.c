// What an answer may say. A call saw the log as it was when the call arrived, or as it became until
// the answer left; what the answer tells has to have been true in between, and in the log.

#include <stdlib.h>

#include "engine/events.h"
#include "sim.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

static bool check_existed(const struct sim_serving *serving) {
    return serving->existed || serving->id->exists || serving->id->changed > serving->records;
}

static bool check_was_absent(const struct sim_serving *serving) {
    return !serving->existed || !serving->id->exists || serving->id->changed > serving->records;
}

static bool check_had_ended(const struct sim_serving *serving) {
    return serving->completed || serving->id->completions != serving->completions;
}

// A daemon whose lease was taken does not know it until it commits. What it says without writing is
// of what was.
static bool check_owns(const struct sim_serving *serving) {
    return serving->owned && sim_daemon_owns(serving->daemon);
}

// An acknowledged command is in the log, unless it came too late to matter.
static void check_command(const struct sim_serving *serving, const char *invariant) {
    if (sim.model.logged[serving->message.number]) return;
    if (check_had_ended(serving) || !check_owns(serving)) return;
    sim_fail(invariant, serving->id->name, "call %u was acknowledged, and the log does not have it",
             serving->message.number);
}

static void check_error(const struct sim_serving *serving, enum pawl_err code) {
    if (!check_owns(serving)) return;
    if (code == PAWL_E_EXISTS && !check_existed(serving))
        sim_fail("nothing_visible_before_durable", serving->id->name,
                 "it was said to exist, and the log does not know it");
    if (serving->message.method == PAWL_TASKHUB_RERUN && code == PAWL_E_NOT_FOUND)
        return; // the source, or an event of it
    if (code == PAWL_E_NOT_FOUND && !check_was_absent(serving))
        sim_fail("reads_see_acknowledged_writes", serving->id->name,
                 "it was said not to exist, and the log has it");
}

// --- reads --------------------------------------------------------------------------------------

static bool check_end_is_known(const struct sim_id *id, int32_t status, const char *result) {
    for (size_t i = 0; i < SIM_ENDS && i < id->completions; i++)
        if (id->ends[i].status == status && strcmp(id->ends[i].result, result) == 0) return true;
    return false;
}

static void check_view(const struct sim_serving *serving) {
    const Pb__GetInstanceResponse *response = (const void *)serving->call.response;
    const struct sim_id *id = serving->id;
    sim.counts.reads++;
    if (!response->exists) {
        if (!check_was_absent(serving))
            sim_fail("reads_see_acknowledged_writes", id->name,
                     "it was said not to exist, and the log has it");
        return;
    }
    if (!check_existed(serving)) {
        sim_fail("nothing_visible_before_durable", id->name,
                 "it was shown, and the log does not know it");
        return;
    }
    int32_t status = (int32_t)response->workflowstate->workflowstatus;
    const char *output = pawl__string_of(response->workflowstate->output);
    bool ended =
        status == STATUS(COMPLETED) || status == STATUS(FAILED) || status == STATUS(TERMINATED);
    if (ended && !check_end_is_known(id, status, output ? output : ""))
        sim_fail("nothing_visible_before_durable", id->name,
                 "it was shown to have ended with '%s', and the log does not know", output);
    bool unchanged = id->creates == serving->creates && id->purges == serving->purges;
    if (!ended && serving->completed && unchanged)
        sim_fail("reads_see_acknowledged_writes", id->name,
                 "it had ended before it was asked for, and was shown with status %d", status);
}

static void check_history(const struct sim_serving *serving) {
    const Pb__GetInstanceHistoryResponse *response = (const void *)serving->call.response;
    const struct pawl_instance *instance = sim_model_find(pawl__str(serving->id->name));
    sim.counts.reads++;
    if (instance && instance->generation == serving->generation &&
        response->n_events > instance->history.count)
        sim_fail("nothing_visible_before_durable", serving->id->name,
                 "%zu events were shown, and the log has %u", response->n_events,
                 instance->history.count);
}

// --- lists --------------------------------------------------------------------------------------

// An instance as it was at a moment; its time of creation is 0 when it did not exist.
struct check_row {
    struct sim_id *id;
    struct pawl_snapshot place;
};

static int check_order(const void *a, const void *b) {
    const struct check_row *left = a, *right = b;
    return pawl__query_compare(PAWL_ORDER_OLDEST, &left->place, &right->place);
}

// Whether the page is the one of |rows|.
static bool check_page(struct check_row *rows, size_t count, const struct sim_serving *serving) {
    const Pb__ListInstanceIDsResponse *response = (const void *)serving->call.response;
    size_t page = (size_t)serving->message.task, told = 0;
    const struct pawl_snapshot after = {.id = pawl__str(serving->message.id),
                                        .created_at = serving->message.created_at};
    qsort(rows, count, sizeof *rows, check_order);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].place.created_at) continue;
        if (after.id.len && pawl__query_compare(PAWL_ORDER_OLDEST, &rows[i].place, &after) <= 0)
            continue;
        if (told == page) return true;
        if (told == response->n_instanceids ||
            strcmp(response->instanceids[told], rows[i].id->name) != 0)
            return false;
        told++;
    }
    return told == response->n_instanceids;
}

// Steps back through the log, record by record, until the list is what there was.
static void check_list(const struct sim_serving *serving) {
    const struct sim_model *model = &sim.model;
    size_t count = 0, at = 0;
    sim.counts.lists++;
    struct check_row *rows = malloc((model->ids.len + 1) * sizeof *rows);
    for (struct sim_id *id; (id = pawl__map_next(&model->ids, &at));)
        rows[count++] =
            (struct check_row){id, {.id = pawl__str(id->name), .created_at = id->created_at}};
    bool found = check_page(rows, count, serving);
    for (size_t i = model->move_count;
         !found && i-- && model->moves[i].record > serving->records;) {
        for (size_t k = 0; k < count; k++)
            if (rows[k].id == model->moves[i].id) rows[k].place.created_at = model->moves[i].before;
        found = check_page(rows, count, serving);
    }
    if (!found)
        sim_fail("list_is_of_one_moment", NULL, "call %u: there never was such a list",
                 serving->message.number);
    free(rows);
}

// --- results of workers -------------------------------------------------------------------------

static void check_result(const struct sim_serving *serving) {
    const struct sim_message *message = &serving->message;
    const struct pawl_instance *instance = sim_model_find(pawl__str(message->id));
    const struct pawl_pending *pending = NULL;
    if (instance && instance->execution_id &&
        strcmp(instance->execution_id, message->execution) == 0)
        pending = pawl__pending_find(&instance->pending, message->task);
    if (!serving->in_hand) {
        sim.counts.late_results++; // nobody waited for it: no promise is made
        return;
    }
    if (pending && pending->kind == PAWL_PENDING_TASK) {
        sim_fail("acknowledged_result_survives", message->id,
                 "the result of activity %d was acknowledged, and the log does not have it",
                 message->task);
        return;
    }
    char *key =
        pawl__arena_format(&sim.arena, "%s/%s/%d", message->id, message->execution, message->task);
    if (pawl__map_get(&sim.model.acked, pawl__str(key))) return;
    key = pawl__str_dup(pawl__str(key));
    pawl__map_put(&sim.model.acked, pawl__str(key), key);
}

void sim_check_answer(struct sim_serving *serving, const struct pawl_error *error) {
    if (error) {
        check_error(serving, error->code);
        return;
    }
    bool owns = check_owns(serving);
    switch (serving->message.method) {
    case PAWL_TASKHUB_START:
        if (!sim.model.logged[serving->message.number])
            sim_fail("acknowledged_start_survives", serving->id->name,
                     "call %u was acknowledged, and the log does not have it",
                     serving->message.number);
        break;
    case PAWL_TASKHUB_RAISE: check_command(serving, "acknowledged_event_survives"); break;
    case PAWL_TASKHUB_TERMINATE:
    case PAWL_TASKHUB_SUSPEND:
    case PAWL_TASKHUB_RESUME: check_command(serving, "acknowledged_command_survives"); break;
    case PAWL_TASKHUB_PURGE:
        if (serving->id->purges == serving->purges)
            sim_fail("acknowledged_command_survives", serving->id->name,
                     "its purge was acknowledged, and the log does not have it");
        break;
    case PAWL_TASKHUB_RERUN:
        if (serving->id->creates == serving->creates)
            sim_fail("acknowledged_start_survives", serving->id->name,
                     "its rerun was acknowledged, and the log does not have it");
        break;
    case PAWL_TASKHUB_GET:
    case PAWL_TASKHUB_WAIT_START:
    case PAWL_TASKHUB_WAIT_COMPLETION:
        if (owns) check_view(serving);
        break;
    case PAWL_TASKHUB_HISTORY:
        if (owns) check_history(serving);
        break;
    case PAWL_TASKHUB_LIST:
        if (owns) check_list(serving);
        break;
    case PAWL_TASKHUB_COMPLETE_ACTIVITY: check_result(serving); break;
    default: break;
    }
}
