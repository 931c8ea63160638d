#include "net/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/answer.h"
#include "net/door.h"
#include "net/origin.h"
#include "net/sniff.h"

enum {
    SERVER_BACKLOG = 1024,
    // Milliseconds for the answers that tell of the end to be written: a fourth of the grace.
    SERVER_LAST_WORDS_LEAST = 100,
    SERVER_LAST_WORDS_MOST = 1000,
    SERVER_SPARE_FILES = 4, // so few descriptors left are told as none
};

#define SERVER_TELL_EVERY PAWL_MINUTE

union server_handle {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

// A connection for which there is no memory is taken and closed by the handle |refused|: libuv
// offers no more connections before that one is taken.
struct server_listener {
    union server_handle uv, refused;
    struct pawl_server *server;
    struct server_listener *next;
    bool is_pipe;
    bool is_refusing; // |refused| is in use
    bool is_waiting;  // another one came meanwhile
    bool is_held;     // one came while the server holds them
    bool is_closed;
};

struct pawl_server {
    struct pawl_service service;
    struct pawl_origins origins;
    pawl_handler handler;                                                 // the program's
    size_t (*max_message)(void *arg, const struct pawl_request *request); // the same
    void *handler_arg;
    struct pawl_conns conns;
    struct server_listener *listeners;
    uv_timer_t timer;            // while it closes
    uint64_t last_words;         // milliseconds
    int handles;                 // still to be closed, with the set of connections as one
    bool holds;                  // who connects waits
    struct pawl_server **others; // who serve those who connect here, too; NULL: nobody
    size_t other_count;
    size_t turn;           // who is looked at first
    struct pawl_door door; // if it has one: where connections come from another server
    bool has_door;
    atomic_size_t load; // connections, if it is spread or has a door
    int64_t told_files; // when it was last told that descriptors end, steady; 0: never
    bool is_closing, is_aborted, is_finishing;
    void (*done)(void *arg);
    void *arg;
};

// --- listening -------------------------------------------------------------------------------

static int server_init_handle(const struct server_listener *listener, union server_handle *handle) {
    uv_loop_t *loop = listener->server->service.loop;
    int rv =
        listener->is_pipe ? uv_pipe_init(loop, &handle->pipe, 0) : uv_tcp_init(loop, &handle->tcp);
    handle->handle.data = (void *)listener;
    return rv;
}

static void server_on_connection(uv_stream_t *stream, int status);

static void server_on_refused(uv_handle_t *handle) {
    struct server_listener *listener = handle->data;
    listener->is_refusing = false;
    if (listener->is_closed) {
        free(listener);
    } else if (listener->is_waiting) {
        listener->is_waiting = false;
        server_on_connection(&listener->uv.stream, 0);
    }
}

static void server_refuse(struct server_listener *listener) {
    if (listener->is_refusing) {
        listener->is_waiting = true;
        return;
    }
    if (server_init_handle(listener, &listener->refused)) return;
    listener->is_refusing = true;
    uv_accept(&listener->uv.stream, &listener->refused.stream);
    uv_close(&listener->refused.handle, server_on_refused);
}

// Tells when the process has hardly a descriptor left for others. libuv closes who comes when there
// is none, and tells nobody.
static void server_watch_files(struct pawl_server *server, const uv_handle_t *taken) {
    struct rlimit limit;
    uv_os_fd_t fd;
    int64_t now = pawl__clock_steady();
    if (uv_fileno(taken, &fd) || getrlimit(RLIMIT_NOFILE, &limit)) return;
    if ((rlim_t)fd + SERVER_SPARE_FILES < limit.rlim_cur) return;
    if (server->told_files && now - server->told_files < SERVER_TELL_EVERY) return;
    server->told_files = now;
    pawl__log(
        server->service.options.log, PAWL_LOG_WARN, "pawl.net",
        "no more connections can be accepted: all %llu files that the process may open are in "
        "use; raise the limit (ulimit -Hn, or LimitNOFILE= of its unit)",
        (unsigned long long)limit.rlim_cur);
}

// --- several loops ---------------------------------------------------------------------------

static size_t server_load(const struct pawl_server *server) {
    return atomic_load(&server->load) + PAWL_STREAM_WEIGHT * atomic_load(&server->service.weighty);
}

// Who serves the next one.
static struct pawl_server *server_choose(struct pawl_server *server) {
    struct pawl_server *best = NULL;
    size_t least = 0, count = server->other_count + 1;
    for (size_t i = 0, first = server->turn; i < count; i++) {
        size_t at = (first + i) % count;
        struct pawl_server *one = at ? server->others[at - 1] : server;
        size_t load = server_load(one);
        if (best && load >= least) continue;
        best = one;
        least = load;
        server->turn = at + 1;
    }
    return best;
}

static void server_on_handed(uv_handle_t *handle) {
    free(handle); // the first member of its union
}

// Takes a connection and hands it to |to|. False: it could not.
static bool server_hand(struct server_listener *listener, struct pawl_server *to) {
    union server_handle *taken = malloc(sizeof *taken);
    if (!taken || server_init_handle(listener, taken)) {
        free(taken);
        return false;
    }
    // libuv does not let go of a descriptor that it has, but the connection lives in another one.
    uv_os_fd_t fd;
    int copy = -1;
    if (!uv_accept(&listener->uv.stream, &taken->stream) && !uv_fileno(&taken->handle, &fd))
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    server_watch_files(listener->server, &taken->handle);
    uv_close(&taken->handle, server_on_handed);
    if (copy < 0) return true;
    atomic_fetch_add(&to->load, 1);
    if (!pawl__door_pass(&to->door, copy, listener->is_pipe)) {
        atomic_fetch_sub(&to->load, 1);
        close(copy);
    }
    return true;
}

// A connection that has no socket yet. NULL: memory is out.
static struct pawl_conn *server_conn(struct pawl_server *server, bool is_pipe) {
    struct pawl_sniff *sniff = pawl__sniff_create(&server->service);
    struct pawl_conn *conn =
        sniff ? pawl__conn_create(&server->conns, is_pipe, &pawl__sniff_protocol, sniff) : NULL;
    if (conn)
        atomic_fetch_add(&server->load, 1);
    else
        free(sniff);
    return conn;
}

static void server_begin(struct pawl_conn *conn, bool is_pipe, bool has_socket) {
    // Without it a small answer waits for the acknowledgement of the one before, some 40 ms.
    if (has_socket && !is_pipe) uv_tcp_nodelay(&conn->uv.tcp, 1);
    if (!has_socket || !pawl__conn_read(conn)) pawl__conn_close(conn, PAWL_E_CANCELED);
}

static void server_on_connection(uv_stream_t *stream, int status) {
    struct server_listener *listener = stream->data;
    struct pawl_server *server = listener->server;
    if (status) {
        pawl__log(server->service.options.log, PAWL_LOG_WARN, "pawl.net",
                  "cannot accept a connection: %s", uv_strerror(status));
        return;
    }
    if (server->holds) { // libuv offers no more before this one is taken
        listener->is_held = true;
        return;
    }
    struct pawl_server *to = server_choose(server);
    if (to != server) {
        if (!server_hand(listener, to)) server_refuse(listener);
        return;
    }
    struct pawl_conn *conn = server_conn(server, listener->is_pipe);
    if (!conn) {
        server_refuse(listener);
        return;
    }
    bool has_socket = !uv_accept(stream, &conn->uv.stream);
    server_watch_files(server, &conn->uv.handle);
    server_begin(conn, listener->is_pipe, has_socket);
}

// A connection has come from another server.
static void server_on_enter(void *arg, int fd, bool is_pipe) {
    struct pawl_server *server = arg;
    struct pawl_conn *conn = server->is_closing ? NULL : server_conn(server, is_pipe);
    atomic_fetch_sub(&server->load, 1); // it was counted when it was handed over
    if (!conn) {
        close(fd);
        return;
    }
    bool ok = is_pipe ? !uv_pipe_open(&conn->uv.pipe, fd) : !uv_tcp_open(&conn->uv.tcp, fd);
    if (!ok) close(fd);
    server_begin(conn, is_pipe, ok);
}

enum pawl_err pawl__server_spread(struct pawl_server *server, struct pawl_server *const *others,
                                  size_t count) {
    server->others = calloc(count + 1, sizeof *others);
    if (!server->others) return PAWL_E_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct pawl_server *other = others[i];
        if (!pawl__door_init(&other->door, other->service.loop, server_on_enter, other))
            return PAWL_E_NOMEM;
        other->has_door = true;
        server->others[server->other_count++] = other;
    }
    return PAWL_OK;
}

