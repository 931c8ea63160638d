#include "wire/pack.h"

#include <stdlib.h>

#include "wire/fields.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// A message is written from its end to its beginning: then the length of what is nested is known
// when its head is due, and nothing has to be measured before. protobuf-c measures first, and each
// message once more for every one around it.

enum {
    PACK_SMALL = 1024 // most messages are smaller
};

struct packer {
    uint8_t *start, *at, *end; // written is what lies between |at| and |end|
    bool failed;
    bool checks;               // what it writes, as pawl__wire_check does
    unsigned depth;            // of the messages that are being written
    const char *why;           // it is refused; NULL: it is not
    uint8_t small[PACK_SMALL]; // the first room
};

static size_t pack_written(const struct packer *packer) {
    return (size_t)(packer->end - packer->at);
}

// Makes room for |len| bytes before those that are written.
static bool pack_grow(struct packer *packer, size_t len) {
    size_t used = pack_written(packer);
    if (packer->failed || len > SIZE_MAX / 4 - used) goto fail;
    size_t cap = 2 * used + len + PACK_SMALL;
    uint8_t *room = malloc(cap);
    if (!room) goto fail;
    memcpy(room + cap - used, packer->at, used);
    if (packer->start != packer->small) free(packer->start);
    packer->start = room;
    packer->end = room + cap;
    packer->at = packer->end - used;
    return true;
fail:
    packer->failed = true;
    return false;
}

static inline uint8_t *pack_room(struct packer *packer, size_t len) {
    if ((size_t)(packer->at - packer->start) < len && !pack_grow(packer, len)) return NULL;
    return packer->at -= len;
}

static inline void pack_varint(struct packer *packer, uint64_t value) {
    if (value < 0x80 && packer->at > packer->start) { // nearly all
        *--packer->at = (uint8_t)value;
        return;
    }
    size_t len = pawl__pb_varint_size(value);
    uint8_t *at = pack_room(packer, len);
    if (!at) return;
    for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
    *at = (uint8_t)value;
}

static void pack_fixed(struct packer *packer, size_t len, uint64_t value) {
    uint8_t *at = pack_room(packer, len);
    for (size_t i = 0; at && i < len; i++, value >>= 8) at[i] = (uint8_t)value;
}

static void pack_bytes(struct packer *packer, const void *bytes, size_t len) {
    if (!len) return; // and perhaps no bytes
    uint8_t *at = pack_room(packer, len);
    if (at) memcpy(at, bytes, len);
}

static void pack_refuse(struct packer *packer, const char *why) {
    if (!packer->why) packer->why = why;
    packer->failed = true;
}

static void pack_message(struct packer *packer, const ProtobufCMessage *message);

// A number of at most 64 bits as its bits, those of the narrow signed ones extended.
static uint64_t pack_bits(ProtobufCType type, const char *from) {
    uint64_t wide;
    int32_t narrow;
    if (pawl__field_sizes[type] == sizeof wide) {
        memcpy(&wide, from, sizeof wide);
        return type == PROTOBUF_C_TYPE_SINT64 ? wide << 1 ^ (0 - (wide >> 63)) : wide;
    }
    memcpy(&narrow, from, sizeof narrow);
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL: return narrow != 0;
    case PROTOBUF_C_TYPE_UINT32: return (uint32_t)narrow;
    case PROTOBUF_C_TYPE_SINT32: return (uint32_t)narrow << 1 ^ (0 - ((uint32_t)narrow >> 31));
    default: return (uint64_t)(int64_t)narrow;
    }
}

// A value without its tag.
static void pack_value(struct packer *packer, ProtobufCType type, const char *from) {
    const void *pointer;
    switch (type) {
    case PROTOBUF_C_TYPE_STRING: {
        memcpy(&pointer, from, sizeof pointer);
        size_t len = pointer ? strlen(pointer) : 0;
        if (packer->checks && !pawl__wire_is_text((struct pawl_str){pointer, len}))
            pack_refuse(packer, pawl__wire_not_text);
        pack_bytes(packer, pointer, len);
        pack_varint(packer, len);
        return;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData bytes;
        memcpy(&bytes, from, sizeof bytes);
        pack_bytes(packer, bytes.data, bytes.len);
        pack_varint(packer, bytes.len);
        return;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        memcpy(&pointer, from, sizeof pointer);
        size_t before = pack_written(packer);
        if (packer->checks && packer->depth == PAWL_WIRE_DEPTH) {
            pack_refuse(packer, pawl__wire_too_deep);
            return;
        }
        packer->depth++;
        if (pointer) pack_message(packer, pointer);
        packer->depth--;
        pack_varint(packer, pack_written(packer) - before);
        return;
    }
    default: break;
    }
    uint64_t bits = pack_bits(type, from);
    switch (pawl__field_wire_types[type]) {
    case PAWL_PB_FIXED32: pack_fixed(packer, 4, bits); return;
    case PAWL_PB_FIXED64: pack_fixed(packer, 8, bits); return;
    default: pack_varint(packer, bits);
    }
}

static inline void pack_tag(struct packer *packer, unsigned number, unsigned wire_type) {
    pack_varint(packer, (uint64_t)number << 3 | wire_type);
}

