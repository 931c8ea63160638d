#ifndef PAWL_BASE_STR_H
#define PAWL_BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// A view of bytes that somebody else owns. Not terminated; may hold any byte.
struct pawl_str {
    const char *data;
    size_t len;
};

// A view of a string literal.
#define PAWL_STR(literal) ((struct pawl_str){"" literal, sizeof(literal) - 1})

// For printf: printf("%.*s", PAWL_FMT(str)).
#define PAWL_FMT(str) (int)(str).len, (str).data

// A view of a terminated string; NULL gives the empty view.
static inline struct pawl_str pawl__str(const char *text) {
    return (struct pawl_str){text, text ? strlen(text) : 0};
}

static inline bool pawl__str_equal(struct pawl_str a, struct pawl_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// Less than, equal to or greater than 0, as |a| comes before, is equal to or comes after |b| in the
// order of their bytes, which is also that of the code points of UTF-8.
static inline int pawl__str_compare(struct pawl_str a, struct pawl_str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.data, b.data, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

// Equal but for the case of ASCII letters.
bool pawl__str_equal_nocase(struct pawl_str a, struct pawl_str b);

bool pawl__str_starts(struct pawl_str text, struct pawl_str prefix);

// A terminated copy on the heap, which the caller frees; NULL when memory is out.
char *pawl__str_dup(struct pawl_str text);

// Parses all of |text| as a decimal number in [min, max]. False, and |out| untouched, otherwise.
bool pawl__str_to_int(struct pawl_str text, int64_t min, int64_t max, int64_t *out);

// The longest beginning of |text| of at most |max| bytes that does not end within a character of
// UTF-8.
struct pawl_str pawl__str_shorten(struct pawl_str text, size_t max);

// Formats into |size| bytes; what does not fit is cut between two characters of UTF-8.
void pawl__str_vformat(char *out, size_t size, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

// Cuts the part before the first |separator| off |rest| and returns it. When there is no
// separator the whole of |rest| is returned, and |rest| is empty with NULL data afterwards.
struct pawl_str pawl__str_cut(struct pawl_str *rest, char separator);

// Whether |word| is one of |words|, which single spaces separate.
bool pawl__str_is_word_of(struct pawl_str word, const char *words);

// The part between the spaces around it.
struct pawl_str pawl__str_trim(struct pawl_str text);

// Writes the last |digits| hexadecimal digits of |value|, not terminated.
void pawl__str_hex(char *out, uint64_t value, unsigned digits);

// The value of a hexadecimal digit of either case; -1: it is none.
static inline int pawl__hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// Undoes percent-encoding in place and returns the new length. Malformed escapes stay as they are.
size_t pawl__str_unescape(char *text, size_t len);

// FNV-1a: stable between runs and machines, so it may be stored. Maps have a quicker one.
uint64_t pawl__str_hash(struct pawl_str text);

#endif