// --- listeners -------------------------------------------------------------------------------

static struct server_listener *server_listener(struct pawl_server *server, bool is_pipe) {
    struct server_listener *listener = calloc(1, sizeof *listener);
    if (!listener) return NULL;
    listener->server = server;
    listener->is_pipe = is_pipe;
    if (server_init_handle(listener, &listener->uv)) {
        free(listener);
        return NULL;
    }
    return listener;
}

static void listener_on_close(uv_handle_t *handle) {
    struct server_listener *listener = handle->data;
    listener->is_closed = true;
    if (!listener->is_refusing) free(listener);
}

static void server_add_listener(struct pawl_server *server, struct server_listener *listener) {
    listener->next = server->listeners;
    server->listeners = listener;
}

static enum pawl_err server_bind(struct pawl_server *server, const struct sockaddr *address,
                                 int *port, int *rv) {
    struct server_listener *listener = server_listener(server, false);
    if (!listener) return PAWL_E_NOMEM;
    struct sockaddr_storage name;
    int len = sizeof name;
    *rv = uv_tcp_bind(&listener->uv.tcp, address, 0);
    if (!*rv) *rv = uv_listen(&listener->uv.stream, SERVER_BACKLOG, server_on_connection);
    if (!*rv) *rv = uv_tcp_getsockname(&listener->uv.tcp, (struct sockaddr *)&name, &len);
    if (*rv) {
        uv_close(&listener->uv.handle, listener_on_close);
        bool is_absent = *rv == UV_EADDRNOTAVAIL || *rv == UV_EAFNOSUPPORT;
        return is_absent ? PAWL_E_NOT_FOUND : PAWL_E_UNAVAILABLE;
    }
    *port = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&name)->sin6_port
                                             : ((struct sockaddr_in *)&name)->sin_port);
    server_add_listener(server, listener);
    return PAWL_OK;
}

