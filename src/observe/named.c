#include "observe/named.h"

#include <stdlib.h>

static struct pawl_named *names_create(const struct pawl_named_set *names, struct pawl_str name) {
    struct pawl_named *item = calloc(1, names->size + name.len);
    if (!item) return NULL;
    char *text = (char *)item + names->size;
    if (name.len) memcpy(text, name.data, name.len);
    pawl__link_init(&item->link);
    item->name = (struct pawl_str){text, name.len};
    if (names->init) names->init(item, names->arg);
    return item;
}

bool pawl__named_init(struct pawl_named_set *names, size_t size, size_t most,
                      void (*init)(void *item, void *arg), void *arg) {
    *names = (struct pawl_named_set){.size = size, .most = most, .init = init, .arg = arg};
    pawl__link_init(&names->list);
    names->other = names_create(names, PAWL_STR("other"));
    return names->other;
}

void pawl__named_finish(struct pawl_named_set *names) {
    if (!names->size) return;
    if (names->other) pawl__list_remove(&names->other->link);
    for (struct pawl_named *named; (named = PAWL_LIST_TAKE(struct pawl_named, &names->list, link));)
        free(named);
    free(names->other);
    pawl__map_finish(&names->by_name);
}

static void *names_other(struct pawl_named_set *names) {
    if (pawl__list_empty(&names->other->link)) pawl__list_add(&names->list, &names->other->link);
    return names->other;
}

void *pawl__named_get(struct pawl_named_set *names, struct pawl_str name) {
    name = pawl__str_shorten(name, PAWL_NAMED_TEXT);
    struct pawl_named *item = names->last; // most calls come with the same few names
    if (item && pawl__str_equal(name, item->name)) return item;
    item = pawl__map_get(&names->by_name, name);
    if (item) return names->last = item;
    bool is_other = pawl__str_equal(name, names->other->name);
    if (is_other || names->count == names->most) return names_other(names);
    item = names_create(names, name);
    if (!item) return names_other(names);
    if (!pawl__map_put(&names->by_name, item->name, item)) {
        free(item);
        return names_other(names);
    }
    names->count++;
    pawl__list_add(&names->list, &item->link);
    return item;
}
