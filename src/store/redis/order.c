// The order of instances by their creation, from which lists are read. A place in it is the time,
// as 16 digits whose order is that of the times, and the id. Commits keep it; what an earlier Pawl
// has written gets its places when the shard is leased.

#include "store/redis/internal.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/groups.h"
#include "store/query.h"

enum {
    ORDER_TIME = 17,      // bytes of a time, with its end
    ORDER_PAGE_MOST = 256 // rows that one call reads
};

static void order_time(int64_t time, char out[ORDER_TIME]) {
    snprintf(out, ORDER_TIME, "%016" PRIx64, (uint64_t)time ^ UINT64_C(1) << 63);
}

void pawl__redis_add_time(struct pawl_redis_args *args, int64_t time) {
    char text[ORDER_TIME];
    order_time(time, text);
    char *copy = pawl__arena_dup(&args->arena, pawl__str(text));
    if (!copy) args->failed = true;
    pawl__redis_add(args, pawl__str(copy));
}

// --- pages --------------------------------------------------------------------------------------

struct order_read {
    struct pawl_redis *store;
    const struct pawl_query *query;
    uint64_t shard;
    bool newest;
    size_t found;        // rows that fit, in all
    size_t looked;       // rows that were looked at
    struct pawl_buf at;  // a bound: where the next page begins
    struct pawl_buf end; // a bound: where the last one ends
};

// A bound of ZRANGEBYLEX; |exclusive|: what stands there is not within.
static void order_bound(struct pawl_buf *bound, bool exclusive, int64_t time, struct pawl_str id) {
    char text[ORDER_TIME];
    order_time(time, text);
    pawl__buf_clear(bound);
    pawl__buf_append(bound, exclusive ? "(" : "[", 1);
    pawl__buf_append_str(bound, pawl__str(text));
    pawl__buf_append_str(bound, id);
}

static void order_begin(struct order_read *read) {
    const struct pawl_query *query = read->query;
    struct pawl_buf *low = read->newest ? &read->end : &read->at;
    struct pawl_buf *high = read->newest ? &read->at : &read->end;
    pawl__buf_append(low, "-", 1);
    pawl__buf_append(high, "+", 1);
    if (query->created_from) order_bound(low, false, query->created_from, PAWL_STR(""));
    if (query->created_before) order_bound(high, true, query->created_before, PAWL_STR(""));
    if (!query->after_id.len) return;
    // What the place leaves out is left out by the filter, too, if a time does so already.
    bool narrows = read->newest
                       ? !query->created_before || query->after_created < query->created_before
                       : query->after_created >= query->created_from;
    if (narrows) order_bound(&read->at, true, query->after_created, query->after_id);
}

static enum pawl_err order_give(struct order_read *read, const redisReply *row, pawl_snapshot_fn fn,
                                void *arg, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot snapshot;
    enum pawl_err err =
        pawl__redis_read_columns(read->store, pawl__redis_str(row->element[1]),
                                 pawl__redis_str(row->element[2]), &arena, &snapshot, error);
    if (!err && pawl__query_match(read->query, &snapshot)) {
        read->found++;
        err = fn(arg, &snapshot, error);
    }
    pawl__arena_finish(&arena);
    return err;
}

static bool order_is_full(const struct order_read *read) {
    return read->query->limit && read->found >= read->query->limit;
}

