#include <stddef.h>

#include "wire/fields.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// protobuf-c goes over a message twice and asks its allocator for each string; a turn and an
// activity decode four messages. This loop fills the same structs in one pass over bytes that
// pawl__wire_check has found right, and so does not look at what cannot be.
//
// A message that comes in several parts is decoded into one struct, part after part. A repeated
// field of it may grow with each, so in front of its values stands how many there is room for, and
// the room is doubled: what all parts take is proportional to their bytes.

static bool decode_into(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, ProtobufCMessage *message);

// --- arrays that grow ---------------------------------------------------------------------------

// In front of the values, which are aligned as it is.
struct decode_room {
    size_t count;
    max_align_t values[];
};

// Makes room in |*values|, which has |count|, for one more of |size| bytes, and more if |coming|
// are known to come.
static bool decode_reserve(struct pawl_arena *arena, void **values, size_t count, size_t coming,
                           size_t size) {
    size_t room = count + coming > 2 * count ? count + coming : 2 * count;
    struct decode_room *bigger = pawl__arena_alloc(arena, sizeof *bigger + room * size);
    if (!bigger) return false;
    bigger->count = room;
    if (count) memcpy(bigger->values, *values, count * size);
    *values = bigger->values;
    return true;
}

static bool decode_is_full(const void *values, size_t count) {
    if (!values) return true;
    const struct decode_room *room =
        (const void *)((const char *)values - offsetof(struct decode_room, values));
    return room->count == count;
}

// --- values -------------------------------------------------------------------------------------

// Values in a field: one, or those of a packed one.
static size_t decode_count(const ProtobufCFieldDescriptor *known,
                           const struct pawl_pb_field *field) {
    enum pawl_field_form form = pawl__field_form(known, field->wire_type);
    if (form != PAWL_FIELD_PACKED) return form == PAWL_FIELD_VALUE;
    unsigned wire_type = pawl__field_wire_types[known->type];
    if (wire_type == PAWL_PB_FIXED64) return field->bytes.len / 8;
    if (wire_type == PAWL_PB_FIXED32) return field->bytes.len / 4;
    size_t count = 0;
    for (size_t i = 0; i < field->bytes.len; i++) count += !(field->bytes.data[i] & 0x80);
    return count;
}

static uint64_t decode_zigzag(uint64_t value) {
    return value >> 1 ^ (0 - (value & 1));
}

// Puts a value where its message's struct has it; a message that is there is merged with.
static bool decode_value(struct pawl_arena *arena, const ProtobufCFieldDescriptor *known,
                         const struct pawl_pb_field *field, char *to) {
    switch (known->type) {
    case PROTOBUF_C_TYPE_STRING: {
        char *text = pawl__arena_dup(arena, field->bytes);
        memcpy(to, &text, sizeof text);
        return text;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *message;
        memcpy(&message, to, sizeof message);
        if (message) return decode_into(arena, known->descriptor, field->bytes, message);
        message = pawl__wire_decode(arena, known->descriptor, field->bytes);
        memcpy(to, &message, sizeof message);
        return message;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        ProtobufCBinaryData bytes = {field->bytes.len, NULL};
        if (bytes.len) bytes.data = (uint8_t *)pawl__arena_dup(arena, field->bytes);
        memcpy(to, &bytes, sizeof bytes);
        return bytes.data || !bytes.len;
    }
    case PROTOBUF_C_TYPE_BOOL: {
        protobuf_c_boolean is = field->value != 0;
        memcpy(to, &is, sizeof is);
        return true;
    }
    default: {
        uint64_t value = field->value;
        // What is too wide for its type is cut, before anything else.
        if (known->type == PROTOBUF_C_TYPE_SINT32) value = decode_zigzag((uint32_t)value);
        if (known->type == PROTOBUF_C_TYPE_SINT64) value = decode_zigzag(value);
        uint32_t narrow = (uint32_t)value;
        if (pawl__field_sizes[known->type] == sizeof narrow)
            memcpy(to, &narrow, sizeof narrow);
        else
            memcpy(to, &value, sizeof value);
        return true;
    }
    }
}

