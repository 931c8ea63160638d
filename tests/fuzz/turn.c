// What workers and clients tell an engine that runs one workflow to begin with. Steps, each a byte
// that chooses it and a byte that chooses the instance:
//
//   0  a turn, answered with a WorkflowResponse     4  time goes on: seconds (a byte)
//   1  an activity's result: its id, the response   5  the worker of a turn is lost
//   2  an event: a HistoryEvent                     6  purge: flags
//   3  a start: the id, an ExecutionStartedEvent

#include "engine_kit.h"
#include "wire/unpack.h"

static Pb__ExecutionStartedEvent *turn_start_event(struct pawl_arena *arena, struct pawl_str bytes,
                                                   const char *id) {
    Pb__ExecutionStartedEvent *start =
        pawl__wire_unpack(arena, &pb__execution_started_event__descriptor, bytes, NULL);
    if (!start) return NULL;
    if (!start->workflowinstance) {
        start->workflowinstance = pawl__arena_alloc(arena, sizeof *start->workflowinstance);
        pb__workflow_instance__init(start->workflowinstance);
    }
    start->workflowinstance->instanceid = (char *)id;
    return start;
}

static void turn_start(struct engine_kit *kit, struct pawl_str id, struct pawl_str bytes,
                       bool unique) {
    struct pawl_error error;
    struct pawl_arena arena = {0};
    char *text = pawl__arena_dup(&arena, id);
    Pb__ExecutionStartedEvent *start = turn_start_event(&arena, bytes, text);
    if (start && *text && pawl__wire_is_text(id))
        while (engine_kit_after(kit, pawl__shard_create(&kit->shard, engine_kit_stamp(kit),
                                                        pawl__str(text), start, unique, &error)))
            continue;
    pawl__arena_finish(&arena);
}

static void turn_event(struct engine_kit *kit, struct pawl_str id, struct pawl_str bytes) {
    struct pawl_error error;
    struct pawl_arena arena = {0};
    Pb__HistoryEvent *event =
        pawl__wire_unpack(&arena, &pb__history_event__descriptor, bytes, NULL);
    // These are the ones that a client has a call for.
    if (event && (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED ||
                  event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED ||
                  event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED ||
                  event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED))
        while (engine_kit_after(
            kit, pawl__shard_post(&kit->shard, engine_kit_stamp(kit), id, event, &error)))
            continue;
    pawl__arena_finish(&arena);
}

static void turn_result(struct engine_kit *kit, struct pawl_instance *instance, int32_t task_id,
                        struct pawl_str bytes) {
    struct pawl_error error;
    struct pawl_arena arena = {0};
    struct pawl_buf item = {0};
    const Pb__ActivityResponse *response =
        pawl__wire_unpack(&arena, &pb__activity_response__descriptor, bytes, NULL);
    if (pawl__shard_activity_item(&kit->shard, instance, task_id, PAWL_STR("token"), &item)) {
        FUZZ_CHECK(pawl__wire_check(&pb__work_item__descriptor, pawl__buf_str(&item), NULL));
        FUZZ_CHECK(pawl__shard_activity_name(instance, task_id).data);
    }
    if (response)
        while (
            engine_kit_after(kit, pawl__shard_complete_task(&kit->shard, engine_kit_stamp(kit),
                                                            instance, task_id, response, &error)))
            continue;
    pawl__buf_finish(&item);
    pawl__arena_finish(&arena);
}

static void turn_step(struct engine_kit *kit, struct fuzz_input *input) {
    unsigned kind = fuzz_byte(input);
    struct pawl_instance *instance = engine_kit_pick(kit, fuzz_byte(input));
    struct pawl_error error;
    uint32_t count;
    if (kind == 3) {
        struct pawl_str id = fuzz_piece(input);
        turn_start(kit, id, fuzz_piece(input), id.len & 1);
        return;
    }
    if (!instance) return;
    switch (kind) {
    case 0:
        engine_kit_begin(kit, instance);
        engine_kit_answer(kit, instance, fuzz_piece(input));
        break;
    case 1: {
        int32_t task_id = (int8_t)fuzz_byte(input);
        turn_result(kit, instance, task_id, fuzz_piece(input));
        break;
    }
    case 2: turn_event(kit, pawl__instance_id(instance), fuzz_piece(input)); break;
    case 4:
        kit->now += fuzz_byte(input) * PAWL_SECOND;
        while (engine_kit_after(
            kit, pawl__shard_fire_timers(&kit->shard, kit->now, engine_kit_stamp(kit), &error)))
            continue;
        break;
    case 5:
        engine_kit_begin(kit, instance);
        pawl__shard_turn_lost(instance);
        break;
    case 6: {
        unsigned flags = fuzz_byte(input);
        const struct pawl_purge_ask ask = {.recursive = flags & 1, .force = flags & 2};
        struct pawl_kin *kin;
        struct pawl_str id = fuzz_copy(pawl__instance_id(instance)); // it may go
        while (
            engine_kit_after(kit, pawl__shard_purge(&kit->shard, id, &ask, &count, &kin, &error)))
            continue;
        free((char *)id.data);
        break;
    }
    default: break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct engine_kit kit;
    engine_kit_init(&kit);
    kit.is_sound = true;
    turn_start(&kit, PAWL_STR("a"),
               PAWL_STR("\x0a\x01w"), // name: "w"
               false);
    for (int step = 0; input.left && step < 64; step++) turn_step(&kit, &input);
    engine_kit_check(&kit);
    engine_kit_finish(&kit);
    return 0;
}
