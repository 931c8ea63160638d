#include "wire/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

enum {
    JSON_DEPTH = 100, // of messages, as on the wire
    JSON_NAME = 64    // a field's name with its zero
};

// protobuf's rule: an underscore goes, and makes the letter after it a capital.
static void json_name(const ProtobufCFieldDescriptor *field, char out[JSON_NAME]) {
    size_t len = 0;
    bool capital = false;
    for (const char *at = field->name; *at && len < JSON_NAME - 1; at++) {
        if (*at != '_') out[len++] = capital && *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at;
        capital = *at == '_';
    }
    out[len] = 0;
}

static bool json_is_repeated(const ProtobufCFieldDescriptor *field) {
    return field->label == PROTOBUF_C_LABEL_REPEATED;
}

// Descriptors of protobuf-c do not tell maps from lists, but a map's entries look like nothing
// else.
static bool json_is_map(const ProtobufCFieldDescriptor *field) {
    if (!json_is_repeated(field) || field->type != PROTOBUF_C_TYPE_MESSAGE) return false;
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    size_t len = strlen(entry->name);
    return len > 5 && strcmp(entry->name + len - 5, "Entry") == 0 && entry->n_fields == 2 &&
           strcmp(entry->fields[0].name, "key") == 0 &&
           entry->fields[0].type == PROTOBUF_C_TYPE_STRING &&
           strcmp(entry->fields[1].name, "value") == 0;
}

static bool json_is_timestamp(const ProtobufCMessageDescriptor *type) {
    return type == &google__protobuf__timestamp__descriptor;
}

// StringValue and its like.
static bool json_is_wrapper(const ProtobufCMessageDescriptor *type) {
    return strncmp(type->name, "google.protobuf.", 16) == 0 && type->n_fields == 1 &&
           strcmp(type->fields[0].name, "value") == 0;
}

// Bytes of one value of |field|, as it stands in a message or a list.
static size_t json_value_size(const ProtobufCFieldDescriptor *field) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return sizeof(uint64_t);
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
    default: return sizeof(uint32_t);
    }
}

// --- to JSON ------------------------------------------------------------------------------------

static json_t *json_of_message(const ProtobufCMessage *message);

static json_t *json_of_bytes(const ProtobufCBinaryData *bytes) {
    struct pawl_buf text = {0};
    json_t *json = NULL;
    if (pawl__base64_encode_padded(&text, (struct pawl_str){(const char *)bytes->data, bytes->len}))
        json = json_stringn(text.len ? (const char *)text.data : "", text.len);
    pawl__buf_finish(&text);
    return json;
}

static json_t *json_of_enum(const ProtobufCEnumDescriptor *type, int number) {
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(type, number);
    return value ? json_string(value->name) : json_integer(number);
}

static json_t *json_of_value(const ProtobufCFieldDescriptor *field, const void *value) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64: return json_sprintf("%" PRId64, *(const int64_t *)value);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return json_sprintf("%" PRIu64, *(const uint64_t *)value);
    case PROTOBUF_C_TYPE_BOOL: return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_ENUM: return json_of_enum(field->descriptor, *(const int *)value);
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)value;
        return json_string(text ? text : "");
    }
    case PROTOBUF_C_TYPE_BYTES: return json_of_bytes(value);
    case PROTOBUF_C_TYPE_MESSAGE: return json_of_message(*(const ProtobufCMessage *const *)value);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE: break;
    }
    return NULL;
}

static json_t *json_of_list(const ProtobufCFieldDescriptor *field, const char *values,
                            size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list,
                                  json_of_value(field, values + i * json_value_size(field)))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *json_of_map(ProtobufCMessage *const *entries, size_t count) {
    json_t *map = json_object();
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *fields = entries[i]->descriptor->fields;
        const char *entry = (const char *)entries[i];
        const char *key = *(const char *const *)(entry + fields[0].offset);
        if (json_object_set_new(map, key, json_of_value(&fields[1], entry + fields[1].offset))) {
            json_decref(map);
            return NULL;
        }
    }
    return map;
}

