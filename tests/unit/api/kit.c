#include "kit.h"

#include <pthread.h>

#include "base/clock.h"
#include "net/server.h"
#include "peer.h"
#include "store/memory/memory.h"

bool kit_in_loop;

static void kit_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct kit *kit = arg;
    kit->ready = ready;
    if (kit->api) pawl__api_set_ready(kit->api, ready, reason ? reason->text : NULL);
}

static void kit_on_shutdown(void *arg, bool force) {
    ((struct kit *)arg)->shutdowns += force ? 10 : 1;
}

void kit_init(struct kit *kit) {
    *kit = (struct kit){.options = {
                            .app_id = "app",
                            .namespace = "default",
                            .version = "1.2.3",
                            .app_port = 8080,
                            .app_protocol = "http",
                            .app_address = "127.0.0.1",
                            .app_health = {true, "/healthz", 90000, 1500, 3},
                            .hot_reload = true,
                            .shutdown = kit_on_shutdown,
                        }};
}

void kit_open(struct kit *kit) {
    struct pawl_error error;
    struct pawl_store *store;
    uv_loop_init(&kit->loop);
    assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    assert_int_equal(pawl__storage_init(&kit->storage, &kit->loop, store, NULL, &error), PAWL_OK);
    const struct pawl_node_options node = {
        .app_id = "app", .max_message = 4 << 20, .on_ready = kit_on_ready, .arg = kit};
    if (!kit->without_runtime)
        assert_int_equal(pawl__node_create(&kit->storage, &node, &kit->node, &error), PAWL_OK);
    const char *const names[] = {"statestore", "bare"}, *const prefixes[] = {"app", NULL};
    for (int i = 0; i < 2; i++) {
        kit->stores[i] = (struct pawl_api_store){
            .name = names[i],
            .type = "state.in-memory",
            .version = "v1",
            .key_prefix = prefixes[i],
            .storage = &kit->storage,
            .holders = 1,
        };
        kit->store_list[i] = &kit->stores[i];
    }
    static const struct pawl_api_resource secrets = {"env", "secretstores.local.env", "v1"},
                                          policies = {"policy", NULL, NULL};
    kit->set = (struct pawl_api_stores){
        kit->store_list, kit->without_runtime ? 0 : 2, &secrets, &policies, 1, 1};
    kit->options.node = kit->node;
    kit->options.stores = &kit->set;
    kit->options.arg = kit;
    kit->options.extended = pawl__extended_create(kit->options.version);
    assert_non_null(kit->options.extended);
    kit->api = pawl__api_create(&kit->options);
    assert_non_null(kit->api);
    const struct pawl_server_options server = {
        .max_body = 4 << 20,
        .max_header = 64 << 10,
        .idle_timeout = 60 * PAWL_SECOND,
        .handler = pawl__api_handle,
        .arg = kit->api,
    };
    assert_int_equal(pawl__server_create(&kit->loop, &server, &kit->server, &error), PAWL_OK);
    assert_int_equal(pawl__server_listen(kit->server, "127.0.0.1", &kit->port, &error), PAWL_OK);
    while (kit->node && !kit->ready) uv_run(&kit->loop, UV_RUN_ONCE);
    pawl__api_set_ready(kit->api, true, NULL);
}

static void kit_on_closed(void *arg) {
    ((struct kit *)arg)->closed = true;
}

static void kit_await_closed(struct kit *kit) {
    while (!kit->closed) uv_run(&kit->loop, UV_RUN_ONCE);
    kit->closed = false;
}

// As the daemon does.
void kit_close(struct kit *kit) {
    pawl__api_close_streams(kit->api);
    pawl__server_close(kit->server, PAWL_SECOND / 20, kit_on_closed, kit);
    kit_await_closed(kit);
    if (kit->node) {
        pawl__node_close(kit->node, kit_on_closed, kit);
        kit_await_closed(kit);
    }
    pawl__api_destroy(kit->api);
    pawl__extended_destroy(kit->options.extended);
    kit->api = NULL;
    pawl__storage_close(&kit->storage, kit_on_closed, kit);
    kit_await_closed(kit);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&kit->loop), 0);
}

// --- conversations ------------------------------------------------------------------------------

