#include "base/base64.h"

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool pawl__base64_encode(struct pawl_buf *out, struct pawl_str data) {
    size_t at = 0;
    while (at < data.len) {
        const uint8_t *p = (const uint8_t *)data.data + at;
        size_t n = data.len - at < 3 ? data.len - at : 3;
        uint32_t bits =
            (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? (uint32_t)p[2] : 0);
        char quad[4];
        for (size_t i = 0; i < 4; i++) quad[i] = base64_letters[bits >> (18 - 6 * i) & 63];
        if (!pawl__buf_append(out, quad, n + 1)) return false;
        at += n;
    }
    return !out->failed;
}

bool pawl__base64_decode(struct pawl_buf *out, struct pawl_str text) {
    while (text.len && text.data[text.len - 1] == '=') text.len--;
    if (text.len % 4 == 1) return false;
    uint32_t bits = 0;
    size_t held = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i] == '-' ? '+' : text.data[i] == '_' ? '/' : text.data[i];
        const char *letter = c ? strchr(base64_letters, c) : NULL;
        if (!letter) return false;
        bits = bits << 6 | (uint32_t)(letter - base64_letters);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        uint8_t byte = (uint8_t)(bits >> held);
        if (!pawl__buf_append(out, &byte, 1)) return false;
    }
    return !out->failed;
}
