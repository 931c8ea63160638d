// Finding instances by what they wait for: in memory, in the store, and by parts.

#include "kit.h"

#include "runtime/filter.h"

#define FAR INT64_C(4000000000000000000) // of a timer

static Pb__CreateTimerAction *timer_body(Pb__WorkflowAction *timer) {
    return timer->createtimer;
}

static Pb__WorkflowAction *wait_for(struct kit *kit, int32_t id, char *event) {
    Pb__WorkflowAction *timer = kit_timer(kit, id, FAR);
    Pb__TimerOriginExternalEvent *origin = pawl__arena_alloc(&kit->arena, sizeof *origin);
    pb__timer_origin_external_event__init(origin);
    origin->name = event;
    timer_body(timer)->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT;
    timer_body(timer)->externalevent = origin;
    return timer;
}

static Pb__WorkflowAction *named_task(struct kit *kit, int32_t id, const char *name, char *work) {
    Pb__WorkflowAction *task = kit_task(kit, id, name);
    task->scheduletask->taskexecutionid = work;
    return task;
}

static Pb__WorkflowAction *retry(struct kit *kit, int32_t id, char *work) {
    Pb__WorkflowAction *timer = kit_timer(kit, id, FAR);
    Pb__TimerOriginActivityRetry *origin = pawl__arena_alloc(&kit->arena, sizeof *origin);
    pb__timer_origin_activity_retry__init(origin);
    origin->taskexecutionid = work;
    timer_body(timer)->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_ACTIVITY_RETRY;
    timer_body(timer)->activityretry = origin;
    return timer;
}

static Pb__WorkflowAction *retry_child(struct kit *kit, int32_t id, char *child) {
    Pb__WorkflowAction *timer = kit_timer(kit, id, FAR);
    Pb__TimerOriginChildWorkflowRetry *origin = pawl__arena_alloc(&kit->arena, sizeof *origin);
    pb__timer_origin_child_workflow_retry__init(origin);
    origin->instanceid = child;
    timer_body(timer)->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_CHILD_WORKFLOW_RETRY;
    timer_body(timer)->childworkflowretry = origin;
    return timer;
}

static void begin(struct kit *kit, struct worker *worker, const char *id,
                  Pb__WorkflowAction **actions) {
    kit_started(kit, id);
    kit_turn(kit, worker, id, actions);
}

// a waits for two events, b for a timer, c for child1, which waits for an event; d tries activity
// Charge again, e child5; f has ended; g waits for nothing.
static void make(struct kit *kit) {
    struct worker worker = {0};
    struct caller result;
    kit_attach(kit, &worker);
    begin(kit, &worker, "a", ACTIONS(wait_for(kit, 0, "approval"), wait_for(kit, 1, "Payment")));
    begin(kit, &worker, "b", ACTIONS(kit_timer(kit, 0, FAR)));
    begin(kit, &worker, "c", ACTIONS(kit_child(kit, 1)));
    kit_turn(kit, &worker, "child1", ACTIONS(wait_for(kit, 0, "approval")));
    begin(kit, &worker, "d", ACTIONS(named_task(kit, 0, "Charge", "work")));
    const Pb__WorkItem *item = kit_take(kit, &worker);
    kit_result(kit, &result, "d", 0, item->completiontoken, "1");
    DONE(kit, result, PAWL_OK);
    kit_turn(kit, &worker, "d", ACTIONS(retry(kit, 1, "work")));
    begin(kit, &worker, "e", ACTIONS(kit_child(kit, 5)));
    kit_turn(kit, &worker, "child5", ACTIONS(kit_complete(kit, 0, "1")));
    kit_turn(kit, &worker, "e", ACTIONS(retry_child(kit, 6, "child5")));
    begin(kit, &worker, "f", ACTIONS(wait_for(kit, 0, "approval"), kit_complete(kit, 1, "1")));
    begin(kit, &worker, "g", NO_ACTIONS);
    kit_detach(kit, &worker);
}

static struct pawl_query parse(struct kit *kit, const char *text) {
    struct pawl_query query = {.order = PAWL_ORDER_OLDEST, .limit = 100};
    assert_int_equal(
        pawl__filter_parse(pawl__str(text), pawl__clock_wall(), &kit->arena, &query, &kit->error),
        PAWL_OK);
    return query;
}

// By pages of |limit| that look at |most| instances of the store; 0: at all.
static const char *found(struct kit *kit, const char *text, size_t most, size_t limit) {
    struct pawl_query query = parse(kit, text);
    struct pawl_scan scan = {.most = most, .arena = &kit->arena};
    const char *all = "";
    bool more;
    query.limit = limit;
    if (most) query.scan = &scan;
    do {
        struct caller caller;
        kit_search(kit, &caller, &query);
        DONE(kit, caller, PAWL_OK);
        all = pawl__arena_format(&kit->arena, "%s%s", all, kit_ids(kit, &caller));
        bool full = caller.search.count == limit;
        const struct pawl_snapshot *last = full ? &caller.search.rows[limit - 1] : NULL;
        more = full || (most && scan.stopped);
        query.after_created = last ? last->created_at : scan.created_at;
        query.after_id = last ? last->id : scan.id;
    } while (more);
    return all;
}

