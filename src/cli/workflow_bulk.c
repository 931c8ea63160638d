#include "cli/workflow_bulk.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "sdk/error.h"
#include "sdk/loops.h"

enum {
    BULK_FAILURES = 10, // that are told one by one
    BULK_GLANCE = 2,    // seconds until a person who has stopped it is told the rest
};

// In which something has to come about, to go on waiting: else, and of a person who has stopped it.
#define BULK_PATIENCE (2 * PAWL_SECOND)
#define BULK_HURRY    (PAWL_SECOND / 2)

struct bulk {
    const struct pawl_workflow_bulk *what;
    const struct pawl_flags *flags;
    struct pawl_workflow_filter filter;
    struct pawl_workflow_app app;
    char **ids;
    size_t count, cap, done, failed; // those that are done are in front, once all were tried
    size_t later;                    // of those done: it has not come about yet
    size_t seen;                     // the same, while it is looked at
    bool unseen;                     // nothing is known of |later|
    bool elder;                      // it was told that the daemon is
    int64_t told;                    // when the progress was shown; steady clock
};

static volatile sig_atomic_t bulk_stopped;

static void bulk_on_signal(int number) {
    bulk_stopped = 1;
}

void pawl__workflow_stoppable(struct pawl *pawl) {
    const struct sigaction action = {.sa_handler = bulk_on_signal, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    pawl->stopped = &bulk_stopped;
}

bool pawl__workflow_stopped(void) {
    return bulk_stopped;
}

bool pawl__workflow_goes_on(const struct pawl_info *info, const struct pawl_flags *flags) {
    return !pawl__workflow_has_ended(info->status);
}

static enum pawl_err bulk_add(void *arg, const struct pawl_info *info) {
    struct bulk *bulk = arg;
    if (!bulk->what->takes(info, bulk->flags)) return PAWL_OK;
    if (!pawl__array_room((void **)&bulk->ids, bulk->count, &bulk->cap, sizeof *bulk->ids))
        return pawl__sdk_fail_nomem();
    bulk->ids[bulk->count] = strdup(info->id);
    return bulk->ids[bulk->count] ? (bulk->count++, PAWL_OK) : pawl__sdk_fail_nomem();
}

// Whether the person at the terminal, or --yes, agrees.
static bool bulk_may(const struct bulk *bulk) {
    char answer[16];
    if (pawl__flag_bool(bulk->flags, "yes")) return true;
    fprintf(stderr, "%s %zu workflow%s of app '%s'? [y/N] ", bulk->what->verb, bulk->count,
            bulk->count == 1 ? "" : "s", *bulk->app.id ? bulk->app.id : "at --address");
    if (!fgets(answer, sizeof answer, stdin)) answer[0] = 0;
    return *answer == 'y' || *answer == 'Y';
}

static void bulk_hush(void) {
    if (isatty(STDERR_FILENO)) fputs("\r\33[K", stderr);
}

static void bulk_tell(struct bulk *bulk) {
    int64_t now = pawl__clock_steady();
    if (!isatty(STDERR_FILENO) || now - bulk->told < PAWL_SECOND / 5) return;
    bulk->told = now;
    if (bulk->what->lags)
        fprintf(stderr, "\r%zu of %zu told to %s", bulk->done, bulk->count, bulk->what->verb);
    else
        fprintf(stderr, "\r%zu of %zu %s", bulk->done, bulk->count, bulk->what->done);
}

static void bulk_one(struct bulk *bulk, size_t i) {
    char *id = bulk->ids[i];
    enum pawl_err err = bulk->what->act(bulk->app.pawl, id, bulk->flags);
    // One that is gone has gone with its parent, or by somebody else's hand.
    if (!err || (err == PAWL_E_NOT_FOUND && !bulk->what->misses)) {
        bulk->ids[i] = bulk->ids[bulk->done];
        bulk->ids[bulk->done++] = id;
    } else if (bulk_stopped && err == PAWL_E_CANCELED) {
        bulk_hush();
        fprintf(stderr, "'%s' has not answered: whether it was done is not known\n", id);
    } else if (bulk->failed++ < BULK_FAILURES) {
        bulk_hush();
        pawl__workflow_fail("cannot %s '%s'", bulk->what->verb, id);
    }
}

// --- what comes of it ---------------------------------------------------------------------------

static int bulk_compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum pawl_err bulk_look(void *arg, const struct pawl_info *info) {
    struct bulk *bulk = arg;
    bulk->seen += bulk->what->takes(info, bulk->flags) &&
                  bsearch(&info->id, bulk->ids, bulk->done, sizeof *bulk->ids, bulk_compare);
    return PAWL_OK;
}

// Looks at those that are done. False: it cannot be seen what has come of them.
static bool bulk_see(struct bulk *bulk) {
    // What may change meanwhile is not asked for, but that they go on.
    struct pawl_workflow_filter filter = bulk->filter;
    filter.statuses =
        1u << PAWL_RUNNING | 1u << PAWL_PENDING | 1u << PAWL_SUSPENDED | 1u << PAWL_STALLED;
    filter.custom_status = filter.failure = filter.wait = NULL;
    filter.ended_after = filter.ended_before = 0;
    bulk->seen = 0;
    if (pawl__workflow_each(bulk->app.pawl, &filter, 0, bulk_look, bulk)) return false;
    bulk->later = bulk->seen;
    bulk->unseen = false;
    return true;
}

// Looks until it has come about for all, or for none within |patience|.
static void bulk_settle(struct bulk *bulk, int64_t patience) {
    size_t before = SIZE_MAX;
    for (int64_t until = 0, began = 0; !bulk_stopped; usleep(50000)) {
        began = pawl__clock_steady();
        if (!bulk_see(bulk) || !bulk->later) return;
        int64_t now = pawl__clock_steady();
        if (bulk->later < before) until = now + patience;
        before = bulk->later;
        if (now >= until) return;
        if (isatty(STDERR_FILENO))
            fprintf(stderr, "\r%zu of %zu %s", bulk->done - bulk->later, bulk->count,
                    bulk->what->done);
        usleep((useconds_t)((now - began) / 1000)); // no more than half of the time is spent so
    }
}

// The same of what was stopped: what there is to see within a moment, also when nobody answers.
static void bulk_glance(struct bulk *bulk) {
    const struct sigaction action = {.sa_handler = bulk_on_signal};
    sigaction(SIGALRM, &action, NULL);
    bulk_stopped = 0;
    alarm(BULK_GLANCE);
    bulk_settle(bulk, BULK_HURRY);
    alarm(0);
}

static void bulk_summary(const struct bulk *bulk) {
    size_t left = bulk->count - bulk->done - bulk->failed, later = bulk->later;
    bool well = !bulk->failed && !left;
    bulk_hush();
    printf("%s  %zu of %zu %s%s",
           !well   ? "\u274c"
           : later ? "\u2139\ufe0f"
                   : "\u2705",
           bulk->done - later, bulk->count, bulk->unseen ? "told to " : "",
           bulk->unseen ? bulk->what->verb : bulk->what->done);
    if (later) printf(", %zu not yet", later);
    if (bulk->failed) printf(", %zu failed", bulk->failed);
    putchar('\n');
    if (later)
        fprintf(stderr,
                "what is not yet %s waits for a worker; it is on record, and needs no second "
                "command\n",
                bulk->what->done);
    if (left)
        fprintf(stderr, "stopped; %zu %s left%s\n", left, left == 1 ? "is" : "are",
                bulk->what->adds ? "" : ", and the same command goes on with them");
}

// Does it to all, no faster than --rate allows. The exit code.
static int bulk_all(struct bulk *bulk) {
    pawl__workflow_stoppable(bulk->app.pawl);
    int64_t rate = pawl__flag_int(bulk->flags, "rate"), began = pawl__clock_steady();
    for (size_t i = 0; i < bulk->count && !bulk_stopped; i++) {
        int64_t early =
            rate > 0 ? began + (int64_t)i * PAWL_SECOND / rate - pawl__clock_steady() : 0;
        if (early > 0) usleep((useconds_t)(early / 1000));
        if (bulk_stopped) break; // while it slept
        bulk_one(bulk, i);
        if (!bulk->elder && atomic_load(&bulk->app.pawl->waits)) {
            bulk->elder = true;
            bulk_hush();
            fputs("the daemon is older than this program: each waits for a worker\n", stderr);
        }
        bulk_tell(bulk);
    }
    if (bulk->what->lags && bulk->done) {
        bulk->unseen = true;
        qsort(bulk->ids, bulk->done, sizeof *bulk->ids, bulk_compare);
        if (bulk_stopped)
            bulk_glance(bulk);
        else
            bulk_settle(bulk, BULK_PATIENCE);
    }
    bulk_summary(bulk);
    if (bulk->done + bulk->failed < bulk->count || (bulk_stopped && bulk->later))
        return PAWL_WORKFLOW_STOPPED;
    return bulk->failed ? 1 : 0;
}

// What is wrong with the command line besides the filters; 0: nothing.
static int bulk_check(const struct pawl_flags *flags) {
    if (pawl__flag_given(flags, "rate") && pawl__flag_int(flags, "rate") < 1)
        return pawl__misused(flags, "--rate is '%s', but has to be above 0",
                             pawl__flag_text(flags, "rate"));
    if (!pawl__flag_bool(flags, "yes") && !isatty(STDIN_FILENO))
        return pawl__misused(flags, "nobody is there to be asked; give --yes to do it to all "
                                    "that the filters choose");
    return 0;
}

int pawl__workflow_bulk(const struct pawl_flags *flags, const struct pawl_workflow_bulk *what) {
    struct bulk bulk = {.what = what, .flags = flags};
    if (!pawl__workflow_filter(flags, &bulk.filter)) return PAWL_EXIT_USAGE;
    int code = bulk_check(flags);
    if (!code) code = pawl__workflow_open(flags, &bulk.app);
    if (code) return code;
    if (pawl__workflow_each(bulk.app.pawl, &bulk.filter, 0, bulk_add, &bulk)) {
        code = pawl__workflow_fail("cannot go through the workflows");
    } else if (!bulk.count) {
        printf("\u2139\ufe0f  The filters choose no workflow to %s\n", what->verb);
    } else if (!bulk_may(&bulk)) {
        fputs("nothing was done\n", stderr);
        code = 1;
    } else {
        code = bulk_all(&bulk);
    }
    for (size_t i = 0; i < bulk.count; i++) free(bulk.ids[i]);
    free(bulk.ids);
    pawl__workflow_close(&bulk.app);
    return code;
}