// Adds the value or, of a packed field, the values of |field| to a repeated one. |rest| is what
// follows in the message: it tells how many will come.
static bool decode_repeated(struct pawl_arena *arena, const ProtobufCFieldDescriptor *known,
                            const struct pawl_pb_field *field, struct pawl_pb_reader rest,
                            char *message) {
    size_t *count = (size_t *)(void *)(message + known->quantifier_offset);
    void **values = (void **)(void *)(message + known->offset);
    size_t size = pawl__field_sizes[known->type], here = decode_count(known, field);
    unsigned wire_type = pawl__field_wire_types[known->type];
    struct pawl_pb_reader reader = pawl__pb_reader(field->bytes);
    bool packed = field->wire_type != wire_type;
    for (size_t i = 0; i < here; i++) {
        if (decode_is_full(*values, *count)) {
            size_t coming = here - i;
            for (struct pawl_pb_field more; pawl__pb_next(&rest, &more);)
                if (more.number == known->id) coming += decode_count(known, &more);
            if (!decode_reserve(arena, values, *count, coming, size)) return false;
        }
        struct pawl_pb_field one = *field;
        if (packed && !pawl__pb_get(&reader, wire_type, &one)) return false;
        char *to = (char *)*values + *count * size;
        memset(to, 0, size);
        if (!decode_value(arena, known, &one, to)) return false;
        ++*count;
    }
    return true;
}

// Keeps a field that this build does not know, as encoded without its tag, so that it is passed on.
// |coming|: how many there are, this one included.
static bool decode_unknown(struct pawl_arena *arena, const struct pawl_pb_field *field,
                           struct pawl_str raw, ProtobufCMessage *message, size_t coming) {
    void *all = message->unknown_fields;
    char *data = pawl__arena_dup(arena, raw);
    if (!data || (coming && !decode_reserve(arena, &all, message->n_unknown_fields, coming,
                                            sizeof *message->unknown_fields)))
        return false;
    message->unknown_fields = all;
    message->unknown_fields[message->n_unknown_fields++] = (ProtobufCMessageUnknownField){
        field->number, (ProtobufCWireType)field->wire_type, raw.len, (uint8_t *)data};
    return true;
}

// The bytes from |start|, where a field's tag is, to |end|, without that tag.
static struct pawl_str decode_raw(const uint8_t *start, const uint8_t *end) {
    while (*start++ & 0x80) {
    }
    return (struct pawl_str){(const char *)start, (size_t)(end - start)};
}

// Fields that |type| does not have.
static size_t decode_count_unknown(const ProtobufCMessageDescriptor *type,
                                   struct pawl_pb_reader reader) {
    struct pawl_pb_field field;
    size_t count = 0;
    while (pawl__pb_next(&reader, &field)) count += !pawl__field_find(type, field.number);
    return count;
}

// Puts the value of a field that is not repeated in its place. A message that is there already is
// merged with; of a oneof's members only the last is there.
static bool decode_single(struct pawl_arena *arena, const ProtobufCFieldDescriptor *known,
                          const struct pawl_pb_field *field, char *message) {
    char *place = message + known->offset;
    if (pawl__field_is_oneof(known)) {
        uint32_t present;
        memcpy(&present, message + known->quantifier_offset, sizeof present);
        if (present && present != known->id) memset(place, 0, pawl__field_sizes[known->type]);
        memcpy(message + known->quantifier_offset, &known->id, sizeof known->id);
    }
    return decode_value(arena, known, field, place);
}

static bool decode_into(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, ProtobufCMessage *base) {
    char *message = (char *)base;
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    for (const uint8_t *start = reader.at; pawl__pb_next(&reader, &field); start = reader.at) {
        const ProtobufCFieldDescriptor *known = pawl__field_find(type, field.number);
        bool ok = true;
        if (!known) {
            size_t coming = 0;
            if (decode_is_full(base->unknown_fields, base->n_unknown_fields))
                coming = 1 + decode_count_unknown(type, reader);
            ok = decode_unknown(arena, &field, decode_raw(start, reader.at), base, coming);
        } else if (pawl__field_form(known, field.wire_type) == PAWL_FIELD_UNKNOWN) {
            continue;
        } else if (pawl__field_is_repeated(known)) {
            ok = decode_repeated(arena, known, &field, reader, message);
        } else {
            ok = decode_single(arena, known, &field, message);
        }
        if (!ok) return false;
    }
    return true;
}

void *pawl__wire_decode(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes) {
    ProtobufCMessage *message = pawl__arena_alloc(arena, type->sizeof_message);
    if (!message) return NULL;
    type->message_init(message);
    return decode_into(arena, type, bytes, message) ? message : NULL;
}
