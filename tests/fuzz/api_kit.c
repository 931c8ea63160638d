#include "api_kit.h"

#include "api/api.h"
#include "base/clock.h"
#include "store/memory/memory.h"

// --- requests -----------------------------------------------------------------------------------

// An exchange that remembers where it is, and what was said.
struct api_request {
    struct pawl_exchange exchange;
    struct api_kit *kit;
    size_t index; // in kit->open
    size_t messages;
};

static void request_free(struct pawl_exchange *exchange) {
    struct api_request *request = (struct api_request *)exchange;
    request->kit->open[request->index] = NULL;
    pawl__deadlines_remove(&exchange->service->deadlines, &exchange->deadline);
    pawl__arena_finish(&exchange->request.arena);
    pawl__buf_finish(&exchange->body);
    free(request);
}

static void request_respond(struct pawl_exchange *exchange, int status,
                            const struct pawl_header *headers, size_t header_count,
                            struct pawl_str body) {
    FUZZ_CHECK(status >= 200 && status < 600);
    FUZZ_CHECK(!pawl__str_equal(body, PAWL_STR("out of memory")));
    for (size_t i = 0; i < header_count; i++) {
        FUZZ_CHECK(pawl__header_valid(&headers[i]));
        if (!pawl__str_equal(headers[i].value, PAWL_STR("application/json"))) continue;
        json_t *json = json_loadb(body.data, body.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        FUZZ_CHECK(json);
        json_decref(json);
    }
    ((struct api_request *)exchange)->kit->answered++;
    request_free(exchange);
}

static void request_start(struct pawl_exchange *exchange, const struct pawl_header *headers,
                          size_t header_count) {
    FUZZ_CHECK(!exchange->has_started);
}

static enum pawl_err request_send(struct pawl_exchange *exchange, struct pawl_str message) {
    struct api_request *request = (struct api_request *)exchange;
    request->messages++;
    exchange->queue.len += 1 << 18; // a worker that does not read
    if (exchange->has_started) request->kit->items++;
    volatile unsigned char sum = 0; // reads all of it
    for (size_t i = 0; i < message.len; i++) sum = (unsigned char)(sum + message.data[i]);
    return PAWL_OK;
}

static void request_finish(struct pawl_exchange *exchange, enum pawl_err code, struct pawl_str text,
                           struct pawl_str details) {
    struct api_request *request = (struct api_request *)exchange;
    FUZZ_CHECK(code != PAWL_E_NOMEM);
    FUZZ_CHECK(code == PAWL_OK || text.len);
    FUZZ_CHECK(code != PAWL_OK || exchange->has_started || request->messages == 1);
    request->kit->answered++;
    request_free(exchange);
}

static const struct pawl_answers request_answers = {
    .respond = request_respond,
    .start = request_start,
    .send = request_send,
    .finish = request_finish,
};

static bool request_headers(struct pawl_exchange *exchange, struct pawl_str rest) {
    while (rest.len) {
        struct pawl_str value = pawl__str_cut(&rest, '\n');
        struct pawl_str name = pawl__str_cut(&value, ':');
        while (value.len && *value.data == ' ') value.data++, value.len--;
        const struct pawl_header header = {name, value};
        if (pawl__header_valid(&header) && !pawl__exchange_header(exchange, name, value))
            return false;
    }
    return true;
}

void api_kit_ask(struct api_kit *kit, bool is_grpc, struct pawl_str method, struct pawl_str target,
                 struct pawl_str headers, struct pawl_str body) {
    size_t index = 0;
    while (index < API_REQUESTS && kit->open[index]) index++;
    if (index == API_REQUESTS) return;
    struct api_request *request = calloc(1, sizeof *request);
    FUZZ_CHECK(request);
    struct pawl_exchange *exchange = &request->exchange;
    request->kit = kit;
    request->index = index;
    kit->open[index] = exchange;
    exchange->service = &kit->service;
    exchange->answers = &request_answers;
    exchange->request.is_grpc = is_grpc;
    struct pawl_arena *arena = &exchange->request.arena;
    exchange->request.method = (struct pawl_str){pawl__arena_dup(arena, method), method.len};
    target.data = pawl__arena_dup(arena, target);
    if (!pawl__exchange_target(exchange, target) || !request_headers(exchange, headers)) {
        request_free(exchange);
        return;
    }
    pawl__buf_append_str(&exchange->body, body);
    kit->asked++;
    pawl__exchange_dispatch(exchange);
}

void api_kit_drop(struct api_kit *kit, unsigned index) {
    struct pawl_exchange *exchange = kit->open[index % API_REQUESTS];
    if (!exchange) return;
    pawl__exchange_close(exchange, PAWL_E_CANCELED);
    kit->given_up++;
    request_free(exchange);
}

void api_kit_drain(struct api_kit *kit, unsigned index) {
    struct pawl_exchange *exchange = kit->open[index % API_REQUESTS];
    if (!exchange) return;
    ((struct api_request *)exchange)->messages = 0;
    exchange->queue.len = 0;
    if (exchange->request.on_drain) exchange->request.on_drain(&exchange->request);
}

// --- life ---------------------------------------------------------------------------------------

static void kit_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct api_kit *kit = arg;
    kit->ready = ready;
    if (kit->api) pawl__api_set_ready(kit->api, ready, reason ? reason->text : NULL);
}

