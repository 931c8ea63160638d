#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "base/clock.h"
#include "engine/events.h"
#include "net/grpc.h"
#include "wire/pack.h"

bool pawl__api_starved(struct pawl_request *request) {
    if (!request->arena.failed) return false;
    pawl__api_nomem(request);
    return true;
}

void pawl__api_nomem(struct pawl_request *request) {
    if (request->is_grpc)
        pawl__api_fail(request, PAWL_E_NOMEM, "out of memory");
    else
        pawl__api_http_fail(request, 500, "ERROR", "out of memory");
}

// --- gRPC ---------------------------------------------------------------------------------------

void *pawl__api_unpack(struct pawl_request *request, const ProtobufCMessageDescriptor *type) {
    const char *why = NULL;
    void *message = pawl__wire_unpack(&request->arena, type, request->body, &why);
    if (!message && !pawl__api_starved(request))
        pawl__api_fail(request, PAWL_E_INVALID, "the %s is not valid: %s", type->name, why);
    return message;
}

void pawl__api_reply(struct pawl_request *request, const ProtobufCMessage *message) {
    struct pawl_str bytes = pawl__wire_pack(&request->arena, message);
    if (!bytes.data || request->arena.failed) // also before: then a part of it is missing
        pawl__api_nomem(request);
    else
        pawl__grpc_respond(request, bytes);
}

void pawl__api_reply_empty(struct pawl_request *request) {
    pawl__grpc_respond(request, PAWL_STR(""));
}

// Tells |code| where the status that |told| has in gRPC does not.
static void respond_add_code(struct pawl_request *request, enum pawl_err told, enum pawl_err code) {
    if (pawl__grpc_code(pawl__err_grpc(told)) == code) return;
    char *number = pawl__arena_format(&request->arena, "%d", (int)code);
    if (number) pawl__request_add_header(request, PAWL_STR(PAWL_GRPC_CODE), pawl__str(number));
}

void pawl__api_fail_as(struct pawl_request *request, enum pawl_err told, enum pawl_err code,
                       const char *text) {
    respond_add_code(request, told, code);
    pawl__grpc_finish(request, told, text, PAWL_STR(""));
}

void pawl__api_fail(struct pawl_request *request, enum pawl_err code, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    pawl__api_fail_as(request, code, code, text);
}

// --- HTTP ---------------------------------------------------------------------------------------

static const struct pawl_header respond_json_type = {{"content-type", 12},
                                                     {"application/json", 16}};

static int respond_append(const char *text, size_t len, void *buf) {
    return pawl__buf_append(buf, text, len) ? 0 : -1;
}

// json_dumps goes on when there was no memory for an object's key, and leaves it out.
bool pawl__api_dump(struct pawl_buf *out, const json_t *json) {
    return json &&
           json_dump_callback(json, respond_append, out, JSON_COMPACT | JSON_ENCODE_ANY) == 0 &&
           !out->failed;
}

void pawl__api_json(struct pawl_request *request, int status, json_t *body) {
    struct pawl_buf text = {0};
    // What is told of an error is made for it; an answer may lack what the arena had no room for.
    bool whole = status >= 300 || !request->arena.failed;
    bool ok = whole && pawl__api_dump(&text, body);
    json_decref(body);
    if (ok)
        pawl__http_respond(request, status, &respond_json_type, 1, pawl__buf_str(&text));
    else
        pawl__http_respond(request, 500, NULL, 0, PAWL_STR("out of memory"));
    pawl__buf_finish(&text);
}

void pawl__api_json_text(struct pawl_request *request, int status, struct pawl_str json) {
    pawl__http_respond(request, status, &respond_json_type, 1, json);
}

void pawl__api_empty(struct pawl_request *request, int status) {
    pawl__http_respond(request, status, NULL, 0, PAWL_STR(""));
}

void pawl__api_http_fail(struct pawl_request *request, int status, const char *code,
                         const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    json_t *message = pawl__api_message(text);
    request->error_code = code;
    pawl__api_json(request, status, json_pack("{s:s, s:o}", "errorCode", code, "message", message));
}

json_t *pawl__api_message(const char *text) {
    bool is_text = pawl__wire_is_text(pawl__str(text));
    return json_string(is_text ? text : "the request has text that is not valid UTF-8");
}

// --- map fields ---------------------------------------------------------------------------------

// What all map<string, string> entries look like to protobuf-c.
struct respond_entry {
    ProtobufCMessage base;
    char *key;
    char *value;
};

const char *pawl__api_map_get(void *const *entries, size_t count, const char *key) {
    while (count-- > 0) { // of several the last counts
        const struct respond_entry *entry = entries[count];
        if (strcmp(entry->key, key) == 0) return entry->value;
    }
    return NULL;
}

bool pawl__api_map_add(struct pawl_request *request, struct pawl_api_map *map, size_t cap,
                       const ProtobufCMessageDescriptor *type, const char *key, const char *value) {
    if (!map->entries) map->entries = pawl__arena_alloc(&request->arena, cap * sizeof(void *));
    struct respond_entry *entry = pawl__wire_new(&request->arena, type);
    if (!map->entries || !entry || map->count == cap) return false;
    entry->key = (char *)key;
    entry->value = (char *)value;
    map->entries[map->count++] = entry;
    return true;
}

// --- messages -----------------------------------------------------------------------------------

Google__Protobuf__StringValue *pawl__api_text(struct pawl_request *request, const char *text) {
    return pawl__string_value(&request->arena, (char *)text);
}

Google__Protobuf__Timestamp *pawl__api_time(struct pawl_request *request, int64_t at) {
    return at ? pawl__timestamp(&request->arena, at) : NULL;
}
