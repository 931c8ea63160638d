#include "wire/pb.h"

#include <endian.h>

enum {
    PB_MAX_SHORT = 5, // of a tag or a length
    PB_GROUP_END = 4, // a wire type
    PB_GROUPS = 100   // that may be open at a time
};

// A head or a field of two varints, with room for |more| bytes after them; NULL: memory is out.
static uint8_t *pb_write_pair(struct pawl_buf *buf, uint64_t first, uint64_t second, size_t more) {
    uint8_t *at = pawl__buf_reserve(buf, 2 * PAWL_PB_VARINT_MOST + more);
    if (!at) return NULL;
    at = pawl__pb_write_varint(pawl__pb_write_varint(at, first), second);
    buf->len = (size_t)(at - buf->data);
    return at;
}

bool pawl__pb_put_varint(struct pawl_buf *buf, uint64_t value) {
    uint8_t *at = pawl__buf_reserve(buf, PAWL_PB_VARINT_MOST);
    if (!at) return false;
    buf->len = (size_t)(pawl__pb_write_varint(at, value) - buf->data);
    return true;
}

bool pawl__pb_put_head(struct pawl_buf *buf, unsigned number, size_t len) {
    return pb_write_pair(buf, (uint64_t)number << 3 | PAWL_PB_BYTES, len, 0);
}

bool pawl__pb_wrap(struct pawl_buf *buf, size_t start, unsigned number) {
    size_t len = buf->len - start, head = pawl__pb_field_size(number, len) - len;
    if (!pawl__buf_reserve(buf, head)) return false;
    uint8_t *at = buf->data + start;
    memmove(at + head, at, len);
    pawl__pb_write_head(at, number, len);
    buf->len += head;
    return true;
}

size_t pawl__pb_field_size(unsigned number, size_t len) {
    return pawl__pb_varint_size((uint64_t)number << 3) + pawl__pb_varint_size(len) + len;
}

size_t pawl__pb_uint_size(unsigned number, uint64_t value) {
    return pawl__pb_varint_size((uint64_t)number << 3) + pawl__pb_varint_size(value);
}

bool pawl__pb_put_bytes(struct pawl_buf *buf, unsigned number, struct pawl_str bytes) {
    if (bytes.len > SIZE_MAX / 2) return false;
    uint8_t *at = pb_write_pair(buf, (uint64_t)number << 3 | PAWL_PB_BYTES, bytes.len, bytes.len);
    if (!at) return false;
    if (bytes.len) memcpy(at, bytes.data, bytes.len); // or perhaps no data
    buf->len += bytes.len;
    return true;
}

bool pawl__pb_put_uint(struct pawl_buf *buf, unsigned number, uint64_t value) {
    return pb_write_pair(buf, (uint64_t)number << 3 | PAWL_PB_VARINT, value, 0);
}

bool pawl__pb_put_fixed64(struct pawl_buf *buf, unsigned number, uint64_t value) {
    uint64_t bytes = htole64(value);
    return pawl__pb_put_varint(buf, (uint64_t)number << 3 | PAWL_PB_FIXED64) &&
           pawl__buf_append(buf, &bytes, sizeof bytes);
}

bool pawl__pb_put_double(struct pawl_buf *buf, unsigned number, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return pawl__pb_put_fixed64(buf, number, bits);
}

