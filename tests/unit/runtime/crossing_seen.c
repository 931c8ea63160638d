#include "crossing.h"

#include "engine/events.h"
#include "wire/unpack.h"

// What the stores of both apps are told, in their order; and what it says of what crosses.

bool is_parent(const char *id, int *parent, const char **rest) {
    int len = 0;
    if (sscanf(id, "p%d%n", parent, &len) != 1) return false;
    *rest = id + len;
    return true;
}

static void once(unsigned count, const char *id, const char *what) {
    if (count > 1) broken("what_crosses_happens_once", "%s has %s %u times", id, what, count);
}

static void seen_create(struct crossing_seen *seen, const char *id) {
    int number;
    const char *rest;
    if (sscanf(id, "t%d", &number) == 1 && ++seen->taken[number] > 1)
        broken("a_refused_start_starts_nothing", "%s begins again", id);
    if (!is_parent(id, &number, &rest) || !*rest) return;
    unsigned *count = strcmp(rest, "c") == 0    ? &seen->children[number]
                      : strcmp(rest, "cn") == 0 ? &seen->nested[number]
                                                : &seen->detached[number];
    if (++*count > 1 && seen->purges[number])
        broken("what_is_purged_stays_purged", "%s begins again", id);
    once(*count, id, "begun");
}

static void seen_raised(struct crossing_seen *seen, const char *id, const char *text) {
    int number, event;
    if (*id != 'z' || !text || sscanf(text, "p%d:%d", &number, &event) != 2) return;
    unsigned have = seen->events[number]++;
    if (event < (int)have)
        broken("what_crosses_happens_once", "event %d of p%d is in %s again", event, number, id);
    if (event > (int)have)
        broken("what_crosses_arrives_in_order", "event %d of p%d is in %s before %u", event, number,
               id, have);
}

static void seen_event(struct crossing_seen *seen, const char *id, const Pb__HistoryEvent *event) {
    int number;
    const char *rest;
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED:
        seen_raised(seen, id, pawl__string_of(event->eventraised->input));
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED:
        if (is_parent(id, &number, &rest) && !*rest && ++seen->ends[number] > 1)
            broken("an_end_is_told_once", "%s was told %u times", id, seen->ends[number]);
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED:
        if (is_parent(id, &number, &rest) && *rest) once(++seen->stops[number], id, "been ended");
        break;
    default: break;
    }
}

static void seen_record(struct crossing_seen *seen, const Plog__Record *record,
                        struct pawl_arena *arena) {
    int number;
    const char *rest, *id = record->instance_id;
    switch (record->change_case) {
    case PLOG__RECORD__CHANGE_CREATE: seen_create(seen, id); break;
    case PLOG__RECORD__CHANGE_PURGE:
        if (is_parent(id, &number, &rest) && !*rest) seen->purges[number]++;
        break;
    case PLOG__RECORD__CHANGE_EVENT: {
        struct pawl_str bytes = {(const char *)record->event.data, record->event.len};
        const Pb__HistoryEvent *event =
            pawl__wire_unpack(arena, &pb__history_event__descriptor, bytes, NULL);
        if (event) seen_event(seen, id, event);
        break;
    }
    default: break;
    }
}

void seen_commit(struct crossing_seen *seen, const struct pawl_commit *commit) {
    struct pawl_arena arena = {0};
    uv_mutex_lock(&seen->mutex);
    for (const struct pawl_part *part = commit->parts; part; part = part->next) {
        if (part->result.code || !part->batch) continue;
        const Plog__Batch *batch =
            pawl__wire_unpack(&arena, &plog__batch__descriptor, part->batch->records, NULL);
        for (size_t i = 0; batch && i < batch->n_records; i++)
            seen_record(seen, batch->records[i], &arena);
    }
    uv_mutex_unlock(&seen->mutex);
    pawl__arena_finish(&arena);
}

unsigned seen_count(struct crossing_seen *seen, const unsigned *count) {
    uv_mutex_lock(&seen->mutex);
    unsigned value = *count;
    uv_mutex_unlock(&seen->mutex);
    return value;
}
