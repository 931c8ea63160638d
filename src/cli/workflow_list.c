#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "cli/workflow_watch.h"
#include "sdk/error.h"

static const struct pawl_flag list_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    PAWL_WORKFLOW_FILTER_FLAGS,
    {"limit", 'l', PAWL_FLAG_INT, NULL, "only so many: those created last"},
    {"sort", 0, PAWL_FLAG_TEXT, "created",
     "by created, updated, name, id or status; '-created': the other way round"},
    {"output", 'o', PAWL_FLAG_TEXT, "short",
     "form of the output: short (or table), wide, ids, json, ndjson or yaml"},
    PAWL_WORKFLOW_STORE_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static const struct pawl_column list_short[] = {
    {"NAME", "name", 0},
    {"ID", "instanceID", 0},
    {"STATUS", "runtimeStatus", 0},
    {"CUSTOM STATUS", "customStatus", 40},
    {"AGE", "age", 0},
    {NULL, NULL, 0},
};

static const struct pawl_column list_wide[] = {
    {"NAMESPACE", "namespace", 0},
    {"APP ID", "appID", 0},
    {"NAME", "name", 0},
    {"INSTANCE ID", "instanceID", 0},
    {"CREATED", "created", 0},
    {"LAST UPDATE", "lastUpdate", 0},
    {"STATUS", "runtimeStatus", 0},
    {"CUSTOM STATUS", "customStatus", 80},
    {"FAILURE MESSAGE", "failureMessage", 200},
    {NULL, NULL, 0},
};

static const struct pawl_form list_forms[] = {
    {"short", list_short}, {"table", list_short}, {"wide", list_wide}, {"ids", NULL},
    {"json", NULL},        {"ndjson", NULL},      {"yaml", NULL},      {NULL, NULL},
};

struct list {
    const struct pawl_workflow_app *app;
    struct list_row {
        int64_t created_at, updated_at;
        json_t *row;
    } * rows;
    size_t count, cap;
    size_t limit;                 // 0: none
    const char *none;             // what a person is told when there are none; NULL: nothing
    bool whole;                   // rows have what pawl_get alone tells, too
    const struct list_sort *sort; // NULL: by creation
    bool is_reversed;
};

// What rows are sorted by: a text in them, or, without one, the time of the last change.
static const struct list_sort {
    const char *name, *key;
} list_sorts[] = {
    {"updated", NULL},
    {"name", "name"},
    {"id", "instanceID"},
    {"status", "runtimeStatus"},
};

static int list_older(const void *a, const void *b) {
    int64_t left = ((const struct list_row *)a)->created_at;
    int64_t right = ((const struct list_row *)b)->created_at;
    return (left > right) - (left < right);
}

static int list_compare(const void *a, const void *b, void *arg) {
    const struct list *list = arg;
    const struct list_row *left = a, *right = b;
    const char *key = list->sort ? list->sort->key : NULL;
    int order = 0;
    if (key)
        order = strcmp(json_string_value(json_object_get(left->row, key)),
                       json_string_value(json_object_get(right->row, key)));
    else if (list->sort)
        order = (left->updated_at > right->updated_at) - (left->updated_at < right->updated_at);
    if (!order) order = list_older(a, b);
    return list->is_reversed ? -order : order;
}

// False: told on stderr.
static bool list_read_sort(struct list *list, const struct pawl_flags *flags) {
    const char *text = pawl__flag_text(flags, "sort");
    list->is_reversed = *text == '-';
    const char *name = text + list->is_reversed;
    for (size_t i = 0; i < sizeof list_sorts / sizeof *list_sorts; i++)
        if (strcmp(list_sorts[i].name, name) == 0) list->sort = &list_sorts[i];
    if (list->sort || strcmp(name, "created") == 0) return true;
    pawl__misused(flags,
                  "--sort is '%s', but may be created, updated, name, id or status, "
                  "also with a '-' in front",
                  text);
    return false;
}

static json_t *list_tags(const struct pawl_info *info) {
    json_t *tags = json_object();
    for (size_t i = 0; i < info->tag_count; i++)
        json_object_set_new(tags, info->tags[i].name, json_string(info->tags[i].value));
    return tags;
}

