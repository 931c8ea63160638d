#include "talks.h"

#define END                                                                                        \
    { 0 }
#define TASK(id, more) "{\"instanceId\":\"" id "\"" more "}"
#define DAPR(id, more) "{\"instanceId\":\"" id "\",\"workflowComponent\":\"dapr\"" more "}"
#define STATE(more)    "{\"storeName\":\"statestore\"" more "}"
#define STARTED(id)    "0 \"instanceId\":\"" id "\"|6"
#define OTHER_ETAG     "2147483647" // that no store of ours gave
#define BASE           "/v1.0/state/statestore"
#define V1             "/pawl/v1"
#define WORKFLOWS      "/v1.0/workflows/dapr"

// --- TaskHub -------------------------------------------------------------------------------------

static const struct step taskhub_life[] = {
    {"Hello", "", "0"},
    {"worker *", NULL, NULL},
    {"StartInstance", TASK("a", ",\"name\":\"pay\",\"input\":\"1\""), STARTED("a")},
    {"WaitForInstanceCompletion", TASK("a", ",\"getInputsAndOutputs\":true"),
     "0 \"output\":\"\\\"paid\\\"\""},
    {"GetInstance", TASK("a", ",\"getInputsAndOutputs\":true"), "0 STATUS_COMPLETED"},
    {"GetInstance", TASK("never", ""), "0 {}"},
    {"GetInstanceHistory", TASK("a", ""), "0 executionCompleted"},
    {"GetInstanceHistory", TASK("never", ""), "5 workflow instance 'never' not found"},
    {"ListInstanceIDs", "{\"pageSize\":1}", "0 {\"instanceIds\":[\"a\"]}"},
    {"ListInstanceIDs", "{\"continuationToken\":\"x\"}",
     "3 the continuation token is not one of ours"},
    {"PurgeInstances", TASK("a", ""), "0 \"deletedInstanceCount\":1|2 no such instance"},
    {"GetInstance", TASK("a", ""), "0 {}"},
    END,
};

static const struct step taskhub_control[] = {
    {"worker wait", NULL, NULL},
    {"StartInstance", TASK("a", ",\"name\":\"wait\""), STARTED("a")},
    {"StartInstance", TASK("a", ",\"name\":\"wait\""), "6 already exists"},
    {"WaitForInstanceStart", TASK("a", ""), "0 startedAt"},
    {"SuspendInstance", TASK("a", ""), "0"},
    {"GetInstance", TASK("a", ""), "0 STATUS_SUSPENDED"},
    {"ResumeInstance", TASK("a", ""), "0"},
    {"RaiseEvent", TASK("a", ",\"name\":\"go\",\"input\":\"{}\""), "0"},
    {"RaiseEvent", TASK("never", ",\"name\":\"go\""), "2 no such instance exists"},
    {"PurgeInstances", TASK("a", ""), "2 orchestration has not yet completed"},
    {"TerminateInstance", TASK("a", ",\"output\":\"\\\"enough\\\"\",\"recursive\":true"), "0"},
    {"GetInstance", TASK("a", ",\"getInputsAndOutputs\":true"), "0 \"output\":\"\\\"enough\\\"\""},
    {"PurgeInstances", "{\"purgeInstanceFilter\":{}}", "2 multi-instance purge is not implemented"},
    END,
};

static const struct step taskhub_late[] = {
    {"StartInstance",
     TASK("a", ",\"name\":\"wait\",\"scheduledStartTimestamp\":\"2100-01-01T00:00:00Z\""),
     STARTED("a")},
    {"GetInstance", TASK("a", ""), "0 STATUS_PENDING"},
    {"StartInstance", TASK("b", ",\"name\":\"w\",\"router\":{\"targetAppID\":\"other\"}"),
     "12 app 'other' cannot be reached from here"},
    {"CompleteWorkflowTask", TASK("a", ",\"actions\":[]"), "0"},
    {"CompleteOrchestratorTask", TASK("a", ""), "0"},
    {"CompleteActivityTask", TASK("a", ",\"taskId\":7,\"result\":\"1\""), "0"},
    {"/TaskHubSidecarService/QueryInstances", "", "12 unknown method QueryInstances"},
    {"/TaskHubSidecarService/Nothing", "", "12 unknown method Nothing for service TaskHub"},
    {"/some.Service/Nothing", "", "12 unknown service some.Service"},
    {"StartInstance", "\xff\xff no message", "3 is not valid"},
    END,
};

