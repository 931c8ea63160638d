// What the guard in front of the decoder lets in. The decoder must take all of it, and nothing else
// may reach it.

#include "test.h"

#include "base/buf.h"
#include "dapr_runtime.pb-c.h"
#include "library.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"
#include "wire/fields.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *const failure = &pb__task_failure_details__descriptor;
static const ProtobufCMessageDescriptor *const request = &pb__workflow_request__descriptor;

static int allocations_left = -1; // -1: as many as are asked for
static size_t allocated;

void *__real_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len);

void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len) {
    if (allocations_left == 0) return NULL;
    if (allocations_left > 0) allocations_left--;
    allocated += len;
    return __real_pawl__arena_alloc(arena, len);
}

// Whether some known field has another wire type, which protobuf-c takes for a value now and then,
// or a message is in parts, which it merges in its own way. protoc's word on both is in
// test_protoc.py.
static bool is_foreign(const ProtobufCMessageDescriptor *type, struct pawl_str bytes) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    uint64_t seen = 0;
    while (pawl__pb_next(&reader, &field)) {
        const ProtobufCFieldDescriptor *known = pawl__field_find(type, field.number);
        if (!known) continue;
        uint64_t place = UINT64_C(1) << (known - type->fields);
        if (known->type == PROTOBUF_C_TYPE_MESSAGE && !pawl__field_is_repeated(known)) {
            if (seen & place) return true;
            seen |= place;
        }
        enum pawl_field_form form = pawl__field_form(known, field.wire_type);
        if (form == PAWL_FIELD_UNKNOWN) return true;
        if (form == PAWL_FIELD_VALUE && known->type == PROTOBUF_C_TYPE_MESSAGE &&
            is_foreign(known->descriptor, field.bytes))
            return true;
    }
    return false;
}

// Checks and decodes; both must agree. Returns why the bytes were refused, NULL: they were not.
static const char *refusal(const ProtobufCMessageDescriptor *type, struct pawl_str bytes) {
    struct pawl_arena arena = {0};
    struct pawl_str exact = test_exact(bytes);
    const char *why = NULL, *why_not = NULL;
    bool good = pawl__wire_check(type, exact, &why);
    ProtobufCMessage *message = pawl__wire_unpack(&arena, type, exact, &why_not);
    if (good) {
        assert_non_null(message);
        assert_null(why_not);
        assert_ptr_equal(message->descriptor, type);
        assert_null(why);
        if (!is_foreign(type, exact)) test_reads_as_library(exact, message);
        test_packs_as_library(message);
    } else {
        assert_null(message);
        assert_non_null(why);
        assert_string_equal(why, why_not);
    }
    pawl__arena_finish(&arena);
    free((char *)exact.data);
    return why;
}

#define assert_taken(type, literal)   assert_null(refusal(type, PAWL_STR(literal)))
#define assert_refused(type, literal) assert_non_null(refusal(type, PAWL_STR(literal)))

static void takes_good_messages(void **state) {
    assert_taken(failure, "");
    assert_taken(failure, "\x0a\x01"
                          "E"
                          "\x12\x00"
                          "\x28\x01");
    assert_taken(failure, "\x22\x02\x22\x00");
    assert_null(refusal(failure, (struct pawl_str){NULL, 0}));
}

static void refuses_malformed_tags(void **state) {
    assert_refused(failure, "\x0a");     // no length
    assert_refused(failure, "\x80");     // a tag that goes on
    assert_refused(failure, "\x02\x00"); // field 0
    assert_refused(failure, "\x0e\x00"); // wire types 6 and 7
    assert_refused(failure, "\x0f\x00");
    assert_refused(failure, "\xfa\xff\xff\xff\x1f\x00");     // a number of more than 29 bits
    assert_refused(failure, "\x8a\x80\x80\x80\x80\x00\x00"); // a tag of six bytes
}

