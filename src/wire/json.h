#ifndef PAWL_WIRE_JSON_H
#define PAWL_WIRE_JSON_H

// Protobuf messages as JSON, by protobuf's own mapping:
// https://protobuf.dev/programming-guides/json/
//
// Fields have their JSON names: app_id is appId, and sourceInstanceID stays. Enums are names,
// bytes are base64, 64-bit integers are strings, a Timestamp is RFC 3339, the wrappers (StringValue
// and so on) are plain values, and a map is an object. What is not set is left out.
//
// Messages have at most 64 fields, maps have keys that are strings, and no field is a float or a
// double: ours are like that.

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

// |message| nests no deeper than pawl__wire_unpack lets in. Unknown fields are left out; an enum's
// unknown value is its number. NULL when memory is out or a string is not UTF-8.
json_t *pawl__wire_to_json(const ProtobufCMessage *message);

// Reads |json| as a message of |type| into |arena|. Fields may have their JSON names or those of
// the .proto, enums may be numbers, integers may be strings, and null is as if it were left out.
// The result is as pawl__wire_unpack would give it. NULL when |json| is not such a message or
// memory is out; |*why| (which may be NULL) then names the place and says what is wrong with it, in
// |arena|.
void *pawl__wire_from_json(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                           const json_t *json, const char **why);

#endif
