#include <string.h>

#include "cli/workflow_bulk.h"

static const struct pawl_flag purge_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"all", 0, PAWL_FLAG_BOOL, "false", "all that have ended"},
    {"all-older-than", 0, PAWL_FLAG_TEXT, NULL,
     "all that have ended and were created before a time, or longer ago than a duration"},
    {"all-filter-status", 0, PAWL_FLAG_TEXT, NULL,
     "with --all-older-than: only those with this status"},
    {"force", 0, PAWL_FLAG_BOOL, "false",
     "those that are named, or that filters or a status choose, also when they have not ended"},
    PAWL_WORKFLOW_BULK_FLAGS,
    PAWL_WORKFLOW_STORE_FLAGS,
    {"scheduler-namespace", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

struct purge {
    struct pawl *pawl;
    bool force;
    bool takes_all; // also those that have not ended
    bool chosen;    // by filters: what is gone meanwhile has gone with its parent
    unsigned count;
    bool failed;
};

// Goes on after a failure: the others may well be purged.
static void purge_one(struct purge *purge, const char *id) {
    uint32_t count = 0;
    enum pawl_err err =
        (purge->force ? pawl_purge_force : pawl_purge)(purge->pawl, id, true, &count);
    if (err == PAWL_E_NOT_FOUND && purge->chosen) return;
    pawl__workflow_each_hush();
    if (err == PAWL_E_CANCELED && pawl__workflow_stopped()) {
        fprintf(stderr, "'%s' has not answered: whether it was done is not known\n", id);
        return;
    }
    if (err) {
        pawl__workflow_fail("cannot purge '%s'", id);
        if (err == PAWL_E_PRECONDITION && !purge->force)
            fprintf(stderr,
                    "    end it first, with 'pawl workflow terminate %s', or give --force\n", id);
        purge->failed = true;
        return;
    }
    purge->count += count;
    printf("\u2705  Purged workflow instance \"%s\"\n", id);
}

static enum pawl_err purge_ended(void *arg, const struct pawl_info *info) {
    struct purge *purge = arg;
    if (purge->takes_all || pawl__workflow_has_ended(info->status)) purge_one(purge, info->id);
    return pawl__workflow_stopped() ? PAWL_E_CANCELED : PAWL_OK;
}

// Says what is wrong with the command line; 0: nothing.
static int purge_check(const struct pawl_flags *flags, struct pawl_workflow_filter *filter) {
    const char *before = pawl__flag_text(flags, "all-older-than");
    bool all = pawl__flag_bool(flags, "all");
    const char *status = pawl__flag_text(flags, "all-filter-status");
    if (all + (before != NULL) + (flags->argc > 0) != 1)
        return pawl__misused(flags, "name instances, or give --all, --all-older-than or filters");
    if (status && !before)
        return pawl__misused(flags, "--all-filter-status goes with --all-older-than");
    if (!pawl__workflow_statuses(flags, "all-filter-status", &filter->statuses))
        return PAWL_EXIT_USAGE;
    if (before && !pawl__workflow_time(before, -1, &filter->before))
        return pawl__misused(flags,
                             "--all-older-than is '%s', but has to be a duration "
                             "such as 24h or a time such as 2030-01-02T15:04:05Z",
                             before);
    return 0;
}

static bool purge_takes(const struct pawl_info *info, const struct pawl_flags *flags) {
    return pawl__flag_bool(flags, "force") || pawl__workflow_has_ended(info->status);
}

static enum pawl_err purge_act(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    bool force = pawl__flag_bool(flags, "force");
    return (force ? pawl_purge_force : pawl_purge)(pawl, id, true, NULL);
}

// All that the filters choose.
static int purge_filtered(const struct pawl_flags *flags) {
    static const struct pawl_workflow_bulk bulk = {"purge", "purged", purge_takes, purge_act};
    if (flags->argc || pawl__flag_bool(flags, "all") || pawl__flag_given(flags, "all-older-than") ||
        pawl__flag_given(flags, "all-filter-status"))
        return pawl__misused(flags, "filters stand by themselves, without names and "
                                    "--all...");
    return pawl__workflow_bulk(flags, &bulk);
}

static int purge_run(const struct pawl_flags *flags) {
    if (pawl__workflow_filter_given(flags)) return purge_filtered(flags);
    struct pawl_workflow_filter filter = {0};
    struct pawl_workflow_app app;
    int code = purge_check(flags, &filter);
    if (!code) code = pawl__workflow_open(flags, &app);
    if (code) return code;
    struct purge purge = {.pawl = app.pawl, .force = pawl__flag_bool(flags, "force")};
    purge.takes_all = purge.force && filter.statuses;
    purge.chosen = !flags->argc;
    pawl__workflow_stoppable(app.pawl);
    for (int i = 0; i < flags->argc && !pawl__workflow_stopped(); i++)
        purge_one(&purge, flags->argv[i]);
    if (!flags->argc && pawl__workflow_each(app.pawl, &filter, 0, purge_ended, &purge) &&
        !pawl__workflow_stopped()) {
        pawl__workflow_fail("cannot go through the workflows");
        purge.failed = true;
    }
    pawl__workflow_each_hush();
    printf("%u purged, children included\n", purge.count);
    if (pawl__workflow_stopped()) fputs("stopped; the same command goes on\n", stderr);
    pawl__workflow_close(&app);
    return pawl__workflow_stopped() ? PAWL_WORKFLOW_STOPPED : purge.failed ? 1 : 0;
}

const struct pawl_command pawl__workflow_purge = {
    .name = "workflow purge",
    .summary = "Remove workflows that have ended",
    .usage = "ID... [--force] | --all | --all-older-than AGE [--all-filter-status STATUS] |\n"
             "         FILTERS [--force] [--yes]",
    .text =
        "Removes all trace of instances that have ended, and of their children. Their ids can be\n"
        "used again. 'stateRetentionPolicy' in a configuration does this by itself.\n\n"
        "With --force an instance is removed as it is, with no worker needed: nothing ends it, "
        "and\n"
        "results of its activities are dropped.\n\n"
        "Examples:\n"
        "  pawl workflow purge order-7 order-8\n"
        "  pawl workflow purge --all-older-than 168h --all-filter-status COMPLETED\n"
        "  pawl workflow purge --filter-tag team=blue --filter-ended-until 24h\n",
    .flags = purge_flags,
    .run = purge_run,
};