// --- the Dapr API over gRPC ----------------------------------------------------------------------

static const struct step dapr_workflow[] = {
    {"worker *", NULL, NULL},
    {"StartWorkflowBeta1", DAPR("a", ",\"workflowName\":\"wait\",\"input\":\"MQ==\""),
     "0 {\"instanceId\":\"a\"}|13 already exists"},
    {"StartWorkflowAlpha1", DAPR("a", ",\"workflowName\":\"wait\""),
     "13 unable to start workflow: rpc error: code = AlreadyExists"},
    {"PauseWorkflowBeta1", DAPR("a", ""), "0"},
    {"GetWorkflowBeta1", DAPR("a", ""), "0 \"workflowName\":\"wait\""},
    {"ResumeWorkflowAlpha1", DAPR("a", ""), "0"},
    {"PurgeWorkflowBeta1", DAPR("a", ""),
     "13 error purging workflow a: failed to Purge workflow a: failed to purge workflow state: "
     "orchestration has not yet completed"},
    {"RaiseEventWorkflowBeta1", DAPR("a", ",\"eventName\":\"go\",\"eventData\":\"e30=\""), "0"},
    {"TerminateWorkflowBeta1", DAPR("a", ""), "0"},
    {"WaitForInstanceCompletion", TASK("a", ""), "0 STATUS_TERMINATED"},
    {"GetWorkflowAlpha1", DAPR("a", ""), "0 TERMINATED"},
    {"PurgeWorkflowBeta1", DAPR("a", ""), "0|5"},
    {"GetWorkflowBeta1", DAPR("a", ""), "0 {\"instanceId\":\"a\"}"},
    {"StartWorkflowBeta1", DAPR("f", ",\"workflowName\":\"fail\""), "0|13"},
    {"WaitForInstanceCompletion", TASK("f", ""), "0 STATUS_FAILED"},
    {"GetWorkflowBeta1", DAPR("f", ""), "0 \"dapr.workflow.failure.error_type\":\"Broken\""},
    END,
};

static const struct step dapr_workflow_errors[] = {
    {"StartWorkflowBeta1", DAPR("a", ""), "3 workflow name is not configured"},
    {"StartWorkflowBeta1", DAPR("a b", ",\"workflowName\":\"w\""), "3 is invalid"},
    {"StartWorkflowBeta1",
     DAPR("x123456789012345678901234567890123456789012345678901234567890123456",
          ",\"workflowName\":\"w\""),
     "3 exceeds the max length"},
    {"StartWorkflowBeta1", DAPR("a", ",\"workflowName\":\"w\",\"input\":\"/w==\""),
     "3 not valid UTF-8"},
    {"StartWorkflowBeta1",
     DAPR("a", ",\"workflowName\":\"w\",\"options\":{\"dapr.workflow.start_time\":\"soon\"}"),
     "13 start times must be in RFC3339"},
    {"StartWorkflowBeta1",
     DAPR("a", ",\"workflowName\":\"w\",\"options\":{\"dapr.workflow.start_time\":"
               "\"2100-01-01T00:00:00Z\"}"),
     "0|13 already exists"},
    {"StartWorkflowBeta1", "{\"workflowName\":\"w\",\"appId\":\"other\"}", "12 cannot be reached"},
    {"StartWorkflowBeta1", "{\"workflowName\":\"w\",\"appId\":\"o/r\"}",
     "3 app ID 'o/r' is invalid"},
    {"GetWorkflowBeta1", DAPR("", ""), "3 no instance ID was provided"},
    {"RaiseEventWorkflowBeta1", DAPR("a", ""), "3 missing workflow event name"},
    {"RaiseEventWorkflowBeta1", DAPR("never", ",\"eventName\":\"go\""),
     "13 error raising event on workflow 'never': failed to raise event go on workflow never: "
     "failed "
     "to raise event: no such instance exists"},
    {"PauseWorkflowBeta1", DAPR("never", ""),
     "13 error pausing workflow never: failed to pause workflow never: failed to suspend workflow: "
     "no such instance exists"},
    {"ResumeWorkflowBeta1", DAPR("never", ""),
     "13 error resuming workflow never: failed to resume workflow never: failed to resume "
     "workflow: "
     "no such instance exists"},
    {"TerminateWorkflowBeta1", DAPR("never", ""), "5 unable to find workflow"},
    {"PurgeWorkflowBeta1", DAPR("never", ""), "5 unable to find workflow"},
    END,
};