static size_t counted(struct kit *kit, const char *text, size_t most) {
    struct pawl_query query = parse(kit, text);
    struct pawl_scan scan = {.most = most, .arena = &kit->arena};
    size_t count = 0, parts = 0;
    if (most) query.scan = &scan;
    do {
        struct caller caller;
        kit_tally(kit, &caller, &query);
        DONE(kit, caller, PAWL_OK);
        for (size_t i = 0; i < caller.tally.count; i++) count += caller.tally.rows[i].count;
        query.after_created = scan.created_at;
        query.after_id = scan.id;
        assert_true(++parts < 100);
    } while (most && scan.stopped);
    return count;
}

static const struct {
    const char *filter, *ids;
    size_t count;
} table[] = {
    {"wait:event", "a child1 ", 2},
    {"wait:event:approval", "a child1 ", 2},
    {"wait:event:payment", "a ", 1}, // whatever its case
    {"wait:event:approva", "", 0},
    {"wait:event:approval name:Child", "child1 ", 1},
    {"wait:event:approval id:a", "a ", 1},
    {"wait:event status:completed", "", 0},
    {"wait:timer", "b ", 1},
    {"wait:timer:approval", "", 0},
    {"wait:child", "c ", 1},
    {"wait:child:Child", "c ", 1},
    {"wait:child:child1", "c ", 1},
    {"wait:child:child2", "", 0},
    {"wait:retry", "d e ", 2},
    {"wait:retry:Charge", "d ", 1},
    {"wait:retry:charge", "", 0},
    {"wait:retry:Child", "e ", 1},
    {"wait:retry:child5", "e ", 1},
    {"wait:activity", "", 0},
    {"wait:worker", "", 0},
};

static void assert_found(struct kit *kit, const char *when) {
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (size_t most = 0; most < 8; most++) {
            const char *filter = table[i].filter, *ids = found(kit, filter, most, 1 + most);
            size_t count = counted(kit, filter, most);
            if (strcmp(ids, table[i].ids) != 0)
                fail_msg("%s, %s by %zu: %s, not %s", when, filter, most, ids, table[i].ids);
            if (count != table[i].count)
                fail_msg("%s, %s by %zu: %zu, not %zu", when, filter, most, count, table[i].count);
        }
    }
}

static void test_waits(void **state) {
    struct kit kit;
    struct caller caller;
    kit_init(&kit);
    make(&kit);
    assert_found(&kit, "in memory");
    kit_to_rest(&kit);
    assert_found(&kit, "stored");
    // One that is in memory again is what it is there.
    struct worker worker = {0};
    kit_attach(&kit, &worker);
    kit_raise(&kit, &caller, "a", "approval");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 2, "1")));
    assert_string_equal(found(&kit, "wait:event:approval", 1, 2), "child1 ");
    assert_int_equal(counted(&kit, "wait:event:approval", 1), 1);
    assert_int_equal(counted(&kit, "wait:event", 0), 1);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// A count of several shards goes from one to the next, and goes on where it was, be that in the
// middle of a shard or at its beginning.
static void test_counts_of_shards(void **state) {
    struct kit kit;
    struct pawl_store *store;
    assert_int_equal(pawl__memory_open(&store, &kit.error), PAWL_OK);
    kit_init_with_shards(&kit, store, 4);
    make(&kit);
    assert_found(&kit, "in memory");
    assert_int_equal(counted(&kit, "age<1d", 1), 9);
    kit_to_rest(&kit);
    assert_found(&kit, "stored");
    for (size_t most = 0; most < 5; most++) {
        assert_int_equal(counted(&kit, "", most), 9);
        assert_int_equal(counted(&kit, "status:running", most), 7);
        assert_int_equal(counted(&kit, "ended>0s", most), 2);
    }
    struct pawl_query query = parse(&kit, "");
    for (uint32_t shard = 0; shard < 6; shard++) {
        struct pawl_scan scan = {.most = 25000, .arena = &kit.arena, .shard = shard};
        struct caller caller;
        size_t count = 0;
        query.scan = &scan;
        kit_tally(&kit, &caller, &query);
        DONE(&kit, caller, PAWL_OK);
        for (size_t i = 0; i < caller.tally.count; i++) count += caller.tally.rows[i].count;
        if (shard == 0) assert_int_equal(count, 9);
        if (shard > 3) assert_int_equal(count, 0);
        assert_false(scan.stopped);
    }
    kit_finish(&kit);
}

