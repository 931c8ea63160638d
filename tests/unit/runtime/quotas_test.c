// How the limits of an app are divided: never more than there is, and fairly.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runtime/quotas.h"

enum {
    DAEMONS = 5
};

// A daemon, as far as it asks for one limit.
struct daemon {
    struct pawl_member row;
    char id[8];
    uint32_t quota, out, wants, most;
    uint64_t number, epoch;
    bool dead;
};

struct kit {
    struct pawl_quotas quotas;
    struct pawl_members members;
    struct pawl_member list[DAEMONS];
    struct daemon daemons[DAEMONS];
    struct pawl_arena arena;
    int64_t now;
};

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

static void look(struct kit *kit) {
    kit->members.count = 0;
    for (int i = 0; i < DAEMONS; i++)
        if (*kit->daemons[i].id && !kit->daemons[i].dead)
            kit->list[kit->members.count++] =
                (struct pawl_member){.id = pawl__str(kit->daemons[i].id)};
    kit->members.list = kit->list;
    kit->members.at = ++kit->now;
    pawl__quotas_look(&kit->quotas, &kit->members);
}

static struct daemon *join(struct kit *kit, int at, uint32_t wants) {
    struct daemon *daemon = &kit->daemons[at];
    *daemon = (struct daemon){.wants = wants, .most = 10};
    snprintf(daemon->id, sizeof daemon->id, "d%d", at);
    return daemon;
}

static void begin(struct kit *kit) {
    *kit = (struct kit){.now = 1};
    pawl__quotas_init(&kit->quotas);
    pawl__quotas_begin(&kit->quotas, 1, ++kit->now);
}

static void end(struct kit *kit) {
    pawl__quotas_finish(&kit->quotas);
    pawl__arena_finish(&kit->arena);
}

static void fill(struct kit *kit, struct daemon *daemon, struct pawl_quota *verb) {
    pawl__quota_init(verb, pawl__str(daemon->id), &kit->arena);
    verb->rows = pawl__arena_alloc(&kit->arena, sizeof *verb->rows);
    verb->count = 1;
    verb->number = ++daemon->number;
    verb->rows[0] = (struct pawl_quota_row){.name = PAWL_STR("a"),
                                            .most = daemon->most,
                                            .has = larger(daemon->quota, daemon->out),
                                            .wants = larger(daemon->wants, daemon->out)};
}

// Asks, and says at once that it has less if it has.
static void ask(struct kit *kit, struct daemon *daemon) {
    struct pawl_quota verb;
    do {
        fill(kit, daemon, &verb);
        assert_int_equal(pawl__quotas_hear(&kit->quotas, &verb, ++kit->now), PAWL_OK);
        if (verb.epoch < daemon->epoch) return;
        daemon->epoch = verb.epoch;
        daemon->quota = verb.quota[0];
    } while (verb.rows[0].has > larger(daemon->quota, daemon->out));
}

static void ask_all(struct kit *kit, int rounds) {
    while (rounds--)
        for (int i = 0; i < DAEMONS; i++)
            if (*kit->daemons[i].id && !kit->daemons[i].dead) ask(kit, &kit->daemons[i]);
}