// Keys and their order are Dapr's, with what else is known behind them: always all of them.
json_t *pawl__workflow_row(const struct pawl_workflow_app *app, const struct pawl_info *info) {
    char age[32], created[PAWL_TIME_TEXT], updated[PAWL_TIME_TEXT];
    int64_t since = pawl__clock_wall() - info->created_at;
    pawl__workflow_duration(since > 0 ? since : 0, age);
    pawl__workflow_moment(info->created_at, created);
    pawl__workflow_moment(info->updated_at, updated);
    return json_pack(
        "{s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}",
        "namespace", app->name_space, "appID", *app->id ? app->id : NULL, "name", info->name,
        "instanceID", info->id, "created", created, "lastUpdate", updated, "runtimeStatus",
        pawl_status_text(info->status), "customStatus", info->custom_status.data, "failureMessage",
        info->failure ? info->failure->message : NULL, "age", age, "failureType",
        info->failure ? info->failure->type : NULL, "input", info->input.data, "output",
        info->output.data, "version", info->version, "parentInstanceID", info->parent_id, "tags",
        list_tags(info));
}

static enum pawl_err list_add_row(struct list *list, const struct pawl_info *info) {
    if (!pawl__array_room((void **)&list->rows, list->count, &list->cap, sizeof *list->rows))
        return pawl__sdk_fail_nomem();
    json_t *row = pawl__workflow_row(list->app, info);
    if (!row) return pawl__sdk_fail(PAWL_E_INTERNAL, "'%s' cannot be written as JSON", info->id);
    list->rows[list->count++] = (struct list_row){info->created_at, info->updated_at, row};
    return PAWL_OK;
}

static enum pawl_err list_add(void *arg, const struct pawl_info *info) {
    struct list *list = arg;
    struct pawl_info *whole;
    if (!list->whole) return list_add_row(list, info);
    enum pawl_err err = pawl_get(list->app->pawl, info->id, &whole);
    if (err) return err == PAWL_E_NOT_FOUND ? PAWL_OK : err; // it is gone meanwhile
    err = list_add_row(list, whole);
    pawl_info_free(whole);
    return err;
}

static void list_write(struct list *list, const struct pawl_form *form) {
    json_t *rows = json_array(), *row;
    size_t i;
    if (list->count) qsort_r(list->rows, list->count, sizeof *list->rows, list_compare, list);
    for (i = 0; i < list->count; i++) json_array_append(rows, list->rows[i].row);
    if (strcmp(form->name, "ids") != 0)
        pawl__output_write(form, rows);
    else
        json_array_foreach(rows, i, row)
            puts(json_string_value(json_object_get(row, "instanceID")));
    json_decref(rows);
}

// Lists those of |list.app| that |filter| wants; the exit code.
static int list_show(struct list list, const struct pawl_workflow_filter *filter,
                     const struct pawl_form *form) {
    int code = 0;
    list.whole = form->columns != list_short && strcmp(form->name, "ids") != 0;
    if (pawl__workflow_each(list.app->pawl, filter, list.limit, list_add, &list))
        code = pawl__workflow_fail("cannot list the workflows");
    else
        list_write(&list, form);
    if (!code && !list.count && list.none && form->columns && isatty(STDERR_FILENO))
        fprintf(stderr, "\u2139\ufe0f  %s\n", list.none);
    for (size_t i = 0; i < list.count; i++) json_decref(list.rows[i].row);
    free(list.rows);
    return code;
}

int pawl__workflow_show_list(const struct pawl_workflow_app *app,
                             const struct pawl_workflow_filter *filter, size_t limit) {
    return list_show((struct list){.app = app, .limit = limit}, filter, &list_forms[0]);
}

static int list_run(const struct pawl_flags *flags) {
    const struct pawl_form *form = pawl__output_form(flags, list_forms, "pawl workflow list");
    struct pawl_workflow_filter filter;
    struct pawl_workflow_app app;
    struct list list = {.app = &app};
    if (!form) return PAWL_EXIT_USAGE;
    if (flags->argc)
        return pawl__misused(flags,
                             "takes flags only; '%s' may be a name, "
                             "--filter-name, or an id, --filter-id",
                             flags->argv[0]);
    if (!pawl__workflow_filter(flags, &filter) || !pawl__workflow_limit(flags, &list.limit) ||
        !list_read_sort(&list, flags))
        return PAWL_EXIT_USAGE;
    list.none = pawl__workflow_filter_given(flags)
                    ? "No workflow is as the filters say"
                    : "There is no workflow yet; 'pawl workflow run NAME' starts one";
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    code = list_show(list, &filter, form);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_list = {
    .name = "workflow list",
    .alias = "ls",
    .summary = "List workflows",
    .usage = "[FILTERS] [-l N] [--sort BY] [-o FORM]",
    .text =
        "Lists the instances that an app has, those that have ended as well, the oldest first.\n"
        "A status is one of " PAWL_WORKFLOW_STATUSES ".\n\n"
        "Examples:\n"
        "  pawl workflow list -s RUNNING -m 24h\n"
        "  pawl workflow list -w order -o ids\n"
        "  pawl workflow list --sort -updated -o wide\n",
    .flags = list_flags,
    .run = list_run,
};