// They are of proto2, and unknown fields here whatever their number.
static void passes_over_groups(void **state) {
    char deep[2 * 101];
    assert_taken(failure, "\x0b\x0c");
    assert_taken(failure, "\xfb\x07\x08\x01\x0b\x12\x01x\x0c\xfc\x07");
    assert_refused(failure, "\x0b");              // without an end
    assert_refused(failure, "\x0b\x14");          // with that of another
    assert_refused(failure, "\x0b\x13\x0c\x14");  // crossed
    assert_refused(failure, "\x0c");              // an end alone
    assert_refused(failure, "\x0b\x12\x05x\x0c"); // cut off within
    assert_refused(failure, "\x0b\x00\x00\x0c");  // field 0
    memset(deep, 0x0b, 100);
    memset(deep + 100, 0x0c, 100);
    assert_null(refusal(failure, (struct pawl_str){deep, 200}));
    memset(deep, 0x0b, 101);
    memset(deep + 101, 0x0c, 101);
    assert_non_null(refusal(failure, (struct pawl_str){deep, 202}));
}

static void refuses_malformed_values(void **state) {
    assert_refused(failure, "\x0a\x02"
                            "E");                        // longer than there is
    assert_refused(failure, "\x0a\x80\x80\x80\x80\x04"); // 1 GiB
    assert_refused(failure, "\x0a\xff\xff\xff\xff\x0f"); // 4 GiB - 1
    assert_refused(failure, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    assert_refused(failure, "\x0a\x81\x80\x80\x80\x80\x00"
                            "E");        // a length of six bytes
    assert_refused(failure, "\x28\x80"); // a varint that goes on
    assert_refused(failure, "\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"); // of 65 bits
    assert_refused(failure, "\x28\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00");
    assert_refused(failure, "\x79\x00\x00\x00\x00\x00\x00\x00"); // a fixed64 of seven bytes
    assert_refused(failure, "\x7d\x00\x00\x00");
    // A member may not reach past the message that it is in, though there are bytes.
    assert_refused(failure, "\x22\x02\x0a\x05"
                            "abcdefgh");
}

static void takes_other_types_of_known_fields_for_unknown(void **state) {
    assert_taken(failure, "\x08\x00");             // string as varint
    assert_taken(failure, "\x0d\x00\x00\x00\x00"); // as fixed32
    assert_taken(failure, "\x20\x00");             // message as varint
    assert_taken(failure, "\x2a\x01\xff");         // bool as bytes
    assert_taken(failure, "\x29\x00\x00\x00\x00\x00\x00\x00\x00");
    struct pawl_arena arena = {0};
    const Pb__TaskFailureDetails *details =
        pawl__wire_unpack(&arena, failure,
                          PAWL_STR("\x0a\x01"
                                   "E"
                                   "\x08\x07\x2a\x00\x28\x01\x20\x01"),
                          NULL);
    assert_string_equal(details->errortype, "E");
    assert_true(details->isnonretriable);
    assert_null(details->innerfailure);
    assert_int_equal(details->base.n_unknown_fields, 0);
    pawl__arena_finish(&arena);
    assert_taken(failure, "\x30\x00"
                          "\x3a\x01"
                          "x"
                          "\x45"
                          "abcd"
                          "\x49"
                          "abcdefgh"); // unknown
}

static void takes_packed_and_unpacked_enums(void **state) {
    const ProtobufCMessageDescriptor *filter = &pb__purge_instance_filter__descriptor;
    assert_taken(filter, "\x18\x01\x18\x03");
    assert_taken(filter, "\x1a\x03\x01\x80\x01");
    assert_taken(filter, "\x1a\x00");
    assert_refused(filter, "\x1a\x02\x01\x80");
    assert_taken(filter, "\x1d\x00\x00\x00\x00");
}

static void refuses_texts_that_are_not_utf8(void **state) {
    const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"", true},
        {"a", true},
        {"12345678", true},
        {"123456789012345", true},
        {"\xc2\x80", true},
        {"gr\xc3\xbc\xc3\x9f"
         "e",
         true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xe0\xa0\x80", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"12345678\xe2\x82\xac"
         "12345678",
         true},
        {"\x80", false}, // a continuation alone
        {"\xc3", false}, // cut off
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xc0\xaf", false}, // overlong
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xed\xa0\x80", false}, // surrogates
        {"\xed\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false}, // beyond U+10FFFF
        {"\xf5\x80\x80\x80", false},
        {"\xff", false},
        {"1234567\xff", false},
        {"12345678\xff", false},
        {"12345678"
         "1234\xff"
         "67",
         false},
        {"12345678"
         "123456\xc3",
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pawl_buf buf = {0};
        assert_true(pawl__pb_put_bytes(&buf, 1, pawl__str(cases[i].text)));
        const char *why = refusal(failure, pawl__buf_str(&buf));
        if (!!why == cases[i].good) fail_msg("case %zu: %s", i, why ? why : "taken");
        pawl__buf_finish(&buf);
    }
}

// A byte that no text may have is found wherever it stands.
static void looks_at_every_byte_of_a_text(void **state) {
    char text[40];
    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            memset(text, 'x', len);
            assert_true(pawl__wire_is_text((struct pawl_str){text, len}));
            for (size_t i = 0; i < 3; i++) {
                text[at] = "\0\x80\xff"[i];
                assert_false(pawl__wire_is_text((struct pawl_str){text, len}));
            }
        }
    }
}

