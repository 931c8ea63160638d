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
    // Fields are in the order of their numbers, which mostly run from 1 with few gaps: the place is
    // where the number says, or a little before.
    unsigned i = number < type->n_fields ? number : type->n_fields;
    while (i > 0 && type->fields[i - 1].id > number) i--;
    return i > 0 && type->fields[i - 1].id == number ? &type->fields[i - 1] : NULL;
}

static inline bool pawl__field_is_repeated(const ProtobufCFieldDescriptor *field) {
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

// What a field that is there with |wire_type| is.
enum pawl_field_form {
    PAWL_FIELD_VALUE,
    PAWL_FIELD_PACKED, // values of a repeated field, all in one
    PAWL_FIELD_UNKNOWN // some other schema's, in which the number means something else
};

static inline enum pawl_field_form pawl__field_form(const ProtobufCFieldDescriptor *field,
                                                    unsigned wire_type) {
    enum {
        BYTES = 2
    };
    if (wire_type == pawl__field_wire_types[field->type]) return PAWL_FIELD_VALUE;
    return wire_type == BYTES && pawl__field_is_repeated(field) ? PAWL_FIELD_PACKED
                                                                : PAWL_FIELD_UNKNOWN;
}

static inline bool pawl__field_is_oneof(const ProtobufCFieldDescriptor *field) {
    return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

#endif
