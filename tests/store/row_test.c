// The seal of rows (store/row.h): what is sealed is read again, and what is not whole is not.

#include "helper.h"

#include <stdlib.h>

#include <zlib.h>

#include "store/row.h"

static struct pawl_str sealed(struct pawl_buf *row, struct pawl_str payload) {
    pawl__buf_clear(row);
    assert_int_equal(pawl__row_seal(row, payload, NULL), PAWL_OK);
    return pawl__buf_str(row);
}

// Whatever is done to a row: no memory outside of it is read, which sanitizers look at.
static enum pawl_err open_copy(struct pawl_str row, struct pawl_arena *arena,
                               struct pawl_str *payload) {
    char *copy = malloc(row.len + 1);
    assert_non_null(copy);
    memcpy(copy, row.data, row.len);
    char *exact = realloc(copy, row.len ? row.len : 1);
    enum pawl_err err = pawl__row_open((struct pawl_str){exact, row.len}, arena, payload);
    if (!err) payload->data = pawl__arena_dup(arena, *payload);
    free(exact);
    return err;
}

// |noise| of 256 bytes are random.
static void fill(char *to, size_t len, unsigned noise) {
    unsigned seed = (unsigned)len + noise;
    for (size_t i = 0; i < len; i++) {
        seed = seed * 1103515245 + 12345;
        to[i] = (seed >> 8 & 255) < noise ? (char)(seed >> 16) : "history"[i % 7];
    }
}

static void test_comes_back(void **state) {
    static const size_t lens[] = {0, 1, 4, 1023, 1024, 1025, 4096, 70000, 300000};
    static const unsigned noises[] = {0, 20, 128, 256};
    struct pawl_buf row = {0};
    struct pawl_arena arena = {0};
    char *bytes = malloc(300000);
    for (size_t i = 0; i < sizeof lens / sizeof *lens; i++)
        for (size_t j = 0; j < sizeof noises / sizeof *noises; j++) {
            fill(bytes, lens[i], noises[j]);
            struct pawl_str payload = {bytes, lens[i]}, opened;
            struct pawl_str all = sealed(&row, payload);
            assert_true(all.len <= lens[i] + 5);
            if (lens[i] < 1024 || noises[j] == 256) assert_int_equal(all.data[0], 1);
            if (lens[i] >= 1024 && noises[j] <= 20) assert_int_equal(all.data[0], 2);
            if (lens[i] >= 4096 && noises[j] == 0) assert_true(all.len < lens[i] / 20);
            assert_int_equal(open_copy(all, &arena, &opened), PAWL_OK);
            assert_true(pawl__str_equal(opened, payload));
            pawl__arena_reset(&arena);
            pawl__buf_clear(&row);
            assert_int_equal(pawl__row_seal_letter(&row, payload, NULL), PAWL_OK);
            assert_int_equal(row.data[0], 1);
            assert_int_equal(row.len, lens[i] + 5);
            assert_int_equal(open_copy(pawl__buf_str(&row), &arena, &opened), PAWL_OK);
            assert_true(pawl__str_equal(opened, payload));
            pawl__arena_reset(&arena);
        }
    free(bytes);
    pawl__arena_finish(&arena);
    pawl__buf_finish(&row);
}

// A row stays what it was, whatever later versions write.
static void test_known_rows(void **state) {
    static const uint8_t plain[] = {1, 0x98, 0x93, 0x29, 0xf5, 'o', 'r', 'd', 'e', 'r'};
    static const uint8_t packed[] = {2, 0, 0,   0,   0,    0x28, 2,   0,   0,   0x2f, 'a', 'b',
                                     2, 0, 255, 255, 0x10, 0x50, 'b', 'a', 'b', 'a',  'b'};
    struct pawl_arena arena = {0};
    struct pawl_str payload;
    assert_int_equal(
        pawl__row_open((struct pawl_str){(const char *)plain, sizeof plain}, &arena, &payload),
        PAWL_OK);
    assert_true(pawl__str_equal(payload, PAWL_STR("order")));
    uint8_t row[sizeof packed];
    memcpy(row, packed, sizeof row);
    uint32_t sum = (uint32_t)crc32(0, row + 5, sizeof row - 5);
    for (int i = 0; i < 4; i++) row[1 + i] = (uint8_t)(sum >> 8 * i);
    assert_int_equal(
        pawl__row_open((struct pawl_str){(const char *)row, sizeof row}, &arena, &payload),
        PAWL_OK);
    assert_int_equal(payload.len, 552);
    for (size_t i = 0; i < payload.len; i++) assert_int_equal(payload.data[i], "ab"[i % 2]);
    pawl__arena_finish(&arena);
}

static void test_damage_is_seen(void **state) {
    struct pawl_buf row = {0}, copy = {0};
    struct pawl_arena arena = {0};
    struct pawl_str payload;
    char bytes[1100];
    for (int kind = 0; kind < 2; kind++) {
        fill(bytes, sizeof bytes, kind ? 20 : 256);
        struct pawl_str all = sealed(&row, (struct pawl_str){bytes, sizeof bytes});
        for (size_t len = 0; len < all.len; len++)
            assert_int_equal(open_copy((struct pawl_str){all.data, len}, &arena, &payload),
                             PAWL_E_CORRUPT);
        for (size_t i = 0; i < all.len; i++) {
            pawl__buf_clear(&copy);
            pawl__buf_append_str(&copy, all);
            copy.data[i] ^= 0x40;
            assert_int_equal(open_copy(pawl__buf_str(&copy), &arena, &payload),
                             i ? PAWL_E_CORRUPT : PAWL_E_FORMAT);
        }
    }
    pawl__arena_finish(&arena);
    pawl__buf_finish(&row);
    pawl__buf_finish(&copy);
}

// The checksum is right, and what it is of is not.
static void test_lies_are_seen(void **state) {
    static const uint32_t lens[] = {0, 1, 1099, 1101, 70000, 448u << 20, UINT32_MAX};
    struct pawl_buf row = {0};
    struct pawl_arena arena = {0};
    struct pawl_str payload;
    char bytes[1100];
    fill(bytes, sizeof bytes, 20);
    size_t whole = sealed(&row, (struct pawl_str){bytes, sizeof bytes}).len;
    for (size_t i = 0; i < sizeof lens / sizeof *lens + 8; i++) {
        size_t len = whole, count = sizeof lens / sizeof *lens;
        sealed(&row, (struct pawl_str){bytes, sizeof bytes});
        for (int b = 0; i < count && b < 4; b++) row.data[5 + b] = (uint8_t)(lens[i] >> 8 * b);
        if (i >= count) len = 5 + (i - count); // cut, before and in the block
        uint32_t sum = (uint32_t)crc32(0, row.data + 5, (uInt)(len - 5));
        if (len == 5) sum = 0;
        for (int b = 0; b < 4; b++) row.data[1 + b] = (uint8_t)(sum >> 8 * b);
        assert_int_equal(
            open_copy((struct pawl_str){(const char *)row.data, len}, &arena, &payload),
            PAWL_E_CORRUPT);
    }
    pawl__arena_finish(&arena);
    pawl__buf_finish(&row);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back), cmocka_unit_test(test_known_rows),
        cmocka_unit_test(test_damage_is_seen), cmocka_unit_test(test_lies_are_seen)};
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