// A count that ends in the middle, as the store is slow, leaves nothing out and has nothing twice,
// be it stored or otherwise in memory.
static void test_counts_of_a_slow_store(void **state) {
    struct kit kit;
    struct pawl_store *store;
    struct worker worker = {0};
    struct caller caller;
    assert_int_equal(pawl__memory_open(&store, &kit.error), PAWL_OK);
    kit_init_with_shards(&kit, store, 3);
    make(&kit);
    kit_to_rest(&kit);
    kit_attach(&kit, &worker);
    for (const char *const *id = (const char *[]){"a", "c", "g", NULL}; *id; id++) {
        kit_raise(&kit, &caller, *id, "Other");
        DONE(&kit, caller, PAWL_OK);
        kit_turn(&kit, &worker, *id, NO_ACTIONS);
    }
    kit_detach(&kit, &worker);
    kit_started(&kit, "z");
    kit.gate.slow = 65; // a part of a shard takes so long, and no other follows it
    for (size_t most = 1; most < 4; most++) {
        assert_int_equal(counted(&kit, "", most), 10);
        assert_int_equal(counted(&kit, "status:running", most), 7);
    }
    kit_finish(&kit);
}

// More than one call loads, with those that are asked for far apart.
static void test_waits_of_many(void **state) {
    enum {
        MANY = 2300,
        EACH = 700 // one in so many waits for the event
    };
    struct kit kit;
    struct worker worker = {0};
    kit_init(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < MANY; i++) {
        const char *id = pawl__arena_format(&kit.arena, "i%04d", i);
        begin(&kit, &worker, id, i % EACH ? NO_ACTIONS : ACTIONS(wait_for(&kit, 0, "go")));
    }
    kit_detach(&kit, &worker);
    kit_to_rest(&kit);
    assert_string_equal(found(&kit, "wait:event:go", 25000, 3), "i0000 i0700 i1400 i2100 ");
    assert_string_equal(found(&kit, "wait:event:go", 0, 100), "i0000 i0700 i1400 i2100 ");
    assert_int_equal(counted(&kit, "wait:event:go", 25000), 4);
    assert_int_equal(counted(&kit, "wait:event:go", 0), 4);
    struct pawl_query query = parse(&kit, "wait:event:none");
    struct pawl_scan scan = {.most = 25000, .arena = &kit.arena};
    struct caller caller;
    query.scan = &scan;
    kit_search(&kit, &caller, &query);
    DONE(&kit, caller, PAWL_OK);
    assert_true(scan.stopped); // it has loaded many, and there are others
    assert_true(scan.looked >= 1000 && scan.looked < MANY);
    kit_finish(&kit);
}

// The ids that pages of |query| tell.
static const char *paged(struct kit *kit, struct pawl_query query, size_t most) {
    struct pawl_scan scan = {.most = most, .arena = &kit->arena};
    const char *all = "";
    size_t parts = 0;
    bool full;
    query.scan = &scan;
    do {
        assert_true(++parts < 100);
        struct caller caller;
        kit_search(kit, &caller, &query);
        DONE(kit, caller, PAWL_OK);
        all = pawl__arena_format(&kit->arena, "%s%s", all, kit_ids(kit, &caller));
        full = caller.search.count == query.limit;
        const struct pawl_snapshot *last = full ? &caller.search.rows[query.limit - 1] : NULL;
        query.after_created = last ? last->created_at : scan.created_at;
        query.after_id = last ? last->id : scan.id;
    } while (full || scan.stopped);
    return all;
}

// A page looks at some of those in memory, and no more, whatever it asks for. Those in the store
// that stand between them are neither left out nor told twice.
static void test_memory_by_parts(void **state) {
    enum {
        STORED = 45,
        MANY = 60
    };
    static const char *const filters[] = {"", "wait:event", "wait:event:go", "status:running"};
    struct kit kit;
    struct worker worker = {0};
    const char *all = "", *backward = "";
    kit_init(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < MANY; i++) {
        const char *id = pawl__arena_format(&kit.arena, "i%02d", i);
        if (i == STORED) {
            kit_detach(&kit, &worker);
            kit_to_rest(&kit);
            kit_attach(&kit, &worker);
        }
        begin(&kit, &worker, id, ACTIONS(wait_for(&kit, 0, "go")));
        all = pawl__arena_format(&kit.arena, "%s%s ", all, id);
        backward = pawl__arena_format(&kit.arena, "%s %s", id, backward);
    }
    kit_detach(&kit, &worker);
    for (int i = 0; i < STORED; i += i % 7 + 1) {
        struct caller caller;
        kit_get(&kit, &caller, pawl__arena_format(&kit.arena, "i%02d", i));
        DONE(&kit, caller, PAWL_OK);
    }
    for (size_t most = 2; most < 20; most *= 3) {
        for (size_t limit = 5; limit < 25; limit *= 3) {
            for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
                struct pawl_query query = parse(&kit, filters[i]);
                query.limit = limit;
                assert_string_equal(paged(&kit, query, most), all);
                query.order = PAWL_ORDER_NEWEST;
                assert_string_equal(paged(&kit, query, most), backward);
                assert_int_equal(counted(&kit, filters[i], most), MANY);
            }
        }
    }
    kit_finish(&kit);
}

