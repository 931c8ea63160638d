#include "wire/unpack.h"

#include "wire/pb.h"

enum {
    UNPACK_DEPTH = 100
};

static unsigned unpack_wire_type(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE: return 2;
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE: return 1;
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FLOAT: return 5;
    default: return 0;
    }
}

// Well-formed UTF-8 by RFC 3629, and no NUL: decoded strings are C strings, and a NUL would cut
// one.
bool pawl__wire_is_text(struct pawl_str text) {
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8 && (memcpy(&word, at, 8), !(word & 0x8080808080808080u)) &&
            !((word - 0x0101010101010101u) & ~word & 0x8080808080808080u)) {
            at += 8;
            continue;
        }
        uint8_t c = *at++;
        if (c == 0) return false;
        if (c < 0x80) continue;
        int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
        if (c < 0xc2 || c > 0xf4 || end - at < more) return false;
        uint8_t low = 0x80, high = 0xbf; // bounds of the second byte: no overlong, no surrogate
        if (c == 0xe0) low = 0xa0;
        if (c == 0xed) high = 0x9f;
        if (c == 0xf0) low = 0x90;
        if (c == 0xf4) high = 0x8f;
        if (*at < low || *at > high) return false;
        for (at++; --more > 0; at++)
            if ((*at & 0xc0) != 0x80) return false;
    }
    return true;
}

static bool unpack_packed_fits(ProtobufCType type, struct pawl_str bytes) {
    unsigned wire_type = unpack_wire_type(type);
    if (wire_type == 1) return bytes.len % 8 == 0;
    if (wire_type == 5) return bytes.len % 4 == 0;
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    uint64_t value;
    while (reader.at < reader.end)
        if (!pawl__pb_get_varint(&reader, &value)) return false;
    return true;
}

static bool unpack_check(const ProtobufCMessageDescriptor *type, struct pawl_str bytes, int depth,
                         const char **why) {
    if (depth > UNPACK_DEPTH) {
        *why = "messages are nested too deeply";
        return false;
    }
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        const ProtobufCFieldDescriptor *known =
            protobuf_c_message_descriptor_get_field(type, field.number);
        if (!known) continue;
        if (field.wire_type != unpack_wire_type(known->type)) {
            bool packed = known->label == PROTOBUF_C_LABEL_REPEATED && field.wire_type == 2;
            if (packed && unpack_packed_fits(known->type, field.bytes)) continue;
            *why = "a field has another type than expected";
            return false;
        }
        if (known->type == PROTOBUF_C_TYPE_STRING && !pawl__wire_is_text(field.bytes)) {
            *why = "a string is not valid UTF-8";
            return false;
        }
        if (known->type == PROTOBUF_C_TYPE_MESSAGE &&
            !unpack_check(known->descriptor, field.bytes, depth + 1, why))
            return false;
    }
    if (reader.at == reader.end) return true;
    *why = "the message is cut off or malformed";
    return false;
}

bool pawl__wire_check(const ProtobufCMessageDescriptor *type, struct pawl_str bytes,
                      const char **why) {
    const char *ignored;
    return unpack_check(type, bytes, 1, why ? why : &ignored);
}

static void *unpack_alloc(void *arena, size_t len) {
    return pawl__arena_alloc(arena, len);
}

static void unpack_free(void *arena, void *piece) {
    (void)arena; // pieces go with their arena
    (void)piece;
}

void *pawl__wire_unpack(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, const char **why) {
    const char *ignored;
    if (!why) why = &ignored;
    if (!pawl__wire_check(type, bytes, why)) return NULL;
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, arena};
    void *message =
        protobuf_c_message_unpack(type, &allocator, bytes.len, (const uint8_t *)bytes.data);
    if (!message) *why = "out of memory";
    return message;
}
