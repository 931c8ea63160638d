// A history for pawl_replay: a byte for the workflow function, and the JSON.

#include "fuzz.h"
#include "pawl.h"

static enum pawl_err history_chain(struct pawl_workflow *wf) {
    struct pawl_text text = pawl_input(wf);
    for (int i = 0; i < 3; i++) PAWL_TRY(pawl_call(wf, "echo", text, NULL, &text));
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"done\"")));
    return pawl_return(wf, text);
}

static enum pawl_err history_retry(struct pawl_workflow *wf) {
    struct pawl_retry policy = {
        .max_attempts = 3, .first_interval = PAWL_MILLISECOND, .backoff = 2, .timeout = PAWL_HOUR};
    struct pawl_call_options options = {.retry = &policy};
    return pawl_call(wf, "second_time", pawl_text("1"), &options, NULL);
}

static enum pawl_err history_event(struct pawl_workflow *wf) {
    struct pawl_task *tasks[] = {pawl_wait_for_event(wf, "go", PAWL_HOUR),
                                 pawl_create_timer(wf, PAWL_MINUTE)};
    size_t index = 0;
    PAWL_TRY(pawl_await_any(tasks, 2, &index));
    pawl_cancel(tasks[!index]);
    return index == 0 ? pawl_return(wf, pawl_result(tasks[0])) : pawl_fail(wf, "Late", "too late");
}

static enum pawl_err history_children(struct pawl_workflow *wf) {
    struct pawl_task *tasks[3];
    char id[37];
    for (int i = 0; i < 3; i++) tasks[i] = pawl_call_child(wf, "chain", pawl_text("7"), NULL);
    PAWL_TRY(pawl_start_detached(wf, "chain", pawl_text("1"), NULL, id));
    enum pawl_err err = pawl_await_all(tasks, 3);
    if (err == PAWL_E_FAILED)
        return pawl_fail(wf, "Child", "%s", pawl_failure(tasks[0]) ? "1" : "");
    return err;
}

static enum pawl_err history_again(struct pawl_workflow *wf) {
    if (pawl_is_patched(wf, "first")) PAWL_TRY(pawl_sleep(wf, PAWL_SECOND));
    pawl_random(wf);
    if (pawl_now(wf) % 2) PAWL_TRY(pawl_call(wf, "odd", pawl_input(wf), NULL, NULL));
    return pawl_continue_as_new(wf, pawl_text("0"), true);
}

static enum pawl_err history_saga(struct pawl_workflow *wf) {
    struct pawl_saga *saga = pawl_saga(wf);
    PAWL_TRY(pawl_saga_add(saga, "undo", pawl_text("1"), NULL));
    if (pawl_call(wf, "do", pawl_quote(wf, pawl_id(wf)), NULL, NULL))
        return pawl_saga_compensate(saga);
    return PAWL_OK;
}

static const pawl_workflow_fn history_functions[] = {
    history_chain, history_retry, history_event, history_children, history_again, history_saga,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    size_t count = sizeof history_functions / sizeof *history_functions;
    pawl_workflow_fn function = history_functions[fuzz_byte(&input) % count];
    struct pawl_str json = fuzz_copy(fuzz_take(&input, SIZE_MAX));
    enum pawl_err err = pawl_replay((struct pawl_text){json.data, json.len}, function, NULL);
    FUZZ_CHECK(err != PAWL_E_NOMEM && err != PAWL_E_INTERNAL);
    FUZZ_CHECK(!err || *pawl_last_error()->text);
    free((char *)json.data);
    return 0;
}
