#include <pawl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"

// One allocation fails, the first, the second, and so on, through a scenario that uses most of
// pawl.h. Whatever fails says so; nothing crashes or hangs; and afterwards the same handle runs a
// workflow.
//
//     PAWL_LOOPS=             of the handle; not set: one
//     PAWL_ALLOC_STEP=1   every allocation, not a sample     PAWL_SEED=   which sample

static atomic_long allocations, failing;

bool alloc_fails(void) {
    long n = atomic_fetch_add(&allocations, 1) + 1;
    return n == atomic_load(&failing);
}

static void quiet(void *arg, enum pawl_log_level level, const char *line) {
    if (getenv("PAWL_ALLOC_LOG")) fprintf(stderr, "%d %s\n", (int)level, line);
}

// --- the scenario -------------------------------------------------------------------------------

static enum pawl_err echo(struct pawl_activity *activity) {
    const struct pawl_caller *caller;
    PAWL_TRY(pawl_activity_caller(activity, &caller));
    if (activity->attempt < 2) return pawl_activity_fail(activity, "Flaky", "once");
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err child(struct pawl_workflow *wf) {
    const struct pawl_caller *caller;
    PAWL_TRY(pawl_caller(wf, &caller));
    return pawl_return(wf, pawl_input(wf));
}

static enum pawl_err parent(struct pawl_workflow *wf) {
    struct pawl_retry retry = {.max_attempts = 3, .first_interval = PAWL_MILLISECOND};
    struct pawl_call_options options = {.retry = &retry, .pass = PAWL_PASS_OWN};
    struct pawl_call_options lineage = {.pass = PAWL_PASS_LINEAGE};
    struct pawl_text text;
    char id[37];
    pawl_uuid(wf, id);
    PAWL_TRY(pawl_call(wf, "echo", pawl_quote(wf, id), &options, &text));
    PAWL_TRY(pawl_await(pawl_call_child(wf, "child", text, &lineage)));
    bool is_patched = pawl_is_patched(wf, "patch");
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text(is_patched ? "1" : "0")));
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "go", PAWL_HOUR)));
    return pawl_return(wf, pawl_text(pawl_format(wf, "%d", 7)));
}

// Whether an error is one that a lack of memory may cause.
static bool is_fair(enum pawl_err err) {
    if (!err) return true;
    switch (err) {
    case PAWL_E_NOMEM:
    case PAWL_E_UNAVAILABLE:
    case PAWL_E_TOO_LARGE: return true;
    default: fprintf(stderr, "unfair: %d %s\n", (int)err, pawl_last_error()->text); return false;
    }
}

// Does |call| until it succeeds: only one allocation fails, though its effect may last a while.
#define INSIST(call)                                                                               \
    do {                                                                                           \
        enum pawl_err insist_err;                                                                  \
        int insist_tries = 0;                                                                      \
        while ((insist_err = (call)) && is_fair(insist_err) && insist_tries++ < 500)               \
            usleep(10000);                                                                         \
        if (insist_err) {                                                                          \
            fprintf(stderr, "%s: %s\n", #call, pawl_last_error()->text);                           \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

static enum pawl_err start_once(struct pawl *pawl, const char *id) {
    struct pawl_start_options options = {.id = id};
    enum pawl_err err = pawl_start(pawl, "parent", pawl_text("1"), &options, NULL);
    return err == PAWL_E_EXISTS ? PAWL_OK : err; // a call that seemed to fail had not
}

static enum pawl_err purge_once(struct pawl *pawl, const char *id) {
    enum pawl_err err = pawl_purge(pawl, id, true, NULL);
    return err == PAWL_E_NOT_FOUND ? PAWL_OK : err;
}

static int use(struct pawl *pawl, const char *id) {
    struct pawl_info *info;
    struct pawl_page *page = NULL;
    struct pawl_count *counts;
    size_t len;
    char *json, *value;
    INSIST(start_once(pawl, id));
    INSIST(pawl_raise(pawl, id, "go", pawl_text("1")));
    INSIST(pawl_wait(pawl, id, 5 * PAWL_SECOND, &info));
    bool good = info->status == PAWL_COMPLETED && strcmp(info->output.data, "7") == 0;
    if (!good)
        fprintf(stderr, "%s is %s: %s\n", id, pawl_status_text(info->status),
                info->failure ? info->failure->message : "");
    pawl_info_free(info);
    if (!good) return 1;
    INSIST(pawl_history(pawl, id, &json));
    free(json);
    INSIST(pawl_list(pawl, NULL, &page));
    pawl_page_free(page);
    INSIST(pawl_count(pawl, "status:completed", &counts, &len));
    free(counts);
    INSIST(pawl_save_state(pawl, "statestore", id, pawl_text("1"), NULL));
    INSIST(pawl_get_state(pawl, "statestore", id, &value, NULL, NULL));
    free(value);
    INSIST(purge_once(pawl, id));
    return 0;
}

static int scenario(void) {
    const char *loops = getenv("PAWL_LOOPS");
    struct pawl_options options = {
        .log = quiet, .activity_threads = 2, .loops = loops ? (size_t)atoi(loops) : 0};
    struct pawl *pawl;
    INSIST(pawl_open("memory:", &options, &pawl));
    INSIST(pawl_add_workflow(pawl, "parent", parent, NULL));
    INSIST(pawl_add_workflow(pawl, "child", child, NULL));
    INSIST(pawl_add_activity(pawl, "echo", echo, NULL));
    INSIST(pawl_work(pawl));
    int code = use(pawl, "first");
    atomic_store(&failing, 0);
    if (!code) code = use(pawl, "second");
    enum pawl_err err = pawl_close(pawl);
    return code || (err && err != PAWL_E_IO);
}

// --- one after the other ------------------------------------------------------------------------

static int run(long n) {
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        alarm(8);
        atomic_store(&allocations, 0);
        atomic_store(&failing, n);
        exit(scenario());
    }
    int status;
    waitpid(pid, &status, 0);
    if (status) fprintf(stderr, "allocation %ld: status 0x%x\n", n, status);
    return status;
}

static long number_of_allocations(void) {
    int ends[2];
    long count = 0;
    if (pipe(ends)) return 0;
    pid_t pid = fork();
    if (!pid) {
        atomic_store(&allocations, 0);
        int code = scenario();
        count = atomic_load(&allocations);
        ssize_t ignored = write(ends[1], &count, sizeof count);
        (void)ignored;
        exit(code);
    }
    int status;
    waitpid(pid, &status, 0);
    if (status || read(ends[0], &count, sizeof count) != sizeof count) return 0;
    return count;
}

int main(void) {
#ifndef NDEBUG
    return 77; // the second shard of debug builds ends the process when it has no memory
#endif
    const char *step_text = getenv("PAWL_ALLOC_STEP"), *seed_text = getenv("PAWL_SEED");
    long step = step_text ? atol(step_text) : 3;
    long seed = seed_text ? atol(seed_text) : (long)time(NULL) % 100000;
    long count = number_of_allocations();
    int wrong = 0;
    printf("PAWL_SEED=%ld, %ld allocations\n", seed, count);
    if (count < 100) return 1;
    // The second half of them is of the second use, in which none fails.
    for (long n = 1 + seed % step; n <= count && wrong < 5; n += step) wrong += run(n) != 0;
    printf("%d wrong\n", wrong);
    return wrong != 0;
}
