#include "cli/run_health.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/find.h"
#include "net/http_fetch.h"

// The status of a health check, or 0; the text of an answer that is an error.
static int health_ask(const char *host, int port, char text[512]) {
    const struct pawl_http_ask ask = {host, port, .path = "/v1.0/healthz/outbound",
                                      .timeout = PAWL_SECOND / 2};
    struct pawl_buf body = {0};
    int status = 0;
    *text = 0;
    pawl__http_fetch(&ask, &status, &body, NULL);
    json_t *answer = body.len ? json_loadb((char *)body.data, body.len, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (message)
        snprintf(text, 512, "%s", message);
    else if (body.len)
        snprintf(text, 512, "it answers %d: %.*s", status, (int)(body.len < 400 ? body.len : 400),
                 (char *)body.data);
    json_decref(answer);
    pawl__buf_finish(&body);
    return status;
}

// Whether the process |pid| serves the same app, and goes on to do so: one that is ending says that
// it is not ready.
static bool health_runs_already(const char *app_id, pid_t pid, char why[512]) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    size_t count = pawl__find_daemons(found), i = 0;
    char text[512];
    while (i < count && found[i].pid != pid) i++;
    if (i == count || strcmp(found[i].app_id, app_id) != 0) return false;
    bool can_ask = found[i].http_port || *found[i].sockets;
    if (can_ask && health_ask(found[i].host, found[i].http_port, text) != 204) return false;
    snprintf(why, 512,
             "\"%s\" already runs, process %d on ports %d (HTTP) and %d (gRPC); give this one "
             "another --app-id, or end that one: pawl stop -a %s",
             app_id, (int)pid, found[i].http_port, found[i].grpc_port, app_id);
    return true;
}

enum pawl_run_health pawl__run_health(const char *app_id, const char *host, int port,
                                      char why[512]) {
    static const char held[] = "is held by process "; // the words of the stores
    if (health_ask(host, port, why) == 204) return PAWL_RUN_READY;
    const char *holder = strstr(why, held);
    if (!holder) return PAWL_RUN_NOT_YET;
    return health_runs_already(app_id, (pid_t)atoi(holder + strlen(held)), why) ? PAWL_RUN_NEVER
                                                                                : PAWL_RUN_NOT_YET;
}
