#include "api/trace.h"

#include "api/internal.h"
#include "base/base64.h"
#include "base/clock.h"
#include "engine/events.h"
#include "engine/trace.h"
#include "observe/tracer.h"

struct trace_watch {
    struct pawl_tracer *tracer;
    int64_t began;
    bool is_sampled;        // the call's own span
    struct pawl_trace self; // if it is
    uint8_t parent[8];
    struct pawl_str state;
    const struct pawl_api_start *start; // NULL: the call starts no workflow that is traced
    struct pawl_trace create;           // the start's own span
    int64_t create_began;
    uint8_t create_parent[8];
};

// --- contexts that come and go -------------------------------------------------------------------

// Calls without an end, those that only ask whether we are there, and those of people who look on.
static bool trace_is_exempt(const struct pawl_request *request) {
    struct pawl_str path = request->path;
    if (request->is_grpc)
        return pawl__str_equal(path, PAWL_STR("/TaskHubSidecarService/GetWorkItems")) ||
               pawl__str_equal(path, PAWL_STR("/pawl.Peer/Watch"));
    return pawl__str_starts(path, PAWL_STR("/v1.0/healthz")) ||
           pawl__str_starts(path, PAWL_STR("/pawl/")) ||
           pawl__str_starts(path, PAWL_STR("/dashboard"));
}

static bool trace_read_binary(struct pawl_str header, struct pawl_trace *out) {
    struct pawl_buf bytes = {0};
    bool ok = header.data && pawl__base64_decode(&bytes, header) &&
              pawl__trace_parse_binary(pawl__buf_str(&bytes), out);
    pawl__buf_finish(&bytes);
    return ok;
}

static bool trace_read(const struct pawl_request *request, struct pawl_trace *out,
                       struct pawl_str *state) {
    *state = (struct pawl_str){0};
    if (request->is_grpc && trace_read_binary(pawl__request_header(request, "grpc-trace-bin"), out))
        return true;
    struct pawl_str header = pawl__request_header(request, "traceparent");
    if (!header.data || !pawl__trace_parse(header, out)) return false;
    *state = pawl__request_header(request, "tracestate");
    return true;
}

