// Events that are encoded by hand are, to the byte, what packing them gives.

#include "kit.h"

#include "engine/events.h"
#include "engine/history.h"
#include "wire/pack.h"
#include "wire/unpack.h"

static const int64_t times[] = {0,         1,         -1,       999999999,          1000000000,
                                INT64_MIN, INT64_MAX, -1500000, 1764500000123456789};

// Long enough for lengths of two bytes.
static char text_long[300];

static void same(struct pawl_str bytes, const Pb__HistoryEvent *event, struct pawl_arena *arena) {
    struct pawl_str packed = pawl__wire_pack(arena, &event->base);
    assert_true(pawl__str_equal(bytes, packed));
    assert_true(pawl__wire_check(&pb__history_event__descriptor, bytes, NULL));
}

static void started_is_as_packed(void **state) {
    const char *sources[] = {NULL, "order-processor", text_long};
    Pb__WorkflowVersion version = PB__WORKFLOW_VERSION__INIT;
    version._name_case = PB__WORKFLOW_VERSION___NAME_NAME;
    version.name = text_long;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        for (size_t j = 0; j < sizeof sources / sizeof *sources; j++)
            for (int versioned = 0; versioned < 2; versioned++) {
                struct pawl_arena arena = {0};
                Pb__HistoryEvent *event = pawl__event_create(
                    &arena, times[i], PB__HISTORY_EVENT__EVENT_TYPE_WORKFLOW_STARTED);
                if (sources[j]) pawl__event_set_source(&arena, event, sources[j]);
                struct pawl_str body = PAWL_STR("");
                if (versioned) {
                    event->workflowstarted->_version_case =
                        PB__WORKFLOW_STARTED_EVENT___VERSION_VERSION;
                    event->workflowstarted->version = &version;
                    body = pawl__wire_pack(&arena, &event->workflowstarted->base);
                }
                struct pawl_history history = {0};
                assert_true(pawl__history_add_bytes(&history, PAWL_STR("\x08\x01")));
                uint32_t offset = (uint32_t)history.bytes.len;
                assert_true(pawl__history_add_started(&history, times[i], body, sources[j]));
                assert_int_equal(history.count, 2);
                same(pawl__history_bytes(&history, offset), event, &arena);
                pawl__history_finish(&history);
                pawl__arena_finish(&arena);
            }
}

static void check_completed(const struct pawl_event_completed *made, int64_t at) {
    struct pawl_arena arena = {0};
    Pb__HistoryEvent *event =
        pawl__event_create(&arena, at, PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED);
    event->taskcompleted->taskscheduledid = made->task_id;
    event->taskcompleted->taskexecutionid = pawl__arena_dup(&arena, made->execution);
    if (made->result)
        event->taskcompleted->result =
            pawl__string_value(&arena, pawl__arena_dup(&arena, *made->result));
    const struct pawl_event_parts from = {.router = made->router};
    assert_true(pawl__event_copy_router(&arena, event, &from));
    same(pawl__event_completed(&arena, at, made), event, &arena);
    pawl__arena_finish(&arena);
}

static void completed_is_as_packed(void **state) {
    const int32_t ids[] = {0, 1, 127, 128, INT32_MAX, -1};
    const struct pawl_str texts[] = {PAWL_STR(""), PAWL_STR("7"), pawl__str(text_long)};
    Pb__TaskRouter router = PB__TASK_ROUTER__INIT;
    router.sourceappid = text_long;
    router._target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    router.targetappid = (char *)"other";
    struct pawl_arena arena = {0};
    const struct pawl_pb_field routers[] = {
        {0}, {.number = 30}, {.number = 30, .bytes = pawl__wire_pack(&arena, &router.base)}};
    enum {
        KINDS = 3
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        for (int result = 0; result <= KINDS; result++)
            for (int execution = 0; execution < KINDS; execution++)
                for (int from = 0; from < KINDS; from++) {
                    const struct pawl_event_completed made = {
                        .task_id = ids[i],
                        .result = result < KINDS ? &texts[result] : NULL,
                        .execution = texts[execution],
                        .router = routers[from],
                    };
                    check_completed(&made, times[i]);
                }
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        check_completed(&(struct pawl_event_completed){.execution = texts[0]}, times[i]);
    pawl__arena_finish(&arena);
}

int main(void) {
    memset(text_long, 'x', sizeof text_long - 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(started_is_as_packed),
        cmocka_unit_test(completed_is_as_packed),
    };
    return cmocka_run_group_tests_name("engine events", tests, NULL, NULL);
}