static const struct step dapr_state[] = {
    {"SaveState",
     STATE(
         ",\"states\":[{\"key\":\"k\",\"value\":\"AP8=\",\"metadata\":{\"ttlInSeconds\":\"99\"}},"
         "{\"key\":\"j\",\"value\":\"MQ==\",\"metadata\":{\"contentType\":\"application/json\"}}]"),
     "0"},
    {"GetState", STATE(",\"key\":\"k\""), "0 ttlExpireTime"},
    {"GetState", STATE(",\"key\":\"never\""), "0 {}"},
    {"GetBulkState", STATE(",\"keys\":[\"j\",\"never\"]"), "0 {\"key\":\"never\"}"},
    {"SaveState",
     STATE(",\"states\":[{\"key\":\"k\",\"value\":\"MQ==\",\"etag\":{\"value\":\"123456\"}}]"),
     "10 possible etag mismatch"},
    {"SaveState",
     STATE(
         ",\"states\":[{\"key\":\"j\",\"options\":{\"concurrency\":\"CONCURRENCY_FIRST_WRITE\"}}]"),
     "10 failed saving state in state store statestore"},
    {"SaveState", STATE(",\"states\":[{\"key\":\"k\",\"metadata\":{\"ttlInSeconds\":\"x\"}}]"),
     "3 'ttlInSeconds'"},
    {"SaveState", STATE(",\"states\":[{\"key\":\"a||b\"}]"), "3 can't contain '||'"},
    {"SaveState", STATE(",\"states\":[{\"key\":\"\"}]"), "3 cannot be empty"},
    {"ExecuteStateTransaction",
     STATE(",\"operations\":[{\"operationType\":\"upsert\",\"request\":{\"key\":\"m\"}},"
           "{\"operationType\":\"delete\",\"request\":{\"key\":\"j\"}}]"),
     "0"},
    {"ExecuteStateTransaction",
     STATE(",\"operations\":[{\"operationType\":\"swap\",\"request\":{\"key\":\"m\"}}]"),
     "12 operation type swap not supported"},
    {"GetState", STATE(",\"key\":\"j\""), "0 {}"},
    {"DeleteState", STATE(",\"key\":\"k\""), "0"},
    {"DeleteBulkState", STATE(",\"states\":[{\"key\":\"m\"},{\"key\":\"k\"}]"), "0"},
    {"GetBulkState", STATE(",\"keys\":[\"k\",\"m\"]"),
     "0 {\"items\":[{\"key\":\"k\"},{\"key\":\"m\"}]}"},
    {"GetState", "{\"storeName\":\"other\",\"key\":\"k\"}", "3 state store other is not found"},
    {"SaveState", "{\"storeName\":\"bare\",\"states\":[{\"key\":\"app||z\"}]}", "3 can't contain"},
    {"SaveState", "{\"storeName\":\"bare\",\"states\":[{\"key\":\"z\",\"value\":\"MQ==\"}]}", "0"},
    END,
};

static const struct step dapr_metadata[] = {
    {"SetMetadata", "{\"key\":\"k\",\"value\":\"v\"}", "0"},
    {"GetMetadata", "", "0 \"extendedMetadata\":{\"daprRuntimeVersion\":\"1.2.3\",\"k\":\"v\"}"},
    {"SetMetadata", "{\"key\":\"\",\"value\":\"v\"}", "0"},
    {"SetMetadata", "{\"key\":\"daprRuntimeVersion\",\"value\":\"v\"}", "0"},
    {"GetMetadata", "", "0 \"extendedMetadata\":{\"daprRuntimeVersion\":\"1.2.3\",\"k\":\"v\"}"},
    {"GetMetadata", "",
     "0 \"health\":{\"healthCheckPath\":\"/healthz\",\"healthProbeInterval\":\"1m30s\","
     "\"healthProbeTimeout\":\"1.5s\",\"healthThreshold\":3}"},
    {"GetMetadata", "",
     "0 {\"name\":\"env\",\"type\":\"secretstores.local.env\",\"version\":\"v1\""},
    {"worker *", NULL, NULL},
    {"StartInstance", TASK("a", ",\"name\":\"done\""), STARTED("a")}, // it is there
    {"GetMetadata", "",
     "0 \"activeActorsCount\":[{\"type\":\"dapr.internal.default.app.workflow\"|0"},
    {"Shutdown", "", "0"},
    END,
};

