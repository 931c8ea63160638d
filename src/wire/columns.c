#include "wire/columns.h"

#include "wire/pb.h"

// Numbers of fields in proto/*.proto.
enum {
    EVENT_EXECUTION_STARTED = 3,
    EVENT_EXECUTION_COMPLETED = 4,
    STARTED_PARENT = 5,
    STARTED_TAGS = 9,
    PARENT_INSTANCE = 4,
    INSTANCE_ID = 1,
    COMPLETED_FAILURE = 3,
    FAILURE_TYPE = 1,
    MAP_KEY = 1,
    MAP_VALUE = 2,
    HISTORY_EVENT = 3, // engine/history.h
    SNAPSHOT_STARTED_AT = 4,
    SNAPSHOT_COMPLETED_AT = 5,
    SNAPSHOT_START_OFFSET = 11,
    SNAPSHOT_FINAL_OFFSET = 12,
    SNAPSHOT_CUSTOM_STATUS = 17,
    SNAPSHOT_INBOX = 21
};

enum { // bytes of a row's tags
    TAG_ESCAPE = 0x1d,
    TAG_BEGIN = 0x1e,
    TAG_VALUE = 0x1f
};

static struct pawl_str columns_bytes(struct pawl_str message, unsigned number) {
    struct pawl_pb_field field;
    if (!pawl__pb_find(message, number, &field) || field.wire_type != PAWL_PB_BYTES)
        return (struct pawl_str){0};
    return field.bytes;
}

static uint64_t columns_number(struct pawl_str message, unsigned number) {
    struct pawl_pb_field field;
    if (!pawl__pb_find(message, number, &field) || field.wire_type != PAWL_PB_VARINT) return 0;
    return field.value;
}

// --- tags -----------------------------------------------------------------------------------

static void tags_put(struct pawl_buf *out, char byte) {
    pawl__buf_append(out, &byte, 1);
}

static void tags_text(struct pawl_buf *out, struct pawl_str text) {
    for (size_t i = 0; i < text.len; i++) {
        bool special = text.data[i] >= TAG_ESCAPE && text.data[i] <= TAG_VALUE;
        if (special) tags_put(out, TAG_ESCAPE);
        tags_put(out, (char)(special ? text.data[i] + 0x40 : text.data[i]));
    }
}

bool pawl__tags_part(struct pawl_buf *out, struct pawl_str key, struct pawl_str value) {
    tags_put(out, TAG_BEGIN);
    tags_text(out, key);
    tags_put(out, TAG_VALUE);
    if (!value.data) return !out->failed;
    tags_text(out, value);
    tags_put(out, TAG_BEGIN);
    return !out->failed;
}

bool pawl__tags_add(struct pawl_buf *tags, struct pawl_str key, struct pawl_str value) {
    if (tags->len) tags->len--; // the byte at the end begins this tag
    return pawl__tags_part(tags, key, value.data ? value : PAWL_STR(""));
}

// Reads a text up to |end| and past it.
static bool tags_read(struct pawl_arena *arena, struct pawl_str tags, size_t *at, char end,
                      struct pawl_str *out) {
    char *copy = pawl__arena_alloc(arena, tags.len - *at + 1);
    size_t len = 0;
    if (!copy) return false;
    for (; *at < tags.len && tags.data[*at] != end; ++*at) {
        bool special = tags.data[*at] == TAG_ESCAPE && *at + 1 < tags.len;
        copy[len++] = (char)(special ? tags.data[++*at] - 0x40 : tags.data[*at]);
    }
    copy[len] = 0;
    *out = (struct pawl_str){copy, len};
    return *at < tags.len;
}

bool pawl__tags_next(struct pawl_arena *arena, struct pawl_str tags, size_t *at,
                     struct pawl_str *key, struct pawl_str *value) {
    if (*at + 1 >= tags.len) return false; // only the byte at the end is left
    ++*at;
    if (!tags_read(arena, tags, at, TAG_VALUE, key)) return false;
    ++*at;
    return tags_read(arena, tags, at, TAG_BEGIN, value);
}

static bool columns_tags(struct pawl_arena *arena, struct pawl_str started, struct pawl_str *out) {
    struct pawl_buf tags = {0};
    struct pawl_pb_reader reader = pawl__pb_reader(started);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field))
        if (field.number == STARTED_TAGS && field.wire_type == PAWL_PB_BYTES)
            pawl__tags_add(&tags, columns_bytes(field.bytes, MAP_KEY),
                           columns_bytes(field.bytes, MAP_VALUE));
    bool ok = !tags.failed;
    if (ok && tags.len) {
        *out = (struct pawl_str){pawl__arena_dup(arena, pawl__buf_str(&tags)), tags.len};
        ok = out->data;
    }
    pawl__buf_finish(&tags);
    return ok;
}

// --- events ---------------------------------------------------------------------------------

bool pawl__columns_fill(struct pawl_arena *arena, struct pawl_str start, struct pawl_str completed,
                        struct pawl_snapshot *row) {
    struct pawl_str started = columns_bytes(start, EVENT_EXECUTION_STARTED);
    struct pawl_str parent = columns_bytes(started, STARTED_PARENT);
    struct pawl_str ended = columns_bytes(completed, EVENT_EXECUTION_COMPLETED);
    row->parent = columns_bytes(columns_bytes(parent, PARENT_INSTANCE), INSTANCE_ID);
    row->failure_type = columns_bytes(columns_bytes(ended, COMPLETED_FAILURE), FAILURE_TYPE);
    row->tags = (struct pawl_str){0};
    return columns_tags(arena, started, &row->tags);
}

// The event at |offset| of encoded events.
static struct pawl_str columns_event(struct pawl_str events, uint64_t offset) {
    struct pawl_pb_field field;
    if (offset >= events.len) return (struct pawl_str){0};
    struct pawl_pb_reader reader =
        pawl__pb_reader((struct pawl_str){events.data + offset, events.len - (size_t)offset});
    bool found = pawl__pb_next(&reader, &field) && field.number == HISTORY_EVENT &&
                 field.wire_type == PAWL_PB_BYTES;
    return found ? field.bytes : (struct pawl_str){0};
}

bool pawl__columns_derive(struct pawl_arena *arena, struct pawl_snapshot *row) {
    bool started = columns_number(row->state, SNAPSHOT_STARTED_AT);
    struct pawl_str start =
        columns_event(started ? row->history : columns_bytes(row->state, SNAPSHOT_INBOX),
                      started ? columns_number(row->state, SNAPSHOT_START_OFFSET) : 0);
    struct pawl_str completed = {0};
    if (columns_number(row->state, SNAPSHOT_COMPLETED_AT))
        completed = columns_event(row->history, columns_number(row->state, SNAPSHOT_FINAL_OFFSET));
    row->custom_status = columns_bytes(row->state, SNAPSHOT_CUSTOM_STATUS);
    return pawl__columns_fill(arena, start, completed, row);
}
