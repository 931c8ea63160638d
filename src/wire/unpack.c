#include "wire/unpack.h"

#include "base/utf8.h"
#include "wire/fields.h"
#include "wire/pb.h"

// Why bytes are looked through before they are decoded:
//  - decoding recurses, so 34 KB of nested messages would end the process;
//  - strings that are not UTF-8 would go to workers that refuse them.
// All else that protobuf lets in is let in: it is how newer and sister schemas meet this one.

const char pawl__wire_not_text[] = "a string is not valid UTF-8";
const char pawl__wire_too_deep[] = "messages are nested too deeply";

// Whether all eight bytes are ASCII other than NUL.
static bool unpack_plain_word(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return !((word | ((word - 0x0101010101010101u) & ~word)) & 0x8080808080808080u);
}

// No NUL: decoded strings are C strings, and a NUL would cut one.
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
        size_t size = *at ? pawl__utf8_length((const char *)at, (const char *)end) : 0;
        if (!size) return false;
        at += size;
    }
    return true;
}

// Whether a packed field's bytes are values of |type|, and nothing more.
static bool unpack_packed_fits(ProtobufCType type, struct pawl_str bytes) {
    unsigned wire_type = pawl__field_wire_types[type];
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
    if (depth > PAWL_WIRE_DEPTH) {
        *why = pawl__wire_too_deep;
        return false;
    }
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) {
        const ProtobufCFieldDescriptor *known = pawl__field_find(type, field.number);
        if (!known) continue;
        enum pawl_field_form form = pawl__field_form(known, field.wire_type);
        if (form == PAWL_FIELD_UNKNOWN) continue;
        if (form == PAWL_FIELD_PACKED) {
            if (unpack_packed_fits(known->type, field.bytes)) continue;
            *why = "a packed field is cut off or malformed";
            return false;
        }
        if (known->type == PROTOBUF_C_TYPE_STRING && !pawl__wire_is_text(field.bytes)) {
            *why = pawl__wire_not_text;
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

void *pawl__wire_unpack(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, const char **why) {
    const char *ignored;
    if (!why) why = &ignored;
    if (!pawl__wire_check(type, bytes, why)) return NULL;
    void *message = pawl__wire_decode(arena, type, bytes);
    if (!message) *why = "out of memory";
    return message;
}