static void test_memory_is_looked_at_in_parts(void **state) {
    enum {
        MANY = 300,
        MOST = 10
    };
    static const char *const filters[] = {"wait:worker:none", "wait:event:none", "name:none",
                                          "says:none"};
    struct kit kit;
    kit_init(&kit);
    for (int i = 0; i < MANY; i++) kit_started(&kit, pawl__arena_format(&kit.arena, "i%03d", i));
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct pawl_query query = parse(&kit, filters[i]);
        struct pawl_scan scan = {.most = MOST, .arena = &kit.arena};
        struct caller caller;
        query.scan = &scan;
        kit_search(&kit, &caller, &query);
        DONE(&kit, caller, PAWL_OK);
        assert_true(scan.stopped);
        assert_int_equal(scan.looked, MOST);
        assert_memory_equal(scan.id.data, "i009", 4);
    }
    assert_int_equal(counted(&kit, "wait:worker", MOST), MANY);
    assert_int_equal(counted(&kit, "wait:worker", 0), MANY);
    kit_finish(&kit);
}

// One row that cannot be read keeps nobody from finding others.
static void test_waits_beside_damage(void **state) {
    struct kit kit;
    kit_init(&kit);
    make(&kit);
    kit_to_rest(&kit);
    kit.gate.damaged = "a";
    assert_string_equal(found(&kit, "wait:event", 25000, 10), "child1 ");
    assert_int_equal(counted(&kit, "wait:event", 0), 1);
    kit.gate.damaged = NULL;
    assert_string_equal(found(&kit, "wait:event", 25000, 10), "a child1 ");
    kit_finish(&kit);
}

static bool serves_turns(const struct pawl_worker *worker, bool turn, struct pawl_str name) {
    return turn;
}

static bool serves_ship(const struct pawl_worker *worker, bool turn, struct pawl_str name) {
    return turn || pawl__str_equal(name, PAWL_STR("Ship"));
}

// What no worker has, and who waits for an activity, which is in memory until it is done.
static void test_waits_for_workers(void **state) {
    struct kit kit;
    struct worker turns = {0}, all = {0}, ships = {0};
    kit_init(&kit);
    turns.base.serves = serves_turns;
    kit_attach(&kit, &turns);
    begin(&kit, &turns, "a", ACTIONS(kit_task(&kit, 0, "Ship"), kit_task(&kit, 1, "Charge")));
    begin(&kit, &turns, "b", ACTIONS(kit_task(&kit, 0, "Ship")));
    assert_string_equal(found(&kit, "wait:worker", 1, 10), "a b ");
    kit_attach(&kit, &all);
    kit_detach(&kit, &turns);
    assert_string_equal(found(&kit, "wait:activity", 1, 10), "a b ");
    assert_string_equal(found(&kit, "wait:activity:Charge", 1, 10), "a ");
    assert_string_equal(found(&kit, "wait:worker", 1, 10), ""); // it does not say what it lacks
    kit_detach(&kit, &all);
    assert_string_equal(found(&kit, "wait:worker", 1, 10), "a b ");
    assert_string_equal(found(&kit, "wait:worker:Charge", 1, 10), "a ");
    assert_int_equal(counted(&kit, "wait:worker", 1), 2);
    ships.base.serves = serves_ship;
    kit_attach(&kit, &ships);
    assert_string_equal(found(&kit, "wait:worker", 1, 10), "a ");
    assert_string_equal(found(&kit, "wait:worker:Ship", 1, 10), "");
    assert_int_equal(counted(&kit, "wait:worker:Charge", 0), 1);
    kit_started(&kit, "c");
    assert_string_equal(found(&kit, "wait:worker", 1, 10), "a ");
    kit_detach(&kit, &ships);
    assert_string_equal(found(&kit, "wait:worker", 1, 10), "a b c ");
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_counts_of_shards),
        cmocka_unit_test(test_counts_of_a_slow_store),
        cmocka_unit_test(test_waits_of_many),
        cmocka_unit_test(test_memory_by_parts),
        cmocka_unit_test(test_memory_is_looked_at_in_parts),
        cmocka_unit_test(test_waits_beside_damage),
        cmocka_unit_test(test_waits_for_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
