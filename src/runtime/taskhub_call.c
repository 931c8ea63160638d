#include "runtime/taskhub_call.h"

#include "base/clock.h"
#include "engine/events.h"
#include "wire/pack.h"

void *pawl__taskhub_response(struct pawl_taskhub_call *call) {
    const ProtobufCMessageDescriptor *type = pawl__methods[call->method].response;
    ProtobufCMessage *message = pawl__arena_alloc(call->arena, type->sizeof_message);
    if (message) type->message_init(message);
    call->response = message;
    return message;
}

Pb__ExecutionStartedEvent *pawl__taskhub_start_event(struct pawl_arena *arena, char *id, char *name,
                                                     Google__Protobuf__StringValue *input) {
    Pb__ExecutionStartedEvent *start =
        pawl__wire_new(arena, &pb__execution_started_event__descriptor);
    Pb__WorkflowInstance *self = pawl__wire_new(arena, &pb__workflow_instance__descriptor);
    char *execution_id = pawl__arena_alloc(arena, PAWL_UUID_TEXT);
    if (!start || !self || !execution_id) return NULL;
    pawl__random_uuid(execution_id);
    self->instanceid = id;
    self->executionid = pawl__string_value(arena, execution_id);
    start->name = name;
    start->input = input;
    start->workflowinstance = self;
    return self->executionid ? start : NULL;
}