// --- HTTP ----------------------------------------------------------------------------------------

static const struct step http_workflow[] = {
    {"worker *", NULL, NULL},
    {"POST " WORKFLOWS "/wait/start?instanceID=a", "7",
     "202 {\"instanceID\":\"a\"}|500 AlreadyExists"},
    {"POST " WORKFLOWS "/wait/start?instanceID=a", "", "500 ERR_START_WORKFLOW"},
    {"GET " WORKFLOWS "/a", NULL, "200 \"dapr.workflow.input\":\"7\""},
    {"POST " WORKFLOWS "/a/pause", NULL, "202 {}"},
    {"GET /v1.0-alpha1/workflows/dapr/a", NULL, "200 \"workflowName\":\"wait\""},
    {"POST /v1.0-beta1/workflows/dapr/a/resume", NULL, "202 {}"},
    {"POST " WORKFLOWS "/a/raiseEvent/%ff", "{}", "400 not valid UTF-8"},
    {"POST " WORKFLOWS "/a/raiseEvent/go%00", "{}", "400 not valid UTF-8"},
    {"POST " WORKFLOWS "/%ff/start", "{}", "400 not valid UTF-8"},
    {"POST " WORKFLOWS "/wait/start?instanceID=%ff", "{}", "400 not valid UTF-8"},
    {"GET " WORKFLOWS "/a?appID=%ff", NULL, "400 not valid UTF-8"},
    {"POST " WORKFLOWS "/a/raiseEvent/go", "{}", "202 {}"},
    {"POST " WORKFLOWS "/a/raiseEvent/", "{}", "404|405"},
    {"POST " WORKFLOWS "/a/terminate", NULL, "202 {}"},
    {"WaitForInstanceCompletion", TASK("a", ""), "0"},
    {"GET " WORKFLOWS "/a", NULL, "200 \"runtimeStatus\":\"TERMINATED\""},
    {"POST " WORKFLOWS "/a/purge", NULL, "202 {}|404"},
    {"GET " WORKFLOWS "/a", NULL, "404 ERR_INSTANCE_ID_NOT_FOUND"},
    {"POST " WORKFLOWS "/done/start", "5", "202 {\"instanceID\":\""},
    {"POST " WORKFLOWS "/w/start?instanceID=a:b", "", "400 ERR_INSTANCE_ID_INVALID"},
    {"POST " WORKFLOWS "/w/start?appID=other", "", "501 ERR_WORKFLOW_APP_ID_INVALID"},
    {"GET " WORKFLOWS "/%zz", NULL, "400 ERR_MALFORMED_REQUEST"},
    {"POST " WORKFLOWS "/never/terminate", NULL, "404 ERR_INSTANCE_ID_NOT_FOUND"},
    END,
};

