// Buffers, arenas and arrays that grow, also when memory runs out.

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/base64.h"
#include "base/buf.h"

static void test_buffer_grows(void **state) {
    struct pawl_buf buf = {0};
    for (int i = 0; i < 1000; i++) assert_true(pawl__buf_format(&buf, "%d,", i));
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(buf.data, "0,1,2,", 6);
    pawl__buf_consume(&buf, 2);
    assert_memory_equal(buf.data, "1,2,3,", 6);
    pawl__buf_consume(&buf, buf.len);
    assert_int_equal(buf.len, 0);
    assert_true(pawl__buf_append(&buf, NULL, 0));
    assert_true(pawl__buf_append_str(&buf, (struct pawl_str){0}));
    assert_int_equal(buf.len, 0);
    pawl__buf_finish(&buf);
    assert_null(buf.data);
    pawl__buf_finish(&buf);
}

// What cannot be had sets |failed|, which stays; what was there stays too.
static void test_buffer_fails_once(void **state) {
    struct pawl_buf buf = {0};
    assert_true(pawl__buf_append(&buf, "kept", 4));
    assert_null(pawl__buf_reserve(&buf, SIZE_MAX - 2));
    assert_true(buf.failed);
    assert_false(pawl__buf_append(&buf, "x", 1));
    assert_false(pawl__buf_format(&buf, "x"));
    assert_true(pawl__str_equal(pawl__buf_str(&buf), PAWL_STR("kept")));
    pawl__buf_clear(&buf);
    assert_true(pawl__buf_append(&buf, "x", 1));
    assert_int_equal(buf.len, 1);
    pawl__buf_finish(&buf);
}

static void test_arena_keeps_pieces_apart(void **state) {
    struct pawl_arena arena = {0};
    char *pieces[300];
    for (size_t i = 0; i < 300; i++) {
        pieces[i] = pawl__arena_alloc(&arena, i * 7);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i & 0xff, i * 7);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * 7; k++)
            if ((uint8_t)pieces[i][k] != (i & 0xff)) fail_msg("piece %zu was written over", i);
    char *zeros = pawl__arena_zalloc(&arena, 100);
    for (int i = 0; i < 100; i++) assert_int_equal(zeros[i], 0);
    char *copy = pawl__arena_dup(&arena, (struct pawl_str){"a\0b", 3});
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(pawl__arena_dup(&arena, (struct pawl_str){0}), "");
    assert_string_equal(pawl__arena_format(&arena, "%s-%d", "x", 7), "x-7");
    pawl__arena_finish(&arena);
    assert_null(arena.block);
}

static void test_arena_fails_until_it_is_emptied(void **state) {
    struct pawl_arena arena = {0};
    assert_non_null(pawl__arena_alloc(&arena, 10));
    assert_null(pawl__arena_alloc(&arena, SIZE_MAX - 8));
    assert_true(arena.failed);
    assert_non_null(pawl__arena_alloc(&arena, 10));
    assert_true(arena.failed); // a piece is missing all the same
    pawl__arena_reset(&arena);
    assert_false(arena.failed);
    assert_non_null(arena.block); // for the next use
    pawl__arena_finish(&arena);
}

static void test_arena_pool_hands_blocks_on(void **state) {
    struct pawl_arena_pool pool = {0};
    struct pawl_arena one = pawl__arena_take(&pool);
    assert_null(one.block);
    assert_non_null(pawl__arena_alloc(&one, 10));
    struct pawl_arena_block *block = one.block;
    pawl__arena_give(&pool, one);
    struct pawl_arena two = pawl__arena_take(&pool);
    assert_ptr_equal(two.block, block);
    pawl__arena_give(&pool, two);
    pawl__arena_pool_finish(&pool);
}

static void test_base64(void **state) {
    static const struct {
        const char *bytes, *text; // RFC 4648, section 10
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"},
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_buf text = {0}, plain = {0}, bytes = {0};
        struct pawl_str want = pawl__str(rows[i].text), shorter = want;
        while (shorter.len && shorter.data[shorter.len - 1] == '=') shorter.len--;
        assert_true(pawl__base64_encode_padded(&text, pawl__str(rows[i].bytes)));
        assert_true(pawl__str_equal(pawl__buf_str(&text), want));
        assert_true(pawl__base64_encode(&plain, pawl__str(rows[i].bytes)));
        assert_true(pawl__str_equal(pawl__buf_str(&plain), shorter));
        assert_true(pawl__base64_decode(&bytes, want));
        assert_true(pawl__base64_decode(&bytes, shorter));
        assert_int_equal(bytes.len, 2 * strlen(rows[i].bytes));
        pawl__buf_finish(&text);
        pawl__buf_finish(&plain);
        pawl__buf_finish(&bytes);
    }
    static const char *const wrong[] = {"Z", "Z===", "Zm9v!", "Zm 9v", "Zg==Zg==", "\xff\xff"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct pawl_buf bytes = {0};
        if (pawl__base64_decode(&bytes, pawl__str(wrong[i]))) fail_msg("'%s' was read", wrong[i]);
        pawl__buf_finish(&bytes);
    }
    struct pawl_buf bytes = {0};
    assert_true(pawl__base64_decode(&bytes, PAWL_STR("-_-_+/+/")));
    assert_memory_equal(bytes.data, "\xfb\xff\xbf\xfb\xff\xbf", 6);
    pawl__buf_finish(&bytes);
}

static void test_arrays_grow(void **state) {
    struct pawl_arena arena = {0};
    int *own = NULL, *kept = NULL;
    size_t own_cap = 0, kept_cap = 0;
    for (int i = 0; i < 1000; i++) {
        const int *before = kept;
        assert_true(pawl__array_room((void **)&own, (size_t)i, &own_cap, sizeof *own));
        assert_true(
            pawl__array_room_in(&arena, (void **)&kept, (size_t)i, &kept_cap, sizeof *kept));
        assert_true(own_cap > (size_t)i && kept_cap == own_cap);
        own[i] = kept[i] = i;
        if (before) assert_int_equal(before[i / 2], i / 2); // who still looks at it may
    }
    for (int i = 0; i < 1000; i++) assert_true(own[i] == i && kept[i] == i);
    free(own);
    pawl__arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_grows),
        cmocka_unit_test(test_buffer_fails_once),
        cmocka_unit_test(test_arena_keeps_pieces_apart),
        cmocka_unit_test(test_arena_fails_until_it_is_emptied),
        cmocka_unit_test(test_arena_pool_hands_blocks_on),
        cmocka_unit_test(test_arrays_grow),
        cmocka_unit_test(test_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
