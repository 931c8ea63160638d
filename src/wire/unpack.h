#ifndef PAWL_WIRE_UNPACK_H
#define PAWL_WIRE_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

// Decodes |bytes| as a message of |type| into |arena|, after pawl__wire_check. NULL when the bytes
// are not such a message or memory is out; |*why| (which may be NULL) then says what was wrong.
void *pawl__wire_unpack(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, const char **why);

// The same for bytes that have been checked before, or were made in this process. NULL: memory is
// out.
void *pawl__wire_decode(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes);

// Whether |bytes| are a well-formed message of |type|: known fields have their wire types, strings
// are UTF-8 without NUL, lengths fit, a message field that is not repeated comes once, and messages
// nest at most 100 deep, which is protobuf's own limit. Types have at most 64 fields. Unknown
// fields are looked at from outside only. Allocates nothing; the outermost message has depth 1.
bool pawl__wire_check(const ProtobufCMessageDescriptor *type, struct pawl_str bytes,
                      const char **why);

// Whether |text| is UTF-8 without NUL.
bool pawl__wire_is_text(struct pawl_str text);

#endif
