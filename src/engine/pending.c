#include "engine/instance.h"

#include <stdlib.h>

// The list is sorted by id, and ids only grow, so adding is appending. Resolving leaves a hole;
// holes go when they are the larger half, so that a wide fan-out costs no more than linear time.

// The first place whose id is not less than |id|.
static size_t pending_place(const struct pawl_pending_list *list, int32_t id) {
    size_t low = 0, high = list->len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->items[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct pawl_pending *pawl__pending_find(const struct pawl_pending_list *list, int32_t id) {
    size_t i = pending_place(list, id);
    if (i == list->len || list->items[i].id != id || !list->items[i].kind) return NULL;
    return &list->items[i];
}

bool pawl__pending_add(struct pawl_pending_list *list, struct pawl_pending item) {
    size_t i = pending_place(list, item.id);
    if (i < list->len && list->items[i].id == item.id) { // a hole of the same id
        list->items[i] = item;
        list->live++;
        list->timers += pawl__pending_is_timer(&item);
        return true;
    }
    if (list->len == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        struct pawl_pending *items = realloc(list->items, cap * sizeof *items);
        if (!items) return false;
        list->items = items;
        list->cap = cap;
    }
    memmove(&list->items[i + 1], &list->items[i], (list->len - i) * sizeof *list->items);
    list->items[i] = item;
    list->len++;
    list->live++;
    list->timers += pawl__pending_is_timer(&item);
    return true;
}

void pawl__pending_remove(struct pawl_pending_list *list, struct pawl_pending *item) {
    list->timers -= pawl__pending_is_timer(item);
    item->kind = PAWL_PENDING_NONE;
    list->live--;
    if (list->live > list->len / 2) return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->len; i++)
        if (list->items[i].kind) list->items[kept++] = list->items[i];
    list->len = kept;
}

void pawl__pending_drop_timers(struct pawl_pending_list *list) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->len; i++)
        if (list->items[i].kind && !pawl__pending_is_timer(&list->items[i]))
            list->items[kept++] = list->items[i];
    list->len = list->live = kept;
    list->timers = 0;
}

void pawl__pending_clear(struct pawl_pending_list *list) {
    free(list->items);
    *list = (struct pawl_pending_list){0};
}
