// Calls over the network: a request is delayed, overtaken, lost, or arrives twice; so is an answer.
// In a daemon a call is what src/api/taskhub.c makes of it.

#include <stdlib.h>

#include "base/clock.h"
#include "engine/events.h"
#include "runtime/page_token.h"
#include "sim.h"
#include "wire/unpack.h"

static int64_t net_latency(void) {
    int64_t time = sim_time(200000);
    return sim_fault(SIM_DELAY, 30) ? time + sim_time(10 * PAWL_MILLISECOND) : time;
}

// A request of a client has arrived.
static void note_asked(const struct sim_message *message) {
    struct sim_model *model = &sim.model;
    model->delivered[message->number]++;
    memcpy(model->asked[message->number], message->id, sizeof *model->asked);
}

unsigned sim_new_number(void) {
    struct sim_model *model = &sim.model;
    if (++sim.numbers >= model->tags) {
        size_t tags = model->tags ? 2 * model->tags : 1024;
        model->delivered = realloc(model->delivered, tags * sizeof *model->delivered);
        model->logged = realloc(model->logged, tags * sizeof *model->logged);
        model->asked = realloc(model->asked, tags * sizeof *model->asked);
        memset(model->asked + model->tags, 0, (tags - model->tags) * sizeof *model->asked);
        memset(model->delivered + model->tags, 0, (tags - model->tags) * sizeof *model->delivered);
        memset(model->logged + model->tags, 0, (tags - model->tags) * sizeof *model->logged);
        model->tags = tags;
    }
    return sim.numbers;
}

// --- answers ------------------------------------------------------------------------------------

struct answer {
    struct sim_message message;
    enum pawl_err code;
};

static void answer_arrive(struct sim_event *event) {
    struct answer *answer = event->data;
    if (answer->message.method == PAWL_TASKHUB_COMPLETE_TURN ||
        answer->message.method == PAWL_TASKHUB_COMPLETE_ACTIVITY)
        sim_worker_answer(&answer->message, answer->code);
    else
        sim_client_answer(&answer->message, answer->code);
    free(answer);
}

static void net_answer(const struct sim_message *message, enum pawl_err code) {
    if (sim_fault(SIM_DROP, 15)) return;
    struct answer *answer = malloc(sizeof *answer);
    *answer = (struct answer){*message, code};
    answer->message.bytes = (struct pawl_buf){0};
    struct sim_event *event = sim_after(net_latency(), answer_arrive);
    event->data = answer;
    event->drop = free;
}

// --- in the daemon ------------------------------------------------------------------------------

static void serving_free(struct sim_serving *serving) {
    pawl__list_remove(&serving->link);
    pawl__arena_finish(&serving->arena);
    free(serving);
}

static void serving_done(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct sim_serving *serving = call->data;
    struct sim_daemon *was = sim_enter(NULL);
    sim_trace(serving->message.id, "daemon %u answers call %u (%s): %s", serving->daemon->number,
              serving->message.number, strrchr(pawl__methods[call->method].path, '/') + 1,
              error ? error->text : "ok");
    sim_check_answer(serving, error);
    net_answer(&serving->message, error ? error->code : PAWL_OK);
    sim_enter(was);
    serving_free(serving);
}

static void *serving_new(struct sim_serving *serving, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(&serving->arena, type->sizeof_message);
    type->message_init(message);
    return message;
}

