#include "engine/pending.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

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

// --- deadlines ----------------------------------------------------------------------------------

static bool deadline_before(struct pawl_deadline a, struct pawl_deadline b) {
    return a.fire_at != b.fire_at ? a.fire_at < b.fire_at : a.id < b.id;
}

static void deadline_up(struct pawl_deadline *heap, size_t i) {
    struct pawl_deadline moved = heap[i];
    for (; i && deadline_before(moved, heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = moved;
}

static void deadline_down(struct pawl_deadline *heap, size_t len, size_t i) {
    struct pawl_deadline moved = heap[i];
    for (size_t child; (child = 2 * i + 1) < len; i = child) {
        if (child + 1 < len && deadline_before(heap[child + 1], heap[child])) child++;
        if (!deadline_before(heap[child], moved)) break;
        heap[i] = heap[child];
    }
    heap[i] = moved;
}

// The timer that |deadline| is of; NULL: it is resolved.
static struct pawl_pending *deadline_timer(const struct pawl_pending_list *list,
                                           struct pawl_deadline deadline) {
    struct pawl_pending *item = pawl__pending_find(list, deadline.id);
    return item && pawl__pending_is_timer(item) && item->fire_at == deadline.fire_at ? item : NULL;
}

static bool deadline_add(struct pawl_pending_list *list, const struct pawl_pending *item) {
    if (list->deadline_count == list->deadline_cap) {
        uint32_t cap = list->deadline_cap ? list->deadline_cap * 2 : 4;
        struct pawl_deadline *deadlines = realloc(list->deadlines, cap * sizeof *deadlines);
        if (!deadlines) return false;
        list->deadlines = deadlines;
        list->deadline_cap = cap;
    }
    list->deadlines[list->deadline_count] = (struct pawl_deadline){item->fire_at, item->id};
    deadline_up(list->deadlines, list->deadline_count++);
    return true;
}

// Drops all that stands for nothing.
static void deadline_compact(struct pawl_pending_list *list) {
    struct pawl_deadline *heap = list->deadlines;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->deadline_count; i++)
        if (deadline_timer(list, heap[i])) heap[kept++] = heap[i];
    list->deadline_count = kept;
    for (uint32_t i = kept / 2; i-- > 0;) deadline_down(heap, kept, i);
}

// Keeps a live timer at the top, and no more than half of the rest resolved.
static void deadline_tidy(struct pawl_pending_list *list) {
    struct pawl_deadline *heap = list->deadlines;
    if (list->deadline_count > 8 && list->timers < list->deadline_count / 2) deadline_compact(list);
    while (list->deadline_count && !deadline_timer(list, heap[0])) {
        heap[0] = heap[--list->deadline_count];
        if (list->deadline_count) deadline_down(heap, list->deadline_count, 0);
    }
}

struct pawl_pending *pawl__pending_first_timer(const struct pawl_pending_list *list) {
    return list->deadline_count ? pawl__pending_find(list, list->deadlines[0].id) : NULL;
}

// --- the list -----------------------------------------------------------------------------------

static bool pending_reserve(struct pawl_pending_list *list) {
    if (list->len < list->cap) return true;
    uint32_t cap = list->cap ? list->cap * 2 : 4;
    struct pawl_pending *items = realloc(list->items, cap * sizeof *items);
    if (!items) return false;
    list->items = items;
    list->cap = cap;
    return true;
}

bool pawl__pending_add(struct pawl_pending_list *list, struct pawl_pending item) {
    if (!pending_reserve(list)) return false;
    if (pawl__pending_is_timer(&item) && item.fire_at != INT64_MAX && !deadline_add(list, &item))
        return false;
    size_t i = pending_place(list, item.id);
    if (i == list->len || list->items[i].id != item.id) { // else it is a hole of the same id
        memmove(&list->items[i + 1], &list->items[i], (list->len - i) * sizeof *list->items);
        list->len++;
    }
    list->items[i] = item;
    list->live++;
    list->timers += pawl__pending_is_timer(&item);
    if (i < list->first) list->first = (uint32_t)i;
    return true;
}

static void pending_compact(struct pawl_pending_list *list) {
    uint32_t kept = 0;
    for (uint32_t i = list->first; i < list->len; i++)
        if (list->items[i].kind) list->items[kept++] = list->items[i];
    list->len = kept;
    list->first = 0;
}

void pawl__pending_remove(struct pawl_pending_list *list, struct pawl_pending *item) {
    bool is_timer = pawl__pending_is_timer(item);
    list->timers -= is_timer;
    list->live--;
    item->kind = PAWL_PENDING_NONE;
    if (is_timer) deadline_tidy(list);
    while (list->first < list->len && !list->items[list->first].kind) list->first++;
    if (list->live <= list->len / 2) pending_compact(list);
}

void pawl__pending_undo(struct pawl_pending_list *list, const int32_t *added, size_t added_count,
                        const struct pawl_pending *removed, size_t removed_count) {
    for (size_t i = 0; i < added_count; i++)
        pawl__pending_remove(list, pawl__pending_find(list, added[i]));
    pending_compact(list);
    deadline_compact(list);
    // Now there is room for as many as there ever were.
    for (size_t i = 0; i < removed_count; i++) pawl__assert(pawl__pending_add(list, removed[i]));
}

void pawl__pending_drop_timers(struct pawl_pending_list *list) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->len; i++)
        if (list->items[i].kind && !pawl__pending_is_timer(&list->items[i]))
            list->items[kept++] = list->items[i];
    list->len = list->live = kept;
    list->timers = list->first = list->deadline_count = 0;
}

void pawl__pending_clear(struct pawl_pending_list *list) {
    free(list->items);
    free(list->deadlines);
    *list = (struct pawl_pending_list){0};
}
