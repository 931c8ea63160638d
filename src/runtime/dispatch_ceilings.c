#include "runtime/dispatch.h"

// What the app's ceilings have to do with the work of this daemon.

// Work may be under two ceilings, and needs room under both. What waits for one of them counts as
// lacking under the other, too, so that the room there is not given back meanwhile.

// How much work of one name waits, be it for a ceiling or for a worker.
static size_t ceilings_waiting(const struct pawl_dispatch *dispatch,
                               const struct pawl_ceiling *named) {
    const struct pawl_waiting *waiting =
        named->turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    size_t count = 0;
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        if (pawl__str_equal(name->name, named->name)) count += name->queue.len;
    }
    return count;
}

// How much work of any name waits; if |closed|, only that whose name's ceiling is reached.
static size_t ceilings_waiting_in_all(const struct pawl_dispatch *dispatch, bool turn,
                                      bool closed) {
    const struct pawl_waiting *waiting =
        turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    size_t count = closed ? 0 : (turn ? &dispatch->turns : &dispatch->activities)->len;
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        bool counts = !closed || !pawl__ceiling_is_open(
                                     pawl__ceilings_find(dispatch->ceilings, turn, name->name));
        if (counts) count += name->queue.len;
    }
    return count;
}

void pawl__dispatch_note_lacking(struct pawl_dispatch *dispatch) {
    struct pawl_ceilings *ceilings = dispatch->ceilings;
    bool room[2] = {pawl__choose_any(dispatch, false), pawl__choose_any(dispatch, true)};
    for (size_t i = 0; i < ceilings->count; i++) {
        struct pawl_ceiling *ceiling = &ceilings->list[i];
        bool turn = ceiling->turn, open = pawl__ceiling_is_open(ceilings->all[turn]);
        size_t waits = 0;
        if (room[turn] && !ceiling->name.len)
            waits = ceilings_waiting_in_all(dispatch, turn, open);
        else if (room[turn] && !(open && pawl__ceiling_is_open(ceiling)))
            waits = ceilings_waiting(dispatch, ceiling);
        ceiling->lacking = waits < UINT32_MAX / 2 ? (uint32_t)waits : UINT32_MAX / 2;
    }
}

void pawl__dispatch_depart(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    bool turn = item->task_id == PAWL_ITEM_TURN;
    const struct pawl_ceilings *ceilings = dispatch->ceilings;
    if (!ceilings || item->heard || (!item->ceiling && !ceilings->all[turn])) {
        pawl__dispatch_free_item(dispatch, item);
        return;
    }
    pawl__list_remove(&item->link);
    pawl__list_add(&dispatch->departed, &item->link);
    pawl__instance_unref(item->instance); // which may be of a state that is dropped
    item->instance = NULL;
    item->home = NULL;
}

static struct pawl_item *ceilings_departed(const struct pawl_dispatch *dispatch, struct pawl_str id,
                                           int32_t task_id, const char *token) {
    PAWL_LIST_EACH(struct pawl_item, item, &dispatch->departed, link) {
        struct pawl_str own = {item->key, item->key_len - sizeof item->task_id};
        if (item->task_id == task_id && pawl__str_equal(own, id) &&
            (!*token || strcmp(token, item->token) == 0))
            return item;
    }
    return NULL;
}

bool pawl__dispatch_has_departed(const struct pawl_dispatch *dispatch, struct pawl_str id,
                                 int32_t task_id, const char *token) {
    const struct pawl_item *item = ceilings_departed(dispatch, id, task_id, token);
    return item && !item->worker->remote;
}

void pawl__dispatch_note_answered(struct pawl_dispatch *dispatch, struct pawl_str id,
                                  int32_t task_id, const char *token) {
    if (!dispatch->ceilings) return;
    struct pawl_item *held = pawl__dispatch_peek(dispatch, id, task_id);
    if (held && (!*token || strcmp(token, held->token) == 0)) {
        held->heard = true;
        return;
    }
    struct pawl_item *item = ceilings_departed(dispatch, id, task_id, token);
    if (!item) return;
    pawl__dispatch_free_item(dispatch, item);
    pawl__dispatch_pump(dispatch);
}

void pawl__dispatch_departed_lost(struct pawl_dispatch *dispatch,
                                  const struct pawl_worker *worker) {
    PAWL_LIST_EACH_SAFE(struct pawl_item, item, &dispatch->departed, link) {
        if (!worker || item->worker == worker) pawl__dispatch_free_item(dispatch, item);
    }
}
