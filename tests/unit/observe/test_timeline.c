#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "observe/waits.h"
#include "wire/timestamp.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
#define SECOND       INT64_C(1000000000)
#define START        (INT64_C(1700000000) * SECOND)

// A history under construction: each event comes a second after the one before.
struct story {
    struct pawl_arena arena;
    Pb__HistoryEvent *events[64];
    size_t count;
    int64_t now;
};

static void *story_body(struct story *story, size_t size) {
    void *body = pawl__arena_zalloc(&story->arena, size);
    assert_non_null(body);
    return body;
}

static Google__Protobuf__Timestamp *story_time(struct story *story, int64_t at) {
    Google__Protobuf__Timestamp *stamp = story_body(story, sizeof *stamp);
    google__protobuf__timestamp__init(stamp);
    pawl__timestamp_set(stamp, at);
    return stamp;
}

static Pb__HistoryEvent *story_add(struct story *story, Pb__HistoryEvent__EventTypeCase type,
                                   int32_t id, void *body) {
    Pb__HistoryEvent *event = story_body(story, sizeof *event);
    pb__history_event__init(event);
    story->now += SECOND;
    event->timestamp = story_time(story, story->now);
    event->eventid = id;
    event->event_type_case = type;
    event->executionstarted = body; // all members of the oneof are pointers
    story->events[story->count++] = event;
    return event;
}

