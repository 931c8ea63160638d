// Encoding: large and deep messages, and each allocation failing in turn. That the bytes are those
// of protobuf-c is also held by the tests of events and of unpacking.

#include "test.h"

#include "library.h"
#include "orchestration.pb-c.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

static int allocations_left = -1; // -1: as many as are asked for

static bool denied(void) {
    if (allocations_left == 0) return true;
    if (allocations_left > 0) allocations_left--;
    return false;
}

void *__real_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__real_malloc(size_t len);
void *__wrap_malloc(size_t len);
void *__real_realloc(void *data, size_t len);
void *__wrap_realloc(void *data, size_t len);

void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len) {
    return denied() ? NULL : __real_pawl__arena_alloc(arena, len);
}

void *__wrap_malloc(size_t len) {
    return denied() ? NULL : __real_malloc(len);
}

void *__wrap_realloc(void *data, size_t len) {
    return denied() ? NULL : __real_realloc(data, len);
}

// A failure whose text has |len| bytes, within |depth| others.
static Pb__TaskFailureDetails *nested(struct pawl_arena *arena, size_t len, int depth) {
    Pb__TaskFailureDetails *details = NULL;
    for (int i = 0; i <= depth; i++) {
        Pb__TaskFailureDetails *outer = pawl__arena_alloc(arena, sizeof *outer);
        assert_non_null(outer);
        pb__task_failure_details__init(outer);
        outer->errortype = "Boom";
        outer->innerfailure = details;
        outer->isnonretriable = i % 2;
        if (i == 0) {
            char *text = pawl__arena_alloc(arena, len + 1);
            assert_non_null(text);
            memset(text, 'x', len);
            text[len] = 0;
            outer->errormessage = text;
        }
        details = outer;
    }
    return details;
}

static void lengths_of_every_size_are_right(void **state) {
    static const size_t lens[] = {0,    1,    100,   120,   126,   127,    128,     129,
                                  1000, 1010, 1023,  1024,  1025,  2047,   16383,   16384,
                                  3000, 5000, 65535, 65536, 99999, 200000, 2097151, 2097152};
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++) {
        struct pawl_arena arena = {0};
        test_packs_as_library(&nested(&arena, lens[i], 3)->base);
        pawl__arena_finish(&arena);
    }
}

static void messages_are_appended_as_fields(void **state) {
    Pb__TaskRouter router = PB__TASK_ROUTER__INIT, empty = PB__TASK_ROUTER__INIT;
    router.sourceappid = "shop";
    struct pawl_buf buf = {0};
    assert_true(pawl__wire_append_field(&buf, 30, &router.base));
    assert_true(pawl__wire_append_field(&buf, 1, &empty.base));
    assert_true(pawl__str_equal(pawl__buf_str(&buf), PAWL_STR("\xf2\x01\x06\x0a\x04shop\x0a\x00")));
    pawl__buf_finish(&buf);
}

static void depth_makes_no_difference(void **state) {
    struct pawl_arena arena = {0};
    Pb__TaskFailureDetails *details = nested(&arena, 50, 99);
    test_packs_as_library(&details->base);
    struct pawl_str bytes = pawl__wire_pack(&arena, &details->base);
    assert_non_null(pawl__wire_unpack(&arena, details->base.descriptor, bytes, NULL));
    pawl__arena_finish(&arena);
}

static void numbers_of_every_kind_come_back(void **state) {
    static const int64_t numbers[] = {0,         1,         -1,        127,       128,
                                      INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1 << 20};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct pawl_arena arena = {0};
        Plog__Snapshot snapshot = PLOG__SNAPSHOT__INIT;
        snapshot.generation = (uint64_t)numbers[i];
        snapshot.created_at = numbers[i];
        snapshot.final_status = (int32_t)numbers[i];
        snapshot.start_offset = (uint32_t)numbers[i];
        snapshot.suspended = numbers[i] != 0;
        test_packs_as_library(&snapshot.base);
        struct pawl_str bytes = pawl__wire_pack(&arena, &snapshot.base);
        test_reads_as_library(bytes, pawl__wire_decode(&arena, snapshot.base.descriptor, bytes));
        pawl__arena_finish(&arena);
    }
}

// The many values of a field that may be packed come in one piece, in several, or one by one.
static void packed_values_add_up(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_arena arena = {0};
    assert_true(pawl__buf_append(&buf, "\x22\x03\x01\x02\x01\x20\x02\x22\x00\x22\x01\x01", 12));
    const ProtobufCMessageDescriptor *type = &pb__get_work_items_request__descriptor;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(type, "capabilities");
    assert_int_equal(field->id, 4);
    Pb__GetWorkItemsRequest *ask = pawl__wire_unpack(&arena, type, pawl__buf_str(&buf), NULL);
    assert_non_null(ask);
    assert_int_equal(ask->n_capabilities, 5);
    test_reads_as_library(pawl__buf_str(&buf), &ask->base);
    pawl__arena_finish(&arena);
    pawl__buf_finish(&buf);
}

