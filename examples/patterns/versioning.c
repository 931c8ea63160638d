// Versioning: code changes while workflows run, and each goes on as it began.
//
//     ./versioning [TARGET [ID]]
//
// Plays two programs: yesterday's, which starts order ID-a, and today's, which starts ID-b and ends
// both. (Nothing in "memory:" lives to see the second day: there, ID-a begins today.)

#include <pawl/jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static enum pawl_err step(struct pawl_activity *activity) {
    printf("%s: %s\n", activity->instance_id, activity->input.data);
    return PAWL_OK;
}

static enum pawl_err take(struct pawl_workflow *wf, const char *what) {
    return pawl_call(wf, "step", pawl_pack(wf, "s", what), NULL, NULL);
}

static enum pawl_err await_payment(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"unpaid\"")));
    return pawl_await(pawl_wait_for_event(wf, "paid", PAWL_FOREVER));
}

static enum pawl_err order_yesterday(struct pawl_workflow *wf) {
    PAWL_TRY(take(wf, "reserve"));
    PAWL_TRY(await_payment(wf));
    return take(wf, "ship");
}

// A small change is a patch. It applies to those who have not passed its place yet.
static enum pawl_err order_1(struct pawl_workflow *wf) {
    PAWL_TRY(take(wf, "reserve"));
    if (pawl_is_patched(wf, "insure")) PAWL_TRY(take(wf, "insure")); // not for ID-a
    PAWL_TRY(await_payment(wf));
    if (pawl_is_patched(wf, "thank")) PAWL_TRY(take(wf, "thank")); // for ID-a, too
    return take(wf, "ship");
}

// A large one is a version of its own. It is for those who begin now.
static enum pawl_err order_2(struct pawl_workflow *wf) {
    PAWL_TRY(await_payment(wf));
    return take(wf, "send a download link");
}

static struct pawl *open_shop(const char *target, bool is_today) {
    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) pawl_perror(target), exit(1);
    pawl_add_activity(pawl, "step", step, NULL);
    pawl_add_workflow_version(pawl, "order", "1", is_today ? order_1 : order_yesterday, NULL);
    if (is_today) pawl_add_workflow_version(pawl, "order", "2", order_2, NULL);
    return pawl;
}

// Starts an order, and waits until it is known to be unpaid.
static void start(struct pawl *pawl, const char *id) {
    struct pawl_start_options options = {.id = id, .reuse = PAWL_REUSE_NEVER};
    enum pawl_err err = pawl_start(pawl, "order", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) pawl_perror("pawl_start"), exit(1);
    for (bool is_unpaid = false; !is_unpaid; usleep(1000)) {
        struct pawl_info *info;
        if (pawl_get(pawl, id, &info)) pawl_perror("pawl_get"), exit(1);
        is_unpaid = info->custom_status.data;
        pawl_info_free(info);
    }
}

static void finish(struct pawl *pawl, const char *id) {
    struct pawl_info *info;
    if (pawl_raise(pawl, id, "paid", pawl_text(NULL)) || pawl_wait(pawl, id, PAWL_FOREVER, &info))
        pawl_perror(id), exit(1);
    printf("result: %s is done, by version %s\n", id, info->version);
    pawl_info_free(info);
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "versioning.db", *id = argc > 2 ? argv[2] : "order";
    char a[128], b[128];
    snprintf(a, sizeof a, "%s-a", id);
    snprintf(b, sizeof b, "%s-b", id);
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl = open_shop(target, false);
    if (pawl_get(pawl, b, NULL) == PAWL_E_NOT_FOUND) { // else today has begun
        pawl_work(pawl);
        start(pawl, a);
    }
    if (pawl_close(pawl)) return pawl_perror("pawl_close"), 1;

    pawl = open_shop(target, true);
    pawl_work(pawl);
    start(pawl, a);
    start(pawl, b);
    finish(pawl, a);
    finish(pawl, b);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
