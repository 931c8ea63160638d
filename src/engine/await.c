#include "engine/await.h"

#include "base/err.h"
#include "engine/events.h"
#include "engine/shard.h"
#include "pawl_log.pb-c.h"
#include "wire/unpack.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

// Numbers of fields in the bodies of events.
enum {
    TASK_NAME = 1,
    TASK_EXECUTION = 5,
    CHILD_ID = 1,
    CHILD_NAME = 2,
    TIMER_NAME = 2,
    TIMER_OF_EVENT = 5,
    TIMER_OF_ACTIVITY = 6,
    TIMER_OF_CHILD = 7,
    ORIGIN_NAME = 1,
};

static struct pawl_str await_text(struct pawl_str body, unsigned number) {
    struct pawl_pb_field field = {0};
    return pawl__pb_find(body, number, &field) ? field.bytes : (struct pawl_str){0};
}

static bool await_is(const struct pawl_await *await, struct pawl_str name) {
    return !await->name.len || pawl__str_equal(await->name, name);
}

// Whether it is an activity or a child of this name that is tried again: one of the type |type|,
// whose field |key| is |handle|. A child's handle is its id, which is as good as its name.
static bool await_is_retried(const struct pawl_history *history, const struct pawl_await *await,
                             unsigned type, unsigned key, struct pawl_str handle) {
    bool child = type == EVENT(CHILD_WORKFLOW_INSTANCE_CREATED);
    struct pawl_event_view view;
    size_t at = 0;
    if (!await->name.len || (child && pawl__str_equal(await->name, handle))) return true;
    while (pawl__history_next(pawl__buf_str(&history->bytes), &at, &view)) {
        struct pawl_pb_field body = pawl__event_body(view.bytes);
        if (body.number == type && pawl__str_equal(await_text(body.bytes, key), handle))
            return await_is(await, await_text(body.bytes, child ? CHILD_NAME : TASK_NAME));
    }
    return false;
}

static bool await_is_timer(const struct pawl_history *history, const struct pawl_await *await,
                           struct pawl_str timer) {
    struct pawl_pb_field of_activity = {0}, of_child = {0};
    bool retries = pawl__pb_find(timer, TIMER_OF_ACTIVITY, &of_activity);
    bool again = !retries && pawl__pb_find(timer, TIMER_OF_CHILD, &of_child);
    if (await->kind == PAWL_AWAIT_TIMER)
        return !retries && !again && await_is(await, await_text(timer, TIMER_NAME));
    return (retries && await_is_retried(history, await, EVENT(TASK_SCHEDULED), TASK_EXECUTION,
                                        await_text(of_activity.bytes, ORIGIN_NAME))) ||
           (again && await_is_retried(history, await, EVENT(CHILD_WORKFLOW_INSTANCE_CREATED),
                                      CHILD_ID, await_text(of_child.bytes, ORIGIN_NAME)));
}

// SDKs write names of events in cases of their own.
static bool await_is_event(const struct pawl_await *await, struct pawl_str timer) {
    struct pawl_pb_field origin = {0};
    struct pawl_str name = pawl__pb_find(timer, TIMER_OF_EVENT, &origin)
                               ? await_text(origin.bytes, ORIGIN_NAME)
                               : await_text(timer, TIMER_NAME);
    return !await->name.len || pawl__str_equal_nocase(await->name, name);
}

// Whether |await| is of what is pending as |kind|, scheduled by the event at |offset|.
static bool await_is_pending(const struct pawl_history *history, const struct pawl_await *await,
                             int kind, uint32_t offset) {
    static const enum pawl_pending_kind kinds[PAWL_AWAIT_KINDS] = {
        [PAWL_AWAIT_ACTIVITY] = PAWL_PENDING_TASK,     [PAWL_AWAIT_RETRY] = PAWL_PENDING_TIMER,
        [PAWL_AWAIT_EVENT] = PAWL_PENDING_EVENT_TIMER, [PAWL_AWAIT_TIMER] = PAWL_PENDING_TIMER,
        [PAWL_AWAIT_CHILD] = PAWL_PENDING_CHILD,
    };
    if (kind == PAWL_PENDING_NONE || kind != (int)kinds[await->kind]) return false;
    struct pawl_str body = pawl__event_body(pawl__history_bytes(history, offset)).bytes;
    switch (kind) {
    case PAWL_PENDING_TASK: return await_is(await, await_text(body, TASK_NAME));
    case PAWL_PENDING_EVENT_TIMER: return await_is_event(await, body);
    case PAWL_PENDING_TIMER: return await_is_timer(history, await, body);
    default:
        return await_is(await, await_text(body, CHILD_NAME)) ||
               await_is(await, await_text(body, CHILD_ID));
    }
}

// Whether no worker may have what |instance| has to offer, of the name that is asked for.
static bool await_lacks(const struct pawl_instance *instance, const struct pawl_await *await,
                        bool turn, pawl_lacks_fn lacks, void *arg) {
    const struct pawl_pending_list *pending = &instance->pending;
    struct pawl_str last = {0}; // which is not lacking
    if (turn && await_is(await, pawl__str(instance->name)) &&
        lacks(arg, true, pawl__str(instance->name)))
        return true;
    for (uint32_t i = pending->first; i < pending->len; i++) {
        const struct pawl_pending *item = &pending->items[i];
        if (item->kind != PAWL_PENDING_TASK || item->elsewhere) continue;
        struct pawl_str body =
            pawl__event_body(pawl__history_bytes(&instance->history, item->offset)).bytes;
        struct pawl_str name = await_text(body, TASK_NAME);
        if (!await_is(await, name) || (last.data && pawl__str_equal(last, name))) continue;
        if (lacks(arg, false, name)) return true;
        last = name;
    }
    return false;
}

bool pawl__await_instance(const struct pawl_instance *instance, const struct pawl_await *await,
                          int64_t now, pawl_lacks_fn lacks, void *arg) {
    const struct pawl_pending_list *pending = &instance->pending;
    if (!instance->exists || pawl__instance_completed(instance)) return false;
    if (await->kind == PAWL_AWAIT_WORKER)
        return await_lacks(instance, await, pawl__shard_turn_ready(instance, now), lacks, arg);
    for (uint32_t i = pending->first; i < pending->len; i++)
        if (await_is_pending(&instance->history, await, pending->items[i].kind,
                             pending->items[i].offset))
            return true;
    return false;
}

enum pawl_err pawl__await_row(const struct pawl_snapshot *row, const struct pawl_await *await,
                              struct pawl_arena *arena, bool *out) {
    const struct pawl_history history = {
        .bytes = {.data = (uint8_t *)(uintptr_t)row->history.data, .len = row->history.len}};
    const Plog__Snapshot *state =
        pawl__wire_unpack(arena, &plog__snapshot__descriptor, row->state, NULL);
    *out = false;
    if (!state) return arena->failed ? PAWL_E_NOMEM : PAWL_OK;
    if (state->final_status != PAWL_STATUS_NONE) return PAWL_OK;
    for (size_t i = 0; !*out && i < state->n_pending; i++)
        *out = await_is_pending(&history, await, (int)state->pending[i]->kind,
                                state->pending[i]->offset);
    return PAWL_OK;
}
