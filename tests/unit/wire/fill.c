#include "test.h"

#include "fill.h"
#include "google/protobuf/timestamp.pb-c.h"

// The last time that there is, which SDKs use for "never".
static const Google__Protobuf__Timestamp never = {
    PROTOBUF_C_MESSAGE_INIT(&google__protobuf__timestamp__descriptor), 253402300799, 999999999};

void test_fill(struct pawl_arena *arena, ProtobufCMessage *message, unsigned choice, bool zero,
               int depth) {
    const ProtobufCMessageDescriptor *type = message->descriptor;
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        void *member = (char *)message + field->offset;
        bool repeated = field->label == PROTOBUF_C_LABEL_REPEATED;
        if (zero && (repeated || !test_has_presence(field))) continue;
        if (field->type == PROTOBUF_C_TYPE_MESSAGE && depth == 0) continue;
        if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
            int *which = (int *)((char *)message + field->quantifier_offset);
            unsigned members = 0;
            for (unsigned k = 0; k < type->n_fields; k++)
                if (type->fields[k].flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                    type->fields[k].quantifier_offset == field->quantifier_offset)
                    members++;
            if (members > 1 && i != choice) continue;
            *which = (int)field->id;
        }
        if (repeated) {
            *(size_t *)((char *)message + field->quantifier_offset) = 1;
            void *array = pawl__arena_zalloc(arena, 64);
            *(void **)member = array;
            member = array;
        }
        switch (field->type) {
        case PROTOBUF_C_TYPE_STRING: *(const char **)member = zero ? "" : "text"; break;
        case PROTOBUF_C_TYPE_BYTES:
            *(ProtobufCBinaryData *)member =
                zero ? (ProtobufCBinaryData){0} : (ProtobufCBinaryData){3, (uint8_t *)"\0\xff!"};
            break;
        case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)member = !zero; break;
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_UINT64: *(uint64_t *)member = zero ? 0 : UINT64_MAX; break;
        case PROTOBUF_C_TYPE_INT32:
        case PROTOBUF_C_TYPE_SINT32:
        case PROTOBUF_C_TYPE_UINT32: *(uint32_t *)member = zero ? 0 : UINT32_MAX; break;
        case PROTOBUF_C_TYPE_ENUM: *(int *)member = zero ? 0 : 1; break;
        case PROTOBUF_C_TYPE_MESSAGE: {
            const ProtobufCMessageDescriptor *inner = field->descriptor;
            ProtobufCMessage *made = pawl__arena_zalloc(arena, inner->sizeof_message);
            protobuf_c_message_init(inner, made);
            if (inner == &google__protobuf__timestamp__descriptor) {
                *(Google__Protobuf__Timestamp *)made = never;
                if (zero) protobuf_c_message_init(inner, made);
            } else {
                test_fill(arena, made, 0, zero, depth - 1);
            }
            *(ProtobufCMessage **)member = made;
            break;
        }
        default: fail_msg("%s.%s has an unexpected type", type->name, field->name);
        }
    }
}
