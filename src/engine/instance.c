#include "engine/instance.h"

#include <stdlib.h>

#include "engine/events.h"

struct pawl_instance *pawl__instance_create(struct pawl_str id) {
    struct pawl_instance *instance = calloc(1, sizeof *instance);
    if (!instance) return NULL;
    instance->id = pawl__str_dup(id);
    if (!instance->id) {
        free(instance);
        return NULL;
    }
    instance->id_len = id.len;
    instance->refs = 1;
    instance->final_status = PAWL_STATUS_NONE;
    return instance;
}

struct pawl_instance *pawl__instance_ref(struct pawl_instance *instance) {
    instance->refs++;
    return instance;
}

void pawl__instance_unref(struct pawl_instance *instance) {
    if (!instance || --instance->refs) return;
    pawl__instance_reset(instance);
    free(instance->id);
    free(instance);
}

void pawl__instance_reset(struct pawl_instance *instance) {
    free(instance->name);
    free(instance->execution_id);
    free(instance->version);
    free(instance->stall_text);
    pawl__buf_finish(&instance->custom_status);
    pawl__buf_finish(&instance->patches);
    pawl__buf_finish(&instance->propagated);
    pawl__history_finish(&instance->history);
    pawl__history_finish(&instance->inbox);
    pawl__pending_clear(&instance->pending);
    *instance = (struct pawl_instance){
        .timer = instance->timer,
        .by_created = instance->by_created,
        .id = instance->id,
        .id_len = instance->id_len,
        .refs = instance->refs,
        .linked = instance->linked,
        .position = instance->position,
        .saved = instance->saved,
        .unsaved = instance->unsaved,
        .generation = instance->generation,
        .final_status = PAWL_STATUS_NONE,
        .rest = instance->rest,
        .rest_bytes = instance->rest_bytes,
    };
}

int32_t pawl__instance_status(const struct pawl_instance *instance) {
    bool started = instance->started_at || instance->continued;
    if (pawl__instance_completed(instance)) return instance->final_status;
    if (!started && !instance->stalled && !instance->suspended)
        return PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_PENDING;
    if (instance->stalled) return PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_STALLED;
    if (instance->suspended) return PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_SUSPENDED;
    return PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_RUNNING;
}

int64_t pawl__instance_wake_at(const struct pawl_instance *instance) {
    if (!instance->exists || pawl__instance_completed(instance)) return INT64_MAX;
    // Until its first turn a scheduled start is all that it waits for.
    if (!instance->started_at && instance->start_at) return instance->start_at;
    const struct pawl_pending *first = pawl__pending_first_timer(&instance->pending);
    return first ? first->fire_at : INT64_MAX;
}

static bool instance_is_to_terminate(const struct pawl_instance *instance) {
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view))
        if (pawl__event_type(view.bytes) == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED)
            return true;
    return false;
}

// As far as the log says. What a row tells must not hang on whether a turn is out.
static bool instance_can_end_alone(const struct pawl_instance *instance) {
    if (!instance->exists || pawl__instance_completed(instance)) return false;
    bool refused =
        instance->stalled && instance->stall_reason == PB__STALLED_REASON__ANSWER_NOT_APPLICABLE;
    return (refused || pawl__instance_is_scheduled(instance)) && instance_is_to_terminate(instance);
}

bool pawl__instance_ends_alone(const struct pawl_instance *instance) {
    return !instance->turn_out && instance_can_end_alone(instance);
}

bool pawl__instance_active(const struct pawl_instance *instance) {
    if (!instance->exists) return false;
    for (uint32_t i = instance->pending.first; i < instance->pending.len; i++)
        if (instance->pending.items[i].kind == PAWL_PENDING_TASK) return true;
    if (pawl__instance_completed(instance) || !instance->inbox.count) return false;
    if (instance_can_end_alone(instance)) return true;
    return !pawl__instance_is_scheduled(instance); // which sleeps
}

Pb__ExecutionStartedEvent *pawl__instance_start(const struct pawl_instance *instance,
                                                struct pawl_arena *arena) {
    const struct pawl_history *where = instance->started_at ? &instance->history : &instance->inbox;
    Pb__HistoryEvent *event =
        pawl__history_at(where, instance->started_at ? instance->start_offset : 0, arena);
    if (!event || event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED)
        return NULL; // a damaged row
    return event->executionstarted;
}
