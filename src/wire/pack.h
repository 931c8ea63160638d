#ifndef PAWL_WIRE_PACK_H
#define PAWL_WIRE_PACK_H

// Making messages, and encoding them as protobuf-c would: the same bytes for the same message.
// |message| nests no deeper than pawl__wire_unpack lets in.

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"

// A message of |type| in |arena|, with all fields at their defaults. NULL: memory is out.
void *pawl__wire_new(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type);

// Encodes |message| into |arena|. No data: memory is out.
struct pawl_str pawl__wire_pack(struct pawl_arena *arena, const ProtobufCMessage *message);

// The same for a message that may be nested too deeply, or have strings that are no text: no data
// then, and |*why|, a static string, says which, as pawl__wire_check would of the bytes. |*why|
// NULL: memory is out.
struct pawl_str pawl__wire_pack_checked(struct pawl_arena *arena, const ProtobufCMessage *message,
                                        const char **why);

// Bytes of |message|; 0 also when memory is out.
size_t pawl__wire_size(const ProtobufCMessage *message);

// Appends |message| as a length-delimited field. False: memory is out.
bool pawl__wire_append_field(struct pawl_buf *buf, unsigned number,
                             const ProtobufCMessage *message);

#endif
