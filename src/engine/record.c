#include "engine/record.h"

#include "base/assert.h"
#include "engine/effects.h"
#include "wire/pb.h"

// The fields of Batch, Record, Create and Turn; see pawl_log.proto.
enum {
    BATCH_RECORDS = 1,
    RECORD_ID = 1,
    CREATE_EVENT = 1,
    CREATE_GENERATION = 2,
    CREATE_PROPAGATED = 3,
    TURN_STARTED = 1,
    TURN_COMPLETED = 2,
    TURN_INBOX = 3,
    TURN_RESPONSE = 4,
    TURN_EXECUTION = 5,
    TURN_OWN = 6,
};

enum {
    RECORD_EFFECTS = 4 // that a record has, beside those that a turn counts for itself
};

enum pawl_err pawl__record_reserve(struct pawl_shard *shard, const struct pawl_instance *instance,
                                   size_t len) {
    bool ok = pawl__buf_reserve(&shard->batch, instance->id_len + len + PAWL_RECORD_REST);
    shard->batch.failed = false; // what is there is whole
    return ok && pawl__shard_reserve(shard, RECORD_EFFECTS) ? PAWL_OK : PAWL_E_NOMEM;
}

static enum pawl_change record_change(unsigned number) {
    switch (number) {
    case PLOG__RECORD__CHANGE_EVENT: return PAWL_CHANGE_EVENT;
    case PLOG__RECORD__CHANGE_TURN: return PAWL_CHANGE_TURN;
    case PLOG__RECORD__CHANGE_PURGE: return PAWL_CHANGE_PURGED;
    default: return PAWL_CHANGE_CREATED;
    }
}

// Begins a record whose change is a message of |len| bytes in field |number|.
static struct pawl_buf *record_begin(struct pawl_shard *shard, struct pawl_instance *instance,
                                     unsigned number, size_t len) {
    struct pawl_str id = pawl__instance_id(instance);
    struct pawl_buf *batch = &shard->batch;
    size_t size = pawl__pb_field_size(RECORD_ID, id.len) + pawl__pb_field_size(number, len);
    pawl__pb_put_head(batch, BATCH_RECORDS, size);
    pawl__pb_put_bytes(batch, RECORD_ID, id);
    pawl__pb_put_head(batch, number, len);
    pawl__instance_changed(instance, shard->position);
    struct pawl_listener *listener = shard->listener;
    if (listener && !shard->batch_records)
        shard->is_told = listener->begins(listener, &shard->notes);
    if (shard->is_told)
        listener->changed(listener, shard->number, shard->position, instance, record_change(number),
                          &shard->notes);
    shard->batch_records++;
    return batch;
}

static void record_end(const struct pawl_buf *batch) {
    pawl__assert(!batch->failed); // room was reserved
}

static struct pawl_str record_bytes(const ProtobufCBinaryData *data) {
    return (struct pawl_str){(const char *)data->data, data->len};
}

void pawl__record_event(struct pawl_shard *shard, struct pawl_instance *instance,
                        struct pawl_str event) {
    struct pawl_buf *batch = record_begin(shard, instance, PLOG__RECORD__CHANGE_EVENT, event.len);
    pawl__buf_append_str(batch, event);
    record_end(batch);
}

void pawl__record_create(struct pawl_shard *shard, struct pawl_instance *instance,
                         const Plog__Create *create) {
    struct pawl_str event = record_bytes(&create->start_event);
    struct pawl_str propagated = record_bytes(&create->propagated);
    size_t len = pawl__pb_field_size(CREATE_EVENT, event.len) +
                 pawl__pb_uint_size(CREATE_GENERATION, create->generation);
    if (propagated.len) len += pawl__pb_field_size(CREATE_PROPAGATED, propagated.len);
    struct pawl_buf *batch = record_begin(shard, instance, PLOG__RECORD__CHANGE_CREATE, len);
    pawl__pb_put_bytes(batch, CREATE_EVENT, event);
    pawl__pb_put_uint(batch, CREATE_GENERATION, create->generation);
    if (propagated.len) pawl__pb_put_bytes(batch, CREATE_PROPAGATED, propagated);
    record_end(batch);
}

void pawl__record_turn(struct pawl_shard *shard, struct pawl_instance *instance,
                       const Plog__Turn *turn) {
    struct pawl_str response = record_bytes(&turn->response);
    struct pawl_str execution = pawl__str(turn->next_execution_id);
    const struct {
        unsigned number;
        uint64_t value;
    } numbers[] = {{TURN_STARTED, (uint64_t)turn->started_at},
                   {TURN_COMPLETED, (uint64_t)turn->completed_at},
                   {TURN_INBOX, turn->inbox_events},
                   {TURN_OWN, turn->own}};
    enum {
        NUMBERS = sizeof numbers / sizeof *numbers
    };
    size_t len = pawl__pb_field_size(TURN_RESPONSE, response.len);
    if (execution.len) len += pawl__pb_field_size(TURN_EXECUTION, execution.len);
    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].value) len += pawl__pb_uint_size(numbers[i].number, numbers[i].value);
    struct pawl_buf *batch = record_begin(shard, instance, PLOG__RECORD__CHANGE_TURN, len);
    for (size_t i = 0; i < NUMBERS; i++)
        if (numbers[i].value) pawl__pb_put_uint(batch, numbers[i].number, numbers[i].value);
    pawl__pb_put_bytes(batch, TURN_RESPONSE, response);
    if (execution.len) pawl__pb_put_bytes(batch, TURN_EXECUTION, execution);
    record_end(batch);
}

void pawl__record_rerun(struct pawl_shard *shard, struct pawl_instance *instance,
                        struct pawl_str rerun) {
    struct pawl_buf *batch = record_begin(shard, instance, PLOG__RECORD__CHANGE_RERUN, rerun.len);
    pawl__buf_append_str(batch, rerun);
    record_end(batch);
}

void pawl__record_purge(struct pawl_shard *shard, struct pawl_instance *instance) {
    record_end(record_begin(shard, instance, PLOG__RECORD__CHANGE_PURGE, 0));
}