static void takes_any_bytes_in_a_bytes_field(void **state) {
    assert_taken(&pb__child_completion_attestation__descriptor, "\x0a\x03\x00\xff\x80");
    assert_refused(failure, "\x0a\x03"
                            "a\0b");
}

// |levels| messages, each in the field |number| of the one before.
static struct pawl_str nest(struct pawl_buf *out, unsigned number, size_t levels) {
    struct pawl_buf inner = {0};
    out->len = 0;
    for (size_t i = 1; i < levels; i++) {
        struct pawl_buf swap = inner;
        inner = *out;
        *out = swap;
        out->len = 0;
        assert_true(pawl__pb_put_bytes(out, number, pawl__buf_str(&inner)));
    }
    pawl__buf_finish(&inner);
    return pawl__buf_str(out);
}

static void limits_depth(void **state) {
    struct pawl_buf buf = {0};
    assert_null(refusal(failure, nest(&buf, 4, 1)));
    assert_null(refusal(failure, nest(&buf, 4, 100)));
    assert_string_equal(refusal(failure, nest(&buf, 4, 101)), "messages are nested too deeply");
    assert_non_null(refusal(failure, nest(&buf, 4, 10000)));
    // In a field that nobody knows, it is a heap of bytes.
    assert_null(refusal(failure, nest(&buf, 15, 10000)));
    pawl__buf_finish(&buf);
}

// A message that comes in parts is all of them.
static void merges_parts(void **state) {
    assert_taken(failure, "\x22\x00");
    assert_taken(failure, "\x22\x00\x22\x00");
    assert_taken(failure, "\x1a\x00\x0a\x00\x1a\x00");
    struct pawl_arena arena = {0};
    const Pb__TaskFailureDetails *details = pawl__wire_unpack(&arena, failure,
                                                              PAWL_STR("\x22\x05\x0a\x01"
                                                                       "E"
                                                                       "\x28\x01"
                                                                       "\x22\x08\x0a\x01"
                                                                       "F"
                                                                       "\x22\x03\x12\x01"
                                                                       "m"
                                                                       "\x22\x04\x22\x02\x28\x01"),
                                                              NULL);
    const Pb__TaskFailureDetails *inner = details->innerfailure;
    assert_string_equal(inner->errortype, "F"); // the last counts
    assert_true(inner->isnonretriable);
    assert_string_equal(inner->innerfailure->errormessage, "m");
    assert_true(inner->innerfailure->isnonretriable);

    // Of a oneof's members the last is there: with another one between them, parts are not merged.
    const Pb__WorkItem *item = pawl__wire_unpack(&arena, &pb__work_item__descriptor,
                                                 PAWL_STR("\x0a\x03\x0a\x01"
                                                          "a"
                                                          "\x0a\x04\x12\x02\x0a\x00"),
                                                 NULL);
    assert_string_equal(item->workflowrequest->instanceid, "a");
    assert_non_null(item->workflowrequest->executionid);
    item = pawl__wire_unpack(&arena, &pb__work_item__descriptor,
                             PAWL_STR("\x0a\x03\x0a\x01"
                                      "a"
                                      "\x12\x00\x0a\x04\x12\x02\x0a\x00"),
                             NULL);
    assert_string_equal(item->workflowrequest->instanceid, "");
    assert_non_null(item->workflowrequest->executionid);
    pawl__arena_finish(&arena);
    // Repeated messages, and two members of a oneof, of which the last counts, are none.
    assert_taken(&pb__workflow_response__descriptor, "\x12\x00\x12\x00");
    assert_taken(&pb__work_item__descriptor, "\x0a\x00\x12\x00");

    struct pawl_buf buf = {0};
    // Many cost what they are, and not its square, in memory and time.
    for (int i = 0; i < 40000; i++)
        assert_true(pawl__buf_append(&buf, "\x12\x05\x22\x00\xf2\x01\x00", 7));
    allocated = 0;
    const Dapr__TransactionalStateOperation *operation = pawl__wire_unpack(
        &arena, &dapr__transactional_state_operation__descriptor, pawl__buf_str(&buf), NULL);
    assert_non_null(operation);
    assert_int_equal(operation->request->n_metadata, 40000);
    assert_int_equal(operation->request->base.n_unknown_fields, 40000);
    assert_in_range(allocated, 0, 16u << 20);
    pawl__arena_finish(&arena);
    pawl__buf_finish(&buf);
}

