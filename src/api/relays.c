#include "api/relays.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/grpc_client.h"
#include "wire/pack.h"
#include "wire/unpack.h"

static const char *const relays_scope = "dapr.runtime.wfengine";

#define RELAYS_COMPLETE "/TaskHubSidecarService/CompleteActivityTask"

enum {
    RELAYS_PULSE_MS = 1000,
    RELAYS_MESSAGE = 1024 * 1024 * 1024 // bytes of a work item: its daemon sets the limit
};

#define RELAYS_IDLE       (30 * PAWL_SECOND) // a stream without items is closed after it
#define RELAYS_WORKERLESS (3 * PAWL_SECOND)  // a worker that is gone may be about to come back

struct relay {
    struct pawl_guest_host host;
    struct pawl_link link;
    struct pawl_relays *relays;
    struct pawl_grpc_client *client;
    struct pawl_grpc_call *stream; // NULL: it has ended
    struct pawl_link answers;      // struct relay_answer, on their way
    int64_t used_at;               // steady
    bool is_bad;                   // it gave what cannot be taken
    char address[];
};

// A worker's answer on its way.
struct relay_answer {
    struct pawl_link link;
    struct pawl_relays *relays;
    struct pawl_guest *guest;     // NULL: it was refused here
    struct pawl_request *request; // NULL: nobody waits for it any more
    struct pawl_grpc_call *call;
};

struct pawl_relays {
    struct pawl_api *api;
    uv_loop_t *loop;
    uv_timer_t pulse;
    struct pawl_link list; // struct relay
    int64_t worked_at;     // when a worker was last here, steady
    bool closed;
};

static struct pawl_node *relays_node(const struct pawl_relays *relays) {
    return relays->api->options.node;
}

// --- answers ------------------------------------------------------------------------------------

static void answer_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct relay_answer *answer = request->data;
    // the answer goes on; only nobody waits for what becomes of it
    answer->request = NULL;
}

static void answer_finish(struct relay_answer *answer, enum pawl_err code, struct pawl_str text) {
    struct pawl_request *request = answer->request;
    struct pawl_guest *guest = answer->guest;
    struct pawl_relays *relays = answer->relays;
    pawl__list_remove(&answer->link);
    free(answer);
    if (request) {
        request->on_close = NULL;
        if (code)
            pawl__api_fail(request, code, "%.*s", PAWL_FMT(text));
        else
            pawl__api_reply_empty(request);
    }
    // Also when it failed: it is given anew by the daemon that it is from.
    if (guest) pawl__guests_answered(&relays_node(relays)->guests, guest);
}

static void answer_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    answer_finish(arg, code, text);
}

void pawl__relays_complete(struct pawl_relays *relays, struct pawl_request *request,
                           struct pawl_guest *guest) {
    const char *gone = "the daemon that gave out the activity has ended; it is given again";
    if (!guest->host) {
        pawl__guests_answered(&relays_node(relays)->guests, guest);
        pawl__api_fail(request, PAWL_E_UNAVAILABLE, "%s", gone);
        return;
    }
    struct relay *relay = PAWL_CONTAINER(guest->host, struct relay, host);
    if (guest->answering) {
        pawl__api_fail(request, PAWL_E_UNAVAILABLE, "the activity's result is on its way already");
        return;
    }
    struct relay_answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        pawl__api_nomem(request);
        return;
    }
    answer->relays = relays;
    answer->guest = guest;
    answer->request = request;
    pawl__link_init(&answer->link);
    const struct pawl_grpc_call_options options = {
        .method = RELAYS_COMPLETE,
        .message = request->body,
        .is_unary = true,
        .on_end = answer_on_end,
        .arg = answer,
    };
    enum pawl_err err = pawl__grpc_call(relay->client, &options, &answer->call);
    if (err) {
        free(answer);
        pawl__api_fail(request, err, "%s", gone);
        return;
    }
    relay->used_at = pawl__clock_steady();
    pawl__list_add(&relay->answers, &answer->link);
    guest->answering = true;
    request->data = answer;
    request->on_close = answer_on_close;
}

