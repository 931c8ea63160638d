// Workers that keep histories are sent only what is new of them. They put the whole together, and
// what they have then has to be what the daemon has.

#include <stdlib.h>

#include "sim.h"
#include "wire/pb.h"

enum {
    ITEM_TURN = 1,
    TURN_PAST = 3,
    TURN_KEPT = 9
};

uint64_t sim_hash_bytes(uint64_t hash, struct pawl_str bytes) {
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (uint8_t)bytes.data[i]) * UINT64_C(1099511628211);
    return hash;
}

void sim_kept_drop(struct sim_worker *worker) {
    for (size_t i = 0; i < SIM_KEPT; i++) pawl__buf_finish(&worker->kept[i].events);
    memset(worker->kept, 0, sizeof worker->kept);
}

static struct sim_kept *kept_find(struct sim_worker *worker, const struct sim_item *item) {
    for (size_t i = 0; i < SIM_KEPT; i++)
        if (strcmp(worker->kept[i].id, item->id) == 0) return &worker->kept[i];
    return NULL;
}

// Appends the first |count| events of |from|. False when there are not so many.
static bool kept_copy(struct pawl_buf *to, const struct pawl_buf *from, uint64_t count) {
    struct pawl_event_view view;
    size_t at = 0;
    while (count--)
        if (!pawl__history_next(pawl__buf_str(from), &at, &view)) return false;
    return pawl__buf_append(to, from->data, at);
}

static void kept_put(struct sim_worker *worker, const struct sim_item *item,
                     const struct pawl_buf *events) {
    struct sim_kept *kept = kept_find(worker, item);
    if (!kept) kept = &worker->kept[worker->next_kept++ % SIM_KEPT];
    memcpy(kept->id, item->id, sizeof kept->id);
    memcpy(kept->execution, item->execution, sizeof kept->execution);
    pawl__buf_clear(&kept->events);
    pawl__buf_append_str(&kept->events, pawl__buf_str(events));
}

// Divides the encoded request: what came of the history, and all else but for |*count|, which says
// how many events the worker has.
static void kept_divide(struct pawl_str request, struct pawl_buf *past, struct pawl_buf *rest,
                        uint64_t *count) {
    struct pawl_pb_reader reader = pawl__pb_reader(request);
    struct pawl_pb_field field, number;
    for (const uint8_t *from = reader.at; pawl__pb_next(&reader, &field); from = reader.at) {
        if (field.number == TURN_KEPT)
            *count = pawl__pb_find(field.bytes, 1, &number) ? number.value : 0;
        else
            pawl__buf_append(field.number == TURN_PAST ? past : rest, from,
                             (size_t)(reader.at - from));
    }
}

bool sim_kept_complete(struct sim_worker *worker, struct sim_item *item) {
    struct pawl_buf past = {0}, rest = {0}, whole = {0}, bytes = {0};
    struct pawl_pb_field request;
    uint64_t count = 0;
    bool ok = true;
    if (!pawl__pb_find(pawl__buf_str(&item->bytes), ITEM_TURN, &request)) abort();
    kept_divide(request.bytes, &past, &rest, &count);
    if (count) {
        const struct sim_kept *kept = kept_find(worker, item);
        ok = kept && strcmp(kept->execution, item->execution) == 0 &&
             kept_copy(&whole, &kept->events, count);
        if (!worker->keeps)
            sim_fail("a_turn_has_its_whole_history", item->id, "worker %u keeps nothing",
                     (unsigned)(worker - sim.workers));
    }
    pawl__buf_append_str(&whole, pawl__buf_str(&past));
    if (ok && sim_hash_bytes(0, pawl__buf_str(&whole)) != item->history)
        sim_fail("a_turn_has_its_whole_history", item->id,
                 "with %llu events that worker %u kept it is another than the daemon has",
                 (unsigned long long)count, (unsigned)(worker - sim.workers));
    if (ok && worker->keeps) kept_put(worker, item, &whole);
    if (ok && count) {
        pawl__buf_append_str(&rest, pawl__buf_str(&whole));
        struct pawl_pb_reader reader = pawl__pb_reader(pawl__buf_str(&item->bytes));
        struct pawl_pb_field field;
        pawl__pb_put_bytes(&bytes, ITEM_TURN, pawl__buf_str(&rest));
        for (const uint8_t *from = reader.at; pawl__pb_next(&reader, &field); from = reader.at)
            if (field.number != ITEM_TURN)
                pawl__buf_append(&bytes, from, (size_t)(reader.at - from));
        pawl__buf_finish(&item->bytes);
        item->bytes = bytes;
    }
    pawl__buf_finish(&past);
    pawl__buf_finish(&rest);
    pawl__buf_finish(&whole);
    return ok;
}
