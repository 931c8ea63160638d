#include "library.h"

#include "test.h"
#include "wire/pack.h"
#include "wire/pb.h"

static struct pawl_str library_pack(const ProtobufCMessage *message) {
    size_t len = protobuf_c_message_get_packed_size(message);
    uint8_t *bytes = malloc(len + 1);
    assert_non_null(bytes);
    assert_int_equal(protobuf_c_message_pack(message, bytes), len);
    return (struct pawl_str){(char *)bytes, len};
}

static void library_compare(struct pawl_str ours, const ProtobufCMessage *message) {
    struct pawl_str theirs = library_pack(message);
    assert_int_equal(ours.len, theirs.len);
    assert_memory_equal(ours.data, theirs.data, theirs.len);
    free((char *)theirs.data);
}

void test_packs_as_library(const ProtobufCMessage *message) {
    struct pawl_arena arena = {0};
    struct pawl_buf buf = {0};
    struct pawl_str ours = pawl__wire_pack(&arena, message);
    assert_non_null(ours.data);
    library_compare(ours, message);
    assert_int_equal(pawl__wire_size(message), ours.len);
    struct pawl_pb_field field;
    assert_true(pawl__wire_append_field(&buf, 300, message));
    assert_true(pawl__pb_find(pawl__buf_str(&buf), 300, &field));
    library_compare(field.bytes, message);
    pawl__buf_finish(&buf);
    pawl__arena_finish(&arena);
}

void test_reads_as_library(struct pawl_str bytes, const ProtobufCMessage *message) {
    ProtobufCMessage *theirs = protobuf_c_message_unpack(message->descriptor, NULL, bytes.len,
                                                         (const uint8_t *)bytes.data);
    if (theirs) {
        struct pawl_str expected = library_pack(theirs);
        library_compare(expected, message);
        free((char *)expected.data);
        protobuf_c_message_free_unpacked(theirs, NULL);
    }
    test_packs_as_library(message);
}
