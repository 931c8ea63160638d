#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool pawl__str_equal_nocase(struct pawl_str a, struct pawl_str b) {
    return a.len == b.len && (a.len == 0 || strncasecmp(a.data, b.data, a.len) == 0);
}

bool pawl__str_starts(struct pawl_str text, struct pawl_str prefix) {
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

char *pawl__str_dup(struct pawl_str text) {
    char *copy = malloc(text.len + 1);
    if (!copy) return NULL;
    if (text.len) memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return copy;
}

bool pawl__str_to_int(struct pawl_str text, int64_t min, int64_t max, int64_t *out) {
    char digits[24];
    if (text.len == 0 || text.len >= sizeof digits) return false;
    memcpy(digits, text.data, text.len);
    digits[text.len] = 0;
    char first = digits[0] == '-' ? digits[1] : digits[0];
    if (first < '0' || first > '9') return false;
    char *end;
    errno = 0;
    long long value = strtoll(digits, &end, 10);
    if (errno || end != digits + text.len || value < min || value > max) return false;
    *out = value;
    return true;
}

bool pawl__str_is_word_of(struct pawl_str word, const char *words) {
    struct pawl_str rest = pawl__str(words);
    while (rest.len)
        if (pawl__str_equal(pawl__str_cut(&rest, ' '), word)) return true;
    return false;
}

struct pawl_str pawl__str_trim(struct pawl_str text) {
    while (text.len && *text.data == ' ') text.data++, text.len--;
    while (text.len && text.data[text.len - 1] == ' ') text.len--;
    return text;
}

struct pawl_str pawl__str_cut(struct pawl_str *rest, char separator) {
    const char *at = rest->len ? memchr(rest->data, separator, rest->len) : NULL;
    struct pawl_str head = *rest;
    if (!at) {
        *rest = (struct pawl_str){NULL, 0};
        return head;
    }
    head.len = (size_t)(at - rest->data);
    *rest = (struct pawl_str){at + 1, rest->len - head.len - 1};
    return head;
}

struct pawl_str pawl__str_shorten(struct pawl_str text, size_t max) {
    if (text.len <= max) return text;
    text.len = max;
    for (size_t back = 1; back <= 3 && back <= max; back++) {
        unsigned char c = (unsigned char)text.data[max - back];
        if ((c & 0xc0) == 0x80) continue; // not the first of its character's bytes
        size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        if (size > back) text.len -= back;
        break;
    }
    return text;
}

void pawl__str_vformat(char *out, size_t size, const char *format, va_list args) {
    int len = vsnprintf(out, size, format, args);
    struct pawl_str text = {out, len < 0 ? 0 : (size_t)len};
    out[pawl__str_shorten(text, size - 1).len] = 0;
}

void pawl__str_hex(char *out, uint64_t value, unsigned digits) {
    for (; digits-- > 0; value >>= 4) out[digits] = "0123456789abcdef"[value & 15];
}

size_t pawl__str_unescape(char *text, size_t len) {
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '%' && len - i > 2) {
            int high = pawl__hex_digit(text[i + 1]), low = pawl__hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                text[used++] = (char)(high << 4 | low);
                i += 2;
                continue;
            }
        }
        text[used++] = text[i];
    }
    return used;
}

uint64_t pawl__str_hash(struct pawl_str text) {
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.len; i++) {
        hash ^= (unsigned char)text.data[i];
        hash *= 1099511628211u;
    }
    return hash;
}
