#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/query.h"
#include "wire/columns.h"

enum {
    RUNNING = 0,
    COMPLETED = 1,
    FAILED = 3,
    SUSPENDED = 7
};

// Rows that differ in each column; the same time of creation comes twice.
static const struct {
    const char *id, *name;
    int32_t status;
    int64_t created_at, completed_at;
    const char *parent, *tags[2], *custom_status, *failure_type; // tags: key=value
} table[] = {
    {"order-1", "Order", COMPLETED, 100, 150, "", {"team=red", "site=a"}, "\"packed\"", ""},
    {"order-2", "Order", RUNNING, 300, 0, "", {"team=blue"}, "\"wait\xc3\xa4\"", ""},
    {"order-3", "Order", FAILED, 200, 400, "", {"team=red"}, "", "CardError"},
    {"pay-1", "Pay", COMPLETED, 200, 250, "order-1", {NULL}, "", ""},
    {"pay-2", "Pay", SUSPENDED, 250, 0, "order-2", {"te=am", "am=te"}, "\"100%_done\"", ""},
    {"Zoo", "Order", FAILED, 50, 60, "", {"team=re"}, "", "cardError"},
};
#define ROWS (sizeof table / sizeof *table)

static struct pawl_str tag_of(const char *text, struct pawl_str *value) {
    *value = pawl__str(text);
    return pawl__str_cut(value, '=');
}

static struct pawl_snapshot row_of(struct fixture *f, size_t i) {
    struct pawl_snapshot row = t_snapshot(table[i].id, "s", "h");
    struct pawl_buf tags = {0};
    for (size_t t = 0; t < 2 && table[i].tags[t]; t++) {
        struct pawl_str value, key = tag_of(table[i].tags[t], &value);
        pawl__tags_add(&tags, key, value);
    }
    row.name = pawl__str(table[i].name);
    row.status = table[i].status;
    row.created_at = table[i].created_at;
    row.updated_at = table[i].created_at;
    row.completed_at = table[i].completed_at;
    row.parent = pawl__str(table[i].parent);
    row.tags = (struct pawl_str){pawl__arena_dup(&f->arena, pawl__buf_str(&tags)), tags.len};
    row.custom_status = pawl__str(table[i].custom_status);
    row.failure_type = pawl__str(table[i].failure_type);
    pawl__buf_finish(&tags);
    return row;
}

static void fill(struct fixture *f) {
    struct pawl_snapshot rows[ROWS];
    for (size_t i = 0; i < ROWS; i++) rows[i] = row_of(f, i);
    fixture_lease(f);
    assert_ok(f, t_commit(f,
                          &(struct pawl_part){
                              .lease = &f->lease, .snapshots = rows, .snapshot_count = ROWS},
                          NULL));
}

static enum pawl_err note_id(void *arg, const struct pawl_snapshot *row, struct pawl_error *error) {
    assert_int_equal(row->state.len, 0);
    assert_int_equal(row->history.len, 0);
    pawl__buf_format(arg, "%.*s ", PAWL_FMT(row->id));
    return PAWL_OK;
}

static void assert_query(struct fixture *f, struct pawl_query query, const char *expected) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->query(f->store, f->lease.shard, &query, note_id, &text, &f->error));
    if (!pawl__str_equal(pawl__buf_str(&text), pawl__str(expected)))
        fail_msg("found %.*s, not %s", PAWL_FMT(pawl__buf_str(&text)), expected);
    pawl__buf_finish(&text);
}

#define Q(...)  ((struct pawl_query){__VA_ARGS__})
#define S(text) PAWL_STR(text)

static void test_orders(void **state) {
    struct fixture *f = *state;
    fill(f);
    assert_query(f, Q(0), "Zoo order-1 order-3 pay-1 pay-2 order-2 ");
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST), "Zoo order-1 order-3 pay-1 pay-2 order-2 ");
    assert_query(f, Q(.order = PAWL_ORDER_NEWEST), "order-2 pay-2 pay-1 order-3 order-1 Zoo ");
    f->lease.shard++;
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST), "");
}

