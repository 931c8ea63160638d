// Which ids a file has: what is known of it without a look.

#include "kit.h"

#include <stdio.h>
#include <unistd.h>

static char folder[] = "/tmp/pawl-known-XXXXXX";
static char path[64];

static void open_file(struct kit *kit) {
    struct pawl_store *store;
    struct pawl_sqlite_options options = {.path = path};
    snprintf(path, sizeof path, "%s/store.db", folder);
    assert_int_equal(pawl__sqlite_open(&options, &store, &kit->error), PAWL_OK);
    kit_make(kit, store, 1);
    kit->options.id_page = 2; // so that every load in vain reads one
    kit_open(kit);
}

static void close_file(struct kit *kit) {
    kit_finish(kit);
    static const char *const ends[] = {"", "-wal", "-shm", "-pawl"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
}

static struct pawl_residency *residency(struct kit *kit) {
    return &kit->node->partitions[0].residency;
}

static void ended(struct kit *kit, struct worker *worker, const char *id) {
    kit_started(kit, id);
    kit_turn(kit, worker, id, ACTIONS(kit_complete(kit, 0, "8")));
}

// Looks for ids that nobody has until all that there are have been read.
static void learn(struct kit *kit) {
    char id[16];
    for (int i = 0; !residency(kit)->known.whole; i++) {
        assert_true(i < 1000);
        snprintf(id, sizeof id, "none%d", i);
        assert_int_equal(kit_status(kit, id), -1);
        UNTIL(kit, !residency(kit)->known.reading);
    }
}

static unsigned loads_for(struct kit *kit, const char *id, int status) {
    unsigned before = kit->gate.loads;
    assert_int_equal(kit_status(kit, id), status);
    return kit->gate.loads - before;
}

// What is not in the file is not looked for; what is, or comes to be, is found.
static void test_known(void **state) {
    struct kit kit;
    struct worker worker = {0};
    char id[16];
    open_file(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < 30; i++) {
        snprintf(id, sizeof id, "old%02d", i);
        ended(&kit, &worker, id);
        if (i % 10 == 9) kit_to_rest(&kit);
        if (i == 14) learn(&kit); // with some of them in the file, and more than its room to come
    }
    for (int round = 0; round < 2; round++) {
        learn(&kit);
        unsigned saved = 0;
        for (int i = 0; i < 100; i++) {
            snprintf(id, sizeof id, "never%d", i);
            saved += !loads_for(&kit, id, -1);
        }
        assert_true(saved > 70);
        for (int i = 0; i < 30; i++) {
            snprintf(id, sizeof id, "old%02d", i);
            assert_int_equal(loads_for(&kit, id, STATUS(COMPLETED)), 1);
        }
        kit_detach(&kit, &worker); // it begins anew
        kit_close(&kit);
        kit_open(&kit);
        assert_false(residency(&kit)->known.whole);
        kit_attach(&kit, &worker);
    }
    kit_purged(&kit, "old07");
    assert_int_equal(kit_status(&kit, "old07"), -1);
    kit_detach(&kit, &worker);
    close_file(&kit);
}

// What a commit under way stores is not missing, though it may not be there yet when ids are read.
static void test_known_beside_a_commit(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_file(&kit);
    kit_attach(&kit, &worker);
    ended(&kit, &worker, "a");
    UNTIL(&kit, !residency(&kit)->in_commit && !residency(&kit)->known.reading);
    kit_shut(&kit, true);
    kit.node->options.checkpoint_interval = 1;
    UNTIL(&kit, residency(&kit)->in_commit && kit.node->partitions[0].checkpoint.row_count);
    pawl__known_drop(&residency(&kit)->known); // which the start of "a" has begun
    for (int i = 0; i < 10; i++) {
        char id[16];
        snprintf(id, sizeof id, "none%d", i);
        assert_int_equal(kit_status(&kit, id), -1);
        UNTIL(&kit, !residency(&kit)->known.reading);
    }
    kit_shut(&kit, false);
    kit_to_rest(&kit);
    assert_int_equal(kit_status(&kit, "a"), STATUS(COMPLETED));
    learn(&kit);
    assert_int_equal(loads_for(&kit, "a", STATUS(COMPLETED)), 0); // it was only read: it rests
    kit_detach(&kit, &worker);
    close_file(&kit);
}

int main(void) {
    assert_non_null(mkdtemp(folder));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_known_beside_a_commit),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
