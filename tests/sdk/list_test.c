// Which instances there are: pages, filters and counts.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

enum {
    COUNT = 25
};

static char prefix[64]; // of the ids of these tests, with which no other's begin

static enum pawl_err ends(struct pawl_workflow *wf) {
    return pawl_return(wf, pawl_input(wf));
}

static enum pawl_err waits(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"packing \\\"7\\\"\"")));
    return pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER));
}

static enum pawl_err fails(struct pawl_workflow *wf) {
    return pawl_fail(wf, "Declined", "no \"credit\"");
}

// |COUNT| that have ended, one that waits, one that has failed.
static int setup(void **state) {
    struct pawl *pawl = fixture_open(NULL);
    snprintf(prefix, sizeof prefix, "%s", fixture_id("list"));
    assert_ok(pawl_add_workflow(pawl, "list ends", ends, NULL));
    assert_ok(pawl_add_workflow(pawl, "list waits", waits, NULL));
    assert_ok(pawl_add_workflow(pawl, "list fails", fails, NULL));
    assert_ok(pawl_work(pawl));
    for (int i = 0; i < COUNT + 2; i++) {
        char id[96];
        const char *name = i < COUNT ? "list ends" : i == COUNT ? "list waits" : "list fails";
        const struct pawl_start_options options = {.id = id};
        snprintf(id, sizeof id, "%s-%02d", prefix, i);
        assert_ok(pawl_start(pawl, name, pawl_text("1"), &options, NULL));
        if (i != COUNT) assert_ok(pawl_wait(pawl, id, 20 * PAWL_SECOND, NULL));
    }
    char id[96];
    struct pawl_info *info;
    snprintf(id, sizeof id, "%s-%02d", prefix, COUNT);
    for (int tries = 0; tries < 2000; tries++) { // until its first turn is over
        assert_ok(pawl_get(pawl, id, &info));
        bool begun = info->custom_status.data;
        pawl_info_free(info);
        if (begun) break;
        pawl_wait(pawl, id, 10 * PAWL_MILLISECOND, NULL);
    }
    *state = pawl;
    return 0;
}

static int teardown(void **state) {
    return pawl_close(*state);
}

// The numbers, as in "03 02 01 ", of the ids that |filter|, behind the tests' own prefix, chooses.
static void list(struct pawl *pawl, const char *filter, bool newest_first, size_t limit,
                 char out[8 * COUNT]) {
    char text[256];
    struct pawl_page *page = NULL;
    snprintf(text, sizeof text, "%s %s", prefix, filter);
    const struct pawl_list_options options = {text, newest_first, limit};
    for (*out = 0;;) {
        assert_ok(pawl_list(pawl, &options, &page));
        if (!page) break;
        assert_true(!limit || page->count <= limit);
        for (size_t i = 0; i < page->count; i++) {
            assert_true(strlen(page->items[i].id) == strlen(prefix) + 3);
            strcat(strcat(out, page->items[i].id + strlen(prefix) + 1), " ");
        }
    }
}

#define LISTS(pawl, filter, newest, limit, expected)                                               \
    do {                                                                                           \
        char lists_out[8 * COUNT];                                                                 \
        list(pawl, filter, newest, limit, lists_out);                                              \
        assert_string_equal(lists_out, expected);                                                  \
    } while (0)

static void test_order(void **state) {
    static const char all[] = "00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 "
                              "22 23 24 25 26 ";
    char backwards[8 * COUNT] = "";
    for (int i = COUNT + 1; i >= 0; i--) {
        char one[8];
        snprintf(one, sizeof one, "%02d ", i);
        strcat(backwards, one);
    }
    for (size_t limit = 1; limit < 40; limit += 6) {
        LISTS(*state, "", false, limit, all);
        LISTS(*state, "", true, limit, backwards);
    }
    LISTS(*state, "", false, 0, all);
    LISTS(*state, "", false, SIZE_MAX, all);
}

