// Retries: an activity that fails is tried again, by rules that the workflow sets.
//
//     ./retries [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

// A server that answers at the third attempt.
static enum pawl_err ask(struct pawl_activity *activity) {
    printf("ask, attempt %d\n", activity->attempt);
    if (activity->attempt < 3) return pawl_activity_fail(activity, "Busy", "try again later");
    return pawl_activity_pack(activity, "i", 42);
}

// A card that nobody takes, however often one tries.
static enum pawl_err pay(struct pawl_activity *activity) {
    printf("pay, attempt %d\n", activity->attempt);
    return pawl_activity_fail(activity, "CardExpired", "the card is of 1999");
}

// Depends on nothing but the failure, as it is asked again when the workflow is.
static bool may_pass(const struct pawl_failure *failure, void *arg) {
    (void)arg;
    return strcmp(failure->type, "CardExpired") != 0;
}

static enum pawl_err shop(struct pawl_workflow *wf) {
    struct pawl_retry retry = {
        .max_attempts = 5,
        .first_interval = 20 * PAWL_MILLISECOND,
        .backoff = 2,
        .max_interval = PAWL_MINUTE,
        .handles = may_pass,
    };
    struct pawl_call_options options = {.retry = &retry};
    struct pawl_text price;
    PAWL_TRY(pawl_call(wf, "ask", pawl_text(NULL), &options, &price));

    struct pawl_task *payment = pawl_call_activity(wf, "pay", price, &options);
    enum pawl_err err = pawl_await(payment);
    if (err != PAWL_E_FAILED) return err;
    // What failed for good may still be dealt with.
    const char *why = pawl_failure(payment)->message;
    PAWL_TRY(pawl_set_custom_status(wf, pawl_pack(wf, "s", why)));
    return pawl_return(wf, pawl_pack(wf, "s", "please bring cash"));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "retries.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "shopping-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "ask", ask, NULL);
    pawl_add_activity(pawl, "pay", pay, NULL);
    pawl_add_workflow(pawl, "shop", shop, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "shop", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s, because: %s\n", info->output.data, info->custom_status.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