static const struct step http_state[] = {
    {"GET " BASE "/k", NULL, "204"},
    {"POST " BASE,
     "[{\"key\":\"k\",\"value\":{\"a\":[1]},\"metadata\":{\"ttlInSeconds\":\"99\"}},"
     "{\"key\":\"m\",\"value\":null,\"etag\":null,\"metadata\":{\"ttlInSeconds\":-1}}]",
     "204"},
    {"GET " BASE "/k", NULL, "200 {\"a\":[1]}"},
    {"PUT " BASE, "{\"key\":\"m\",\"value\":2,\"options\":{\"concurrency\":\"last-write\"}}",
     "204"},
    {"POST " BASE, "[{\"key\":\"m\",\"value\":3,\"options\":{\"concurrency\":\"first-write\"}}]",
     "409 ERR_STATE_SAVE"},
    {"POST " BASE, "[{\"key\":\"m\",\"value\":3,\"etag\":\"" OTHER_ETAG "\"}]",
     "409 ERR_STATE_SAVE"},
    {"GET " BASE "/m", NULL, "200 2"},
    {"DELETE " BASE "/m\nif-match:\"" OTHER_ETAG "\"", NULL, "409 ERR_STATE_DELETE"},
    {"GET " BASE "/m", NULL, "200 2"},
    {"POST " BASE "/bulk", "{\"keys\":[\"m\",\"n\"]}", "200 {\"key\":\"n\"}"},
    {"POST " BASE "/transaction",
     "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":\"n\",\"value\":1}},"
     "{\"operation\":\"delete\",\"request\":{\"key\":\"m\"}}]}",
     "204"},
    {"GET " BASE "/m", NULL, "204"},
    {"DELETE " BASE "/n?concurrency=first-write", NULL, "204|409"},
    {"GET /v1.0/state/other/m", NULL, "400 ERR_STATE_STORE_NOT_FOUND"},
    {"POST /v1.0/state/other", "{", "400 ERR_STATE_STORE_NOT_FOUND"},
    {"POST /v1.0/state/other/bulk", "{", "400 ERR_STATE_STORE_NOT_FOUND"},
    {"POST /v1.0/state/other/transaction", "{", "400 ERR_STATE_STORE_NOT_FOUND"},
    {"POST " BASE "/bulk", "{}", "200 []"},
    {"POST " BASE "/transaction", "{}", "204"},
    {"POST " BASE "/transaction", "{\"operations\":null}", "204"},
    END,
};

// Values come back as they went in.
static const struct step http_state_values[] = {
    {"POST " BASE,
     "[{\"key\":\"price\",\"value\": 19.99 },{\"key\":\"small\",\"value\":1e5},"
     "{\"key\":\"big\",\"value\":123456789012345678901234567890},"
     "{\"key\":\"zero\",\"value\":\"a\\u0000b\"},{\"key\":\"half\",\"value\":\"\\ud83d\"},"
     "{\"key\":\"twice\",\"value\":{\"b\": 1.10, \"a\": 1e400, \"a\" : 2}},{\"key\":\"none\"},"
     "{\"Key\":\"capital\",\"VALUE\":7}]",
     "204"},
    {"GET " BASE "/price", NULL, "200 19.99"},
    {"GET " BASE "/small", NULL, "200 1e5"},
    {"GET " BASE "/big", NULL, "200 123456789012345678901234567890"},
    {"GET " BASE "/zero", NULL, "200 \"a\\u0000b\""},
    {"GET " BASE "/half", NULL, "200 \"\\ud83d\""},
    {"GET " BASE "/twice", NULL, "200 {\"b\": 1.10, \"a\": 1e400, \"a\" : 2}"},
    {"GET " BASE "/none", NULL, "200 null"},
    {"GET " BASE "/capital", NULL, "200 7"},
    {"POST " BASE "/bulk", "{\"keys\":[\"twice\",\"big\"]}",
     "200 [{\"key\":\"twice\",\"data\":{\"b\": 1.10, \"a\": 1e400, \"a\" : 2},\"etag\":"},
    {"POST " BASE "/transaction",
     "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":\"price\",\"value\":0.10}}]}",
     "204"},
    {"GET " BASE "/price", NULL, "200 0.10"},
    {"SaveState", STATE(",\"states\":[{\"key\":\"bytes\",\"value\":\"/w==\"}]"), "0"},
    {"POST " BASE "/bulk", "{\"keys\":[\"bytes\"]}", "200 \"data\":\"/w==\""},
    END,
};

