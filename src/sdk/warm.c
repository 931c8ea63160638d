#include "sdk/warm.h"

#include <stdlib.h>

#include "wire/pb.h"
#include "wire/unpack.h"

enum {
    TURN_ID = 1, // fields of WorkflowRequest
    TURN_EXECUTION = 2,
    TURN_PAST = 3,
    TURN_NEW = 4,
    TURN_PROPAGATED = 8,
    TURN_KEPT = 9,
    EVENT_TIMESTAMP = 2, // and of HistoryEvent
};

// --- turns --------------------------------------------------------------------------------------

bool pawl__turn_item_read(struct pawl_str bytes, struct pawl_turn_item *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        switch (field.number) {
        case TURN_ID: out->id = field.bytes; break;
        case TURN_EXECUTION: {
            struct pawl_pb_reader value = pawl__pb_reader(field.bytes);
            struct pawl_pb_field inner;
            if (pawl__pb_next(&value, &inner)) out->execution_id = inner.bytes;
            break;
        }
        case TURN_PAST: out->past++; break;
        case TURN_NEW: out->fresh++; break;
        case TURN_PROPAGATED: out->propagated = field.bytes; break;
        case TURN_KEPT: {
            struct pawl_pb_field count = {0};
            pawl__pb_find(field.bytes, 1, &count);
            out->kept = count.value;
            break;
        }
        default: break;
        }
    }
    out->bytes = bytes;
    return reader.at == reader.end && out->id.len;
}

// The turn's next event, of the past or new; false at the end.
static bool turn_next(struct pawl_pb_reader *reader, unsigned number, struct pawl_str *out) {
    struct pawl_pb_field field;
    while (pawl__pb_next(reader, &field)) {
        if (field.number != number) continue;
        *out = field.bytes;
        return true;
    }
    return false;
}

static void turn_feed(struct pawl_workflow *wf, struct pawl_str bytes, bool past) {
    if (wf->nomem || wf->unavailable || pawl__execution_feed_encoded(wf, bytes, past)) return;
    const Pb__HistoryEvent *event =
        pawl__wire_decode(&wf->arena, &pb__history_event__descriptor, bytes);
    if (event)
        pawl__execution_feed(wf, event, past);
    else
        wf->nomem = true;
}

// The encoded timestamp of an event.
static struct pawl_str turn_stamp(struct pawl_str event) {
    struct pawl_pb_reader reader = pawl__pb_reader(event);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field))
        if (field.number == EVENT_TIMESTAMP) return field.bytes;
    return (struct pawl_str){NULL, 0};
}

// --- the set ------------------------------------------------------------------------------------

void pawl__warm_release(struct pawl_warm *warm) {
    if (warm->answers || !warm->dropped) return;
    pawl__execution_destroy(warm->wf);
    free(warm);
}

void pawl__warm_drop(struct pawl_warm_set *set, struct pawl_warm *warm) {
    if (warm->dropped) return;
    pawl__map_remove(&set->by_id, pawl__str(warm->wf->id));
    pawl__list_remove(&warm->link);
    warm->dropped = true;
    pawl__warm_release(warm);
}

// Whether the history is the one that |warm| has gone through, with its last answer behind it.
static bool warm_fits(const struct pawl_warm *warm, const struct pawl_turn_item *turn) {
    const struct pawl_workflow *wf = warm->wf;
    if (!pawl__str_equal(pawl__str(wf->execution_id), turn->execution_id)) return false;
    if (turn->kept + turn->past != warm->turn_at + warm->turn_count + warm->action_count ||
        turn->kept > warm->turn_at)
        return false;
    struct pawl_pb_reader reader = pawl__pb_reader(turn->bytes);
    struct pawl_str bytes = {NULL, 0};
    for (size_t i = turn->kept; i <= warm->turn_at; i++)
        if (!turn_next(&reader, TURN_PAST, &bytes)) return false;
    struct pawl_str began = turn_stamp(bytes);
    return pawl__str_equal(began, (struct pawl_str){warm->began, warm->began_len});
}

struct pawl_warm *pawl__warm_find(struct pawl_warm_set *set, const struct pawl_turn_item *turn) {
    struct pawl_warm *warm = pawl__map_get(&set->by_id, turn->id);
    if (!warm) return NULL;
    if (!warm_fits(warm, turn)) {
        pawl__warm_drop(set, warm);
        return NULL;
    }
    pawl__list_remove(&warm->link);
    pawl__list_add(&set->recent, &warm->link);
    return warm;
}

// Keeps what |turn| brings of the caller's history, which is the same in each. False: memory is
// out.
static bool warm_note_caller(struct pawl_warm *warm, const struct pawl_turn_item *turn) {
    if (!turn->propagated.len) return true;
    const char *copy = pawl__arena_dup(&warm->wf->arena, turn->propagated);
    warm->wf->propagated = (struct pawl_str){copy, turn->propagated.len};
    return copy;
}

struct pawl_warm *pawl__warm_create(struct pawl_warm_set *set, const struct pawl_turn_item *turn) {
    struct pawl_warm *warm = calloc(1, sizeof *warm);
    if (warm) warm->wf = pawl__execution_create(set->host, turn->id, turn->execution_id);
    if (!warm || !warm->wf || !warm_note_caller(warm, turn) ||
        !pawl__map_put(&set->by_id, pawl__str(warm->wf->id), warm)) {
        if (warm) pawl__execution_destroy(warm->wf);
        free(warm);
        return NULL;
    }
    pawl__list_add(&set->recent, &warm->link);
    return warm;
}

void pawl__warm_trim(struct pawl_warm_set *set) {
    while (set->by_id.len > set->limit)
        pawl__warm_drop(set, PAWL_CONTAINER(set->recent.next, struct pawl_warm, link));
}

// --- running ------------------------------------------------------------------------------------

void pawl__warm_feed(struct pawl_warm *warm, struct pawl_str event) {
    turn_feed(warm->wf, event, true);
}

bool pawl__warm_run(struct pawl_warm *warm, const struct pawl_turn_item *turn, size_t known) {
    struct pawl_pb_reader reader = pawl__pb_reader(turn->bytes);
    struct pawl_str event;
    for (size_t i = turn->kept; turn_next(&reader, TURN_PAST, &event); i++)
        if (i >= known) turn_feed(warm->wf, event, true);
    pawl__execution_check_past(warm->wf);
    reader = pawl__pb_reader(turn->bytes);
    for (size_t i = 0; turn_next(&reader, TURN_NEW, &event); i++) {
        if (i == 0) {
            struct pawl_str stamp = turn_stamp(event);
            warm->began_len = stamp.len <= sizeof warm->began ? stamp.len : 0;
            memcpy(warm->began, stamp.data, warm->began_len);
        }
        turn_feed(warm->wf, event, false);
    }
    return !warm->wf->nomem;
}

void pawl__warm_answered(struct pawl_warm *warm, const struct pawl_turn_item *turn,
                         size_t actions) {
    warm->turn_at = turn->kept + turn->past;
    warm->turn_count = turn->fresh;
    warm->action_count = actions;
}
