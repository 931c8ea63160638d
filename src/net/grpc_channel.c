#include "net/grpc_channel.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static void client_next_address(struct pawl_grpc_client *client, int rv);

static void client_set_state(struct pawl_grpc_client *client, enum pawl_grpc_client_state state,
                             const struct pawl_error *error) {
    client->state = state;
    if (client->options.on_state && !client->is_closing)
        client->options.on_state(client->options.arg, state, error);
}

// Ends the calls of |list| and says that the client is closed. The state changes first, so that
// what on_end calls is not let in to wait for nothing.
static void client_set_closed(struct pawl_grpc_client *client, struct pawl_grpc_call **list,
                              const struct pawl_error *error) {
    client->state = PAWL_GRPC_CLIENT_CLOSED;
    pawl__grpc_calls_end(list, error->code, error->text);
    client_set_state(client, PAWL_GRPC_CLIENT_CLOSED, error);
}

// --- the connection --------------------------------------------------------------------------

static int channel_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data) {
    struct pawl_grpc_channel *channel = data;
    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
        pawl__h2_on_ping_ack(&channel->h2, &frame->ping);
    if (frame->hd.type != NGHTTP2_GOAWAY || channel->is_leaving) return 0;
    channel->is_leaving = true;
    struct pawl_grpc_client *client = channel->client;
    if (client->channel != channel) return 0;
    client->channel = NULL;
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "the server is closing the connection");
    client_set_state(client, PAWL_GRPC_CLIENT_CLOSED, &error);
    return 0;
}

static void channel_receive(struct pawl_conn *conn, const uint8_t *data, size_t len) {
    struct pawl_grpc_channel *channel = conn->state;
    channel->is_heard = true;
    pawl__h2_receive(&channel->h2, data, len);
}

static void channel_eof(struct pawl_conn *conn) {
    pawl__conn_fail(conn, PAWL_E_UNAVAILABLE);
}

static void channel_produce(struct pawl_conn *conn) {
    struct pawl_grpc_channel *channel = conn->state;
    pawl__h2_produce(&channel->h2);
    if (pawl__h2_is_over(&channel->h2)) pawl__conn_end(conn);
}

static void channel_tick(struct pawl_conn *conn, uint64_t now) {
    struct pawl_grpc_channel *channel = conn->state;
    const struct pawl_grpc_client_options *options = &channel->client->options;
    uint64_t timeout = (uint64_t)(options->keepalive_timeout / PAWL_MILLISECOND);
    // A server speaks first thing: it needs no PING to be found silent.
    if (!channel->is_heard && now - conn->last_read >= timeout) {
        pawl__conn_fail(conn, PAWL_E_UNAVAILABLE);
        return;
    }
    pawl__h2_keepalive(&channel->h2, now, (uint64_t)(options->keepalive_time / PAWL_MILLISECOND),
                       timeout);
}

static void channel_lost(struct pawl_conn *conn, enum pawl_err reason) {
    struct pawl_grpc_channel *channel = conn->state;
    struct pawl_grpc_client *client = channel->client;
    struct pawl_error error;
    enum pawl_err code = client->is_closing ? PAWL_E_CANCELED : PAWL_E_UNAVAILABLE;
    pawl__fail(&error, code, "%s",
               client->is_closing       ? "the client was closed"
               : reason == PAWL_E_NOMEM ? "out of memory"
                                        : "the connection to the server was lost");
    if (client->channel == channel) {
        client->channel = NULL;
        client_set_closed(client, &channel->calls, &error);
    } else {
        pawl__grpc_calls_end(&channel->calls, code, error.text);
    }
}

static void channel_finish(struct pawl_conn *conn) {
    struct pawl_grpc_channel *channel = conn->state;
    pawl__h2_finish(&channel->h2);
    free(channel);
}

static const struct pawl_protocol channel_protocol = {
    .receive = channel_receive,
    .eof = channel_eof,
    .produce = channel_produce,
    .tick = channel_tick,
    .lost = channel_lost,
    .finish = channel_finish,
};