static void pack_repeated(struct packer *packer, const ProtobufCFieldDescriptor *field,
                          const char *message) {
    size_t size = pawl__field_sizes[field->type], count;
    const char *values;
    memcpy(&count, message + field->quantifier_offset, sizeof count);
    memcpy(&values, message + field->offset, sizeof values);
    if (!count) return;
    bool packed = field->flags & PROTOBUF_C_FIELD_FLAG_PACKED;
    size_t before = pack_written(packer);
    while (count-- > 0) {
        pack_value(packer, field->type, values + count * size);
        if (!packed) pack_tag(packer, field->id, pawl__field_wire_types[field->type]);
    }
    if (!packed) return;
    pack_varint(packer, pack_written(packer) - before);
    pack_tag(packer, field->id, PAWL_PB_BYTES);
}

// Whether a field that comes once and is in no oneof is left out: it is zero, or empty.
static inline bool pack_is_zero(ProtobufCType type, const char *value) {
    const char *text;
    uint64_t wide;
    uint32_t narrow;
    switch (type) {
    case PROTOBUF_C_TYPE_STRING: memcpy(&text, value, sizeof text); return !text || !*text;
    case PROTOBUF_C_TYPE_MESSAGE: memcpy(&text, value, sizeof text); return !text;
    case PROTOBUF_C_TYPE_BYTES: return !((const ProtobufCBinaryData *)(const void *)value)->len;
    default: break;
    }
    if (pawl__field_sizes[type] == sizeof narrow) {
        memcpy(&narrow, value, sizeof narrow);
        return !narrow;
    }
    memcpy(&wide, value, sizeof wide);
    return !wide;
}

// Whether a member of a oneof is left out: another one is set, or it points nowhere.
static inline bool pack_is_other(const ProtobufCFieldDescriptor *field, const char *message) {
    uint32_t set;
    memcpy(&set, message + field->quantifier_offset, sizeof set);
    if (set != field->id) return true;
    if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
        return false;
    const void *pointer;
    memcpy(&pointer, message + field->offset, sizeof pointer);
    return !pointer || pointer == field->default_value;
}

static void pack_message(struct packer *packer, const ProtobufCMessage *message) {
    const char *base = (const char *)message;
    for (unsigned i = message->n_unknown_fields; i-- > 0;) {
        const ProtobufCMessageUnknownField *unknown = &message->unknown_fields[i];
        pack_bytes(packer, unknown->data, unknown->len);
        pack_tag(packer, unknown->tag, unknown->wire_type);
    }
    const ProtobufCFieldDescriptor *fields = message->descriptor->fields; // NULL: there are none
    for (unsigned i = message->descriptor->n_fields; i-- > 0;) {
        const ProtobufCFieldDescriptor *field = &fields[i];
        if (pawl__field_is_repeated(field)) {
            pack_repeated(packer, field, base);
            continue;
        }
        if (pawl__field_is_oneof(field) ? pack_is_other(field, base)
                                        : pack_is_zero(field->type, base + field->offset))
            continue;
        pack_value(packer, field->type, base + field->offset);
        pack_tag(packer, field->id, pawl__field_wire_types[field->type]);
    }
}

// --- entries ------------------------------------------------------------------------------------

static struct pawl_str pack_begin(struct packer *packer, const ProtobufCMessage *message,
                                  bool checks) {
    packer->start = packer->small;
    packer->at = packer->end = packer->small + PACK_SMALL;
    packer->failed = false;
    packer->checks = checks;
    packer->depth = 1;
    packer->why = NULL;
    pack_message(packer, message);
    return (struct pawl_str){(const char *)packer->at, pack_written(packer)};
}

static void pack_end(struct packer *packer) {
    if (packer->start != packer->small) free(packer->start);
}

void *pawl__wire_new(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type) {
    void *message = pawl__arena_alloc(arena, type->sizeof_message);
    if (message) protobuf_c_message_init(type, message);
    return message;
}

static struct pawl_str pack_in(struct pawl_arena *arena, const ProtobufCMessage *message,
                               bool checks, const char **why) {
    struct packer packer;
    struct pawl_str bytes = pack_begin(&packer, message, checks);
    bytes.data = packer.failed ? NULL : pawl__arena_dup(arena, bytes);
    *why = packer.why;
    pack_end(&packer);
    return bytes;
}

struct pawl_str pawl__wire_pack(struct pawl_arena *arena, const ProtobufCMessage *message) {
    const char *why;
    return pack_in(arena, message, false, &why);
}

struct pawl_str pawl__wire_pack_checked(struct pawl_arena *arena, const ProtobufCMessage *message,
                                        const char **why) {
    return pack_in(arena, message, true, why);
}

size_t pawl__wire_size(const ProtobufCMessage *message) {
    struct packer packer;
    size_t size = pack_begin(&packer, message, false).len;
    pack_end(&packer);
    return packer.failed ? 0 : size;
}

bool pawl__wire_append_field(struct pawl_buf *buf, unsigned number,
                             const ProtobufCMessage *message) {
    struct packer packer;
    struct pawl_str bytes = pack_begin(&packer, message, false);
    bool ok = !packer.failed && pawl__pb_put_bytes(buf, number, bytes);
    pack_end(&packer);
    return ok;
}
