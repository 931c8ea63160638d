// Whether costs grow as their work does:
//
//     growth [NAME...]
//
// Each row of the table below does its work for a number of things, and again for four times as
// many. Processor time of the program itself is compared, which a busy machine stretches less than
// the clock's; the kernel's, for threads that wake each other, may be eight times as long in one
// run as in the next. Work that is proportional takes four times as long, or a little more as
// caches fill; work that is quadratic takes sixteen times. Exits with 1 when a row takes more than
// LIMIT times.

#include <pawl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    TIMES = 4,
    LIMIT = 8,
    ROUNDS = 3, // of which the quickest counts
    AGAIN = 3,  // times that a row which takes too long is measured again
};

static int n; // how many things the workflows below deal with

static void check(enum pawl_err err, const char *what) {
    if (!err) return;
    pawl_perror(what);
    exit(1);
}

// --- workflows ----------------------------------------------------------------------------------

static enum pawl_err nothing(struct pawl_activity *activity) {
    return PAWL_OK;
}

static enum pawl_err fan(struct pawl_workflow *wf) {
    struct pawl_task **tasks = pawl_alloc(wf, (size_t)n * sizeof *tasks);
    for (int i = 0; i < n; i++) tasks[i] = pawl_call_activity(wf, "nothing", pawl_text(NULL), NULL);
    return pawl_await_all(tasks, (size_t)n);
}

static enum pawl_err fan_beside_timer(struct pawl_workflow *wf) {
    pawl_create_timer(wf, PAWL_HOUR);
    return fan(wf);
}

static enum pawl_err timers(struct pawl_workflow *wf) {
    struct pawl_task **tasks = pawl_alloc(wf, (size_t)n * sizeof *tasks);
    for (int i = 0; i < n; i++)
        tasks[i] = pawl_create_timer(wf, (n - i) * 100 * PAWL_SECOND / 1000000); // all differ
    return pawl_await_all(tasks, (size_t)n);
}

static const char *event_name(struct pawl_workflow *wf, int i) {
    return pawl_format(wf, "event-%d", i);
}

// Bounded waits, each for an event of its own.
static enum pawl_err waits(struct pawl_workflow *wf) {
    struct pawl_task **tasks = pawl_alloc(wf, (size_t)n * sizeof *tasks);
    for (int i = 0; i < n; i++) tasks[i] = pawl_wait_for_event(wf, event_name(wf, i), PAWL_HOUR);
    return pawl_await_all(tasks, (size_t)n);
}

// Bounded waits for the same event.
static enum pawl_err waits_for_one(struct pawl_workflow *wf) {
    struct pawl_task **tasks = pawl_alloc(wf, (size_t)n * sizeof *tasks);
    for (int i = 0; i < n; i++) tasks[i] = pawl_wait_for_event(wf, "event-0", PAWL_HOUR);
    return pawl_await_all(tasks, (size_t)n);
}

// Events that came before anybody waited for them, and the last is asked for first.
static enum pawl_err buffered(struct pawl_workflow *wf) {
    enum pawl_err err = pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER));
    for (int i = n - 1; i >= 0 && !err; i--)
        err = pawl_await(pawl_wait_for_event(wf, event_name(wf, i), PAWL_FOREVER));
    return err;
}

// One activity after the other, so that the history is long.
static enum pawl_err chain(struct pawl_workflow *wf) {
    enum pawl_err err = PAWL_OK;
    for (int i = 0; i < n && !err; i++)
        err = pawl_await(pawl_call_activity(wf, "nothing", pawl_text(NULL), NULL));
    return err;
}

static enum pawl_err nap(struct pawl_workflow *wf) {
    return pawl_await(pawl_create_timer(wf, PAWL_HOUR));
}

static enum pawl_err child(struct pawl_workflow *wf) {
    return PAWL_OK;
}

static enum pawl_err children(struct pawl_workflow *wf) {
    struct pawl_task **tasks = pawl_alloc(wf, (size_t)n * sizeof *tasks);
    for (int i = 0; i < n; i++) tasks[i] = pawl_call_child(wf, "child", pawl_text(NULL), NULL);
    return pawl_await_all(tasks, (size_t)n);
}

// Tells "x", which waits for all of it.
static enum pawl_err teller(struct pawl_workflow *wf) {
    for (int i = 0; i < n; i++) {
        enum pawl_err err = pawl_send(wf, "x", "told", pawl_text(NULL), NULL);
        if (err) return err;
    }
    return PAWL_OK;
}

static enum pawl_err messages(struct pawl_workflow *wf) {
    enum pawl_err err = PAWL_OK;
    for (int i = 0; i < n && !err; i++)
        err = pawl_await(pawl_wait_for_event(wf, "told", PAWL_FOREVER));
    return err;
}

// --- what is measured ---------------------------------------------------------------------------

