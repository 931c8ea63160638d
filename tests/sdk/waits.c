#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The worker of test_waits.py: waits for events without a limit, and does other things in between.
//
//     waits [TARGET]              serves the workflow "waits" until it is killed
//     waits replay HISTORY.json   replays it; what does not fit is told, and ends with 1

static enum pawl_err echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err waits(struct pawl_workflow *wf) {
    struct pawl_task *go = pawl_wait_for_event(wf, "go", PAWL_FOREVER);
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    PAWL_TRY(pawl_await(go));
    struct pawl_task *sides[] = {pawl_wait_for_event(wf, "left", PAWL_FOREVER),
                                 pawl_wait_for_event(wf, "right", PAWL_FOREVER)};
    PAWL_TRY(pawl_await_all(sides, 2));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "soon", 40 * 365 * PAWL_DAY)));
    PAWL_TRY(pawl_call(wf, "two", pawl_text("2"), NULL, NULL));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER)));
    PAWL_TRY(pawl_call(wf, "three", pawl_text("3"), NULL, NULL));
    return pawl_return(wf, pawl_text("\"all\""));
}

static char *read_file(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = file ? calloc(1, 1 << 20) : NULL;
    if (text) (void)!fread(text, 1, (1 << 20) - 1, file);
    if (file) fclose(file);
    return text;
}

int main(int argc, char **argv) {
    struct pawl *pawl;
    if (argc == 3 && strcmp(argv[1], "replay") == 0) {
        char *text = read_file(argv[2]);
        if (text && pawl_replay(pawl_text(text), waits, NULL)) return pawl_perror(argv[2]), 1;
        free(text);
        return text ? 0 : 2;
    }
    if (pawl_open(argv[1], NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    static const char *const activities[] = {"one", "two", "three"};
    for (size_t i = 0; i < 3; i++)
        if (pawl_add_activity(pawl, activities[i], echo, NULL)) return pawl_perror("activity"), 1;
    if (pawl_add_workflow(pawl, "waits", waits, NULL) || pawl_work(pawl))
        return pawl_perror("pawl_work"), 1;
    for (;;) pause();
}
