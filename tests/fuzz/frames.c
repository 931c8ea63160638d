#include "frames.h"

enum {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_MAX = 16384
};

static void frames_put(struct frames *frames, unsigned type, unsigned flags, unsigned stream,
                       struct pawl_str payload) {
    const uint8_t head[9] = {(uint8_t)(payload.len >> 16),
                             (uint8_t)(payload.len >> 8),
                             (uint8_t)payload.len,
                             (uint8_t)type,
                             (uint8_t)flags,
                             0,
                             0,
                             (uint8_t)(stream >> 8),
                             (uint8_t)stream};
    pawl__buf_append(&frames->out, head, sizeof head);
    pawl__buf_append_str(&frames->out, payload);
}

// A literal field without indexing (RFC 7541 6.2.2).
static void frames_field(struct pawl_buf *block, const char *name, const char *value) {
    pawl__buf_append(block, "", 1);
    for (int i = 0; i < 2; i++) {
        struct pawl_str text = pawl__str(i ? value : name);
        uint8_t len = (uint8_t)text.len;
        pawl__buf_append(block, &len, 1);
        pawl__buf_append_str(block, text);
    }
}

static void frames_request(struct frames *frames, struct fuzz_input *input, bool is_grpc) {
    char path[] = "/service/x";
    struct pawl_buf block = {0};
    path[9] = (char)fuzz_byte(input);
    unsigned flags = fuzz_byte(input);
    frames_field(&block, ":method", is_grpc || flags & 0x80 ? "POST" : "GET");
    frames_field(&block, ":scheme", "http");
    frames_field(&block, ":path", path);
    frames_field(&block, ":authority", "x");
    if (is_grpc) {
        frames_field(&block, "content-type", "application/grpc");
        frames_field(&block, "te", "trailers");
        frames_field(&block, "grpc-timeout", flags & 0x80 ? "1n" : "5S");
    }
    frames_put(frames, FRAME_HEADERS, 4 | (flags & 1), frames->next_stream, pawl__buf_str(&block));
    frames->next_stream += 2;
    pawl__buf_finish(&block);
}

static void frames_response(struct frames *frames, struct fuzz_input *input, bool is_trailers) {
    struct pawl_buf block = {0};
    char status[12];
    unsigned stream = fuzz_byte(input), value = fuzz_byte(input);
    if (is_trailers) {
        snprintf(status, sizeof status, "%u", value);
        frames_field(&block, "grpc-status", status);
        frames_field(&block, "grpc-message", "100%25 %zz");
    } else {
        frames_field(&block, ":status", value & 0x80 ? "503" : "200");
        frames_field(&block, "content-type", "application/grpc");
    }
    frames_put(frames, FRAME_HEADERS, is_trailers ? 5 : 4 | (value & 1), stream,
               pawl__buf_str(&block));
    pawl__buf_finish(&block);
}

static void frames_message(struct frames *frames, struct fuzz_input *input) {
    struct pawl_buf payload = {0};
    unsigned stream = fuzz_byte(input), flags = fuzz_byte(input);
    struct pawl_str message = fuzz_piece(input);
    if (message.len > FRAME_MAX - 5) message.len = FRAME_MAX - 5;
    const uint8_t head[5] = {0, 0, 0, (uint8_t)(message.len >> 8), (uint8_t)message.len};
    pawl__buf_append(&payload, head, sizeof head);
    pawl__buf_append_str(&payload, message);
    frames_put(frames, FRAME_DATA, flags & 1, stream, pawl__buf_str(&payload));
    pawl__buf_finish(&payload);
}

bool frames_step(struct frames *frames, struct fuzz_input *input) {
    unsigned kind = fuzz_byte(input);
    if (kind < 10) {
        unsigned flags = fuzz_byte(input), stream = fuzz_byte(input);
        frames_put(frames, kind, flags, stream, fuzz_piece(input));
        return false;
    }
    switch (kind) {
    case 10: pawl__buf_append_str(&frames->out, fuzz_piece(input)); return false;
    case 11: frames_request(frames, input, true); return false;
    case 12: frames_request(frames, input, false); return false;
    case 13: frames_response(frames, input, false); return false;
    case 14: frames_response(frames, input, true); return false;
    case 15: frames_message(frames, input); return false;
    default: return true;
    }
}
