#include "observe/workflow_meter.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engine/shard.h"

const char *const pawl__meter_statuses[] = {"success", "failed", "terminated"};

// --- notes ---------------------------------------------------------------------------------------

enum meter_kind {
    METER_VALUE,    // |value| falls into |histogram|
    METER_SINCE,    // what has passed since |value|, a moment of the steady clock
    METER_CONTINUED // a count
};

struct meter_note {
    struct pawl_note note;
    struct pawl_workflow_meter *meter;
    enum meter_kind kind;
    union {
        struct pawl_histogram *histogram;
        uint64_t *count;
    };
    int64_t value;
};

static void meter_settle(struct pawl_note *self, bool durable) {
    struct meter_note *note = (struct meter_note *)self;
    if (durable) {
        switch (note->kind) {
        case METER_VALUE: pawl__histogram_add(note->histogram, note->value); break;
        case METER_SINCE:
            pawl__histogram_add(note->histogram, pawl__clock_steady() - note->value);
            break;
        case METER_CONTINUED: ++*note->count; break;
        }
    }
    self->next = note->meter->free;
    note->meter->free = self;
}

// A note that is in no list yet; NULL: memory is out, and what it would tell is not counted.
static struct meter_note *meter_note(struct pawl_workflow_meter *meter, enum meter_kind kind,
                                     struct pawl_notes *notes) {
    struct meter_note *note = (struct meter_note *)meter->free;
    if (note)
        meter->free = note->note.next;
    else
        note = malloc(sizeof *note);
    if (!note) return NULL;
    *note = (struct meter_note){.note = {.settle = meter_settle}, .meter = meter, .kind = kind};
    pawl__notes_add(notes, &note->note);
    return note;
}

static void meter_add(struct pawl_workflow_meter *meter, struct pawl_histogram *histogram,
                      enum meter_kind kind, int64_t value, struct pawl_notes *notes) {
    struct meter_note *note = meter_note(meter, kind, notes);
    if (!note) return;
    note->histogram = histogram;
    note->value = value;
}

// --- the observer --------------------------------------------------------------------------------

static struct pawl_workflow_meter *meter_of(struct pawl_observer *observer) {
    return (struct pawl_workflow_meter *)observer;
}

static struct pawl_workflow_series *meter_workflow(struct pawl_workflow_meter *meter,
                                                   const struct pawl_instance *instance) {
    return pawl__named_get(&meter->workflows, pawl__str(instance->name));
}

static void meter_turn_begins(struct pawl_observer *observer, const struct pawl_instance *instance,
                              const Pb__WorkflowResponse *response, struct pawl_turn_mark *mark) {
    struct pawl_workflow_meter *meter = meter_of(observer);
    if (meter->next) meter->next->turn_begins(meter->next, instance, response, mark);
    mark->generation = instance->generation;
    mark->history = instance->history.bytes.len;
    mark->response = response;
    mark->scheduling = -1;
    int64_t since = instance->start_at ? instance->start_at : instance->created_at;
    if (!instance->started_at && !instance->continued && instance->turn_started_at)
        mark->scheduling =
            instance->turn_started_at > since ? instance->turn_started_at - since : 0;
}

// Of the activities that |response| asks for, those that are scheduled now.
static void meter_scheduled(struct pawl_workflow_meter *meter, const struct pawl_instance *instance,
                            const Pb__WorkflowResponse *response, struct pawl_notes *notes) {
    int64_t now = 0;
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        if (action->workflow_action_type_case !=
            PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK)
            continue;
        const struct pawl_pending *item = pawl__pending_find(&instance->pending, action->id);
        if (!item || item->kind != PAWL_PENDING_TASK) continue;
        if (!now) now = pawl__clock_steady();
        struct pawl_activity_series *series =
            pawl__named_get(&meter->activities, pawl__str(action->scheduletask->name));
        meter_add(meter, &series->operation, METER_SINCE, now, notes);
    }
}

static enum pawl_meter_status meter_status(int32_t status) {
    switch (status) {
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED: return PAWL_METER_SUCCESS;
    case PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_FAILED: return PAWL_METER_FAILED;
    default: return PAWL_METER_TERMINATED;
    }
}

static void meter_turn_ends(struct pawl_observer *observer, const struct pawl_instance *instance,
                            struct pawl_turn_mark *mark, struct pawl_notes *notes) {
    struct pawl_workflow_meter *meter = meter_of(observer);
    bool continues = instance->generation != mark->generation;
    bool changed = continues || instance->history.bytes.len != mark->history;
    if (changed) {
        struct pawl_workflow_series *series = meter_workflow(meter, instance);
        if (mark->scheduling >= 0)
            meter_add(meter, &series->scheduling, METER_VALUE, mark->scheduling, notes);
        if (continues) {
            struct meter_note *note = meter_note(meter, METER_CONTINUED, notes);
            if (note) note->count = &series->continued;
        } else if (pawl__instance_completed(instance)) {
            // One that was ended before it began took no time.
            int64_t began = instance->started_at ? instance->started_at : instance->completed_at;
            meter_add(meter, &series->execution[meter_status(instance->final_status)], METER_VALUE,
                      instance->completed_at - began, notes);
        } else if (mark->response->n_actions) {
            meter_scheduled(meter, instance, mark->response, notes);
        }
    }
    if (meter->next) meter->next->turn_ends(meter->next, instance, mark, notes);
}

