// Fails the first allocation that the loop makes in a scenario, then the second, and so on: the
// engine may begin anew as often as it likes, but the workflows have to end.

#include "kit.h"

#include <pthread.h>

#include "alloc.h"

static unsigned long alloc_count, alloc_fail_at;
static bool alloc_failed;
bool alloc_paused;
static pthread_t alloc_loop;

bool alloc_fails(void) {
    if (!pthread_equal(pthread_self(), alloc_loop) || !kit_in_runtime || alloc_paused) return false;
    if (++alloc_count != alloc_fail_at) return false;
    alloc_failed = true;
    return true;
}

// Runs a call with allocations that may fail, and again until it is answered without an error that
// a client would try again after.
#define CALL(kit, caller, call)                                                                    \
    do {                                                                                           \
        UNTIL(kit, (kit)->ready);                                                                  \
        call;                                                                                      \
        UNTIL(kit, (caller).done);                                                                 \
    } while ((caller).error.code == PAWL_E_NOMEM || (caller).error.code == PAWL_E_UNAVAILABLE)

static void answer(struct kit *kit, struct worker *worker) {
    static struct caller answers[4096];
    static size_t count;
    const Pb__WorkItem *item = kit_take(kit, worker);
    struct caller *caller = &answers[count++ % 4096];
    if (item->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST) {
        kit_result(kit, caller, item->activityrequest->workflowinstance->instanceid,
                   item->activityrequest->taskid, item->completiontoken, "1");
        return;
    }
    const Pb__WorkflowRequest *request = item->workflowrequest;
    Pb__WorkflowAction *action = kit_complete(kit, 2, "2");
    if (request->n_pastevents == 0)
        action = kit_task(kit, 0, "Pay");
    else if (request->n_pastevents < 5)
        action = kit_timer(kit, 1, pawl__clock_wall() + PAWL_MILLISECOND);
    kit_answer(kit, caller, request->instanceid, item->completiontoken, ACTIONS(action));
}

static void scenario(struct kit *kit) {
    struct worker worker = {0};
    struct caller caller;
    kit_init(kit);
    alloc_count = 0;
    kit->node->options.checkpoint_interval = 1;
    CALL(kit, caller, kit_start(kit, &caller, "a"));
    assert_true(caller.error.code == PAWL_OK || caller.error.code == PAWL_E_EXISTS);
    CALL(kit, caller, kit_raise(kit, &caller, "a", "e"));
    int64_t end = pawl__clock_steady() + 10 * PAWL_SECOND;
    for (;;) {
        UNTIL(kit, kit->ready);
        if (!worker.attached) kit_attach(kit, &worker);
        while (worker.count && kit->ready) answer(kit, &worker);
        kit_rest(kit, 1);
        CALL(kit, caller, kit_get(kit, &caller, "a"));
        if (caller.error.code) fail_msg("allocation %lu: %s", alloc_fail_at, caller.error.text);
        assert_true(caller.look.view.exists);
        if (caller.look.view.status == STATUS(COMPLETED)) break;
        if (pawl__clock_steady() > end) fail_msg("allocation %lu: it has not ended", alloc_fail_at);
    }
    CALL(kit, caller, kit_history(kit, &caller, "a"));
    assert_true(caller.read.history.len > 0);
    CALL(kit, caller, kit_list(kit, &caller, NULL, 10));
    assert_string_equal(kit_ids(kit, &caller), "a ");
    CALL(kit, caller, kit_purge(kit, &caller, "a", false));
    assert_true(caller.error.code == PAWL_OK || caller.error.code == PAWL_E_NOT_FOUND);
    kit_detach(kit, &worker);
    CALL(kit, caller, kit_get(kit, &caller, "a"));
    assert_false(caller.look.view.exists);
    kit_finish(kit);
}

static void test_allocations_fail(void **state) {
    alloc_loop = pthread_self();
    for (alloc_fail_at = 1;; alloc_fail_at++) {
        struct kit kit;
        alloc_failed = false;
        scenario(&kit);
        if (!alloc_failed) break;
    }
    print_message("%lu allocations failed\n", alloc_fail_at - 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocations_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