// The value of grpc-trace-bin, in the request's arena.
static struct pawl_str trace_binary(struct pawl_request *request, const struct pawl_trace *trace) {
    uint8_t bytes[PAWL_TRACE_BINARY];
    struct pawl_buf text = {0};
    pawl__trace_format_binary(trace, bytes);
    pawl__base64_encode(&text, (struct pawl_str){(char *)bytes, sizeof bytes});
    char *copy = pawl__arena_dup(&request->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return pawl__str(copy);
}

// Tells the client which span its call was.
static void trace_answer(struct pawl_request *request, const struct trace_watch *watch) {
    char *text = pawl__arena_alloc(&request->arena, PAWL_TRACE_TEXT);
    if (!text) return;
    pawl__trace_format(&watch->self, text);
    pawl__request_add_header(request, PAWL_STR("traceparent"), pawl__str(text));
    struct pawl_str binary =
        request->is_grpc ? trace_binary(request, &watch->self) : (struct pawl_str){0};
    if (binary.data) pawl__request_add_header(request, PAWL_STR("grpc-trace-bin"), binary);
    if (watch->state.data) pawl__request_add_header(request, PAWL_STR("tracestate"), watch->state);
}

// --- the end -------------------------------------------------------------------------------------

static bool trace_is_error(const struct pawl_request *request, int status) {
    return request->is_grpc ? status != PAWL_OK : status >= 400;
}

static void trace_set_error(const struct pawl_request *request, int status, struct pawl_span *span,
                            char text[32]) {
    if (!trace_is_error(request, status)) return;
    span->status = PAWL_SPAN_ERROR;
    if (request->is_grpc) {
        span->message = pawl__str(pawl__err_text((enum pawl_err)status));
    } else {
        snprintf(text, 32, "HTTP status %d", status);
        span->message = pawl__str(text);
    }
}

// The service of a method's path: "Dapr" of "/dapr.proto.runtime.v1.Dapr/GetState".
static struct pawl_str trace_service(struct pawl_str path) {
    if (path.len) path.data++, path.len--;
    struct pawl_str service = pawl__str_cut(&path, '/'), part = service;
    while (service.data) part = pawl__str_cut(&service, '.');
    return part;
}

static void trace_end_call(struct pawl_request *request, const struct trace_watch *watch,
                           const char *given_name, int64_t now, int status) {
    char api[160], error[32];
    struct pawl_attribute attributes[4] = {
        {"dapr.protocol", request->is_grpc ? PAWL_STR("grpc") : PAWL_STR("http"), 0}};
    struct pawl_str name = given_name ? pawl__str(given_name) : request->path;
    if (request->is_grpc) {
        attributes[1] = (struct pawl_attribute){"dapr.api", name, 0};
        attributes[2] = (struct pawl_attribute){"rpc.service", trace_service(name), 0};
    } else {
        snprintf(api, sizeof api, "%.*s %.*s", PAWL_FMT(request->method), PAWL_FMT(name));
        attributes[1] = (struct pawl_attribute){"dapr.api", pawl__str(api), 0};
        attributes[2] = (struct pawl_attribute){"dapr.http_method", request->method, 0};
    }
    attributes[3].key = "dapr.status_code";
    attributes[3].number = request->is_grpc ? pawl__err_grpc((enum pawl_err)status) : status;
    struct pawl_span span = {
        .scope = "dapr-diagnostics",
        .name = name,
        .kind = PAWL_SPAN_CLIENT,
        .self = watch->self,
        .state = watch->state,
        .start = watch->began,
        .end = now,
        .attributes = attributes,
        .attribute_count = 4,
    };
    memcpy(span.parent, watch->parent, sizeof span.parent);
    trace_set_error(request, status, &span, error);
    pawl__tracer_end(watch->tracer, &span);
}

static void trace_end_start(struct pawl_request *request, const struct trace_watch *watch,
                            int64_t now, int status) {
    const struct pawl_api_start *start = watch->start;
    char error[32];
    struct pawl_attribute attributes[4] = {
        {"durabletask.type", PAWL_STR("orchestration"), 0},
        {"durabletask.task.name", pawl__str(start->name), 0},
        {"durabletask.task.instance_id", pawl__str(start->id), 0},
    };
    size_t count = 3;
    bool versioned = start->version && *start->version;
    if (versioned)
        attributes[count++] =
            (struct pawl_attribute){"durabletask.task.version", pawl__str(start->version), 0};
    const char *name =
        pawl__arena_format(&request->arena, "create_orchestration||%s%s%s", start->name,
                           versioned ? "||" : "", versioned ? start->version : "");
    struct pawl_span span = {
        .scope = "durabletask",
        .name = pawl__str(name),
        .kind = PAWL_SPAN_CLIENT,
        .self = watch->create,
        .state = pawl__str(pawl__string_of(start->context->tracestate)),
        .start = watch->create_began,
        .end = now,
        .attributes = attributes,
        .attribute_count = count,
    };
    memcpy(span.parent, watch->create_parent, sizeof span.parent);
    trace_set_error(request, status, &span, error);
    if (name) pawl__tracer_end(watch->tracer, &span);
}

static struct trace_watch *trace_of(const struct pawl_request *request) {
    const struct pawl_api_watch *all = request->watch;
    return all ? all->trace : NULL;
}

void pawl__api_trace_end(struct pawl_request *request, const char *name, int status) {
    const struct trace_watch *watch = trace_of(request);
    if (!watch) return;
    int64_t now = pawl__clock_wall();
    if (watch->start) trace_end_start(request, watch, now, status);
    if (watch->is_sampled) trace_end_call(request, watch, name, now, status);
}

// --- the beginning -------------------------------------------------------------------------------

static struct trace_watch *trace_watch(struct pawl_tracer *tracer, struct pawl_request *request) {
    struct pawl_api_watch *all = request->watch;
    struct trace_watch *watch = all ? pawl__arena_zalloc(&request->arena, sizeof *watch) : NULL;
    if (!watch) return NULL;
    watch->tracer = tracer;
    watch->began = pawl__clock_wall();
    all->trace = watch;
    return watch;
}

void pawl__api_trace_begin(struct pawl_api *api, struct pawl_request *request) {
    struct pawl_tracer *tracer = api->options.tracer;
    if (!tracer || trace_is_exempt(request)) return;
    struct pawl_trace parent;
    struct pawl_str state;
    bool given = trace_read(request, &parent, &state);
    struct pawl_trace self = pawl__tracer_begin(tracer, given ? &parent : NULL);
    struct trace_watch *watch = self.sampled ? trace_watch(tracer, request) : NULL;
    if (!watch) return;
    watch->is_sampled = true;
    watch->self = self;
    watch->state = state;
    if (given) memcpy(watch->parent, parent.span, sizeof watch->parent);
    trace_answer(request, watch);
}

// A tracestate as a message, in the request's arena; NULL for none.
static Google__Protobuf__StringValue *trace_state(struct pawl_request *request,
                                                  struct pawl_str state) {
    return state.data ? pawl__api_text(request, pawl__arena_dup(&request->arena, state)) : NULL;
}

void pawl__api_trace_start(struct pawl_api *api, struct pawl_request *request,
                           struct pawl_api_start *start) {
    struct pawl_tracer *tracer = api->options.tracer;
    struct trace_watch *watch = trace_of(request);
    start->span_id = NULL;
    if (!tracer) return;
    Google__Protobuf__StringValue *state = NULL;
    struct pawl_trace parent = {.sampled = false};
    if (pawl__trace_of_context(start->context, &parent)) {
        state = start->context->tracestate;
    } else if (watch) {
        parent = watch->self;
        state = trace_state(request, watch->state);
    }
    start->context = NULL;
    if (!parent.sampled) return;
    if (!watch) watch = trace_watch(tracer, request);
    char *span_id = pawl__arena_alloc(&request->arena, 2 * sizeof parent.span + 1);
    struct pawl_trace create = pawl__tracer_begin(tracer, &parent);
    Pb__TraceContext *context = pawl__trace_context(&request->arena, &create, state);
    if (!watch || !span_id || !context) return; // it goes without
    pawl__trace_id_format(pawl__tracer_begin(tracer, &create).span, sizeof create.span, span_id);
    start->context = context;
    start->span_id = span_id;
    watch->create = create;
    watch->create_began = pawl__clock_wall();
    memcpy(watch->create_parent, parent.span, sizeof parent.span);
    watch->start = start;
}
