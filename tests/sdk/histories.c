#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Runs one workflow of each kind, and prints their histories as one JSON object, for
// test_histories.py to compare between targets.
//
//     histories TARGET

static enum pawl_err echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err second_time(struct pawl_activity *activity) {
    if (activity->attempt < 2) return pawl_activity_fail(activity, "Flaky", "once");
    return PAWL_OK;
}

static enum pawl_err never(struct pawl_activity *activity) {
    pawl_activity_fail_finally(activity);
    return pawl_activity_fail(activity, "Broken", "for good");
}

static enum pawl_err chain(struct pawl_workflow *wf) {
    struct pawl_text text = pawl_input(wf);
    for (int i = 0; i < 3; i++) PAWL_TRY(pawl_call(wf, "echo", text, NULL, &text));
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"done\"")));
    return pawl_return(wf, text);
}

static enum pawl_err retry(struct pawl_workflow *wf) {
    struct pawl_retry policy = {.max_attempts = 3, .first_interval = PAWL_MILLISECOND};
    struct pawl_call_options options = {.retry = &policy};
    return pawl_call(wf, "second_time", pawl_text("1"), &options, NULL);
}

static enum pawl_err fails(struct pawl_workflow *wf) {
    return pawl_call(wf, "never", pawl_text(NULL), NULL, NULL);
}

static enum pawl_err timer(struct pawl_workflow *wf) {
    return pawl_sleep(wf, 20 * PAWL_MILLISECOND);
}

static enum pawl_err event(struct pawl_workflow *wf) {
    struct pawl_task *task = pawl_wait_for_event(wf, "go", PAWL_HOUR);
    PAWL_TRY(pawl_await(task));
    return pawl_return(wf, pawl_result(task));
}

static enum pawl_err child(struct pawl_workflow *wf) {
    return pawl_await(pawl_call_child(wf, "chain", pawl_text("7"), NULL));
}

static enum pawl_err detached(struct pawl_workflow *wf) {
    char id[80];
    snprintf(id, sizeof id, "%s-detached", pawl_id(wf));
    struct pawl_start_options options = {.id = id};
    return pawl_start_detached(wf, "chain", pawl_text("1"), &options, NULL);
}

static enum pawl_err again(struct pawl_workflow *wf) {
    if (atoi(pawl_input(wf).data) == 0) return pawl_return(wf, pawl_text("\"end\""));
    PAWL_TRY(pawl_call(wf, "echo", pawl_input(wf), NULL, NULL));
    return pawl_continue_as_new(wf, pawl_text("0"), true);
}

static enum pawl_err patched(struct pawl_workflow *wf) {
    if (pawl_is_patched(wf, "first")) PAWL_TRY(pawl_call(wf, "echo", pawl_input(wf), NULL, NULL));
    return pawl_is_patched(wf, "second") ? PAWL_OK : PAWL_E_INTERNAL;
}

static const struct {
    const char *name;
    pawl_workflow_fn function;
} bodies[] = {
    {"chain", chain}, {"retry", retry},     {"fails", fails},
    {"timer", timer}, {"event", event},     {"child", child},
    {"again", again}, {"patched", patched}, {"detached", detached},
};

enum {
    BODIES = sizeof bodies / sizeof *bodies
};

static int fail(const char *what) {
    pawl_perror(what);
    return 1;
}

static int run(struct pawl *pawl, const char *name) {
    struct pawl_start_options options = {.id = name};
    char *json;
    if (pawl_start(pawl, name, pawl_text("3"), &options, NULL)) return fail("pawl_start");
    if (strcmp(name, "event") == 0) {
        // Not together with the start, so that the wait comes first.
        do {
            usleep(5000);
            if (pawl_history(pawl, name, &json)) return fail("pawl_history");
        } while (!strstr(json, "timerCreated") && (free(json), true));
        free(json);
        if (pawl_raise(pawl, name, "GO", pawl_text("{\"a\":1}"))) return fail("pawl_raise");
    }
    if (pawl_wait(pawl, name, 20 * PAWL_SECOND, NULL)) return fail("pawl_wait");
    if (pawl_history(pawl, name, &json)) return fail("pawl_history");
    printf("\"%s\": %s", name, json);
    free(json);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: histories TARGET\n"), 2;
    struct pawl *pawl;
    if (pawl_open(argv[1], NULL, &pawl)) return fail("pawl_open");
    for (size_t i = 0; i < BODIES; i++)
        if (pawl_add_workflow(pawl, bodies[i].name, bodies[i].function, NULL)) return fail("add");
    if (pawl_add_activity(pawl, "echo", echo, NULL) ||
        pawl_add_activity(pawl, "second_time", second_time, NULL) ||
        pawl_add_activity(pawl, "never", never, NULL) || pawl_work(pawl))
        return fail("pawl_work");
    int code = 0;
    for (size_t i = 0; i < BODIES && !code; i++) {
        printf(i ? ",\n" : "{\n");
        code = run(pawl, bodies[i].name);
    }
    printf("}\n");
    return pawl_close(pawl) ? fail("pawl_close") : code;
}
