#include "bench/bench.h"

#include <stdlib.h>

// The input of a workflow is what its steps are given, too.

enum {
    FAN_MAX = 100
};

static enum pawl_err workload_echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err workload_leaf(struct pawl_workflow *wf) {
    return pawl_return(wf, pawl_input(wf));
}

static enum pawl_err workload_sequence(struct pawl_workflow *wf, int steps) {
    for (int i = 0; i < steps; i++)
        PAWL_TRY(pawl_call(wf, "pawl.bench.echo", pawl_input(wf), NULL, NULL));
    return PAWL_OK;
}

static enum pawl_err workload_seq5(struct pawl_workflow *wf) {
    return workload_sequence(wf, 5);
}

static enum pawl_err workload_seq15(struct pawl_workflow *wf) {
    return workload_sequence(wf, 15);
}

static enum pawl_err workload_fan(struct pawl_workflow *wf, int width) {
    struct pawl_task *tasks[FAN_MAX];
    for (int i = 0; i < width; i++)
        tasks[i] = pawl_call_activity(wf, "pawl.bench.echo", pawl_input(wf), NULL);
    return pawl_await_all(tasks, (size_t)width);
}

static enum pawl_err workload_par5(struct pawl_workflow *wf) {
    return workload_fan(wf, 5);
}

static enum pawl_err workload_par100(struct pawl_workflow *wf) {
    return workload_fan(wf, 100);
}

static enum pawl_err workload_events(struct pawl_workflow *wf) {
    for (int i = 0; i < 5; i++) PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER)));
    return PAWL_OK;
}

static enum pawl_err workload_timers(struct pawl_workflow *wf) {
    for (int i = 0; i < 5; i++) PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return PAWL_OK;
}

static enum pawl_err workload_children(struct pawl_workflow *wf) {
    for (int i = 0; i < 5; i++)
        PAWL_TRY(pawl_await(pawl_call_child(wf, "pawl.bench.leaf", pawl_input(wf), NULL)));
    return PAWL_OK;
}

static enum pawl_err workload_sleep(struct pawl_workflow *wf) {
    return pawl_sleep(wf, 365 * PAWL_DAY);
}

const struct pawl_workload pawl__workloads[] = {
    {"seq5", "5 activities, one after the other", 5, .function = workload_seq5},
    {"seq15", "15 activities, one after the other", 15, .function = workload_seq15},
    {"par5", "5 activities at once", 5, .function = workload_par5},
    {"par100", "100 activities at once", 100, .function = workload_par100},
    {"events", "5 events that are waited for", 5, .events = 5, .function = workload_events},
    {"timers", "5 timers of a millisecond", 5, .function = workload_timers},
    {"children", "5 child workflows, one after the other", 5, .function = workload_children},
    {"start", "nothing: the workflow starts and ends", 1, .function = workload_leaf},
    {"sleep", "a year's sleep: the workflow starts, and is left", 1, .is_left = true,
     .function = workload_sleep},
    {"bounds", "no workflow: synced writes of the payload's size, and empty calls", 1},
    {NULL},
};

enum pawl_err pawl__workloads_add(struct pawl *pawl, bool quick) {
    for (const struct pawl_workload *at = pawl__workloads; at->name; at++)
        if (at->function) PAWL_TRY(pawl_add_workflow(pawl, at->name, at->function, NULL));
    PAWL_TRY(pawl_add_workflow(pawl, "pawl.bench.leaf", workload_leaf, NULL));
    return (quick ? pawl_add_quick_activity : pawl_add_activity)(pawl, "pawl.bench.echo",
                                                                 workload_echo, NULL);
}
