#include <sys/stat.h>

#include "api/console.h"
#include "api/figures.h"
#include "api/numbers.h"
#include "api/work.h"
#include "base/clock.h"
#include "observe/past.h"
#include "runtime/neighbours.h"

// The parts of this daemon: its workers and what waits for them, its stores, and the daemons that
// share the app with it. Each loop tells of its own.

// Which loop it is, where there are several.
static void parts_set_loop(json_t **object, const struct pawl_api *api) {
    const struct pawl_neighbours *loops = api->options.neighbours;
    if (loops) pawl__json_set(object, "loop", json_integer((json_int_t)loops->sibling->index));
}

// The row of |rows| whose |key| is that of |like|; NULL: there is none.
static json_t *parts_find(const json_t *rows, const json_t *like, const char *key) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        if (json_equal(json_object_get(row, key), json_object_get(like, key))) return row;
    }
    return NULL;
}

enum {
    PARTS_ITEMS = 20,   // of one worker
    PARTS_LOOKED = 5000 // items of a queue that are looked at for their names
};

// --- workers -------------------------------------------------------------------------------------

static json_t *worker_names(const struct pawl_worker *worker, bool turn) {
    json_t *names = json_array();
    const char *name;
    size_t at = 0;
    while (worker->names && (name = worker->names(worker, turn, &at)))
        pawl__json_add(&names, json_string(name));
    return names;
}

static struct pawl_str item_name(const struct pawl_instance *instance, int32_t task_id,
                                 uint64_t generation) {
    if (task_id == PAWL_ITEM_TURN) return pawl__str(instance->name);
    return generation == instance->generation ? pawl__shard_activity_name(instance, task_id)
                                              : PAWL_STR("");
}

static json_t *worker_item(const struct pawl_item *item, int64_t now) {
    struct pawl_str name = item_name(item->instance, item->task_id, item->generation);
    json_t *json = json_pack("{s:s, s:s, s:s%}", "instance", item->instance->id, "kind",
                             item->task_id == PAWL_ITEM_TURN ? "turn" : "activity", "name",
                             name.len ? name.data : "", name.len);
    // The steady clock's moment, as people's clock had it.
    pawl__console_time(&json, "since", pawl__clock_wall() - (now - item->began));
    return json;
}

static json_t *worker_json(const struct pawl_work_view *view) {
    static const char *const dialects[] = {
        [PAWL_DIALECT_DAPR] = "dapr",
        [PAWL_DIALECT_UNKNOWN] = "unknown",
        [PAWL_DIALECT_MICROSOFT] = "microsoft",
    };
    const struct pawl_worker *worker = view->worker;
    json_t *items = json_array();
    int64_t now = pawl__clock_steady();
    for (const struct pawl_link *link = worker->items.next;
         link != &worker->items && json_array_size(items) < PARTS_ITEMS; link = link->next)
        pawl__json_add(&items,
                       worker_item(PAWL_CONTAINER(link, const struct pawl_item, link), now));
    json_t *json = json_pack(
        "{s:I, s:o, s:s, s:b, s:b, s:b, s:I, s:o, s:o, s:o}", "number", (json_int_t)worker->number,
        "agent", pawl__json_text(view->agent), "dialect", dialects[worker->dialect], "paused",
        (int)worker->paused, "saysNames", worker->names != NULL, "foreign", (int)view->is_foreign,
        "inFlight", (json_int_t)worker->in_flight, "workflows", worker_names(worker, true),
        "activities", worker_names(worker, false), "items", items);
    if (worker->limit) pawl__json_set(&json, "limit", json_integer((json_int_t)worker->limit));
    pawl__console_time(&json, "since", view->since);
    return json;
}

// --- what waits ----------------------------------------------------------------------------------

// |hasWorker|: there is one that has it, and it is busy.
static json_t *waiting_row(bool turn, struct pawl_str name, size_t count, bool has_worker) {
    return json_pack("{s:s, s:s%, s:I, s:b}", "kind", turn ? "workflow" : "activity", "name",
                     name.len ? name.data : "", name.len, "n", (json_int_t)count, "hasWorker",
                     (int)has_worker);
}

static void waiting_add(json_t **rows, const struct pawl_waiting *waiting, bool turn) {
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        pawl__json_add(rows, waiting_row(turn, name->name, name->queue.len, true));
    }
}

static json_t *waiting_find(const json_t *rows, struct pawl_str name, bool turn, bool has_worker) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        const char *kind = json_string_value(json_object_get(row, "kind"));
        if ((*kind == 'w') == turn &&
            json_is_true(json_object_get(row, "hasWorker")) == has_worker &&
            pawl__str_equal(name, pawl__str(json_string_value(json_object_get(row, "name")))))
            return row;
    }
    return NULL;
}

static void waiting_count(json_t *row, json_int_t more) {
    json_t *n = json_object_get(row, "n");
    json_integer_set(n, json_integer_value(n) + more);
}

