#include "wire/status.h"

#include "orchestration.pb-c.h"

const char *pawl__status_name(int32_t status) {
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&pb__orchestration_status__descriptor, status);
    return value ? value->name + sizeof "ORCHESTRATION_STATUS_" - 1 : "UNKNOWN";
}
