#include "sdk/error.h"
#include "sdk/execution.h"

// Compensation: what has been done is undone in reverse order.

struct saga_step {
    struct saga_step *before;
    const char *activity;
    struct pawl_text input;
    struct pawl_call_options options;
};

struct pawl_saga {
    struct pawl_workflow *wf;
    struct saga_step *last;
};

struct pawl_saga *pawl_saga(struct pawl_workflow *wf) {
    struct pawl_saga *saga = pawl_alloc(wf, sizeof *saga);
    if (saga) saga->wf = wf;
    return saga;
}

static enum pawl_err saga_copy(struct pawl_workflow *wf, const char *text, size_t len,
                               const char **out) {
    *out = NULL;
    if (!text) return PAWL_OK;
    char *copy = pawl_alloc(wf, len + 1);
    if (!copy) return PAWL_E_NOMEM;
    *out = memcpy(copy, text, len);
    return PAWL_OK;
}

enum pawl_err pawl_saga_add(struct pawl_saga *saga, const char *activity, struct pawl_text input,
                            const struct pawl_call_options *options) {
    if (!saga) return pawl__sdk_fail_nomem();
    PAWL_TRY(pawl__sdk_check_name(activity, "activity's name"));
    PAWL_TRY(pawl__sdk_check_payload(input, "input", activity));
    struct pawl_workflow *wf = saga->wf;
    struct saga_step *step = pawl_alloc(wf, sizeof *step);
    if (!step) return PAWL_E_NOMEM;
    *step = (struct saga_step){.before = saga->last, .input.len = input.len};
    PAWL_TRY(saga_copy(wf, activity, strlen(activity), &step->activity));
    PAWL_TRY(saga_copy(wf, input.data, input.len, &step->input.data));
    if (options) {
        step->options.pass = options->pass;
        PAWL_TRY(saga_copy(wf, options->app_id, options->app_id ? strlen(options->app_id) : 0,
                           &step->options.app_id));
        if (options->retry) {
            struct pawl_retry *retry = pawl_alloc(wf, sizeof *retry);
            if (!retry) return PAWL_E_NOMEM;
            *retry = *options->retry;
            step->options.retry = retry;
        }
    }
    saga->last = step;
    return PAWL_OK;
}

enum pawl_err pawl_saga_compensate(struct pawl_saga *saga) {
    if (!saga) return pawl__sdk_fail_nomem();
    enum pawl_err first = PAWL_OK;
    while (saga->last) {
        struct saga_step *step = saga->last;
        saga->last = step->before;
        enum pawl_err err = pawl_call(saga->wf, step->activity, step->input, &step->options, NULL);
        if (!first) first = err;
    }
    return first;
}
