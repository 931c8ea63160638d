#include <string.h>

#include "cli/workflow_filter.h"

static const struct pawl_flag count_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    PAWL_WORKFLOW_FILTER_FLAGS,
    {"by", 'b', PAWL_FLAG_TEXT, "status", "what to count by, with commas: status, name"},
    {"output", 'o', PAWL_FLAG_TEXT, "table", "form of the output: table, json, ndjson or yaml"},
    PAWL_WORKFLOW_STORE_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// Rows have all keys; what is not counted by is null, and not in the table.
static const struct pawl_column count_both[] = {
    {"STATUS", "status", 0}, {"NAME", "name", 0}, {"COUNT", "count", 0}, {NULL, NULL, 0}};
static const struct pawl_column count_status[] = {
    {"STATUS", "status", 0}, {"COUNT", "count", 0}, {NULL, NULL, 0}};
static const struct pawl_column count_name[] = {
    {"NAME", "name", 0}, {"COUNT", "count", 0}, {NULL, NULL, 0}};

static const struct pawl_form count_forms[] = {
    {"table", count_both}, {"json", NULL}, {"ndjson", NULL}, {"yaml", NULL}, {NULL, NULL}};

struct count {
    bool by_status, by_name;
    json_t *groups; // rows, by status and name
};

static enum pawl_err count_add(void *arg, const struct pawl_count *more) {
    struct count *count = arg;
    const char *status = count->by_status ? pawl_status_text(more->status) : NULL;
    const char *name = count->by_name ? more->name : NULL;
    char key[2048];
    snprintf(key, sizeof key, "%s %s", status ? status : "", name ? name : "");
    json_t *row = json_object_get(count->groups, key);
    if (!row) {
        row = json_pack("{s:s?, s:s?, s:i}", "status", status, "name", name, "count", 0);
        json_object_set_new(count->groups, key, row);
    }
    json_int_t so_far = json_integer_value(json_object_get(row, "count"));
    json_object_set_new(row, "count", json_integer(so_far + (json_int_t)more->count));
    return PAWL_OK;
}

static void count_write(const struct count *count, const struct pawl_form *form) {
    struct pawl_form shown = *form;
    json_t *rows = json_array(), *row;
    const char *key;
    if (shown.columns && !count->by_name) shown.columns = count_status;
    if (shown.columns && !count->by_status) shown.columns = count_name;
    json_object_foreach(count->groups, key, row) json_array_append(rows, row);
    pawl__output_write(&shown, rows);
    json_decref(rows);
}

// Reads --by. False: it is wrong, which is told.
static bool count_by(const struct pawl_flags *flags, struct count *count) {
    struct pawl_str rest = pawl__str(pawl__flag_text(flags, "by"));
    while (rest.data) {
        struct pawl_str one = pawl__str_cut(&rest, ',');
        bool status = pawl__str_equal(one, PAWL_STR("status"));
        bool name = pawl__str_equal(one, PAWL_STR("name"));
        count->by_status |= status;
        count->by_name |= name;
        if (status || name) continue;
        pawl__misused(flags, "--by has '%.*s', but it may have status and name", PAWL_FMT(one));
        return false;
    }
    return true;
}

static int count_run(const struct pawl_flags *flags) {
    const struct pawl_form *form = pawl__output_form(flags, count_forms, "pawl workflow count");
    struct count count = {0};
    struct pawl_workflow_filter filter;
    struct pawl_workflow_app app;
    if (!form) return PAWL_EXIT_USAGE;
    if (flags->argc)
        return pawl__misused(
            flags, "takes flags only; '%s' may be a name, --filter-name, or an id, --filter-id",
            flags->argv[0]);
    if (!pawl__workflow_filter(flags, &filter) || !count_by(flags, &count)) return PAWL_EXIT_USAGE;
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    count.groups = json_object();
    if (pawl__workflow_tally(app.pawl, &filter, count_add, &count))
        code = pawl__workflow_fail("cannot count the workflows");
    else
        count_write(&count, form);
    json_decref(count.groups);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_count = {
    .name = "workflow count",
    .summary = "Count workflows by status and name",
    .usage = "[FILTERS] [--by status,name] [-o FORM]",
    .text = "Counts the instances that the filters of 'pawl workflow list' choose.\n\n"
            "Examples:\n"
            "  pawl workflow count\n"
            "  pawl workflow count --by name --filter-status FAILED -m 24h\n",
    .flags = count_flags,
    .run = count_run,
};
