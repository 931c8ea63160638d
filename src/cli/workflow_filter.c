#include "cli/workflow_filter.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "runtime/filter.h"
#include "sdk/error.h"
#include "sdk/looked.h"
#include "wire/timestamp.h"

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
    {"filter-wait", offsetof(struct pawl_workflow_filter, wait)},
    {"filter-tag", offsetof(struct pawl_workflow_filter, tag)},
};

enum {
    FILTER_TIMES = sizeof filter_times / sizeof *filter_times,
    FILTER_TEXTS = sizeof filter_texts / sizeof *filter_texts,
};

static bool filter_status(struct pawl_str text, unsigned *out) {
    for (int status = PAWL_RUNNING; status <= PAWL_STALLED; status++) {
        const char *name = pawl_status_text((enum pawl_status)status);
        if (strcmp(name, "UNKNOWN") == 0) continue; // a number without a name
        if (!pawl__str_equal_nocase(text, pawl__str(name))) continue;
        *out |= 1u << status;
        return true;
    }
    return false;
}

bool pawl__workflow_statuses(const struct pawl_flags *flags, const char *flag, unsigned *out) {
    struct pawl_str rest = pawl__str(pawl__flag_text(flags, flag));
    *out = 0;
    while (rest.data) {
        struct pawl_str one = pawl__str_trim(pawl__str_cut(&rest, ','));
        if (filter_status(one, out)) continue;
        pawl__misused(flags, "--%s has '%.*s', but it may have " PAWL_WORKFLOW_STATUSES, flag,
                      PAWL_FMT(one));
        return false;
    }
    return true;
}

// Whether a filter can have the key of |tag|.
static bool filter_may_have_tag(const char *tag) {
    struct pawl_str rest = pawl__str(tag), key = pawl__str_cut(&rest, '=');
    for (size_t i = 0; i < key.len; i++)
        if (!pawl__filter_is_key(key.data[i])) return false;
    return key.len;
}

bool pawl__workflow_filter(const struct pawl_flags *flags, struct pawl_workflow_filter *out) {
    *out = (struct pawl_workflow_filter){0};
    for (int i = 0; i < FILTER_TEXTS; i++)
        *(const char **)((char *)out + filter_texts[i].offset) =
            pawl__flag_text(flags, filter_texts[i].flag);
    for (int i = 0; i < FILTER_TIMES; i++) {
        const char *text = pawl__flag_text(flags, filter_times[i].flag);
        int64_t *at = (int64_t *)((char *)out + filter_times[i].offset);
        if (!text || pawl__workflow_time(text, -1, at)) continue;
        pawl__misused(flags,
                      "--%s is '%s', but has to be a duration such as 90m or a time "
                      "such as 2030-01-02T15:04:05Z",
                      filter_times[i].flag, text);
        return false;
    }
    if (out->tag && !filter_may_have_tag(out->tag)) {
        pawl__misused(flags,
                      "--filter-tag is '%s', but has to be a key of letters, digits, "
                      "'.', '_' and '-', with or without a value, such as team=blue",
                      out->tag);
        return false;
    }
    return pawl__workflow_statuses(flags, "filter-status", &out->statuses);
}

bool pawl__workflow_filter_given(const struct pawl_flags *flags) {
    bool given = pawl__flag_given(flags, "filter-status");
    for (int i = 0; i < FILTER_TEXTS; i++) given |= pawl__flag_given(flags, filter_texts[i].flag);
    for (int i = 0; i < FILTER_TIMES; i++) given |= pawl__flag_given(flags, filter_times[i].flag);
    return given;
}

// --- what is asked for --------------------------------------------------------------------------

// Of patterns only what stands in front of the first wildcard can be asked for.
#define FILTER_WILD "*?[\\"

static bool filter_is_wild(const char *pattern) {
    return pattern && strpbrk(pattern, FILTER_WILD);
}

static bool filter_matches(const char *pattern, const char *text) {
    return !pattern || strcmp(pattern, text) == 0 || fnmatch(pattern, text, 0) == 0;
}

static bool filter_wants(const struct pawl_workflow_filter *filter, const struct pawl_info *info) {
    return filter_matches(filter->name, info->name) && filter_matches(filter->id, info->id);
}

// Appends |key|:"|text|", a term or its end.
static void filter_put(struct pawl_buf *out, const char *key, struct pawl_str text) {
    pawl__buf_format(out, "%s:\"", key);
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') pawl__buf_append(out, "\\", 1);
        pawl__buf_append(out, &text.data[i], 1);
    }
    pawl__buf_append_str(out, PAWL_STR("\" "));
}

static void filter_put_tag(struct pawl_buf *out, const char *tag) {
    struct pawl_str value = pawl__str(tag), key = pawl__str_cut(&value, '=');
    pawl__buf_format(out, "tag.%.*s", PAWL_FMT(key));
    filter_put(out, "", value);
}

static void filter_put_time(struct pawl_buf *out, const char *key, int64_t at) {
    char text[PAWL_TIME_TEXT];
    if (!at) return;
    pawl__time_format(at, text);
    pawl__buf_format(out, "%s%s ", key, text);
}

