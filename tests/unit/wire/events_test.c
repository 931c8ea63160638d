// Every event and every action goes over the wire and back, and what is set to zero stays set.

#include "test.h"

#include "fill.h"
#include "library.h"
#include "orchestrator_service.pb-c.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

static bool holds_field(struct pawl_str bytes, unsigned number) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field))
        if (field.number == number) return true;
    return false;
}

static void round_trip(const ProtobufCMessageDescriptor *type, unsigned choice, bool zero) {
    struct pawl_arena arena = {0};
    ProtobufCMessage *message = pawl__arena_zalloc(&arena, type->sizeof_message);
    protobuf_c_message_init(type, message);
    test_fill(&arena, message, choice, zero, TEST_DEPTH);

    struct pawl_buf packed = {0}, again = {0};
    assert_true(pawl__wire_append_field(&packed, 1, message));
    struct pawl_pb_reader reader = pawl__pb_reader(pawl__buf_str(&packed));
    struct pawl_pb_field field;
    assert_true(pawl__pb_next(&reader, &field));
    const char *why = NULL;
    ProtobufCMessage *back = pawl__wire_unpack(&arena, type, field.bytes, &why);
    if (!back) fail_msg("%s: %s", type->name, why);
    assert_int_equal(back->n_unknown_fields, 0);
    assert_true(pawl__wire_append_field(&again, 1, back));
    assert_int_equal(again.len, packed.len);
    assert_memory_equal(again.data, packed.data, packed.len);
    test_packs_as_library(message);
    test_reads_as_library(field.bytes, back);

    // Equal bytes would not show what was lost on the way out.
    for (unsigned i = 0; i < type->n_fields; i++) {
        bool in_oneof = type->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
        bool set = in_oneof ? *(int *)((char *)message + type->fields[i].quantifier_offset) ==
                                  (int)type->fields[i].id
                            : !zero || (test_has_presence(&type->fields[i]) &&
                                        type->fields[i].label != PROTOBUF_C_LABEL_REPEATED);
        if (holds_field(field.bytes, type->fields[i].id) != set)
            fail_msg("%s.%s is %s", type->name, type->fields[i].name, set ? "lost" : "there");
    }
    pawl__buf_finish(&packed);
    pawl__buf_finish(&again);
    pawl__arena_finish(&arena);
}

// The type itself, with each member of its oneof, and each member by itself.
static unsigned round_trips(const ProtobufCMessageDescriptor *type) {
    unsigned members = 0;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) || field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        members++;
        for (int zero = 0; zero < 2; zero++) {
            round_trip(type, i, zero);
            const ProtobufCMessageDescriptor *inner = field->descriptor;
            for (unsigned k = 0; k < inner->n_fields; k++) round_trip(inner, k, zero);
        }
    }
    return members;
}

static void every_event_comes_back(void **state) {
    assert_int_equal(round_trips(&pb__history_event__descriptor), 20 + 1); // with the router
}

static void every_action_comes_back(void **state) {
    assert_int_equal(round_trips(&pb__workflow_action__descriptor), 8 + 1);
}

static void every_call_comes_back(void **state) {
    const ProtobufCServiceDescriptor *service = &pb__task_hub_sidecar_service__descriptor;
    for (unsigned i = 0; i < service->n_methods; i++) {
        const ProtobufCMessageDescriptor *types[] = {service->methods[i].input,
                                                     service->methods[i].output};
        for (size_t t = 0; t < 2; t++)
            for (unsigned k = 0; k <= types[t]->n_fields; k++) {
                round_trip(types[t], k, false);
                round_trip(types[t], k, true);
            }
    }
}

// Bytes as other implementations write them, so that a wrong number cannot hide behind itself.
static void reads_and_writes_the_bytes_of_others(void **state) {
    static const char bytes[] = "\x12\x33" // activityRequest
                                "\x0a\x04"
                                "Ship" // name
                                "\x1a\x05\x0a\x03"
                                "\"x\"" // input
                                "\x22\x0c\x0a\x03"
                                "o-1\x12\x05\x0a\x03"
                                "e-1"      // workflowInstance
                                "\x28\x02" // taskId
                                "\x32\x09\x0a\x02"
                                "00\x12\x01"
                                "1\x1a\x00"
                                "\x3a\x03"
                                "t-1"                      // taskExecutionId
                                "\x42\x04\x08\x01\x12\x00" // propagatedHistory
                                "\x52\x01"
                                "c"; // completionToken
    struct pawl_str whole = {bytes, sizeof bytes - 1};
    struct pawl_arena arena = {0};
    const char *why = NULL;
    Pb__WorkItem *item = pawl__wire_unpack(&arena, &pb__work_item__descriptor, whole, &why);
    if (!item) fail_msg("%s", why);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST);
    const Pb__ActivityRequest *activity = item->activityrequest;
    assert_string_equal(activity->name, "Ship");
    assert_null(activity->version);
    assert_string_equal(activity->input->value, "\"x\"");
    assert_string_equal(activity->workflowinstance->instanceid, "o-1");
    assert_string_equal(activity->workflowinstance->executionid->value, "e-1");
    assert_int_equal(activity->taskid, 2);
    assert_string_equal(activity->parenttracecontext->spanid, "1");
    assert_string_equal(activity->taskexecutionid, "t-1");
    assert_int_equal(activity->propagatedhistory->scope,
                     PB__HISTORY_PROPAGATION_SCOPE__HISTORY_PROPAGATION_SCOPE_OWN_HISTORY);
    assert_string_equal(item->completiontoken, "c");
    uint8_t again[sizeof bytes];
    assert_int_equal(pb__work_item__get_packed_size(item), whole.len);
    pb__work_item__pack(item, again);
    assert_memory_equal(again, bytes, whole.len);
    pawl__arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_comes_back),
        cmocka_unit_test(every_action_comes_back),
        cmocka_unit_test(every_call_comes_back),
        cmocka_unit_test(reads_and_writes_the_bytes_of_others),
    };
    return cmocka_run_group_tests_name("wire events", tests, NULL, NULL);
}
