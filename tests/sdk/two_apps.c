#include <pawl.h>
#include <stdio.h>

// A workflow of one app that starts, tells and ends workflows of another, for test_two_apps.py:
//
//     two_apps TARGET TARGET-OF-FAR FAR
//
// Prints how each of them ended; FAR is the other app.

static const char *far_app;

static enum pawl_err asks(struct pawl_workflow *wf) {
    const struct pawl_send_options to = {.app_id = far_app};
    const struct pawl_start_options guest = {.id = "guest", .app_id = far_app};
    PAWL_TRY(pawl_start_detached(wf, "listens", pawl_text(NULL), &guest, NULL));
    PAWL_TRY(pawl_send(wf, "guest", "word", pawl_text("\"from afar\""), &to));
    PAWL_TRY(pawl_end(wf, "idle", pawl_text("\"enough\""), true, &to));
    PAWL_TRY(pawl_end(wf, "own", pawl_text("\"of its own app\""), false, NULL));
    return pawl_return(wf, pawl_text("\"asked\""));
}

static enum pawl_err listens(struct pawl_workflow *wf) {
    struct pawl_task *word = pawl_wait_for_event(wf, "word", PAWL_FOREVER);
    PAWL_TRY(pawl_await(word));
    return pawl_return(wf, pawl_result(word));
}

static enum pawl_err tell(struct pawl *pawl, const char *id) {
    struct pawl_info *info;
    enum pawl_err err = pawl_wait(pawl, id, 60 * PAWL_SECOND, &info);
    if (err) return printf("%s: %d %s\n", id, err, pawl_last_error()->text), err;
    printf("%s: %s %s\n", id, pawl_status_text(info->status), info->output.data);
    pawl_info_free(info);
    return PAWL_OK;
}

static enum pawl_err start(struct pawl *pawl, const char *name, const char *id, const char *app) {
    const struct pawl_start_options options = {.id = id, .app_id = app};
    return pawl_start(pawl, name, pawl_text(NULL), &options, NULL);
}

int main(int argc, char **argv) {
    struct pawl *near, *far;
    if (argc != 4 || !*(far_app = argv[3]) || pawl_open(argv[1], NULL, &near) ||
        pawl_open(argv[2], NULL, &far))
        return 2;
    pawl_add_workflow(near, "asks", asks, NULL);
    pawl_add_workflow(near, "listens", listens, NULL);
    pawl_add_workflow(far, "listens", listens, NULL);
    if (pawl_work(near) || pawl_work(far)) return pawl_perror("work"), 2;
    // A client of one app starts a workflow of the other.
    if (start(near, "listens", "idle", far_app) || start(far, "listens", "own", NULL) ||
        start(near, "listens", "own", NULL) || start(near, "asks", "asker", NULL))
        return pawl_perror("start"), 2;
    bool failed =
        tell(near, "asker") || tell(near, "own") || tell(far, "guest") || tell(far, "idle");
    struct pawl_info *info;
    if (pawl_get(far, "own", &info)) return pawl_perror("get"), 2;
    printf("own of far: %s\n", pawl_status_text(info->status));
    pawl_info_free(info);
    if (start(near, "listens", "bad", "") != PAWL_E_INVALID) return 2;
    pawl_close(near);
    pawl_close(far);
    return failed;
}
