// What keeps things in an order: lists, the heap, trees.

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/tree.h"

static void test_list(void **state) {
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

struct leaf {
    struct pawl_tree_node node;
    int64_t number;
    char text[4];
};

static int compare_leaves(const void *a, const void *b) {
    const struct leaf *const *left = a, *const *right = b;
    if ((*left)->number != (*right)->number) return (*left)->number < (*right)->number ? -1 : 1;
    return strcmp((*left)->text, (*right)->text);
}

static size_t tree_depth(const struct pawl_tree_node *node) {
    if (!node) return 0;
    size_t left = tree_depth(node->left), right = tree_depth(node->right);
    return 1 + (left > right ? left : right);
}

// |sorted| is what |tree| has, from each place on, and in both directions.
static void check_tree(const struct pawl_tree *tree, struct leaf **sorted, size_t count) {
    for (int backward = 0; backward < 2; backward++) {
        const struct pawl_tree_node *node = pawl__tree_end(tree, backward);
        for (size_t i = 0; i < count; i++, node = pawl__tree_next(node, backward)) {
            struct leaf *expected = sorted[backward ? count - 1 - i : i];
            assert_ptr_equal(node, &expected->node);
            const struct pawl_tree_node *behind =
                pawl__tree_from(tree, expected->number, pawl__str(expected->text), backward);
            assert_ptr_equal(behind, pawl__tree_next(node, backward));
        }
        assert_null(node);
    }
}

// Adds and removes at random; all that are in are found in their order.
static void test_tree(void **state) {
    enum {
        LEAVES = 100,
        STEPS = 4000
    };
    static struct leaf leaves[LEAVES];
    struct leaf *sorted[LEAVES];
    struct pawl_tree tree = {0};
    srand(9);
    assert_null(pawl__tree_end(&tree, false));
    assert_null(pawl__tree_from(&tree, 0, PAWL_STR("x"), true));
    for (int i = 0; i < LEAVES; i++) snprintf(leaves[i].text, sizeof leaves[i].text, "%d", i);
    for (int step = 0; step < STEPS; step++) {
        struct leaf *leaf = &leaves[rand() % LEAVES];
        if (leaf->node.rank) {
            pawl__tree_remove(&tree, &leaf->node);
            pawl__tree_remove(&tree, &leaf->node); // it is in none any more
        } else {
            leaf->number = step < STEPS / 2 ? rand() % 20 - 10 : step; // at random; growing
            pawl__tree_add(&tree, &leaf->node, leaf->number, pawl__str(leaf->text));
        }
        size_t count = 0;
        for (int i = 0; i < LEAVES; i++)
            if (leaves[i].node.rank) sorted[count++] = &leaves[i];
        qsort(sorted, count, sizeof *sorted, compare_leaves);
        check_tree(&tree, sorted, count);
        const struct pawl_tree_node *between =
            pawl__tree_from(&tree, INT64_MIN, PAWL_STR("x"), false);
        assert_ptr_equal(between, count ? &sorted[0]->node : NULL);
    }
}

// What always comes last makes no list of it.
static void test_tree_is_flat(void **state) {
    enum {
        LEAVES = 100000
    };
    static struct leaf leaves[LEAVES];
    struct pawl_tree tree = {0};
    for (int i = 0; i < LEAVES; i++) pawl__tree_add(&tree, &leaves[i].node, i, PAWL_STR("x"));
    assert_true(tree_depth(tree.root) < 100); // of 17 when it is perfect, about 40 as it is
    for (int i = 0; i < LEAVES; i += 2) pawl__tree_remove(&tree, &leaves[i].node);
    int64_t expected = 1;
    for (const struct pawl_tree_node *node = pawl__tree_end(&tree, false); node;
         node = pawl__tree_next(node, false), expected += 2)
        assert_int_equal(node->number, expected);
    assert_int_equal(expected, LEAVES + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_tree),
        cmocka_unit_test(test_tree_is_flat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