static void test_fair(void **state) {
    struct kit kit;
    static const struct {
        uint32_t wants[3], quotas[3];
    } rows[] = {
        {{10, 0, 0}, {10, 0, 0}}, {{5, 3, 2}, {5, 3, 2}},     {{100, 0, 100}, {5, 0, 5}},
        {{1, 100, 3}, {1, 6, 3}}, {{2, 100, 100}, {2, 4, 4}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(&kit);
        for (int k = 0; k < 3; k++) join(&kit, k, rows[i].wants[k]);
        ask_all(&kit, 1);
        look(&kit);
        ask_all(&kit, 3);
        for (int k = 0; k < 3; k++) assert_int_equal(kit.daemons[k].quota, rows[i].quotas[k]);
        end(&kit);
    }
}

// What does not divide goes round: each has it for a while.
static void test_round(void **state) {
    struct kit kit;
    unsigned had[3] = {0};
    begin(&kit);
    for (int k = 0; k < 3; k++) join(&kit, k, 7)->most = 1;
    ask_all(&kit, 1);
    look(&kit);
    for (int i = 0; i < 300; i++) {
        kit.now += 50 * PAWL_MILLISECOND;
        ask_all(&kit, 1);
        uint32_t all = 0;
        for (int k = 0; k < 3; k++) {
            all += kit.daemons[k].quota;
            had[k] += kit.daemons[k].quota;
        }
        assert_true(all <= 1);
    }
    for (int k = 0; k < 3; k++) assert_true(had[k] > 60);
    end(&kit);
}

// What one has out counts until it says that it has less.
static void test_lowered(void **state) {
    struct kit kit;
    begin(&kit);
    struct daemon *first = join(&kit, 0, 10), *second = join(&kit, 1, 10);
    ask(&kit, first);
    ask(&kit, second);
    look(&kit);
    ask(&kit, first);
    second->wants = 0;
    ask(&kit, second);
    ask(&kit, first);
    assert_int_equal(first->quota, 10);
    first->out = 10;
    second->wants = 10;
    ask(&kit, second);
    assert_int_equal(second->quota, 0);
    ask(&kit, first);
    assert_int_equal(first->quota, 5);
    ask(&kit, second);
    assert_int_equal(second->quota, 0);
    first->out = 8;
    ask(&kit, first);
    ask(&kit, second);
    assert_int_equal(second->quota, 2);
    end(&kit);
}

// Who divides anew gives nothing before all that live have been heard, and takes nothing away.
static void test_anew(void **state) {
    struct kit kit;
    begin(&kit);
    struct daemon *first = join(&kit, 0, 6), *second = join(&kit, 1, 4), *third = join(&kit, 2, 0);
    ask_all(&kit, 1);
    look(&kit);
    ask_all(&kit, 2);
    assert_int_equal(first->quota + second->quota, 10);
    assert_true(pawl__quotas_begin(&kit.quotas, 2, ++kit.now));
    assert_false(pawl__quotas_begin(&kit.quotas, 2, ++kit.now));
    assert_false(pawl__quotas_hears(&kit.quotas, pawl__str(first->id)));
    first->wants = 10;
    ask(&kit, first);
    look(&kit);
    ask(&kit, first);
    assert_int_equal(first->quota, 6);
    assert_false(kit.quotas.whole);
    second->dead = true; // and so is what it had
    ask(&kit, third);
    look(&kit);
    assert_true(kit.quotas.whole);
    ask(&kit, first);
    assert_int_equal(first->quota, 10);
    end(&kit);
}

static void test_lowest(void **state) {
    struct kit kit;
    begin(&kit);
    struct daemon *first = join(&kit, 0, 10), *second = join(&kit, 1, 10);
    second->most = 4;
    ask_all(&kit, 1);
    look(&kit);
    ask_all(&kit, 3);
    assert_int_equal(first->quota, 2);
    assert_int_equal(second->quota, 2);
    struct pawl_quota verb;
    fill(&kit, first, &verb);
    verb.number--; // it comes again
    assert_int_equal(pawl__quotas_hear(&kit.quotas, &verb, ++kit.now), PAWL_E_INVALID);
    end(&kit);
}

// --- at random ----------------------------------------------------------------------------------

// The most that all daemons that live may have out, and what they have.
static void check_sum(const struct kit *kit, uint32_t most) {
    uint32_t all = 0;
    for (int i = 0; i < DAEMONS; i++)
        if (!kit->daemons[i].dead) all += larger(kit->daemons[i].quota, kit->daemons[i].out);
    assert_true(all <= most);
}

// A statement that is heard and whose answer is lost, or is heard twice.
static void ask_badly(struct kit *kit, struct daemon *daemon, bool twice) {
    struct pawl_quota verb;
    fill(kit, daemon, &verb);
    assert_int_equal(pawl__quotas_hear(&kit->quotas, &verb, ++kit->now), PAWL_OK);
    if (twice) assert_int_equal(pawl__quotas_hear(&kit->quotas, &verb, ++kit->now), PAWL_E_INVALID);
}

static void test_random(void **state) {
    for (unsigned seed = 1; seed <= 200; seed++) {
        struct kit kit;
        uint64_t epoch = 1;
        begin(&kit);
        srand(seed);
        uint32_t most = 1 + (uint32_t)rand() % 12;
        for (int i = 0; i < DAEMONS; i++) join(&kit, i, 0)->most = most;
        for (int step = 0; step < 1000; step++) {
            int at = rand() % DAEMONS;
            struct daemon *daemon = &kit.daemons[at];
            kit.now += rand() % (100 * (int)PAWL_MILLISECOND);
            switch (rand() % 16) {
            case 0: daemon->wants = (uint32_t)rand() % 15; break;
            case 1: pawl__quotas_begin(&kit.quotas, ++epoch, ++kit.now); break;
            case 2: daemon->dead = daemon->dead || rand() % 8 == 0; break;
            case 3:
                if (!daemon->dead) break; // another process in its place, with another name
                *daemon = (struct daemon){.most = most};
                snprintf(daemon->id, sizeof daemon->id, "%d", rand());
                look(&kit); // the store knows it before it says anything
                break;
            case 4: look(&kit); break;
            case 5:
            case 6:
            case 7:
                if (daemon->out < daemon->quota && !daemon->dead) daemon->out++;
                break;
            case 8:
            case 9:
                if (daemon->out) daemon->out--;
                break;
            case 10:
                if (!daemon->dead) ask_badly(&kit, daemon, rand() % 2);
                break;
            default:
                if (!daemon->dead) ask(&kit, daemon);
            }
            check_sum(&kit, most);
        }
        end(&kit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fair), cmocka_unit_test(test_round),  cmocka_unit_test(test_lowered),
        cmocka_unit_test(test_anew), cmocka_unit_test(test_lowest), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
