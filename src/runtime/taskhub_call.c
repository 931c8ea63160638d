#include "runtime/taskhub_call.h"

void *pawl__taskhub_response(struct pawl_taskhub_call *call) {
    const ProtobufCMessageDescriptor *type = pawl__methods[call->method].response;
    ProtobufCMessage *message = pawl__arena_alloc(call->arena, type->sizeof_message);
    if (message) type->message_init(message);
    call->response = message;
    return message;
}
