// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>

#include "engine/shard.h"
#include "observe/feed.h"

struct place {
    struct pawl_feed feed;
    struct pawl_feed_reader reader;
    struct pawl_notes notes; // of the batch under construction
    uint64_t position;
    bool is_told;
    int wakes;
};

static void place_wake(struct pawl_feed_reader *reader) {
    PAWL_CONTAINER(reader, struct place, reader)->wakes++;
}

static int place_init(void **state) {
    static struct place place;
    place = (struct place){.reader = {.wake = place_wake}};
    assert_true(pawl__feed_init(&place.feed));
    *state = &place;
    return 0;
}

static int place_finish(void **state) {
    struct place *place = *state;
    pawl__notes_settle(&place->notes, false);
    if (place->reader.link.next) pawl__feed_leave(&place->feed, &place->reader);
    pawl__feed_finish(&place->feed);
    return 0;
}

static void place_record(struct place *place, const char *id) {
    struct pawl_listener *listener = &place->feed.listener;
    struct pawl_instance *instance = pawl__instance_create(pawl__str(id));
    if (!place->notes.first) place->is_told = listener->begins(listener, &place->notes);
    if (place->is_told)
        listener->changed(listener, 0, place->position + 1, instance, PAWL_CHANGE_EVENT,
                          &place->notes);
    pawl__instance_unref(instance);
}

static void place_settle(struct place *place, bool durable) {
    place->position++;
    pawl__notes_settle(&place->notes, durable);
}

// "": nothing; "!": something was missed; else the id.
static const char *place_read(struct place *place) {
    static char text[64];
    const struct pawl_feed_change *change;
    switch (pawl__feed_read(&place->feed, &place->reader, &change)) {
    case PAWL_FEED_NOTHING: return "";
    case PAWL_FEED_MISSED: return "!";
    default: break;
    }
    assert_int_equal(change->number, pawl__feed_place(&place->reader));
    snprintf(text, sizeof text, "%.*s", PAWL_FMT(change->id));
    return text;
}

static void test_in_order_once_durable(void **state) {
    struct place *place = *state;
    pawl__feed_join(&place->feed, &place->reader);
    place_record(place, "a");
    place_record(place, "b");
    assert_string_equal(place_read(place), "");
    place_settle(place, true);
    assert_int_equal(place->wakes, 1);
    assert_string_equal(place_read(place), "a");
    assert_string_equal(place_read(place), "b");
    assert_string_equal(place_read(place), "");
    place_record(place, "c");
    place_settle(place, false);
    place_record(place, "d");
    place_settle(place, true);
    assert_int_equal(place->wakes, 2);
    assert_string_equal(place_read(place), "d");
}

static void test_a_batch_that_had_begun(void **state) {
    struct place *place = *state;
    place_record(place, "a");
    pawl__feed_join(&place->feed, &place->reader);
    place_record(place, "b");
    place_settle(place, true);
    assert_string_equal(place_read(place), "!");
    assert_string_equal(place_read(place), "");
    place_record(place, "c");
    place_settle(place, true);
    assert_string_equal(place_read(place), "c");
}

static void test_too_slow(void **state) {
    struct place *place = *state;
    pawl__feed_join(&place->feed, &place->reader);
    for (int i = 0; i < PAWL_FEED_CHANGES; i++) place_record(place, "a");
    place_settle(place, true);
    assert_string_equal(place_read(place), "a");
    for (int i = 0; i < 2; i++) place_record(place, "b");
    place_settle(place, true);
    assert_string_equal(place_read(place), "!");
    assert_string_equal(place_read(place), "");
}

static void test_long_texts_leave_room(void **state) {
    struct place *place = *state;
    static char id[PAWL_FEED_BYTES / 4];
    memset(id, 'x', sizeof id - 1);
    pawl__feed_join(&place->feed, &place->reader);
    for (int i = 0; i < 10; i++) place_record(place, id);
    place_settle(place, true);
    assert_true(place->feed.bytes <= PAWL_FEED_BYTES);
    assert_string_equal(place_read(place), "!");
}

static void test_coming_back(void **state) {
    struct place *place = *state;
    pawl__feed_join(&place->feed, &place->reader);
    place_record(place, "a");
    place_settle(place, true);
    assert_string_equal(place_read(place), "a");
    uint64_t at = pawl__feed_place(&place->reader), boot = place->feed.boot;
    pawl__feed_leave(&place->feed, &place->reader);
    place_record(place, "b");
    place_settle(place, true);
    pawl__feed_rejoin(&place->feed, &place->reader, boot, at);
    assert_string_equal(place_read(place), "b");
    assert_string_equal(place_read(place), "");
    // From another daemon, or from the future.
    pawl__feed_leave(&place->feed, &place->reader);
    pawl__feed_rejoin(&place->feed, &place->reader, boot + 1, at);
    assert_string_equal(place_read(place), "!");
    pawl__feed_leave(&place->feed, &place->reader);
    pawl__feed_rejoin(&place->feed, &place->reader, boot, at + 100);
    assert_string_equal(place_read(place), "!");
    // After a long time nothing is noted any more.
    at = pawl__feed_place(&place->reader);
    pawl__feed_leave(&place->feed, &place->reader);
    place->feed.left_at -= INT64_C(3600) * 1000000000;
    place_record(place, "c");
    place_settle(place, true);
    assert_false(place->feed.open);
    pawl__feed_rejoin(&place->feed, &place->reader, boot, at);
    assert_string_equal(place_read(place), "!");
}

static void test_interrupted(void **state) {
    struct place *place = *state;
    pawl__feed_join(&place->feed, &place->reader);
    place_record(place, "a");
    place_settle(place, true);
    place->feed.listener.interrupted(&place->feed.listener);
    assert_string_equal(place_read(place), "!");
    assert_string_equal(place_read(place), "");
}

// What another feed has told, and that something of it was missed.
static void test_put(void **state) {
    struct place *place = *state;
    char id[] = "a", name[] = "order";
    const struct pawl_feed_change made = {
        .position = 9, .shard = 3, .id = {id, 1}, .name = {name, 5}};
    pawl__feed_join(&place->feed, &place->reader);
    assert_string_equal(place_read(place), "");
    pawl__feed_put(&place->feed, &made);
    assert_int_equal(place->wakes, 1);
    id[0] = name[0] = 'x'; // it is a copy
    const struct pawl_feed_change *change;
    assert_int_equal(pawl__feed_read(&place->feed, &place->reader, &change), PAWL_FEED_CHANGE);
    assert_memory_equal(change->id.data, "a", 1);
    assert_memory_equal(change->name.data, "order", 5);
    assert_int_equal(change->shard, 3);
    assert_int_equal(change->position, 9);
    pawl__feed_put(&place->feed, &made);
    pawl__feed_break(&place->feed);
    assert_string_equal(place_read(place), "!");
    assert_string_equal(place_read(place), "");
    for (int i = 0; i <= PAWL_FEED_CHANGES; i++) pawl__feed_put(&place->feed, &made);
    assert_string_equal(place_read(place), "!");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_init, place_finish)
    const struct CMUnitTest tests[] = {
        TEST(test_in_order_once_durable),
        TEST(test_a_batch_that_had_begun),
        TEST(test_too_slow),
        TEST(test_long_texts_leave_room),
        TEST(test_coming_back),
        TEST(test_interrupted),
        TEST(test_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
