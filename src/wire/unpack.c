#include "wire/unpack.h"

#include "wire/pb.h"

// Why the bytes are looked through before protobuf-c decodes them:
//  - it recurses without a limit, so 34 KB of nested messages end the process;
//  - it takes strings that are not UTF-8, which would then go to workers that refuse them;
//  - it merges a message field that comes twice, and copies what it has each time: 160 KB of such
//    halves cost 6 GB. No encoder writes them, so they are refused.

enum {
    UNPACK_DEPTH = 100
};

// The wire type of each ProtobufCType.
static const uint8_t unpack_wire_types[] = {
    [PROTOBUF_C_TYPE_INT32] = PAWL_PB_VARINT,     [PROTOBUF_C_TYPE_SINT32] = PAWL_PB_VARINT,
    [PROTOBUF_C_TYPE_SFIXED32] = PAWL_PB_FIXED32, [PROTOBUF_C_TYPE_INT64] = PAWL_PB_VARINT,
    [PROTOBUF_C_TYPE_SINT64] = PAWL_PB_VARINT,    [PROTOBUF_C_TYPE_SFIXED64] = PAWL_PB_FIXED64,
    [PROTOBUF_C_TYPE_UINT32] = PAWL_PB_VARINT,    [PROTOBUF_C_TYPE_FIXED32] = PAWL_PB_FIXED32,
    [PROTOBUF_C_TYPE_UINT64] = PAWL_PB_VARINT,    [PROTOBUF_C_TYPE_FIXED64] = PAWL_PB_FIXED64,
    [PROTOBUF_C_TYPE_FLOAT] = PAWL_PB_FIXED32,    [PROTOBUF_C_TYPE_DOUBLE] = PAWL_PB_FIXED64,
    [PROTOBUF_C_TYPE_BOOL] = PAWL_PB_VARINT,      [PROTOBUF_C_TYPE_ENUM] = PAWL_PB_VARINT,
    [PROTOBUF_C_TYPE_STRING] = PAWL_PB_BYTES,     [PROTOBUF_C_TYPE_BYTES] = PAWL_PB_BYTES,
    [PROTOBUF_C_TYPE_MESSAGE] = PAWL_PB_BYTES,
};

// Numbers mostly run from 1 without gaps: then the number is the place.
static const ProtobufCFieldDescriptor *unpack_field(const ProtobufCMessageDescriptor *type,
                                                    unsigned number) {
    if (number <= type->n_fields && type->fields[number - 1].id == number)
        return &type->fields[number - 1];
    return protobuf_c_message_descriptor_get_field(type, number);
}

// Whether all eight bytes are ASCII other than NUL.
static bool unpack_plain_word(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return !((word | ((word - 0x0101010101010101u) & ~word)) & 0x8080808080808080u);
}

// Well-formed UTF-8 by RFC 3629, and no NUL: decoded strings are C strings, and a NUL would cut
// one.
bool pawl__wire_is_text(struct pawl_str text) {
    if (!text.len) return true; // and perhaps no data
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.len;
    while (at < end) {
        if (end - at >= 8 && unpack_plain_word(at)) {
            at += 8;
            // What is left of a long text overlaps with what was looked at.
            if (end - at < 8 && unpack_plain_word(end - 8)) return true;
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
    unsigned wire_type = unpack_wire_types[type];
    if (wire_type == PAWL_PB_FIXED64) return bytes.len % 8 == 0;
    if (wire_type == PAWL_PB_FIXED32) return bytes.len % 4 == 0;
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
    uint64_t seen = 0; // message fields that may come once, by place
    while (pawl__pb_next(&reader, &field)) {
        const ProtobufCFieldDescriptor *known = unpack_field(type, field.number);
        if (!known) continue;
        bool repeated = known->label == PROTOBUF_C_LABEL_REPEATED;
        if (field.wire_type != unpack_wire_types[known->type]) {
            if (repeated && field.wire_type == PAWL_PB_BYTES &&
                unpack_packed_fits(known->type, field.bytes))
                continue;
            *why = "a field has another type than expected";
            return false;
        }
        if (known->type == PROTOBUF_C_TYPE_STRING && !pawl__wire_is_text(field.bytes)) {
            *why = "a string is not valid UTF-8";
            return false;
        }
        if (known->type != PROTOBUF_C_TYPE_MESSAGE) continue;
        uint64_t place = UINT64_C(1) << (known - type->fields) % 64;
        if (!repeated && seen & place) {
            *why = "a message is there twice";
            return false;
        }
        if (!repeated) seen |= place;
        if (!unpack_check(known->descriptor, field.bytes, depth + 1, why)) return false;
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
    void *message = pawl__wire_decode(arena, type, bytes);
    if (!message) *why = "out of memory";
    return message;
}

void *pawl__wire_decode(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes) {
    ProtobufCAllocator allocator = {unpack_alloc, unpack_free, arena};
    return protobuf_c_message_unpack(type, &allocator, bytes.len, (const uint8_t *)bytes.data);
}
