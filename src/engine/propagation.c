#include "engine/propagation.h"

#include "engine/events.h"
#include "wire/pb.h"

enum {
    PROPAGATED_SCOPE = 1,
    PROPAGATED_CHUNK = 2
};
enum {
    CHUNK_EVENT = 1,
    CHUNK_APP = 2,
    CHUNK_INSTANCE = 3,
    CHUNK_NAME = 4
};

unsigned pawl__propagation_scope(struct pawl_str body) {
    enum {
        SCOPE = 7 // of both events
    };
    struct pawl_pb_field field = {0};
    pawl__pb_find(body, SCOPE, &field);
    return (unsigned)field.value;
}

struct pawl_propagation pawl__propagation_of_call(const struct pawl_instance *instance,
                                                  const char *app_id, uint32_t offset) {
    struct pawl_propagation out = {.instance = instance, .app_id = app_id};
    struct pawl_event_view view;
    size_t at = offset;
    if (!pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) return out;
    out.scope = pawl__propagation_scope(pawl__event_body(view.bytes).bytes);
    out.end = (uint32_t)at;
    return out;
}

struct pawl_propagation pawl__propagation_of_next(const struct pawl_instance *instance,
                                                  const char *app_id) {
    struct pawl_pb_field scope = {0};
    pawl__pb_find(pawl__buf_str(&instance->propagated), PROPAGATED_SCOPE, &scope);
    return (struct pawl_propagation){
        .instance = instance,
        .app_id = app_id,
        .scope = (unsigned)scope.value,
        .end = (uint32_t)instance->history.bytes.len,
    };
}

// Goes through the chunks that the caller itself got and passes on: their size, or, with |out|,
// their bytes. False: memory is out.
static bool propagation_pass(const struct pawl_propagation *propagation, struct pawl_buf *out,
                             size_t *size) {
    if (propagation->scope != PB__HISTORY_PROPAGATION_SCOPE__HISTORY_PROPAGATION_SCOPE_LINEAGE)
        return true;
    struct pawl_pb_reader reader =
        pawl__pb_reader(pawl__buf_str(&propagation->instance->propagated));
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        if (field.number != PROPAGATED_CHUNK) continue;
        if (!out)
            *size += pawl__pb_field_size(PROPAGATED_CHUNK, field.bytes.len);
        else if (!pawl__pb_put_bytes(out, PROPAGATED_CHUNK, field.bytes))
            return false;
    }
    return true;
}

static struct pawl_str propagation_name(const struct pawl_propagation *propagation) {
    const char *name = propagation->instance->name;
    return pawl__str(name ? name : "");
}

// Events take as many bytes in a chunk as in the history: their tags have a byte in both.
static size_t propagation_chunk_size(const struct pawl_propagation *propagation) {
    return propagation->end + pawl__pb_field_size(CHUNK_APP, strlen(propagation->app_id)) +
           pawl__pb_field_size(CHUNK_INSTANCE, propagation->instance->id_len) +
           pawl__pb_field_size(CHUNK_NAME, propagation_name(propagation).len);
}

static bool propagation_put_events(const struct pawl_propagation *propagation,
                                   struct pawl_buf *out) {
    struct pawl_str events = {(const char *)propagation->instance->history.bytes.data,
                              propagation->end};
    size_t begin = out->len, at = 0;
    struct pawl_event_view view;
    if (!pawl__buf_append_str(out, events)) return false;
    while (pawl__history_next(events, &at, &view))
        out->data[begin + view.offset] = CHUNK_EVENT << 3 | PAWL_PB_BYTES;
    return true;
}

size_t pawl__propagation_size(const struct pawl_propagation *propagation) {
    if (!propagation->scope) return 0;
    size_t size = pawl__pb_uint_size(PROPAGATED_SCOPE, propagation->scope) +
                  pawl__pb_field_size(PROPAGATED_CHUNK, propagation_chunk_size(propagation));
    propagation_pass(propagation, NULL, &size);
    return size;
}

bool pawl__propagation_put(const struct pawl_propagation *propagation, struct pawl_buf *out) {
    if (!propagation->scope) return true;
    return pawl__pb_put_uint(out, PROPAGATED_SCOPE, propagation->scope) &&
           propagation_pass(propagation, out, NULL) &&
           pawl__pb_put_head(out, PROPAGATED_CHUNK, propagation_chunk_size(propagation)) &&
           propagation_put_events(propagation, out) &&
           pawl__pb_put_bytes(out, CHUNK_APP, pawl__str(propagation->app_id)) &&
           pawl__pb_put_bytes(out, CHUNK_INSTANCE, pawl__instance_id(propagation->instance)) &&
           pawl__pb_put_bytes(out, CHUNK_NAME, propagation_name(propagation));
}
