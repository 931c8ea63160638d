// Children: a workflow that is made of others. Each has a history of its own, and can be looked at,
// suspended or ended by its id: "PARENT:0000", or one that the parent chooses.
//
//     ./children [TARGET [ID]]

#include <pawl/jansson.h>
#include <stdio.h>

enum {
    ROOMS = 3
};

static enum pawl_err work(struct pawl_activity *activity) {
    const char *what;
    PAWL_TRY(pawl_activity_unpack(activity, "s", &what));
    printf("%s: %s\n", activity->instance_id, what);
    return PAWL_OK;
}

static enum pawl_err renovate_room(struct pawl_workflow *wf) {
    int walls;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "i", &walls));
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "scrape"), NULL, NULL));
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "paint"), NULL, NULL));
    return pawl_return(wf, pawl_pack(wf, "i", walls * 90));
}

static enum pawl_err renovate_house(struct pawl_workflow *wf) {
    struct pawl_task *rooms[ROOMS];
    for (int i = 0; i < ROOMS; i++) {
        struct pawl_call_options options = {.instance_id =
                                                pawl_format(wf, "%s/room-%d", pawl_id(wf), i + 1)};
        rooms[i] = pawl_call_child(wf, "renovate_room", pawl_pack(wf, "i", 4 + i), &options);
    }
    PAWL_TRY(pawl_await_all(rooms, ROOMS));

    int sum = 0, price;
    for (int i = 0; i < ROOMS; i++, sum += price)
        PAWL_TRY(pawl_unpack(wf, pawl_result(rooms[i]), "i", &price));
    PAWL_TRY(pawl_call(wf, "work", pawl_pack(wf, "s", "clean up"), NULL, NULL));
    return pawl_return(wf, pawl_pack(wf, "i", sum));
}

int main(int argc, char **argv) {
    const char *target = argc > 1 ? argv[1] : "children.db";
    struct pawl_start_options options = {
        .id = argc > 2 ? argv[2] : "house-1",
        .reuse = PAWL_REUSE_NEVER,
    };
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct pawl *pawl;
    if (pawl_open(target, NULL, &pawl)) return pawl_perror(target), 1;
    pawl_add_activity(pawl, "work", work, NULL);
    pawl_add_workflow(pawl, "renovate_room", renovate_room, NULL);
    pawl_add_workflow(pawl, "renovate_house", renovate_house, NULL);
    pawl_work(pawl);

    enum pawl_err err = pawl_start(pawl, "renovate_house", pawl_text(NULL), &options, NULL);
    if (err && err != PAWL_E_EXISTS) return pawl_perror("pawl_start"), 1;
    struct pawl_info *info;
    if (pawl_wait(pawl, options.id, PAWL_FOREVER, &info)) return pawl_perror("pawl_wait"), 1;
    printf("result: %s euros\n", info->output.data);
    pawl_info_free(info);
    return pawl_close(pawl) ? pawl_perror("pawl_close"), 1 : 0;
}