static void check_size(const ProtobufCMessageDescriptor *type, int depth) {
    if (type->n_fields > 64)
        fail_msg("%s has more fields than the reader of JSON can mark", type->name);
    if (depth == 0) return;
    for (unsigned i = 0; i < type->n_fields; i++)
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            check_size(type->fields[i].descriptor, depth - 1);
}

static void every_type_fits_the_reader_of_json(void **state) {
    const ProtobufCServiceDescriptor *services[] = {&pb__task_hub_sidecar_service__descriptor,
                                                    &dapr__dapr__descriptor};
    for (size_t s = 0; s < 2; s++) {
        for (unsigned i = 0; i < services[s]->n_methods; i++) {
            check_size(services[s]->methods[i].input, 5);
            check_size(services[s]->methods[i].output, 5);
        }
    }
    check_size(&plog__batch__descriptor, 5);
    check_size(&plog__snapshot__descriptor, 5);
}

static void services_have_the_names_of_the_wire(void **state) {
    assert_string_equal(pb__task_hub_sidecar_service__descriptor.name, "TaskHubSidecarService");
    assert_int_equal(pb__task_hub_sidecar_service__descriptor.n_methods, 17);
    assert_string_equal(dapr__dapr__descriptor.name, "dapr.proto.runtime.v1.Dapr");
    assert_int_equal(dapr__dapr__descriptor.n_methods, 14 + 9);
}

// A turn with a bit of everything.
static struct pawl_str sample(struct pawl_buf *out) {
    struct pawl_buf event = {0}, inner = {0};
    assert_true(pawl__pb_put_bytes(out, 1, PAWL_STR("order-1")));
    assert_true(pawl__pb_put_bytes(out, 2,
                                   PAWL_STR("\x0a\x03"
                                            "abc")));
    for (unsigned i = 0; i < 20; i++) {
        inner.len = event.len = 0;
        assert_true(pawl__pb_put_bytes(&inner, 1,
                                       PAWL_STR("Pr\xc3\xbc"
                                                "fen")));
        assert_true(pawl__pb_put_bytes(&inner, 3, PAWL_STR("\x0a\x0b[1,2,\"\xe2\x82\xac\"]")));
        assert_true(pawl__pb_put_uint(&inner, 7, i % 3)); // optional: 0 stays
        assert_true(pawl__pb_put_uint(&event, 1, i + 1));
        assert_true(pawl__pb_put_bytes(&event, 2, PAWL_STR("\x08\x80\xe2\xcf\xaa\x06\x10\x01")));
        assert_true(pawl__pb_put_bytes(&event, 6, pawl__buf_str(&inner)));
        assert_true(pawl__pb_put_bytes(out, 3 + i % 2, pawl__buf_str(&event)));
    }
    assert_true(pawl__pb_put_bytes(out, 7,
                                   PAWL_STR("\x0a\x03"
                                            "app\x12\x00")));
    assert_true(pawl__pb_put_bytes(out, 9, PAWL_STR("\x08\x14")));
    assert_true(pawl__pb_put_bytes(out, 99, PAWL_STR("from the future")));
    pawl__buf_finish(&event);
    pawl__buf_finish(&inner);
    return pawl__buf_str(out);
}