static json_t *json_of_field(const ProtobufCMessage *message,
                             const ProtobufCFieldDescriptor *field) {
    const char *member = (const char *)message + field->offset;
    if (!json_is_repeated(field)) return json_of_value(field, member);
    size_t count = *(const size_t *)((const char *)message + field->quantifier_offset);
    const void *values = *(const void *const *)member;
    return json_is_map(field) ? json_of_map(values, count) : json_of_list(field, values, count);
}

// Whether |field| is set; one that cannot tell is when it is not zero.
static bool json_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    const char *member = (const char *)message + field->offset;
    const char *quantifier = (const char *)message + field->quantifier_offset;
    if (json_is_repeated(field)) return *(const size_t *)quantifier > 0;
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const uint32_t *)quantifier == field->id;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE: return *(const void *const *)member;
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)member;
        return text && *text;
    }
    case PROTOBUF_C_TYPE_BYTES: return ((const ProtobufCBinaryData *)member)->len > 0;
    default:
        return json_value_size(field) == sizeof(uint64_t) ? *(const uint64_t *)member
                                                          : *(const uint32_t *)member;
    }
}

static json_t *json_of_message(const ProtobufCMessage *message) {
    if (!message) return json_null();
    const ProtobufCMessageDescriptor *type = message->descriptor;
    if (json_is_wrapper(type)) return json_of_field(message, &type->fields[0]);
    if (json_is_timestamp(type)) {
        char text[PAWL_TIME_TEXT];
        pawl__timestamp_format((const Google__Protobuf__Timestamp *)message, text);
        return json_string(text);
    }
    json_t *object = json_object();
    for (unsigned i = 0; i < type->n_fields; i++) {
        if (!json_is_set(message, &type->fields[i])) continue;
        char name[JSON_NAME];
        json_name(&type->fields[i], name);
        if (json_object_set_new(object, name, json_of_field(message, &type->fields[i]))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

json_t *pawl__wire_to_json(const ProtobufCMessage *message) {
    return json_of_message(message);
}

// --- from JSON ----------------------------------------------------------------------------------

struct json_reader {
    struct pawl_arena *arena;
    const char **why;
};

// A place in the JSON: a member of an object, or an item of a list (|name| is NULL then).
struct json_place {
    const struct json_place *parent; // NULL: this is the whole
    const char *name;
    size_t item;
    int depth; // of messages
};

// Says where and what; always false.
static bool json_refuse(struct json_reader *reader, const struct json_place *place,
                        const char *what) {
    char *path = NULL;
    for (; place->parent; place = place->parent) {
        const char *rest = path ? path : "", *dot = path && *path != '[' ? "." : "";
        path = place->name ? pawl__arena_format(reader->arena, "%s%s%s", place->name, dot, rest)
                           : pawl__arena_format(reader->arena, "[%zu]%s%s", place->item, dot, rest);
        if (!path) break;
    }
    const char *text = pawl__arena_format(reader->arena, "%s %s", path ? path : "the whole", what);
    *reader->why = text && (path || !place->parent) ? text : "out of memory";
    return false;
}

static bool json_no_memory(struct json_reader *reader) {
    *reader->why = "out of memory";
    return false;
}

static struct pawl_str json_text(const json_t *json) {
    return (struct pawl_str){json_string_value(json), json_string_length(json)};
}

static bool json_to_message(struct json_reader *reader, const ProtobufCMessageDescriptor *type,
                            const json_t *json, const struct json_place *place,
                            ProtobufCMessage **out);

static bool json_to_int(struct json_reader *reader, const json_t *json, int64_t min, int64_t max,
                        const struct json_place *place, int64_t *out) {
    *out = json_integer_value(json);
    if (json_is_integer(json) ? *out >= min && *out <= max
                              : pawl__str_to_int(json_text(json), min, max, out))
        return true;
    return json_refuse(reader, place, "is no integer of its type");
}

static bool json_to_uint64(struct json_reader *reader, const json_t *json,
                           const struct json_place *place, uint64_t *out) {
    struct pawl_str text = json_text(json);
    char *end;
    errno = 0;
    if (json_is_integer(json) && json_integer_value(json) >= 0) {
        *out = (uint64_t)json_integer_value(json);
        return true;
    }
    if (text.len && text.data[0] >= '0' && text.data[0] <= '9') {
        *out = strtoull(text.data, &end, 10);
        if (!errno && end == text.data + text.len) return true;
    }
    return json_refuse(reader, place, "is no integer of its type");
}

static bool json_to_enum(struct json_reader *reader, const ProtobufCEnumDescriptor *type,
                         const json_t *json, const struct json_place *place, int *out) {
    const ProtobufCEnumValue *known =
        json_is_string(json)
            ? protobuf_c_enum_descriptor_get_value_by_name(type, json_string_value(json))
            : NULL;
    int64_t number = known ? known->value : json_integer_value(json);
    if ((!known && !json_is_integer(json)) || number < INT32_MIN || number > INT32_MAX)
        return json_refuse(reader, place, "is none of the names of its enum");
    *out = (int)number;
    return true;
}

static bool json_to_string(struct json_reader *reader, const json_t *json,
                           const struct json_place *place, char **out) {
    struct pawl_str text = json_text(json);
    if (!text.data) return json_refuse(reader, place, "is no string");
    if (!pawl__wire_is_text(text)) return json_refuse(reader, place, "has a zero byte in it");
    *out = pawl__arena_dup(reader->arena, text);
    return *out ? true : json_no_memory(reader);
}

static bool json_to_bytes(struct json_reader *reader, const json_t *json,
                          const struct json_place *place, ProtobufCBinaryData *out) {
    struct pawl_str text = json_text(json);
    struct pawl_buf bytes = {0};
    bool good = text.data && pawl__base64_decode(&bytes, text), failed = bytes.failed;
    if (good) {
        out->len = bytes.len;
        out->data = (uint8_t *)pawl__arena_dup(reader->arena, pawl__buf_str(&bytes));
        failed = !out->data;
    }
    pawl__buf_finish(&bytes);
    if (failed) return json_no_memory(reader);
    return good ? true : json_refuse(reader, place, "is not bytes in base64");
}

static bool json_to_value(struct json_reader *reader, const ProtobufCFieldDescriptor *field,
                          const json_t *json, const struct json_place *place, void *out) {
    int64_t number = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (!json_to_int(reader, json, INT32_MIN, INT32_MAX, place, &number)) return false;
        *(int32_t *)out = (int32_t)number;
        return true;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (!json_to_int(reader, json, 0, UINT32_MAX, place, &number)) return false;
        *(uint32_t *)out = (uint32_t)number;
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return json_to_int(reader, json, INT64_MIN, INT64_MAX, place, out);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return json_to_uint64(reader, json, place, out);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(json)) return json_refuse(reader, place, "is neither true nor false");
        *(protobuf_c_boolean *)out = json_is_true(json);
        return true;
    case PROTOBUF_C_TYPE_ENUM: return json_to_enum(reader, field->descriptor, json, place, out);
    case PROTOBUF_C_TYPE_STRING: return json_to_string(reader, json, place, out);
    case PROTOBUF_C_TYPE_BYTES: return json_to_bytes(reader, json, place, out);
    case PROTOBUF_C_TYPE_MESSAGE:
        return json_to_message(reader, field->descriptor, json, place, out);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE: break;
    }
    return json_refuse(reader, place, "has a type that is not served");
}

// Makes an empty message for what stands at |place|.
static bool json_make(struct json_reader *reader, const ProtobufCMessageDescriptor *type,
                      const struct json_place *place, ProtobufCMessage **out) {
    if (place->depth > JSON_DEPTH) return json_refuse(reader, place, "is nested too deeply");
    *out = pawl__arena_alloc(reader->arena, type->sizeof_message);
    if (!*out) return json_no_memory(reader);
    protobuf_c_message_init(type, *out);
    return true;
}

static bool json_to_list(struct json_reader *reader, const ProtobufCFieldDescriptor *field,
                         const json_t *json, const struct json_place *place, char *values) {
    for (size_t i = 0; i < json_array_size(json); i++) {
        const struct json_place item = {place, NULL, i, place->depth};
        if (!json_to_value(reader, field, json_array_get(json, i), &item,
                           values + i * json_value_size(field)))
            return false;
    }
    return true;
}

static bool json_to_map(struct json_reader *reader, const ProtobufCMessageDescriptor *type,
                        const json_t *json, const struct json_place *place,
                        ProtobufCMessage **entries) {
    const ProtobufCFieldDescriptor *fields = type->fields;
    for (void *at = json_object_iter((json_t *)json); at;
         at = json_object_iter_next((json_t *)json, at), entries++) {
        const char *key = json_object_iter_key(at);
        const struct json_place entry = {place, key, 0, place->depth + 1};
        if (!json_make(reader, type, &entry, entries)) return false;
        char *copy = pawl__arena_dup(reader->arena, pawl__str(key));
        if (!copy) return json_no_memory(reader);
        *(char **)((char *)*entries + fields[0].offset) = copy;
        if (!json_to_value(reader, &fields[1], json_object_iter_value(at), &entry,
                           (char *)*entries + fields[1].offset))
            return false;
    }
    return true;
}

static bool json_to_field(struct json_reader *reader, const ProtobufCFieldDescriptor *field,
                          const json_t *json, const struct json_place *place,
                          ProtobufCMessage *message) {
    char *member = (char *)message + field->offset;
    char *quantifier = (char *)message + field->quantifier_offset;
    if (!json_is_repeated(field)) {
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            if (*(uint32_t *)quantifier)
                return json_refuse(reader, place, "is there beside another of its oneof");
            *(uint32_t *)quantifier = field->id;
        }
        return json_to_value(reader, field, json, place, member);
    }
    bool map = json_is_map(field);
    if (map ? !json_is_object(json) : !json_is_array(json))
        return json_refuse(reader, place, map ? "is no object" : "is no array");
    size_t count = map ? json_object_size(json) : json_array_size(json);
    void *values = pawl__arena_zalloc(reader->arena, count * json_value_size(field));
    if (!values) return json_no_memory(reader);
    *(size_t *)quantifier = count;
    *(void **)member = values;
    return map ? json_to_map(reader, field->descriptor, json, place, values)
               : json_to_list(reader, field, json, place, values);
}

