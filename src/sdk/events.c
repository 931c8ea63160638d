#include "sdk/events.h"

struct events_name {
    struct pawl_link waits; // the caller's links
    struct pawl_link kept;  // pawl_event::same
};

void pawl__events_init(struct pawl_events *events) {
    pawl__link_init(&events->kept);
}

void pawl__events_finish(struct pawl_events *events) {
    pawl__map_finish(&events->names);
    pawl__buf_finish(&events->scratch);
}

// |name| in lower case, until the next call; no data when memory is out.
static struct pawl_str events_key(struct pawl_events *events, const char *name) {
    size_t len = strlen(name);
    pawl__buf_clear(&events->scratch);
    char *key = (char *)pawl__buf_reserve(&events->scratch, len + 1);
    if (!key) return (struct pawl_str){NULL, 0};
    for (size_t i = 0; i <= len; i++)
        key[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20) : name[i];
    return (struct pawl_str){key, len};
}

// NULL when memory is out.
static struct events_name *events_name(struct pawl_events *events, struct pawl_arena *arena,
                                       const char *text) {
    struct pawl_str key = events_key(events, text);
    struct events_name *name = key.data ? pawl__map_get(&events->names, key) : NULL;
    if (name || !key.data) return name;
    name = pawl__arena_alloc(arena, sizeof *name);
    char *copy = pawl__arena_dup(arena, key);
    if (!name || !copy) return NULL;
    pawl__link_init(&name->waits);
    pawl__link_init(&name->kept);
    return pawl__map_put(&events->names, (struct pawl_str){copy, key.len}, name) ? name : NULL;
}

bool pawl__events_raise(struct pawl_events *events, struct pawl_arena *arena,
                        const Pb__HistoryEvent *event, struct pawl_link **wait) {
    struct events_name *name = events_name(events, arena, event->eventraised->name);
    if (!name) return false;
    *wait = pawl__list_take(&name->waits);
    if (*wait) return true;
    struct pawl_event *kept = pawl__arena_alloc(arena, sizeof *kept);
    if (!kept) return false;
    pawl__link_init(&kept->link);
    pawl__link_init(&kept->same);
    kept->event = event;
    pawl__list_add(&events->kept, &kept->link);
    pawl__list_add(&name->kept, &kept->same);
    return true;
}

bool pawl__events_take(struct pawl_events *events, struct pawl_arena *arena, const char *name,
                       const Pb__EventRaisedEvent **out) {
    *out = NULL;
    struct events_name *found = events_name(events, arena, name);
    if (!found) return false;
    struct pawl_link *first = pawl__list_take(&found->kept);
    if (!first) return true;
    struct pawl_event *event = PAWL_CONTAINER(first, struct pawl_event, same);
    pawl__list_remove(&event->link);
    *out = event->event->eventraised;
    return true;
}

bool pawl__events_wait(struct pawl_events *events, struct pawl_arena *arena, const char *name,
                       struct pawl_link *wait) {
    struct events_name *found = events_name(events, arena, name);
    if (found) pawl__list_add(&found->waits, wait);
    return found;
}