static const ProtobufCMessage *serving_request(struct sim_serving *serving) {
    struct sim_message *message = &serving->message;
    const ProtobufCMessageDescriptor *type = pawl__methods[message->method].request;
    Google__Protobuf__StringValue *text =
        *message->text ? pawl__string_value(&serving->arena, message->text) : NULL;
    void *body = serving_new(serving, type);
    switch (message->method) {
    case PAWL_TASKHUB_START: {
        Pb__CreateInstanceRequest *ask = body;
        ask->instanceid = message->id;
        ask->name = message->name;
        ask->input = text;
        ask->enforceuniqueinstanceid = message->flag;
        if (message->start_at)
            ask->scheduledstarttimestamp = pawl__timestamp(&serving->arena, message->start_at);
        break;
    }
    case PAWL_TASKHUB_GET:
    case PAWL_TASKHUB_WAIT_START:
    case PAWL_TASKHUB_WAIT_COMPLETION: {
        Pb__GetInstanceRequest *ask = body;
        ask->instanceid = message->id;
        ask->getinputsandoutputs = true;
        break;
    }
    case PAWL_TASKHUB_RAISE: {
        Pb__RaiseEventRequest *ask = body;
        ask->instanceid = message->id;
        ask->name = message->name;
        ask->input = text;
        break;
    }
    case PAWL_TASKHUB_TERMINATE: {
        Pb__TerminateRequest *ask = body;
        ask->instanceid = message->id;
        ask->output = text;
        ask->recursive = message->flag;
        break;
    }
    case PAWL_TASKHUB_SUSPEND: {
        Pb__SuspendRequest *ask = body;
        ask->instanceid = message->id;
        ask->reason = text;
        break;
    }
    case PAWL_TASKHUB_RESUME: {
        Pb__ResumeRequest *ask = body;
        ask->instanceid = message->id;
        ask->reason = text;
        break;
    }
    case PAWL_TASKHUB_PURGE: {
        Pb__PurgeInstancesRequest *ask = body;
        ask->request_case = PB__PURGE_INSTANCES_REQUEST__REQUEST_INSTANCE_ID;
        ask->instanceid = message->id;
        ask->recursive = message->flag;
        ask->_force_case = PB__PURGE_INSTANCES_REQUEST___FORCE_FORCE;
        ask->force = message->force;
        break;
    }
    case PAWL_TASKHUB_RERUN: {
        Pb__RerunWorkflowFromEventRequest *ask = body;
        ask->sourceinstanceid = message->name;
        ask->eventid = (uint32_t)message->task;
        ask->_new_instance_id_case =
            PB__RERUN_WORKFLOW_FROM_EVENT_REQUEST___NEW_INSTANCE_ID_NEW_INSTANCE_ID;
        ask->newinstanceid = message->id;
        break;
    }
    case PAWL_TASKHUB_HISTORY:
        ((Pb__GetInstanceHistoryRequest *)body)->instanceid = message->id;
        break;
    case PAWL_TASKHUB_LIST: {
        Pb__ListInstanceIDsRequest *ask = body;
        ask->_page_size_case = PB__LIST_INSTANCE_IDS_REQUEST___PAGE_SIZE_PAGE_SIZE;
        ask->pagesize = (uint32_t)message->task;
        if (!*message->id) break;
        ask->_continuation_token_case =
            PB__LIST_INSTANCE_IDS_REQUEST___CONTINUATION_TOKEN_CONTINUATION_TOKEN;
        ask->continuationtoken =
            pawl__page_token_make(&serving->arena, message->created_at, pawl__str(message->id));
        break;
    }
    default:
        body = pawl__wire_unpack(&serving->arena, type, pawl__buf_str(&message->bytes), NULL);
        // Older SDKs answer without the token. Late answers of theirs may be taken for those of an
        // other activity with the same number, which nothing can tell apart: so are those that wait
        // where a batch is full.
        if (message->method == PAWL_TASKHUB_COMPLETE_ACTIVITY && serving->in_hand &&
            !sim.batch_most && sim_chance(100))
            ((Pb__ActivityResponse *)body)->completiontoken = "";
        break;
    }
    return body;
}

