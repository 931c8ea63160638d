// The app of test_workflow.py: pawl run -- cli_worker

#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum pawl_err same(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err echo(struct pawl_workflow *wf) {
    struct pawl_text text;
    PAWL_TRY(pawl_call(wf, "same", pawl_input(wf), NULL, &text));
    return pawl_return(wf, text);
}

static enum pawl_err wait_for_go(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"waiting\\nstill\"")));
    struct pawl_task *go = pawl_wait_for_event(wf, "go", PAWL_FOREVER);
    PAWL_TRY(pawl_await(go));
    return pawl_return(wf, pawl_result(go));
}

static enum pawl_err slow(struct pawl_activity *activity) {
    pause();
    return PAWL_OK;
}

// Waits for one of each.
static enum pawl_err busy(struct pawl_workflow *wf) {
    struct pawl_task *tasks[] = {
        pawl_call_activity(wf, "slow", pawl_text("1"), NULL),
        pawl_call_activity(wf, "same", pawl_text("2"), NULL),
        pawl_wait_for_event(wf, "paid", 2 * PAWL_HOUR),
        pawl_wait_for_event(wf, "here", PAWL_HOUR),
        pawl_create_timer(wf, 3 * PAWL_HOUR),
        pawl_call_child(wf, "wait_for_go", pawl_text(NULL), NULL),
    };
    return pawl_await_all(tasks, sizeof tasks / sizeof *tasks);
}

static enum pawl_err decline(struct pawl_workflow *wf) {
    return pawl_fail(wf, "Declined", "no more %s", "cars");
}

static enum pawl_err pay(struct pawl_activity *activity) {
    if (atoi(activity->input.data) == 0) return pawl_activity_fail(activity, "Broke", "no money");
    return pawl_activity_return(activity, activity->input);
}

// Its first step is done, its second fails.
static enum pawl_err buy(struct pawl_workflow *wf) {
    struct pawl_text paid;
    PAWL_TRY(pawl_call(wf, "same", pawl_text("1"), NULL, NULL));
    PAWL_TRY(pawl_call(wf, "pay", pawl_text("0"), NULL, &paid));
    return pawl_return(wf, paid);
}

static enum pawl_err parent(struct pawl_workflow *wf) {
    struct pawl_task *child = pawl_call_child(wf, "wait_for_go", pawl_text(NULL), NULL);
    return pawl_await(child);
}

// Two on their own, with tags.
static enum pawl_err spread(struct pawl_workflow *wf) {
    const struct pawl_tag blue[] = {{"team", "blue"}, {"site", "a b"}}, red[] = {{"team", "red"}};
    const struct pawl_start_options first = {.id = "t-1", .tags = blue, .tag_count = 2};
    const struct pawl_start_options second = {.id = "t-2", .tags = red, .tag_count = 1};
    PAWL_TRY(pawl_start_detached(wf, "echo", pawl_text("1"), &first, NULL));
    return pawl_start_detached(wf, "echo", pawl_text("2"), &second, NULL);
}

int main(void) {
    struct pawl *pawl;
    if (pawl_open(NULL, NULL, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "same", same, NULL);
    pawl_add_activity(pawl, "pay", pay, NULL);
    pawl_add_workflow(pawl, "buy", buy, NULL);
    pawl_add_workflow(pawl, "echo", echo, NULL);
    pawl_add_workflow(pawl, "wait_for_go", wait_for_go, NULL);
    pawl_add_activity(pawl, "slow", slow, NULL);
    pawl_add_workflow(pawl, "busy", busy, NULL);
    pawl_add_workflow(pawl, "decline", decline, NULL);
    pawl_add_workflow(pawl, "parent", parent, NULL);
    pawl_add_workflow(pawl, "spread", spread, NULL);
    if (pawl_work(pawl)) return pawl_perror("pawl_work"), 1;
    puts("ready");
    fflush(stdout);
    pause();
    return 0;
}
