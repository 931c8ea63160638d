#include "api/request_meter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "observe/workflow_meter.h"

enum {
    METER_METHODS = 100, // names that are told apart
    METER_ANSWERS = 400,
    METER_CODES = 100,
    METER_NAME = PAWL_NAMED_TEXT
};

static const char meter_unknown[] = "unknown"; // what a stranger calls is no method of ours
static const char meter_no_route[] = "";

// By gRPC's numbers, as grpc-go writes them.
static const char *const meter_grpc_codes[] = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};

void pawl__request_meter_begin(struct pawl_request_meter *meter,
                               const struct pawl_request *request) {
    *(request->is_grpc ? &meter->open_rpcs : &meter->open_http) += 1;
}

// Methods without an end say nothing by how long they took.
static bool meter_is_stream(const char *name) {
    return strcmp(name, "/TaskHubSidecarService/GetWorkItems") == 0 ||
           strcmp(name, "/pawl.Peer/Watch") == 0;
}

// The place for |name| and how it ended, which may be another's.
static struct pawl_meter_place *meter_place(struct pawl_request_meter *meter, const char *name,
                                            const char *verb, int status) {
    size_t at = ((uintptr_t)name >> 4) ^ ((uintptr_t)verb >> 2) ^ (size_t)status;
    return &meter->places[at % PAWL_METER_PLACES];
}

static bool meter_is_at(const struct pawl_meter_place *place, const char *name, const char *verb,
                        int status) {
    return place->answer && place->name == name && place->verb == verb && place->status == status;
}

static struct pawl_answer_series *meter_answer(struct pawl_named_set *names, const char *text,
                                               int len) {
    if (len >= METER_NAME) len = METER_NAME - 1;
    return pawl__named_get(names, (struct pawl_str){text, (size_t)len});
}

static void meter_end_rpc(struct pawl_request_meter *meter, const struct pawl_request *request,
                          const char *name, int64_t took, int status) {
    if (!name) name = meter_unknown;
    if (meter_is_stream(name)) return;
    struct pawl_meter_place *place = meter_place(meter, name, NULL, status);
    if (!meter_is_at(place, name, NULL, status)) {
        char text[METER_NAME];
        int len = snprintf(text, sizeof text, "%s%c%s", name, PAWL_METER_SEPARATOR,
                           meter_grpc_codes[pawl__err_grpc((enum pawl_err)status)]);
        *place = (struct pawl_meter_place){
            .name = name,
            .status = status,
            .answer = meter_answer(&meter->rpcs, text, len),
            .method = pawl__named_get(&meter->methods, pawl__str(name)),
        };
    }
    pawl__histogram_add(&place->answer->times, took);
    pawl__histogram_add(&place->method->received, (int64_t)request->body.len);
    pawl__histogram_add(&place->method->sent, (int64_t)request->sent);
}

// The verb of a request that was served is one of ours; any other may be whatever was sent.
static const char *meter_verb(const struct pawl_request *request) {
    static const char *const verbs[] = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (pawl__str_equal(request->method, pawl__str(verbs[i]))) return verbs[i];
    return "other";
}

// Whether |path|, without a query, fits |pattern|.
static bool meter_fits(const char *pattern, struct pawl_str path) {
    struct pawl_str rest = pawl__str(pattern);
    while (rest.data && path.data) {
        struct pawl_str wanted = pawl__str_cut(&rest, '/'), there = pawl__str_cut(&path, '/');
        bool any = wanted.len > 2 && *wanted.data == '{' && wanted.data[wanted.len - 1] == '}';
        if (!wanted.len && !rest.data) return true; // it ends in '/'
        if (any ? !there.len : !pawl__str_equal(wanted, there)) return false;
    }
    return !rest.data && !path.data;
}

bool pawl__request_meter_has_path(const struct pawl_request_meter *meter) {
    return meter->options.with_path || meter->options.path_count;
}

// The path by which a request is told apart.
static const char *meter_path(const struct pawl_request_meter_options *options,
                              struct pawl_str path, const char *otherwise) {
    for (size_t i = 0; i < options->path_count; i++) {
        const char *pattern = options->paths + i * options->path_size;
        if (meter_fits(pattern, path)) return pattern;
    }
    return otherwise;
}

static void meter_end_http(struct pawl_request_meter *meter, const struct pawl_request *request,
                           const char *name, int64_t took, int status) {
    const char *verb = meter->options.without_verb ? "" : meter_verb(request);
    if (!name || !meter->options.with_path) name = meter_no_route;
    name = meter_path(&meter->options, request->path, name);
    struct pawl_meter_place *place = meter_place(meter, name, verb, status);
    if (!meter_is_at(place, name, verb, status)) {
        char text[METER_NAME];
        int len = snprintf(text, sizeof text, "%s%c%d%c%s", verb, PAWL_METER_SEPARATOR, status,
                           PAWL_METER_SEPARATOR, name);
        *place = (struct pawl_meter_place){name, verb, status,
                                           meter_answer(&meter->http, text, len), NULL};
    }
    pawl__histogram_add(&place->answer->times, took);
    pawl__histogram_add(&meter->received, (int64_t)request->body.len);
    pawl__histogram_add(&meter->sent, (int64_t)request->sent);
}

void pawl__request_meter_end(struct pawl_request_meter *meter, const struct pawl_request *request,
                             const char *name, int64_t began, int status) {
    int64_t took = pawl__clock_steady() - began;
    *(request->is_grpc ? &meter->open_rpcs : &meter->open_http) -= 1;
    if (request->error_code && meter->options.with_codes) {
        struct pawl_code_series *series =
            pawl__named_get(&meter->codes, pawl__str(request->error_code));
        series->count++;
    }
    if (request->is_grpc)
        meter_end_rpc(meter, request, name, took, status);
    else
        meter_end_http(meter, request, name, took, status);
}

static void meter_init_method(void *item, void *arg) {
    const struct pawl_request_meter *meter = arg;
    struct pawl_method_series *series = item;
    series->received.buckets = series->sent.buckets = meter->options.sizes;
}

static void meter_init_code(void *item, void *arg) {
    ((struct pawl_code_series *)item)->count = 0;
}

static void meter_init_answer(void *item, void *arg) {
    const struct pawl_request_meter *meter = arg;
    ((struct pawl_answer_series *)item)->times.buckets = meter->options.latency;
}

bool pawl__request_meter_init(struct pawl_request_meter *meter,
                              const struct pawl_request_meter_options *options) {
    *meter = (struct pawl_request_meter){.options = *options};
    meter->received.buckets = meter->sent.buckets = options->sizes;
    bool ok = pawl__named_init(&meter->methods, sizeof(struct pawl_method_series), METER_METHODS,
                               meter_init_method, meter);
    ok = pawl__named_init(&meter->rpcs, sizeof(struct pawl_answer_series), METER_ANSWERS,
                          meter_init_answer, meter) &&
         ok;
    ok = pawl__named_init(&meter->codes, sizeof(struct pawl_code_series), METER_CODES,
                          meter_init_code, meter) &&
         ok;
    ok = pawl__named_init(&meter->http, sizeof(struct pawl_answer_series), METER_ANSWERS,
                          meter_init_answer, meter) &&
         ok;
    return ok;
}

void pawl__request_meter_finish(struct pawl_request_meter *meter) {
    pawl__named_finish(&meter->methods);
    pawl__named_finish(&meter->rpcs);
    pawl__named_finish(&meter->http);
    pawl__named_finish(&meter->codes);
}
