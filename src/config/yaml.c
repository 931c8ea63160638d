#include "config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "config/near.h"

enum {
    YAML_DEPTH = 32,
    YAML_NODES = 100000,
    YAML_BYTES = 8 << 20
};

struct anchor {
    const char *name;
    const struct pawl_yaml *node;
    struct anchor *next;
};

struct reader {
    yaml_parser_t parser;
    const char *file;
    struct pawl_str text;
    struct pawl_arena *arena;
    struct pawl_error *error;
    struct anchor *anchors; // of this document, once their nodes are complete
    size_t nodes;
};

static enum pawl_err yaml_fail_at(const struct reader *reader, size_t line, const char *text) {
    return pawl__fail(reader->error, PAWL_E_INVALID, "%s:%zu: %s", reader->file, line + 1, text);
}

// Whether a tab is among the blanks that |line| begins with.
static bool yaml_has_tab(const struct reader *reader, size_t line) {
    const char *at = reader->text.data, *end = at + reader->text.len;
    for (; line && at; line--) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (at) at++;
    }
    while (at && at < end && *at == ' ') at++;
    return at && at < end && *at == '\t';
}

static enum pawl_err yaml_next(struct reader *reader, yaml_event_t *event) {
    if (yaml_parser_parse(&reader->parser, event)) return PAWL_OK;
    const char *problem = reader->parser.problem ? reader->parser.problem : "is not YAML";
    size_t line = reader->parser.problem_mark.line;
    char text[256];
    snprintf(text, sizeof text, "%s%s", problem,
             yaml_has_tab(reader, line) ? "; indent with blanks, as YAML takes no tabs there" : "");
    return yaml_fail_at(reader, line, text);
}

static enum pawl_err yaml_read(struct reader *reader, const yaml_event_t *event, int depth,
                               struct pawl_yaml **out);

// The text of a scalar, which ends at its first NUL for all who read it: so it may have none.
static enum pawl_err yaml_text(struct reader *reader, const yaml_event_t *event, const char **out) {
    const struct pawl_str text = {(const char *)event->data.scalar.value,
                                  event->data.scalar.length};
    if (text.len && memchr(text.data, 0, text.len))
        return yaml_fail_at(reader, event->start_mark.line, "a text has a NUL (\\0) in it");
    *out = pawl__arena_dup(reader->arena, text);
    return *out ? PAWL_OK : pawl__fail_plain(reader->error, PAWL_E_NOMEM);
}

// An alias stands for all that its anchor holds, and counts as much, so that a few lines cannot
// stand for millions. As a node gets its anchor only when it is complete, none can hold itself.
static enum pawl_err yaml_alias(struct reader *reader, const yaml_event_t *event,
                                struct pawl_yaml *node) {
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = reader->anchors;
    while (anchor && strcmp(anchor->name, name) != 0) anchor = anchor->next;
    if (!anchor)
        return yaml_fail_at(reader, event->start_mark.line, "no anchor of this name above");
    *node = *anchor->node;
    node->key = NULL;
    node->next = NULL;
    reader->nodes += node->weight;
    return reader->nodes > YAML_NODES
               ? yaml_fail_at(reader, event->start_mark.line, "the file is too large")
               : PAWL_OK;
}

static enum pawl_err yaml_anchor(struct reader *reader, const yaml_char_t *name,
                                 const struct pawl_yaml *node) {
    struct anchor *anchor = pawl__arena_zalloc(reader->arena, sizeof *anchor);
    if (!anchor) return pawl__fail_plain(reader->error, PAWL_E_NOMEM);
    anchor->name = pawl__arena_dup(reader->arena, pawl__str((const char *)name));
    anchor->node = node;
    anchor->next = reader->anchors;
    reader->anchors = anchor;
    return anchor->name ? PAWL_OK : pawl__fail_plain(reader->error, PAWL_E_NOMEM);
}

// "<<: *name" in a map: the members of another map, where they are not given here.
static enum pawl_err yaml_merge(struct reader *reader, struct pawl_yaml *map) {
    struct pawl_yaml **at = &map->children;
    while (*at && strcmp((*at)->key, "<<") != 0) at = &(*at)->next;
    if (!*at) return PAWL_OK;
    const struct pawl_yaml *given = *at;
    *at = given->next;
    const struct pawl_yaml *from = given->kind == PAWL_YAML_LIST ? given->children : given;
    for (; from; from = given->kind == PAWL_YAML_LIST ? from->next : NULL) {
        if (from->kind != PAWL_YAML_MAP)
            return yaml_fail_at(reader, (size_t)given->line - 1, "<< has to name a map");
        for (const struct pawl_yaml *child = from->children; child; child = child->next) {
            if (pawl__yaml_get(map, child->key)) continue;
            struct pawl_yaml *copy = pawl__arena_alloc(reader->arena, sizeof *copy);
            if (!copy) return pawl__fail_plain(reader->error, PAWL_E_NOMEM);
            *copy = *child;
            copy->next = map->children;
            map->children = copy;
        }
    }
    return PAWL_OK;
}

