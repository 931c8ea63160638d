// The hash of tables, against an implementation that is not ours.

#include "test.h"

#include <stdio.h>

#include "base/hash.h"

// What Python's integers give, of any size as they are:
//   sum = (start + len(key)) * point % (2**61 - 1)
//   for i in range(0, len(key), 7):
//       sum = (sum + int.from_bytes(key[i:i + 7], "little")) * point % (2**61 - 1)
static void test_vectors(void **state) {
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {0, 0x1133cf311dd9a8cf},  {1, 0x1d793b43684df23d},  {7, 0x1db82ece753e9ff0},
        {8, 0x1fb7357b63f7969c},  {9, 0x7139854a2844262},   {14, 0x12500ecf80154057},
        {15, 0x1ba7f090b3354416}, {16, 0x18a794f8f6136179}, {63, 0x107643a669dfa428},
    };
    static const struct pawl_hash_seed seed = {0x0edcba987654321, 0x0123456789abcde};
    char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(255 - i);
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        assert_int_equal(pawl__hash(&seed, (struct pawl_str){bytes, vectors[i].len}),
                         vectors[i].hash);
}

// The largest that a seed and words can be.
static void test_largest(void **state) {
    const uint64_t most = (UINT64_C(1) << 60) - 1;
    const struct pawl_hash_seed seed = {most, most};
    char bytes[70];
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(pawl__hash(&seed, (struct pawl_str){bytes, sizeof bytes}), 0x93cc00000000000);
}

// Keys that count up, as ids do, leave no more slots empty than random ones, which leave 1 / e.
static void test_spread(void **state) {
    enum {
        KEYS = 4096,
        ROUNDS = 100
    };
    static const char *const forms[] = {"%d", "order-%08d", "%08d-order-of-a-customer",
                                        "3f2b8e62-9f0a-4d1c-8a77-%012d"};
    for (size_t form = 0; form < sizeof forms / sizeof *forms; form++) {
        size_t empty = 0;
        for (int round = 0; round < ROUNDS; round++) {
            static bool taken[KEYS];
            memset(taken, 0, sizeof taken);
            struct pawl_hash_seed seed = pawl__hash_seed();
            for (int i = 0; i < KEYS; i++) {
                char key[64];
                snprintf(key, sizeof key, forms[form], i);
                taken[pawl__hash(&seed, pawl__str(key)) % KEYS] = true;
            }
            for (int i = 0; i < KEYS; i++) empty += !taken[i];
        }
        assert_true(empty < (size_t)KEYS * ROUNDS * 45 / 100);
    }
}

static void test_seeds_differ(void **state) {
    struct pawl_hash_seed a = pawl__hash_seed(), b = pawl__hash_seed();
    assert_memory_not_equal(&a, &b, sizeof a);
    assert_int_not_equal(pawl__hash(&a, PAWL_STR("order-1")), pawl__hash(&b, PAWL_STR("order-1")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_spread),
        cmocka_unit_test(test_seeds_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
