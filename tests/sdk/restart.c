#include <pawl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

// A program whose daemon restarts while it waits, for test_restart.py:
//
//     restart TARGET wait       starts a workflow that naps, prints "waiting", waits for its end
//     restart TARGET patience   the same, and waits for half a second only
//     restart TARGET close      the same, and another thread closes while it waits
//
// Prints how the wait ended.

static enum pawl_err naps(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_sleep(wf, 2 * PAWL_SECOND));
    return pawl_return(wf, pawl_text("\"rested\""));
}

static void *close_later(void *pawl) {
    getchar();
    pawl_close(pawl);
    return NULL;
}

int main(int argc, char **argv) {
    struct pawl *pawl;
    pthread_t closer;
    if (argc != 3 || pawl_open(argv[1], NULL, &pawl)) return 2;
    bool closes = argv[2][0] == 'c';
    setvbuf(stdout, NULL, _IOLBF, 0);
    pawl_add_workflow(pawl, "naps", naps, NULL);
    if (pawl_work(pawl)) return pawl_perror("work"), 2;
    struct pawl_start_options options = {.id = argv[2]};
    if (pawl_start(pawl, "naps", pawl_text(NULL), &options, NULL)) return pawl_perror("start"), 2;
    puts("waiting");
    if (argv[2][0] == 'p') getchar(); // until the daemon is gone
    if (closes) pthread_create(&closer, NULL, close_later, pawl);
    struct pawl_info *info;
    int64_t timeout = argv[2][0] == 'p' ? PAWL_SECOND / 2 : 30 * PAWL_SECOND;
    enum pawl_err err = pawl_wait(pawl, argv[2], timeout, &info);
    if (err) {
        printf("%d %s\n", err, pawl_last_error()->text);
    } else {
        printf("%s %s\n", pawl_status_text(info->status), info->output.data);
        pawl_info_free(info);
    }
    if (closes)
        pthread_join(closer, NULL);
    else
        pawl_close(pawl);
    return 0;
}