struct talk {
    const struct step *steps;
    int port;
    bool lenient;
    uv_async_t done;
    bool is_done;
    char fault[KIT_FAULT];
    pthread_t worker;
    bool has_worker;
    const char *serves;
    atomic_bool stop, connected;
};

static void *talk_work(void *arg) {
    struct talk *talk = arg;
    struct peer peer;
    peer_init(&peer, talk->port);
    peer_work(&peer, talk->serves, &talk->stop, &talk->connected);
    return NULL;
}

static void talk_end_worker(struct talk *talk) {
    talk->stop = true;
    if (talk->has_worker) pthread_join(talk->worker, NULL);
    talk->has_worker = talk->stop = talk->connected = false;
}

static void talk_begin_worker(struct talk *talk, const char *serves) {
    talk_end_worker(talk);
    talk->serves = serves;
    talk->has_worker = pthread_create(&talk->worker, NULL, talk_work, talk) == 0;
    while (!talk->connected) uv_sleep(1);
}

// Says that there is no memory, or that the engine begins anew.
static bool talk_is_passing(bool is_http, const struct peer_answer *answer) {
    return answer->status == -1 || (is_http ? answer->status == 500 || answer->status == 503
                                            : answer->status == 8 || answer->status == 14);
}

static bool talk_fits(const struct peer_answer *answer, const char *want, bool again) {
    struct pawl_arena arena = {0};
    struct pawl_str rest = pawl__str(want);
    bool fits = false;
    do {
        struct pawl_str text = pawl__str_cut(&rest, '|');
        int64_t status;
        pawl__str_to_int(pawl__str_cut(&text, ' '), -1, 999, &status);
        const char *part = pawl__arena_dup(&arena, text);
        // An error's text is left out where there is no memory for it.
        bool bare = again && answer->status && answer->text.len == 1;
        fits = status == answer->status &&
               (!text.len || bare || strstr((const char *)answer->text.data, part));
    } while (!fits && again && rest.data);
    pawl__arena_finish(&arena);
    return fits;
}

static void talk_step(struct talk *talk, struct peer *peer, const struct step *step) {
    if (strncmp(step->call, "worker ", 7) == 0) {
        talk_begin_worker(talk, step->call + 7);
        return;
    }
    bool is_http = strchr(step->call, ' ') != NULL;
    struct peer_answer answer;
    bool fits;
    for (int round = 0;; round++) {
        if (is_http)
            peer_fetch(peer, step->call, step->body, &answer);
        else
            peer_call(peer, step->call, step->body, &answer);
        fits = talk_fits(&answer, step->want, talk->lenient);
        bool goes_on = talk->lenient && talk_is_passing(is_http, &answer) && round < 1000;
        if (fits || !goes_on) break;
        pawl__buf_finish(&answer.text);
        uv_sleep(1);
    }
    if (!fits && !*talk->fault)
        snprintf(talk->fault, sizeof talk->fault, "%s %s\n  gives %d %s\n  want  %s", step->call,
                 step->body ? step->body : "", answer.status, (const char *)answer.text.data,
                 step->want);
    pawl__buf_finish(&answer.text);
}

static void *talk_run(void *arg) {
    struct talk *talk = arg;
    struct peer peer;
    peer_init(&peer, talk->port);
    for (const struct step *step = talk->steps; step->call; step++) talk_step(talk, &peer, step);
    talk_end_worker(talk);
    peer_finish(&peer);
    uv_async_send(&talk->done);
    return NULL;
}

static void talk_on_done(uv_async_t *done) {
    ((struct talk *)done->data)->is_done = true;
}

void kit_talk(struct kit *kit, const struct step *steps, bool lenient) {
    struct talk talk = {.steps = steps, .port = kit->port, .lenient = lenient};
    pthread_t thread;
    uv_async_init(&kit->loop, &talk.done, talk_on_done);
    talk.done.data = &talk;
    assert_int_equal(pthread_create(&thread, NULL, talk_run, &talk), 0);
    kit_in_loop = true;
    while (!talk.is_done) uv_run(&kit->loop, UV_RUN_ONCE);
    kit_in_loop = false;
    pthread_join(thread, NULL);
    uv_close((uv_handle_t *)&talk.done, NULL);
    uv_run(&kit->loop, UV_RUN_NOWAIT);
    if (!*kit->fault) memcpy(kit->fault, talk.fault, sizeof kit->fault);
}
