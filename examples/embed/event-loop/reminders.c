// A program with an event loop of its own: Pawl starts no thread for itself, and is one more
// descriptor in poll(2).

#include <pawl.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

static enum pawl_err tick(struct pawl_activity *activity) {
    printf("tick %s\n", activity->input.data);
    return PAWL_OK;
}

static enum pawl_err ticks(struct pawl_workflow *wf) {
    for (int i = 0; i < 3; i++) {
        PAWL_TRY(pawl_call(wf, "tick", pawl_text(pawl_format(wf, "%d", i)), NULL, NULL));
        PAWL_TRY(pawl_sleep(wf, 20 * PAWL_MILLISECOND));
    }
    return PAWL_OK;
}

static bool has_ended(struct pawl *pawl, const char *id) {
    struct pawl_info *info;
    if (pawl_get(pawl, id, &info)) return false;
    bool ended = info->status == PAWL_COMPLETED || info->status == PAWL_FAILED;
    pawl_info_free(info);
    return ended;
}

int main(void) {
    struct pawl_options options = {.is_driven = true};
    struct pawl *pawl;
    char id[37];
    if (pawl_open("ticker.db", &options, &pawl)) return pawl_perror("pawl_open"), 1;
    pawl_add_activity(pawl, "tick", tick, NULL);
    pawl_add_workflow(pawl, "ticks", ticks, NULL);
    pawl_work(pawl);
    if (pawl_start(pawl, "ticks", pawl_text(NULL), NULL, id)) return pawl_perror("pawl_start"), 1;

    while (!has_ended(pawl, id)) {
        // The program's own descriptors would stand beside Pawl's.
        struct pollfd fds[] = {{.fd = pawl_fd(pawl), .events = POLLIN}};
        int timeout = pawl_timeout(pawl);
        poll(fds, 1, timeout < 0 || timeout > 1000 ? 1000 : timeout);
        pawl_poll(pawl);
    }
    puts("the workflow has ended");
    return pawl_close(pawl) != PAWL_OK;
}