// --- streams ------------------------------------------------------------------------------------

static void relay_destroy(struct relay *relay) {
    struct pawl_relays *relays = relay->relays;
    if (relay->stream) pawl__grpc_cancel(relay->stream);
    while (!pawl__list_empty(&relay->answers)) {
        struct relay_answer *answer =
            PAWL_CONTAINER(relay->answers.next, struct relay_answer, link);
        pawl__grpc_cancel(answer->call);
        answer_finish(answer, PAWL_E_UNAVAILABLE,
                      PAWL_STR("it is not known whether the activity's result has arrived; if it "
                               "has not the activity is given again"));
    }
    pawl__guests_leave(&relays_node(relays)->guests, &relay->host);
    pawl__grpc_client_close(relay->client, NULL, NULL);
    pawl__list_remove(&relay->link);
    free(relay);
}

// Answers an activity for which no message to a worker here has room (3.12 Payload-size guard): it
// fails. False when it could not be.
static bool relay_refuse(struct relay *relay, struct pawl_str item, size_t most) {
    struct pawl_arena arena = {0};
    Pb__ActivityResponse response = PB__ACTIVITY_RESPONSE__INIT;
    Pb__TaskFailureDetails details = PB__TASK_FAILURE_DETAILS__INIT;
    struct relay_answer *answer = calloc(1, sizeof *answer);
    const Pb__WorkItem *work = pawl__wire_unpack(&arena, &pb__work_item__descriptor, item, NULL);
    const Pb__ActivityRequest *request =
        work && work->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST
            ? work->activityrequest
            : NULL;
    bool ok = answer && request && request->workflowinstance;
    if (!ok) goto out;
    details.errortype = "PayloadSizeExceeded";
    details.errormessage = pawl__arena_format(
        &arena,
        "activity '%s::%d' payload %zu bytes exceeds 95%% of max gRPC body size %zu bytes; "
        "increase daprd --max-body-size and restart to resume: activity payload exceeds max gRPC "
        "body size",
        request->name, request->taskid, item.len, most);
    response.instanceid = request->workflowinstance->instanceid;
    response.taskid = request->taskid;
    response.completiontoken = work->completiontoken;
    response.failuredetails = &details;
    struct pawl_str bytes = pawl__wire_pack(&arena, &response.base);
    answer->relays = relay->relays;
    pawl__link_init(&answer->link);
    const struct pawl_grpc_call_options options = {
        .method = RELAYS_COMPLETE,
        .message = bytes,
        .is_unary = true,
        .on_end = answer_on_end,
        .arg = answer,
    };
    ok = details.errormessage && bytes.data &&
         !pawl__grpc_call(relay->client, &options, &answer->call);
    if (ok) pawl__list_add(&relay->answers, &answer->link);
out:
    if (!ok) free(answer);
    pawl__arena_finish(&arena);
    return ok;
}

static void relay_on_item(void *arg, struct pawl_str item) {
    struct relay *relay = arg;
    struct pawl_relays *relays = relay->relays;
    size_t most = relays_node(relays)->options.max_message;
    relay->used_at = pawl__clock_steady();
    if (item.len > most / 100 * 95 && relay_refuse(relay, item, most)) return;
    enum pawl_err err = pawl__guests_add(&relays_node(relays)->guests, &relay->host, item);
    if (!err) return;
    // The stream is ended, and what it gave is given again.
    pawl__log(relays->api->options.log, PAWL_LOG_ERROR, relays_scope,
              "an activity of the daemon at %s cannot be taken: %s", relay->address,
              pawl__err_text(err));
    relay->is_bad = true;
}

static void relay_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct relay *relay = arg;
    struct pawl_relays *relays = relay->relays;
    relay->stream = NULL; // the next pulse frees it, or it is opened again before
    pawl__guests_leave(&relays_node(relays)->guests, &relay->host);
    pawl__log(relays->api->options.log, PAWL_LOG_DEBUG, relays_scope,
              "the stream of activities from %s has ended (%s): %.*s", relay->address,
              pawl__err_text(code), PAWL_FMT(text));
}

