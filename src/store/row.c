#include "store/row.h"

#include <lz4.h>
#include <zlib.h>

enum {
    ROW_PLAIN = 1, // format bytes
    ROW_LZ4 = 2,
    ROW_HEADER = 5, // format and checksum
    ROW_LENGTH = 4,
    ROW_SHORT = 1024, // bytes; what is shorter stays as it is
    ROW_GAIN = 8,     // likewise what would not become shorter by one part of so many
    ROW_HASTE = 2,    // LZ4's "acceleration": a quarter of its time for 2 % more bytes
    ROW_MOST = 255    // bytes that LZ4 makes of one
};

static void row_put_number(uint8_t *to, uint32_t number) {
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t row_number(const uint8_t *from) {
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

static uint32_t row_checksum(const uint8_t *body, size_t len) {
    return len ? (uint32_t)crc32_z(0, body, len) : 0;
}

// Appends the compressed |payload|, and returns its length; 0: it stays as it is.
static size_t row_compress(struct pawl_buf *out, struct pawl_str payload) {
    if (payload.len < ROW_SHORT) return 0;
    size_t most = payload.len - payload.len / ROW_GAIN;
    uint8_t *body = pawl__buf_reserve(out, ROW_LENGTH + most);
    if (!body) return 0;
    row_put_number(body, (uint32_t)payload.len);
    int len = LZ4_compress_fast(payload.data, (char *)body + ROW_LENGTH, (int)payload.len,
                                (int)most, ROW_HASTE);
    if (len <= 0) return 0;
    out->len += ROW_LENGTH + (size_t)len;
    return ROW_LENGTH + (size_t)len;
}

static enum pawl_err row_seal(struct pawl_buf *out, struct pawl_str payload, bool compress,
                              struct pawl_error *error) {
    static const uint8_t blank[ROW_HEADER];
    if (payload.len > PAWL_ROW_MAX)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "a row of %zu bytes is too large to be stored; the limit is %zu",
                          payload.len, PAWL_ROW_MAX);
    size_t start = out->len;
    pawl__buf_reserve(out, ROW_HEADER + ROW_LENGTH + payload.len); // at once
    pawl__buf_append(out, blank, sizeof blank);
    size_t len = compress ? row_compress(out, payload) : 0;
    uint8_t format = len ? ROW_LZ4 : ROW_PLAIN;
    if (!len) pawl__buf_append_str(out, payload);
    if (out->failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    uint8_t *head = out->data + start;
    head[0] = format;
    row_put_number(head + 1, row_checksum(head + ROW_HEADER, len ? len : payload.len));
    return PAWL_OK;
}

enum pawl_err pawl__row_seal(struct pawl_buf *out, struct pawl_str payload,
                             struct pawl_error *error) {
    return row_seal(out, payload, true, error);
}

enum pawl_err pawl__row_seal_letter(struct pawl_buf *out, struct pawl_str payload,
                                    struct pawl_error *error) {
    return row_seal(out, payload, false, error);
}

static enum pawl_err row_expand(const uint8_t *body, size_t len, struct pawl_arena *arena,
                                struct pawl_str *payload) {
    if (len < ROW_LENGTH) return PAWL_E_CORRUPT;
    uint32_t whole = row_number(body);
    if (whole > PAWL_ROW_MAX || whole / ROW_MOST > len) return PAWL_E_CORRUPT;
    char *bytes = pawl__arena_alloc(arena, whole);
    if (!bytes) return PAWL_E_NOMEM;
    int got = LZ4_decompress_safe((const char *)body + ROW_LENGTH, bytes, (int)(len - ROW_LENGTH),
                                  (int)whole);
    if (got < 0 || (uint32_t)got != whole) return PAWL_E_CORRUPT;
    *payload = (struct pawl_str){bytes, whole};
    return PAWL_OK;
}

enum pawl_err pawl__row_open(struct pawl_str row, struct pawl_arena *arena,
                             struct pawl_str *payload) {
    const uint8_t *head = (const uint8_t *)row.data;
    if (row.len < ROW_HEADER || head[0] == 0) return PAWL_E_CORRUPT;
    if (head[0] > ROW_LZ4) return PAWL_E_FORMAT;
    const uint8_t *body = head + ROW_HEADER;
    size_t len = row.len - ROW_HEADER;
    if (row_number(head + 1) != row_checksum(body, len)) return PAWL_E_CORRUPT;
    if (head[0] == ROW_LZ4) return row_expand(body, len, arena, payload);
    *payload = (struct pawl_str){(const char *)body, len};
    return PAWL_OK;
}
