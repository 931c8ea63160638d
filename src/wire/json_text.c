#include "wire/json_text.h"

#include "wire/unpack.h"

enum {
    JSON_DEPTH = 10000
};

// --- checking -----------------------------------------------------------------------------------

struct json_scan {
    const char *at, *end;
    const char *what; // the flaw; NULL: there is none yet
};

static bool json_flaw(struct json_scan *scan, const char *what) {
    scan->what = scan->at == scan->end ? "it ends too early" : what;
    return false;
}

static bool json_is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool json_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static void json_skip_space(struct json_scan *scan) {
    while (scan->at < scan->end && json_is_space(*scan->at)) scan->at++;
}

// The next byte, or a NUL at the end, which fits nowhere.
static char json_peek(const struct json_scan *scan) {
    return (char)(scan->at < scan->end ? *scan->at : 0);
}

static bool json_take(struct json_scan *scan, char c) {
    if (json_peek(scan) != c) return false;
    scan->at++;
    return true;
}

static bool json_scan_string(struct json_scan *scan) {
    if (!json_take(scan, '"')) return json_flaw(scan, "a string was expected");
    for (;;) {
        char c = json_peek(scan);
        if ((unsigned char)c < 0x20) return json_flaw(scan, "a string has a control character");
        scan->at++;
        if (c == '"') return true;
        if (c != '\\') continue;
        c = json_peek(scan);
        if (!c || !strchr("\"\\/bfnrtu", c)) return json_flaw(scan, "there is no such escape");
        scan->at++;
        for (int i = 0; c == 'u' && i < 4; i++, scan->at++)
            if (pawl__hex_digit(json_peek(scan)) < 0)
                return json_flaw(scan, "\\u needs four digits");
    }
}

static bool json_scan_digits(struct json_scan *scan) {
    if (!json_is_digit(json_peek(scan))) return json_flaw(scan, "a digit was expected");
    while (json_is_digit(json_peek(scan))) scan->at++;
    return true;
}

static bool json_scan_number(struct json_scan *scan) {
    json_take(scan, '-');
    if (!json_take(scan, '0') && !json_scan_digits(scan)) return false;
    if (json_take(scan, '.') && !json_scan_digits(scan)) return false;
    if (!json_take(scan, 'e') && !json_take(scan, 'E')) return true;
    if (!json_take(scan, '+')) json_take(scan, '-');
    return json_scan_digits(scan);
}

static bool json_scan_scalar(struct json_scan *scan) {
    static const char *const words[] = {"null", "true", "false"};
    char c = json_peek(scan);
    if (c == '"') return json_scan_string(scan);
    if (c == '-' || json_is_digit(c)) return json_scan_number(scan);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, words[i], len) != 0) continue;
        scan->at += len;
        return true;
    }
    return json_flaw(scan, "a value was expected");
}

static bool json_scan_name(struct json_scan *scan) {
    json_skip_space(scan);
    if (!json_scan_string(scan)) return false;
    json_skip_space(scan);
    return json_take(scan, ':') || json_flaw(scan, "a colon was expected");
}

// What is open around the place that is scanned: a bit each, set for objects.
struct json_nest {
    unsigned depth;
    uint8_t bits[JSON_DEPTH / 8 + 1];
};

static bool json_in_object(const struct json_nest *nest) {
    return nest->bits[(nest->depth - 1) / 8] & 1 << (nest->depth - 1) % 8;
}

// Opens the array or object at |scan|. |*empty|: it has closed again.
static bool json_open(struct json_scan *scan, struct json_nest *nest, bool *empty) {
    bool object = json_peek(scan) == '{';
    if (nest->depth == JSON_DEPTH) return json_flaw(scan, "it is nested too deeply");
    uint8_t bit = (uint8_t)(1 << nest->depth % 8), *bits = &nest->bits[nest->depth / 8];
    *bits = object ? *bits | bit : *bits & (uint8_t)~bit;
    scan->at++;
    json_skip_space(scan);
    *empty = json_take(scan, object ? '}' : ']');
    if (*empty) return true;
    nest->depth++;
    return !object || json_scan_name(scan);
}

// Closes what ends after a value. False, and no flaw: a comma says that another value follows.
static bool json_close(struct json_scan *scan, struct json_nest *nest) {
    while (nest->depth) {
        bool object = json_in_object(nest);
        json_skip_space(scan);
        if (json_take(scan, ',')) {
            if (object) json_scan_name(scan);
            return false;
        }
        if (!json_take(scan, object ? '}' : ']'))
            return json_flaw(scan, "a comma or the closing bracket was expected");
        nest->depth--;
    }
    return true;
}

static bool json_scan_value(struct json_scan *scan) {
    struct json_nest nest;
    nest.depth = 0;
    do {
        json_skip_space(scan);
        char c = json_peek(scan);
        bool whole = true;
        if (c != '{' && c != '[')
            json_scan_scalar(scan);
        else
            json_open(scan, &nest, &whole);
        if (!scan->what && whole && json_close(scan, &nest)) return true;
    } while (!scan->what);
    return false;
}

bool pawl__json_check(struct pawl_str text, struct pawl_json_flaw *flaw) {
    if (!text.len) {
        *flaw = (struct pawl_json_flaw){"it is empty", 0};
        return false;
    }
    struct json_scan scan = {text.data, text.data + text.len, NULL};
    if (json_scan_value(&scan)) {
        json_skip_space(&scan);
        if (scan.at != scan.end)
            json_flaw(&scan, "something follows the value");
        else if (!pawl__wire_is_text(text))
            scan = (struct json_scan){text.data, text.data, "it is not valid UTF-8"};
    }
    *flaw = (struct pawl_json_flaw){scan.what, (size_t)(scan.at - text.data)};
    return !scan.what;
}

