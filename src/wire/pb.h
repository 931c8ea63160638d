#ifndef PAWL_WIRE_PB_H
#define PAWL_WIRE_PB_H

// The protobuf wire format in pieces, for what is copied rather than decoded.
// https://protobuf.dev/programming-guides/encoding/

#include "base/buf.h"

// Appends a varint, a length-delimited field, a field that is a varint. False: memory is out.
bool pawl__pb_put_varint(struct pawl_buf *buf, uint64_t value);
bool pawl__pb_put_bytes(struct pawl_buf *buf, unsigned number, struct pawl_str bytes);
bool pawl__pb_put_uint(struct pawl_buf *buf, unsigned number, uint64_t value);

// Appends a field of eight bytes: fixed64, sfixed64, or a double.
bool pawl__pb_put_fixed64(struct pawl_buf *buf, unsigned number, uint64_t value);
bool pawl__pb_put_double(struct pawl_buf *buf, unsigned number, double value);

// Bytes of a varint.
static inline size_t pawl__pb_varint_size(uint64_t value) {
    return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

// Bytes that pawl__pb_put_bytes appends for |len| bytes, and pawl__pb_put_uint for |value|.
size_t pawl__pb_field_size(unsigned number, size_t len);
size_t pawl__pb_uint_size(unsigned number, uint64_t value);

// Appends the head of a length-delimited field whose |len| bytes the caller appends next.
bool pawl__pb_put_head(struct pawl_buf *buf, unsigned number, size_t len);

// Makes what |buf| has from |start| on the content of a length-delimited field: for what is put
// together before its length is known.
bool pawl__pb_wrap(struct pawl_buf *buf, size_t start, unsigned number);

enum {
    PAWL_PB_VARINT = 0,
    PAWL_PB_FIXED64 = 1,
    PAWL_PB_BYTES = 2,
    PAWL_PB_GROUP = 3, // proto2's; passed over, up to the end that belongs to it
    PAWL_PB_FIXED32 = 5
};

enum {
    PAWL_PB_VARINT_MOST = 10 // bytes of a varint
};

// Writes a varint, and the head of a length-delimited field. What follows it.
static inline uint8_t *pawl__pb_write_varint(uint8_t *at, uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}
static inline uint8_t *pawl__pb_write_head(uint8_t *at, unsigned number, size_t len) {
    return pawl__pb_write_varint(pawl__pb_write_varint(at, (uint64_t)number << 3 | PAWL_PB_BYTES),
                                 len);
}

struct pawl_pb_reader {
    const uint8_t *at, *end;
};

struct pawl_pb_field {
    unsigned number;
    unsigned wire_type;    // one of PAWL_PB_
    uint64_t value;        // of a varint, fixed32 or fixed64 field; else 0
    struct pawl_str bytes; // of a length-delimited field; else empty
};

static inline struct pawl_pb_reader pawl__pb_reader(struct pawl_str bytes) {
    const uint8_t *at = (const uint8_t *)bytes.data;
    return (struct pawl_pb_reader){at, at ? at + bytes.len : at};
}

// Steps to the next field. False at the end, and when the bytes are damaged: then |reader->at| is
// not |reader->end|. Damaged are also tags and lengths that take more than the five bytes which
// decoders read, and groups that nest more than 100 deep.
static inline bool pawl__pb_next(struct pawl_pb_reader *reader, struct pawl_pb_field *out);

// The same for any field, of which there is one; the one above is its quick way for nearly all that
// is read, short bytes under a small number.
bool pawl__pb_next_any(struct pawl_pb_reader *reader, struct pawl_pb_field *out);

static inline bool pawl__pb_next(struct pawl_pb_reader *reader, struct pawl_pb_field *out) {
    const uint8_t *at = reader->at;
    if (at == reader->end) return false;
    if (reader->end - at < 2 || (at[0] & 0x87) != PAWL_PB_BYTES || !(at[0] >> 3) || at[1] >= 0x80 ||
        at[1] > reader->end - at - 2)
        return pawl__pb_next_any(reader, out);
    out->number = at[0] >> 3;
    out->wire_type = PAWL_PB_BYTES;
    out->value = 0;
    out->bytes = (struct pawl_str){(const char *)at + 2, at[1]};
    reader->at = at + 2 + at[1];
    return true;
}

// Reads a value of |wire_type| without a tag, all but its number. False: damaged, cut off, or a
// group.
bool pawl__pb_get(struct pawl_pb_reader *reader, unsigned wire_type, struct pawl_pb_field *out);

// The field |number| of |message|, the last if there are several. False, and |out| untouched, when
// there is none.
bool pawl__pb_find(struct pawl_str message, unsigned number, struct pawl_pb_field *out);

// Reads a varint of at most ten bytes.
bool pawl__pb_get_varint(struct pawl_pb_reader *reader, uint64_t *out);

#endif
