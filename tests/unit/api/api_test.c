// What the api answers, request by request.

#include "api/elder.h"
#include "talks.h"

static void finish(struct kit *kit) {
    kit_close(kit);
    if (*kit->fault) fail_msg("%s", kit->fault);
}

static void talk_runs(void **state) {
    const struct talk_row *row = *state;
    struct kit kit;
    kit_init(&kit);
    kit_open(&kit);
    kit_talk(&kit, row->steps, false);
    finish(&kit);
}

static void shutdown_is_asked_for(void **state) {
    static const struct step steps[] = {
        {"POST /v1.0/shutdown", NULL, "204"},
        {"POST /v1.0/shutdown\ndapr-force-shutdown: TRUE", NULL, "204"},
        {"Shutdown", "", "0"},
        {0},
    };
    struct kit kit;
    kit_init(&kit);
    kit_open(&kit);
    kit_talk(&kit, steps, false);
    assert_int_equal(kit.shutdowns, 12);
    finish(&kit);
}

static void token_is_asked_for(void **state) {
    static const struct step steps[] = {
        {"GET /v1.0/metadata", NULL, "401 invalid api token"},
        {"GET /v1.0/metadata\ndapr-api-token:secre", NULL, "401"},
        {"GET /v1.0/metadata\ndapr-api-token:secret1", NULL, "401"},
        {"GET /v1.0/metadata\ndapr-api-token:secret", NULL, "200"},
        {"GET /v1.0/healthz", NULL, "204"},
        {"Hello", "", "0"}, // the peer has the token
        {0},
    };
    static const struct step wrong[] = {{"Hello", "", "16 invalid api token"}, {0}};
    struct kit kit;
    kit_init(&kit);
    kit.options.token = "secret";
    kit_open(&kit);
    kit_talk(&kit, steps, false);
    finish(&kit);
    kit_init(&kit);
    kit.options.token = "other";
    kit_open(&kit);
    kit_talk(&kit, wrong, false);
    finish(&kit);
}

static void nothing_is_configured(void **state) {
    static const struct step steps[] = {
        {"GET /v1.0/metadata", NULL, "200 DISABLED"},
        {"GetMetadata", "", "0 \"runtimeStatus\":\"DISABLED\""},
        {"GET /v1.0/state/statestore/k", NULL, "500 ERR_STATE_STORE_NOT_CONFIGURED"},
        {"GetState", "{\"storeName\":\"statestore\",\"key\":\"k\"}", "9 is not configured"},
        {"StartInstance", "{\"instanceId\":\"a\",\"name\":\"w\"}", "13 actorStateStore"},
        {"CompleteWorkflowTask", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"GetWorkItems", "", "14 unable to establish work item stream"},
        {"GetInstance", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"WaitForInstanceStart", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"RaiseEvent", "{\"instanceId\":\"a\",\"name\":\"e\"}", "13 actorStateStore"},
        {"PurgeInstances", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"RerunWorkflowFromEvent", "{\"sourceInstanceID\":\"a\",\"eventID\":1}",
         "13 actorStateStore"},
        {"GetInstanceHistory", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"ListInstanceIDs", "", "2 no state store with actor support found"},
        {"Hello", "", "0"},
        {"CompleteActivityTask", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"GetWorkflowBeta1", "{\"instanceId\":\"a\"}", "13 actorStateStore"},
        {"GET /v1.0/workflows/dapr/a", NULL, "500 ERR_ACTOR_RUNTIME_NOT_FOUND"},
        {"POST /v1.0/workflows/dapr/w/start", "1", "500 ERR_ACTOR_RUNTIME_NOT_FOUND"},
        {"POST /v1.0/workflows/dapr/a/purge", "", "500 ERR_ACTOR_RUNTIME_NOT_FOUND"},
        {"POST /v1.0/workflows/dapr/a/terminate", "", "500 ERR_ACTOR_RUNTIME_NOT_FOUND"},
        {0},
    };
    struct kit kit;
    kit_init(&kit);
    kit.without_runtime = true;
    kit.options.app_port = 0;
    kit_open(&kit);
    kit_talk(&kit, steps, false);
    finish(&kit);
}