// A varint near the end of the bytes, or one that is damaged.
static bool pb_get_varint_slowly(struct pawl_pb_reader *reader, uint64_t *out) {
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

// Eight bytes' lower seven bits, one after the other.
static uint64_t pb_squeeze(uint64_t word) {
    word &= 0x7f7f7f7f7f7f7f7f;
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    return (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
}

// A varint of which all bytes are there, of which it may take ten; what follows it, or NULL: it is
// damaged.
static inline const uint8_t *pb_read_varint(const uint8_t *at, uint64_t *out) {
    *out = *at;
    if (*at < 0x80) return at + 1;
    // Events have an id of -1, in ten bytes, and times, in five: all at once is quicker.
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    uint64_t ends = ~word & 0x8080808080808080;
    if (ends) {
        *out = pb_squeeze(word & (ends ^ (ends - 1)));
        return at + (__builtin_ctzll(ends) + 1) / 8;
    }
    if (at[8] >= 0x80 && at[9] > 1) return NULL; // more than 64 bits
    *out = pb_squeeze(word) | (uint64_t)(at[8] & 0x7f) << 56;
    if (at[8] < 0x80) return at + 9;
    *out |= (uint64_t)at[9] << 63;
    return at + 10;
}

bool pawl__pb_get_varint(struct pawl_pb_reader *reader, uint64_t *out) {
    if (reader->end - reader->at < PAWL_PB_VARINT_MOST) return pb_get_varint_slowly(reader, out);
    const uint8_t *next = pb_read_varint(reader->at, out);
    if (!next) return false;
    reader->at = next;
    return true;
}

static bool pb_get_fixed(struct pawl_pb_reader *reader, size_t len, uint64_t *out) {
    if ((size_t)(reader->end - reader->at) < len) return false;
    *out = 0;
    for (size_t i = len; i-- > 0;) *out = *out << 8 | reader->at[i];
    reader->at += len;
    return true;
}

// Reads a tag or a length: most are of one or two bytes.
static inline bool pb_get_short(struct pawl_pb_reader *reader, uint32_t *out) {
    const uint8_t *at = reader->at;
    if (reader->end - at >= 2) {
        if (at[0] < 0x80) {
            *out = at[0];
            reader->at = at + 1;
            return true;
        }
        if (at[1] < 0x80) {
            *out = (uint32_t)(at[0] & 0x7f) | (uint32_t)at[1] << 7;
            reader->at = at + 2;
            return true;
        }
    }
    uint64_t value;
    if (!pawl__pb_get_varint(reader, &value) || reader->at - at > PB_MAX_SHORT ||
        value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

bool pawl__pb_get(struct pawl_pb_reader *reader, unsigned wire_type, struct pawl_pb_field *out) {
    uint32_t len;
    out->wire_type = wire_type;
    out->value = 0;
    out->bytes = (struct pawl_str){0};
    switch (wire_type) {
    case PAWL_PB_VARINT: return pawl__pb_get_varint(reader, &out->value);
    case PAWL_PB_FIXED64: return pb_get_fixed(reader, 8, &out->value);
    case PAWL_PB_FIXED32: return pb_get_fixed(reader, 4, &out->value);
    case PAWL_PB_BYTES:
        if (!pb_get_short(reader, &len) || len > (size_t)(reader->end - reader->at)) return false;
        out->bytes = (struct pawl_str){(const char *)reader->at, len};
        reader->at += len;
        return true;
    default: return false;
    }
}

// Passes over what is in a group, and its end.
static bool pb_skip_group(struct pawl_pb_reader *reader, uint32_t number) {
    uint32_t open[PB_GROUPS], tag;
    struct pawl_pb_field ignored;
    int depth = 0;
    open[depth++] = number;
    while (depth) {
        if (!pb_get_short(reader, &tag) || !(tag >> 3)) return false;
        if ((tag & 7) == PAWL_PB_GROUP) {
            if (depth == PB_GROUPS) return false;
            open[depth++] = tag >> 3;
        } else if ((tag & 7) == PB_GROUP_END) {
            if (open[--depth] != tag >> 3) return false;
        } else if (!pawl__pb_get(reader, tag & 7, &ignored)) {
            return false;
        }
    }
    return true;
}

// Any field, wherever it stands. By itself, so that the quick way below saves no registers for it.
__attribute__((noinline)) static bool pb_next_slowly(struct pawl_pb_reader *reader,
                                                     struct pawl_pb_field *out) {
    struct pawl_pb_reader next = *reader;
    uint32_t tag;
    if (!pb_get_short(&next, &tag) || tag >> 3 == 0) return false;
    if (!pawl__pb_get(&next, tag & 7, out) &&
        ((tag & 7) != PAWL_PB_GROUP || !pb_skip_group(&next, tag >> 3)))
        return false;
    out->number = tag >> 3;
    *reader = next;
    return true;
}

// The other fields of which there are many are lengths of up to two bytes, and varints; these are
// read here, unless they are too near the end of the bytes.
bool pawl__pb_next_any(struct pawl_pb_reader *reader, struct pawl_pb_field *out) {
    const uint8_t *at = reader->at, *end = reader->end;
    if (end - at < 4) return pb_next_slowly(reader, out);
    uint32_t tag = *at++;
    if (tag >= 0x80) {
        if (*at >= 0x80) return pb_next_slowly(reader, out);
        tag = (tag & 0x7f) | (uint32_t)*at++ << 7;
    }
    if (!(tag >> 3)) return false;
    out->number = tag >> 3;
    out->wire_type = tag & 7;
    out->value = 0;
    out->bytes = (struct pawl_str){0};
    if (out->wire_type == PAWL_PB_VARINT) {
        if (end - at < PAWL_PB_VARINT_MOST) return pb_next_slowly(reader, out);
        at = pb_read_varint(at, &out->value);
        if (!at) return false;
    } else {
        size_t len = *at++;
        if (len >= 0x80) {
            if (*at >= 0x80) return pb_next_slowly(reader, out);
            len = (len & 0x7f) | (size_t)*at++ << 7;
        }
        if (out->wire_type != PAWL_PB_BYTES) return pb_next_slowly(reader, out);
        if (len > (size_t)(end - at)) return false;
        out->bytes = (struct pawl_str){(const char *)at, len};
        at += len;
    }
    reader->at = at;
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