static void test_filters(void **state) {
    LISTS(*state, "status:failed", false, 0, "26 ");
    LISTS(*state, "status:running,failed", false, 1, "25 26 ");
    LISTS(*state, "name:\"list waits\"", false, 0, "25 ");
    LISTS(*state, "failure:Declined", false, 0, "26 ");
    LISTS(*state, "failure:Other", false, 0, "");
    LISTS(*state, "says:packing", false, 0, "25 ");
    LISTS(*state, "age>1h", false, 0, "");
    LISTS(*state, "age<2999-01-01T00:00:00Z", false, 0, "");
    LISTS(*state, "age<2001-01-01T00:00:00Z status:failed", false, 0, "26 ");
    LISTS(*state, "ended<1h status:failed,running", false, 0, "26 ");
}

static void test_rows(void **state) {
    char text[128];
    struct pawl_page *page = NULL;
    snprintf(text, sizeof text, "%s-2 status:failed,running", prefix);
    assert_ok(pawl_list(*state, &(struct pawl_list_options){.filter = text}, &page));
    assert_non_null(page);
    assert_int_equal(page->count, 2);
    const struct pawl_info *waits_on = &page->items[0], *failed = &page->items[1];
    assert_string_equal(waits_on->name, "list waits");
    assert_int_equal(waits_on->status, PAWL_RUNNING);
    assert_text(waits_on->custom_status, "\"packing \\\"7\\\"\"");
    assert_null(waits_on->failure);
    assert_null(waits_on->input.data);
    assert_null(waits_on->parent_id);
    assert_true(waits_on->created_at > 0 && waits_on->updated_at >= waits_on->created_at);
    assert_int_equal(failed->status, PAWL_FAILED);
    assert_string_equal(failed->failure->type, "Declined");
    assert_true(failed->created_at > waits_on->created_at);
    pawl_page_free(page);
    pawl_page_free(NULL);
}

static void test_counts(void **state) {
    struct pawl_count *counts;
    size_t len, ended = 0, running = 0, failed = 0;
    assert_ok(pawl_count(*state, prefix, &counts, &len));
    assert_int_equal(len, 3);
    for (size_t i = 0; i < len; i++) {
        if (strcmp(counts[i].name, "list ends") == 0 && counts[i].status == PAWL_COMPLETED)
            ended = counts[i].count;
        if (strcmp(counts[i].name, "list waits") == 0 && counts[i].status == PAWL_RUNNING)
            running = counts[i].count;
        if (strcmp(counts[i].name, "list fails") == 0 && counts[i].status == PAWL_FAILED)
            failed = counts[i].count;
    }
    free(counts);
    assert_int_equal(ended, COUNT);
    assert_int_equal(running, 1);
    assert_int_equal(failed, 1);
    assert_ok(pawl_count(*state, "nobody-begins-so", &counts, &len));
    assert_int_equal(len, 0);
    free(counts);
}

// An error leaves the page as it was, so that the caller can go on.
static void test_errors(void **state) {
    struct pawl_page *page = NULL;
    struct pawl_count *counts;
    size_t len;
    assert_int_equal(pawl_list(*state, &(struct pawl_list_options){.filter = "colour:red"}, &page),
                     PAWL_E_INVALID);
    assert_non_null(strstr(pawl_last_error()->text, "'colour:' is no filter"));
    assert_null(page);
    assert_int_equal(pawl_list(*state, &(struct pawl_list_options){.filter = "\xff"}, &page),
                     PAWL_E_INVALID);
    assert_int_equal(pawl_count(*state, "status:sad", &counts, &len), PAWL_E_INVALID);
    assert_non_null(strstr(pawl_last_error()->text, "'sad' is no status"));
    assert_null(counts);
    assert_ok(pawl_list(*state, &(struct pawl_list_options){.filter = prefix, .limit = 2}, &page));
    assert_int_equal(page->count, 2);
    assert_int_equal(pawl_list(*state, &(struct pawl_list_options){.filter = "colour:red"}, &page),
                     PAWL_E_INVALID);
    assert_non_null(page);
    assert_int_equal(page->count, 2);
    pawl_page_free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),  cmocka_unit_test(test_filters), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_counts), cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
