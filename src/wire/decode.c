#include "wire/fields.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// protobuf-c goes over a message twice and asks its allocator for each string; a turn and an
// activity decode four messages. This loop fills the same structs in one pass over bytes that
// pawl__wire_check has found right, and so does not look at what cannot be.

// Values in a field: one, or those of a packed one.
static size_t decode_count(ProtobufCType type, const struct pawl_pb_field *field) {
    unsigned wire_type = pawl__field_wire_types[type];
    if (field->wire_type == wire_type) return 1;
    if (wire_type == PAWL_PB_FIXED64) return field->bytes.len / 8;
    if (wire_type == PAWL_PB_FIXED32) return field->bytes.len / 4;
    size_t count = 0;
    for (size_t i = 0; i < field->bytes.len; i++) count += !(field->bytes.data[i] & 0x80);
    return count;
}

static uint64_t decode_zigzag(uint64_t value) {
    return value >> 1 ^ (0 - (value & 1));
}

// Puts a value where its message's struct has it.
static bool decode_value(struct pawl_arena *arena, const ProtobufCFieldDescriptor *known,
                         const struct pawl_pb_field *field, char *to) {
    switch (known->type) {
    case PROTOBUF_C_TYPE_STRING: {
        char *text = pawl__arena_dup(arena, field->bytes);
        memcpy(to, &text, sizeof text);
        return text;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        void *message = pawl__wire_decode(arena, known->descriptor, field->bytes);
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
// follows in the message: the first time it tells how many will come.
static bool decode_repeated(struct pawl_arena *arena, const ProtobufCFieldDescriptor *known,
                            const struct pawl_pb_field *field, struct pawl_pb_reader rest,
                            char *message) {
    size_t *count = (size_t *)(void *)(message + known->quantifier_offset);
    char **values = (char **)(void *)(message + known->offset);
    size_t size = pawl__field_sizes[known->type];
    unsigned wire_type = pawl__field_wire_types[known->type];
    if (!*values) {
        size_t all = decode_count(known->type, field);
        for (struct pawl_pb_field more; pawl__pb_next(&rest, &more);)
            if (more.number == known->id) all += decode_count(known->type, &more);
        if (!(*values = pawl__arena_alloc(arena, all * size))) return false;
    }
    if (field->wire_type == wire_type)
        return decode_value(arena, known, field, *values + (*count)++ * size);
    struct pawl_pb_reader reader = pawl__pb_reader(field->bytes);
    for (struct pawl_pb_field one; reader.at < reader.end;) {
        if (!pawl__pb_get(&reader, wire_type, &one)) return false;
        decode_value(arena, known, &one, *values + (*count)++ * size);
    }
    return true;
}

// Keeps a field that this build does not know, as encoded without its tag, so that it is passed on.
static bool decode_unknown(struct pawl_arena *arena, const struct pawl_pb_field *field,
                           struct pawl_str raw, ProtobufCMessage *message, size_t most) {
    if (!message->unknown_fields)
        message->unknown_fields = pawl__arena_alloc(arena, most * sizeof *message->unknown_fields);
    char *data = pawl__arena_dup(arena, raw);
    if (!message->unknown_fields || !data) return false;
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

void *pawl__wire_decode(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes) {
    char *message = pawl__arena_alloc(arena, type->sizeof_message);
    if (!message) return NULL;
    ProtobufCMessage *base = (ProtobufCMessage *)(void *)message;
    type->message_init(base);
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    for (const uint8_t *start = reader.at; pawl__pb_next(&reader, &field); start = reader.at) {
        const ProtobufCFieldDescriptor *known = pawl__field_find(type, field.number);
        bool ok = true;
        if (!known) {
            size_t most = base->unknown_fields ? 0 : 1 + decode_count_unknown(type, reader);
            ok = decode_unknown(arena, &field, decode_raw(start, reader.at), base, most);
        } else if (pawl__field_is_repeated(known)) {
            ok = decode_repeated(arena, known, &field, reader, message);
        } else {
            if (pawl__field_is_oneof(known))
                memcpy(message + known->quantifier_offset, &known->id, sizeof known->id);
            ok = decode_value(arena, known, &field, message + known->offset);
        }
        if (!ok) return NULL;
    }
    return message;
}