// Reads the members of a map or list up to its end.
static enum pawl_err yaml_read_children(struct reader *reader, struct pawl_yaml *parent,
                                        int depth) {
    struct pawl_yaml **last = &parent->children;
    bool map = parent->kind == PAWL_YAML_MAP;
    for (;;) {
        yaml_event_t event;
        enum pawl_err err = yaml_next(reader, &event);
        if (err) return err;
        bool over = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        const char *key = NULL;
        if (map && !over) {
            if (event.type != YAML_SCALAR_EVENT)
                err = yaml_fail_at(reader, event.start_mark.line, "a key has to be plain text");
            else
                err = yaml_text(reader, &event, &key);
            for (const struct pawl_yaml *other = parent->children; key && other;
                 other = other->next)
                if (strcmp(other->key, key) == 0) {
                    char text[128];
                    snprintf(text, sizeof text, "\"%.60s\" is given twice", key);
                    err = yaml_fail_at(reader, event.start_mark.line, text);
                    break;
                }
            yaml_event_delete(&event);
            if (!err) err = yaml_next(reader, &event);
            if (err) return err;
        }
        if (!over) err = yaml_read(reader, &event, depth + 1, last);
        yaml_event_delete(&event);
        if (!err && over && map) err = yaml_merge(reader, parent);
        if (err || over) return err;
        (*last)->key = key;
        parent->weight += (*last)->weight;
        last = &(*last)->next;
    }
}

static enum pawl_err yaml_read(struct reader *reader, const yaml_event_t *event, int depth,
                               struct pawl_yaml **out) {
    size_t line = event->start_mark.line;
    if (depth > YAML_DEPTH) return yaml_fail_at(reader, line, "is nested too deeply");
    if (++reader->nodes > YAML_NODES) return yaml_fail_at(reader, line, "the file is too large");
    struct pawl_yaml *node = pawl__arena_zalloc(reader->arena, sizeof *node);
    if (!node) return pawl__fail_plain(reader->error, PAWL_E_NOMEM);
    node->line = (int)line + 1;
    node->file = reader->file;
    node->weight = 1;
    *out = node;
    const yaml_char_t *anchor = NULL;
    enum pawl_err err;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        err = yaml_text(reader, event, &node->text);
        node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
        anchor = event->data.scalar.anchor;
        break;
    case YAML_MAPPING_START_EVENT:
        node->kind = PAWL_YAML_MAP;
        anchor = event->data.mapping_start.anchor;
        err = yaml_read_children(reader, node, depth);
        break;
    case YAML_SEQUENCE_START_EVENT:
        node->kind = PAWL_YAML_LIST;
        anchor = event->data.sequence_start.anchor;
        err = yaml_read_children(reader, node, depth);
        break;
    case YAML_ALIAS_EVENT: return yaml_alias(reader, event, node);
    default: return yaml_fail_at(reader, line, "is not expected here");
    }
    return err || !anchor ? err : yaml_anchor(reader, anchor, node);
}

enum pawl_err pawl__yaml_parse(const char *file, struct pawl_str text, struct pawl_arena *arena,
                               struct pawl_yaml **out, struct pawl_error *error) {
    struct reader reader = {.text = text, .arena = arena, .error = error};
    reader.file = pawl__arena_dup(arena, pawl__str(file));
    *out = NULL;
    if (!reader.file || !yaml_parser_initialize(&reader.parser))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    // An empty text may have no address, and libyaml wants one.
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.len ? text.data : ""),
                                 text.len);
    struct pawl_yaml **last = out;
    enum pawl_err err = PAWL_OK;
    for (bool over = false; !over && !err;) {
        yaml_event_t event;
        err = yaml_next(&reader, &event);
        if (err) break;
        over = event.type == YAML_STREAM_END_EVENT;
        bool root = event.type == YAML_SCALAR_EVENT || event.type == YAML_MAPPING_START_EVENT ||
                    event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_ALIAS_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT) reader.anchors = NULL;
        if (root) err = yaml_read(&reader, &event, 0, last);
        if (root && !err) last = &(*last)->next;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader.parser);
    if (err) *out = NULL;
    return err;
}

enum pawl_err pawl__file_read(const char *path, struct pawl_arena *arena, struct pawl_str *out,
                              struct pawl_error *error) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return pawl__fail(error, PAWL_E_IO, "cannot read %s: %s", path, strerror(errno));
    struct pawl_buf bytes = {0};
    ssize_t got = 1;
    while (got > 0 && bytes.len <= YAML_BYTES) {
        uint8_t *room = pawl__buf_reserve(&bytes, 65536);
        got = room ? read(fd, room, 65536) : -1;
        if (got > 0) bytes.len += (size_t)got;
    }
    int why = bytes.failed ? ENOMEM : errno;
    if (!standard) close(fd);
    char *copy = got == 0 ? pawl__arena_dup(arena, pawl__buf_str(&bytes)) : NULL;
    *out = (struct pawl_str){copy, bytes.len};
    pawl__buf_finish(&bytes);
    if (copy) return PAWL_OK;
    return pawl__fail(error, PAWL_E_IO, "cannot read %s: %s", path,
                      got > 0 ? "it is larger than 8 MiB" : strerror(why));
}

