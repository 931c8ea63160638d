// What comes back when the node that asked for it ends, or has ended.

#include <semaphore.h>

#include "fleet.h"

enum {
    SHARDS = 4
};

// --- a look for another app ----------------------------------------------------------------------

struct slow_finder {
    struct pawl_finder finder;
    sem_t begun, go_on;
    char *how;
};

static void slow_find(const struct pawl_finder *finder, const char *app, struct pawl_places *out) {
    struct slow_finder *slow =
        (struct slow_finder *)(uintptr_t)PAWL_CONTAINER(finder, const struct slow_finder, finder);
    sem_post(&slow->begun);
    sem_wait(&slow->go_on);
    snprintf(out->how, sizeof out->how, "%s", slow->how);
}

// The finder is the caller's to free once the node has closed.
static void test_a_look(void **state) {
    struct fleet fleet = {0};
    struct worker workers[1] = {{{0}}};
    struct slow_finder *slow = calloc(1, sizeof *slow);
    struct caller caller;
    slow->finder.find = slow_find;
    slow->how = strdup("slowly");
    sem_init(&slow->begun, 0, 0);
    sem_init(&slow->go_on, 0, 0);
    fleet.finder = &slow->finder;
    fleet_init(&fleet, 1, SHARDS, workers);
    struct kit *kit = &fleet.kits[0];
    pawl__look_init(&caller.look, PAWL_STR("x"), PAWL_WAIT_NOT, &kit->arena);
    caller.call.app = "other";
    kit_call(kit, &caller);
    sem_wait(&slow->begun);
    kit_detach(kit, &workers[0]);
    pawl__node_close(kit->node, kit_note, &kit->closed);
    assert_true(caller.done);
    assert_int_equal(caller.error.code, PAWL_E_UNAVAILABLE);
    kit_rest(kit, 30);
    assert_false(kit->closed);
    sem_post(&slow->go_on);
    UNTIL(kit, kit->closed);
    sem_destroy(&slow->begun);
    sem_destroy(&slow->go_on);
    free(slow->how);
    free(slow);
    kit_close_rest(kit);
    fleet_finish(&fleet);
}

// --- answers that go astray ----------------------------------------------------------------------

static enum fleet_fate late_answers(struct fleet *fleet, enum pawl_verb_kind kind) {
    return kind == PAWL_VERB_TURN_RESULT ? FLEET_LATE : FLEET_ARRIVES;
}

// A worker of the second daemon has a turn of the first one's. Its answer comes to the third one.
static void begin_astray(struct fleet *fleet, struct worker workers[3], struct caller *caller) {
    fleet_init(fleet, 3, 6, workers);
    kit_detach(&fleet->kits[0], &workers[0]);
    kit_detach(&fleet->kits[2], &workers[2]);
    kit_started(&fleet->kits[1], "w");
    struct kit *other = &fleet->kits[2];
    const Pb__WorkItem *item = kit_take(&fleet->kits[1], &workers[1]);
    fleet->fate = late_answers;
    kit_prepare_answer(other, caller, "w", item->completiontoken,
                       ACTIONS(kit_complete(other, 0, "1")));
    assert_true(pawl__astray_takes(&other->node->astray, NULL, &caller->call, caller->turn.bytes));
}

// Nobody waits for it any more. It counts all the same.
static void test_an_answer_goes_on(void **state) {
    struct fleet fleet = {0};
    struct worker workers[3] = {{{0}}, {{0}}, {{0}}};
    struct caller caller;
    begin_astray(&fleet, workers, &caller);
    pawl__call_cancel(&caller.call);
    fleet.fate = NULL;
    FLEET_UNTIL(&fleet, kit_status(&fleet.kits[1], "w") == STATUS(COMPLETED));
    kit_detach(&fleet.kits[1], &workers[1]);
    fleet_finish(&fleet);
}

// It is on its way, with or without somebody who waits, when the daemon to which it came ends. Then
// that to which it was sent is not there.
static void end_astray(bool waits) {
    struct fleet fleet = {0};
    struct worker workers[3] = {{{0}}, {{0}}, {{0}}};
    struct caller caller;
    begin_astray(&fleet, workers, &caller);
    if (!waits) pawl__call_cancel(&caller.call);
    kit_close(&fleet.kits[2]);
    assert_int_equal(caller.done, waits);
    if (waits) assert_int_equal(caller.error.code, PAWL_E_UNAVAILABLE);
    fleet.fate = NULL;
    fleet.absent = true;
    FLEET_UNTIL(&fleet, fleet_is_quiet(&fleet));
    fleet.absent = false;
    kit_detach(&fleet.kits[1], &workers[1]);
    fleet_finish(&fleet);
}

static void test_the_end_before_an_answer(void **state) {
    end_astray(true);
    end_astray(false);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_look),
        cmocka_unit_test(test_an_answer_goes_on),
        cmocka_unit_test(test_the_end_before_an_answer),
    };
    return cmocka_run_group_tests_name("runtime ending", tests, NULL, NULL);
}