// What the log says as the call arrives.
static void serving_note(struct sim_serving *serving) {
    const struct pawl_instance *instance = sim_model_find(pawl__str(serving->message.id));
    struct sim_id *id = sim_model_id(pawl__str(serving->message.id));
    serving->id = id;
    serving->records = sim.model.records;
    serving->creates = id->creates;
    serving->purges = id->purges;
    serving->completions = id->completions;
    serving->existed = id->exists;
    serving->completed = id->completed;
    serving->generation = instance ? instance->generation : 0;
    serving->owned = sim_daemon_owns(serving->daemon);
    if (serving->message.method == PAWL_TASKHUB_COMPLETE_ACTIVITY ||
        serving->message.method == PAWL_TASKHUB_COMPLETE_TURN)
        serving->in_hand = sim_session_take(serving->daemon, &serving->message);
    else
        note_asked(&serving->message);
}

static void message_free(void *data) {
    struct sim_message *message = data;
    pawl__buf_finish(&message->bytes);
    free(message);
}

static void net_arrive(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    struct sim_serving *serving = NULL;
    struct sim_fate fate;
    sim_enter(NULL);
    struct sim_message message = *(struct sim_message *)event->data;
    free(event->data);
    bool serves = daemon->state == SIM_UP;
    sim_trace(message.id, "call %u of %s %u (%s %s%s%s) arrives at daemon %u", message.number,
              message.bytes.len ? "worker" : "client", message.client,
              strrchr(pawl__methods[message.method].path, '/') + 1, message.id,
              *message.name ? " " : "", message.name, daemon->number);
    if (serves) {
        fate = sim_spare(daemon);
        sim_enter(daemon);
        serving = calloc(1, sizeof *serving);
        serving->daemon = daemon;
        serving->message = message;
        char *bytes = pawl__arena_dup(&serving->arena, pawl__buf_str(&message.bytes));
        serving->message.bytes =
            (struct pawl_buf){.data = (uint8_t *)bytes, .len = message.bytes.len};
        pawl__link_init(&serving->link);
        pawl__list_add(&daemon->servings, &serving->link);
        sim_enter(NULL);
        serving_note(serving);
    } else {
        net_answer(&message, PAWL_E_UNAVAILABLE);
    }
    pawl__buf_finish(&message.bytes);
    sim_enter(daemon);
    if (!serves) return;
    serving->call = (struct pawl_taskhub_call){
        .method = message.method,
        .request = serving_request(serving),
        .bytes = pawl__buf_str(&serving->message.bytes),
        .patience = message.without_start ? PAWL_TASKHUB_NO_START : PAWL_TASKHUB_WAITS,
        .arena = &serving->arena,
        .done = serving_done,
        .data = serving,
    };
    daemon->fate = fate;
    pawl__taskhub_call(daemon->node, &serving->call);
    sim_loop_wake(daemon, sim.now);
}

// --- sending ------------------------------------------------------------------------------------

static void net_send_once(const struct sim_message *message, struct sim_daemon *to) {
    struct sim_message *copy = malloc(sizeof *copy);
    *copy = *message;
    copy->bytes = (struct pawl_buf){0};
    pawl__buf_append_str(&copy->bytes, pawl__buf_str(&message->bytes));
    struct sim_event *event = sim_after_in(to, net_latency(), net_arrive);
    event->data = copy;
    event->drop = message_free;
}

void sim_send(const struct sim_message *message, struct sim_daemon *to) {
    if (to->state == SIM_DOWN) {
        net_answer(message, PAWL_E_UNAVAILABLE); // nobody listens
        return;
    }
    if (!sim_fault(SIM_DROP, 10)) net_send_once(message, to);
    if (sim_fault(SIM_DUPLICATE, 20)) net_send_once(message, to);
}

static void net_cancel(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    PAWL_LIST_EACH(struct sim_serving, serving, &daemon->servings, link) {
        if (serving->message.number != event->a) continue;
        if (serving->message.method == PAWL_TASKHUB_PURGE) serving->id->purge_canceled = true;
        pawl__taskhub_cancel(&serving->call);
        serving_free(serving);
        return;
    }
}

void sim_cancel(struct sim_daemon *daemon, unsigned number) {
    if (daemon->state != SIM_DOWN) sim_after_in(daemon, net_latency(), net_cancel)->a = number;
}
