// A monitor: look, sleep, look again, for as long as it takes. pawl_continue_as_new begins each
// round with an empty history, so that one that runs for a year is no longer than one of a minute.
//
//     ./monitor [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

static enum pawl_err look(struct pawl_activity *activity) {
    int round;
    PAWL_TRY(pawl_activity_unpack(activity, "i", &round));
    printf("look, round %d: %d %%\n", round, round * 25);
    return pawl_activity_pack(activity, "i", round * 25);
}

static enum pawl_err monitor(struct pawl_workflow *wf) {
    int round, percent;
    struct pawl_text seen;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "i", &round));
    PAWL_TRY(pawl_call(wf, "look", pawl_input(wf), NULL, &seen));
    PAWL_TRY(pawl_unpack(wf, seen, "i", &percent));
    if (percent >= 100) return pawl_return(wf, pawl_pack(wf, "i", round));

    PAWL_TRY(pawl_set_custom_status(wf, seen));       // for those who ask how it goes
    PAWL_TRY(pawl_sleep(wf, 100 * PAWL_MILLISECOND)); // or a day: it costs nothing meanwhile
    return pawl_continue_as_new(wf, pawl_pack(wf, "i", round + 1), true);
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "monitor.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "monitor-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "look", look, NULL);
    pawl_add_workflow(pawl, "monitor", monitor, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "monitor", pawl_text("1"), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: done in round %s\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
