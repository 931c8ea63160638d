#include "base/least.h"

#include <stdlib.h>

bool pawl__least_init(struct pawl_least *least, size_t max) {
    *least = (struct pawl_least){.items = calloc(max, 2 * sizeof *least->items), .max = max};
    return least->items;
}

void pawl__least_finish(struct pawl_least *least) {
    free(least->items);
}

static int least_compare(const void *a, const void *b) {
    return pawl__str_compare(*(const struct pawl_str *)a, *(const struct pawl_str *)b);
}

size_t pawl__least_end(struct pawl_least *least) {
    qsort(least->items, least->len, sizeof *least->items, least_compare);
    if (least->len > least->max) least->len = least->max;
    return least->len;
}

// Sorts only when twice as many as are wanted are there, which is seldom: most of what comes later
// is greater than all that is kept.
void pawl__least_add(struct pawl_least *least, struct pawl_str text) {
    if (least->cut && pawl__str_compare(text, least->items[least->max - 1]) >= 0) return;
    least->items[least->len++] = text;
    if (least->len < 2 * least->max) return;
    pawl__least_end(least);
    least->cut = true;
}