static void meter_activity_ends(struct pawl_observer *observer,
                                const struct pawl_instance *instance, int32_t task_id,
                                int64_t given_at, const Pb__ActivityResponse *response,
                                struct pawl_notes *notes) {
    struct pawl_workflow_meter *meter = meter_of(observer);
    if (meter->next)
        meter->next->activity_ends(meter->next, instance, task_id, given_at, response, notes);
    struct pawl_str name = pawl__shard_activity_name(instance, task_id);
    if (!name.data) return;
    struct pawl_activity_series *series = pawl__named_get(&meter->activities, name);
    int64_t now = pawl__clock_wall();
    meter_add(meter,
              &series->execution[response->failuredetails ? PAWL_METER_FAILED : PAWL_METER_SUCCESS],
              METER_VALUE, given_at && given_at < now ? now - given_at : 0, notes);
}

static void meter_given(struct pawl_observer *observer, const struct pawl_instance *instance,
                        int32_t task_id, size_t bytes) {
    struct pawl_workflow_meter *meter = meter_of(observer);
    int64_t ratio = (int64_t)(bytes * 1000000 / meter->max_message);
    if (task_id < 0) {
        struct pawl_workflow_series *series = meter_workflow(meter, instance);
        series->turns++;
        pawl__histogram_add(&series->payload, ratio);
        return;
    }
    struct pawl_str name = pawl__shard_activity_name(instance, task_id);
    if (!name.data) return;
    char both[PAWL_NAMED_TEXT];
    enum {
        HALF = PAWL_NAMED_TEXT / 2
    };
    struct pawl_str workflow = pawl__str_shorten(pawl__str(instance->name), HALF - 1);
    name = pawl__str_shorten(name, HALF);
    memcpy(both, workflow.data, workflow.len);
    both[workflow.len] = PAWL_METER_SEPARATOR;
    memcpy(both + workflow.len + 1, name.data, name.len);
    struct pawl_payload_series *series =
        pawl__named_get(&meter->payloads, (struct pawl_str){both, workflow.len + 1 + name.len});
    pawl__histogram_add(&series->ratio, ratio);
}

// --- life ----------------------------------------------------------------------------------------

static void meter_init_workflow(void *item, void *arg) {
    const struct pawl_workflow_meter *meter = arg;
    struct pawl_workflow_series *series = item;
    for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++)
        series->execution[i].buckets = meter->workflow_latency;
    series->scheduling.buckets = meter->latency;
    series->payload.buckets = meter->ratio;
}

static void meter_init_activity(void *item, void *arg) {
    const struct pawl_workflow_meter *meter = arg;
    struct pawl_activity_series *series = item;
    for (int i = 0; i < PAWL_METER_TERMINATED; i++)
        series->execution[i].buckets = meter->workflow_latency;
    series->operation.buckets = meter->latency;
}

static void meter_init_payload(void *item, void *arg) {
    ((struct pawl_payload_series *)item)->ratio.buckets =
        ((const struct pawl_workflow_meter *)arg)->ratio;
}

bool pawl__workflow_meter_init(struct pawl_workflow_meter *meter,
                               const struct pawl_buckets *latency,
                               const struct pawl_buckets *workflow_latency,
                               const struct pawl_buckets *ratio, size_t max_message,
                               struct pawl_observer *next) {
    *meter = (struct pawl_workflow_meter){
        .observer =
            {
                .turn_begins = meter_turn_begins,
                .turn_ends = meter_turn_ends,
                .activity_ends = meter_activity_ends,
                .given = meter_given,
            },
        .next = next,
        .latency = latency,
        .workflow_latency = workflow_latency,
        .ratio = ratio,
        .max_message = max_message ? max_message : 4u << 20,
    };
    const struct {
        struct pawl_named_set *names;
        size_t size, most;
        void (*init)(void *item, void *arg);
    } sets[] = {
        {&meter->workflows, sizeof(struct pawl_workflow_series), PAWL_METER_WORKFLOWS,
         meter_init_workflow},
        {&meter->activities, sizeof(struct pawl_activity_series), PAWL_METER_ACTIVITIES,
         meter_init_activity},
        {&meter->payloads, sizeof(struct pawl_payload_series), PAWL_METER_ACTIVITIES,
         meter_init_payload},
    };
    bool ok = true;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        ok = pawl__named_init(sets[i].names, sets[i].size, sets[i].most, sets[i].init, meter) && ok;
    return ok;
}

void pawl__workflow_meter_finish(struct pawl_workflow_meter *meter) {
    for (struct pawl_note *note = meter->free, *next; note; note = next) {
        next = note->next;
        free(note);
    }
    pawl__named_finish(&meter->workflows);
    pawl__named_finish(&meter->activities);
    pawl__named_finish(&meter->payloads);
}
