// Fails the first allocation that the loop makes in a scenario, or that is made of instances which
// are loaded together, then the second, and so on: the engine may begin anew as often as it likes,
// but the workflows have to end.

#include "kit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "alloc.h"

static atomic_ulong alloc_count;
static unsigned long alloc_fail_at;
static atomic_bool alloc_failed;
bool alloc_paused;
static pthread_t alloc_loop;

bool alloc_fails(void) {
    bool on_loop = pthread_equal(pthread_self(), alloc_loop) && kit_in_runtime && !alloc_paused;
    if (!on_loop && !kit_in_load) return false;
    if (atomic_fetch_add(&alloc_count, 1) + 1 != alloc_fail_at) return false;
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

// Looks at |count| instances at once, none of which is in memory.
static void look_at(struct kit *kit, const char *const *ids, int count, bool exist) {
    struct caller callers[4];
    bool again;
    do {
        again = false;
        UNTIL(kit, kit->ready);
        kit_in_runtime = true;
        for (int i = 0; i < count; i++) kit_get(kit, &callers[i], ids[i]);
        kit_in_runtime = false;
        for (int i = 0; i < count; i++) {
            UNTIL(kit, callers[i].done);
            enum pawl_err err = callers[i].error.code;
            again = again || err == PAWL_E_NOMEM || err == PAWL_E_UNAVAILABLE;
            if (!err) assert_int_equal(callers[i].look.view.exists, exist);
        }
    } while (again);
}

static void scenario(struct kit *kit, bool is_server) {
    static const char *const ids[] = {"b", "c", "d"};
    struct worker worker = {0};
    struct caller caller;
    struct pawl_store *store;
    assert_int_equal(pawl__memory_open(&store, &kit->error), PAWL_OK);
    kit_make(kit, store, 0);
    kit->is_server = is_server;
    kit_open(kit);
    alloc_count = 0;
    look_at(kit, ids, 3, false);
    kit->node->options.checkpoint_interval = 1;
    CALL(kit, caller, kit_start(kit, &caller, "a"));
    assert_true(caller.error.code == PAWL_OK || caller.error.code == PAWL_E_EXISTS);
    CALL(kit, caller, kit_raise(kit, &caller, "a", "e"));
    struct patience patience = {0};
    for (;;) {
        UNTIL(kit, kit->ready);
        if (!worker.attached) kit_attach(kit, &worker);
        while (worker.count && kit->ready) answer(kit, &worker);
        kit_rest(kit, 1);
        CALL(kit, caller, kit_get(kit, &caller, "a"));
        if (caller.error.code) fail_msg("allocation %lu: %s", alloc_fail_at, caller.error.text);
        assert_true(caller.look.view.exists);
        if (caller.look.view.status == STATUS(COMPLETED)) break;
        if (patience_spend(&patience) > 10 * PAWL_SECOND)
            fail_msg("allocation %lu: it has not ended", alloc_fail_at);
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

static void fail_each(bool is_server) {
    alloc_loop = pthread_self();
    for (alloc_fail_at = 1;; alloc_fail_at++) {
        struct kit kit;
        alloc_failed = false;
        scenario(&kit, is_server);
        if (!alloc_failed) break;
    }
    print_message("%lu allocations failed\n", alloc_fail_at - 1);
}

static void test_allocations_fail(void **state) {
    fail_each(false);
}

static void test_allocations_fail_on_a_server(void **state) {
    fail_each(true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_allocations_fail),
                                       cmocka_unit_test(test_allocations_fail_on_a_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
