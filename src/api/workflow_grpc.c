// Workflows by the Dapr API over gRPC: each method as Alpha1 and as Beta1.

#include "api/workflow.h"

static void workflow_grpc_start(struct pawl_api *api, struct pawl_request *request) {
    Dapr__StartWorkflowRequest *given =
        pawl__api_unpack(request, &dapr__start_workflow_request__descriptor);
    struct pawl_workflow_ask *ask =
        given ? pawl__workflow_ask(api, request, PAWL_WORKFLOW_START) : NULL;
    if (!ask) return;
    ask->id = given->instance_id;
    ask->name = given->workflow_name;
    ask->app = given->_app_id_case ? given->app_id : NULL;
    ask->payload = (struct pawl_str){(const char *)given->input.data, given->input.len};
    ask->start_time = pawl__api_map_get((void *const *)given->options, given->n_options,
                                        "dapr.workflow.start_time");
    pawl__workflow_serve(ask);
}

static void workflow_grpc_get(struct pawl_api *api, struct pawl_request *request) {
    Dapr__GetWorkflowRequest *given =
        pawl__api_unpack(request, &dapr__get_workflow_request__descriptor);
    struct pawl_workflow_ask *ask =
        given ? pawl__workflow_ask(api, request, PAWL_WORKFLOW_GET) : NULL;
    if (!ask) return;
    ask->id = given->instance_id;
    ask->app = given->_app_id_case ? given->app_id : NULL;
    pawl__workflow_serve(ask);
}

static void workflow_grpc_raise(struct pawl_api *api, struct pawl_request *request) {
    Dapr__RaiseEventWorkflowRequest *given =
        pawl__api_unpack(request, &dapr__raise_event_workflow_request__descriptor);
    struct pawl_workflow_ask *ask =
        given ? pawl__workflow_ask(api, request, PAWL_WORKFLOW_RAISE) : NULL;
    if (!ask) return;
    ask->id = given->instance_id;
    ask->event = given->event_name;
    ask->app = given->_app_id_case ? given->app_id : NULL;
    ask->payload = (struct pawl_str){(const char *)given->event_data.data, given->event_data.len};
    pawl__workflow_serve(ask);
}

static void workflow_grpc_simple(struct pawl_api *api, struct pawl_request *request,
                                 enum pawl_workflow_verb verb) {
    Dapr__WorkflowRequest *given = pawl__api_unpack(request, &dapr__workflow_request__descriptor);
    struct pawl_workflow_ask *ask = given ? pawl__workflow_ask(api, request, verb) : NULL;
    if (!ask) return;
    ask->id = given->instance_id;
    ask->app = given->_app_id_case ? given->app_id : NULL;
    pawl__workflow_serve(ask);
}

static void workflow_grpc_pause(struct pawl_api *api, struct pawl_request *request) {
    workflow_grpc_simple(api, request, PAWL_WORKFLOW_PAUSE);
}

static void workflow_grpc_resume(struct pawl_api *api, struct pawl_request *request) {
    workflow_grpc_simple(api, request, PAWL_WORKFLOW_RESUME);
}

static void workflow_grpc_terminate(struct pawl_api *api, struct pawl_request *request) {
    workflow_grpc_simple(api, request, PAWL_WORKFLOW_TERMINATE);
}

static void workflow_grpc_purge(struct pawl_api *api, struct pawl_request *request) {
    workflow_grpc_simple(api, request, PAWL_WORKFLOW_PURGE);
}

#define METHOD(name, handle)                                                                       \
    {"/dapr.proto.runtime.v1.Dapr/" name "Alpha1", handle}, {                                      \
        "/dapr.proto.runtime.v1.Dapr/" name "Beta1", handle                                        \
    }

const struct pawl_api_method_row pawl__workflow_methods[] = {
    METHOD("GetWorkflow", workflow_grpc_get),
    METHOD("StartWorkflow", workflow_grpc_start),
    METHOD("RaiseEventWorkflow", workflow_grpc_raise),
    METHOD("PauseWorkflow", workflow_grpc_pause),
    METHOD("ResumeWorkflow", workflow_grpc_resume),
    METHOD("TerminateWorkflow", workflow_grpc_terminate),
    METHOD("PurgeWorkflow", workflow_grpc_purge),
    {NULL, NULL},
};
