#ifndef PAWL_WIRE_UNPACK_H
#define PAWL_WIRE_UNPACK_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

enum {
    PAWL_WIRE_DEPTH = 100 // messages in each other, the outermost included
};

// Why pawl__wire_check refuses what could be encoded.
extern const char pawl__wire_not_text[], pawl__wire_too_deep[];

// Decodes |bytes| as a message of |type| into |arena|, after pawl__wire_check. NULL when the bytes
// are not such a message or memory is out; |*why| (which may be NULL) then says what was wrong.
void *pawl__wire_unpack(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes, const char **why);

// The same for bytes that have been checked before, or were made in this process. Of a field that
// comes more than once and is not repeated, the last value counts; messages are merged. Unknown
// fields are kept, but for those whose number is known. NULL: memory is out.
void *pawl__wire_decode(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                        struct pawl_str bytes);

// Whether |bytes| are a well-formed message of |type|, by protobuf's own rules: lengths fit,
// strings are UTF-8, and messages nest at most 100 deep, the outermost having depth 1. Beyond these
// rules strings hold no NUL, as decoded ones are C strings. A known field with another wire type is
// an unknown one; those are looked at from outside only. Allocates nothing.
bool pawl__wire_check(const ProtobufCMessageDescriptor *type, struct pawl_str bytes,
                      const char **why);

// Whether |text| is UTF-8 without NUL.
bool pawl__wire_is_text(struct pawl_str text);

#endif
