// Histories that come from outside: what becomes of them, and what is refused.

#include "kit.h"

#include <stdlib.h>

#include "engine/events.h"

// Two activities, an event that was waited for, a timer and a child that are never resolved.
static void make_ended(struct kit *kit, const char *id, Pb__WorkflowAction *end) {
    kit_create(kit, id, "Order");
    kit_turn(kit, id, ACTIONS(kit_task(kit, 0, "first", "\"a\""), kit_timer(kit, 1, kit->now * 2)));
    kit_result(kit, id, 0, "\"A\"");
    kit_turn(kit, id, ACTIONS(kit_task(kit, 2, "second", "\"b\""), end));
    kit_effects(kit);
}

static struct pawl_str history_of(struct kit *kit, const char *id) {
    return pawl__buf_str(&kit_find(kit, id)->history.bytes);
}

// As it is there, in |kit| under another id and in |other| under its own.
static void assert_taken(struct kit *kit, struct kit *other, int32_t status) {
    uint32_t count;
    struct pawl_instance *a = kit_find(kit, "a"), *copy, *same;
    assert_int_equal(kit_import(kit, history_of(kit, "a"), "copy"), PAWL_OK);
    KIT_EFFECTS(kit, "CHANGED copy");
    assert_int_equal(kit_import(other, history_of(kit, "a"), "a"), PAWL_OK);
    copy = kit_find(kit, "copy");
    same = kit_find(other, "a");
    assert_true(pawl__str_equal(history_of(kit, "a"), history_of(other, "a")));
    const struct pawl_instance *both[] = {copy, same};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pawl__instance_status(both[i]), status);
        assert_int_equal(both[i]->created_at, a->created_at);
        assert_int_equal(both[i]->started_at, a->started_at);
        assert_int_equal(both[i]->completed_at, a->completed_at);
        assert_int_equal(both[i]->history.count, a->history.count);
        assert_string_equal(both[i]->name, "Order");
        assert_string_equal(both[i]->execution_id, a->execution_id);
        assert_false(pawl__instance_active(both[i]));
        assert_int_equal(pawl__instance_wake_at(both[i]), INT64_MAX);
    }
    const Pb__ExecutionStartedEvent *start = kit_event(kit, "copy", 1)->executionstarted;
    assert_string_equal(start->workflowinstance->instanceid, "copy");
    // It is like any other that has ended.
    assert_int_equal(kit_import(kit, history_of(kit, "copy"), "a"), PAWL_E_EXISTS);
    assert_int_equal(kit_rerun(kit, "copy", 0, "again", NULL), PAWL_OK);
    KIT_EFFECTS(kit, "CHANGED again, ACTIVITY again 0");
    assert_int_equal(kit_purge(kit, "copy", false, false, &count), PAWL_OK);
    assert_int_equal(kit_import(kit, history_of(kit, "a"), "copy"), PAWL_OK);
    kit_assert_replays(kit);
    kit_assert_replays(other);
}

static void test_ended(void **state) {
    for (int failed = 0; failed < 2; failed++) {
        struct kit kit, other;
        kit_init(&kit);
        kit_init(&other);
        make_ended(&kit, "a",
                   failed ? kit_end(&kit, 3, STATUS(FAILED), NULL)
                          : kit_complete(&kit, 3, "\"done\""));
        assert_taken(&kit, &other, failed ? STATUS(FAILED) : STATUS(COMPLETED));
        kit_finish(&kit);
        kit_finish(&other);
    }
}

static void test_terminated(void **state) {
    struct kit kit, other;
    kit_init(&kit);
    kit_init(&other);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "first", "1")));
    kit_terminate(&kit, "a", "\"enough\"", false);
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_effects(&kit);
    assert_taken(&kit, &other, STATUS(TERMINATED));
    kit_finish(&kit);
    kit_finish(&other);
}

// --- what is refused ----------------------------------------------------------------------------

struct story {
    struct kit kit;
    Pb__HistoryEvent *events[8];
    size_t count;
};

static void *story_new(struct story *story, const ProtobufCMessageDescriptor *type) {
    void *message = pawl__arena_alloc(&story->kit.arena, type->sizeof_message);
    assert_non_null(message);
    protobuf_c_message_init(type, message);
    return message;
}

static char *text_of(const char *text) {
    return (char *)(uintptr_t)text;
}

static Pb__HistoryEvent *story_add(struct story *story, Pb__HistoryEvent__EventTypeCase type,
                                   void *body) {
    Pb__HistoryEvent *event = story_new(story, &pb__history_event__descriptor);
    event->eventid = -1;
    event->event_type_case = type;
    event->executionstarted = body;
    event->timestamp = pawl__timestamp(&story->kit.arena, story->kit.now);
    story->events[story->count++] = event;
    return event;
}

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

