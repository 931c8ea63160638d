#include "messages.h"

#include "dapr_runtime.pb-c.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_log.pb-c.h"

static const ProtobufCMessageDescriptor *const messages_types[] = {
    &pb__history_event__descriptor,
    &pb__workflow_response__descriptor,
    &pb__activity_response__descriptor,
    &pb__work_item__descriptor,
    &pb__create_instance_request__descriptor,
    &pb__get_instance_response__descriptor,
    &pb__get_work_items_request__descriptor,
    &pb__raise_event_request__descriptor,
    &pb__purge_instances_request__descriptor,
    &pb__get_instance_history_response__descriptor,
    &pb__list_instance_ids_response__descriptor,
    &dapr__save_state_request__descriptor,
    &dapr__get_bulk_state_request__descriptor,
    &dapr__execute_state_transaction_request__descriptor,
    &dapr__start_workflow_request__descriptor,
    &dapr__get_workflow_response__descriptor,
    &dapr__get_metadata_response__descriptor,
    &plog__batch__descriptor,
    &plog__snapshot__descriptor,
};

const ProtobufCMessageDescriptor *messages_type(unsigned number) {
    return messages_types[number % (sizeof messages_types / sizeof *messages_types)];
}