void pawl__json_place(struct pawl_str text, size_t at, int *line, int *column) {
    *line = *column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        bool ends = text.data[i] == '\n';
        *line += ends;
        *column = ends ? 1 : *column + 1;
    }
}

// --- walking ------------------------------------------------------------------------------------

struct pawl_str pawl__json_trim(struct pawl_str text) {
    while (text.len && json_is_space(text.data[text.len - 1])) text.len--;
    while (text.len && json_is_space(*text.data)) {
        text.data++;
        text.len--;
    }
    return text;
}

enum pawl_json_kind pawl__json_kind(struct pawl_str value) {
    if (!value.len) return PAWL_JSON_NONE;
    switch (*value.data) {
    case 'n': return PAWL_JSON_NULL;
    case 't':
    case 'f': return PAWL_JSON_BOOL;
    case '"': return PAWL_JSON_STRING;
    case '[': return PAWL_JSON_ARRAY;
    case '{': return PAWL_JSON_OBJECT;
    default: return PAWL_JSON_NUMBER;
    }
}

// Where the string that begins at |at| ends.
static const char *json_past_string(const char *at) {
    while (*++at != '"')
        if (*at == '\\') at++;
    return at + 1;
}

// Where the value that begins at |at| ends, with the white space after a scalar.
static const char *json_past_value(const char *at) {
    size_t depth = 0;
    for (;; at++) {
        if (*at == '"') at = json_past_string(at) - 1;
        if (*at == '{' || *at == '[') depth++;
        if (!depth && (*at == ',' || *at == '}' || *at == ']')) return at;
        if (*at == '}' || *at == ']') depth--;
    }
}

bool pawl__json_next(struct pawl_str value, size_t *at, struct pawl_str *name,
                     struct pawl_str *item) {
    enum pawl_json_kind kind = pawl__json_kind(value);
    if (kind != PAWL_JSON_ARRAY && kind != PAWL_JSON_OBJECT) return false;
    struct json_scan scan = {value.data + *at + 1, value.data + value.len, NULL};
    if (scan.at >= scan.end) return false;
    json_skip_space(&scan);
    if (!*at && (*scan.at == ']' || *scan.at == '}')) return false;
    if (name) *name = (struct pawl_str){0};
    if (kind == PAWL_JSON_OBJECT) {
        const char *end = json_past_string(scan.at);
        if (name) *name = (struct pawl_str){scan.at, (size_t)(end - scan.at)};
        scan.at = end;
        json_skip_space(&scan);
        scan.at++; // the colon
    }
    const char *end = json_past_value(scan.at);
    *item = pawl__json_trim((struct pawl_str){scan.at, (size_t)(end - scan.at)});
    *at = (size_t)(end - value.data);
    return true;
}

// --- strings ------------------------------------------------------------------------------------

static unsigned json_hex4(const char *at) {
    unsigned unit = 0;
    for (int i = 0; i < 4; i++) unit = unit << 4 | (unsigned)pawl__hex_digit(at[i]);
    return unit;
}

// Reads the escape after the backslash at |*at| and steps over it.
static unsigned json_escape(const char **at) {
    static const char names[] = "bfnrt", values[] = "\b\f\n\r\t";
    char c = (*at)[1];
    *at += 2;
    if (c != 'u') {
        const char *found = strchr(names, c);
        return (unsigned char)(found ? values[found - names] : c);
    }
    unsigned unit = json_hex4(*at);
    *at += 4;
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    if (unit < 0xdc00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        unsigned low = json_hex4(*at + 2);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *at += 6;
            return 0x10000 + ((unit - 0xd800) << 10 | (low - 0xdc00));
        }
    }
    return 0xfffd;
}

static size_t json_put_utf8(char *to, unsigned point) {
    size_t more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t heads[] = {0, 0xc0, 0xe0, 0xf0};
    to[0] = (char)(heads[more] | point >> 6 * more);
    for (size_t i = 1; i <= more; i++) to[i] = (char)(0x80 | (point >> 6 * (more - i) & 0x3f));
    return more + 1;
}

bool pawl__json_string(struct pawl_arena *arena, struct pawl_str string, struct pawl_str *out) {
    char *text = pawl__arena_alloc(arena, string.len); // no escape is shorter than its character
    if (!text) return false;
    size_t len = 0;
    for (const char *at = string.data + 1, *end = string.data + string.len - 1; at < end;) {
        if (*at == '\\')
            len += json_put_utf8(text + len, json_escape(&at));
        else
            text[len++] = *at++;
    }
    text[len] = 0;
    *out = (struct pawl_str){text, len};
    return true;
}

static bool json_name_is(struct pawl_str string, const char *name, bool any_case) {
    for (const char *at = string.data + 1, *end = string.data + string.len - 1; at < end; name++) {
        unsigned have = *at == '\\' ? json_escape(&at) : (unsigned char)*at++;
        if (have - 'A' < 26 && any_case) have |= 0x20;
        unsigned want = (unsigned char)*name;
        if (want - 'A' < 26 && any_case) want |= 0x20;
        if (have != want || !want) return false;
    }
    return !*name;
}

struct pawl_str pawl__json_get(struct pawl_str object, const char *name, bool any_case) {
    struct pawl_str key, item, found = {0};
    for (size_t at = 0; pawl__json_next(object, &at, &key, &item);)
        if (key.len && json_name_is(key, name, any_case)) found = item;
    return found;
}