static void kit_on_shutdown(void *arg, bool force) {
    // the daemon's business
}

static void kit_until(struct api_kit *kit, const bool *flag) {
    while (!*flag) FUZZ_CHECK(uv_run(&kit->loop, UV_RUN_ONCE) || *flag);
}

void api_kit_init(struct api_kit *kit) {
    struct pawl_error error;
    struct pawl_store *store;
    *kit = (struct api_kit){0};
    uv_loop_init(&kit->loop);
    FUZZ_CHECK(!pawl__memory_open(&store, &error));
    FUZZ_CHECK(!pawl__storage_init(&kit->storage, &kit->loop, store, NULL, &error));
    const struct pawl_node_options node = {
        .app_id = "app", .max_message = 4 << 20, .on_ready = kit_on_ready, .arg = kit};
    FUZZ_CHECK(!pawl__node_create(&kit->storage, &node, &kit->node, &error));
    kit->store = (struct pawl_api_store){.name = "statestore",
                                         .type = "state.in-memory",
                                         .version = "v1",
                                         .key_prefix = "app",
                                         .storage = &kit->storage,
                                         .holders = 1};
    kit->store_list[0] = &kit->store;
    kit->stores = (struct pawl_api_stores){kit->store_list, 1};
    kit->extended = pawl__extended_create("1");
    FUZZ_CHECK(kit->extended);
    const struct pawl_api_options api = {
        .app_id = "app",
        .namespace = "",
        .version = "1",
        .node = kit->node,
        .stores = &kit->stores,
        .extended = kit->extended,
        .app_port = 1,
        .app_protocol = "http",
        .app_address = "127.0.0.1",
        .shutdown = kit_on_shutdown,
        .arg = kit,
    };
    kit->api = pawl__api_create(&api);
    FUZZ_CHECK(kit->api);
    kit_until(kit, &kit->ready);
    pawl__api_set_ready(kit->api, true, NULL);
    const struct pawl_server_options server = {
        .max_body = 4 << 20, .handler = pawl__api_handle, .arg = kit->api};
    pawl__service_init(&kit->service, &kit->loop, &server);
}

void api_kit_spin(struct api_kit *kit) {
    for (int i = 0; i < 4; i++) uv_run(&kit->loop, UV_RUN_NOWAIT);
}

static void kit_on_closed(void *arg) {
    ((struct api_kit *)arg)->closed = true;
}

static void kit_on_finished(struct pawl_deadlines *deadlines) {
    PAWL_CONTAINER(deadlines, struct api_kit, service.deadlines)->closed = true;
}

// As the daemon does.
void api_kit_finish(struct api_kit *kit) {
    pawl__api_close_streams(kit->api);
    for (unsigned i = 0; i < API_REQUESTS; i++) api_kit_drop(kit, i);
    FUZZ_CHECK(kit->asked == kit->answered + kit->given_up);
    pawl__service_finish(&kit->service, kit_on_finished);
    kit_until(kit, &kit->closed);
    kit->closed = false;
    pawl__node_close(kit->node, kit_on_closed, kit);
    kit_until(kit, &kit->closed);
    pawl__api_destroy(kit->api);
    pawl__extended_destroy(kit->extended);
    kit->api = NULL;
    kit->closed = false;
    pawl__storage_close(&kit->storage, kit_on_closed, kit);
    kit_until(kit, &kit->closed);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    FUZZ_CHECK(uv_loop_close(&kit->loop) == 0);
}
