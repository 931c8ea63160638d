#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void pawl__buf_finish(struct pawl_buf *buf) {
    free(buf->data);
    *buf = (struct pawl_buf){0};
}

uint8_t *pawl__buf_grow(struct pawl_buf *buf, size_t len) {
    if (buf->failed) return NULL;
    size_t cap = buf->cap ? buf->cap : 64;
    while (cap - buf->len < len) {
        if (cap > SIZE_MAX / 2) goto fail;
        cap *= 2;
    }
    uint8_t *data = realloc(buf->data, cap);
    if (!data) goto fail;
    buf->data = data;
    buf->cap = cap;
    return data + buf->len;
fail:
    buf->failed = true;
    return NULL;
}

bool pawl__buf_append(struct pawl_buf *buf, const void *data, size_t len) {
    if (len == 0) return !buf->failed;
    uint8_t *room = pawl__buf_reserve(buf, len);
    if (!room) return false;
    memcpy(room, data, len);
    buf->len += len;
    return true;
}

bool pawl__buf_append_str(struct pawl_buf *buf, struct pawl_str text) {
    return pawl__buf_append(buf, text.data, text.len);
}

bool pawl__buf_format(struct pawl_buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *room = pawl__buf_reserve(buf, (size_t)len + 1);
    if (room) {
        vsnprintf((char *)room, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return room != NULL;
}

void pawl__buf_consume(struct pawl_buf *buf, size_t len) {
    if (!len) return; // and perhaps no data
    memmove(buf->data, buf->data + len, buf->len - len);
    buf->len -= len;
}
