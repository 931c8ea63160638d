#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "net/grpc_client.h"

enum {
    ECHO_SAMPLES = 1 << 20,
    ECHO_PATIENCE = 5, // seconds that a call may take
};

struct echo {
    uv_loop_t loop;
    struct pawl_grpc_client *client;
    struct echo_slot *slots;
    size_t in_flight, open;
    int64_t duration, began, ended; // |began| 0: only the first call is on its way
    uint64_t count;
    double *times;
    struct pawl_error error;
};

struct echo_slot {
    struct echo *echo;
    int64_t began;
};

static void echo_call(struct echo_slot *slot);

static void echo_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct echo_slot *slot = arg;
    struct echo *echo = slot->echo;
    int64_t now = pawl__clock_steady();
    echo->open--;
    if (code && !echo->error.code)
        pawl__fail(&echo->error, code, "an empty call failed: %.*s", PAWL_FMT(text));
    if (!echo->began && !echo->error.code) {
        echo->began = now; // it is connected
        for (size_t i = 0; i < echo->in_flight; i++) echo_call(&echo->slots[i]);
        return;
    }
    if (echo->count < ECHO_SAMPLES)
        echo->times[echo->count] = (double)(now - slot->began) / (double)PAWL_MILLISECOND;
    echo->count++;
    echo->ended = now;
    if (now - echo->began < echo->duration && !echo->error.code) echo_call(slot);
    if (!echo->open) pawl__grpc_client_close(echo->client, NULL, NULL);
}

static void echo_call(struct echo_slot *slot) {
    struct echo *echo = slot->echo;
    struct pawl_grpc_call_options options = {
        .method = "/TaskHubSidecarService/Hello",
        .timeout = ECHO_PATIENCE * PAWL_SECOND,
        .is_unary = true,
        .on_end = echo_on_end,
        .arg = slot,
    };
    slot->began = pawl__clock_steady();
    enum pawl_err err = pawl__grpc_call(echo->client, &options, NULL);
    if (!err)
        echo->open++;
    else if (!echo->error.code)
        pawl__fail_plain(&echo->error, err);
}

static enum pawl_err echo_run(struct echo *echo, const char *target) {
    const char *token = getenv("DAPR_API_TOKEN");
    struct pawl_header header = {.name = PAWL_STR("dapr-api-token"),
                                 .value = pawl__str(token ? token : "")};
    struct pawl_grpc_client_options options = {
        .target = strncmp(target, "grpc://", 7) == 0 ? target + 7 : target,
        .metadata = &header,
        .metadata_count = token ? 1 : 0,
    };
    if (!echo->slots || !echo->times) return pawl__fail_plain(&echo->error, PAWL_E_NOMEM);
    for (size_t i = 0; i < echo->in_flight; i++) echo->slots[i].echo = echo;
    if (pawl__grpc_client_create(&echo->loop, &options, &echo->client, &echo->error))
        return echo->error.code;
    pawl__grpc_client_connect(echo->client);
    echo_call(&echo->slots[0]);
    if (!echo->open) pawl__grpc_client_close(echo->client, NULL, NULL);
    uv_run(&echo->loop, UV_RUN_DEFAULT);
    return echo->error.code;
}

enum pawl_err pawl__bench_echo(const char *target, size_t in_flight, int64_t duration,
                               double *per_second, double *p50, double *count,
                               struct pawl_error *error) {
    struct echo echo = {.in_flight = in_flight, .duration = duration};
    uv_loop_init(&echo.loop);
    echo.slots = calloc(in_flight, sizeof *echo.slots);
    echo.times = calloc(ECHO_SAMPLES, sizeof *echo.times);
    enum pawl_err err = echo_run(&echo, target);
    if (err) {
        *error = echo.error;
    } else {
        size_t samples = echo.count < ECHO_SAMPLES ? (size_t)echo.count : ECHO_SAMPLES;
        *count = (double)echo.count;
        *per_second = (double)echo.count * (double)PAWL_SECOND / (double)(echo.ended - echo.began);
        *p50 = pawl__bench_quantile(echo.times, samples, 0.5);
    }
    uv_loop_close(&echo.loop);
    free(echo.slots);
    free(echo.times);
    return err;
}