static void test_filters(void **state) {
    struct fixture *f = *state;
    fill(f);
    assert_query(f, Q(.name = S("Pay")), "pay-1 pay-2 ");
    assert_query(f, Q(.name = S("pay")), "");
    assert_query(f, Q(.statuses = 1 << FAILED), "Zoo order-3 ");
    assert_query(f, Q(.statuses = 1 << RUNNING | 1 << SUSPENDED), "pay-2 order-2 ");
    assert_query(f, Q(.created_from = 200), "order-3 pay-1 pay-2 order-2 ");
    assert_query(f, Q(.created_before = 200), "Zoo order-1 ");
    assert_query(f, Q(.created_from = 200, .created_before = 250), "order-3 pay-1 ");
    assert_query(f, Q(.ended_from = 1), "Zoo order-1 order-3 pay-1 ");
    assert_query(f, Q(.ended_before = 250), "Zoo order-1 ");
    assert_query(f, Q(.ended_from = 150, .ended_before = 251), "order-1 pay-1 ");
    assert_query(f, Q(.parent = S("order-2")), "pay-2 ");
    assert_query(f, Q(.id_prefix = S("order-")), "order-1 order-3 order-2 ");
    assert_query(f, Q(.id_prefix = S("order-2")), "order-2 ");
    assert_query(f, Q(.id_prefix = S("order-22")), "");
    assert_query(f, Q(.id_prefix = S("\xff")), "");
    assert_query(f, Q(.custom_status = S("pack")), "order-1 ");
    assert_query(f, Q(.custom_status = S("PACK")), "");
    assert_query(f, Q(.custom_status = S("\xc3\xa4")), "order-2 ");
    assert_query(f, Q(.custom_status = S("0%_d")), "pay-2 ");
    assert_query(f, Q(.custom_status = S("0%d")), "");
    assert_query(f, Q(.failure_type = S("CardError")), "order-3 ");
    assert_query(f, Q(.name = S("Order"), .statuses = 1 << FAILED, .created_from = 60), "order-3 ");
}

static void assert_tag(struct fixture *f, const char *key, const char *value,
                       const char *expected) {
    struct pawl_buf part = {0};
    assert_true(pawl__tags_part(&part, pawl__str(key), pawl__str(value)));
    assert_query(f, Q(.tag = pawl__buf_str(&part)), expected);
    pawl__buf_finish(&part);
}

static void test_tags(void **state) {
    struct fixture *f = *state;
    fill(f);
    assert_tag(f, "team", "red", "order-1 order-3 ");
    assert_tag(f, "team", "re", "Zoo ");
    assert_tag(f, "team", "", "");
    assert_tag(f, "team", NULL, "Zoo order-1 order-3 order-2 ");
    assert_tag(f, "site", "a", "order-1 ");
    assert_tag(f, "te", NULL, "pay-2 ");
    assert_tag(f, "am", NULL, "pay-2 ");
    assert_tag(f, "red", NULL, "");
}

static void test_places(void **state) {
    struct fixture *f = *state;
    fill(f);
    assert_query(f, Q(.after_created = 200, .after_id = S("pay"), .limit = 1), "pay-1 ");
    assert_query(f, Q(.after_created = 201, .after_id = S("A"), .limit = 1), "pay-2 ");
    assert_query(f, Q(.after_created = 100, .after_id = S("A"), .id_prefix = S("pay")),
                 "pay-1 pay-2 ");
    assert_query(f, Q(.after_created = 200, .after_id = S("pay-1"), .id_prefix = S("pay")),
                 "pay-2 ");
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST, .limit = 3), "Zoo order-1 order-3 ");
    assert_query(
        f,
        Q(.order = PAWL_ORDER_OLDEST, .after_created = 200, .after_id = S("order-3"), .limit = 2),
        "pay-1 pay-2 ");
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST, .after_created = 300, .after_id = S("order-2")),
                 "");
    assert_query(f, Q(.order = PAWL_ORDER_NEWEST, .after_created = 200, .after_id = S("pay-1")),
                 "order-3 order-1 Zoo ");
    assert_query(f,
                 Q(.order = PAWL_ORDER_NEWEST, .after_created = 250, .after_id = S("pay-2"),
                   .name = S("Order"), .limit = 2),
                 "order-3 order-1 ");
}

