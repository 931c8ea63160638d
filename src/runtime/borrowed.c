#include "runtime/borrowed.h"

#include <stdlib.h>

#include "orchestrator_service.pb-c.h"
#include "wire/unpack.h"

void pawl__borrowed_init(struct pawl_borrowed_items *items, struct pawl_dispatch *dispatch) {
    *items = (struct pawl_borrowed_items){.dispatch = dispatch};
}

void pawl__borrowed_finish(struct pawl_borrowed_items *items) {
    pawl__map_finish(&items->by_token);
}

void pawl__borrowed_count(struct pawl_borrowed_items *items, struct pawl_borrowed *item,
                          struct pawl_worker *worker) {
    size_t *out = &items->dispatch->out[item->turn];
    if (item->worker) {
        item->worker->in_flight--;
        --*out;
    }
    item->worker = worker;
    if (!worker) return;
    worker->in_flight++;
    ++*out;
}

void pawl__borrowed_free(struct pawl_borrowed_items *items, struct pawl_borrowed *item) {
    if (items->delivered == item) items->delivered = NULL;
    if (pawl__map_get(&items->by_token, item->token) == item)
        pawl__map_remove(&items->by_token, item->token);
    pawl__borrowed_count(items, item, NULL);
    pawl__list_remove(&item->link);
    free(item);
}

// --- making --------------------------------------------------------------------------------------

static struct pawl_str borrowed_copy(char **at, struct pawl_str text) {
    char *copy = *at;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *at += text.len + 1;
    return (struct pawl_str){copy, text.len};
}

// The instance that it is of; NULL: it is of none.
static const char *borrowed_id(const Pb__WorkItem *row) {
    switch (row->request_case) {
    case PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST: return row->workflowrequest->instanceid;
    case PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST:
        if (!row->activityrequest->workflowinstance) return NULL;
        return row->activityrequest->workflowinstance->instanceid;
    default: return NULL;
    }
}

static struct pawl_borrowed *borrowed_of(struct pawl_str bytes, const Pb__WorkItem *row) {
    const char *id = row ? borrowed_id(row) : NULL;
    if (!id || !*row->completiontoken) return NULL;
    struct pawl_str token = pawl__str(row->completiontoken);
    struct pawl_borrowed *item = malloc(sizeof *item + bytes.len + strlen(id) + token.len + 3);
    if (!item) return NULL;
    char *at = item->text;
    *item = (struct pawl_borrowed){.turn = row->request_case ==
                                           PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST};
    item->task_id = item->turn ? PAWL_ITEM_TURN : row->activityrequest->taskid;
    item->bytes = borrowed_copy(&at, bytes);
    item->id = borrowed_copy(&at, pawl__str(id));
    item->token = borrowed_copy(&at, token);
    pawl__link_init(&item->link);
    return item;
}

struct pawl_borrowed *pawl__borrowed_create(struct pawl_borrowed_items *items,
                                            struct pawl_str bytes, struct pawl_worker *worker) {
    struct pawl_arena arena = {0};
    const Pb__WorkItem *row = pawl__wire_unpack(&arena, &pb__work_item__descriptor, bytes, NULL);
    struct pawl_borrowed *item = borrowed_of(bytes, row);
    pawl__arena_finish(&arena);
    if (item && !pawl__map_put(&items->by_token, item->token, item)) {
        free(item);
        return NULL;
    }
    if (item) pawl__borrowed_count(items, item, worker);
    return item;
}

struct pawl_borrowed *pawl__borrowed_match(const struct pawl_borrowed_items *items,
                                           struct pawl_str id, int32_t task_id, const char *token) {
    if (*token) {
        struct pawl_borrowed *item = pawl__map_get(&items->by_token, pawl__str(token));
        return item && item->task_id == task_id && pawl__str_equal(item->id, id) ? item : NULL;
    }
    if (pawl__dispatch_find(items->dispatch, NULL, id, task_id)) return NULL;
    size_t at = 0;
    for (struct pawl_borrowed *item; (item = pawl__map_next(&items->by_token, &at));)
        if (item->task_id == task_id && pawl__str_equal(item->id, id)) return item;
    return NULL;
}

bool pawl__borrowed_is_here(const struct pawl_borrowed_items *items, const struct pawl_call *call) {
    bool turn = call->verb->kind == PAWL_VERB_TURN_RESULT;
    const struct pawl_turn_result *answer =
        PAWL_CONTAINER(call, const struct pawl_turn_result, call);
    const struct pawl_activity_result *result =
        PAWL_CONTAINER(call, const struct pawl_activity_result, call);
    const struct pawl_dispatch *dispatch = turn ? answer->dispatch : result->dispatch;
    if (dispatch != items->dispatch) return true; // it is another app's work
    int32_t task = turn ? PAWL_ITEM_TURN : result->response->taskid;
    const char *token =
        turn ? answer->response->completiontoken : result->response->completiontoken;
    const struct pawl_item *item = pawl__dispatch_find(items->dispatch, NULL, call->id, task);
    if (item && !item->worker->remote && (!*token || strcmp(item->token, token) == 0)) return true;
    if (pawl__dispatch_has_departed(items->dispatch, call->id, task, token)) return true;
    return pawl__borrowed_match(items, call->id, task, token);
}
