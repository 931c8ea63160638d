#include "cli/workflow_waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "cli/find.h"
#include "cli/workflow.h"
#include "wire/timestamp.h"

// What begins a wait, and which member of the event that ends it names the one that began it.
static const struct {
    const char *event, *kind;
} waits_begins[] = {
    {"taskScheduled", "activity"},
    {"childWorkflowInstanceCreated", "child"},
    {"timerCreated", "timer"},
};

static const struct {
    const char *event, *member;
} waits_ends[] = {
    {"taskCompleted", "taskScheduledId"},
    {"taskFailed", "taskScheduledId"},
    {"childWorkflowInstanceCompleted", "taskScheduledId"},
    {"childWorkflowInstanceFailed", "taskScheduledId"},
    {"timerFired", "timerId"},
};

enum {
    // SDKs that wait for ever set a timer to the last moment that a timestamp has.
    WAITS_LAST_YEAR = 9999,
};

struct waits {
    json_t *open;  // what waits, by the number of the event that began it
    json_t *names; // of activities and children, by what a retry's timer says of them
};

static const char *waits_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static void waits_set(json_t *wait, const char *key, const char *text) {
    json_object_set_new(wait, key, text && *text ? json_string(text) : json_null());
}

static void waits_number(json_int_t id, char out[24]) {
    snprintf(out, 24, "%lld", (long long)id);
}

// What a timer is there for.
static void waits_timer(const struct waits *waits, json_t *wait, const json_t *body) {
    const json_t *event = json_object_get(body, "externalEvent");
    const json_t *activity = json_object_get(body, "activityRetry");
    const json_t *child = json_object_get(body, "childWorkflowRetry");
    const char *until = waits_text(body, "fireAt");
    if (until && atoi(until) < WAITS_LAST_YEAR) waits_set(wait, "until", until);
    if (event) {
        waits_set(wait, "kind", "event");
        waits_set(wait, "name", waits_text(event, "name"));
    } else if (activity || child) {
        const char *of =
            activity ? waits_text(activity, "taskExecutionId") : waits_text(child, "instanceId");
        waits_set(wait, "kind", "retry");
        waits_set(wait, "name", of ? waits_text(waits->names, of) : NULL);
    }
}

// Notes the other app that is to do it.
static void waits_app(json_t *wait, const json_t *router) {
    const char *source = waits_text(router, "sourceAppID");
    const char *target = waits_text(router, "targetAppID");
    if (target && *target && (!source || strcmp(source, target) != 0))
        json_object_set_new(wait, "app", json_string(target));
}

// Whether a sidecar of |app| runs on this machine.
static bool waits_is_here(const char *app) {
    struct pawl_found *found = malloc(PAWL_FOUND_MAX * sizeof *found);
    size_t count = found ? pawl__find_running(found) : 0;
    bool here = false;
    for (size_t i = 0; i < count; i++) here = here || strcmp(found[i].app_id, app) == 0;
    free(found);
    return here;
}

static void waits_begin(struct waits *waits, const char *kind, const json_t *event,
                        const json_t *body) {
    json_int_t id = json_integer_value(json_object_get(event, "eventId")); // 0 is left out
    const char *child = waits_text(body, "instanceId"), *name = waits_text(body, "name");
    const char *handle = child ? child : waits_text(body, "taskExecutionId");
    json_t *wait = json_pack("{s:s, s:n, s:n, s:I, s:n, s:n}", "kind", kind, "name", "id",
                             "eventId", id, "since", "until");
    char key[24];
    waits_number(id, key);
    waits_set(wait, "name", name);
    waits_set(wait, "id", child);
    waits_set(wait, "since", waits_text(event, "timestamp"));
    waits_app(wait, json_object_get(event, "router"));
    if (strcmp(kind, "timer") == 0) waits_timer(waits, wait, body);
    if (handle && name) json_object_set_new(waits->names, handle, json_string(name));
    json_object_set_new(waits->open, key, wait);
}

// An event that was raised ends the wait for it that is the oldest.
static void waits_raised(struct waits *waits, const char *name) {
    const char *key;
    json_t *wait;
    json_object_foreach(waits->open, key, wait) {
        const char *event = waits_text(wait, "name");
        if (strcmp(waits_text(wait, "kind"), "event") != 0 || !event || !name) continue;
        if (strcasecmp(event, name) != 0) continue;
        json_object_del(waits->open, key);
        return;
    }
}

static void waits_take(struct waits *waits, const json_t *event) {
    for (size_t i = 0; i < sizeof waits_begins / sizeof *waits_begins; i++) {
        const json_t *body = json_object_get(event, waits_begins[i].event);
        if (body) waits_begin(waits, waits_begins[i].kind, event, body);
    }
    for (size_t i = 0; i < sizeof waits_ends / sizeof *waits_ends; i++) {
        const json_t *body = json_object_get(event, waits_ends[i].event);
        char key[24];
        waits_number(json_integer_value(json_object_get(body, waits_ends[i].member)), key);
        if (body) json_object_del(waits->open, key);
    }
    const json_t *raised = json_object_get(event, "eventRaised");
    if (raised) waits_raised(waits, waits_text(raised, "name"));
}

json_t *pawl__workflow_waits(const json_t *events) {
    struct waits waits = {json_object(), json_object()};
    json_t *list = json_array(), *wait;
    const json_t *event;
    const char *key;
    size_t i;
    json_array_foreach((json_t *)events, i, event) waits_take(&waits, event);
    json_object_foreach(waits.open, key, wait) json_array_append(list, wait);
    json_decref(waits.open);
    json_decref(waits.names);
    return list;
}

void pawl__workflow_wait_say(const json_t *wait, int64_t now, char out[512]) {
    const char *kind = waits_text(wait, "kind"), *name = waits_text(wait, "name");
    const char *id = waits_text(wait, "id"), *until = waits_text(wait, "until");
    const char *since = waits_text(wait, "since");
    bool is_timed = strcmp(kind, "activity") != 0 && strcmp(kind, "child") != 0;
    int64_t at = 0;
    char time[32] = "";
    if (is_timed ? until && pawl__time_parse(pawl__str(until), &at)
                 : since && pawl__time_parse(pawl__str(since), &at))
        pawl__workflow_duration(at > now ? at - now : now - at, time);
    const char *how = !*time         ? ""
                      : !is_timed    ? ", for "
                      : at <= now    ? ", due for "
                      : *kind == 'e' ? ", times out in "
                                     : ", due in ";
    const char *what = strcmp(kind, "retry") == 0 ? "the next attempt at" : kind;
    const char *app = waits_text(wait, "app");
    const char *there = !app                 ? ""
                        : waits_is_here(app) ? "'"
                                             : "', which does not run on this machine";
    const char *lacks =
        json_is_true(json_object_get(wait, "lacksWorker")) ? "; no worker has it" : "";
    snprintf(out, 512, "%s%s%s%s%s%s%s%s%s%s%s%s", what, name ? " " : "", name ? name : "",
             id ? " (" : "", id ? id : "", id ? ")" : "", app ? " in app '" : "", app ? app : "",
             there, how, time, lacks);
}

const char *pawl__workflow_reason(const json_t *events) {
    for (size_t i = json_array_size(events); i--;) {
        const json_t *event = json_array_get(events, i);
        const json_t *stalled = json_object_get(event, "executionStalled");
        const json_t *suspended = json_object_get(event, "executionSuspended");
        if (stalled) return waits_text(stalled, "description");
        if (suspended) return waits_text(suspended, "input");
    }
    return NULL;
}
