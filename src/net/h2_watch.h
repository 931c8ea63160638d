#ifndef PAWL_NET_H2_WATCH_H
#define PAWL_NET_H2_WATCH_H

// Frames for streams that the peer has ended (RFC 9113 5.1): a connection error STREAM_CLOSED.
//
// nghttp2 sees them only for streams that it keeps, and it keeps closed ones up to the limit of
// open ones, which is high here. So the heads of frames are looked at before nghttp2 gets them, and
// the ids of the streams that the peer has ended last are remembered. Those that only this side has
// ended do not count: the peer may not know yet.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAWL_H2_WATCHED = 64, // streams; a power of two
    PAWL_H2_FRAME_HEAD = 9
};

struct pawl_h2_watch {
    int32_t ended[PAWL_H2_WATCHED]; // ids, each at its place; 0: none
    uint8_t head[PAWL_H2_FRAME_HEAD];
    size_t head_len;
    size_t skip; // bytes up to the next head
};

// |preface|: bytes that come before the first frame.
void pawl__h2_watch_init(struct pawl_h2_watch *watch, size_t preface);

// Looks at what has come. Returns how much of it may be processed: less than |len| when a frame
// follows that must not be.
size_t pawl__h2_watch(struct pawl_h2_watch *watch, const uint8_t *data, size_t len);

#endif