enum pawl_err pawl__server_listen(struct pawl_server *server, const char *address, int *port,
                                  struct pawl_error *error) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    bool is_local = strcmp(address, "localhost") == 0;
    const struct sockaddr *name;
    if (*port < 0 || *port > 65535)
        return pawl__fail(error, PAWL_E_INVALID, "%d is not a port", *port);
    if (uv_ip4_addr(is_local ? "127.0.0.1" : address, *port, &v4) == 0)
        name = (const struct sockaddr *)&v4;
    else if (uv_ip6_addr(address, *port, &v6) == 0)
        name = (const struct sockaddr *)&v6;
    else
        return pawl__fail(error, PAWL_E_INVALID, "cannot listen on %s: not an IP address", address);

    int rv = 0, wanted = *port;
    enum pawl_err err = server_bind(server, name, port, &rv);
    if (err == PAWL_E_NOMEM) return pawl__fail_plain(error, err);
    if (err)
        return pawl__fail(error, err, "cannot listen on %s port %d: %s", address, wanted,
                          uv_strerror(rv));
    // Clients may find either address under the name; a machine without IPv6 has but one.
    if (is_local && uv_ip6_addr("::1", *port, &v6) == 0)
        server_bind(server, (const struct sockaddr *)&v6, &wanted, &rv);
    return PAWL_OK;
}

// True when somebody accepts connections on the unix socket |path|.
static bool server_is_alive(const struct sockaddr_un *name) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;
    int rv = connect(fd, (const struct sockaddr *)name, sizeof *name);
    bool alive = rv == 0 || (errno != ECONNREFUSED && errno != ENOENT && errno != ENOTSOCK);
    close(fd);
    return alive;
}

enum pawl_err pawl__server_listen_unix(struct pawl_server *server, const char *path,
                                       struct pawl_error *error) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path)
        return pawl__fail(
            error, PAWL_E_INVALID,
            "the path of a socket may have %zu bytes, and %s has %zu; choose a folder "
            "with a shorter path",
            sizeof name.sun_path - 1, path, strlen(path));
    memcpy(name.sun_path, path, strlen(path));
    struct stat status;
    if (lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode))
            return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s exists and is no socket", path);
        if (server_is_alive(&name))
            return pawl__fail(error, PAWL_E_UNAVAILABLE, "another process listens on %s", path);
        unlink(path);
    }
    struct server_listener *listener = server_listener(server, true);
    if (!listener) return pawl__fail_plain(error, PAWL_E_NOMEM);
    int rv = uv_pipe_bind(&listener->uv.pipe, path);
    if (!rv) rv = uv_listen(&listener->uv.stream, SERVER_BACKLOG, server_on_connection);
    if (rv) {
        uv_close(&listener->uv.handle, listener_on_close);
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "cannot listen on %s: %s", path,
                          uv_strerror(rv));
    }
    server_add_listener(server, listener);
    return PAWL_OK;
}

void pawl__server_take(struct pawl_server *server, struct pawl_server *from) {
    server->holds = true;
    while (from->listeners) {
        struct server_listener *listener = from->listeners;
        from->listeners = listener->next;
        listener->server = server;
        server_add_listener(server, listener);
    }
}

void pawl__server_admit(struct pawl_server *server) {
    server->holds = false;
    for (struct server_listener *one = server->listeners; one; one = one->next) {
        if (!one->is_held) continue;
        one->is_held = false;
        server_on_connection(&one->uv.stream, 0);
    }
}

// --- its life --------------------------------------------------------------------------------

static void server_on_gone(struct pawl_conns *conns);

static void server_on_request(void *arg, struct pawl_request *request) {
    struct pawl_server *server = arg;
    if (pawl__origins_admit(&server->origins, request))
        server->handler(server->handler_arg, request);
}

