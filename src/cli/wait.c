#include "cli/wait.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/http_fetch.h"

enum {
    WAIT_SECONDS = 60,
    WAIT_PAUSE = 100000, // microseconds
};

bool pawl__wait_until_ready(int http_port) {
    const struct pawl_http_ask ask = {"127.0.0.1", http_port, .path = "/v1.0/healthz/outbound",
                                      .timeout = PAWL_SECOND};
    int64_t end = pawl__clock_steady() + WAIT_SECONDS * PAWL_SECOND;
    do {
        int status = 0;
        struct pawl_buf body = {0};
        pawl__http_fetch(&ask, &status, &body, NULL);
        pawl__buf_finish(&body);
        if (status == 204) {
            fprintf(stderr, "the daemon at port %d is ready\n", http_port);
            return true;
        }
        usleep(WAIT_PAUSE);
    } while (pawl__clock_steady() < end);
    fprintf(stderr, "the daemon at port %d is not ready after %d s\n", http_port, WAIT_SECONDS);
    return false;
}
