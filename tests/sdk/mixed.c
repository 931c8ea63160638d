#include <pawl.h>
#include <pawl/jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// The C side of an app that has workers in several languages, for test_mixed.py. The others are
// those of tests/e2e/load, whose steps are objects: {"N", "Pad"} in Go, {"n", "pad"} in Python.
//
//     mixed start TARGET ID WORKFLOW INPUT   starts it, waits for its end, prints "STATUS OUTPUT"
//     mixed serve TARGET                     serves the activity addOne, and a workflow that calls
//                                            add_one, which it does not have; until its input ends

static enum pawl_err add_one(struct pawl_activity *activity) {
    int n;
    PAWL_TRY(pawl_activity_unpack(activity, "{s:i}", "N", &n));
    printf("addOne %d\n", n + 1);
    usleep(100000);
    return pawl_activity_pack(activity, "{s:i, s:s}", "N", n + 1, "Pad", "");
}

static enum pawl_err counts(struct pawl_workflow *wf) {
    struct pawl_text step = pawl_pack(wf, "{s:i, s:s}", "n", 1, "pad", "");
    int n;
    for (int i = 0; i < 5; i++) {
        PAWL_TRY(pawl_call(wf, "add_one", step, NULL, &step));
        PAWL_TRY(pawl_sleep(wf, 100 * PAWL_MILLISECOND));
    }
    PAWL_TRY(pawl_unpack(wf, step, "{s:i}", "n", &n));
    return pawl_return(wf, pawl_pack(wf, "i", n));
}

static int fail(const char *what) {
    pawl_perror(what);
    return 1;
}

static int start(struct pawl *pawl, char **argv) {
    struct pawl_start_options options = {.id = argv[3], .start_at = 1}; // not waiting for a worker
    struct pawl_info *info;
    if (pawl_start(pawl, argv[4], pawl_text(argv[5]), &options, NULL)) return fail("pawl_start");
    if (pawl_wait(pawl, argv[3], 60 * PAWL_SECOND, &info)) return fail("pawl_wait");
    printf("%s %s\n", pawl_status_text(info->status),
           info->failure ? info->failure->message : info->output.data);
    pawl_info_free(info);
    return 0;
}

static int serve(struct pawl *pawl) {
    if (pawl_add_activity(pawl, "addOne", add_one, NULL) ||
        pawl_add_workflow(pawl, "counts", counts, NULL) || pawl_work(pawl))
        return fail("pawl_work");
    while (getchar() != EOF) continue;
    return 0;
}

int main(int argc, char **argv) {
    struct pawl *pawl;
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool starts = argc == 6 && strcmp(argv[1], "start") == 0;
    if (!starts && !(argc == 3 && strcmp(argv[1], "serve") == 0)) return 2;
    if (pawl_open(argv[2], NULL, &pawl)) return fail("pawl_open");
    int code = starts ? start(pawl, argv) : serve(pawl);
    return pawl_close(pawl) ? fail("pawl_close") : code;
}
