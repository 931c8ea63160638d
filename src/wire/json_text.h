#ifndef PAWL_WIRE_JSON_TEXT_H
#define PAWL_WIRE_JSON_TEXT_H

// JSON as its writer wrote it: checked, walked and cut out, but never converted. What comes back
// is so what went in: 19.99, 1e400 and a number of a hundred digits stay themselves.

#include "base/arena.h"

struct pawl_json_flaw {
    const char *what; // a text that stays
    size_t at;        // offset of the first byte that does not fit
};

// Whether |text| is one JSON value (RFC 8259) with nothing but white space around it. It may nest
// 10,000 deep, which is the limit of Go's decoder. A name that comes twice and an escaped half of a
// surrogate pair are JSON. False: |flaw| says why.
bool pawl__json_check(struct pawl_str text, struct pawl_json_flaw *flaw);

// Line and column of |at|, both from 1; a column is a byte.
void pawl__json_place(struct pawl_str text, size_t at, int *line, int *column);

// --- all below is for text that has been checked ------------------------------------------------

enum pawl_json_kind {
    PAWL_JSON_NONE, // there is no value
    PAWL_JSON_NULL,
    PAWL_JSON_BOOL,
    PAWL_JSON_NUMBER,
    PAWL_JSON_STRING,
    PAWL_JSON_ARRAY,
    PAWL_JSON_OBJECT
};

// |text| without the white space around it.
struct pawl_str pawl__json_trim(struct pawl_str text);

// |value| is trimmed, or empty.
enum pawl_json_kind pawl__json_kind(struct pawl_str value);

// Steps through an array or object: |*at| is 0 at first. |name| (NULL: not wanted) is a string with
// its quotes, empty in an array; |item| is trimmed. False at the end, and for other values.
bool pawl__json_next(struct pawl_str value, size_t *at, struct pawl_str *name,
                     struct pawl_str *item);

// The last value under |name|, which is ASCII, in any case of its letters when |any_case|. No data:
// there is none.
struct pawl_str pawl__json_get(struct pawl_str object, const char *name, bool any_case);

// What a string stands for, as UTF-8 in |arena|, terminated; halves of surrogate pairs become
// U+FFFD. It may hold a NUL. False: memory is out.
bool pawl__json_string(struct pawl_arena *arena, struct pawl_str string, struct pawl_str *out);

#endif
