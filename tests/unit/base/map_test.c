// The hash table.

#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"

enum {
    KEYS = 500,
    STEPS = 50000,
};

struct keys {
    char text[KEYS][16];
    bool in[KEYS];
    size_t len;
};

static struct pawl_str keys_at(struct keys *keys, int i) {
    return pawl__str(keys->text[i]);
}

// Puts and removes at random; the map holds what a table of flags holds.
static void test_random(void **state) {
    struct keys keys = {0};
    struct pawl_map map = {0};
    for (int i = 0; i < KEYS; i++) snprintf(keys.text[i], sizeof keys.text[i], "key-%d", i);
    srand(3);
    for (int step = 0; step < STEPS; step++) {
        int i = rand() % KEYS;
        if (keys.in[i]) {
            assert_ptr_equal(pawl__map_remove(&map, keys_at(&keys, i)), &keys.in[i]);
            keys.len--;
        } else {
            assert_true(pawl__map_put(&map, keys_at(&keys, i), &keys.in[i]));
            keys.len++;
        }
        keys.in[i] = !keys.in[i];
        assert_int_equal(map.len, keys.len);
        int other = rand() % KEYS;
        assert_ptr_equal(pawl__map_get(&map, keys_at(&keys, other)),
                         keys.in[other] ? &keys.in[other] : NULL);
    }
    size_t at = 0, seen = 0;
    for (bool *in; (in = pawl__map_next(&map, &at)); seen++) assert_true(*in);
    assert_int_equal(seen, keys.len);
    pawl__map_finish(&map);
    assert_null(pawl__map_get(&map, keys_at(&keys, 0)));
}

static void test_put_replaces_key_and_value(void **state) {
    struct pawl_map map = {0};
    char first[] = "a", second[] = "a";
    assert_true(pawl__map_put(&map, pawl__str(first), first));
    assert_true(pawl__map_put(&map, pawl__str(second), second));
    assert_int_equal(map.len, 1);
    first[0] = 'x'; // the map no longer looks at it
    assert_ptr_equal(pawl__map_get(&map, PAWL_STR("a")), second);
    void *old;
    assert_true(pawl__map_exchange(&map, PAWL_STR("a"), first, &old));
    assert_ptr_equal(old, second);
    assert_true(pawl__map_exchange(&map, PAWL_STR("b"), second, &old));
    assert_null(old);
    assert_int_equal(map.len, 2);
    pawl__map_finish(&map);
}

static void test_keys_are_bytes(void **state) {
    struct pawl_map map = {0};
    int a, b, c;
    assert_true(pawl__map_put(&map, (struct pawl_str){"k\0a", 3}, &a));
    assert_true(pawl__map_put(&map, (struct pawl_str){"k\0b", 3}, &b));
    assert_true(pawl__map_put(&map, (struct pawl_str){NULL, 0}, &c));
    assert_ptr_equal(pawl__map_get(&map, (struct pawl_str){"k\0a", 3}), &a);
    assert_ptr_equal(pawl__map_get(&map, (struct pawl_str){"k\0b", 3}), &b);
    assert_ptr_equal(pawl__map_get(&map, PAWL_STR("")), &c);
    assert_null(pawl__map_get(&map, PAWL_STR("k")));
    pawl__map_finish(&map);
}

// Keys that fall into one place of one table are spread over another, whose seed is its own.
static void test_collisions_do_not_carry_over(void **state) {
    enum {
        PLACES = 1024,
        WANTED = 50,
    };
    struct pawl_map one = {0}, other = {0};
    int value;
    assert_true(pawl__map_put(&one, PAWL_STR("x"), &value));
    assert_true(pawl__map_put(&other, PAWL_STR("x"), &value));
    bool taken[PLACES] = {false};
    int places = 0, found = 0;
    for (int i = 0; found < WANTED; i++) {
        char text[16];
        snprintf(text, sizeof text, "key-%d", i);
        if (pawl__hash(&one.seed, pawl__str(text)) % PLACES) continue;
        found++;
        bool *place = &taken[pawl__hash(&other.seed, pawl__str(text)) % PLACES];
        places += !*place;
        *place = true;
    }
    assert_true(places > WANTED / 2);
    pawl__map_finish(&one);
    pawl__map_finish(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_put_replaces_key_and_value),
        cmocka_unit_test(test_keys_are_bytes),
        cmocka_unit_test(test_collisions_do_not_carry_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
