// Messages as JSON and back.

#include "test.h"

#include "base/buf.h"
#include "dapr_runtime.pb-c.h"
#include "fill.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"
#include "wire/json.h"
#include "wire/pb.h"
#include "wire/unpack.h"

static int allocations_left = -1; // -1: as many as are asked for

static bool allocation_fails(void) {
    if (allocations_left > 0)
        allocations_left--;
    else if (allocations_left == 0)
        return true;
    return false;
}

void *__real_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__real_realloc(void *old, size_t len);
void *__wrap_realloc(void *old, size_t len);

void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len) {
    return allocation_fails() ? NULL : __real_pawl__arena_alloc(arena, len);
}

void *__wrap_realloc(void *old, size_t len) {
    return allocation_fails() ? NULL : __real_realloc(old, len);
}

static void *json_malloc(size_t len) {
    return allocation_fails() ? NULL : malloc(len);
}

static struct pawl_str pack(struct pawl_arena *arena, const ProtobufCMessage *message) {
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = pawl__arena_alloc(arena, len);
    assert_non_null(bytes);
    protobuf_c_message_pack(message, bytes);
    return (struct pawl_str){(const char *)bytes, len};
}

// --- round trips --------------------------------------------------------------------------------

static void round_trip(const ProtobufCMessageDescriptor *type, unsigned choice, bool zero) {
    struct pawl_arena arena = {0};
    ProtobufCMessage *message = pawl__arena_zalloc(&arena, type->sizeof_message);
    protobuf_c_message_init(type, message);
    test_fill(&arena, message, choice, zero, TEST_DEPTH);
    struct pawl_str packed = pack(&arena, message);
    json_t *json = pawl__wire_to_json(message);
    assert_non_null(json);
    // Through text, as nobody keeps JSON otherwise.
    char *text = json_dumps(json, JSON_ENCODE_ANY);
    json_t *read = json_loads(text, JSON_DECODE_ANY, NULL);
    const char *why = NULL;
    ProtobufCMessage *back = pawl__wire_from_json(&arena, type, read, &why);
    if (!back) fail_msg("%s: %s: %s", type->name, text, why);
    struct pawl_str again = pack(&arena, back);
    if (!pawl__str_equal(packed, again)) fail_msg("%s changed: %s", type->name, text);
    free(text);
    json_decref(json);
    json_decref(read);
    pawl__arena_finish(&arena);
}

// Calls |visit| for |type| and all that it can hold, each once.
static void visit_all(const ProtobufCMessageDescriptor *type,
                      const ProtobufCMessageDescriptor **seen, size_t *count,
                      void (*visit)(const ProtobufCMessageDescriptor *type)) {
    for (size_t i = 0; i < *count; i++)
        if (seen[i] == type) return;
    assert_true(*count < 256);
    seen[(*count)++] = type;
    visit(type);
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            visit_all(type->fields[i].descriptor, seen, count, visit);
}

static void visit_services(void (*visit)(const ProtobufCMessageDescriptor *type)) {
    const ProtobufCMessageDescriptor *seen[256];
    size_t count = 0;
    const ProtobufCServiceDescriptor *services[] = {&pb__task_hub_sidecar_service__descriptor,
                                                    &dapr__dapr__descriptor};
    for (size_t s = 0; s < 2; s++)
        for (unsigned i = 0; i < services[s]->n_methods; i++) {
            visit_all(services[s]->methods[i].input, seen, &count, visit);
            visit_all(services[s]->methods[i].output, seen, &count, visit);
        }
    visit_all(&plog__batch__descriptor, seen, &count, visit);
    visit_all(&plog__snapshot__descriptor, seen, &count, visit);
}

static void check_limits(const ProtobufCMessageDescriptor *type) {
    assert_true(type->n_fields <= 64);
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        assert_true(strlen(field->name) < 64);
        assert_true(field->type != PROTOBUF_C_TYPE_FLOAT && field->type != PROTOBUF_C_TYPE_DOUBLE);
    }
}

static void no_type_is_beyond_the_limits(void **state) {
    visit_services(check_limits);
}

static void trip_type(const ProtobufCMessageDescriptor *type) {
    if (type == &google__protobuf__timestamp__descriptor) return; // the filler's is no time
    for (unsigned i = 0; i <= type->n_fields; i++) {
        round_trip(type, i, false);
        round_trip(type, i, true);
    }
}

// Each with each member of its oneof; the history's events are among them.
static void every_type_comes_back(void **state) {
    visit_services(trip_type);
}

// --- what it looks like -------------------------------------------------------------------------

static void *read_json(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                       const char *text, const char **why) {
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (!json) fail_msg("no JSON: %s", text);
    *why = NULL;
    void *message = pawl__wire_from_json(arena, type, json, why);
    json_decref(json);
    return message;
}

