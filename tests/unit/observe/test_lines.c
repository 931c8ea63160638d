// Lines that two processes share: what one adds the other reads, from where it left off, and what
// has given way is missed, never mixed.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "observe/lines.h"

static void open_both(struct pawl_lines *writer, struct pawl_lines *reader) {
    assert_int_equal(pawl__lines_create(writer, NULL), PAWL_OK);
    assert_int_equal(pawl__lines_open(reader, pawl__lines_share(writer), NULL), PAWL_OK);
}

static void add(struct pawl_lines *writer, const char *text) {
    pawl__lines_add(writer, PAWL_LINES_APP, 7 * PAWL_MILLISECOND, pawl__str(text));
}

static void test_what_was_added_is_read(void **state) {
    struct pawl_lines writer, reader;
    struct pawl_lines_view view;
    struct pawl_arena arena = {0};
    struct pawl_line line;
    open_both(&writer, &reader);
    assert_true(pawl__lines_view(&reader, 0, &arena, &view));
    assert_false(pawl__lines_next(&view, &line));
    add(&writer, "one two");
    pawl__lines_add(&writer, PAWL_LINES_DAEMON, 8 * PAWL_MILLISECOND, PAWL_STR(""));
    add(&writer, "bad \xff\xc3\xa4");
    assert_true(pawl__lines_view(&reader, 0, &arena, &view));
    assert_true(pawl__lines_next(&view, &line));
    assert_true(pawl__str_equal(line.text, PAWL_STR("one two")));
    assert_true(line.from == PAWL_LINES_APP && line.at == 7);
    assert_true(pawl__lines_next(&view, &line));
    assert_true(line.text.len == 0 && line.from == PAWL_LINES_DAEMON && line.at == 8);
    assert_true(pawl__lines_next(&view, &line));
    assert_true(pawl__str_equal(line.text, PAWL_STR("bad ?\xc3\xa4")));
    assert_false(pawl__lines_next(&view, &line));
    add(&writer, "later");
    uint64_t end = view.end;
    assert_true(pawl__lines_view(&reader, end, &arena, &view));
    assert_true(pawl__lines_next(&view, &line) && !view.missed);
    assert_true(pawl__str_equal(line.text, PAWL_STR("later")));
    assert_false(pawl__lines_next(&view, &line));
    pawl__arena_finish(&arena);
    pawl__lines_close(&reader);
    pawl__lines_close(&writer);
}

static void test_old_lines_give_way(void **state) {
    enum {
        COUNT = 40000
    };
    struct pawl_lines writer, reader;
    struct pawl_lines_view view;
    struct pawl_arena arena = {0};
    struct pawl_line line;
    char text[64];
    open_both(&writer, &reader);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "line %d of a log that is longer than its ring", i);
        add(&writer, text);
    }
    assert_true(pawl__lines_view(&reader, 9, &arena, &view));
    assert_true(view.missed);
    int first = -1, last = -1, count = 0;
    for (; pawl__lines_next(&view, &line); count++) {
        assert_int_equal(sscanf(line.text.data, "line %d of", &last), 1);
        if (first < 0) first = last;
        assert_int_equal(last, first + count);
    }
    assert_int_equal(last, COUNT - 1);
    assert_true(count > 10000);
    pawl__arena_finish(&arena);
    pawl__lines_close(&reader);
    pawl__lines_close(&writer);
}

// While another process writes as fast as it can, no line is mixed of two.
static void test_lines_are_whole_while_they_are_written(void **state) {
    struct pawl_lines writer, reader;
    struct pawl_line line;
    open_both(&writer, &reader);
    _Atomic int *stop =
        mmap(NULL, sizeof *stop, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (child == 0) {
        char text[PAWL_LINES_LONGEST];
        for (int i = 0; !*stop; i++) {
            memset(text, 'a' + i % 26, sizeof text);
            pawl__lines_add(&writer, PAWL_LINES_APP, 0,
                            (struct pawl_str){text, (size_t)(i * 997 % PAWL_LINES_LONGEST)});
        }
        _exit(0);
    }
    for (int i = 0; i < 300; i++) {
        struct pawl_lines_view view;
        struct pawl_arena arena = {0};
        assert_true(pawl__lines_view(&reader, 0, &arena, &view));
        while (pawl__lines_next(&view, &line))
            for (size_t k = 1; k < line.text.len; k++)
                if (line.text.data[k] != line.text.data[0]) fail_msg("a line is mixed of two");
        pawl__arena_finish(&arena);
    }
    *stop = 1;
    int status;
    waitpid(child, &status, 0);
    munmap((void *)stop, sizeof *stop);
    pawl__lines_close(&reader);
    pawl__lines_close(&writer);
}

static void test_another_descriptor_is_refused(void **state) {
    struct pawl_lines lines;
    struct pawl_error error;
    int null = open("/dev/null", O_RDONLY);
    assert_int_equal(pawl__lines_open(&lines, null, &error), PAWL_E_INVALID);
    assert_int_equal(fcntl(null, F_GETFD), 0); // it is left as it was
    assert_int_equal(pawl__lines_open(&lines, 987, &error), PAWL_E_INVALID);
    assert_int_equal(pawl__lines_open(&lines, 0, &error), PAWL_E_INVALID);
    close(null);
    pawl__lines_add(&lines, PAWL_LINES_APP, 0, PAWL_STR("nowhere"));
    struct pawl_lines writer;
    assert_int_equal(pawl__lines_create(&writer, NULL), PAWL_OK);
    int shared = pawl__lines_share(&writer);
    assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0) == MAP_FAILED);
    close(shared);
    pawl__lines_close(&writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_added_is_read),
        cmocka_unit_test(test_old_lines_give_way),
        cmocka_unit_test(test_lines_are_whole_while_they_are_written),
        cmocka_unit_test(test_another_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
