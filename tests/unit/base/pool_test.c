// Pools: what malloc promises, what is kept, and what memory that runs out does.

#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

enum {
    LARGE = PAWL_POOL_STEP * PAWL_POOL_CLASSES
};

static void fill(unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) bytes[i] = (unsigned char)(i * 7);
}

static void check(const unsigned char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) assert_int_equal(bytes[i], (unsigned char)(i * 7));
}

// Of every size around the limits of the classes; no two overlap, as each is filled to its end.
static void test_pieces_of_any_size(void **state) {
    struct pawl_pool pool = {0};
    unsigned char *pieces[LARGE + 70];
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < LARGE + 70; size++) {
            pieces[size] = pawl__pool_malloc(size, &pool);
            assert_non_null(pieces[size]);
            assert_int_equal((uintptr_t)pieces[size] % _Alignof(max_align_t), 0);
            fill(pieces[size], size);
        }
        for (size_t size = 0; size < LARGE + 70; size++) {
            check(pieces[size], size);
            pawl__pool_free(pieces[size], &pool);
        }
    }
    pawl__pool_free(NULL, &pool);
    pawl__pool_trim(&pool);
}

static void test_what_was_freed_is_taken_again(void **state) {
    if (!PAWL_POOL_KEPT) skip();
    struct pawl_pool pool = {0};
    void *piece = pawl__pool_malloc(100, &pool), *other = pawl__pool_malloc(100, &pool);
    pawl__pool_free(piece, &pool);
    assert_ptr_equal(pawl__pool_malloc(128, &pool), piece); // of the same class
    void *smaller = pawl__pool_malloc(60, &pool);
    assert_ptr_not_equal(smaller, piece);
    pawl__pool_free(smaller, &pool);
    pawl__pool_free(other, &pool);
    unsigned char *zeroed = pawl__pool_calloc(10, 10, &pool);
    assert_ptr_equal(zeroed, other);
    for (int i = 0; i < 100; i++) assert_int_equal(zeroed[i], 0);
    pawl__pool_free(zeroed, &pool);
    pawl__pool_trim(&pool);
    assert_int_equal(pool.classes[1].count, 0);
    pawl__pool_free(piece, &pool); // one in use outlives that
    pawl__pool_trim(&pool);
}

static void test_no_more_is_kept_than_the_limit(void **state) {
    struct pawl_pool pool = {0};
    void *pieces[PAWL_POOL_KEPT + 50];
    for (size_t i = 0; i < PAWL_POOL_KEPT + 50; i++) pieces[i] = pawl__pool_malloc(1, &pool);
    for (size_t i = 0; i < PAWL_POOL_KEPT + 50; i++) pawl__pool_free(pieces[i], &pool);
    assert_int_equal(pool.classes[0].count, PAWL_POOL_KEPT);
    pawl__pool_trim(&pool);
}

// From class to class, out of the classes, and back.
static void test_pieces_that_grow_and_shrink(void **state) {
    static const size_t sizes[] = {10, 60, 65, 700, LARGE, LARGE + 1, 5000, 20000, 6000, 40, 0, 90};
    struct pawl_pool pool = {0};
    unsigned char *bytes = NULL;
    size_t len = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        bytes = pawl__pool_realloc(bytes, sizes[i], &pool);
        assert_non_null(bytes);
        check(bytes, len < sizes[i] ? len : sizes[i]);
        fill(bytes, len = sizes[i]);
    }
    pawl__pool_free(bytes, &pool);
    pawl__pool_trim(&pool);
}

static void test_memory_that_cannot_be(void **state) {
    struct pawl_pool pool = {0};
    assert_null(pawl__pool_malloc(SIZE_MAX - 8, &pool));
    assert_null(pawl__pool_malloc(SIZE_MAX, &pool));
    assert_null(pawl__pool_calloc(SIZE_MAX / 2, 3, &pool));
    for (size_t len = 50; len < 5000; len *= 20) {
        unsigned char *bytes = pawl__pool_malloc(len, &pool);
        fill(bytes, len);
        assert_null(pawl__pool_realloc(bytes, SIZE_MAX - 8, &pool));
        check(bytes, len); // it is as it was
        pawl__pool_free(bytes, &pool);
    }
    pawl__pool_trim(&pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces_of_any_size),
        cmocka_unit_test(test_what_was_freed_is_taken_again),
        cmocka_unit_test(test_no_more_is_kept_than_the_limit),
        cmocka_unit_test(test_pieces_that_grow_and_shrink),
        cmocka_unit_test(test_memory_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