#define ADD(story, CASE, type, id, ...)                                                            \
    do {                                                                                           \
        Pb__##type *body_ = story_body(story, sizeof *body_);                                      \
        *body_ = (Pb__##type){__VA_ARGS__};                                                        \
        story_add(story, PB__HISTORY_EVENT__EVENT_TYPE_##CASE, id, body_);                         \
    } while (0)

static void story_scheduled(struct story *story, int32_t id, char *name, char *work) {
    ADD(story, TASK_SCHEDULED, TaskScheduledEvent, id, .name = name, .taskexecutionid = work);
}

static void story_failed(struct story *story, int32_t id, char *why) {
    Pb__TaskFailureDetails *failure = story_body(story, sizeof *failure);
    pb__task_failure_details__init(failure);
    failure->errormessage = why;
    ADD(story, TASK_FAILED, TaskFailedEvent, -1, .taskscheduledid = id, .failuredetails = failure);
}

static void story_completed(struct story *story, int32_t id) {
    ADD(story, TASK_COMPLETED, TaskCompletedEvent, -1, .taskscheduledid = id);
}

static void story_wait(struct story *story, int32_t id, char *event, int64_t until) {
    Pb__TimerOriginExternalEvent *origin = story_body(story, sizeof *origin);
    pb__timer_origin_external_event__init(origin);
    origin->name = event;
    ADD(story, TIMER_CREATED, TimerCreatedEvent, id, .fireat = story_time(story, until),
        .origin_case = PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT, .externalevent = origin);
}

static void story_retry(struct story *story, int32_t id, char *work, int64_t until) {
    Pb__TimerOriginActivityRetry *origin = story_body(story, sizeof *origin);
    pb__timer_origin_activity_retry__init(origin);
    origin->taskexecutionid = work;
    ADD(story, TIMER_CREATED, TimerCreatedEvent, id, .fireat = story_time(story, until),
        .origin_case = PB__TIMER_CREATED_EVENT__ORIGIN_ACTIVITY_RETRY, .activityretry = origin);
}

static void story_fired(struct story *story, int32_t id) {
    ADD(story, TIMER_FIRED, TimerFiredEvent, -1, .timerid = id);
}

static void story_raised(struct story *story, char *name) {
    ADD(story, EVENT_RAISED, EventRaisedEvent, -1, .name = name);
}

static int story_begin(void **state) {
    static struct story story;
    story = (struct story){.now = START};
    *state = &story;
    return 0;
}

static int story_end(void **state) {
    struct story *story = *state;
    pawl__arena_finish(&story->arena);
    return 0;
}

// The timeline as text, one step a line: "kind name outcome attempts start-end [state
// start-end]...", in seconds from the beginning.
static const char *story_text(struct story *story) {
    static char text[4096];
    struct pawl_timeline timeline;
    size_t len = 0;
    assert_true(pawl__timeline_read(story->events, story->count, &story->arena, &timeline));
#define AT(time) ((time) ? (long long)(((time)-START) / SECOND) : 0)
#define PUT(...) len += (size_t)snprintf(text + len, sizeof text - len, __VA_ARGS__)
    for (const struct pawl_timeline_step *step = timeline.steps; step; step = step->next) {
        PUT("%s %s %s %u %lld-%lld", pawl__step_kind_name(step->kind), step->name,
            pawl__step_outcome_name(step->outcome), (unsigned)step->attempts, AT(step->start),
            AT(step->end));
        for (const struct pawl_segment *one = step->segments; one; one = one->next)
            PUT(" [%s %lld-%lld]", pawl__segment_state_name(one->state), AT(one->start),
                AT(one->end));
        PUT("\n");
    }
    if (!len) *text = 0;
    return text;
}

static const char *story_sentence(struct story *story, int32_t status, size_t workers) {
    struct pawl_timeline timeline;
    assert_true(pawl__timeline_read(story->events, story->count, &story->arena, &timeline));
    struct pawl_waits_subject subject = {
        .status = status, .created_at = START, .workers = workers, .now = story->now + 3 * SECOND};
    return pawl__waits_sentence(&timeline, &subject, &story->arena);
}

static bool lacks_ship(const struct pawl_waits_subject *subject, bool turn, const char *name) {
    return strcmp(name, turn ? "lost" : "ship") == 0;
}

// What no worker has comes first, and is said.
static void test_lacking(void **state) {
    struct story *story = *state;
    struct pawl_timeline timeline;
    struct pawl_waits_subject subject = {.status = STATUS(RUNNING),
                                         .created_at = START,
                                         .workers = 1,
                                         .lacks = lacks_ship,
                                         .name = "lost"};
    assert_true(pawl__timeline_read(story->events, story->count, &story->arena, &timeline));
    assert_string_equal(pawl__waits_sentence(&timeline, &subject, &story->arena),
                        "Waits for a worker to run its next turn. No worker has workflow lost.");
    story_wait(story, 0, "approval", START + 100 * SECOND);
    story_scheduled(story, 1, "pack", "w1");
    story_scheduled(story, 2, "ship", "w2");
    assert_true(pawl__timeline_read(story->events, story->count, &story->arena, &timeline));
    subject.now = story->now + 3 * SECOND;
    assert_string_equal(pawl__waits_sentence(&timeline, &subject, &story->arena),
                        "Waits for activity ship, for 3.00 s, and for 2 more. No worker has "
                        "activity ship.");
    subject.workers = 0; // then nothing is to be said of this one
    assert_non_null(strstr(pawl__waits_sentence(&timeline, &subject, &story->arena),
                           "No worker is connected."));
}

static void test_steps(void **state) {
    struct story *story = *state;
    story_scheduled(story, 1, "charge", "w1");
    story_scheduled(story, 2, "ship", "w2");
    story_completed(story, 2);
    story_completed(story, 1);
    story_completed(story, 9); // of nobody
    assert_string_equal(story_text(story), "activity charge done 1 1-4 [run 1-4]\n"
                                           "activity ship done 1 2-3 [run 2-3]\n");
}

static void test_attempts_are_one_row(void **state) {
    struct story *story = *state;
    story_scheduled(story, 1, "charge", "w1");
    story_failed(story, 1, "no card");
    story_retry(story, 2, "w1", START + 20 * SECOND);
    assert_string_equal(story_sentence(story, STATUS(RUNNING), 1),
                        "Tries activity charge again, attempt 2 in 14 s, at "
                        "2023-11-14T22:13:40Z, after: no card.");
    story_fired(story, 2);
    story_scheduled(story, 3, "charge", "w1");
    assert_string_equal(story_sentence(story, STATUS(RUNNING), 0),
                        "Runs activity charge, attempt 2, for 3.00 s, after: no card. No worker "
                        "is connected.");
    story_completed(story, 3);
    assert_string_equal(story_text(story),
                        "activity charge done 2 1-6 [fail 1-2] [wait 3-4] [run 5-6]\n");
}

static int32_t story_failed_at(struct story *story) {
    struct pawl_timeline timeline;
    assert_true(pawl__timeline_read(story->events, story->count, &story->arena, &timeline));
    return pawl__timeline_failed(&timeline, story->events);
}

// It is named by its first attempt; one that was done at last does not count.
static void test_the_step_that_failed(void **state) {
    struct story *story = *state;
    assert_int_equal(story_failed_at(story), 0);
    story_scheduled(story, 1, "reserve", "w1");
    story_failed(story, 1, "no stock");
    story_scheduled(story, 2, "charge", "w2");
    story_failed(story, 2, "no card");
    story_scheduled(story, 3, "charge", "w2");
    story_failed(story, 3, "no card");
    assert_int_equal(story_failed_at(story), 2);
    story_scheduled(story, 4, "charge", "w2");
    story_completed(story, 4);
    assert_int_equal(story_failed_at(story), 1);
}

static void test_works_of_no_name_are_apart(void **state) {
    struct story *story = *state;
    story_scheduled(story, 1, "charge", "");
    story_failed(story, 1, "no card");
    story_scheduled(story, 2, "charge", "");
    assert_string_equal(story_text(story), "activity charge failed 1 1-2 [fail 1-2]\n"
                                           "activity charge open 1 3-0 [run 3-0]\n");
}

static void test_events(void **state) {
    struct story *story = *state;
    story_wait(story, 1, "Approve", START + 1000 * SECOND);
    story_wait(story, 2, "approve", INT64_MAX);
    story_raised(story, "APPROVE"); // the first that waits, whatever the case
    story_raised(story, "other");   // nobody waits: kept by the SDK
    assert_string_equal(story_text(story), "event Approve done 1 1-3 [wait 1-3]\n"
                                           "event approve open 1 2-0 [wait 2-0]\n"
                                           "event other done 1 4-4 [run 4-4]\n");
    assert_string_equal(story_sentence(story, STATUS(RUNNING), 1),
                        "Waits for event approve, for 5.00 s, without a time limit.");
}

static void test_an_event_or_a_timer(void **state) {
    struct story *story = *state;
    story_wait(story, 1, "approve", INT64_MAX);
    ADD(story, TIMER_CREATED, TimerCreatedEvent, 2,
        .fireat = story_time(story, START + 200 * SECOND));
    assert_string_equal(story_sentence(story, STATUS(RUNNING), 1),
                        "Waits for event approve, for 4.00 s, and for a timer that ends in 3 min "
                        "15 s, at 2023-11-14T22:16:40Z.");
}

static void test_a_wait_that_times_out_has_failed(void **state) {
    struct story *story = *state;
    story_wait(story, 1, "go", START + 2 * SECOND);
    story_fired(story, 1);
    story_raised(story, "go"); // too late: it is one of its own
    assert_string_equal(story_text(story), "event go failed 1 1-2 [wait 1-2]\n"
                                           "event go done 1 3-3 [run 3-3]\n");
}

static void test_the_end_drops_what_is_open(void **state) {
    struct story *story = *state;
    story_scheduled(story, 1, "charge", "w1");
    ADD(story, EXECUTION_SUSPENDED, ExecutionSuspendedEvent, -1, .input = NULL);
    assert_string_equal(story_sentence(story, STATUS(SUSPENDED), 1),
                        "Suspended for 3.00 s; it goes on when it is resumed.");
    ADD(story, EXECUTION_COMPLETED, ExecutionCompletedEvent, 3,
        .workflowstatus = (Pb__OrchestrationStatus)STATUS(TERMINATED));
    assert_string_equal(story_text(story), "activity charge dropped 1 1-3 [run 1-3]\n");
}

static void test_sentences(void **state) {
    struct story *story = *state;
    assert_string_equal(story_sentence(story, STATUS(PENDING), 0),
                        "Has waited 3.00 s for a worker to begin it. None is connected.");
    assert_string_equal(story_sentence(story, STATUS(RUNNING), 0),
                        "Waits for a worker to run its next turn; none is connected.");
    ADD(story, EXECUTION_STALLED, ExecutionStalledEvent, -1,
        ._description_case = PB__EXECUTION_STALLED_EVENT___DESCRIPTION_DESCRIPTION,
        .description = "no such version");
    assert_string_equal(story_sentence(story, STATUS(STALLED), 1), "Cannot go on: no such version");
}

static void test_took(void **state) {
    static const struct {
        int64_t took;
        const char *text;
    } cases[] = {
        {5, "less than 1 ms"},       {340 * SECOND / 1000, "340 ms"},
        {5 * SECOND / 4, "1.25 s"},  {60 * SECOND, "1 min"},
        {184 * SECOND, "3 min 4 s"}, {(2 * 86400 + 5 * 3600 + 7) * SECOND, "2 d 5 h"},
        {3600 * SECOND, "1 h"},
    };
    char text[PAWL_TOOK_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pawl__took_format(cases[i].took, text);
        assert_string_equal(text, cases[i].text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, story_begin, story_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_steps),
        TEST(test_attempts_are_one_row),
        TEST(test_the_step_that_failed),
        TEST(test_works_of_no_name_are_apart),
        TEST(test_events),
        TEST(test_an_event_or_a_timer),
        TEST(test_a_wait_that_times_out_has_failed),
        TEST(test_the_end_drops_what_is_open),
        TEST(test_lacking),
        TEST(test_sentences),
        TEST(test_took),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