// A time to live in the query counts for each item, and over the item's own.
static const struct step http_state_query[] = {
    {"POST " BASE "?metadata.ttlInSeconds=1000",
     "[{\"key\":\"a\",\"value\":1},"
     "{\"key\":\"b\",\"value\":2,\"metadata\":{\"ttlInSeconds\":\"-1\"}}]",
     "204"},
    {"POST " BASE "/transaction?metadata.ttlInSeconds=1000",
     "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":\"c\",\"value\":3}}]}",
     "204"},
    {"POST " BASE "/bulk", "{\"keys\":[\"a\"]}", "200 \"metadata\":{\"ttlExpireTime\":\"20"},
    {"POST " BASE "/bulk", "{\"keys\":[\"b\"]}", "200 \"metadata\":{\"ttlExpireTime\":\"20"},
    {"GetBulkState", STATE(",\"keys\":[\"c\"]"), "0 \"metadata\":{\"ttlExpireTime\":\"20"},
    {"POST " BASE "?metadata.ttlInSeconds=-1", "[{\"key\":\"a\",\"value\":1}]", "204"},
    {"POST " BASE "/bulk", "{\"keys\":[\"a\",\"z\"]}", "200 \"},{\"key\":\"z\"}]"},
    {"POST " BASE "?metadata.ttlInSeconds=soon", "[{\"key\":\"a\",\"value\":1}]",
     "400 'ttlInSeconds': 'soon'"},
    END,
};

// A transaction that fails is INTERNAL and 500, whatever the cause.
static const struct step state_transactions[] = {
    {"POST " BASE, "[{\"key\":\"k\",\"value\":1}]", "204"},
    {"ExecuteStateTransaction",
     STATE(",\"operations\":[{\"operationType\":\"upsert\",\"request\":{\"key\":\"k\",\"value\":"
           "\"MQ==\",\"etag\":{\"value\":\"" OTHER_ETAG "\"}}}]"),
     "13 error while executing state transaction: possible etag mismatch"},
    {"POST " BASE "/transaction",
     "{\"operations\":[{\"operation\":\"delete\",\"request\":{\"key\":\"k\",\"etag\":\"1\"}}]}",
     "500 ERR_STATE_TRANSACTION\",\"message\":\"error while executing state transaction: "},
    {"POST " BASE "/transaction?metadata.ttlInSeconds=x",
     "{\"operations\":[{\"operation\":\"upsert\",\"request\":{\"key\":\"k\",\"value\":1}}]}",
     "500 ERR_STATE_TRANSACTION"},
    {"GET " BASE "/k", NULL, "200 1"},
    END,
};

static const struct step http_state_errors[] = {
    {"POST " BASE, "{\"key\":", "400 failed deserializing HTTP body: line 1"},
    {"POST " BASE, "[1]", "400 an item is not an object"},
    {"POST " BASE, "[{\"key\":1}]", "400 an item's \\\"key\\\" is not a string"},
    {"POST " BASE, "[{\"key\":\"k\",\"etag\":1}]", "400 an item's \\\"etag\\\" is not a string"},
    {"POST " BASE, "[{\"key\":\"k\",\"options\":{\"concurrency\":\"some\"}}]",
     "400 is neither first-write"},
    {"POST " BASE, "[{\"key\":\"k\",\"metadata\":{\"ttlInSeconds\":[]}}]", "400 is not a number"},
    {"POST " BASE, "[{\"key\":\"k\",\"metadata\":{\"ttlInSeconds\":\"1x\"}}]",
     "400 'ttlInSeconds'"},
    {"POST " BASE, "[{\"key\":\"x||y\"}]",
     "400 "
     "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"field_violations\":"
     "[{\"field\":\"x||y\",\"description\":\"input key/keyPrefix 'x||y' can't contain '||'\"}]},"
     "{\"@type\":\"type.googleapis.com/google.rpc.ResourceInfo\",\"resource_type\":\"state\","
     "\"resource_name\":\"statestore\",\"owner\":\"\",\"description\":\"\"},"
     "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"domain\":\"dapr.io\","
     "\"reason\":\"DAPR_STATE_ILLEGAL_KEY\",\"metadata\":null}]"},
    {"POST " BASE, "[{\"key\":\"a\\u0000b\"}]", "400 holds a NUL"},
    {"POST " BASE, "[{\"key\":\"k\",\"value\":01}]", "400 line 1, column 22: a comma"},
    {"POST " BASE, "[{\"key\":\"k\",\"value\":1}]]", "400 something follows the value"},
    {"POST " BASE, "", "400 it is empty"},
    {"POST " BASE, "[{\"key\":\"\"}]", "400 cannot be empty"},
    {"GET " BASE "/%ff", NULL, "400 not valid UTF-8"},
    {"GET /v1.0/state/%ff/k", NULL, "400 ERR_STATE_STORE_NOT_FOUND"},
    {"POST " BASE "/bulk", "{\"keys\":7}", "400 \\\"keys\\\" is not an array"},
    {"POST " BASE "/bulk", "{\"keys\":[1]}", "400 a key is not a string"},
    {"POST " BASE "/bulk", "[", "400 ERR_MALFORMED_REQUEST"},
    {"POST " BASE "/transaction", "[", "400 ERR_MALFORMED_REQUEST"},
    {"POST " BASE "/transaction", "{\"operations\":{}}", "400 \\\"operations\\\" is not an array"},
    {"POST " BASE "/transaction", "{\"operations\":[{}]}",
     "400 operation type (none) not supported"},
    {"POST " BASE "/transaction", "{\"operations\":[{\"operation\":\"upsert\"}]}",
     "400 not an object"},
    END,
};