static enum pawl_err channel_start(struct pawl_grpc_client *client, struct pawl_conn *conn) {
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, PAWL_H2_STREAM_WINDOW},
    };
    enum pawl_err err = PAWL_E_NOMEM;
    nghttp2_session_callbacks *callbacks;
    struct pawl_grpc_channel *channel = calloc(1, sizeof *channel);
    if (!channel) return err;
    if (nghttp2_session_callbacks_new(&callbacks)) goto out;
    pawl__grpc_calls_register(callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, channel_on_frame);
    err = pawl__h2_init(&channel->h2, conn, false, callbacks, channel, settings,
                        sizeof settings / sizeof *settings);
    nghttp2_session_callbacks_del(callbacks);
    if (err) goto out;
    channel->client = client;
    conn->state = channel;
    conn->protocol = &channel_protocol;
    client->channel = channel;
    return PAWL_OK;
out:
    free(channel);
    return err;
}

// --- connecting ------------------------------------------------------------------------------

static void attempt_nothing(struct pawl_conn *conn) {
}

static void attempt_receive(struct pawl_conn *conn, const uint8_t *data, size_t len) {
}

static void attempt_tick(struct pawl_conn *conn, uint64_t now) {
}

static void attempt_lost(struct pawl_conn *conn, enum pawl_err reason) {
}

static const struct pawl_protocol attempt_protocol = {
    .receive = attempt_receive,
    .eof = attempt_nothing,
    .produce = attempt_nothing,
    .tick = attempt_tick,
    .lost = attempt_lost,
    .finish = attempt_nothing,
};

static void client_stop_attempt(struct pawl_grpc_client *client) {
    uv_timer_stop(&client->timer);
    if (client->attempt) pawl__conn_close(client->attempt, PAWL_E_CANCELED);
    client->attempt = NULL;
    if (client->addresses) uv_freeaddrinfo(client->addresses);
    client->addresses = client->address = NULL;
}

// No way in was found, or none in time.
static void client_give_up(struct pawl_grpc_client *client, const char *why) {
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "cannot connect to %s: %s", client->options.target, why);
    client_stop_attempt(client);
    client_set_closed(client, &client->waiting, &error);
}

static void client_on_connected(uv_connect_t *connect, int status) {
    struct pawl_conn *conn = connect->handle->data;
    struct pawl_grpc_client *client = connect->data;
    if (status == UV_ECANCELED || conn != client->attempt) return;
    client->attempt = NULL;
    if (status) {
        pawl__conn_close(conn, PAWL_E_UNAVAILABLE);
        client_next_address(client, status);
        return;
    }
    client_stop_attempt(client);
    conn->is_connecting = false;
    conn->last_read = uv_now(client->conns.loop);
    if (client->port) uv_tcp_nodelay(&conn->uv.tcp, 1);
    if (channel_start(client, conn) || !pawl__conn_read(conn)) {
        pawl__conn_close(conn, PAWL_E_NOMEM);
        if (client->state != PAWL_GRPC_CLIENT_CLOSED) client_give_up(client, "out of memory");
        return;
    }
    // In the order in which they were made.
    struct pawl_grpc_call *call = client->waiting;
    while (call && call->next) call = call->next;
    while (call) {
        struct pawl_grpc_call *prev = call->prev;
        pawl__grpc_call_submit(client->channel, call);
        call = prev;
    }
    pawl__conn_flush(conn);
    client_set_state(client, PAWL_GRPC_CLIENT_READY, NULL);
}

static struct pawl_conn *client_new_attempt(struct pawl_grpc_client *client) {
    struct pawl_conn *conn =
        pawl__conn_create(&client->conns, client->port == 0, &attempt_protocol, client);
    if (!conn) {
        client_give_up(client, "out of memory");
        return NULL;
    }
    conn->is_connecting = true;
    client->attempt = conn;
    client->connect.data = client;
    return conn;
}

// Tries the next address; |rv| tells why the one before did not answer.
static void client_next_address(struct pawl_grpc_client *client, int rv) {
    for (;;) {
        struct addrinfo *address = client->address;
        if (!address) {
            client_give_up(client, uv_strerror(rv));
            return;
        }
        client->address = address->ai_next;
        struct pawl_conn *conn = client_new_attempt(client);
        if (!conn) return;
        rv = uv_tcp_connect(&client->connect, &conn->uv.tcp, address->ai_addr, client_on_connected);
        if (rv == 0) return;
        client->attempt = NULL;
        pawl__conn_close(conn, PAWL_E_UNAVAILABLE);
    }
}

