// Chaining: each step is given what the one before returned.
//
//     ./chaining [TARGET [ID]]
//
// Kill it wherever you like and start it again: what is on record is not done again.

#include <pawl.h>
#include <stdio.h>
#include <stdlib.h>

static enum pawl_err give(struct pawl_activity *activity, int number) {
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    return pawl_activity_return(activity, pawl_text(text));
}

static enum pawl_err harvest(struct pawl_activity *activity) {
    int trees = atoi(activity->input.data);
    printf("harvest %d trees\n", trees);
    return give(activity, trees * 50);
}

static enum pawl_err press(struct pawl_activity *activity) {
    int apples = atoi(activity->input.data);
    printf("press %d kg of apples\n", apples);
    return give(activity, apples * 6 / 10);
}

static enum pawl_err bottle(struct pawl_activity *activity) {
    int litres = atoi(activity->input.data);
    printf("bottle %d litres of juice\n", litres);
    return give(activity, litres * 4 / 3);
}

static enum pawl_err make_juice(struct pawl_workflow *wf) {
    struct pawl_text apples, litres, bottles;
    PAWL_TRY(pawl_call(wf, "harvest", pawl_input(wf), NULL, &apples));
    PAWL_TRY(pawl_call(wf, "press", apples, NULL, &litres));
    PAWL_TRY(pawl_call(wf, "bottle", litres, NULL, &bottles));
    return pawl_return(wf, bottles);
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "chaining.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "juice-1",
        .reuse = PAWL_REUSE_NEVER, // what has been made is not made again
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "harvest", harvest, NULL);
    pawl_add_activity(pawl, "press", press, NULL);
    pawl_add_activity(pawl, "bottle", bottle, NULL);
    pawl_add_workflow(pawl, "make_juice", make_juice, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "make_juice", pawl_text("12"), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    if (info->failure)
        printf("result: none, because: %s\n", info->failure->message);
    else
        printf("result: %s bottles\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
