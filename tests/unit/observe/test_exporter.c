// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "observe/exporter.h"

// A sink that takes, refuses or hangs as the test says.
struct gate {
    struct pawl_sink sink;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool shut;            // send waits
    enum pawl_err answer; // of the next sends
    int refusals;         // that are left; then it takes them
    size_t calls, taken;  // taken: spans
    int64_t last;         // |start| of the last span
    bool in_order;
    int *destroyed;
};

static enum pawl_err gate_send(struct pawl_sink *sink, struct pawl_span *const *spans, size_t count,
                               struct pawl_error *error) {
    struct gate *gate = (struct gate *)sink;
    pthread_mutex_lock(&gate->mutex);
    gate->calls++;
    pthread_cond_broadcast(&gate->changed);
    while (gate->shut) pthread_cond_wait(&gate->changed, &gate->mutex);
    enum pawl_err err = gate->refusals ? gate->answer : PAWL_OK;
    if (gate->refusals) gate->refusals--;
    for (size_t i = 0; !err && i < count; i++) {
        gate->in_order = gate->in_order && spans[i]->start > gate->last;
        gate->last = spans[i]->start;
        gate->taken++;
    }
    pthread_mutex_unlock(&gate->mutex);
    return err ? pawl__fail(error, err, "the gate says no") : PAWL_OK;
}

static void gate_destroy(struct pawl_sink *sink) {
    struct gate *gate = (struct gate *)sink;
    ++*gate->destroyed;
}

static void gate_init(struct gate *gate, int *destroyed) {
    *gate = (struct gate){
        .sink = {.name = "the gate", .send = gate_send, .destroy = gate_destroy},
        .in_order = true,
        .destroyed = destroyed,
    };
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_set(struct gate *gate, bool shut) {
    pthread_mutex_lock(&gate->mutex);
    gate->shut = shut;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_wait_for_call(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    while (!gate->calls) pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static void add(struct pawl_exporter *exporter, int64_t number) {
    struct pawl_span span = {.scope = "test", .name = PAWL_STR("span"), .start = number};
    pawl__exporter_add(exporter, &span);
}

struct lines {
    int count;
    char last[512];
};

static void note_line(void *arg, enum pawl_log_level level, const char *line) {
    struct lines *lines = arg;
    lines->count++;
    snprintf(lines->last, sizeof lines->last, "%s", line);
}

static void test_all_arrive_at_an_orderly_stop(void **state) {
    int destroyed = 0;
    struct gate gate;
    gate_init(&gate, &destroyed);
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, NULL);
    assert_non_null(exporter);
    for (int i = 1; i <= 5000; i++) add(exporter, i);
    pawl__exporter_close(exporter, 10 * PAWL_SECOND);
    assert_int_equal(gate.taken, 5000);
    assert_true(gate.in_order);
    assert_int_equal(destroyed, 1);
}

static void test_tries_again(void **state) {
    int destroyed = 0;
    struct gate gate;
    gate_init(&gate, &destroyed);
    gate.answer = PAWL_E_UNAVAILABLE;
    gate.refusals = 2;
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, NULL);
    for (int i = 1; i <= 3; i++) add(exporter, i);
    pawl__exporter_close(exporter, 20 * PAWL_SECOND);
    assert_int_equal(gate.taken, 3);
    assert_int_equal(gate.calls, 3);
}

// What cannot be sent is given up when time is up, and told.
static void test_gives_up(void **state) {
    int destroyed = 0;
    struct gate gate;
    struct lines lines = {0};
    struct pawl_log log = {.write = note_line, .arg = &lines, .level = PAWL_LOG_WARN};
    gate_init(&gate, &destroyed);
    gate.answer = PAWL_E_UNAVAILABLE;
    gate.refusals = 1000;
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, &log);
    for (int i = 1; i <= 700; i++) add(exporter, i);
    int64_t began = pawl__clock_steady();
    pawl__exporter_close(exporter, PAWL_SECOND);
    assert_in_range(pawl__clock_steady() - began, 0, 5 * PAWL_SECOND);
    assert_int_equal(gate.taken, 0);
    assert_int_equal(lines.count, 2); // once that it fails, once how many were lost
    assert_non_null(strstr(lines.last, "700 spans were lost for the gate"));
}

// Nobody waits at the end for a sink that was not there before.
static void test_was_down(void **state) {
    int destroyed = 0;
    struct gate gate;
    gate_init(&gate, &destroyed);
    gate.answer = PAWL_E_UNAVAILABLE;
    gate.refusals = 1000;
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, NULL);
    for (int i = 0; i < 3 * PAWL_EXPORTER_BATCH; i++) add(exporter, i + 1);
    gate_wait_for_call(&gate);
    int64_t began = pawl__clock_steady();
    pawl__exporter_close(exporter, 60 * PAWL_SECOND);
    assert_in_range(pawl__clock_steady() - began, 0, 30 * PAWL_SECOND);
    assert_in_range(gate.calls, 2, 5); // those before the end, and one
    assert_int_equal(gate.taken, 0);
}

static void test_refused(void **state) {
    int destroyed = 0;
    struct gate gate;
    gate_init(&gate, &destroyed);
    gate.answer = PAWL_E_UNKNOWN;
    gate.refusals = 1;
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, NULL);
    for (int i = 1; i <= PAWL_EXPORTER_BATCH + 1; i++) add(exporter, i);
    pawl__exporter_close(exporter, 10 * PAWL_SECOND);
    assert_int_equal(gate.calls, 2);
    assert_int_equal(gate.taken, 1); // the batch that was refused is not given again
}

// A sink that hangs costs its spans, a bounded queue, and one line.
static void test_drops_are_counted(void **state) {
    int destroyed = 0;
    struct gate gate;
    struct lines lines = {0};
    struct pawl_log log = {.write = note_line, .arg = &lines, .level = PAWL_LOG_WARN};
    gate_init(&gate, &destroyed);
    gate.shut = true;
    struct pawl_exporter *exporter = pawl__exporter_create(&gate.sink, &log);
    int64_t number = 0;
    for (int i = 0; i < PAWL_EXPORTER_BATCH; i++) add(exporter, ++number);
    gate_wait_for_call(&gate); // it has taken the first ones out of the queue
    for (int i = 0; i < PAWL_EXPORTER_QUEUE + 100; i++) add(exporter, ++number);
    struct pawl_exporter_counts counts = pawl__exporter_counts(exporter);
    assert_int_equal(counts.dropped, 100);
    assert_int_equal(counts.queued, PAWL_EXPORTER_QUEUE);
    assert_int_equal(lines.count, 1);
    gate_set(&gate, false);
    pawl__exporter_close(exporter, 10 * PAWL_SECOND);
    assert_int_equal(gate.taken, PAWL_EXPORTER_BATCH + PAWL_EXPORTER_QUEUE);
    assert_true(gate.in_order);
    assert_int_equal(lines.count, 2);
    assert_non_null(strstr(lines.last, "100 spans were lost for the gate"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_arrive_at_an_orderly_stop),
        cmocka_unit_test(test_tries_again),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_was_down),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_drops_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