static const struct step http_metadata[] = {
    {"GET /v1.0/healthz", NULL, "204"},
    {"GET /v1.0/healthz?appid=other", NULL, "500 ERR_HEALTH_APPID_NOT_MATCH"},
    {"GET /v1.0/healthz/outbound", NULL, "204"},
    {"PUT /v1.0/metadata/k", "v", "204"},
    {"PUT /v1.0/metadata/daprRuntimeVersion", "v", "204"},
    {"GET /v1.0/metadata", NULL,
     "200 {\"name\":\"statestore\",\"type\":\"state.in-memory\",\"version\":\"v1\","
     "\"capabilities\":[\"ETAG\",\"TRANSACTIONAL\",\"TTL\",\"DELETE_WITH_PREFIX\","
     "\"KEYS_LIKE\",\"ACTOR\"]}"},
    {"GET /v1.0/metadata", NULL,
     "200 {\"name\":\"env\",\"type\":\"secretstores.local.env\",\"version\":\"v1\","
     "\"capabilities\":[]}"},
    {"GET /v1.0/metadata", NULL,
     "200 \"subscriptions\":[],\"httpEndpoints\":[],\"mcpServers\":[],"
     "\"workflowAccessPolicies\":[],\"resiliencies\":[{\"name\":\"policy\"}]"},
    {"GET /v1.0/metadata", NULL,
     "200 \"health\":{\"healthProbeInterval\":\"1m30s\",\"healthProbeTimeout\":\"1.5s\","
     "\"healthThreshold\":3,\"healthCheckPath\":\"/healthz\"}"},
    {"GET /v1.0/metadata", NULL, "200 \"enabledFeatures\":[\"HotReload\"]"},
    {"PUT /v1.0/metadata/k", "\xff", "400 not valid UTF-8"},
    {"GET /v1.0/metadata", NULL, "200 \"extended\":{\"daprRuntimeVersion\":\"1.2.3\",\"k\":\"v\"}"},
    {"worker *", NULL, NULL},
    {"StartInstance", TASK("a", ",\"name\":\"done\""), STARTED("a")}, // it is there
    {"GET /v1.0/metadata", NULL, "200 \"connectedWorkers\":1|200"},
    {"GET /v1.0/nothing", NULL, "404 nothing is served at /v1.0/nothing"},
    {"DELETE /v1.0/metadata", NULL, "405 ERR_METHOD_NOT_ALLOWED"},
    {"POST /v1.0/shutdown", NULL, "204"},
    {"POST /v1.0/shutdown\ndapr-force-shutdown: true", NULL, "204"},
    END,
};