static bool relay_connect(struct relay *relay) {
    const Pb__GetWorkItemsRequest ask = PB__GET_WORK_ITEMS_REQUEST__INIT;
    uint8_t bytes[64];
    size_t len = protobuf_c_message_pack(&ask.base, bytes); // it has no field set
    const struct pawl_grpc_call_options options = {
        .method = "/TaskHubSidecarService/GetWorkItems",
        .message = {(const char *)bytes, len},
        .on_message = relay_on_item,
        .on_end = relay_on_end,
        .arg = relay,
    };
    relay->used_at = pawl__clock_steady();
    if (pawl__grpc_client_state(relay->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(relay->client);
    return !pawl__grpc_call(relay->client, &options, &relay->stream);
}

static struct relay *relay_create(struct pawl_relays *relays, const char *address) {
    const struct pawl_api_options *own = &relays->api->options;
    size_t len = strlen(address) + 1;
    struct relay *relay = calloc(1, sizeof *relay + len);
    if (!relay) return NULL;
    memcpy(relay->address, address, len);
    relay->relays = relays;
    pawl__link_init(&relay->answers);
    pawl__link_init(&relay->link);
    const struct pawl_header headers[] = {
        {PAWL_STR(PAWL_RELAY_HEADER), pawl__str(own->app_id)},
        {PAWL_STR("dapr-api-token"), pawl__str(own->token ? own->token : "")},
    };
    const struct pawl_grpc_client_options options = {
        .target = address,
        .metadata = headers,
        .metadata_count = own->token ? 2 : 1,
        .max_message = RELAYS_MESSAGE,
    };
    struct pawl_error error;
    if (pawl__grpc_client_create(relays->loop, &options, &relay->client, &error)) {
        free(relay);
        return NULL;
    }
    pawl__list_add(&relays->list, &relay->link);
    return relay;
}

bool pawl__relays_open(struct pawl_relays *relays, const char *address) {
    struct relay *relay = NULL;
    if (relays->closed) return false;
    PAWL_LIST_EACH(struct relay, at, &relays->list, link) {
        if (strcmp(at->address, address) == 0) relay = at;
    }
    if (relay && relay->stream) return true;
    if (!relay) relay = relay_create(relays, address);
    return relay && relay_connect(relay);
}

static void relays_on_pulse(uv_timer_t *timer) {
    struct pawl_relays *relays = timer->data;
    int64_t now = pawl__clock_steady();
    if (relays_node(relays)->dispatch.worker_count) relays->worked_at = now;
    bool workerless = now - relays->worked_at > RELAYS_WORKERLESS;
    PAWL_LIST_EACH_SAFE(struct relay, relay, &relays->list, link) {
        bool idle = !relay->host.count && now - relay->used_at > RELAYS_IDLE;
        if (!relay->stream || workerless || idle || relay->is_bad) relay_destroy(relay);
    }
}

// --- life ---------------------------------------------------------------------------------------

struct pawl_relays *pawl__relays_create(struct pawl_api *api, uv_loop_t *loop) {
    struct pawl_relays *relays = calloc(1, sizeof *relays);
    if (!relays) return NULL;
    relays->api = api;
    relays->loop = loop;
    pawl__link_init(&relays->list);
    uv_timer_init(loop, &relays->pulse);
    relays->pulse.data = relays;
    uv_timer_start(&relays->pulse, relays_on_pulse, RELAYS_PULSE_MS, RELAYS_PULSE_MS);
    uv_unref((uv_handle_t *)&relays->pulse);
    return relays;
}

void pawl__relays_close(struct pawl_relays *relays) {
    relays->closed = true;
    uv_timer_stop(&relays->pulse);
    while (!pawl__list_empty(&relays->list))
        relay_destroy(PAWL_CONTAINER(relays->list.next, struct relay, link));
}

static void relays_on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void pawl__relays_destroy(struct pawl_relays *relays) {
    if (relays) uv_close((uv_handle_t *)&relays->pulse, relays_on_closed);
}