// |text| is what |type| looks like when it was read from |from|.
static void looks(const ProtobufCMessageDescriptor *type, const char *from, const char *text) {
    struct pawl_arena arena = {0};
    const char *why;
    ProtobufCMessage *message = read_json(&arena, type, from, &why);
    if (!message) fail_msg("%s: %s", from, why);
    json_t *json = pawl__wire_to_json(message);
    char *dumped = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(dumped, text);
    // What the decoder of the wire takes, too.
    assert_true(pawl__wire_check(type, pack(&arena, message), NULL));
    free(dumped);
    json_decref(json);
    pawl__arena_finish(&arena);
}

#define looks_the_same(type, text) looks(type, text, text)

static const ProtobufCMessageDescriptor *const event = &pb__history_event__descriptor;
static const ProtobufCMessageDescriptor *const started = &pb__execution_started_event__descriptor;
static const ProtobufCMessageDescriptor *const stalled = &pb__execution_stalled_event__descriptor;
static const ProtobufCMessageDescriptor *const completed = &pb__task_completed_event__descriptor;
static const ProtobufCMessageDescriptor *const timer = &pb__timer_created_event__descriptor;
static const ProtobufCMessageDescriptor *const version = &pb__workflow_version__descriptor;
static const ProtobufCMessageDescriptor *const pending = &plog__pending__descriptor;
static const ProtobufCMessageDescriptor *const create = &plog__create__descriptor;

static void looks_as_protobuf_says(void **state) {
    looks_the_same(event, "{\"eventId\":-1,\"timestamp\":\"2026-01-02T03:04:05.678Z\","
                          "\"executionStarted\":{\"name\":\"Order\",\"version\":\"\","
                          "\"input\":\"{}\",\"workflowInstance\":{\"instanceId\":\"a\"},"
                          "\"tags\":{\"k\":\"v\",\"\":\"\"}},"
                          "\"router\":{\"sourceAppID\":\"x\",\"targetAppID\":\"\"}}");
    looks_the_same(timer, "{\"fireAt\":\"9999-12-31T23:59:59.999999999Z\",\"createTimer\":{}}");
    looks_the_same(timer, "{\"fireAt\":\"0001-01-01T00:00:00Z\",\"name\":\"\"}");
    looks_the_same(stalled, "{\"reason\":\"PAYLOAD_SIZE_EXCEEDED\"}");
    looks_the_same(version, "{\"patches\":[\"a\",\"\"],\"name\":\"\xc3\xa9\\u0001\"}");
    looks_the_same(completed, "{\"taskScheduledId\":7,\"signerCertificate\":\"AP8hIg==\"}");
    looks_the_same(completed, "{\"signerCertificate\":\"\"}");
    looks_the_same(pending, "{\"kind\":4294967295,\"id\":-2147483648,\"fireAt\":"
                            "\"-9223372036854775808\"}");
    looks_the_same(create, "{\"generation\":\"18446744073709551615\"}");
    looks_the_same(&google__protobuf__string_value__descriptor, "\"plain\"");
    looks_the_same(&google__protobuf__int32_value__descriptor, "0");
    looks_the_same(&google__protobuf__bool_value__descriptor, "false");
}

static void takes_what_protobuf_takes(void **state) {
    looks(stalled, "{\"reason\":2}", "{\"reason\":\"PAYLOAD_SIZE_EXCEEDED\"}");
    looks(stalled, "{\"reason\":77}", "{\"reason\":77}"); // of a newer version
    looks(stalled, "{\"reason\":0}", "{}");
    looks(stalled, "{\"reason\":null,\"description\":null}", "{}");
    looks(completed, "{\"taskScheduledId\":\"-7\"}", "{\"taskScheduledId\":-7}");
    looks(completed, "{\"signerCertificate\":\"_-8\"}", "{\"signerCertificate\":\"/+8=\"}");
    looks(pending, "{\"fire_at\":12,\"offset\":\"3\"}", "{\"offset\":3,\"fireAt\":\"12\"}");
    looks(create, "{\"generation\":12}", "{\"generation\":\"12\"}");
    looks(timer, "{\"fireAt\":\"2026-01-02T05:04:05+02:00\"}",
          "{\"fireAt\":\"2026-01-02T03:04:05Z\"}");
    looks(started, "{\"tags\":{},\"name\":\"\"}", "{}");
    looks(version, "{\"patches\":[]}", "{}");
    looks(&dapr__metadata_scheduler__descriptor, "{\"connected_addresses\":[\"a\"]}",
          "{\"connectedAddresses\":[\"a\"]}");
}