static void health_tells_why(void **state) {
    static const struct step steps[] = {
        {"GET /v1.0/healthz", NULL, "500 dapr is not ready: [the disk is full]"},
        {"GET /v1.0/healthz/outbound", NULL, "500 dapr outbound is not ready: [the disk is full]"},
        {0},
    };
    struct kit kit;
    kit_init(&kit);
    kit_open(&kit);
    pawl__api_set_ready(kit.api, false, "the disk is full");
    kit_talk(&kit, steps, false);
    finish(&kit);
}

// So long as the store can be written to, or has just begun to fail, the sidecar is healthy.
static void health_tells_of_the_store(void **state) {
    static const struct step well[] = {{"GET /v1.0/healthz", NULL, "204"}, {0}};
    static const struct step ill[] = {
        {"GET /v1.0/healthz", NULL, "500 dapr is not ready: [orders.db was moved]"},
        {"GET /v1.0/healthz/outbound", NULL,
         "500 dapr outbound is not ready: [orders.db was moved]"},
        {0},
    };
    struct kit kit;
    kit_init(&kit);
    kit_open(&kit);
    kit_talk(&kit, well, false);
    uv_timer_stop(&kit.storage.tend.timer); // it would find that all is well
    pawl__fail(&kit.storage.tend.failed, PAWL_E_IO, "orders.db was moved");
    kit.storage.tend.failing_since = pawl__clock_steady();
    kit_talk(&kit, well, false);
    kit.storage.tend.failing_since -= PAWL_STORAGE_ILL;
    kit_talk(&kit, ill, false);
    kit.storage.tend.failing_since = 0;
    kit_talk(&kit, well, false);
    finish(&kit);
}

// Microsoft's workers put other things under numbers that Dapr's schema has, too.
static void answers_of_the_other_dialect(void **state) {
    // instanceId, an action { id, scheduleTask { name, a trace context in 5 }, an entity's message
    // in 8 }, another { createChildWorkflow { instanceId, name, tags in 6 } }, the token, a span in
    // 6
    const struct pawl_str theirs = PAWL_STR("\x0a\x01"
                                            "a"
                                            "\x12\x0c\x08\x01\x12\x06\x0a\x01"
                                            "t"
                                            "\x2a\x01\xff"
                                            "\x42\x00"
                                            "\x12\x0a\x1a\x08\x0a\x01"
                                            "c"
                                            "\x12\x01"
                                            "n"
                                            "\x32\x00"
                                            "\x22\x03"
                                            "12~"
                                            "\x32\x02\x08\x07");
    const struct pawl_str ours = PAWL_STR("\x0a\x01"
                                          "a"
                                          "\x12\x07\x08\x01\x12\x03\x0a\x01"
                                          "t"
                                          "\x12\x08\x1a\x06\x0a\x01"
                                          "c"
                                          "\x12\x01"
                                          "n"
                                          "\x22\x03"
                                          "12~");
    struct pawl_arena arena = {0};
    assert_true(pawl__str_equal(pawl__elder_answer(&arena, theirs), ours));
    // Any other token is of a worker of Dapr's, and what is damaged stays so.
    const struct pawl_str daprs = PAWL_STR("\x22\x02"
                                           "12"
                                           "\x32\x02\x08\x07");
    assert_true(pawl__str_equal(pawl__elder_answer(&arena, daprs), daprs));
    const struct pawl_str damaged = PAWL_STR("\x22\x02"
                                             "1~"
                                             "\x12\x05");
    assert_true(pawl__str_equal(pawl__elder_answer(&arena, damaged), damaged));
    pawl__arena_finish(&arena);
}

int main(void) {
    struct CMUnitTest tests[32] = {
        cmocka_unit_test(shutdown_is_asked_for), cmocka_unit_test(token_is_asked_for),
        cmocka_unit_test(nothing_is_configured), cmocka_unit_test(health_tells_of_the_store),
        cmocka_unit_test(health_tells_why),      cmocka_unit_test(answers_of_the_other_dialect),
    };
    size_t count = 0;
    while (tests[count].test_func) count++;
    for (size_t i = 0; i < talk_count; i++)
        tests[count++] = (struct CMUnitTest){
            .name = talks[i].name, .test_func = talk_runs, .initial_state = (void *)&talks[i]};
    return _cmocka_run_group_tests("api", tests, count, NULL, NULL);
}
