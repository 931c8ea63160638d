#include "cli/workflow_filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    FILTER_PAGE = 500
};

// --- flags --------------------------------------------------------------------------------------

// The flags that are a moment, and where it goes.
static const struct {
    const char *flag;
    size_t offset;
} filter_times[] = {
    {"filter-max-age", offsetof(struct pawl_workflow_filter, after)},
    {"filter-min-age", offsetof(struct pawl_workflow_filter, before)},
    {"filter-ended-since", offsetof(struct pawl_workflow_filter, ended_after)},
    {"filter-ended-until", offsetof(struct pawl_workflow_filter, ended_before)},
};

static const struct {
    const char *flag;
    size_t offset;
} filter_texts[] = {
    {"filter-name", offsetof(struct pawl_workflow_filter, name)},
    {"filter-id", offsetof(struct pawl_workflow_filter, id)},
    {"filter-parent", offsetof(struct pawl_workflow_filter, parent)},
    {"filter-custom-status", offsetof(struct pawl_workflow_filter, custom_status)},
    {"filter-failure", offsetof(struct pawl_workflow_filter, failure)},
};

enum {
    FILTER_TIMES = sizeof filter_times / sizeof *filter_times,
    FILTER_TEXTS = sizeof filter_texts / sizeof *filter_texts,
};

static bool filter_status(struct pawl_str text, unsigned *out) {
    for (int status = PAWL_RUNNING; status <= PAWL_STALLED; status++) {
        const char *name = pawl_status_text((enum pawl_status)status);
        if (strcmp(name, "UNKNOWN") == 0) continue; // a number without a name
        if (!pawl__str_equal(text, pawl__str(name))) continue;
        *out |= 1u << status;
        return true;
    }
    return false;
}

bool pawl__workflow_statuses(const char *text, const char *command, const char *flag,
                             unsigned *out) {
    struct pawl_str rest = pawl__str(text);
    *out = 0;
    while (rest.data) {
        struct pawl_str one = pawl__str_cut(&rest, ',');
        if (filter_status(one, out)) continue;
        pawl__workflow_misused("%s: --%s has '%.*s', but it may have " PAWL_WORKFLOW_STATUSES,
                               command, flag, PAWL_FMT(one));
        return false;
    }
    return true;
}

bool pawl__workflow_filter(const struct pawl_flags *flags, const char *command,
                           struct pawl_workflow_filter *out) {
    const char *status = pawl__flag_text(flags, "filter-status");
    *out = (struct pawl_workflow_filter){0};
    for (int i = 0; i < FILTER_TEXTS; i++)
        *(const char **)((char *)out + filter_texts[i].offset) =
            pawl__flag_text(flags, filter_texts[i].flag);
    for (int i = 0; i < FILTER_TIMES; i++) {
        const char *text = pawl__flag_text(flags, filter_times[i].flag);
        int64_t *at = (int64_t *)((char *)out + filter_times[i].offset);
        if (!text || pawl__workflow_time(text, -1, at)) continue;
        pawl__workflow_misused("%s: --%s is '%s', but has to be a duration such as 90m or a time "
                               "such as 2030-01-02T15:04:05Z",
                               command, filter_times[i].flag, text);
        return false;
    }
    return !status || pawl__workflow_statuses(status, command, "filter-status", &out->statuses);
}

bool pawl__workflow_filter_given(const struct pawl_flags *flags) {
    bool given = pawl__flag_given(flags, "filter-status");
    for (int i = 0; i < FILTER_TEXTS; i++) given |= pawl__flag_given(flags, filter_texts[i].flag);
    for (int i = 0; i < FILTER_TIMES; i++) given |= pawl__flag_given(flags, filter_times[i].flag);
    return given;
}

// --- matching -----------------------------------------------------------------------------------

static bool filter_matches(const char *pattern, const char *text) {
    return !pattern || strcmp(pattern, text) == 0 || fnmatch(pattern, text, 0) == 0;
}

static bool filter_within(int64_t after, int64_t before, int64_t at) {
    return (!after || at >= after) && (!before || at < before);
}

static bool filter_wants(const struct pawl_workflow_filter *filter, const struct pawl_info *info) {
    bool ended = pawl__workflow_has_ended(info->status);
    const char *custom = info->custom_status.data;
    if (filter->statuses && !(filter->statuses >> info->status & 1)) return false;
    if (!filter_matches(filter->name, info->name) || !filter_matches(filter->id, info->id))
        return false;
    if (!filter_within(filter->after, filter->before, info->created_at)) return false;
    if ((filter->ended_after || filter->ended_before) && !ended) return false;
    if (!filter_within(filter->ended_after, filter->ended_before, info->updated_at)) return false;
    if (filter->parent && (!info->parent_id || strcmp(filter->parent, info->parent_id) != 0))
        return false;
    if (filter->custom_status && (!custom || !strstr(custom, filter->custom_status))) return false;
    return !filter->failure || (info->failure && strcmp(info->failure->type, filter->failure) == 0);
}

// --- going through them -------------------------------------------------------------------------

// Tells a waiting person how far it is.
static void filter_tell(size_t count, int64_t *told) {
    int64_t now = pawl__clock_steady();
    if (!isatty(STDERR_FILENO) || now - *told < PAWL_SECOND / 2) return;
    *told = now;
    fprintf(stderr, "\r%zu instances looked at", count);
}

void pawl__workflow_each_hush(void) {
    if (isatty(STDERR_FILENO)) fputs("\r\33[K", stderr);
}

// Gives |fn| the instance |id|, if it is still there and wanted.
static enum pawl_err filter_look(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                 const char *id, pawl_workflow_each_fn fn, void *arg) {
    struct pawl_info *info = NULL;
    if (!filter_matches(filter->id, id)) return PAWL_OK;
    enum pawl_err err = pawl_get(pawl, id, &info);
    if (err == PAWL_E_NOT_FOUND) return PAWL_OK;
    if (!err && filter_wants(filter, info)) err = fn(arg, info);
    pawl_info_free(info);
    return err;
}

enum pawl_err pawl__workflow_each(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                  pawl_workflow_each_fn fn, void *arg) {
    char *ids[FILTER_PAGE], *token = NULL;
    enum pawl_err err;
    size_t looked = 0;
    int64_t told = pawl__clock_steady();
    do {
        size_t count = 0;
        err = pawl_list(pawl, &token, ids, FILTER_PAGE, &count);
        for (size_t i = 0; i < count; i++) {
            if (!err) err = filter_look(pawl, filter, ids[i], fn, arg);
            free(ids[i]);
            filter_tell(++looked, &told);
        }
    } while (!err && token);
    pawl__workflow_each_hush();
    free(token);
    return err;
}
