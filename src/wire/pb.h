#ifndef PAWL_WIRE_PB_H
#define PAWL_WIRE_PB_H

// The protobuf wire format in pieces, for what is copied rather than decoded.
// https://protobuf.dev/programming-guides/encoding/

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

// Appends a varint, a length-delimited field, a message as such a field. False: memory is out.
bool pawl__pb_put_varint(struct pawl_buf *buf, uint64_t value);
bool pawl__pb_put_bytes(struct pawl_buf *buf, unsigned number, struct pawl_str bytes);
bool pawl__pb_put_uint(struct pawl_buf *buf, unsigned number, uint64_t value);
bool pawl__pb_pack_field(struct pawl_buf *buf, unsigned number, const ProtobufCMessage *message);

// Bytes that pawl__pb_put_bytes appends for |len| bytes, and pawl__pb_put_uint for |value|.
size_t pawl__pb_field_size(unsigned number, size_t len);
size_t pawl__pb_uint_size(unsigned number, uint64_t value);

// Appends the head of a length-delimited field whose |len| bytes the caller appends next.
bool pawl__pb_put_head(struct pawl_buf *buf, unsigned number, size_t len);

enum {
    PAWL_PB_VARINT = 0,
    PAWL_PB_FIXED64 = 1,
    PAWL_PB_BYTES = 2,
    PAWL_PB_FIXED32 = 5
};

struct pawl_pb_reader {
    const uint8_t *at, *end;
};

struct pawl_pb_field {
    unsigned number;
    unsigned wire_type;    // one of PAWL_PB_
    uint64_t value;        // of a varint, fixed32 or fixed64 field
    struct pawl_str bytes; // of a length-delimited field
};

static inline struct pawl_pb_reader pawl__pb_reader(struct pawl_str bytes) {
    const uint8_t *at = (const uint8_t *)bytes.data;
    return (struct pawl_pb_reader){at, at ? at + bytes.len : at};
}

// Steps to the next field. False at the end, and when the bytes are damaged: then |reader->at| is
// not |reader->end|. Damaged are also groups, which proto3 does not have, and tags and lengths that
// take more than the five bytes which decoders read.
bool pawl__pb_next(struct pawl_pb_reader *reader, struct pawl_pb_field *out);

// The field |number| of |message|, the last if there are several. False, and |out| untouched, when
// there is none.
bool pawl__pb_find(struct pawl_str message, unsigned number, struct pawl_pb_field *out);

// Reads a varint of at most ten bytes.
bool pawl__pb_get_varint(struct pawl_pb_reader *reader, uint64_t *out);

#endif
