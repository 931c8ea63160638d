// The hash of tables, against an implementation that is not ours.

#include "test.h"

#include "base/hash.h"

// What Python 3.11 gives for hash(bytes(range(len))) with PYTHONHASHSEED=0, which is SipHash-1-3
// with a key of zeros.
static void test_vectors(void **state) {
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {1, 0x68a914128e01e473},  {7, 0x2f098ab0c751325a},  {8, 0xead411e67ebe2eea},
        {9, 0x75927f9d95124362},  {15, 0xf30eb725bb91c9ea}, {16, 0x8972188433a5c5b7},
        {63, 0x385d3e39e5f37359},
    };
    static const struct pawl_hash_seed zero;
    char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_int_equal(pawl__hash(&zero, (struct pawl_str){bytes, vectors[i].len}),
                         vectors[i].hash);
}

static void test_seeds_differ(void **state) {
    (void)state;
    struct pawl_hash_seed a = pawl__hash_seed(), b = pawl__hash_seed();
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_int_not_equal(pawl__hash(&a, PAWL_STR("order-1")), pawl__hash(&b, PAWL_STR("order-1")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