static size_t server_max_message(void *arg, const struct pawl_request *request) {
    const struct pawl_server *server = arg;
    return server->max_message(server->handler_arg, request);
}

enum pawl_err pawl__server_create(uv_loop_t *loop, const struct pawl_server_options *options,
                                  struct pawl_server **out, struct pawl_error *error) {
    struct pawl_server *server = calloc(1, sizeof *server);
    if (!server) return pawl__fail_plain(error, PAWL_E_NOMEM);
    bool ok = pawl__origins_init(&server->origins, options->allowed_origins);
    if (!ok || pawl__conns_init(&server->conns, loop)) {
        pawl__origins_finish(&server->origins);
        free(server);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    server->conns.owner = server;
    server->conns.on_gone = server_on_gone;
    pawl__service_init(&server->service, loop, options);
    struct pawl_server_options *own = &server->service.options;
    server->handler = own->handler;
    server->max_message = own->max_message;
    server->handler_arg = own->arg;
    own->handler = server_on_request;
    if (own->max_message) own->max_message = server_max_message;
    own->arg = server;
    if (!own->max_buffered && __builtin_mul_overflow(64, own->max_body, &own->max_buffered))
        own->max_buffered = SIZE_MAX;
    if (!own->keepalive_time) own->keepalive_time = 10 * PAWL_SECOND;
    if (!own->keepalive_timeout) own->keepalive_timeout = 5 * PAWL_SECOND;
    uv_timer_init(loop, &server->timer);
    server->timer.data = server;
    *out = server;
    return PAWL_OK;
}

static void server_finished(struct pawl_server *server) {
    if (--server->handles) return;
    void (*done)(void *arg) = server->done;
    void *arg = server->arg;
    pawl__origins_finish(&server->origins);
    free(server->others);
    free(server);
    if (done) done(arg);
}

static void server_on_close(uv_handle_t *handle) {
    server_finished(handle->data);
}

static void server_on_deadlines_finished(struct pawl_deadlines *deadlines) {
    server_finished((struct pawl_server *)((char *)deadlines -
                                           offsetof(struct pawl_server, service.deadlines)));
}

static void server_on_door_closed(void *arg) {
    server_finished(arg);
}

static void server_on_conns_finished(struct pawl_conns *conns) {
    server_finished(conns->owner);
}

// Frees the server when it is closing and the last connection has gone.
static void server_check_gone(struct pawl_server *server) {
    struct pawl_conns *conns = &server->conns;
    if (!server->is_closing || server->is_finishing || conns->count) return;
    server->is_finishing = true;
    server->handles = server->has_door ? 4 : 3;
    if (server->has_door) pawl__door_close(&server->door, server_on_door_closed);
    pawl__conns_finish(conns, server_on_conns_finished);
    pawl__service_finish(&server->service, server_on_deadlines_finished);
    uv_close((uv_handle_t *)&server->timer, server_on_close);
}

static void server_on_gone(struct pawl_conns *conns) {
    struct pawl_server *server = conns->owner;
    atomic_fetch_sub(&server->load, 1);
    server_check_gone(server);
}

static void server_on_timer(uv_timer_t *timer) {
    struct pawl_server *server = timer->data;
    bool is_last = server->is_aborted;
    server->is_aborted = true;
    for (struct pawl_conn *conn = server->conns.first; conn; conn = conn->next) {
        if (is_last)
            pawl__conn_close(conn, PAWL_E_UNAVAILABLE);
        else if (!conn->is_closing && !conn->is_shut)
            conn->protocol->abort(conn);
    }
    if (!is_last) uv_timer_start(timer, server_on_timer, server->last_words, 0);
}

void pawl__server_close(struct pawl_server *server, int64_t grace, void (*done)(void *arg),
                        void *arg) {
    server->is_closing = true;
    server->done = done;
    server->arg = arg;
    while (server->listeners) {
        struct server_listener *listener = server->listeners;
        server->listeners = listener->next;
        uv_close(&listener->uv.handle, listener_on_close);
    }
    for (struct pawl_conn *conn = server->conns.first; conn; conn = conn->next)
        if (!conn->is_closing && !conn->is_shut) conn->protocol->drain(conn);
    pawl__conns_hurry(&server->conns);
    uint64_t wait = grace > 0 ? (uint64_t)(grace / PAWL_MILLISECOND) : 0, words = wait / 4;
    if (words < SERVER_LAST_WORDS_LEAST) words = SERVER_LAST_WORDS_LEAST;
    if (words > SERVER_LAST_WORDS_MOST) words = SERVER_LAST_WORDS_MOST;
    server->last_words = words;
    uv_timer_start(&server->timer, server_on_timer, wait > words ? wait - words : 0, 0);
    server_check_gone(server);
}
