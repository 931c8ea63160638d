#ifndef PAWL_WIRE_FIELDS_H
#define PAWL_WIRE_FIELDS_H

// What protobuf-c's descriptors say of a field, for the loops that read, write and check messages.

#include <protobuf-c/protobuf-c.h>

#include "base/str.h"

// The wire type of each ProtobufCType, unless the field is packed.
extern const uint8_t pawl__field_wire_types[];

// Bytes that a value of each ProtobufCType takes in a message's struct.
extern const uint8_t pawl__field_sizes[];

// The field |number| of |type|; NULL when it has none.
static inline const ProtobufCFieldDescriptor *
pawl__field_find(const ProtobufCMessageDescriptor *type, unsigned number) {
    // Numbers mostly run from 1 without gaps: then the number is the place.
    if (number <= type->n_fields && number && type->fields[number - 1].id == number)
        return &type->fields[number - 1];
    return protobuf_c_message_descriptor_get_field(type, number);
}

static inline bool pawl__field_is_repeated(const ProtobufCFieldDescriptor *field) {
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline bool pawl__field_is_oneof(const ProtobufCFieldDescriptor *field) {
    return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

#endif