// Reads |count| rows from |read->at| on, and moves that behind them. |*more|: there may be others.
static enum pawl_err order_page(struct order_read *read, size_t count, bool *more,
                                pawl_snapshot_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    pawl__redis_call(&args, read->store, PAWL_REDIS_PAGE);
    pawl__redis_add_uint(&args, read->shard);
    pawl__redis_add(&args, read->newest ? PAWL_STR("+") : PAWL_STR("-"));
    pawl__redis_add(&args, pawl__buf_str(&read->at));
    pawl__redis_add(&args, pawl__buf_str(&read->end));
    pawl__redis_add_uint(&args, count);
    args.failed |= read->at.failed || read->end.failed;
    enum pawl_err err = pawl__redis_run_read(read->store, PAWL_REDIS_PAGE, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    *more = reply->type == REDIS_REPLY_ARRAY && reply->elements == count;
    read->looked += reply->elements;
    for (size_t i = 0; !err && i < reply->elements && !order_is_full(read); i++) {
        const redisReply *row = reply->element[i];
        if (row->elements != 3)
            err = pawl__fail(error, PAWL_E_CORRUPT, "%s: the order of shard %llu is damaged",
                             read->store->name, (unsigned long long)read->shard);
        else if (row->element[2]->len) // or it has gone meanwhile
            err = order_give(read, row, fn, arg, error);
    }
    if (!err && *more) {
        pawl__buf_clear(&read->at);
        pawl__buf_append(&read->at, "(", 1);
        pawl__buf_append_str(&read->at,
                             pawl__redis_str(reply->element[reply->elements - 1]->element[0]));
    }
    freeReplyObject(reply);
    return err;
}

// |read| has looked at as many as it may: tells where that was.
static enum pawl_err order_stop(const struct order_read *read, struct pawl_error *error) {
    struct pawl_scan *scan = read->query->scan;
    struct pawl_str at = pawl__buf_str(&read->at); // a bracket, a time, an id
    char time[ORDER_TIME];
    snprintf(time, sizeof time, "%.16s", at.data + 1);
    scan->stopped = true;
    scan->created_at = (int64_t)(strtoull(time, NULL, 16) ^ UINT64_C(1) << 63);
    scan->id.len = at.len - ORDER_TIME;
    scan->id.data =
        pawl__arena_dup(scan->arena, (struct pawl_str){at.data + ORDER_TIME, scan->id.len});
    return scan->id.data ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__redis_query(struct pawl_store *base, uint64_t shard,
                                const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                struct pawl_error *error) {
    struct order_read read = {.store = (struct pawl_redis *)base,
                              .query = query,
                              .shard = shard,
                              .newest = query->order == PAWL_ORDER_NEWEST};
    enum pawl_err err = PAWL_OK;
    struct pawl_scan *scan = query->scan;
    size_t most = scan && scan->most ? scan->most : SIZE_MAX;
    bool more = true, stops = false;
    if (scan) scan->stopped = false;
    order_begin(&read);
    // What fits is asked for at first; where filters leave much out, more at a time.
    size_t count = query->limit && query->limit < ORDER_PAGE_MOST ? query->limit : ORDER_PAGE_MOST;
    while (!err && more && !stops && !order_is_full(&read)) {
        size_t left = most - read.looked;
        err = order_page(&read, count < left ? count : left, &more, fn, arg, error);
        count = ORDER_PAGE_MOST;
        stops = more && !order_is_full(&read) && read.looked >= most;
    }
    if (!err && stops) err = order_stop(&read, error);
    pawl__buf_finish(&read.at);
    pawl__buf_finish(&read.end);
    return err;
}

enum pawl_err pawl__redis_count(struct pawl_store *base, uint64_t shard,
                                const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                struct pawl_error *error) {
    return pawl__groups_count(pawl__redis_query, base, shard, query, fn, arg, error);
}

// --- rows of an earlier Pawl --------------------------------------------------------------------

// Gives |rows|, of a step of HSCAN, their places. PAWL_E_HELD: another has the lease.
static enum pawl_err order_place(struct pawl_redis *store, const struct pawl_lease *lease,
                                 int64_t ttl, bool last, const redisReply *rows,
                                 struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    struct pawl_arena arena = {0};
    redisReply *reply = NULL;
    bool sent;
    pawl__redis_call(&args, store, PAWL_REDIS_PLACE);
    pawl__redis_add_uint(&args, lease->shard);
    pawl__redis_add_uint(&args, lease->epoch);
    pawl__redis_add_int(&args, ttl);
    pawl__redis_add_int(&args, last);
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i + 1 < rows->elements; i += 2) {
        struct pawl_snapshot row;
        struct pawl_str id = pawl__redis_str(rows->element[i]);
        err = pawl__redis_read_columns(store, id, pawl__redis_str(rows->element[i + 1]), &arena,
                                       &row, error);
        if (err) break;
        pawl__redis_add(&args, id);
        pawl__redis_add_time(&args, row.created_at);
    }
    if (!err)
        err = pawl__redis_run(store, &store->writer, PAWL_REDIS_PLACE, &args, &reply, &sent, error);
    if (!err && !pawl__redis_uint(reply))
        err = pawl__fail(error, PAWL_E_HELD, "shard %llu was taken by another daemon meanwhile",
                         (unsigned long long)lease->shard);
    if (reply) freeReplyObject(reply);
    pawl__arena_finish(&arena);
    pawl__redis_args_finish(&args);
    return err;
}

enum pawl_err pawl__redis_order(struct pawl_redis *store, const struct pawl_lease *lease,
                                int64_t ttl, struct pawl_error *error) {
    char cursor[24] = "0";
    enum pawl_err err;
    bool last;
    do {
        redisReply *reply;
        err = pawl__redis_step(store, "HSCAN", "rows", lease->shard, cursor, &reply, error);
        if (err) return err;
        last = strcmp(cursor, "0") == 0;
        err = order_place(store, lease, ttl, last, reply->element[1], error);
        freeReplyObject(reply);
    } while (!err && !last);
    return err;
}
