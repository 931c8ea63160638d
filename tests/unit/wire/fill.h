#ifndef PAWL_TESTS_WIRE_FILL_H
#define PAWL_TESTS_WIRE_FILL_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

enum {
    TEST_DEPTH = 3 // TaskFailureDetails holds itself
};

// Sets every field: with |zero| those that know whether they are set, to zero; otherwise all, to
// something else. Of a oneof with several members, the one at place |choice| among all fields.
// Messages below |depth| are left out.
void test_fill(struct pawl_arena *arena, ProtobufCMessage *message, unsigned choice, bool zero,
               int depth);

// Whether a field tells that it is set apart from being zero.
static inline bool test_has_presence(const ProtobufCFieldDescriptor *field) {
    return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF || field->type == PROTOBUF_C_TYPE_MESSAGE;
}

#endif
