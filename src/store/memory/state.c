// User state.

#include <stdlib.h>

#include "base/clock.h"
#include "store/memory/internal.h"

#define STATE_CLEANUP (60 * PAWL_SECOND)

// The value of |key|, unless it is missing or expired.
static struct pawl_memory_value *state_value(struct pawl_memory_data *data, struct pawl_str key) {
    struct pawl_memory_value *value =
        (struct pawl_memory_value *)pawl__memory_find(&data->values, key);
    return value && value->expires_at && value->expires_at <= pawl__clock_wall() ? NULL : value;
}

static void state_check(struct pawl_memory_data *data, const struct pawl_state_op *op,
                        struct pawl_error *result) {
    bool create = op->type == PAWL_STATE_SET && op->first_write && op->etag.len == 0;
    if (op->key.len == 0) {
        pawl__fail(result, PAWL_E_INVALID, "the key is empty");
        return;
    }
    if (op->etag.len == 0 && !create) return;
    struct pawl_memory_value *value = state_value(data, op->key);
    bool match = create ? !value : value && pawl__str_equal(pawl__str(value->etag), op->etag);
    if (!match)
        pawl__fail(result, PAWL_E_CONFLICT, "key %.*s: %s", PAWL_FMT(op->key),
                   create ? "it exists already"
                          : "it was changed or deleted since its ETag was read");
}

static bool state_set(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                      const struct pawl_state_op *op) {
    struct pawl_memory_value *value = malloc(sizeof *value + op->key.len + op->value.len);
    if (!value) return false;
    char *to = value->bytes;
    *value = (struct pawl_memory_value){.is_binary = op->is_binary};
    value->node.key = pawl__memory_copy(&to, op->key);
    value->value = pawl__memory_copy(&to, op->value);
    if (op->ttl > 0 && op->ttl < INT64_MAX / PAWL_SECOND / 2)
        value->expires_at = pawl__clock_wall() + op->ttl * PAWL_SECOND;
    pawl__etag_new(value->etag);
    if (pawl__memory_put(journal, &data->values, &value->node)) return true;
    free(value);
    return false;
}

enum pawl_err pawl__memory_apply_state(struct pawl_memory_data *data,
                                       struct pawl_memory_journal *journal,
                                       struct pawl_state_tx *tx, struct pawl_error *error) {
    size_t start = journal->count;
    tx->result = (struct pawl_error){0};
    for (size_t i = 0; i < tx->op_count; i++) {
        const struct pawl_state_op *op = &tx->ops[i];
        state_check(data, op, &tx->result);
        if (tx->result.code) {
            pawl__memory_undo(journal, start);
            break;
        }
        if (!(op->type == PAWL_STATE_SET ? state_set(data, journal, op)
                                         : pawl__memory_remove(journal, &data->values, op->key)))
            return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

enum pawl_err pawl__memory_tend(struct pawl_store *base, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    int64_t now = pawl__clock_steady();
    bool due = now - data->cleaned_at >= STATE_CLEANUP;
    if (due) data->cleaned_at = now;
    struct pawl_memory_journal journal = {0};
    size_t at = 0;
    struct pawl_memory_node *next = due ? pawl__memory_next(&data->values, &at, NULL) : NULL;
    while (next) {
        struct pawl_memory_value *value = (struct pawl_memory_value *)next;
        next = pawl__memory_next(&data->values, &at, next);
        if (value->expires_at && value->expires_at <= pawl__clock_wall())
            pawl__memory_remove(&journal, &data->values, value->node.key);
    }
    pawl__memory_keep(&journal);
    pawl__memory_unlock(data);
    return PAWL_OK;
}

enum pawl_err pawl__memory_get_state(struct pawl_store *base, struct pawl_str key,
                                     struct pawl_arena *arena, struct pawl_state_value *out,
                                     struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    *out = (struct pawl_state_value){0};
    struct pawl_memory_data *data = pawl__memory_lock(base);
    struct pawl_memory_value *value = state_value(data, key);
    if (value) {
        struct pawl_state_value found = {true, value->value, value->is_binary,
                                         pawl__str(value->etag), value->expires_at};
        if (pawl__memory_dup(arena, &found.value) && pawl__memory_dup(arena, &found.etag))
            *out = found;
        else
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl__memory_unlock(data);
    return err;
}
