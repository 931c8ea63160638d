#ifndef PAWL_BASE_BUF_H
#define PAWL_BASE_BUF_H

#include "base/str.h"

// Bytes that grow. Zero-initialised it is empty and ready.
//
// A failed allocation sets |failed|, which stays set and makes further appends do nothing, so a
// chain of appends is checked once, at its end. What was there before the failure stays.
struct pawl_buf {
    uint8_t *data;
    size_t len, cap;
    bool failed;
};

// Frees the memory and leaves an empty buffer.
void pawl__buf_finish(struct pawl_buf *buf);

// Makes room for |len| more bytes and returns where they go; NULL when memory is out. The caller
// adds what it used to |buf->len|.
static inline uint8_t *pawl__buf_reserve(struct pawl_buf *buf, size_t len);

// The same, when there is no room yet.
uint8_t *pawl__buf_grow(struct pawl_buf *buf, size_t len);

static inline uint8_t *pawl__buf_reserve(struct pawl_buf *buf, size_t len) {
    if (buf->failed || len > buf->cap - buf->len) return pawl__buf_grow(buf, len);
    return buf->data + buf->len;
}

bool pawl__buf_append(struct pawl_buf *buf, const void *data, size_t len);
bool pawl__buf_append_str(struct pawl_buf *buf, struct pawl_str text);
bool pawl__buf_format(struct pawl_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Removes |len| bytes from the front.
void pawl__buf_consume(struct pawl_buf *buf, size_t len);

// Empties the buffer, keeps its memory, and forgets a failure.
static inline void pawl__buf_clear(struct pawl_buf *buf) {
    buf->len = 0;
    buf->failed = false;
}

static inline struct pawl_str pawl__buf_str(const struct pawl_buf *buf) {
    return (struct pawl_str){(const char *)buf->data, buf->len};
}

#endif