static void client_finish(struct pawl_grpc_client *client);

static void client_on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *addresses) {
    struct pawl_grpc_client *client = resolve->data;
    client->is_resolving = false;
    if (client->is_closing || client->state != PAWL_GRPC_CLIENT_CONNECTING) {
        uv_freeaddrinfo(addresses);
        if (client->is_closing) client_finish(client);
        return;
    }
    if (status) {
        uv_freeaddrinfo(addresses);
        client_give_up(client, uv_strerror(status));
        return;
    }
    client->addresses = client->address = addresses;
    client_next_address(client, UV_ENOENT);
}

static void client_on_timeout(uv_timer_t *timer) {
    client_give_up(timer->data, "no answer");
}

void pawl__grpc_client_connect(struct pawl_grpc_client *client) {
    if (client->is_closing || client->state != PAWL_GRPC_CLIENT_CLOSED || client->is_resolving)
        return;
    client_set_state(client, PAWL_GRPC_CLIENT_CONNECTING, NULL);
    if (client->is_closing || client->state != PAWL_GRPC_CLIENT_CONNECTING) return;
    uv_timer_start(&client->timer, client_on_timeout,
                   (uint64_t)(client->options.connect_timeout / PAWL_MILLISECOND), 0);
    if (client->port == 0) {
        struct pawl_conn *conn = client_new_attempt(client);
        if (conn)
            uv_pipe_connect(&client->connect, &conn->uv.pipe, client->host, client_on_connected);
        return;
    }
    char port[8];
    snprintf(port, sizeof port, "%d", client->port % 65536);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    client->resolve.data = client;
    int rv = uv_getaddrinfo(client->conns.loop, &client->resolve, client_on_resolved, client->host,
                            port, &hints);
    if (rv)
        client_give_up(client, uv_strerror(rv));
    else
        client->is_resolving = true;
}

enum pawl_grpc_client_state pawl__grpc_client_state(const struct pawl_grpc_client *client) {
    return client->state;
}

// --- its life --------------------------------------------------------------------------------

static void client_closed(struct pawl_grpc_client *client) {
    if (--client->handles) return;
    void (*done)(void *arg) = client->done;
    void *arg = client->arg;
    pawl__arena_finish(&client->arena);
    free(client);
    if (done) done(arg);
}

static void client_on_timer_closed(uv_handle_t *handle) {
    client_closed(handle->data);
}

static void client_on_deadlines_finished(struct pawl_deadlines *deadlines) {
    client_closed((struct pawl_grpc_client *)((char *)deadlines -
                                              offsetof(struct pawl_grpc_client, deadlines)));
}

static void client_on_conns_finished(struct pawl_conns *conns) {
    client_closed(conns->owner);
}

// Frees the client when nothing is under way any more.
static void client_finish(struct pawl_grpc_client *client) {
    if (client->is_finishing || client->is_resolving || client->conns.count) return;
    client->is_finishing = true;
    client->handles = 3;
    pawl__conns_finish(&client->conns, client_on_conns_finished);
    pawl__deadlines_finish(&client->deadlines, client_on_deadlines_finished);
    uv_close((uv_handle_t *)&client->timer, client_on_timer_closed);
}

static void client_on_gone(struct pawl_conns *conns) {
    struct pawl_grpc_client *client = conns->owner;
    if (client->is_closing) client_finish(client);
}

void pawl__grpc_client_close(struct pawl_grpc_client *client, void (*done)(void *arg), void *arg) {
    if (client->is_closing) return;
    client->is_closing = true;
    client->done = done;
    client->arg = arg;
    client_stop_attempt(client);
    if (client->is_resolving) uv_cancel((uv_req_t *)&client->resolve);
    pawl__grpc_calls_end(&client->waiting, PAWL_E_CANCELED, "the client was closed");
    // Not at once: this may be called from within the connection.
    for (struct pawl_conn *conn = client->conns.first; conn; conn = conn->next)
        if (!conn->is_closing) pawl__conn_fail(conn, PAWL_E_CANCELED);
    client_finish(client);
}

