#include "engine/received.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/assert.h"

// The letters of one origin.
struct received_line {
    struct pawl_link link;
    uint64_t floor;    // those before it were received
    uint64_t *numbers; // that were received from there on, ascending
    size_t count, cap;
    size_t app_len, key_len;
    char key[]; // the app, a zero and the origin
};

static void received_put(char *at, uint64_t number) {
    for (int i = 0; i < 8; i++) at[i] = (char)(number >> (56 - 8 * i));
}

static uint64_t received_get(const char *at) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) number = number << 8 | (uint8_t)at[i];
    return number;
}

// The place of |number| among those of |line|, or where it would stand.
static size_t line_find(const struct received_line *line, uint64_t number) {
    size_t low = 0, high = line->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (line->numbers[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool line_has(const struct received_line *line, uint64_t number) {
    size_t at = line_find(line, number);
    return number < line->floor || (at < line->count && line->numbers[at] == number);
}

static bool line_insert(struct received_line *line, uint64_t number) {
    if (!pawl__array_room((void **)&line->numbers, line->count, &line->cap, sizeof *line->numbers))
        return false;
    size_t at = line_find(line, number);
    if (at < line->count && line->numbers[at] == number) return true;
    memmove(line->numbers + at + 1, line->numbers + at, (line->count - at) * sizeof *line->numbers);
    line->numbers[at] = number;
    line->count++;
    return true;
}

static void line_free(struct pawl_received *received, struct received_line *line) {
    pawl__map_remove(&received->lines, (struct pawl_str){line->key, line->key_len});
    pawl__list_remove(&line->link);
    free(line->numbers);
    free(line);
}

void pawl__received_finish(struct pawl_received *received) {
    while (received->order.next && !pawl__list_empty(&received->order))
        line_free(received, PAWL_CONTAINER(received->order.next, struct received_line, link));
    pawl__map_finish(&received->lines);
    *received = (struct pawl_received){0};
}

static struct received_line *received_find(const struct pawl_received *received, const char *app,
                                           struct pawl_str origin) {
    char key[PAWL_APP_MOST + 1 + PAWL_ORIGIN];
    size_t len = strlen(app) + 1;
    pawl__assert(origin.len == PAWL_ORIGIN && len > 1 && len <= PAWL_APP_MOST + 1);
    memcpy(key, app, len);
    memcpy(key + len, origin.data, origin.len);
    return pawl__map_get(&received->lines, (struct pawl_str){key, len + origin.len});
}

// NULL: memory is out.
static struct received_line *received_begin(struct pawl_received *received, struct pawl_str app,
                                            struct pawl_str origin) {
    struct received_line *line = calloc(1, sizeof *line + app.len + 1 + origin.len);
    if (!line) return NULL;
    line->app_len = app.len;
    line->key_len = app.len + 1 + origin.len;
    memcpy(line->key, app.data, app.len);
    memcpy(line->key + app.len + 1, origin.data, origin.len);
    if (!pawl__map_put(&received->lines, (struct pawl_str){line->key, line->key_len}, line)) {
        free(line);
        return NULL;
    }
    if (!received->order.next) pawl__link_init(&received->order);
    pawl__list_add(&received->order, &line->link);
    return line;
}

bool pawl__received_has(const struct pawl_received *received, const char *app,
                        const struct pawl_crossing *crossing) {
    const struct received_line *line = received_find(received, app, crossing->origin);
    return line && line_has(line, crossing->number);
}

// --- rows ---------------------------------------------------------------------------------------

enum pawl_err pawl__received_load(struct pawl_received *received, struct pawl_str key,
                                  struct pawl_str bytes, struct pawl_error *error) {
    const char *end = key.len ? memchr(key.data, 0, key.len) : NULL;
    size_t app_len = end ? (size_t)(end - key.data) : 0;
    if (!app_len || key.len != app_len + 1 + PAWL_ORIGIN + 8 || bytes.len != 8)
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "the note of a message of another app cannot be read");
    struct pawl_str line_key = {key.data, app_len + 1 + PAWL_ORIGIN};
    struct received_line *line = pawl__map_get(&received->lines, line_key);
    if (!line)
        line = received_begin(received, (struct pawl_str){key.data, app_len},
                              (struct pawl_str){end + 1, PAWL_ORIGIN});
    if (!line || !line_insert(line, received_get(line_key.data + line_key.len)))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    uint64_t floor = received_get(bytes.data);
    if (line->floor < floor) line->floor = floor;
    return PAWL_OK;
}

static enum pawl_err received_write(const struct received_line *line, uint64_t number, bool gone,
                                    struct pawl_mailbag *bag) {
    size_t len = line->key_len + 8;
    char *key = pawl__arena_alloc(&bag->arena, len + 8);
    if (!key) return PAWL_E_NOMEM;
    memcpy(key, line->key, line->key_len);
    received_put(key + line->key_len, number);
    received_put(key + len, line->floor);
    const struct pawl_letter letter = {
        .box = gone ? PAWL_BOX_FORGOTTEN : PAWL_BOX_RECEIVED,
        .key = {key, len},
        .bytes = {key + len, gone ? 0 : 8},
    };
    return pawl__mailbag_put(bag, &letter);
}

static enum pawl_err received_forget(struct received_line *line, size_t count,
                                     struct pawl_mailbag *bag) {
    for (size_t i = 0; i < count; i++) {
        enum pawl_err err = received_write(line, line->numbers[i], true, bag);
        if (err) return err;
    }
    line->count -= count;
    memmove(line->numbers, line->numbers + count, line->count * sizeof *line->numbers);
    return PAWL_OK;
}

// Whether both are of the same shard of the same app.
static bool line_is_akin(const struct received_line *a, const struct received_line *b) {
    size_t len = a->app_len + 1 + PAWL_ORIGIN_SHARD;
    return a->app_len == b->app_len && memcmp(a->key, b->key, len) == 0;
}

// Forgets what began first, when |line| is one too many.
static enum pawl_err received_forget_oldest(struct pawl_received *received,
                                            const struct received_line *line,
                                            struct pawl_mailbag *bag) {
    struct received_line *oldest = NULL;
    size_t count = 0;
    PAWL_LIST_EACH(struct received_line, at, &received->order, link) {
        if (!line_is_akin(at, line)) continue;
        if (!oldest) oldest = at;
        count++;
    }
    if (count <= PAWL_ORIGINS) return PAWL_OK;
    enum pawl_err err = received_forget(oldest, oldest->count, bag);
    if (!err) line_free(received, oldest);
    return err;
}

enum pawl_err pawl__received_add(struct pawl_received *received, const char *app,
                                 const struct pawl_crossing *crossing, struct pawl_mailbag *bag) {
    struct received_line *line = received_find(received, app, crossing->origin);
    enum pawl_err err = PAWL_OK;
    if (!line) {
        line = received_begin(received, pawl__str(app), crossing->origin);
        if (!line) return PAWL_E_NOMEM;
        err = received_forget_oldest(received, line, bag);
    }
    // The row goes with what it says of the floor: so the last one says it after those before it
    // have gone.
    uint64_t floor = crossing->floor < crossing->number ? crossing->floor : crossing->number;
    if (line->floor < floor) line->floor = floor;
    if (!err && !line_insert(line, crossing->number)) err = PAWL_E_NOMEM;
    if (!err) err = received_write(line, crossing->number, false, bag);
    if (!err) err = received_forget(line, line_find(line, line->floor), bag);
    return err;
}