// What people and their tools are told is whole, or is not told.
static const struct step console[] = {
    {"worker *", NULL, NULL},
    {"StartInstance", TASK("a", ",\"name\":\"fail\",\"input\":\"1\""), STARTED("a")},
    {"WaitForInstanceCompletion", TASK("a", ""), "0 STATUS_FAILED"},
    {"GET " V1 "/app", NULL,
     "200 \"stores\":[{\"name\":\"statestore\",\"type\":\"state.in-memory\"},"
     "{\"name\":\"bare\",\"type\":\"state.in-memory\"}],\"at\":"},
    {"GET " V1 "/instances", NULL,
     "200 {\"rows\":[{\"status\":\"FAILED\",\"id\":\"a\",\"name\":\"fail\",\"failure\":\"Broken\","
     "\"created\":"},
    {"GET " V1 "/instances?limit=1&sort=created", NULL, "200 \"ended\":"},
    {"GET " V1 "/instances/count?q=age%3C1h", NULL,
     "200 {\"groups\":[{\"status\":\"FAILED\",\"n\":1,\"name\":\"fail\"}],\"at\":"},
    {"GET " V1 "/instances/count?parts=1&by=status", NULL,
     "200 {\"groups\":[{\"status\":\"FAILED\",\"n\":1}],\"at\":"},
    {"GET " V1 "/instances/count?after=0.1.a&by=name", NULL,
     "200 {\"groups\":[{\"n\":1,\"name\":\"fail\"}],\"at\":"},
    {"GET " V1 "/instances/count?after=0.9000000000000000000.a", NULL,
     "200 {\"groups\":[],\"at\":"},
    {"GET " V1 "/instances/count?after=1.a", NULL, "400 parts must be 1, and after the"},
    {"GET " V1 "/instances?q=wait:worker", NULL, "200 {\"rows\":[],\"at\":"},
    {"GET " V1 "/sentences?ids=%5B%22a%22,%22b%22%5D", NULL,
     "200 {\"sentences\":{\"a\":\"Failed after "},
    {"GET " V1 "/sentences?ids=%5B%22b%22%5D", NULL, "200 {\"sentences\":{\"b\":null},\"at\":"},
    {"GET " V1 "/sentences?ids=%5B%5D", NULL, "200 {\"sentences\":{},\"at\":"},
    {"GET " V1 "/sentences?ids=a", NULL, "400 ids must be a JSON array of up to 100 instance ids"},
    {"GET " V1 "/sentences?ids=%5B1%5D", NULL, "400 ids must be a JSON array"},
    {"GET " V1 "/instances/a", NULL,
     "200 \"input\":\"1\",\"failed\":{\"type\":\"Broken\",\"message\":\"it does not work\"},"
     "\"tags\":{},\"at\":"},
    {"GET " V1 "/instances/a/timeline", NULL, "200 \"groups\":["},
    {"GET " V1 "/instances/a/events?from=1&n=1", NULL,
     "200 {\"events\":[{\"number\":1,\"id\":-1,\"type\":\"executionStarted\",\"fields\":"},
    {"GET " V1 "/instances/a/events?find=broken", NULL,
     "200 {\"events\":[{\"number\":2,"
     "\"id\":1,\"type\":\"executionCompleted\",\"fields\":{\"workflowStatus\":"
     "\"ORCHESTRATION_STATUS_FAILED\",\"failureDetails\":{\"errorType\":\"Broken\","
     "\"errorMessage\":\"it does not work\"}},\"at\":"},
    {"GET " V1 "/instances/a/events/1", NULL, "200 {\"number\":1,"},
    {"GET " V1 "/workers", NULL,
     "200 \"workflows\":[],\"activities\":[],\"items\":[],\"since\":"
     "|200 {\"workers\":[],\"waiting\":[],\"elsewhere\":0,\"at\":"},
    {"GET " V1 "/store", NULL, "200 {\"stores\":[{\"name\":\"statestore\","},
    {"GET " V1 "/store", NULL, "200 \"shards\":[{\"number\":0,\"state\":\"serving\","},
    {"GET " V1 "/numbers", NULL, "200 \"workflows\":[],\"at\":"},
    END,
};

#define ROW(name)                                                                                  \
    { #name, name }
const struct talk_row talks[] = {
    ROW(taskhub_life),      ROW(taskhub_control),  ROW(taskhub_late),
    ROW(dapr_workflow),     ROW(dapr_state),       ROW(dapr_workflow_errors),
    ROW(dapr_metadata),     ROW(http_workflow),    ROW(http_state),
    ROW(http_state_values), ROW(http_state_query), ROW(state_transactions),
    ROW(http_state_errors), ROW(http_metadata),    ROW(console),
};
const size_t talk_count = sizeof talks / sizeof *talks;
