#include "test.h"

#include "orchestration.pb-c.h"
#include "wire/pb.h"

static int growths_left = -1; // -1: as many as are asked for

void *__real_realloc(void *data, size_t len);
void *__wrap_realloc(void *data, size_t len);

void *__wrap_realloc(void *data, size_t len) {
    if (growths_left == 0) return NULL;
    if (growths_left > 0) growths_left--;
    return __real_realloc(data, len);
}

static void varints_come_back(void **state) {
    const struct {
        uint64_t value;
        struct pawl_str bytes;
    } cases[] = {
        {0, PAWL_STR("\x00")},
        {1, PAWL_STR("\x01")},
        {127, PAWL_STR("\x7f")},
        {128, PAWL_STR("\x80\x01")},
        {300, PAWL_STR("\xac\x02")},
        {0x0fffffffffffffff, PAWL_STR("\xff\xff\xff\xff\xff\xff\xff\xff\x0f")},
        {0x123456789abcdef0, PAWL_STR("\xf0\xbd\xf3\xd5\x89\xcf\x95\x9a\x12")},
        {0x8123456789abcdef, PAWL_STR("\xef\x9b\xaf\xcd\xf8\xac\xd1\x91\x81\x01")},
        {0x00fedcba98765432, PAWL_STR("\xb2\xa8\xd9\xc3\xa9\x97\xb7\x7f")},
        {UINT32_MAX, PAWL_STR("\xff\xff\xff\xff\x0f")},
        {UINT64_MAX, PAWL_STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pawl_buf buf = {0};
        assert_true(pawl__pb_put_varint(&buf, cases[i].value));
        assert_true(pawl__str_equal(pawl__buf_str(&buf), cases[i].bytes));
        struct pawl_str exact = test_exact(cases[i].bytes);
        struct pawl_pb_reader reader = pawl__pb_reader(exact);
        uint64_t value = 0;
        assert_true(pawl__pb_get_varint(&reader, &value));
        assert_true(value == cases[i].value);
        assert_ptr_equal(reader.at, reader.end);
        // The same with more behind it, which is read another way.
        char more[24];
        memset(more, 0xff, sizeof more);
        memcpy(more, exact.data, exact.len);
        reader = pawl__pb_reader((struct pawl_str){more, sizeof more});
        assert_true(pawl__pb_get_varint(&reader, &value));
        assert_true(value == cases[i].value);
        assert_ptr_equal(reader.at, more + exact.len);
        // One byte less is no varint, and moves nothing.
        reader = pawl__pb_reader((struct pawl_str){exact.data, exact.len - 1});
        assert_false(pawl__pb_get_varint(&reader, &value));
        assert_ptr_equal(reader.at, exact.data);
        free((char *)exact.data);
        pawl__buf_finish(&buf);
    }
}

static void fields_come_back(void **state) {
    struct pawl_buf buf = {0};
    assert_true(pawl__pb_put_bytes(&buf, 1, PAWL_STR("abc")));
    assert_true(pawl__pb_put_uint(&buf, 16, 300));
    assert_true(pawl__pb_put_bytes(&buf, 536870911, PAWL_STR("")));
    assert_true(
        pawl__buf_append(&buf, "\x1d\x04\x03\x02\x01\x21\x08\x07\x06\x05\x04\x03\x02\x01", 14));
    struct pawl_pb_reader reader = pawl__pb_reader(pawl__buf_str(&buf));
    struct pawl_pb_field field;
    assert_true(pawl__pb_next(&reader, &field));
    assert_int_equal(field.number, 1);
    assert_int_equal(field.wire_type, PAWL_PB_BYTES);
    assert_true(pawl__str_equal(field.bytes, PAWL_STR("abc")));
    assert_true(pawl__pb_next(&reader, &field));
    assert_int_equal(field.number, 16);
    assert_int_equal(field.wire_type, PAWL_PB_VARINT);
    assert_int_equal(field.value, 300);
    assert_true(pawl__pb_next(&reader, &field));
    assert_int_equal(field.number, 536870911);
    assert_int_equal(field.bytes.len, 0);
    assert_true(pawl__pb_next(&reader, &field));
    assert_int_equal(field.wire_type, PAWL_PB_FIXED32);
    assert_int_equal(field.value, 0x01020304);
    assert_true(pawl__pb_next(&reader, &field));
    assert_int_equal(field.wire_type, PAWL_PB_FIXED64);
    assert_true(field.value == 0x0102030405060708);
    assert_false(pawl__pb_next(&reader, &field));
    assert_ptr_equal(reader.at, reader.end);
    pawl__buf_finish(&buf);
}

static void sizes_are_those_of_what_is_written(void **state) {
    static const char zeros[20000];
    const unsigned numbers[] = {1, 15, 16, 2047, 2048, 536870911};
    const size_t lens[] = {0, 1, 127, 128, 16383, 16384};
    for (size_t n = 0; n < 6; n++)
        for (size_t i = 0; i < 6; i++) {
            struct pawl_buf buf = {0};
            assert_true(pawl__pb_put_bytes(&buf, numbers[n], (struct pawl_str){zeros, lens[i]}));
            assert_int_equal(buf.len, pawl__pb_field_size(numbers[n], lens[i]));
            pawl__buf_finish(&buf);
        }
}

static void what_is_there_becomes_a_field(void **state) {
    static const char zeros[20000];
    const unsigned numbers[] = {1, 16, 536870911};
    const size_t lens[] = {0, 1, 127, 128, 20000};
    for (size_t n = 0; n < 3; n++)
        for (size_t i = 0; i < 5; i++) {
            struct pawl_buf buf = {0}, want = {0};
            assert_true(pawl__pb_put_uint(&buf, 1, 1) && pawl__pb_put_uint(&want, 1, 1));
            assert_true(pawl__buf_append(&buf, zeros, lens[i]));
            assert_true(pawl__pb_wrap(&buf, 2, numbers[n]));
            assert_true(pawl__pb_put_bytes(&want, numbers[n], (struct pawl_str){zeros, lens[i]}));
            assert_true(pawl__str_equal(pawl__buf_str(&buf), pawl__buf_str(&want)));
            pawl__buf_finish(&buf);
            pawl__buf_finish(&want);
        }
    struct pawl_buf full = {0};
    assert_true(pawl__buf_append(&full, zeros, 64)); // its first size
    growths_left = 0;
    assert_false(pawl__pb_wrap(&full, 0, 1));
    growths_left = -1;
    assert_int_equal(full.len, 64);
    pawl__buf_finish(&full);
}

static void damaged_bytes_stop_the_reader_where_they_are(void **state) {
    const struct pawl_str cases[] = {
        PAWL_STR("\x08"),     PAWL_STR("\x0a\x01"),         PAWL_STR("\x0b"),
        PAWL_STR("\x00\x00"), PAWL_STR("\x0d\x00\x00\x00"), PAWL_STR("\x0a\x80\x80\x80\x80\x04")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pawl_buf buf = {0};
        assert_true(pawl__pb_put_uint(&buf, 1, 1) && pawl__buf_append_str(&buf, cases[i]));
        struct pawl_pb_reader reader = pawl__pb_reader(pawl__buf_str(&buf));
        struct pawl_pb_field field;
        assert_true(pawl__pb_next(&reader, &field));
        assert_false(pawl__pb_next(&reader, &field));
        assert_ptr_equal(reader.at, buf.data + 2);
        pawl__buf_finish(&buf);
    }
    struct pawl_pb_reader none = pawl__pb_reader((struct pawl_str){NULL, 0});
    struct pawl_pb_field field;
    assert_false(pawl__pb_next(&none, &field));
    assert_ptr_equal(none.at, none.end);
}

static void a_failed_buffer_stays_failed(void **state) {
    const struct pawl_str text =
        PAWL_STR("a text that is longer than the first size of a buffer, which is 64 bytes");
    for (int count = 0; count < 2; count++) {
        struct pawl_buf buf = {0};
        growths_left = count;
        bool ok = pawl__pb_put_uint(&buf, 1, 1);
        assert_true(ok == (count > 0));
        assert_false(pawl__pb_put_bytes(&buf, 2, text));
        growths_left = -1;
        assert_false(pawl__pb_put_uint(&buf, 3, 1));
        assert_true(buf.failed);
        pawl__buf_finish(&buf);
    }
}

static void fields_are_found(void **state) {
    struct pawl_str message = PAWL_STR("\x08\x05\x12\x01x\x08\x07");
    struct pawl_pb_field field = {0};
    assert_true(pawl__pb_find(message, 1, &field));
    assert_int_equal(field.value, 7); // the last counts
    assert_true(pawl__pb_find(message, 2, &field));
    assert_true(pawl__str_equal(field.bytes, PAWL_STR("x")));
    assert_false(pawl__pb_find(message, 3, &field));
    assert_int_equal(field.number, 2);
    assert_false(pawl__pb_find((struct pawl_str){0}, 1, &field));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(fields_come_back),
        cmocka_unit_test(sizes_are_those_of_what_is_written),
        cmocka_unit_test(what_is_there_becomes_a_field),
        cmocka_unit_test(damaged_bytes_stop_the_reader_where_they_are),
        cmocka_unit_test(fields_are_found),
        cmocka_unit_test(a_failed_buffer_stays_failed),
    };
    return cmocka_run_group_tests_name("wire pb", tests, NULL, NULL);
}