// A query that may look at |most| instances finds all by going on where it has stopped.
static void test_scans(void **state) {
    struct fixture *f = *state;
    fill(f);
    for (int order = PAWL_ORDER_OLDEST; order <= PAWL_ORDER_NEWEST; order++)
        for (size_t most = 1; most <= ROWS; most++) {
            struct pawl_buf text = {0};
            struct pawl_scan scan = {.most = most, .arena = &f->arena};
            struct pawl_query query = {.order = (enum pawl_order)order,
                                       .custom_status = PAWL_STR("_done"),
                                       .limit = ROWS,
                                       .scan = &scan};
            size_t pages = 0;
            do {
                assert_ok(f, f->store->ops->query(f->store, f->lease.shard, &query, note_id, &text,
                                                  &f->error));
                query.after_created = scan.created_at;
                query.after_id = scan.id;
                assert_true(++pages <= ROWS + 1);
            } while (scan.stopped);
            pawl__buf_append(&text, "", 1);
            assert_string_equal((const char *)text.data, "pay-2 ");
            pawl__buf_finish(&text);
            assert_true(pages >= (ROWS + most - 1) / most);
        }
}

// Far from the place at which a query begins, things are the same.
static void test_scan_of_many(void **state) {
    enum {
        MANY = 3000,
        WANTED = 700
    };
    struct fixture *f = *state;
    struct pawl_snapshot *rows = pawl__arena_zalloc(&f->arena, MANY * sizeof *rows);
    assert_non_null(rows);
    fixture_lease(f);
    for (int i = 0; i < MANY; i++) {
        rows[i] = t_snapshot(pawl__arena_format(&f->arena, "row-%04d", i), "s", "h");
        rows[i].created_at = i + 1;
        rows[i].name = i == WANTED ? PAWL_STR("Wanted") : PAWL_STR("Other");
    }
    assert_ok(f, t_commit(f,
                          &(struct pawl_part){
                              .lease = &f->lease, .snapshots = rows, .snapshot_count = MANY},
                          NULL));
    struct pawl_scan scan = {.most = 2000, .arena = &f->arena};
    struct pawl_query query = {
        .name = PAWL_STR("Wanted"), .order = PAWL_ORDER_NEWEST, .limit = 2, .scan = &scan};
    assert_query(f, query, "");
    assert_true(scan.stopped);
    assert_int_equal(scan.created_at, MANY - 2000 + 1);
    query.after_created = scan.created_at;
    query.after_id = scan.id;
    assert_query(f, query, "row-0700 ");
    assert_false(scan.stopped);
    // A time bounds what is looked at, in either order.
    scan = (struct pawl_scan){.most = 100, .arena = &f->arena};
    assert_query(f, Q(.name = S("Wanted"), .created_from = 650, .limit = 2, .scan = &scan),
                 "row-0700 ");
    assert_query(f,
                 Q(.name = S("Wanted"), .created_before = 750, .order = PAWL_ORDER_NEWEST,
                   .limit = 2, .scan = &scan),
                 "row-0700 ");
    assert_query(f,
                 Q(.name = S("Wanted"), .created_from = 500, .created_before = 550, .limit = 2,
                   .scan = &scan),
                 "");
    assert_false(scan.stopped);
}