// A field that may be packed comes in 80,000 pieces, of which most are empty: that costs as much
// memory as there are values.
static void many_empty_pieces_cost_nothing(void **state) {
    struct pawl_buf buf = {0};
    struct pawl_arena arena = {0};
    for (int i = 0; i < 80000; i++) assert_true(pawl__buf_append(&buf, "\x22\x00", 2));
    assert_true(pawl__buf_append(&buf, "\x22\x01\x01", 3));
    const ProtobufCMessageDescriptor *type = &pb__get_work_items_request__descriptor;
    allocations_left = 4;
    Pb__GetWorkItemsRequest *ask = pawl__wire_unpack(&arena, type, pawl__buf_str(&buf), NULL);
    allocations_left = -1;
    assert_non_null(ask);
    assert_int_equal(ask->n_capabilities, 1);
    pawl__arena_finish(&arena);
    pawl__buf_finish(&buf);
}

// What is too wide for its type is cut as others cut it.
static void wide_values_are_cut(void **state) {
    static const struct pawl_str cases[] = {
        PAWL_STR("\x38\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), // sint32
        PAWL_STR("\x58\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), // uint32
        PAWL_STR("\x40\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), // bool
        PAWL_STR("\x40\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pawl_arena arena = {0};
        const ProtobufCMessage *message =
            pawl__wire_unpack(&arena, &plog__snapshot__descriptor, cases[i], NULL);
        assert_non_null(message);
        test_reads_as_library(cases[i], message);
        pawl__arena_finish(&arena);
    }
}

static void survives_the_end_of_memory(void **state) {
    struct pawl_arena arena = {0};
    Pb__TaskFailureDetails *details = nested(&arena, 5000, 2);
    size_t len = pawl__wire_size(&details->base);
    for (int way = 0; way < 4; way++) {
        bool done = false;
        for (int count = 0; !done; count++) {
            struct pawl_arena other = {0};
            struct pawl_buf buf = {0};
            const char *why = NULL;
            allocations_left = count;
            switch (way) {
            case 0: done = pawl__wire_pack(&other, &details->base).data; break;
            case 2: done = pawl__wire_pack_checked(&other, &details->base, &why).data; break;
            case 1: done = pawl__wire_append_field(&buf, 1, &details->base); break;
            default: done = pawl__wire_size(&details->base) == len; break;
            }
            allocations_left = -1;
            assert_true(done || buf.len == 0);
            assert_null(why);
            assert_true(count < 10);
            pawl__buf_finish(&buf);
            pawl__arena_finish(&other);
        }
    }
    pawl__arena_finish(&arena);
}

// What is refused when it is encoded is what would be when it is read, for the same reason.
static void checks_as_readers_do(void **state) {
    static const char *const texts[] = {"", "plain", "\xc3\xa4", "\xff", "longer than a word \xc3"};
    struct pawl_arena arena = {0};
    size_t refused = 0;
    for (int depth = 97; depth < 102; depth++) {
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            Pb__TaskFailureDetails *details = nested(&arena, 0, depth);
            details->errortype = (char *)(uintptr_t)texts[i];
            const char *why, *expected = NULL;
            struct pawl_str plain = pawl__wire_pack(&arena, &details->base);
            bool fits = pawl__wire_check(details->base.descriptor, plain, &expected);
            struct pawl_str checked = pawl__wire_pack_checked(&arena, &details->base, &why);
            assert_int_equal(checked.data != NULL, fits);
            if (fits)
                assert_true(pawl__str_equal(checked, plain));
            else if (depth < 100 || i < 3) // else there are two reasons
                assert_ptr_equal(why, expected);
            refused += !fits;
        }
    }
    assert_int_equal(refused, 3 * 2 + 2 * 5);
    pawl__arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths_of_every_size_are_right),
        cmocka_unit_test(messages_are_appended_as_fields),
        cmocka_unit_test(depth_makes_no_difference),
        cmocka_unit_test(numbers_of_every_kind_come_back),
        cmocka_unit_test(packed_values_add_up),
        cmocka_unit_test(many_empty_pieces_cost_nothing),
        cmocka_unit_test(wide_values_are_cut),
        cmocka_unit_test(checks_as_readers_do),
        cmocka_unit_test(survives_the_end_of_memory),
    };
    return cmocka_run_group_tests_name("wire pack", tests, NULL, NULL);
}
