// The app whose workflows the tests of the dashboard look at: dashboard_worker
// grpc://127.0.0.1:PORT

#include <pawl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum pawl_err step(struct pawl_activity *activity) {
    usleep(30000); // long enough to be seen
    if (activity->input.data && strcmp(activity->input.data, "41") == 0)
        return pawl_activity_fail(activity, "Unlucky", "it had to be one");
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err charge(struct pawl_activity *activity) {
    if (activity->attempt < 3)
        return pawl_activity_fail(activity, "CardDeclined", "the bank said no");
    return pawl_activity_return(activity, pawl_text("\"charged\""));
}

static enum pawl_err refuse(struct pawl_activity *activity) {
    return pawl_activity_fail(activity, "OutOfStock", "no <b>cars</b> left");
}

// Retries, a decision of somebody, and an end.
static enum pawl_err order(struct pawl_workflow *wf) {
    struct pawl_retry retry = {.max_attempts = 5, .first_interval = 50 * PAWL_MILLISECOND};
    struct pawl_call_options options = {.retry = &retry};
    PAWL_TRY(pawl_call(wf, "step", pawl_input(wf), NULL, NULL));
    PAWL_TRY(pawl_call(wf, "charge", pawl_input(wf), &options, NULL));
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"waits for approval\"")));
    struct pawl_task *approval = pawl_wait_for_event(wf, "approval", PAWL_HOUR);
    PAWL_TRY(pawl_await(approval));
    return pawl_return(wf, pawl_result(approval));
}

static enum pawl_err broken(struct pawl_workflow *wf) {
    return pawl_call(wf, "refuse", pawl_input(wf), NULL, NULL);
}

enum {
    FAN = 60
};

static enum pawl_err fan(struct pawl_workflow *wf) {
    struct pawl_task *tasks[FAN];
    for (int i = 0; i < FAN; i++) {
        char input[8];
        snprintf(input, sizeof input, "%d", i);
        tasks[i] = pawl_call_activity(wf, "step", pawl_text(input), NULL);
    }
    pawl_await_all(tasks, FAN);
    return PAWL_OK;
}

static enum pawl_err parent(struct pawl_workflow *wf) {
    return pawl_await(pawl_call_child(wf, "order", pawl_input(wf), NULL));
}

// Calls an activity that no worker has.
static enum pawl_err lost(struct pawl_workflow *wf) {
    return pawl_call(wf, "nobody_has_this", pawl_input(wf), NULL, NULL);
}

int main(int argc, char **argv) {
    struct pawl *pawl;
    if (argc != 2 || pawl_open(argv[1], NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "step", step, NULL);
    pawl_add_activity(pawl, "charge", charge, NULL);
    pawl_add_activity(pawl, "refuse", refuse, NULL);
    pawl_add_workflow(pawl, "order", order, NULL);
    pawl_add_workflow(pawl, "broken", broken, NULL);
    pawl_add_workflow(pawl, "fan", fan, NULL);
    pawl_add_workflow(pawl, "parent", parent, NULL);
    pawl_add_workflow(pawl, "lost", lost, NULL);
    if (pawl_work(pawl)) return pawl_perror("pawl_work"), 1;
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
