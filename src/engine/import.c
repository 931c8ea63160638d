#include "engine/import.h"

#include "engine/apply.h"
#include "engine/fold.h"
#include "wire/pack.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

struct import {
    const char *id; // of the new instance
    struct pawl_arena *arena;
    struct pawl_instance walk; // what it waits for after the events so far
    bool started, ended;
    struct pawl_history *out;
    struct pawl_error *error;
};

static enum pawl_err import_fail(const struct import *import, const char *what) {
    return pawl__fail(import->error, PAWL_E_INVALID, "event %u of the history %s",
                      import->out->count, what);
}

static enum pawl_err import_start(struct import *import, Pb__HistoryEvent *event,
                                  struct pawl_str *bytes) {
    Pb__WorkflowInstance *self = event->executionstarted->workflowinstance;
    if (import->started) return import_fail(import, "starts it a second time");
    if (!*event->executionstarted->name) return import_fail(import, "names no workflow");
    if (!self || !*self->instanceid) return import_fail(import, "has no instance id");
    import->started = true;
    if (strcmp(self->instanceid, import->id) == 0) return PAWL_OK;
    self->instanceid = (char *)(uintptr_t)import->id;
    *bytes = pawl__wire_pack(import->arena, &event->base);
    return bytes->data ? PAWL_OK : pawl__fail_plain(import->error, PAWL_E_NOMEM);
}

static enum pawl_err import_end(struct import *import, const Pb__HistoryEvent *event) {
    switch (event->executioncompleted->workflowstatus) {
    case STATUS(COMPLETED):
    case STATUS(FAILED):
    case STATUS(CANCELED):
    case STATUS(TERMINATED): import->ended = true; return PAWL_OK;
    default:
        return import_fail(import, "ends it with a status that is not COMPLETED, FAILED, CANCELED "
                                   "or TERMINATED");
    }
}

static enum pawl_err import_event(struct import *import, struct pawl_event_view view) {
    struct pawl_fold fold;
    const char *why = NULL;
    struct pawl_str bytes = view.bytes;
    Pb__HistoryEvent *event =
        pawl__wire_unpack(import->arena, &pb__history_event__descriptor, bytes, &why);
    if (!event && !why) return pawl__fail_plain(import->error, PAWL_E_NOMEM);
    if (!event) return import_fail(import, "cannot be read");
    if (!event->timestamp) return import_fail(import, "has no timestamp");
    if (pawl__timestamp_get(event->timestamp) <= 0)
        return import_fail(import, "has a timestamp before 1970");
    if (import->ended) return import_fail(import, "comes after the end");
    if (!import->out->count && event->event_type_case != EVENT(WORKFLOW_STARTED))
        return import_fail(import, "is the first, and so has to be workflowStarted");
    enum pawl_err err = PAWL_OK;
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE__NOT_SET:
        return import_fail(import, "is of no kind that is known");
    case EVENT(EXECUTION_STARTED): err = import_start(import, event, &bytes); break;
    case EVENT(EXECUTION_COMPLETED): err = import_end(import, event); break;
    default: break;
    }
    if (err) return err;
    err = pawl__fold_history_event(&import->walk, view, import->arena, &fold);
    if (err == PAWL_E_INVALID) return import_fail(import, "uses an id that is in use");
    if (err || !pawl__history_add_bytes(import->out, bytes))
        return pawl__fail_plain(import->error, PAWL_E_NOMEM);
    return PAWL_OK;
}

enum pawl_err pawl__import_build(struct pawl_str history, const char *id, struct pawl_arena *arena,
                                 struct pawl_history *out, struct pawl_error *error) {
    struct import import = {.id = id, .arena = arena, .out = out, .error = error};
    struct pawl_event_view view;
    enum pawl_err err = PAWL_OK;
    size_t at = 0;
    // What the walk reads is its own history: the one that came in.
    import.walk.history.bytes.data = (uint8_t *)(uintptr_t)history.data;
    import.walk.history.bytes.len = history.len;
    while (!err && pawl__history_next(history, &at, &view)) err = import_event(&import, view);
    if (!err && at != history.len) err = import_fail(&import, "is cut off");
    if (!err && !import.started)
        err = pawl__fail(error, PAWL_E_INVALID, "the history has no event executionStarted");
    if (!err && !import.ended)
        err = pawl__fail(error, PAWL_E_INVALID,
                         "the history has no event executionCompleted: only a workflow that has "
                         "ended can be imported, as what one waits for is not in its history");
    pawl__pending_clear(&import.walk.pending);
    if (err) pawl__history_finish(out);
    return err;
}