// --- what is refused ----------------------------------------------------------------------------

static void refuses(const ProtobufCMessageDescriptor *type, const char *text, const char *reason) {
    struct pawl_arena arena = {0};
    const char *why;
    if (read_json(&arena, type, text, &why)) fail_msg("taken: %s", text);
    assert_string_equal(why, reason);
    pawl__arena_finish(&arena);
}

static void says_where_and_what_is_wrong(void **state) {
    refuses(event, "[]", "the whole is no object");
    refuses(event, "{\"eventID\":1}", "eventID is unknown");
    refuses(event, "{\"executionStarted\":{\"tagz\":{}}}", "executionStarted.tagz is unknown");
    refuses(event, "{\"executionStarted\":{\"tags\":{\"a b\":1}}}",
            "executionStarted.tags.a b is no string");
    refuses(event, "{\"executionStarted\":{\"tags\":{\"a\":null}}}",
            "executionStarted.tags.a is no string");
    refuses(event, "{\"executionStarted\":{\"tags\":[]}}", "executionStarted.tags is no object");
    refuses(event, "{\"workflowStarted\":{\"version\":{\"patches\":[\"\",7]}}}",
            "workflowStarted.version.patches[1] is no string");
    refuses(event, "{\"workflowStarted\":{\"version\":{\"patches\":{}}}}",
            "workflowStarted.version.patches is no array");
    refuses(event, "{\"taskCompleted\":{},\"taskFailed\":{}}",
            "taskFailed is there beside another of its oneof");
    refuses(pending, "{\"fire_at\":1,\"fireAt\":1}", "fireAt is there twice");
    refuses(pending, "{\"fire_at\":null,\"fireAt\":1}", "fireAt is there twice");
    refuses(&pb__propagated_history__descriptor, "{\"chunks\":[{},{\"rawEvents\":[\"*\"]}]}",
            "chunks[1].rawEvents[0] is not bytes in base64");
    refuses(&pb__propagated_history__descriptor, "{\"chunks\":[null]}", "chunks[0] is no object");
}

static void refuses_values_of_another_type(void **state) {
    static const char *const ints[] = {"2147483648", "-2147483649", "1.0",          "true", "\"\"",
                                       "\"1x\"",     "\" 1\"",      "\"1\\u0000\"", "[]",   "{}"};
    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"id\":%s}", ints[i]);
        refuses(pending, text, "id is no integer of its type");
    }
    static const char *const longs[] = {"-1",           "\"-1\"", "\"18446744073709551616\"",
                                        "\"\"",         "\" 1\"", "\"1 \"",
                                        "\"1\\u0000\"", "1.0"};
    for (size_t i = 0; i < sizeof longs / sizeof longs[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"generation\":%s}", longs[i]);
        refuses(create, text, "generation is no integer of its type");
    }
    refuses(pending, "{\"kind\":-1}", "kind is no integer of its type");
    refuses(pending, "{\"fireAt\":\"9223372036854775808\"}", "fireAt is no integer of its type");
    refuses(started, "{\"name\":7}", "name is no string");
    refuses(started, "{\"input\":{}}", "input is no string");
    refuses(started, "{\"name\":\"a\\u0000b\"}", "name has a zero byte in it");
    refuses(stalled, "{\"reason\":\"patch_mismatch\"}", "reason is none of the names of its enum");
    refuses(stalled, "{\"reason\":4294967296}", "reason is none of the names of its enum");
    refuses(stalled, "{\"reason\":true}", "reason is none of the names of its enum");
    refuses(completed, "{\"signerCertificate\":\"A\"}", "signerCertificate is not bytes in base64");
    refuses(completed, "{\"signerCertificate\":7}", "signerCertificate is not bytes in base64");
    refuses(&pb__task_failure_details__descriptor, "{\"isNonRetriable\":1}",
            "isNonRetriable is neither true nor false");
    static const char *const times[] = {"7",
                                        "\"\"",
                                        "\"2026-01-02\"",
                                        "\"0000-12-31T23:59:59Z\"",
                                        "\"0001-01-01T00:00:00+00:01\"",
                                        "\"9999-12-31T23:59:59-00:01\"",
                                        "{\"seconds\":1}"};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"fireAt\":%s}", times[i]);
        refuses(timer, text, "fireAt is no time in RFC 3339");
    }
}

