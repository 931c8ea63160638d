#include "net/h2_watch.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

void pawl__h2_watch_init(struct pawl_h2_watch *watch, size_t preface) {
    *watch = (struct pawl_h2_watch){.skip = preface};
}

// Looks at the head that has come. False: the frame is for a stream that the peer has ended.
static bool watch_frame(struct pawl_h2_watch *watch) {
    const uint8_t *head = watch->head;
    uint8_t type = head[3], flags = head[4];
    int32_t stream = (int32_t)((head[5] & 0x7fu) << 24 | (uint32_t)head[6] << 16 |
                               (uint32_t)head[7] << 8 | head[8]);
    watch->skip = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    bool is_content = type == NGHTTP2_HEADERS || type == NGHTTP2_DATA;
    if (!stream || (!is_content && type != NGHTTP2_RST_STREAM)) return true;
    // A client's ids are odd, and come one after the other.
    int32_t *place = &watch->ended[(uint32_t)stream / 2 % PAWL_H2_WATCHED];
    if (is_content && *place == stream) return false;
    if (type == NGHTTP2_RST_STREAM || flags & NGHTTP2_FLAG_END_STREAM) *place = stream;
    return true;
}

size_t pawl__h2_watch(struct pawl_h2_watch *watch, const uint8_t *data, size_t len) {
    size_t at = 0;
    while (at < len) {
        size_t rest = len - at;
        if (watch->skip) {
            size_t part = watch->skip < rest ? watch->skip : rest;
            watch->skip -= part;
            at += part;
            continue;
        }
        size_t wanted = sizeof watch->head - watch->head_len;
        size_t part = wanted < rest ? wanted : rest;
        memcpy(watch->head + watch->head_len, data + at, part);
        watch->head_len += part;
        if (watch->head_len < sizeof watch->head) return len;
        watch->head_len = 0;
        if (!watch_frame(watch)) return at;
        at += part;
    }
    return len;
}
