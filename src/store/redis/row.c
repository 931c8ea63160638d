// Rows of ours as the server keeps them: sealed, and the columns of a snapshot as one of them.

#include "store/row.h"
#include "store/redis/internal.h"
#include "wire/pb.h"

enum {
    COLUMN_POSITION = 1,
    COLUMN_NAME,
    COLUMN_STATUS,
    COLUMN_CREATED,
    COLUMN_UPDATED,
    COLUMN_COMPLETED,
    COLUMN_PARENT,
    COLUMN_TAGS,
    COLUMN_CUSTOM_STATUS,
    COLUMN_FAILURE_TYPE,
    COLUMN_WAKE,
    COLUMN_ACTIVE
};

bool pawl__redis_put_columns(struct pawl_buf *out, const struct pawl_snapshot *snapshot) {
    return pawl__pb_put_uint(out, COLUMN_POSITION, snapshot->position) &&
           pawl__pb_put_bytes(out, COLUMN_NAME, snapshot->name) &&
           pawl__pb_put_uint(out, COLUMN_STATUS, (uint32_t)snapshot->status) &&
           pawl__pb_put_uint(out, COLUMN_CREATED, (uint64_t)snapshot->created_at) &&
           pawl__pb_put_uint(out, COLUMN_UPDATED, (uint64_t)snapshot->updated_at) &&
           pawl__pb_put_uint(out, COLUMN_COMPLETED, (uint64_t)snapshot->completed_at) &&
           pawl__pb_put_bytes(out, COLUMN_PARENT, snapshot->parent) &&
           pawl__pb_put_bytes(out, COLUMN_TAGS, snapshot->tags) &&
           pawl__pb_put_bytes(out, COLUMN_CUSTOM_STATUS, snapshot->custom_status) &&
           pawl__pb_put_bytes(out, COLUMN_FAILURE_TYPE, snapshot->failure_type) &&
           pawl__pb_put_uint(out, COLUMN_WAKE, (uint64_t)snapshot->wake_at) &&
           pawl__pb_put_uint(out, COLUMN_ACTIVE, snapshot->active);
}

// Reads columns from |row|, into which |out| then points. False: damaged.
static bool row_get_columns(struct pawl_str row, struct pawl_snapshot *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(row);
    struct pawl_pb_field field;
    *out = (struct pawl_snapshot){0};
    while (pawl__pb_next(&reader, &field)) {
        switch (field.number) {
        case COLUMN_POSITION: out->position = field.value; break;
        case COLUMN_NAME: out->name = field.bytes; break;
        case COLUMN_STATUS: out->status = (int32_t)(uint32_t)field.value; break;
        case COLUMN_CREATED: out->created_at = (int64_t)field.value; break;
        case COLUMN_UPDATED: out->updated_at = (int64_t)field.value; break;
        case COLUMN_COMPLETED: out->completed_at = (int64_t)field.value; break;
        case COLUMN_PARENT: out->parent = field.bytes; break;
        case COLUMN_TAGS: out->tags = field.bytes; break;
        case COLUMN_CUSTOM_STATUS: out->custom_status = field.bytes; break;
        case COLUMN_FAILURE_TYPE: out->failure_type = field.bytes; break;
        case COLUMN_WAKE: out->wake_at = (int64_t)field.value; break;
        case COLUMN_ACTIVE: out->active = field.value != 0; break;
        default: break;
        }
    }
    return reader.at == reader.end;
}

enum pawl_err pawl__redis_unseal(const struct pawl_redis *store, struct pawl_str row,
                                 const char *what, struct pawl_str id, struct pawl_arena *arena,
                                 struct pawl_str *payload, struct pawl_error *error) {
    enum pawl_err err = pawl__row_open(row, arena, payload);
    if (!err) return PAWL_OK;
    if (err == PAWL_E_NOMEM) return pawl__fail_plain(error, err);
    return pawl__fail(error, err, "%s: the %s of %.*s %s", store->name, what, PAWL_FMT(id),
                      err == PAWL_E_FORMAT ? "was written by a newer Pawl" : "is damaged");
}

static struct pawl_str row_copy(struct pawl_arena *arena, struct pawl_str text) {
    return (struct pawl_str){pawl__arena_dup(arena, text), text.len};
}

enum pawl_err pawl__redis_read_columns(struct pawl_redis *store, struct pawl_str id,
                                       struct pawl_str row, struct pawl_arena *arena,
                                       struct pawl_snapshot *out, struct pawl_error *error) {
    struct pawl_str payload;
    enum pawl_err err = pawl__redis_unseal(store, row, "row", id, arena, &payload, error);
    if (err) return err;
    payload = row_copy(arena, payload);
    if (!payload.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!row_get_columns(payload, out))
        return pawl__fail(error, PAWL_E_CORRUPT, "%s: the row of %.*s is damaged", store->name,
                          PAWL_FMT(id));
    out->id = row_copy(arena, id);
    return out->id.data ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

void pawl__redis_add_row(struct pawl_redis_args *args, struct pawl_str payload,
                         struct pawl_error *result) {
    struct pawl_buf row = {0};
    pawl__row_seal(&row, payload, result);
    char *copy = row.failed ? NULL : pawl__arena_dup(&args->arena, pawl__buf_str(&row));
    if (!copy) args->failed = true;
    pawl__redis_add(args, (struct pawl_str){copy, row.len});
    pawl__buf_finish(&row);
}
