// Detached: a workflow starts another that it does not wait for, and that outlives it.
//
//     ./detached [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

static enum pawl_err work(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("work: %s\n", what);
    return PAWL_OK;
}

static enum pawl_err ask_for_review(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_sleep(wf, 200 * PAWL_MILLISECOND)); // or two weeks
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "ask how they like it"), NULL, NULL));
    return pawl_return(wf, pawl_input(wf));
}

static enum pawl_err order(struct pawl_workflow *wf) {
    char review[37]; // the same id in each run of this function
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "ship"), NULL, NULL));
    PAWL_TRY(
        pawl_start_detached(wf, "ask_for_review", pawl_pack(wf, "s", pawl_id(wf)), NULL, review));
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "send the invoice"), NULL, NULL));
    return pawl_return(wf, pawl_pack(wf, "s", review));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "detached.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "order-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "work", work, NULL);
    pawl_add_workflow(pawl, "order", order, NULL);
    pawl_add_workflow(pawl, "ask_for_review", ask_for_review, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "order", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info, *review;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("the order is done, its review goes on\n");
    char id[37] = "";
    sscanf(info->output.data, "\"%36[^\"]", id);
    if (pawl_wait(pawl, id, PAWL_FOREVER, &review)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s has been reviewed\n", review->output.data);
    pawl_info_free(review);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
