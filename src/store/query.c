#include "store/query.h"

static bool query_contains(struct pawl_str text, struct pawl_str part) {
    return part.len == 0 || (text.len && memmem(text.data, text.len, part.data, part.len));
}

static bool query_is(struct pawl_str text, struct pawl_str wanted) {
    return wanted.len == 0 || pawl__str_equal(text, wanted);
}

static bool query_within(int64_t time, int64_t from, int64_t before) {
    return (!from || time >= from) && (!before || time < before);
}

int pawl__query_compare(enum pawl_order order, const struct pawl_snapshot *a,
                        const struct pawl_snapshot *b) {
    int by_time = (a->created_at > b->created_at) - (a->created_at < b->created_at);
    int oldest = by_time ? by_time : pawl__str_compare(a->id, b->id);
    return order == PAWL_ORDER_NEWEST ? -oldest : oldest;
}

bool pawl__query_match(const struct pawl_query *query, const struct pawl_snapshot *row) {
    bool of_end = query->ended_from || query->ended_before;
    struct pawl_snapshot place = {.id = query->after_id, .created_at = query->after_created};
    return (!query->statuses || (query->statuses >> row->status & 1)) &&
           query_is(row->name, query->name) &&
           query_within(row->created_at, query->created_from, query->created_before) &&
           (!of_end || (row->completed_at &&
                        query_within(row->completed_at, query->ended_from, query->ended_before))) &&
           query_is(row->parent, query->parent) && query_contains(row->tags, query->tag) &&
           pawl__str_starts(row->id, query->id_prefix) &&
           query_contains(row->custom_status, query->custom_status) &&
           query_is(row->failure_type, query->failure_type) &&
           (!query->after_id.len || pawl__query_compare(query->order, row, &place) > 0);
}

bool pawl__query_is_of_kinds(const struct pawl_query *query) {
    return !query->created_from && !query->created_before && !query->ended_from &&
           !query->ended_before && !query->parent.len && !query->tag.len && !query->id_prefix.len &&
           !query->custom_status.len && !query->failure_type.len && !query->after_id.len;
}

bool pawl__query_has_filter(const struct pawl_query *query) {
    struct pawl_query all = *query;
    all.after_id = (struct pawl_str){0}; // a place is none
    return all.statuses || all.name.len || !pawl__query_is_of_kinds(&all);
}

bool pawl__query_ends_before(const struct pawl_query *query) {
    int64_t at = query->scan->created_at;
    if (query->order == PAWL_ORDER_NEWEST) return query->created_from && at < query->created_from;
    return query->created_before && at >= query->created_before;
}

bool pawl__query_from(const struct pawl_query *query, int64_t *created_at, struct pawl_str *id) {
    bool newest = query->order == PAWL_ORDER_NEWEST, placed = query->after_id.len;
    int64_t bound = newest ? query->created_before : query->created_from;
    bool narrows =
        bound &&
        (!placed || (newest ? query->after_created >= bound : query->after_created < bound));
    *created_at = narrows ? bound : query->after_created;
    *id = narrows ? PAWL_STR("") : query->after_id;
    return narrows || placed;
}

bool pawl__query_after_prefix(struct pawl_buf *out, struct pawl_str prefix) {
    while (prefix.len && (uint8_t)prefix.data[prefix.len - 1] == 0xff) prefix.len--;
    if (!prefix.len) return true;
    if (!pawl__buf_append_str(out, prefix)) return false;
    out->data[out->len - 1]++;
    return true;
}
