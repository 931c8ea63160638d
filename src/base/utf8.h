#ifndef PAWL_BASE_UTF8_H
#define PAWL_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

// Bytes of the character of UTF-8 that stands at |at|, which is before |end|; 0: there is none. By
// RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. NUL is a character.
static inline size_t pawl__utf8_length(const char *at, const char *end) {
    const uint8_t *byte = (const uint8_t *)at;
    uint8_t first = *byte, low = 0x80, high = 0xbf; // bounds of the second byte
    if (first < 0x80) return 1;
    if (first < 0xc2 || first > 0xf4) return 0;
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if ((size_t)(end - at) < size) return 0;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    if (byte[1] < low || byte[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((byte[i] & 0xc0) != 0x80) return 0;
    return size;
}

#endif
