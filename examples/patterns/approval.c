// Approval: a workflow waits for somebody's decision, but not forever.
//
//     ./approval [TARGET [ID [yes|no]]]
//
// Without a decision nobody answers, and the request is passed on to the manager.

#include <pawl/jansson.h>
#include <stdio.h>

static enum pawl_err tell(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("tell: %s\n", what);
    return PAWL_OK;
}

static enum pawl_err buy(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "tell", pawl_pack(wf, "s", "please approve: 1 boat"), NULL, NULL));

    // An event that came before it was waited for is not lost.
    struct pawl_task *decision = pawl_wait_for_event(wf, "decision", PAWL_SECOND / 2);
    enum pawl_err err = pawl_await(decision);
    if (err == PAWL_E_DEADLINE) {
        PAWL_TRY(pawl_call(wf, "tell", pawl_pack(wf, "s", "manager, please look"), NULL, NULL));
        return pawl_return(wf, pawl_pack(wf, "s", "passed on"));
    }
    if (err) return err;

    int approved;
    PAWL_TRY(pawl_unpack(wf, pawl_result(decision), "b", &approved));
    const char *what = approved ? "a boat is on its way" : "no boat this year";
    PAWL_TRY(pawl_call(wf, "tell", pawl_pack(wf, "s", what), NULL, NULL));
    return pawl_return(wf, pawl_pack(wf, "s", approved ? "approved" : "rejected"));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "approval.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "request-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "tell", tell, NULL);
    pawl_add_workflow(pawl, "buy", buy, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "buy", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    if (argc > 3) { // said again after a crash: the workflow waits only once, and drops the rest
        struct pawl_text yes = pawl_text(*argv[3] == 'y' ? "true" : "false");
        if (pawl_raise(pawl, options.id, "decision", yes)) return pawl_perror("pawl_raise"), 1;
    }
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