// A page that is full tells no place: its last row is one.
static void test_scan_of_full_page(void **state) {
    struct fixture *f = *state;
    fill(f);
    struct pawl_scan scan = {.most = 3, .arena = &f->arena, .stopped = true};
    assert_query(f, Q(.limit = 2, .name = S("Order"), .scan = &scan), "Zoo order-1 ");
    assert_false(scan.stopped);
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum pawl_err note_count(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s/%d=%d\n", PAWL_FMT(name), (int)status, (int)count);
    return PAWL_OK;
}

static enum pawl_err add_count(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                               struct pawl_error *error) {
    *(size_t *)arg += count;
    return PAWL_OK;
}

// The counts as sorted words.
static void assert_counts(struct fixture *f, struct pawl_query query, const char *expected) {
    struct pawl_buf text = {0};
    char *words[16], joined[256] = "";
    size_t count = 0;
    assert_ok(f,
              f->store->ops->count(f->store, f->lease.shard, &query, note_count, &text, &f->error));
    pawl__buf_append(&text, "", 1);
    char *save;
    for (char *word = strtok_r((char *)text.data, "\n", &save); word && count < 16;
         word = strtok_r(NULL, "\n", &save))
        words[count++] = word;
    if (count) qsort(words, count, sizeof *words, compare_texts);
    for (size_t i = 0; i < count; i++) strcat(strcat(joined, words[i]), " ");
    assert_string_equal(joined, expected);
    pawl__buf_finish(&text);
}

static void test_counts(void **state) {
    struct fixture *f = *state;
    fill(f);
    assert_counts(f, Q(0), "Order/0=1 Order/1=1 Order/3=2 Pay/1=1 Pay/7=1 ");
    assert_counts(f, Q(.limit = 1, .after_id = S("pay-2")),
                  "Order/0=1 Order/1=1 Order/3=2 Pay/1=1 Pay/7=1 ");
    assert_counts(f, Q(.id_prefix = S("order")), "Order/0=1 Order/1=1 Order/3=1 ");
    assert_counts(f, Q(.name = S("none")), "");
    assert_counts(f, Q(.parent = S("order-2")), "Pay/7=1 ");
    assert_counts(f, Q(.failure_type = S("cardError")), "Order/3=1 ");
    assert_counts(f, Q(.statuses = 1 << FAILED | 1 << SUSPENDED, .created_from = 100),
                  "Order/3=1 Pay/7=1 ");
    assert_counts(f, Q(.statuses = 1 << COMPLETED, .created_from = 150), "Pay/1=1 ");
}

// Counts by parts are those of the whole, and a count that needs no look at each ends at once.
static void test_counts_by_parts(void **state) {
    struct fixture *f = *state;
    fill(f);
    const struct pawl_str some[] = {S("order-3"), S("pay-1"), S("nobody")};
    const struct pawl_query queries[] = {
        {0},
        {.name = S("Order")},
        {.created_from = 200},
        {.created_from = 60, .created_before = 250, .statuses = 1 << COMPLETED | 1 << FAILED},
        {.ended_from = 1, .except = some, .except_count = 3},
        {.custom_status = S("pack"), .ended_from = 100},
        {.id_prefix = S("order-"), .except = some, .except_count = 1},
        {.parent = S("order-2")},
    };
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        for (size_t most = 1; most <= ROWS; most++) {
            size_t whole = 0, sum = 0, parts = 0;
            struct pawl_scan scan = {.most = most, .arena = &f->arena};
            struct pawl_query query = queries[i];
            query.order = PAWL_ORDER_OLDEST;
            assert_ok(f, f->store->ops->count(f->store, f->lease.shard, &query, add_count, &whole,
                                              &f->error));
            query.scan = &scan;
            do {
                assert_ok(f, f->store->ops->count(f->store, f->lease.shard, &query, add_count, &sum,
                                                  &f->error));
                query.after_created = scan.created_at;
                query.after_id = scan.id;
                assert_true(++parts <= ROWS + 1);
            } while (scan.stopped);
            if (sum != whole) fail_msg("query %zu by %zu: %zu, not %zu", i, most, sum, whole);
        }
    // One of two of a time is a place as well.
    struct pawl_scan all = {.most = 100, .arena = &f->arena};
    assert_counts(f,
                  Q(.order = PAWL_ORDER_OLDEST, .ended_from = 1, .after_created = 200,
                    .after_id = S("order-3"), .scan = &all),
                  "Pay/1=1 ");
}

static void test_counts_without(void **state) {
    struct fixture *f = *state;
    fill(f);
    const struct pawl_str some[] = {S("order-3"), S("pay-1"), S("nobody"), S("Zoo")},
                          all[] = {S("order-1"), S("order-2"), S("order-3"),
                                   S("pay-1"),   S("pay-2"),   S("Zoo")};
    assert_counts(f, Q(.except = some, .except_count = 1),
                  "Order/0=1 Order/1=1 Order/3=1 Pay/1=1 Pay/7=1 ");
    assert_counts(f, Q(.except = some, .except_count = 4), "Order/0=1 Order/1=1 Pay/7=1 ");
    assert_counts(f, Q(.except = all, .except_count = 6), "");
    assert_counts(f, Q(.name = S("Order"), .except = some, .except_count = 2),
                  "Order/0=1 Order/1=1 Order/3=1 ");
    assert_counts(f, Q(.failure_type = S("cardError"), .except = some, .except_count = 3),
                  "Order/3=1 ");
    assert_counts(f, Q(.failure_type = S("cardError"), .except = some, .except_count = 4), "");
    assert_counts(f, Q(.custom_status = S("pack"), .except = all, .except_count = 1), "");
    assert_counts(f, Q(.parent = S("order-1"), .except = some, .except_count = 2), "");
    assert_counts(f, Q(.id_prefix = S("order"), .except = some, .except_count = 1),
                  "Order/0=1 Order/1=1 ");
}

// Counts by name, status and a text are exact after each commit, whatever it did: rows that come,
// change, go and come again, in one commit or in several, and parts that are refused, beside others
// that are done. The names and texts are more than a store may want to keep in memory meanwhile.
enum {
    MODEL_IDS = 120,
    MODEL_NAMES = 50,
    MODEL_STATUSES = 9,
    MODEL_TEXTS = 60
};

struct model {
    struct {
        bool there;
        unsigned name, tag, says; // of the texts 0: none
        int32_t status;
    } rows[MODEL_IDS];
};

static enum pawl_err model_check(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                 struct pawl_error *error) {
    uint64_t(*left)[MODEL_STATUSES] = arg;
    unsigned n = name.len ? (unsigned)strtoul(name.data + 1, NULL, 10) : 0;
    assert_in_range(n, 0, MODEL_NAMES - 1);
    assert_int_equal(left[n][status], count);
    left[n][status] = 0;
    return PAWL_OK;
}

static struct pawl_str model_text(struct fixture *f, unsigned number) {
    if (!number) return PAWL_STR("");
    return pawl__str(pawl__arena_format(&f->arena, "<%u>", number)); // is in no other
}

static struct pawl_str model_tags(struct fixture *f, unsigned number) {
    struct pawl_buf tags = {0};
    if (!number) return PAWL_STR("");
    pawl__tags_add(&tags, PAWL_STR("team"), model_text(f, number));
    struct pawl_str copy = {pawl__arena_dup(&f->arena, pawl__buf_str(&tags)), tags.len};
    pawl__buf_finish(&tags);
    return copy;
}

// Of those with these texts; 0: with any.
static void assert_model_of(struct fixture *f, const struct model *model, unsigned tag,
                            unsigned says) {
    uint64_t left[MODEL_NAMES][MODEL_STATUSES] = {{0}};
    const struct pawl_query query = {.tag = model_tags(f, tag),
                                     .custom_status = model_text(f, says)};
    for (size_t i = 0; i < MODEL_IDS; i++)
        left[model->rows[i].name][model->rows[i].status] += model->rows[i].there &&
                                                            (!tag || model->rows[i].tag == tag) &&
                                                            (!says || model->rows[i].says == says);
    assert_ok(f,
              f->store->ops->count(f->store, f->lease.shard, &query, model_check, left, &f->error));
    for (size_t n = 0; n < MODEL_NAMES; n++)
        for (size_t s = 0; s < MODEL_STATUSES; s++) assert_int_equal(left[n][s], 0);
}

static void assert_model(struct fixture *f, const struct model *model) {
    assert_model_of(f, model, 0, 0);
    for (unsigned text = 1; text < 4; text++) {
        assert_model_of(f, model, text, 0);
        assert_model_of(f, model, 0, text);
    }
    assert_model_of(f, model, 1, 2);
    assert_model_of(f, model, MODEL_TEXTS - 1, 0);
    assert_model_of(f, model, 0, MODEL_TEXTS - 1);
}

// Makes a part of random rows, and does in |model| what it does. |refused|: its last row has more
// of a history of which nothing is stored.
static struct pawl_part model_part(struct fixture *f, unsigned *dice, struct model *model,
                                   bool refused) {
    struct pawl_snapshot *rows = pawl__arena_alloc(&f->arena, (MODEL_IDS + 1) * sizeof *rows);
    struct pawl_str *deletes = pawl__arena_alloc(&f->arena, MODEL_IDS * sizeof *deletes);
    struct pawl_part part = {.snapshots = rows, .deletes = deletes};
    unsigned names = rand_r(dice) % 4 ? 3 : MODEL_NAMES, often = 1 + (unsigned)rand_r(dice) % 8;
    for (unsigned i = 0; i < MODEL_IDS; i++) { // deletes come first
        char text[16];
        snprintf(text, sizeof text, "i%u", i);
        const char *id = pawl__arena_dup(&f->arena, pawl__str(text));
        if (rand_r(dice) % 16 == 0) {
            deletes[part.delete_count++] = pawl__str(id);
            model->rows[i].there = false;
        }
        if (rand_r(dice) % 8 >= often) continue;
        bool same = model->rows[i].there && rand_r(dice) % 3 == 0;
        unsigned name = same ? model->rows[i].name : (unsigned)rand_r(dice) % names;
        int32_t status = same ? model->rows[i].status : (int32_t)(rand_r(dice) % MODEL_STATUSES);
        unsigned texts = rand_r(dice) % 2 ? 4 : MODEL_TEXTS;
        unsigned tag = same ? model->rows[i].tag : (unsigned)rand_r(dice) % texts;
        bool silent = model->rows[i].there && rand_r(dice) % 2;
        unsigned says = silent ? model->rows[i].says : (unsigned)rand_r(dice) % texts;
        snprintf(text, sizeof text, "n%u", name);
        struct pawl_snapshot row = t_snapshot(id, "s", "h");
        row.name = name ? pawl__str(pawl__arena_dup(&f->arena, pawl__str(text))) : PAWL_STR("");
        row.status = status;
        row.tags = model_tags(f, tag);
        row.custom_status = model_text(f, says);
        row.active = rand_r(dice) % 2;
        row.history_from = model->rows[i].there && rand_r(dice) % 2; // more of it
        rows[part.snapshot_count++] = row;
        model->rows[i].there = true;
        model->rows[i].name = name;
        model->rows[i].tag = tag;
        model->rows[i].says = says;
        model->rows[i].status = status;
    }
    if (refused) {
        rows[part.snapshot_count] = t_snapshot("nobody", "s", "h");
        rows[part.snapshot_count++].history_from = 3;
    }
    return part;
}

static void test_counts_are_exact(void **state) {
    struct fixture *f = *state;
    struct model models[2] = {0};
    struct pawl_lease leases[2];
    unsigned dice = 11;
    fixture_lease(f);
    leases[0] = f->lease;
    assert_ok(f, t_lease(f, f->store, "app", 1, &leases[1]));
    for (int round = 0; round < 30; round++) {
        struct model after[2];
        struct pawl_part parts[2];
        size_t first = (size_t)rand_r(&dice) % 2, refused = (size_t)rand_r(&dice) % 4;
        memcpy(after, models, sizeof after);
        for (size_t i = 0; i < 2; i++) {
            parts[i] = model_part(f, &dice, &after[i], i == refused);
            parts[i].lease = &leases[i];
        }
        parts[first].next = &parts[!first];
        const struct pawl_commit commit = {.parts = &parts[first]};
        assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
        for (size_t i = 0; i < 2; i++) {
            assert_err(i == refused ? PAWL_E_INTERNAL : PAWL_OK, parts[i].result.code);
            if (i != refused) models[i] = after[i];
            f->lease = leases[i];
            assert_model(f, &models[i]);
        }
        pawl__arena_reset(&f->arena);
    }
    if (f->kind->shared) fixture_reopen(f);
    assert_model(f, &models[1]);
}

// A row that is put again, and one that goes, are found as they are now.
static void test_changes(void **state) {
    struct fixture *f = *state;
    fill(f);
    struct pawl_snapshot row = row_of(f, 1);
    row.status = COMPLETED;
    row.custom_status = PAWL_STR("\"done\"");
    row.created_at = 10; // of a new run
    assert_ok(f, t_put(f, &row));
    struct pawl_str gone = PAWL_STR("pay-1");
    assert_ok(
        f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .deletes = &gone, .delete_count = 1},
                    NULL));
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST), "order-2 Zoo order-1 order-3 pay-2 ");
    assert_query(f, Q(.custom_status = S("done")), "order-2 pay-2 ");
    assert_counts(f, Q(0), "Order/1=2 Order/3=2 Pay/7=1 ");
    if (f->kind->shared) fixture_reopen(f);
    assert_query(f, Q(.order = PAWL_ORDER_OLDEST), "order-2 Zoo order-1 order-3 pay-2 ");
}

