// What is pending, against a table that is searched.

#include "kit.h"

#include <stdlib.h>

enum {
    IDS = 300,
    STEPS = 20000,
};

struct model {
    struct pawl_pending items[IDS]; // by id; of no kind: not pending
};

// The timer that is due first, of equal ones that with the least id; those that never are do not
// count.
static const struct pawl_pending *model_first(const struct model *model) {
    const struct pawl_pending *first = NULL;
    for (int i = 0; i < IDS; i++) {
        const struct pawl_pending *item = &model->items[i];
        if (pawl__pending_is_timer(item) && item->fire_at != INT64_MAX &&
            (!first || item->fire_at < first->fire_at))
            first = item;
    }
    return first;
}

static void model_compare(const struct model *model, const struct pawl_pending_list *list) {
    const struct pawl_pending *first = model_first(model);
    const struct pawl_pending *found = pawl__pending_first_timer(list);
    assert_int_equal(found != NULL, first != NULL);
    if (first) assert_int_equal(found->id, first->id);
    uint32_t live = 0;
    for (int i = 0; i < IDS; i++) {
        const struct pawl_pending *item = pawl__pending_find(list, i);
        assert_int_equal(item != NULL, model->items[i].kind != PAWL_PENDING_NONE);
        if (item) assert_int_equal(item->fire_at, model->items[i].fire_at);
        live += item != NULL;
    }
    assert_int_equal(list->live, live);
    for (uint32_t i = 0; i < list->first; i++) assert_int_equal(list->items[i].kind, 0);
}

static void test_random(void **state) {
    struct model model = {0};
    struct pawl_pending_list list = {0};
    srand(7);
    for (int step = 0; step < STEPS; step++) {
        int id = rand() % IDS;
        struct pawl_pending *item = pawl__pending_find(&list, id);
        if (item) {
            pawl__pending_remove(&list, item);
            model.items[id].kind = PAWL_PENDING_NONE;
        } else {
            struct pawl_pending fresh = {
                .id = id,
                .kind = (uint8_t)(PAWL_PENDING_TASK + rand() % 4),
                .fire_at = rand() % 4 ? rand() % 20 : INT64_MAX, // many are equal
            };
            assert_true(pawl__pending_add(&list, fresh));
            model.items[id] = fresh;
        }
        if (step % 1000 == 999) {
            pawl__pending_drop_timers(&list);
            for (int i = 0; i < IDS; i++)
                if (pawl__pending_is_timer(&model.items[i]))
                    model.items[i].kind = PAWL_PENDING_NONE;
        }
        if (step % 10 == 0) model_compare(&model, &list);
    }
    pawl__pending_clear(&list);
    assert_null(pawl__pending_first_timer(&list));
}

// Deadlines of timers that are gone take no more room than those of timers that are there.
static void test_deadlines_are_dropped(void **state) {
    struct pawl_pending_list list = {0};
    struct pawl_pending first = {.id = 0, .kind = PAWL_PENDING_TIMER, .fire_at = 1};
    assert_true(pawl__pending_add(&list, first));
    for (int i = 1; i < 10000; i++) {
        struct pawl_pending later = {.id = i, .kind = PAWL_PENDING_EVENT_TIMER, .fire_at = 100 + i};
        assert_true(pawl__pending_add(&list, later));
        pawl__pending_remove(&list, pawl__pending_find(&list, i)); // its event came
    }
    assert_true(list.deadline_count <= 16);
    assert_int_equal(pawl__pending_first_timer(&list)->id, 0);
    pawl__pending_clear(&list);
}

// Waits without a limit have no deadlines, however many there are.
static void test_endless_waits(void **state) {
    struct pawl_pending_list list = {0};
    for (int i = 0; i < 100; i++) {
        struct pawl_pending wait = {
            .id = i, .kind = PAWL_PENDING_EVENT_TIMER, .fire_at = INT64_MAX};
        assert_true(pawl__pending_add(&list, wait));
    }
    assert_int_equal(list.timers, 100);
    assert_int_equal(list.deadline_count, 0);
    assert_null(pawl__pending_first_timer(&list));
    pawl__pending_clear(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_deadlines_are_dropped),
        cmocka_unit_test(test_endless_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