static void start(struct pawl *pawl, const char *workflow) {
    check(
        pawl_start(pawl, workflow, pawl_text(NULL), &(struct pawl_start_options){.id = "x"}, NULL),
        "start");
}

static void end(struct pawl *pawl) {
    struct pawl_info *info;
    check(pawl_wait(pawl, "x", 100 * PAWL_SECOND, &info), "wait");
    if (info->status != PAWL_COMPLETED) {
        fprintf(stderr, "%s: %s\n", info->name, pawl_status_text(info->status));
        exit(1);
    }
    pawl_info_free(info);
}

static void run(struct pawl *pawl, const char *workflow) {
    start(pawl, workflow);
    end(pawl);
}

static void raise_all(struct pawl *pawl, bool same) {
    char name[32];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "event-%d", same ? 0 : i);
        check(pawl_raise(pawl, "x", name, pawl_text(NULL)), "raise");
    }
}

static void run_waits(struct pawl *pawl, const char *workflow) {
    start(pawl, workflow);
    raise_all(pawl, strcmp(workflow, "waits for one") == 0);
    end(pawl);
}

static void run_buffered(struct pawl *pawl, const char *workflow) {
    start(pawl, workflow);
    raise_all(pawl, false);
    check(pawl_raise(pawl, "x", "go", pawl_text(NULL)), "raise");
    end(pawl);
}

static void run_messages(struct pawl *pawl, const char *workflow) {
    start(pawl, workflow);
    check(pawl_start(pawl, "teller", pawl_text(NULL), NULL, NULL), "start");
    end(pawl);
}

static void run_asleep(struct pawl *pawl, const char *workflow) {
    for (int i = 0; i < n; i++)
        check(pawl_start(pawl, "nap", pawl_text(NULL), NULL, NULL), "start");
}

// All of |n| workflows, which are in memory, a few at a time.
static void run_list(struct pawl *pawl, const char *workflow) {
    enum {
        PAGE = 10
    };
    const struct pawl_list_options options = {.limit = PAGE};
    struct pawl_page *page = NULL;
    int seen = 0;
    for (int i = 0; i < n; i++)
        check(pawl_start(pawl, workflow, pawl_text(NULL), NULL, NULL), "start");
    while (check(pawl_list(pawl, &options, &page), "list"), page) seen += (int)page->count;
    if (seen == n) return;
    fprintf(stderr, "%d of %d are in the list\n", seen, n);
    exit(1);
}

static const struct row {
    const char *name; // also the workflow's
    int n;
    pawl_workflow_fn workflow;
    void (*work)(struct pawl *pawl, const char *workflow);
} rows[] = {
    {"fan", 10000, fan, run},
    {"fan beside a timer", 10000, fan_beside_timer, run},
    {"timers", 5000, timers, run},
    {"waits", 2500, waits, run_waits},
    {"waits for one", 2500, waits_for_one, run_waits},
    {"buffered events", 2500, buffered, run_buffered},
    {"history", 2500, chain, run},
    {"asleep", 2500, nap, run_asleep},
    {"children", 2500, children, run},
    {"messages", 10000, messages, run_messages},
    {"list pages", 2500, nap, run_list},
};

static double processor_time(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6;
}

static double measure(const struct row *row, int count) {
    double best = 1e9;
    n = count;
    for (int round = 0; round < ROUNDS; round++) {
        struct pawl *pawl;
        check(pawl_open("memory:", NULL, &pawl), "open");
        check(pawl_add_workflow(pawl, row->name, row->workflow, NULL), "workflow");
        check(pawl_add_workflow(pawl, "nap", nap, NULL), "workflow");
        check(pawl_add_workflow(pawl, "child", child, NULL), "workflow");
        check(pawl_add_workflow(pawl, "teller", teller, NULL), "workflow");
        check(pawl_add_quick_activity(pawl, "nothing", nothing, NULL), "activity");
        check(pawl_work(pawl), "work");
        double began = processor_time();
        row->work(pawl, row->name);
        double took = processor_time() - began;
        if (took < best) best = took;
        check(pawl_close(pawl), "close");
    }
    return best;
}

static bool is_wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0) return true;
    return argc < 2;
}

int main(int argc, char **argv) {
    int bad = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        if (!is_wanted(row->name, argc, argv)) continue;
        double one = measure(row, row->n), more = measure(row, row->n * TIMES);
        // Another program may have had the caches all the while: what is quadratic is so each time.
        for (int again = 0; again < AGAIN && more > one * LIMIT; again++) {
            one = measure(row, row->n);
            more = measure(row, row->n * TIMES);
        }
        bool ok = more <= one * LIMIT;
        bad += !ok;
        printf("%-20s %6d: %7.1f ms, %6d: %7.1f ms, %4.1f times%s\n", row->name, row->n, one * 1e3,
               row->n * TIMES, more * 1e3, more / one, ok ? "" : "  GROWS FASTER THAN ITS WORK");
        fflush(stdout);
    }
    return bad != 0;
}
