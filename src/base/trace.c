#include "base/trace.h"

// Lower case only, as the standard has it.
static int trace_digit(char c) {
    return c >= 'A' && c <= 'F' ? -1 : pawl__hex_digit(c);
}

static bool trace_hex(const char *text, uint8_t *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        int high = trace_digit(text[2 * i]), low = trace_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool trace_is_zero(const uint8_t *id, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (id[i]) return false;
    return true;
}

bool pawl__trace_id_parse(struct pawl_str text, uint8_t *out, size_t len) {
    return text.len == 2 * len && trace_hex(text.data, out, len) && !trace_is_zero(out, len);
}

void pawl__trace_id_format(const uint8_t *id, size_t len, char *out) {
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        *out++ = digits[id[i] >> 4];
        *out++ = digits[id[i] & 15];
    }
    *out = 0;
}

// version "-" trace-id "-" parent-id "-" flags
enum {
    AT_TRACE = 3,
    AT_SPAN = 36,
    AT_FLAGS = 53,
    FLAG_SAMPLED = 1
};

bool pawl__trace_parse(struct pawl_str text, struct pawl_trace *out) {
    struct pawl_trace trace;
    uint8_t version, flags;
    const size_t len = PAWL_TRACE_TEXT - 1;
    if (text.len < len || !trace_hex(text.data, &version, 1) || version == 0xff) return false;
    if (version == 0 ? text.len != len : text.len > len && text.data[len] != '-') return false;
    if (text.data[AT_TRACE - 1] != '-' || text.data[AT_SPAN - 1] != '-' ||
        text.data[AT_FLAGS - 1] != '-')
        return false;
    if (!pawl__trace_id_parse((struct pawl_str){text.data + AT_TRACE, 32}, trace.id, 16) ||
        !pawl__trace_id_parse((struct pawl_str){text.data + AT_SPAN, 16}, trace.span, 8) ||
        !trace_hex(text.data + AT_FLAGS, &flags, 1))
        return false;
    trace.sampled = flags & FLAG_SAMPLED;
    *out = trace;
    return true;
}

void pawl__trace_format(const struct pawl_trace *trace, char out[PAWL_TRACE_TEXT]) {
    memcpy(out, "00-", AT_TRACE);
    pawl__trace_id_format(trace->id, 16, out + AT_TRACE);
    out[AT_SPAN - 1] = '-';
    pawl__trace_id_format(trace->span, 8, out + AT_SPAN);
    memcpy(out + AT_FLAGS - 1, trace->sampled ? "-01" : "-00", 4);
}

// version 0; each field: its number, its bytes
enum {
    BINARY_TRACE = 1,
    BINARY_SPAN = 18,
    BINARY_FLAGS = 27
};

bool pawl__trace_parse_binary(struct pawl_str bytes, struct pawl_trace *out) {
    const uint8_t *at = (const uint8_t *)bytes.data;
    if (bytes.len < PAWL_TRACE_BINARY || at[0] != 0 || at[BINARY_TRACE] != 0 ||
        at[BINARY_SPAN] != 1 || at[BINARY_FLAGS] != 2)
        return false;
    if (trace_is_zero(at + BINARY_TRACE + 1, 16) || trace_is_zero(at + BINARY_SPAN + 1, 8))
        return false;
    memcpy(out->id, at + BINARY_TRACE + 1, 16);
    memcpy(out->span, at + BINARY_SPAN + 1, 8);
    out->sampled = at[BINARY_FLAGS + 1] & FLAG_SAMPLED;
    return true;
}

void pawl__trace_format_binary(const struct pawl_trace *trace, uint8_t out[PAWL_TRACE_BINARY]) {
    memset(out, 0, PAWL_TRACE_BINARY);
    memcpy(out + BINARY_TRACE + 1, trace->id, 16);
    out[BINARY_SPAN] = 1;
    memcpy(out + BINARY_SPAN + 1, trace->span, 8);
    out[BINARY_FLAGS] = 2;
    out[BINARY_FLAGS + 1] = trace->sampled ? FLAG_SAMPLED : 0;
}

void pawl__trace_derive(const struct pawl_trace *trace, uint64_t seed, uint8_t out[8]) {
    uint8_t bytes[32];
    memcpy(bytes, trace->id, 16);
    memcpy(bytes + 16, trace->span, 8);
    for (int i = 0; i < 8; i++) bytes[24 + i] = (uint8_t)(seed >> (8 * i));
    uint64_t hash = pawl__str_hash((struct pawl_str){(const char *)bytes, sizeof bytes});
    hash ^= hash >> 29; // FNV leaves the low bytes of its input in the low bytes of its result
    hash *= 0xbf58476d1ce4e5b9u;
    hash ^= hash >> 32;
    if (!hash) hash = 1;
    for (int i = 0; i < 8; i++) out[i] = (uint8_t)(hash >> (8 * i));
}