static void waiting_add_parked(json_t **rows, const struct pawl_queue *queue, bool turn) {
    for (size_t i = 0; i < queue->len && i < PARTS_LOOKED; i++) {
        const struct pawl_effect *effect =
            &queue->items[(queue->head + i) & (queue->cap - 1)].effect;
        struct pawl_str name = item_name(effect->instance, turn ? PAWL_ITEM_TURN : effect->task_id,
                                         effect->generation);
        json_t *row = waiting_find(*rows, name, turn, false);
        if (row)
            waiting_count(row, 1);
        else
            pawl__json_add(rows, waiting_row(turn, name, 1, false));
    }
}

static json_t *workers_make(struct pawl_figures *figures, struct pawl_api *api) {
    const struct pawl_node *node = api->options.node;
    json_t *workers = json_array(), *rows = json_array();
    const struct pawl_link *link = &api->streams;
    struct pawl_work_view view;
    while (pawl__work_next(api, &link, &view)) {
        json_t *worker = worker_json(&view);
        parts_set_loop(&worker, api);
        pawl__json_add(&workers, worker);
    }
    if (node) {
        waiting_add(&rows, &node->dispatch.waiting_turns, true);
        waiting_add(&rows, &node->dispatch.waiting_activities, false);
        waiting_add_parked(&rows, &node->dispatch.parked_turns, true);
        waiting_add_parked(&rows, &node->dispatch.parked_activities, false);
    }
    return json_pack("{s:o, s:o, s:I}", "workers", workers, "waiting", rows, "elsewhere",
                     (json_int_t)pawl__workers_elsewhere(node, api->options.neighbours));
}

static bool workers_merge(json_t *into, const json_t *from) {
    json_t *rows = json_object_get(into, "waiting"), *row;
    bool ok =
        !json_array_extend(json_object_get(into, "workers"), json_object_get(from, "workers"));
    size_t i;
    json_array_foreach(json_object_get(from, "waiting"), i, row) {
        const char *kind = json_string_value(json_object_get(row, "kind"));
        json_t *known =
            waiting_find(rows, pawl__str(json_string_value(json_object_get(row, "name"))),
                         *kind == 'w', json_is_true(json_object_get(row, "hasWorker")));
        if (known)
            waiting_count(known, json_integer_value(json_object_get(row, "n")));
        else
            ok = !json_array_append(rows, row) && ok;
    }
    return ok;
}

void pawl__console_workers(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    static const struct pawl_figures figures = {.make = workers_make, .merge = workers_merge};
    pawl__figures_begin(arg, request, &figures);
}

// --- stores --------------------------------------------------------------------------------------

static double parts_milliseconds(const struct pawl_histogram *histogram, double quantile) {
    double value = histogram->buckets
                       ? pawl__past_quantile(histogram->buckets, histogram->counts, quantile)
                       : -1;
    return value < 0 ? -1 : value / (double)PAWL_MILLISECOND;
}

static double parts_file_size(const char *path) {
    struct stat info;
    return path && stat(path, &info) == 0 ? (double)info.st_size : 0;
}

static double parts_wal_size(const char *path) {
    struct pawl_arena arena = {0};
    double size = parts_file_size(pawl__arena_format(&arena, "%s-wal", path));
    pawl__arena_finish(&arena);
    return size;
}

static json_t *store_json(const struct pawl_api_store *store) {
    const struct pawl_storage *storage = store->storage;
    const struct pawl_storage_meters *meters = &storage->meters;
    const struct pawl_error *why;
    double trouble = (double)pawl__storage_trouble(store->storage, &why) / (double)PAWL_SECOND;
    json_t *json =
        json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name", store->name, "type",
                  store->type, "commits", (double)pawl__storage_commits(storage), "commitP50",
                  parts_milliseconds(&meters->commits, 0.5), "commitP99",
                  parts_milliseconds(&meters->commits, 0.99), "nothing", (double)meters->nothing,
                  "unknown", (double)meters->unknown, "refused", (double)meters->refused,
                  "snapshots", (double)meters->snapshots, "failingSeconds", trouble);
    if (trouble > 0) pawl__json_set(&json, "failing", pawl__json_text(pawl__str(why->text)));
    if (!store->path) return json;
    pawl__json_set(&json, "path", pawl__json_text(pawl__str(store->path)));
    pawl__json_set(&json, "bytes", json_real(parts_file_size(store->path)));
    pawl__json_set(&json, "logBytes", json_real(parts_wal_size(store->path)));
    return json;
}