enum pawl_err pawl__yaml_load(const char *path, struct pawl_arena *arena, struct pawl_yaml **out,
                              struct pawl_error *error) {
    struct pawl_str text;
    *out = NULL;
    enum pawl_err err = pawl__file_read(path, arena, &text, error);
    return err ? err : pawl__yaml_parse(path, text, arena, out, error);
}

// --- looking ------------------------------------------------------------------------------------

// "key:" with nothing after it, "~" and "null".
static bool yaml_is_null(const struct pawl_yaml *node) {
    if (node->kind != PAWL_YAML_SCALAR || node->quoted) return false;
    return !*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0;
}

struct pawl_yaml *pawl__yaml_get(const struct pawl_yaml *map, const char *key) {
    if (!map || map->kind != PAWL_YAML_MAP) return NULL;
    for (struct pawl_yaml *child = map->children; child; child = child->next)
        if (strcmp(child->key, key) == 0) return yaml_is_null(child) ? NULL : child;
    return NULL;
}

const char *pawl__yaml_text(const struct pawl_yaml *map, const char *key) {
    const struct pawl_yaml *node = pawl__yaml_get(map, key);
    return node && node->kind == PAWL_YAML_SCALAR ? node->text : NULL;
}

enum pawl_err pawl__yaml_fail(const struct pawl_yaml *node, struct pawl_error *error,
                              const char *what, const char *expected) {
    return pawl__fail(error, PAWL_E_INVALID, "%s:%d: %s has to be %s", node->file, node->line, what,
                      expected);
}

enum pawl_err pawl__yaml_check(const struct pawl_yaml *map, const char *what,
                               const char *const *known, struct pawl_error *error) {
    if (!map) return PAWL_OK;
    if (map->kind != PAWL_YAML_MAP) return pawl__yaml_fail(map, error, what, "a map of keys");
    for (const struct pawl_yaml *child = map->children; child; child = child->next) {
        const char *near = pawl__nearest(child->key, known);
        if (near && strcmp(child->key, near) == 0) continue;
        char list[256] = "";
        for (size_t i = 0; known[i] && strlen(list) + strlen(known[i]) + 3 < sizeof list; i++) {
            if (i) strcat(list, ", ");
            strcat(list, known[i]);
        }
        return pawl__fail(error, PAWL_E_INVALID,
                          "%s:%d: unknown key \"%s\" in %s%s%s%s; known keys: %s", child->file,
                          child->line, child->key, what, near ? "; did you mean \"" : "",
                          near ? near : "", near ? "\"?" : "", list);
    }
    return PAWL_OK;
}

// Go's encoding leaves empty texts where nothing was set.
static bool yaml_is_empty(const struct pawl_yaml *node) {
    return !node || (node->kind == PAWL_YAML_SCALAR && !*node->text);
}

enum pawl_err pawl__yaml_int(const struct pawl_yaml *map, const char *key, int *out,
                             struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(map, key);
    int64_t number;
    if (yaml_is_empty(node)) return PAWL_OK;
    if (node->kind != PAWL_YAML_SCALAR ||
        !pawl__str_to_int(pawl__str(node->text), INT32_MIN, INT32_MAX, &number))
        return pawl__yaml_fail(node, error, key, "a whole number");
    *out = (int)number;
    return PAWL_OK;
}

enum pawl_err pawl__yaml_bool(const struct pawl_yaml *map, const char *key, bool *out,
                              struct pawl_error *error) {
    const struct pawl_yaml *node = pawl__yaml_get(map, key);
    if (yaml_is_empty(node)) return PAWL_OK;
    bool yes = node->text && strcasecmp(node->text, "true") == 0;
    if (!yes && (!node->text || strcasecmp(node->text, "false") != 0))
        return pawl__yaml_fail(node, error, key, "true or false");
    *out = yes;
    return PAWL_OK;
}

bool pawl__duration_parse(const char *text, int64_t *out) {
    static const struct {
        const char *unit;
        double nanoseconds;
    } units[] = {{"ns", 1},  {"us", 1e3}, {"\u00b5s", 1e3}, {"ms", 1e6},
                 {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    double total = 0;
    if (strcmp(text, "0") == 0) {
        *out = 0;
        return true;
    }
    if (!*text) return false;
    while (*text) {
        char *end;
        if ((*text < '0' || *text > '9') && *text != '.') return false;
        size_t digits = strspn(text, "0123456789.");
        double number = strtod(text, &end);
        if (end != text + digits) return false; // strtod also knows hex digits and exponents
        size_t len = strcspn(end, "0123456789.");
        bool found = false;
        for (size_t i = 0; i < sizeof units / sizeof *units && !found; i++)
            if (strlen(units[i].unit) == len && memcmp(units[i].unit, end, len) == 0) {
                total += number * units[i].nanoseconds;
                found = true;
            }
        if (!found) return false;
        text = end + len;
    }
    if (total > 9e18) return false;
    *out = (int64_t)total;
    return true;
}
