#include "base/base64.h"

static const char base64_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool pawl__base64_encode(struct pawl_buf *out, struct pawl_str data) {
    uint8_t *to = pawl__buf_reserve(out, (data.len + 2) / 3 * 4 + 1);
    if (!to) return false;
    const uint8_t *from = (const uint8_t *)data.data;
    for (size_t left = data.len; left; from += 3) {
        size_t n = left < 3 ? left : 3;
        uint32_t bits = (uint32_t)from[0] << 16;
        if (n > 1) bits |= (uint32_t)from[1] << 8;
        if (n > 2) bits |= from[2];
        for (size_t i = 0; i <= n; i++) *to++ = (uint8_t)base64_letters[bits >> (18 - 6 * i) & 63];
        left -= n;
    }
    out->len = (size_t)(to - out->data);
    return true;
}

bool pawl__base64_encode_padded(struct pawl_buf *out, struct pawl_str data) {
    return pawl__base64_encode(out, data) && pawl__buf_append(out, "==", (3 - data.len % 3) % 3);
}

static int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

bool pawl__base64_decode(struct pawl_buf *out, struct pawl_str text) {
    while (text.len && text.data[text.len - 1] == '=') text.len--;
    if (text.len % 4 == 1) return false;
    uint8_t *to = pawl__buf_reserve(out, text.len / 4 * 3 + 3);
    if (!to) return false;
    uint32_t bits = 0;
    size_t held = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.data[i]);
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held < 8) continue;
        held -= 8;
        *to++ = (uint8_t)(bits >> held);
    }
    out->len = (size_t)(to - out->data);
    return true;
}
