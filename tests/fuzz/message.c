// A message of the wire: a byte for its type, and its bytes. What is let in can be written, read
// again, and shown as JSON.

#include "base/buf.h"
#include "fuzz.h"
#include "messages.h"
#include "wire/json.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

static struct pawl_str message_pack(struct pawl_arena *arena, const ProtobufCMessage *message) {
    struct pawl_str bytes = pawl__wire_pack(arena, message);
    FUZZ_CHECK(bytes.data);
    return bytes;
}

// protobuf-c writes it as we do. What it reads is not compared: it has its own mind of fields with
// another wire type and of messages in parts, where protoc's word counts (wire_protoc).
static void message_as_library(const ProtobufCMessage *message, struct pawl_str packed) {
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *again = malloc(len + 1);
    FUZZ_CHECK(again && protobuf_c_message_pack(message, again) == len);
    FUZZ_CHECK(pawl__str_equal(packed, (struct pawl_str){(char *)again, len}));
    free(again);
}

// Through JSON and back nothing is lost but fields that are not known.
static void message_through_json(struct pawl_arena *arena, const ProtobufCMessage *message) {
    const char *why = NULL;
    json_t *json = pawl__wire_to_json(message);
    FUZZ_CHECK(json);
    const ProtobufCMessage *back = pawl__wire_from_json(arena, message->descriptor, json, &why);
    if (!back) fprintf(stderr, "%s\n", why);
    FUZZ_CHECK(back);
    json_t *again = pawl__wire_to_json(back);
    FUZZ_CHECK(json_equal(json, again));
    json_decref(json);
    json_decref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    const ProtobufCMessageDescriptor *type = messages_type(fuzz_byte(&input));
    struct pawl_str bytes = fuzz_copy(fuzz_take(&input, SIZE_MAX));
    struct pawl_arena arena = {0};
    const char *why = NULL;
    ProtobufCMessage *message = pawl__wire_unpack(&arena, type, bytes, &why);
    FUZZ_CHECK(!message == !pawl__wire_check(type, bytes, NULL));
    FUZZ_CHECK(message || why);
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    while (pawl__pb_next(&reader, &field)) continue;
    if (message) {
        FUZZ_CHECK(reader.at == reader.end);
        FUZZ_CHECK(protobuf_c_message_check(message));
        struct pawl_str packed = message_pack(&arena, message);
        message_as_library(message, packed);
        const ProtobufCMessage *again = pawl__wire_unpack(&arena, type, packed, &why);
        FUZZ_CHECK(again && pawl__str_equal(packed, message_pack(&arena, again)));
        message_through_json(&arena, message);
    }
    pawl__arena_finish(&arena);
    free((char *)bytes.data);
    return 0;
}