static bool client_strip(struct pawl_str *text, const char *prefix) {
    struct pawl_str start = pawl__str(prefix);
    if (!pawl__str_starts(*text, start)) return false;
    text->data += start.len;
    text->len -= start.len;
    return true;
}

static enum pawl_err client_parse_target(struct pawl_grpc_client *client) {
    struct pawl_str target = pawl__str(client->options.target), host = target;
    while (client_strip(&target, "dns:") || client_strip(&target, "http://")) continue;
    if (client_strip(&target, "unix:")) {
        client_strip(&target, "//");
        client->host = pawl__arena_dup(&client->arena, target);
        client->authority = PAWL_STR("localhost");
        if (!client->host) return PAWL_E_NOMEM;
        return target.len ? PAWL_OK : PAWL_E_INVALID;
    }
    while (client_strip(&target, "/")) continue;
    const char *colon = memrchr(target.data, ':', target.len);
    int64_t port;
    if (!colon) return PAWL_E_INVALID;
    host = (struct pawl_str){target.data, (size_t)(colon - target.data)};
    struct pawl_str digits = {colon + 1, target.len - host.len - 1};
    if (!pawl__str_to_int(digits, 1, 65535, &port)) return PAWL_E_INVALID;
    client->port = (int)port;
    client->authority = target;
    if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']') {
        host.data++;
        host.len -= 2;
    }
    if (host.len == 0) return PAWL_E_INVALID;
    client->host = pawl__arena_dup(&client->arena, host);
    return client->host ? PAWL_OK : PAWL_E_NOMEM;
}

static enum pawl_err client_copy_options(struct pawl_grpc_client *client) {
    struct pawl_grpc_client_options *options = &client->options;
    struct pawl_arena *arena = &client->arena;
    const char *agent = options->user_agent ? options->user_agent : "pawl/" PAWL_VERSION;
    options->target = pawl__arena_dup(arena, pawl__str(options->target));
    options->user_agent = pawl__arena_dup(arena, pawl__str(agent));
    struct pawl_header *metadata =
        pawl__arena_alloc(arena, options->metadata_count * sizeof *metadata);
    if (!options->target || !options->user_agent || !metadata) return PAWL_E_NOMEM;
    for (size_t i = 0; i < options->metadata_count; i++) {
        const struct pawl_header *from = &options->metadata[i];
        metadata[i] = (struct pawl_header){{pawl__arena_dup(arena, from->name), from->name.len},
                                           {pawl__arena_dup(arena, from->value), from->value.len}};
        if (!metadata[i].name.data || !metadata[i].value.data) return PAWL_E_NOMEM;
    }
    options->metadata = metadata;
    if (!options->max_message) options->max_message = 4 << 20;
    if (!options->connect_timeout) options->connect_timeout = 5 * PAWL_SECOND;
    if (!options->keepalive_time) options->keepalive_time = 30 * PAWL_SECOND;
    if (!options->keepalive_timeout) options->keepalive_timeout = 10 * PAWL_SECOND;
    return client_parse_target(client);
}

enum pawl_err pawl__grpc_client_create(uv_loop_t *loop,
                                       const struct pawl_grpc_client_options *options,
                                       struct pawl_grpc_client **out, struct pawl_error *error) {
    struct pawl_grpc_client *client = calloc(1, sizeof *client);
    if (!client) return pawl__fail_plain(error, PAWL_E_NOMEM);
    client->options = *options;
    enum pawl_err err = client_copy_options(client);
    if (!err) err = pawl__conns_init(&client->conns, loop);
    if (err) {
        if (err == PAWL_E_INVALID)
            pawl__fail(error, err, "'%s' is no address to connect to; give HOST:PORT",
                       options->target);
        else
            pawl__fail_plain(error, err);
        pawl__arena_finish(&client->arena);
        free(client);
        return err;
    }
    client->conns.owner = client;
    client->conns.on_gone = client_on_gone;
    pawl__deadlines_init(&client->deadlines, loop, pawl__grpc_calls_on_deadline);
    uv_timer_init(loop, &client->timer);
    client->timer.data = client;
    *out = client;
    return PAWL_OK;
}
