#include "store/checksum.h"

#include <zlib.h>

#define ROW_FORMAT 1
#define ROW_HEADER 5

static uint32_t row_checksum(struct pawl_str payload) {
    return (uint32_t)crc32_z(0, (const Bytef *)payload.data, payload.len);
}

enum pawl_err pawl__row_seal(struct pawl_buf *out, struct pawl_str payload,
                             struct pawl_error *error) {
    if (payload.len > PAWL_ROW_MAX)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "a row of %zu bytes is too large to be stored; the limit is %zu",
                          payload.len, PAWL_ROW_MAX);
    uint32_t sum = payload.len ? row_checksum(payload) : 0;
    uint8_t head[ROW_HEADER] = {ROW_FORMAT, (uint8_t)sum, (uint8_t)(sum >> 8), (uint8_t)(sum >> 16),
                                (uint8_t)(sum >> 24)};
    pawl__buf_reserve(out, sizeof head + payload.len); // at once
    pawl__buf_append(out, head, sizeof head);
    pawl__buf_append_str(out, payload);
    return out->failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : PAWL_OK;
}

enum pawl_err pawl__row_open(struct pawl_str row, struct pawl_str *payload) {
    const uint8_t *head = (const uint8_t *)row.data;
    if (row.len < ROW_HEADER || head[0] == 0) return PAWL_E_CORRUPT;
    if (head[0] != ROW_FORMAT) return PAWL_E_FORMAT;
    struct pawl_str body = {row.data + ROW_HEADER, row.len - ROW_HEADER};
    uint32_t sum = (uint32_t)head[1] | (uint32_t)head[2] << 8 | (uint32_t)head[3] << 16 |
                   (uint32_t)head[4] << 24;
    if (sum != (body.len ? row_checksum(body) : 0)) return PAWL_E_CORRUPT;
    *payload = body;
    return PAWL_OK;
}