static void agrees_with_the_decoder_on_what_is_cut_off(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_str bytes = sample(&buf);
    assert_null(refusal(request, bytes));
    for (size_t len = 0; len < bytes.len; len++)
        refusal(request, (struct pawl_str){bytes.data, len});
    pawl__buf_finish(&buf);
}

static void agrees_with_the_decoder_on_what_is_damaged(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_str bytes = sample(&buf);
    uint8_t *damaged = malloc(bytes.len);
    assert_non_null(damaged);
    uint64_t random = 88172645463325252u;
    unsigned taken = 0;
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, bytes.data, bytes.len);
        size_t places = 1 + (size_t)round % 4;
        for (size_t i = 0; i < places; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            damaged[(random >> 16) % bytes.len] = (uint8_t)random;
        }
        if (!refusal(request, (struct pawl_str){(char *)damaged, bytes.len})) taken++;
    }
    assert_true(taken > 1000 && taken < 19000);
    free(damaged);
    pawl__buf_finish(&buf);
}

static void keeps_what_it_does_not_know(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_arena arena = {0};
    Pb__WorkflowRequest *message = pawl__wire_unpack(&arena, request, sample(&buf), NULL);
    assert_non_null(message);
    assert_int_equal(message->base.n_unknown_fields, 1);
    assert_int_equal(message->n_pastevents, 10);
    assert_int_equal(message->n_newevents, 10);
    assert_string_equal(message->pastevents[0]->taskscheduled->input->value,
                        "[1,2,\"\xe2\x82\xac\"]");
    struct pawl_str again = pawl__wire_pack(&arena, &message->base);
    assert_int_equal(again.len, buf.len);
    assert_true(pawl__wire_check(request, again, NULL));
    pawl__arena_finish(&arena);
    pawl__buf_finish(&buf);
}

static void survives_the_end_of_memory(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_str bytes = sample(&buf);
    bool done = false;
    for (int count = 0; !done; count++) {
        struct pawl_arena arena = {0};
        const char *why = NULL;
        allocations_left = count;
        done = pawl__wire_unpack(&arena, request, bytes, &why) != NULL;
        allocations_left = -1;
        if (!done) assert_string_equal(why, "out of memory");
        pawl__arena_finish(&arena);
        assert_true(count < 1000);
    }
    pawl__buf_finish(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_good_messages),
        cmocka_unit_test(refuses_malformed_tags),
        cmocka_unit_test(passes_over_groups),
        cmocka_unit_test(refuses_malformed_values),
        cmocka_unit_test(takes_other_types_of_known_fields_for_unknown),
        cmocka_unit_test(takes_packed_and_unpacked_enums),
        cmocka_unit_test(refuses_texts_that_are_not_utf8),
        cmocka_unit_test(looks_at_every_byte_of_a_text),
        cmocka_unit_test(takes_any_bytes_in_a_bytes_field),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(merges_parts),
        cmocka_unit_test(every_type_fits_the_reader_of_json),
        cmocka_unit_test(services_have_the_names_of_the_wire),
        cmocka_unit_test(agrees_with_the_decoder_on_what_is_cut_off),
        cmocka_unit_test(agrees_with_the_decoder_on_what_is_damaged),
        cmocka_unit_test(keeps_what_it_does_not_know),
        cmocka_unit_test(survives_the_end_of_memory),
    };
    return cmocka_run_group_tests_name("wire unpack", tests, NULL, NULL);
}
