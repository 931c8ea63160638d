// What keeps things in an order: lists, the heap, the least of many texts.

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/least.h"
#include "base/list.h"

static void test_list(void **state) {
    (void)state;
    struct pawl_link head, other, links[4];
    pawl__link_init(&head);
    pawl__link_init(&other);
    assert_true(pawl__list_empty(&head));
    assert_null(pawl__list_take(&head));
    for (int i = 0; i < 4; i++) {
        pawl__link_init(&links[i]);
        pawl__list_remove(&links[i]); // of no list
        pawl__list_add(i < 2 ? &head : &other, &links[i]);
    }
    pawl__list_move(&head, &other);
    assert_true(pawl__list_empty(&other));
    pawl__list_move(&head, &other); // of nothing
    pawl__list_remove(&links[1]);
    pawl__list_remove(&links[1]); // twice
    assert_ptr_equal(pawl__list_take(&head), &links[0]);
    assert_ptr_equal(pawl__list_take(&head), &links[2]);
    assert_ptr_equal(pawl__list_take(&head), &links[3]);
    assert_null(pawl__list_take(&head));
}

struct member {
    struct pawl_heap_node node;
    int64_t key;
    bool in;
};

// Adds and removes at random; the first is always the least of those that are in.
static void test_heap(void **state) {
    (void)state;
    enum {
        MEMBERS = 200,
        STEPS = 20000
    };
    static struct member members[MEMBERS];
    struct pawl_heap heap = {0};
    srand(5);
    for (int step = 0; step < STEPS; step++) {
        struct member *member = &members[rand() % MEMBERS];
        if (member->in) {
            pawl__heap_remove(&heap, &member->node);
            pawl__heap_remove(&heap, &member->node); // it is in no heap any more
        } else {
            member->key = rand() % 50 - 25; // equal ones, too
            pawl__heap_add(&heap, &member->node, member->key);
        }
        member->in = !member->in;
        int64_t least = INT64_MAX;
        size_t count = 0;
        for (int i = 0; i < MEMBERS; i++) {
            count += members[i].in;
            assert_int_equal(pawl__heap_has(&heap, &members[i].node), members[i].in);
            if (members[i].in && members[i].key < least) least = members[i].key;
        }
        const struct pawl_heap_node *first = pawl__heap_first(&heap);
        if (count)
            assert_int_equal(first->key, least);
        else
            assert_null(first);
    }
    int64_t last = INT64_MIN;
    for (struct pawl_heap_node *first; (first = pawl__heap_first(&heap));) {
        assert_true(first->key >= last);
        last = first->key;
        pawl__heap_remove(&heap, first);
    }
}

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void test_least(void **state) {
    (void)state;
    enum {
        TEXTS = 500
    };
    static char bytes[TEXTS][12];
    char *sorted[TEXTS];
    srand(7);
    for (size_t max = 1; max <= 2 * TEXTS; max = max * 3 + 1) {
        struct pawl_least least;
        assert_true(pawl__least_init(&least, max));
        for (int i = 0; i < TEXTS; i++) {
            snprintf(bytes[i], sizeof bytes[i], "%d", rand() % 300);
            sorted[i] = bytes[i];
            pawl__least_add(&least, pawl__str(bytes[i]));
        }
        qsort(sorted, TEXTS, sizeof *sorted, compare);
        size_t count = pawl__least_end(&least);
        assert_int_equal(count, max < TEXTS ? max : TEXTS);
        for (size_t i = 0; i < count; i++)
            assert_true(pawl__str_equal(least.items[i], pawl__str(sorted[i])));
        pawl__least_finish(&least);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