static void filter_put_statuses(struct pawl_buf *out, unsigned statuses) {
    const char *before = "status:";
    for (int status = PAWL_RUNNING; status <= PAWL_STALLED; status++) {
        if (!(statuses >> status & 1)) continue;
        pawl__buf_format(out, "%s%s", before, pawl_status_text((enum pawl_status)status));
        before = ",";
    }
    if (statuses) pawl__buf_append(out, " ", 1);
}

// The filter as pawl_list has it: all that |filter| wants, and no more if neither the name nor the
// id is a pattern. To be freed; NULL: memory is out.
static char *filter_text(const struct pawl_workflow_filter *filter) {
    const struct {
        const char *key, *text;
    } texts[] = {
        {"name", filter_is_wild(filter->name) ? NULL : filter->name},
        {"parent", filter->parent},
        {"says", filter->custom_status},
        {"failure", filter->failure},
        {"wait", filter->wait},
    };
    struct pawl_buf out = {0};
    filter_put_statuses(&out, filter->statuses);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text) filter_put(&out, texts[i].key, pawl__str(texts[i].text));
    if (filter->id) {
        struct pawl_str prefix = {filter->id, strcspn(filter->id, FILTER_WILD)};
        filter_put(&out, "id", prefix);
    }
    if (filter->tag) filter_put_tag(&out, filter->tag);
    filter_put_time(&out, "age<", filter->after);
    filter_put_time(&out, "age>", filter->before);
    filter_put_time(&out, "ended<", filter->ended_after);
    filter_put_time(&out, "ended>", filter->ended_before);
    char *text = out.failed ? NULL : pawl__str_dup(pawl__buf_str(&out));
    pawl__buf_finish(&out);
    if (!text) pawl__sdk_fail_nomem();
    return text;
}

enum pawl_err pawl__workflow_lacks(struct pawl *pawl, const char *id, const char *name,
                                   bool *lacks) {
    struct pawl_buf wait = {0}, text = {0};
    struct pawl_page *page = NULL;
    *lacks = false;
    pawl__buf_format(&wait, "worker:%s", name);
    filter_put(&text, "id", pawl__str(id));
    filter_put(&text, "wait", pawl__buf_str(&wait));
    pawl__buf_append(&text, "", 1);
    const struct pawl_list_options options = {.filter = (const char *)text.data};
    enum pawl_err err = wait.failed || text.failed ? pawl__sdk_fail_nomem() : PAWL_OK;
    while (!err && !*lacks && !(err = pawl_list(pawl, &options, &page)) && page)
        for (size_t i = 0; i < page->count; i++) *lacks |= strcmp(page->items[i].id, id) == 0;
    pawl_page_free(page);
    pawl__buf_finish(&wait);
    pawl__buf_finish(&text);
    return err;
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

enum pawl_err pawl__workflow_each(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                  size_t limit, pawl_workflow_each_fn fn, void *arg) {
    struct pawl_list_options options = {.newest_first = limit};
    struct pawl_page *page = NULL;
    size_t looked = 0, given = 0;
    int64_t told = pawl__clock_steady();
    char *text = filter_text(filter);
    options.filter = text;
    enum pawl_err err = text ? PAWL_OK : PAWL_E_NOMEM;
    while (!err && !(err = pawl_list(pawl, &options, &page)) && page) {
        uint64_t seen = pawl__page_looked(page);
        if (seen > page->count) filter_tell(looked += seen - page->count, &told);
        for (size_t i = 0; !err && i < page->count && (!limit || given < limit); i++) {
            filter_tell(++looked, &told);
            if (!filter_wants(filter, &page->items[i])) continue;
            given++;
            err = fn(arg, &page->items[i]);
        }
        if (limit && given == limit) break;
    }
    pawl__workflow_each_hush();
    pawl_page_free(page);
    free(text);
    return err;
}

static void filter_tell_count(void *arg, uint64_t found, uint64_t looked) {
    int64_t now = pawl__clock_steady(), *told = arg;
    if (!isatty(STDERR_FILENO) || now - *told < PAWL_SECOND / 2) return;
    *told = now;
    fprintf(stderr, "\r%llu of %llu instances fit so far", (unsigned long long)found,
            (unsigned long long)looked);
}

struct filter_tally {
    pawl_workflow_tally_fn fn;
    void *arg;
};

static enum pawl_err filter_tally_one(void *arg, const struct pawl_info *info) {
    const struct filter_tally *tally = arg;
    const struct pawl_count one = {info->name, info->status, 1};
    return tally->fn(tally->arg, &one);
}

enum pawl_err pawl__workflow_tally(struct pawl *pawl, const struct pawl_workflow_filter *filter,
                                   pawl_workflow_tally_fn fn, void *arg) {
    struct pawl_count *counts = NULL;
    size_t len = 0;
    if (filter->id || filter_is_wild(filter->name)) {
        struct filter_tally tally = {fn, arg};
        return pawl__workflow_each(pawl, filter, 0, filter_tally_one, &tally);
    }
    char *text = filter_text(filter);
    int64_t told = pawl__clock_steady();
    enum pawl_err err =
        text ? pawl__count(pawl, text, filter_tell_count, &told, &counts, &len) : PAWL_E_NOMEM;
    pawl__workflow_each_hush();
    for (size_t i = 0; !err && i < len; i++) err = fn(arg, &counts[i]);
    free(counts);
    free(text);
    return err;
}
