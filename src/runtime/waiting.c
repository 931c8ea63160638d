#include "runtime/waiting.h"

#include <stdlib.h>

void pawl__waiting_init(struct pawl_waiting *waiting) {
    *waiting = (struct pawl_waiting){0};
    pawl__link_init(&waiting->names);
}

static void waiting_free(struct pawl_waiting *waiting, struct pawl_waiting_name *name) {
    if (!name->message) pawl__map_remove(&waiting->by_name, name->name);
    pawl__list_remove(&name->link);
    pawl__queue_finish(&name->queue);
    free(name);
}

void pawl__waiting_finish(struct pawl_waiting *waiting) {
    if (!waiting->names.next) return; // it was not initialised
    while (!pawl__list_empty(&waiting->names))
        waiting_free(waiting, PAWL_CONTAINER(waiting->names.next, struct pawl_waiting_name, link));
    pawl__map_finish(&waiting->by_name);
}

struct pawl_waiting_name *pawl__waiting_find(const struct pawl_waiting *waiting,
                                             struct pawl_str name, size_t message) {
    if (!message) return pawl__map_get(&waiting->by_name, name);
    PAWL_LIST_EACH(struct pawl_waiting_name, one, &waiting->names, link) {
        if (one->message == message && pawl__str_equal(one->name, name)) return one;
    }
    return NULL;
}

static struct pawl_waiting_name *waiting_create(struct pawl_waiting *waiting, struct pawl_str name,
                                                size_t message) {
    struct pawl_waiting_name *one = malloc(sizeof *one + name.len);
    if (!one) return NULL;
    *one = (struct pawl_waiting_name){.name = {one->name_bytes, name.len}, .message = message};
    if (name.len) memcpy(one->name_bytes, name.data, name.len);
    if (!message && !pawl__map_put(&waiting->by_name, one->name, one)) {
        free(one);
        return NULL;
    }
    pawl__list_add(&waiting->names, &one->link);
    return one;
}

bool pawl__waiting_add(struct pawl_waiting *waiting, struct pawl_str name, size_t message,
                       struct pawl_work work) {
    struct pawl_waiting_name *one = pawl__waiting_find(waiting, name, message);
    if (!one) one = waiting_create(waiting, name, message);
    if (!one) return false;
    bool ok = pawl__queue_push(&one->queue, work);
    pawl__waiting_tidy(waiting, one);
    return ok;
}

void pawl__waiting_tidy(struct pawl_waiting *waiting, struct pawl_waiting_name *name) {
    if (!name->queue.len) waiting_free(waiting, name);
}

void pawl__waiting_forget(struct pawl_waiting *waiting, const struct pawl_residency *home) {
    PAWL_LIST_EACH_SAFE(struct pawl_waiting_name, name, &waiting->names, link) {
        pawl__queue_forget(&name->queue, home);
        pawl__waiting_tidy(waiting, name);
    }
}

bool pawl__waiting_move(struct pawl_waiting *waiting, struct pawl_queue *queue) {
    while (!pawl__list_empty(&waiting->names)) {
        struct pawl_waiting_name *name =
            PAWL_CONTAINER(waiting->names.next, struct pawl_waiting_name, link);
        if (!pawl__queue_move(queue, &name->queue)) return false;
        pawl__waiting_tidy(waiting, name);
    }
    return true;
}