static const ProtobufCFieldDescriptor *json_find(const ProtobufCMessageDescriptor *type,
                                                 const char *key) {
    for (unsigned i = 0; i < type->n_fields; i++) {
        char name[JSON_NAME];
        json_name(&type->fields[i], name);
        if (strcmp(name, key) == 0 || strcmp(type->fields[i].name, key) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static bool json_to_fields(struct json_reader *reader, const json_t *json,
                           const struct json_place *place, ProtobufCMessage *message) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    uint64_t seen = 0; // by place, as a field has two names
    for (void *at = json_object_iter((json_t *)json); at;
         at = json_object_iter_next((json_t *)json, at)) {
        const struct json_place member = {place, json_object_iter_key(at), 0, place->depth};
        const ProtobufCFieldDescriptor *field = json_find(type, member.name);
        if (!field) return json_refuse(reader, &member, "is unknown");
        uint64_t bit = UINT64_C(1) << (field - type->fields) % 64;
        if (seen & bit) return json_refuse(reader, &member, "is there twice");
        seen |= bit;
        const json_t *value = json_object_iter_value(at);
        if (json_is_null(value)) continue;
        if (!json_to_field(reader, field, value, &member, message)) return false;
    }
    return true;
}

static bool json_to_message(struct json_reader *reader, const ProtobufCMessageDescriptor *type,
                            const json_t *json, const struct json_place *place,
                            ProtobufCMessage **out) {
    const struct json_place inside = {place->parent, place->name, place->item, place->depth + 1};
    if (!json_make(reader, type, &inside, out)) return false;
    if (json_is_wrapper(type))
        return json_to_value(reader, &type->fields[0], json, &inside,
                             (char *)*out + type->fields[0].offset);
    if (json_is_timestamp(type))
        return json_is_string(json) &&
                       pawl__timestamp_parse(json_text(json), (Google__Protobuf__Timestamp *)*out)
                   ? true
                   : json_refuse(reader, &inside, "is no time in RFC 3339");
    if (!json_is_object(json)) return json_refuse(reader, &inside, "is no object");
    return json_to_fields(reader, json, &inside, *out);
}

void *pawl__wire_from_json(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type,
                           const json_t *json, const char **why) {
    const char *ignored;
    struct json_reader reader = {arena, why ? why : &ignored};
    const struct json_place whole = {0};
    ProtobufCMessage *message;
    return json_to_message(&reader, type, json, &whole, &message) ? message : NULL;
}
