#include "net/grpc.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/utf8.h"

// --- content type ----------------------------------------------------------------------------

enum pawl_grpc_type pawl__grpc_type(struct pawl_str content_type) {
    const struct pawl_str base = PAWL_STR("application/grpc");
    if (content_type.len < base.len) return PAWL_GRPC_NO;
    struct pawl_str head = {content_type.data, base.len};
    if (!pawl__str_equal_nocase(head, base)) return PAWL_GRPC_NO;
    struct pawl_str rest = {content_type.data + base.len, content_type.len - base.len};
    struct pawl_str format = pawl__str_cut(&rest, ';');
    while (format.len &&
           (format.data[format.len - 1] == ' ' || format.data[format.len - 1] == '\t'))
        format.len--;
    if (format.len == 0 || pawl__str_equal_nocase(format, PAWL_STR("+proto"))) return PAWL_GRPC_YES;
    // application/grpc-web and application/grpcfoo are other types, but nobody else serves them.
    return PAWL_GRPC_FOREIGN;
}

// --- messages --------------------------------------------------------------------------------

enum pawl_err pawl__grpc_decode(struct pawl_grpc_decoder *decoder, struct pawl_str *data,
                                size_t max, struct pawl_buf *message, bool *complete) {
    *complete = false;
    while (decoder->head_len < PAWL_GRPC_HEAD) {
        if (data->len == 0) return PAWL_OK;
        decoder->head[decoder->head_len++] = (uint8_t)*data->data++;
        data->len--;
        if (decoder->head_len < PAWL_GRPC_HEAD) continue;

        const uint8_t *head = decoder->head;
        if (head[0] > 1) return PAWL_E_INTERNAL;
        if (head[0] == 1) return PAWL_E_UNIMPLEMENTED;
        decoder->left = (uint32_t)head[1] << 24 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 8 |
                        (uint32_t)head[4];
        if (decoder->left > max) return PAWL_E_TOO_LARGE;
    }
    size_t len = data->len < decoder->left ? data->len : decoder->left;
    if (!pawl__buf_append(message, data->data, len)) return PAWL_E_NOMEM;
    data->data += len;
    data->len -= len;
    decoder->left -= (uint32_t)len;
    if (decoder->left == 0) {
        decoder->head_len = 0;
        *complete = true;
    }
    return PAWL_OK;
}

void pawl__grpc_head(uint8_t out[PAWL_GRPC_HEAD], uint32_t len) {
    out[0] = 0;
    out[1] = (uint8_t)(len >> 24);
    out[2] = (uint8_t)(len >> 16);
    out[3] = (uint8_t)(len >> 8);
    out[4] = (uint8_t)len;
}

// --- timeouts --------------------------------------------------------------------------------

// From the finest unit to the coarsest.
static const struct {
    char name;
    int64_t nanoseconds;
} grpc_units[] = {
    {'n', 1},
    {'u', 1000},
    {'m', PAWL_MILLISECOND},
    {'S', PAWL_SECOND},
    {'M', 60 * PAWL_SECOND},
    {'H', 3600 * PAWL_SECOND},
};

enum {
    GRPC_UNITS = sizeof grpc_units / sizeof *grpc_units,
    GRPC_TIMEOUT_DIGITS = 8 // the protocol allows no more
};

bool pawl__grpc_timeout_parse(struct pawl_str text, int64_t *out) {
    if (text.len < 2 || text.len > GRPC_TIMEOUT_DIGITS + 1) return false;
    int64_t value = 0;
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (text.data[i] - '0');
    }
    for (size_t i = 0; i < GRPC_UNITS; i++) {
        if (grpc_units[i].name != text.data[text.len - 1]) continue;
        if (__builtin_mul_overflow(value, grpc_units[i].nanoseconds, out)) *out = INT64_MAX;
        return true;
    }
    return false;
}

void pawl__grpc_timeout_format(int64_t timeout, char out[12]) {
    if (timeout < 1) timeout = 1; // the protocol has no timeout that has passed
    size_t i = 0;
    int64_t value = timeout;
    while (value > 99999999 && i + 1 < GRPC_UNITS) {
        i++;
        value = timeout / grpc_units[i].nanoseconds + (timeout % grpc_units[i].nanoseconds != 0);
    }
    snprintf(out, 12, "%d%c", (int)value, grpc_units[i].name);
}

// --- status ----------------------------------------------------------------------------------

size_t pawl__grpc_message_encode(struct pawl_str text, char *out, size_t cap) {
    static const char hex[] = "0123456789ABCDEF";
    size_t used = 0;
    while (text.len) {
        size_t len = pawl__utf8_length(text.data, text.data + text.len);
        const char *from = len ? text.data : "?";
        size_t step = len ? len : 1;
        bool plain = step == 1 && *from >= 0x20 && *from <= 0x7e && *from != '%';
        size_t need = plain ? 1 : 3 * step;
        if (used + need + 1 > cap) break;
        for (size_t i = 0; i < step; i++) {
            uint8_t byte = (uint8_t)from[i];
            if (plain) {
                out[used++] = (char)byte;
            } else {
                out[used++] = '%';
                out[used++] = hex[byte >> 4];
                out[used++] = hex[byte & 15];
            }
        }
        text.data += step;
        text.len -= step;
    }
    out[used] = 0;
    return used;
}

struct pawl_str pawl__grpc_status(enum pawl_err code) {
    static const char numbers[][3] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                      "9", "10", "11", "12", "13", "14", "15", "16"};
    return pawl__str(numbers[pawl__err_grpc(code)]);
}

enum pawl_err pawl__grpc_code(int64_t status) {
    if (status == 11) return PAWL_E_INVALID; // OUT_OF_RANGE has no row of its own
    if (status == 15) return PAWL_E_CORRUPT; // DATA_LOSS
    for (int code = PAWL_OK; code <= PAWL_E_UNAUTHENTICATED; code++)
        if (pawl__err_grpc((enum pawl_err)code) == status) return (enum pawl_err)code;
    return PAWL_E_UNKNOWN;
}

enum pawl_err pawl__grpc_code_of_http(int64_t status) {
    switch (status) {
    case 400: return PAWL_E_INTERNAL;
    case 401: return PAWL_E_UNAUTHENTICATED;
    case 403: return PAWL_E_DENIED;
    case 404: return PAWL_E_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504: return PAWL_E_UNAVAILABLE;
    default: return PAWL_E_UNKNOWN;
    }
}

enum pawl_err pawl__grpc_code_of_reset(uint32_t http2_error) {
    switch (http2_error) {
    case 0x7: return PAWL_E_UNAVAILABLE; // REFUSED_STREAM: it was not looked at
    case 0x8: return PAWL_E_CANCELED;    // CANCEL
    case 0xb: return PAWL_E_TOO_LARGE;   // ENHANCE_YOUR_CALM
    case 0xc: return PAWL_E_DENIED;      // INADEQUATE_SECURITY
    default: return PAWL_E_INTERNAL;
    }
}