// A whole one: WorkflowStarted, ExecutionStarted, TaskScheduled, ExecutionCompleted.
static void story_init(struct story *story) {
    *story = (struct story){0};
    kit_init(&story->kit);
    story_add(story, EVENT(WORKFLOW_STARTED),
              story_new(story, &pb__workflow_started_event__descriptor));
    Pb__ExecutionStartedEvent *start = story_new(story, &pb__execution_started_event__descriptor);
    start->name = text_of("Order");
    start->workflowinstance = story_new(story, &pb__workflow_instance__descriptor);
    start->workflowinstance->instanceid = text_of("a");
    story_add(story, EVENT(EXECUTION_STARTED), start);
    Pb__TaskScheduledEvent *task = story_new(story, &pb__task_scheduled_event__descriptor);
    task->name = text_of("first");
    story_add(story, EVENT(TASK_SCHEDULED), task)->eventid = 0;
    Pb__ExecutionCompletedEvent *end = story_new(story, &pb__execution_completed_event__descriptor);
    end->workflowstatus = STATUS(COMPLETED);
    story_add(story, EVENT(EXECUTION_COMPLETED), end);
}

// Imports it; with |why| it is refused for that.
static void story_end(struct story *story, const char *why) {
    struct pawl_history history = {0};
    for (size_t i = 0; i < story->count; i++)
        assert_true(pawl__history_add(&history, story->events[i]));
    enum pawl_err err = kit_import(&story->kit, pawl__buf_str(&history.bytes), "a");
    assert_int_equal(err, why ? PAWL_E_INVALID : PAWL_OK);
    if (why && !strstr(story->kit.error.text, why))
        fail_msg("refused with '%s', not '%s'", story->kit.error.text, why);
    const struct pawl_instance *a = pawl__shard_find(&story->kit.shard, PAWL_STR("a"));
    if (why) assert_true(!a || !a->exists);
    pawl__history_finish(&history);
    kit_finish(&story->kit);
}

static void test_refused(void **state) {
    struct story s;
    story_init(&s);
    story_end(&s, NULL);
    story_init(&s);
    s.count--;
    story_end(&s, "no event executionCompleted: only a workflow that has ended");
    story_init(&s);
    s.events[1] = s.events[2];
    s.events[2] = s.events[3];
    s.count = 3;
    story_end(&s, "no event executionStarted");
    story_init(&s);
    s.events[0] = s.events[1];
    story_end(&s, "event 0 of the history is the first, and so has to be workflowStarted");
    story_init(&s);
    s.events[2] = s.events[1];
    story_end(&s, "event 2 of the history starts it a second time");
    story_init(&s);
    s.events[s.count++] = s.events[2];
    story_end(&s, "event 4 of the history comes after the end");
    story_init(&s);
    s.events[1]->executionstarted->name = text_of("");
    story_end(&s, "event 1 of the history names no workflow");
    story_init(&s);
    s.events[1]->executionstarted->workflowinstance = NULL;
    story_end(&s, "event 1 of the history has no instance id");
    story_init(&s);
    s.events[3]->executioncompleted->workflowstatus = STATUS(RUNNING);
    story_end(&s, "event 3 of the history ends it with a status that is not");
    story_init(&s);
    s.events[2]->timestamp = NULL;
    story_end(&s, "event 2 of the history has no timestamp");
    story_init(&s);
    s.events[2]->timestamp = pawl__timestamp(&s.kit.arena, -1);
    story_end(&s, "event 2 of the history has a timestamp before 1970");
    story_init(&s);
    s.events[2]->event_type_case = PB__HISTORY_EVENT__EVENT_TYPE__NOT_SET;
    story_end(&s, "event 2 of the history is of no kind that is known");
    story_init(&s);
    s.events[4] = s.events[3];
    s.events[3] = s.events[2];
    s.count = 5;
    story_end(&s, "event 3 of the history uses an id that is in use");
}

static void test_damaged(void **state) {
    struct kit kit;
    kit_init(&kit);
    make_ended(&kit, "a", kit_complete(&kit, 3, "1"));
    struct pawl_str whole = history_of(&kit, "a");
    for (size_t len = 0; len < whole.len; len++) {
        char *piece = malloc(len + 1); // a read past its end is found
        memcpy(piece, whole.data, len);
        assert_int_equal(kit_import(&kit, (struct pawl_str){piece, len}, "b"), PAWL_E_INVALID);
        free(piece);
    }
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ended),
        cmocka_unit_test(test_terminated),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
