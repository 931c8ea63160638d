#include "config/concurrency.h"

#include <string.h>

static const char *const concurrency_keys[] = {"name", "maxConcurrent", NULL};

static enum pawl_err concurrency_take_number(const struct pawl_yaml *workflow, const char *key,
                                             int *out, struct pawl_error *error) {
    enum pawl_err err = pawl__yaml_int(workflow, key, out, error);
    if (err || *out >= 0) return err;
    return pawl__yaml_fail(pawl__yaml_get(workflow, key), error, key,
                           "a whole number above 0, or 0 for no limit");
}

// Adds |row|, an entry of the list |key|.
static enum pawl_err concurrency_add(const struct pawl_config_context *context, const char *key,
                                     const struct pawl_yaml *row,
                                     struct pawl_concurrency_limit **first,
                                     struct pawl_error *error) {
    enum pawl_err err = pawl__resource_check(context, row, key, concurrency_keys, error);
    if (err) return err;
    const struct pawl_yaml *most = pawl__yaml_get(row, "maxConcurrent");
    const char *name = pawl__yaml_text(row, "name");
    if (!name || !*name)
        return pawl__yaml_fail(row, error, "name", "given: that of a workflow or activity");
    if (!most && pawl__yaml_get(row, "dispatchMode")) return PAWL_OK; // it is no limit
    int number = 0;
    err = pawl__yaml_int(row, "maxConcurrent", &number, error);
    if (err) return err;
    if (number < 1)
        return pawl__yaml_fail(most ? most : row, error, "maxConcurrent", "a whole number above 0");
    struct pawl_concurrency_limit **end = first;
    for (; *end; end = &(*end)->next)
        if (strcmp((*end)->name, name) == 0)
            return pawl__fail(error, PAWL_E_INVALID, "%s:%d: %s has \"%s\" twice", row->file,
                              row->line, key, name);
    *end = pawl__arena_zalloc(context->arena, sizeof **end);
    if (!*end) return pawl__fail_plain(error, PAWL_E_NOMEM);
    (*end)->name = name;
    (*end)->most = number;
    return PAWL_OK;
}

static enum pawl_err concurrency_take_list(const struct pawl_config_context *context,
                                           const struct pawl_yaml *workflow, bool turn,
                                           struct pawl_concurrency *out, struct pawl_error *error) {
    const char *key = turn ? "workflowConcurrencyLimits" : "activityConcurrencyLimits";
    const struct pawl_yaml *list = pawl__yaml_get(workflow, key);
    if (!list) return PAWL_OK;
    if (list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, error, key, "a list of entries with name and maxConcurrent");
    struct pawl_concurrency_limit *first = NULL;
    enum pawl_err err = PAWL_OK;
    for (const struct pawl_yaml *row = list->children; !err && row; row = row->next)
        err = concurrency_add(context, key, row, &first, error);
    for (struct pawl_concurrency_limit *one = first; one; one = one->next) one->turn = turn;
    if (!err) out->named[turn] = first;
    return err;
}

enum pawl_err pawl__concurrency_take(const struct pawl_config_context *context,
                                     const struct pawl_yaml *workflow, struct pawl_concurrency *out,
                                     struct pawl_error *error) {
    const struct {
        const char *key;
        int *number;
    } numbers[] = {
        {"maxConcurrentWorkflowInvocations", &out->max_turns},
        {"maxConcurrentActivityInvocations", &out->max_activities},
        {"globalMaxConcurrentWorkflowInvocations", &out->global_turns},
        {"globalMaxConcurrentActivityInvocations", &out->global_activities},
    };
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < sizeof numbers / sizeof *numbers; i++)
        err = concurrency_take_number(workflow, numbers[i].key, numbers[i].number, error);
    for (int turn = 0; !err && turn < 2; turn++)
        err = concurrency_take_list(context, workflow, turn, out, error);
    return err;
}

enum pawl_err pawl__concurrency_limits(struct pawl_arena *arena,
                                       const struct pawl_concurrency *concurrency,
                                       struct pawl_concurrency_limit **out, size_t *count) {
    const int all[2] = {concurrency->global_activities, concurrency->global_turns};
    size_t most = 2;
    for (int turn = 0; turn < 2; turn++)
        for (const struct pawl_concurrency_limit *one = concurrency->named[turn]; one;
             one = one->next)
            most++;
    *count = 0;
    *out = pawl__arena_alloc(arena, most * sizeof **out);
    if (!*out) return PAWL_E_NOMEM;
    for (int turn = 0; turn < 2; turn++) {
        if (all[turn])
            (*out)[(*count)++] =
                (struct pawl_concurrency_limit){.name = "", .turn = turn, .most = all[turn]};
        for (const struct pawl_concurrency_limit *one = concurrency->named[turn]; one;
             one = one->next)
            (*out)[(*count)++] = *one;
    }
    return PAWL_OK;
}
