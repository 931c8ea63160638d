// JSON as a message of the wire: a byte for its type, and the text. What is let in can be written
// as bytes, which are let in too, and as the same JSON again. What jansson takes for JSON is JSON
// to the checker as well, and all that the checker takes can be walked.

#include "wire/json.h"
#include "fuzz.h"
#include "messages.h"
#include "wire/json_text.h"
#include "wire/unpack.h"

// Visits all that |value| holds, to a depth that a stack has room for.
static void walk(struct pawl_arena *arena, struct pawl_str value, int depth) {
    struct pawl_str name, item, text;
    FUZZ_CHECK(pawl__json_kind(value) != PAWL_JSON_NONE);
    if (pawl__json_kind(value) == PAWL_JSON_STRING)
        FUZZ_CHECK(pawl__json_string(arena, value, &text) && text.len <= value.len);
    for (size_t at = 0; depth < 50 && pawl__json_next(value, &at, &name, &item);) {
        if (name.len) walk(arena, name, depth);
        walk(arena, item, depth + 1);
    }
    pawl__json_get(value, "instanceId", depth % 2);
}

static bool look(struct pawl_str text) {
    struct pawl_json_flaw flaw;
    bool good = pawl__json_check(text, &flaw);
    FUZZ_CHECK(good == !flaw.what && flaw.at <= text.len);
    struct pawl_arena arena = {0};
    if (good) walk(&arena, pawl__json_trim(text), 0);
    pawl__arena_finish(&arena);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    const ProtobufCMessageDescriptor *type = messages_type(fuzz_byte(&input));
    struct pawl_str text = fuzz_take(&input, SIZE_MAX);
    json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);
    // Jansson takes a zero for the end.
    FUZZ_CHECK(look(text) || !json || memchr(text.data, 0, text.len));
    if (!json) return 0;
    struct pawl_arena arena = {0};
    const char *why = NULL;
    ProtobufCMessage *message = pawl__wire_from_json(&arena, type, json, &why);
    FUZZ_CHECK(message || why);
    if (message) {
        size_t len = protobuf_c_message_get_packed_size(message);
        uint8_t *bytes = malloc(len + 1);
        protobuf_c_message_pack(message, bytes);
        const struct pawl_str packed = {(char *)bytes, len};
        if (!pawl__wire_check(type, packed, &why)) fprintf(stderr, "%s\n", why);
        FUZZ_CHECK(pawl__wire_check(type, packed, NULL));
        json_t *shown = pawl__wire_to_json(message);
        FUZZ_CHECK(shown);
        const ProtobufCMessage *back = pawl__wire_from_json(&arena, type, shown, &why);
        if (!back) fprintf(stderr, "%s\n", why);
        FUZZ_CHECK(back);
        json_t *again = pawl__wire_to_json(back);
        FUZZ_CHECK(json_equal(shown, again));
        json_decref(again);
        json_decref(shown);
        free(bytes);
    }
    json_decref(json);
    pawl__arena_finish(&arena);
    return 0;
}
