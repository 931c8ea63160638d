// Lock: workflows that want one thing take turns at it. The lock is a workflow, too, which they
// send events; whoever waits for it costs nothing meanwhile.
//
//     ./lock [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

static enum pawl_err paint(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("paint: %s\n", what);
    return PAWL_OK;
}

// Lends the only ladder to one after the other, in the order in which they ask. Its input says how
// many there are to come. After each it begins anew, so that its history stays short; who asks
// meanwhile is kept.
static enum pawl_err ladder(struct pawl_workflow *wf) {
    int left;
    const char *who;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "i", &left));
    struct pawl_task *ask = pawl_wait_for_event(wf, "ask", PAWL_FOREVER);
    PAWL_TRY(pawl_await(ask));
    PAWL_TRY(pawl_unpack(wf, pawl_result(ask), "s", &who));
    PAWL_TRY(pawl_send(wf, who, "yours", pawl_text(NULL), NULL));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "back", PAWL_FOREVER)));
    if (left > 1) return pawl_continue_as_new(wf, pawl_pack(wf, "i", left - 1), true);
    return PAWL_OK;
}

// Its input: the id of the ladder's workflow, and what is to be painted.
static enum pawl_err painter(struct pawl_workflow *wf) {
    const char *from, *what;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "[ss]", &from, &what));
    PAWL_TRY(pawl_send(wf, from, "ask", pawl_pack(wf, "s", pawl_id(wf)), NULL));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "yours", PAWL_FOREVER)));
    enum pawl_err err = pawl_call(wf, "paint", pawl_pack(wf, "s", what), NULL, NULL);
    PAWL_TRY(pawl_send(wf, from, "back", pawl_text(NULL), NULL)); // whatever came of it
    return err;
}

static enum pawl_err house(struct pawl_workflow *wf) {
    static const char *const walls[] = {"north", "east", "south"};
    struct pawl_task *painters[3];
    const char *id = pawl_format(wf, "%s-ladder", pawl_id(wf));
    struct pawl_start_options options = {.id = id};
    PAWL_TRY(pawl_start_detached(wf, "ladder", pawl_pack(wf, "i", 3), &options, NULL));
    for (int i = 0; i < 3; i++)
        painters[i] = pawl_call_child(wf, "painter", pawl_pack(wf, "[ss]", id, walls[i]), NULL);
    PAWL_TRY(pawl_await_all(painters, 3));
    return pawl_return(wf, pawl_pack(wf, "s", "painted"));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "lock.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "house-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "paint", paint, NULL);
    pawl_add_workflow(pawl, "ladder", ladder, NULL);
    pawl_add_workflow(pawl, "painter", painter, NULL);
    pawl_add_workflow(pawl, "house", house, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "house", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
