// A saga: steps that cannot be taken in one transaction, each with one that undoes it. When a step
// fails for good, those before it are undone, the last one first.
//
//     ./saga [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

static enum pawl_err book(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("book %s\n", what);
    if (strcmp(what, "flight")) return PAWL_OK;
    pawl_activity_fail_finally(activity);
    return pawl_activity_fail(activity, "SoldOut", "there is no %s left", what);
}

// Undoing has to do for what was not done, too: the step may have failed before it had any effect.
static enum pawl_err cancel(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("cancel %s\n", what);
    return PAWL_OK;
}

static enum pawl_err travel(struct pawl_workflow *wf) {
    static const char *const steps[] = {"hotel", "car", "flight"};
    struct pawl_saga *saga = pawl_saga(wf);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct pawl_text what = pawl_pack(wf, "s", steps[i]);
        PAWL_TRY(pawl_saga_add(saga, "cancel", what, NULL)); // first: it may half happen
        enum pawl_err err = pawl_call(wf, "book", what, NULL, NULL);
        if (!err) continue;
        PAWL_TRY(pawl_saga_compensate(saga));
        return pawl_fail(wf, "TripCanceled", "no %s", steps[i]);
    }
    return PAWL_OK;
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "saga.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "trip-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "book", book, NULL);
    pawl_add_activity(pawl, "cancel", cancel, NULL);
    pawl_add_workflow(pawl, "travel", travel, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "travel", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    const struct pawl_failure *failure = info->failure;
    if (failure)
        printf("result: %s, %s, because: %s\n", failure->type, failure->message,
               failure->cause ? failure->cause->message : "nothing");
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