static void limits_depth(void **state) {
    for (int depth = 100; depth <= 101; depth++) {
        struct pawl_buf text = {0};
        for (int i = 1; i < depth; i++) pawl__buf_format(&text, "{\"innerFailure\":");
        pawl__buf_format(&text, "{}");
        for (int i = 1; i < depth; i++) pawl__buf_format(&text, "}");
        pawl__buf_append(&text, "", 1);
        struct pawl_arena arena = {0};
        const char *why;
        ProtobufCMessage *message =
            read_json(&arena, &pb__task_failure_details__descriptor, (const char *)text.data, &why);
        if (depth == 100) {
            assert_non_null(message);
            assert_true(pawl__wire_check(message->descriptor, pack(&arena, message), NULL));
        } else {
            assert_null(message);
            const char *end = "innerFailure.innerFailure is nested too deeply";
            assert_true(strlen(why) > strlen(end));
            assert_string_equal(why + strlen(why) - strlen(end), end);
        }
        pawl__arena_finish(&arena);
        pawl__buf_finish(&text);
    }
}

// What workers sent may hold times that JSON does not have.
static void clamps_times_that_are_none(void **state) {
    static const struct {
        int64_t seconds;
        int32_t nanos;
        const char *text;
    } cases[] = {
        {INT64_MIN, 5, "0001-01-01T00:00:00Z"},
        {INT64_MAX, 5, "9999-12-31T23:59:59.999999999Z"},
        {0, -1, "1970-01-01T00:00:00Z"},
        {0, INT32_MAX, "1970-01-01T00:00:00.999999999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Google__Protobuf__Timestamp stamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        stamp.seconds = cases[i].seconds;
        stamp.nanos = cases[i].nanos;
        json_t *json = pawl__wire_to_json(&stamp.base);
        assert_string_equal(json_string_value(json), cases[i].text);
        json_decref(json);
    }
}

static void refuses_strings_that_are_not_utf8(void **state) {
    Pb__EventRaisedEvent raised = PB__EVENT_RAISED_EVENT__INIT;
    raised.name = (char *)"\xff";
    assert_null(pawl__wire_to_json(&raised.base));
}

// --- the end of memory --------------------------------------------------------------------------

static const char whole[] =
    "{\"eventId\":3,\"timestamp\":\"2026-01-02T03:04:05Z\",\"workflowStarted\":{\"version\":"
    "{\"patches\":[\"a\",\"b\"]}},\"router\":{\"sourceAppID\":\"x\"}}";

static void survives_the_end_of_memory(void **state) {
    static const struct {
        const ProtobufCMessageDescriptor *type;
        const char *text;
    } cases[] = {
        {&pb__history_event__descriptor, whole},
        {&pb__execution_started_event__descriptor, "{\"input\":\"x\",\"tags\":{\"a\":\"b\"}}"},
        {&pb__task_completed_event__descriptor, "{\"signerCertificate\":\"AP8hIg==\"}"},
        {&plog__create__descriptor, "{\"generation\":\"7\"}"},
    };
    json_set_alloc_funcs(json_malloc, free);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *json = json_loads(cases[i].text, 0, NULL);
        struct pawl_arena arena = {0};
        ProtobufCMessage *message = NULL;
        for (int count = 0; !message; count++) {
            const char *why = NULL;
            allocations_left = count;
            message = pawl__wire_from_json(&arena, cases[i].type, json, &why);
            allocations_left = -1;
            if (!message) assert_string_equal(why, "out of memory");
            assert_true(count < 1000);
        }
        json_t *out = NULL;
        for (int count = 0; !out; count++) {
            allocations_left = count;
            out = pawl__wire_to_json(message);
            allocations_left = -1;
            assert_true(count < 1000);
        }
        assert_true(json_equal(json, out));
        json_decref(json);
        json_decref(out);
        pawl__arena_finish(&arena);
    }
    // The reason itself needs memory.
    json_t *json = json_loads("{\"workflowStarted\":{\"version\":{\"patches\":[7]}}}", 0, NULL);
    bool said = false;
    for (int count = 0; !said; count++) {
        struct pawl_arena arena = {0};
        const char *why = NULL;
        allocations_left = count;
        assert_null(pawl__wire_from_json(&arena, event, json, &why));
        allocations_left = -1;
        said = strcmp(why, "out of memory") != 0;
        if (said) assert_string_equal(why, "workflowStarted.version.patches[0] is no string");
        pawl__arena_finish(&arena);
        assert_true(count < 1000);
    }
    json_decref(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_type_is_beyond_the_limits),
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(looks_as_protobuf_says),
        cmocka_unit_test(takes_what_protobuf_takes),
        cmocka_unit_test(says_where_and_what_is_wrong),
        cmocka_unit_test(refuses_values_of_another_type),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(clamps_times_that_are_none),
        cmocka_unit_test(refuses_strings_that_are_not_utf8),
        cmocka_unit_test(survives_the_end_of_memory),
    };
    return cmocka_run_group_tests_name("wire json", tests, NULL, NULL);
}