// All queries of a kind say what pawl__query_match and pawl__query_compare say.
static void test_any_query(void **state) {
    struct fixture *f = *state;
    unsigned dice = 7;
    fill(f);
    for (int round = 0; round < 300; round++) {
        struct pawl_query query = {.order = (enum pawl_order)(rand_r(&dice) % 3)};
        size_t pick = (size_t)rand_r(&dice) % ROWS;
        struct pawl_snapshot rows[ROWS];
        struct pawl_buf expected = {0};
        if (rand_r(&dice) % 3 == 0) query.name = pawl__str(table[pick].name);
        if (rand_r(&dice) % 3 == 0) query.statuses = (uint32_t)rand_r(&dice) % 256;
        if (rand_r(&dice) % 3 == 0) query.created_from = table[pick].created_at;
        if (rand_r(&dice) % 4 == 0) query.ended_before = 260;
        if (rand_r(&dice) % 4 == 0) query.id_prefix = pawl__str(table[pick].id);
        if (rand_r(&dice) % 4 == 0) query.id_prefix.len /= 2;
        if (rand_r(&dice) % 2 == 0) {
            pick = (size_t)rand_r(&dice) % ROWS;
            query.after_id = pawl__str(table[pick].id);
            query.after_created = table[pick].created_at;
        }
        size_t count = 0;
        for (size_t i = 0; i < ROWS; i++) {
            struct pawl_snapshot row = row_of(f, i);
            if (pawl__query_match(&query, &row)) rows[count++] = row;
        }
        for (size_t i = 0; i < count; i++) {
            size_t least = i;
            for (size_t j = i + 1; j < count; j++)
                if (pawl__query_compare(query.order, &rows[j], &rows[least]) < 0) least = j;
            struct pawl_snapshot first = rows[least];
            rows[least] = rows[i];
            rows[i] = first;
            pawl__buf_format(&expected, "%.*s ", PAWL_FMT(first.id));
        }
        pawl__buf_append(&expected, "", 1);
        assert_query(f, query, (const char *)expected.data);
        pawl__buf_finish(&expected);
    }
}

int suite_query(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_orders),        T(test_filters),   T(test_tags),
        T(test_places),        T(test_scans),     T(test_scan_of_full_page),
        T(test_scan_of_many),  T(test_counts),    T(test_counts_by_parts),
        T(test_changes),       T(test_any_query), T(test_counts_are_exact),
        T(test_counts_without)};
#undef T
    return cmocka_run_group_tests_name("queries", tests, NULL, NULL);
}