static json_t *shard_json(const struct pawl_node *node, uint32_t number) {
    static const char *const states[] = {
        [PAWL_RESIDENCY_IDLE] = "idle",
        [PAWL_RESIDENCY_TAKING] = "taking",
        [PAWL_RESIDENCY_SERVING] = "serving",
        [PAWL_RESIDENCY_CLOSING] = "closing",
    };
    const struct pawl_partition *partition = &node->partitions[number];
    const struct pawl_residency *residency = &partition->residency;
    const struct pawl_checkpoint *point = &partition->checkpoint;
    bool has_state = pawl__residency_has_state(residency); // else a thread may be at it
    uint64_t epoch = has_state ? residency->lease.epoch : 0;
    uint64_t durable = has_state ? residency->durable : 0, trimmed = has_state ? point->trimmed : 0;
    json_t *json = json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "number",
                             (json_int_t)number, "state", states[residency->state], "epoch",
                             (json_int_t)epoch, "position", (json_int_t)durable, "lag",
                             (json_int_t)(durable > trimmed ? durable - trimmed : 0), "logBytes",
                             (json_int_t)(durable > trimmed ? point->log_bytes : 0), "inMemory",
                             (json_int_t)(has_state ? residency->shard.instances.len : 0), "asleep",
                             (json_int_t)(has_state ? residency->sleepers.by_id.len : 0));
    const struct pawl_member *holder =
        node->shares && node->members.at ? pawl__members_holder(&node->members, number) : NULL;
    if (holder) pawl__json_set(&json, "holder", json_stringn(holder->id.data, holder->id.len));
    return json;
}

static json_t *daemon_json(const struct pawl_api *api, const struct pawl_member *member) {
    bool self = pawl__members_is_self(&api->options.node->members, member);
    json_t *json = json_pack("{s:s%, s:o, s:I, s:b}", "id", member->id.data, member->id.len,
                             "address", pawl__json_text(member->address), "workers",
                             (json_int_t)member->workers, "self", (int)self);
    if (self) parts_set_loop(&json, api);
    pawl__console_time(&json, "since", member->joined_at);
    return json;
}

static json_t *store_make(struct pawl_figures *figures, struct pawl_api *api) {
    const struct pawl_node *node = api->options.node;
    json_t *stores = json_array(), *shards = json_array(), *daemons = json_array();
    for (size_t i = 0; i < api->options.stores->count; i++)
        pawl__json_add(&stores, store_json(api->options.stores->items[i]));
    for (uint32_t i = 0; node && i < node->count; i++) pawl__json_add(&shards, shard_json(node, i));
    for (size_t i = 0; node && node->shares && i < node->members.count; i++)
        pawl__json_add(&daemons, daemon_json(api, &node->members.list[i]));
    return json_pack("{s:o, s:o, s:o}", "stores", stores, "shards", shards, "daemons", daemons);
}

// What each loop has counted is added up. Commits are the store's, and counted for all.
static bool stores_merge(json_t *into, const json_t *from) {
    static const char *const sums[] = {"nothing", "unknown", "refused", "snapshots"};
    static const char *const highest[] = {"commits", "commitP50", "commitP99", "failingSeconds"};
    bool ok = true;
    size_t i;
    json_t *row;
    json_array_foreach(from, i, row) {
        json_t *known = parts_find(into, row, "name"), *failing = json_object_get(row, "failing");
        if (!known) continue; // it was added by files that the loop has taken over already
        ok = pawl__figures_add(known, row, sums, sizeof sums / sizeof *sums) && ok;
        for (size_t k = 0; k < sizeof highest / sizeof *highest; k++)
            ok = pawl__figures_raise(known, row, highest[k]) && ok;
        if (failing) ok = !json_object_set(known, "failing", failing) && ok;
    }
    return ok;
}

// Rows of |from| take the place of those with the same |key| that know less than they.
static bool rows_merge(json_t *into, const json_t *from, const char *key,
                       bool (*knows_more)(const json_t *row)) {
    bool ok = true;
    size_t i;
    json_t *row;
    json_array_foreach(from, i, row) {
        json_t *known = parts_find(into, row, key);
        if (!known)
            ok = !json_array_append(into, row) && ok;
        else if (knows_more(row))
            ok = !json_object_update(known, row) && ok;
    }
    return ok;
}

static bool shard_is_there(const json_t *row) {
    return strcmp(json_string_value(json_object_get(row, "state")), "idle") != 0;
}

static bool daemon_is_self(const json_t *row) {
    return json_is_true(json_object_get(row, "self"));
}

static bool store_merge(json_t *into, const json_t *from) {
    bool ok = stores_merge(json_object_get(into, "stores"), json_object_get(from, "stores"));
    ok = rows_merge(json_object_get(into, "shards"), json_object_get(from, "shards"), "number",
                    shard_is_there) &&
         ok;
    return rows_merge(json_object_get(into, "daemons"), json_object_get(from, "daemons"), "id",
                      daemon_is_self) &&
           ok;
}

void pawl__console_store(void *arg, struct pawl_request *request,
                         const struct pawl_params *params) {
    static const struct pawl_figures figures = {.make = store_make, .merge = store_merge};
    pawl__figures_begin(arg, request, &figures);
}
