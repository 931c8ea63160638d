#include "wire/methods.h"

#define ROW(method, service, name, ask, reply, ...)                                                \
    [PAWL_TASKHUB_##method] = {.path = "/" service "/" name,                                       \
                               .request = &ask##__descriptor,                                      \
                               .response = &reply##__descriptor,                                   \
                               __VA_ARGS__}
#define METHOD(method, name, ask, reply, ...)                                                      \
    ROW(method, "TaskHubSidecarService", name, pb__##ask, pb__##reply, __VA_ARGS__)
#define QUERY(method, name, ask, reply)                                                            \
    ROW(method, "pawl.Query", name, query__##ask, query__##reply, )
#define COMMAND(method, name, ask, reply, ...)                                                     \
    ROW(method, "pawl.Command", name, pb__##ask, pb__##reply, .tells = true, __VA_ARGS__)
#define ID(type, field) .id = offsetof(Pb__##type, field)

// clang-format off
const struct pawl_method pawl__methods[PAWL_TASKHUB_COUNT] = {
    ROW(HELLO, "TaskHubSidecarService", "Hello", google__protobuf__empty, google__protobuf__empty,),
    METHOD(START, "StartInstance", create_instance_request, create_instance_response,
        ID(CreateInstanceRequest, instanceid)),
    METHOD(GET, "GetInstance", get_instance_request, get_instance_response,
        ID(GetInstanceRequest, instanceid)),
    METHOD(WAIT_START, "WaitForInstanceStart", get_instance_request, get_instance_response,
        ID(GetInstanceRequest, instanceid)),
    METHOD(WAIT_COMPLETION, "WaitForInstanceCompletion", get_instance_request, get_instance_response,
        ID(GetInstanceRequest, instanceid)),
    METHOD(RAISE, "RaiseEvent", raise_event_request, raise_event_response,
        ID(RaiseEventRequest, instanceid)),
    METHOD(TERMINATE, "TerminateInstance", terminate_request, terminate_response,
        ID(TerminateRequest, instanceid)),
    METHOD(SUSPEND, "SuspendInstance", suspend_request, suspend_response,
        ID(SuspendRequest, instanceid)),
    METHOD(RESUME, "ResumeInstance", resume_request, resume_response,
        ID(ResumeRequest, instanceid)),
    METHOD(PURGE, "PurgeInstances", purge_instances_request, purge_instances_response,
        ID(PurgeInstancesRequest, instanceid)),
    METHOD(RERUN, "RerunWorkflowFromEvent", rerun_workflow_from_event_request, rerun_workflow_from_event_response,
        ID(RerunWorkflowFromEventRequest, sourceinstanceid), .tells = true),
    METHOD(HISTORY, "GetInstanceHistory", get_instance_history_request, get_instance_history_response,
        ID(GetInstanceHistoryRequest, instanceid), .tells = true),
    METHOD(LIST, "ListInstanceIDs", list_instance_ids_request, list_instance_ids_response,),
    QUERY(SEARCH, "List", list_request, list_response),
    QUERY(TALLY, "Count", count_request, count_response),
    COMMAND(START_NEW, "Start", create_instance_request, create_instance_response,),
    COMMAND(TERMINATE_SOON, "Terminate", terminate_request, terminate_response,
        ID(TerminateRequest, instanceid)),
    COMMAND(SUSPEND_SOON, "Suspend", suspend_request, suspend_response,
        ID(SuspendRequest, instanceid)),
    COMMAND(RESUME_SOON, "Resume", resume_request, resume_response,
        ID(ResumeRequest, instanceid)),
    METHOD(COMPLETE_ACTIVITY, "CompleteActivityTask", activity_response, complete_task_response,
        ID(ActivityResponse, instanceid), .of_worker = true),
    METHOD(COMPLETE_TURN, "CompleteWorkflowTask", workflow_response, complete_task_response,
        ID(WorkflowResponse, instanceid), .of_worker = true),
};
// clang-format on

const struct pawl_method *pawl__method_find(struct pawl_str path) {
    for (size_t i = 0; i < PAWL_TASKHUB_COUNT; i++)
        if (pawl__str_equal(path, pawl__str(pawl__methods[i].path))) return &pawl__methods[i];
    return NULL;
}
