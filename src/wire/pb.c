#include "wire/pb.h"

enum {
    PB_MAX_VARINT = 10,
    PB_MAX_SHORT = 5 // of a tag or a length
};

static size_t pb_varint_size(uint64_t value) {
    size_t size = 1;
    while (value >>= 7) size++;
    return size;
}

bool pawl__pb_put_varint(struct pawl_buf *buf, uint64_t value) {
    uint8_t *room = pawl__buf_reserve(buf, PB_MAX_VARINT);
    if (!room) return false;
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) room[len++] = (uint8_t)(value | 0x80);
    room[len++] = (uint8_t)value;
    buf->len += len;
    return true;
}

bool pawl__pb_put_head(struct pawl_buf *buf, unsigned number, size_t len) {
    return pawl__pb_put_varint(buf, (uint64_t)number << 3 | PAWL_PB_BYTES) &&
           pawl__pb_put_varint(buf, len);
}

size_t pawl__pb_field_size(unsigned number, size_t len) {
    return pb_varint_size((uint64_t)number << 3) + pb_varint_size(len) + len;
}

size_t pawl__pb_uint_size(unsigned number, uint64_t value) {
    return pb_varint_size((uint64_t)number << 3) + pb_varint_size(value);
}

bool pawl__pb_put_bytes(struct pawl_buf *buf, unsigned number, struct pawl_str bytes) {
    return pawl__pb_put_head(buf, number, bytes.len) && pawl__buf_append_str(buf, bytes);
}

bool pawl__pb_put_uint(struct pawl_buf *buf, unsigned number, uint64_t value) {
    return pawl__pb_put_varint(buf, (uint64_t)number << 3 | PAWL_PB_VARINT) &&
           pawl__pb_put_varint(buf, value);
}

bool pawl__pb_pack_field(struct pawl_buf *buf, unsigned number, const ProtobufCMessage *message) {
    size_t len = protobuf_c_message_get_packed_size(message);
    if (!pawl__pb_put_head(buf, number, len)) return false;
    uint8_t *room = pawl__buf_reserve(buf, len);
    if (!room) return false;
    protobuf_c_message_pack(message, room);
    buf->len += len;
    return true;
}

bool pawl__pb_get_varint(struct pawl_pb_reader *reader, uint64_t *out) {
    uint64_t value = 0;
    const uint8_t *at = reader->at;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == reader->end) return false;
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1) return false; // more than 64 bits
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte & 0x80) continue;
        *out = value;
        reader->at = at;
        return true;
    }
    return false;
}

static bool pb_get_fixed(struct pawl_pb_reader *reader, size_t len, uint64_t *out) {
    if ((size_t)(reader->end - reader->at) < len) return false;
    *out = 0;
    for (size_t i = len; i-- > 0;) *out = *out << 8 | reader->at[i];
    reader->at += len;
    return true;
}

// Reads a tag or a length: most are one byte.
static bool pb_get_short(struct pawl_pb_reader *reader, uint32_t *out) {
    const uint8_t *start = reader->at;
    if (start < reader->end && *start < 0x80) {
        *out = *start;
        reader->at++;
        return true;
    }
    uint64_t value;
    if (!pawl__pb_get_varint(reader, &value) || reader->at - start > PB_MAX_SHORT ||
        value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool pawl__pb_next(struct pawl_pb_reader *reader, struct pawl_pb_field *out) {
    if (reader->at == reader->end) return false;
    struct pawl_pb_reader next = *reader;
    uint32_t tag, len;
    // Nearly all that is read: a small number, short bytes.
    if (next.end - next.at >= 2 && (next.at[0] & 0x87) == PAWL_PB_BYTES && next.at[0] >> 3 &&
        next.at[1] < 0x80 && next.at[1] <= next.end - next.at - 2) {
        out->number = next.at[0] >> 3;
        out->wire_type = PAWL_PB_BYTES;
        out->bytes = (struct pawl_str){(const char *)next.at + 2, next.at[1]};
        reader->at = next.at + 2 + next.at[1];
        return true;
    }
    if (!pb_get_short(&next, &tag) || tag >> 3 == 0) return false;
    out->number = tag >> 3;
    out->wire_type = tag & 7;
    switch (out->wire_type) {
    case PAWL_PB_VARINT:
        if (!pawl__pb_get_varint(&next, &out->value)) return false;
        break;
    case PAWL_PB_FIXED64:
        if (!pb_get_fixed(&next, 8, &out->value)) return false;
        break;
    case PAWL_PB_FIXED32:
        if (!pb_get_fixed(&next, 4, &out->value)) return false;
        break;
    case PAWL_PB_BYTES:
        if (!pb_get_short(&next, &len) || len > (size_t)(next.end - next.at)) return false;
        out->bytes = (struct pawl_str){(const char *)next.at, len};
        next.at += len;
        break;
    default: return false;
    }
    *reader = next;
    return true;
}

bool pawl__pb_find(struct pawl_str message, unsigned number, struct pawl_pb_field *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(message);
    struct pawl_pb_field field;
    bool found = false;
    while (pawl__pb_next(&reader, &field)) {
        if (field.number != number) continue;
        *out = field;
        found = true;
    }
    return found;
}
