// What a server answers to the small HTTP client.

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuzz.h"
#include "net/http_fetch.h"

static int fetch_listener = -1, fetch_port;
static struct pawl_str fetch_answer;

static void fetch_listen(void) {
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof name;
    fetch_listener = socket(AF_INET, SOCK_STREAM, 0);
    FUZZ_CHECK(bind(fetch_listener, (struct sockaddr *)&name, sizeof name) == 0);
    FUZZ_CHECK(listen(fetch_listener, 8) == 0);
    FUZZ_CHECK(getsockname(fetch_listener, (struct sockaddr *)&name, &len) == 0);
    fetch_port = ntohs(name.sin_port);
}

// Answers one request and closes.
static void *fetch_serve(void *arg) {
    char part[4096];
    int fd = accept(fetch_listener, NULL, NULL);
    FUZZ_CHECK(fd >= 0);
    struct linger now = {.l_onoff = 1}; // leaves no port behind that waits
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    struct pawl_str rest = fetch_answer;
    while (rest.len) {
        ssize_t sent = send(fd, rest.data, rest.len, MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.data += sent;
        rest.len -= (size_t)sent;
    }
    shutdown(fd, SHUT_WR);
    while (recv(fd, part, sizeof part, 0) > 0) continue;
    close(fd);
    return arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    const char *method = fuzz_byte(&input) & 1 ? "HEAD" : "GET";
    if (fetch_listener < 0) fetch_listen();
    fetch_answer = fuzz_take(&input, SIZE_MAX);
    pthread_t thread;
    FUZZ_CHECK(pthread_create(&thread, NULL, fetch_serve, NULL) == 0);
    struct pawl_buf out = {0};
    struct pawl_error error = {PAWL_OK, ""};
    int status = 0;
    const struct pawl_http_ask ask = {.host = "127.0.0.1",
                                      .port = fetch_port,
                                      .method = method,
                                      .path = "/",
                                      .body = PAWL_STR("body"),
                                      .timeout = 5 * PAWL_SECOND};
    enum pawl_err err = pawl__http_fetch(&ask, &status, &out, &error);
    pthread_join(thread, NULL);
    FUZZ_CHECK(err ? *error.text : status > 0);
    FUZZ_CHECK(err != PAWL_E_DEADLINE);
    pawl__buf_finish(&out);
    return 0;
}
