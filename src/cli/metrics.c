#include "cli/metrics.h"

#include <stdlib.h>

#include "base/clock.h"
#include "cli/listen.h"
#include "cli/tracing.h"
#include "cli/version.h"
#include "net/answer.h"

static const char *const metrics_scope = "dapr.runtime", *const metrics_what = "metrics";

enum {
    METRICS_BEAT_MS = 500,
    METRICS_PATIENCE_MS = 500, // with the store, which counts
    METRICS_BODY = 4096
};

// A request that waits.
struct metrics_ask {
    struct pawl_link link;
    struct pawl_metrics *metrics;
    struct pawl_request *request;
};

#define METRICS_LAST_PUSH (5 * PAWL_SECOND) // for what is to be sent at the end

// All of this loop.
static void metrics_tell(struct pawl_metrics *metrics, struct pawl_scrape *scrape) {
    metrics->loop_meter.busy = pawl__clock_thread(); // libuv's own measure polls twice each time
    pawl__scrape_write(&metrics->source, scrape);
}

// |all|: what all loops told; NULL: there is but this one. Rules of labels are for the sum of all.
static void metrics_write(struct pawl_metrics *metrics, struct pawl_scrape *scrape,
                          const struct pawl_collection *all) {
    struct pawl_collection ruled = {.relabel = &metrics->relabel};
    struct pawl_scrape into = {.into = &ruled};
    struct pawl_scrape *first = metrics->relabel.count ? &into : scrape;
    if (all)
        pawl__scrape_collected(first, all);
    else
        metrics_tell(metrics, first);
    if (first != scrape) pawl__scrape_collected(scrape, &ruled);
    if (into.out.failed) scrape->out.failed = true;
    pawl__collection_finish(&ruled);
    pawl__scrape_end(scrape);
}

// --- sending -------------------------------------------------------------------------------------

static void metrics_end(struct pawl_metrics *metrics);

// Whether metrics are sent: of several loops, by the first one.
static bool metrics_pushes(const struct pawl_metrics *metrics) {
    return metrics->sibling ? metrics->config->metrics.push.on : metrics->push != NULL;
}

static void metrics_push_now(struct pawl_metrics *metrics, const struct pawl_collection *all) {
    struct pawl_scrape scrape = {.format = PAWL_SCRAPE_OTLP,
                                 .otlp = {.began = metrics->born, .at = pawl__clock_wall()}};
    metrics->push_waits = false;
    metrics_write(metrics, &scrape, all);
    if (scrape.out.failed)
        pawl__log(metrics->options.log, PAWL_LOG_WARN, metrics_scope,
                  "metrics are not sent this time: out of memory");
    else if (metrics->push)
        pawl__push_give(metrics->push, &scrape.out);
    pawl__buf_finish(&scrape.out);
    if (metrics->ending) metrics_end(metrics);
}

// --- answers -------------------------------------------------------------------------------------

static void metrics_answer(struct pawl_metrics *metrics, struct pawl_request *request,
                           const struct pawl_collection *all) {
    struct pawl_str accept = pawl__request_header(request, "accept");
    struct pawl_scrape scrape = {.format = pawl__scrape_accepts(accept)};
    metrics_write(metrics, &scrape, all);
    const struct pawl_header type = {PAWL_STR("content-type"),
                                     pawl__str(pawl__scrape_content_type(scrape.format))};
    if (scrape.out.failed)
        pawl__http_respond(request, 503, NULL, 0, PAWL_STR("out of memory\n"));
    else
        pawl__http_respond(request, 200, &type, 1, pawl__buf_str(&scrape.out));
    pawl__buf_finish(&scrape.out);
}

static void metrics_answer_all(struct pawl_metrics *metrics, const struct pawl_collection *all) {
    for (struct metrics_ask *ask;
         (ask = PAWL_LIST_TAKE(struct metrics_ask, &metrics->waiting, link));) {
        ask->request->on_close = NULL;
        metrics_answer(metrics, ask->request, all);
    }
    if (metrics->push_waits) metrics_push_now(metrics, all);
}

// --- several loops -------------------------------------------------------------------------------

// Who has sent |round|: another loop's. What is said of its gathering may be read while it is here.
static struct pawl_metrics *metrics_of(struct pawl_round *round) {
    return PAWL_CONTAINER(round, struct pawl_metrics, gathering.round);
}

static void metrics_add(struct pawl_metrics *metrics, struct pawl_round *round) {
    struct pawl_scrape scrape = {.into = &metrics_of(round)->gathering.all};
    metrics_tell(metrics, &scrape);
}

static void metrics_push(struct pawl_metrics *metrics);

static void metrics_on_back(struct pawl_round *round) {
    struct pawl_metrics *metrics = metrics_of(round);
    bool over = metrics_pushes(metrics) && metrics->ending && !metrics->gathering.is_last;
    metrics->gathering.is_out = false;
    if (!over) metrics_answer_all(metrics, &metrics->gathering.all);
    pawl__collection_finish(&metrics->gathering.all);
    metrics->gathering.all = (struct pawl_collection){0};
    if (over) metrics_push(metrics); // for the last time; nobody else waits any more
}

static void metrics_gather(struct pawl_metrics *metrics) {
    bool asked = metrics->push_waits || !pawl__list_empty(&metrics->waiting);
    if (metrics->gathering.is_out || !asked) return;
    metrics->gathering.is_out = true;
    metrics->gathering.is_last = metrics->ending;
    metrics->gathering.round.kind = PAWL_ROUND_METERS;
    metrics->gathering.round.back = metrics_on_back;
    metrics_add(metrics, &metrics->gathering.round);
    pawl__round_begin(metrics->sibling, &metrics->gathering.round);
}

// Whoever asked is answered, as far as it can be known by now.
static void metrics_go_on(struct pawl_metrics *metrics) {
    struct pawl_round *visitor = metrics->visitor;
    metrics->visitor = NULL;
    if (visitor) {
        bool ends = metrics_of(visitor)->gathering.is_last;
        metrics_add(metrics, visitor);
        pawl__round_next(visitor);
        if (ends) metrics_end(metrics);
        return; // no other loop than the first is asked for anything
    }
    if (metrics->sibling)
        metrics_gather(metrics);
    else
        metrics_answer_all(metrics, NULL);
}

static void metrics_on_counted(void *arg) {
    metrics_go_on(arg);
}

// The store takes its time: what it said before has to do.
static void metrics_on_patience(uv_timer_t *timer) {
    metrics_go_on(timer->data);
}

static void metrics_be_patient(struct pawl_metrics *metrics) {
    if (!uv_is_active((uv_handle_t *)&metrics->patience))
        uv_timer_start(&metrics->patience, metrics_on_patience, METRICS_PATIENCE_MS, 0);
}

static void metrics_count(struct pawl_metrics *metrics) {
    if (pawl__census_begin(&metrics->census))
        metrics_be_patient(metrics);
    else
        metrics_go_on(metrics);
}

void pawl__metrics_visit(struct pawl_metrics *metrics, struct pawl_round *round) {
    bool is_last = metrics_of(round)->gathering.is_last;
    metrics->visitor = round;
    if (is_last && !metrics->ending) return;
    if (is_last || !metrics->ending)
        metrics_count(metrics);
    else
        metrics_go_on(metrics);
}

static void metrics_push(struct pawl_metrics *metrics) {
    metrics->push_waits = true;
    metrics_count(metrics);
}

static void metrics_on_pushing(uv_timer_t *timer) {
    struct pawl_metrics *metrics = timer->data;
    if (!metrics->push_waits) metrics_push(metrics);
}

static void metrics_on_gone(struct pawl_request *request, enum pawl_err reason) {
    struct metrics_ask *ask = request->data;
    pawl__list_remove(&ask->link);
}

static void metrics_handle(void *arg, struct pawl_request *request) {
    struct pawl_metrics *metrics = arg;
    bool is_path = pawl__str_equal(request->path, PAWL_STR("/metrics")) ||
                   pawl__str_equal(request->path, PAWL_STR("/")); // the reference's
    if (request->is_grpc) {
        pawl__grpc_finish(request, PAWL_E_UNIMPLEMENTED, "metrics are read by HTTP",
                          (struct pawl_str){0});
    } else if (!is_path) {
        pawl__http_respond(request, 404, NULL, 0, PAWL_STR("metrics are at /metrics\n"));
    } else if (!pawl__str_equal(request->method, PAWL_STR("GET")) &&
               !pawl__str_equal(request->method, PAWL_STR("HEAD"))) {
        pawl__http_respond(request, 405, NULL, 0, PAWL_STR("metrics are read with GET\n"));
    } else {
        bool counts = pawl__census_begin(&metrics->census);
        struct metrics_ask *ask =
            counts || metrics->sibling ? pawl__arena_zalloc(&request->arena, sizeof *ask) : NULL;
        if (!ask) {
            metrics_answer(metrics, request, NULL);
            return;
        }
        *ask = (struct metrics_ask){.metrics = metrics, .request = request};
        pawl__list_add(&metrics->waiting, &ask->link);
        request->data = ask;
        request->on_close = metrics_on_gone;
        if (counts)
            metrics_be_patient(metrics);
        else
            metrics_gather(metrics);
    }
}

// --- the loop ------------------------------------------------------------------------------------

static void metrics_on_beat(uv_timer_t *timer) {
    struct pawl_metrics *metrics = timer->data;
    int64_t now = pawl__clock_steady();
    int64_t late = now - metrics->beaten_at - METRICS_BEAT_MS * PAWL_MILLISECOND;
    pawl__histogram_add(&metrics->loop_meter.lag, late > 0 ? late : 0);
    metrics->beaten_at = now;
}

// --- life ----------------------------------------------------------------------------------------

static struct pawl_buckets metrics_buckets(const int64_t *bounds, size_t count, int64_t unit) {
    struct pawl_buckets buckets = {.count = count};
    for (size_t i = 0; i < count; i++) buckets.bounds[i] = bounds[i] * unit;
    return buckets;
}

static void metrics_make_buckets(struct pawl_metrics *metrics) {
    static const int64_t sizes[] = {1024,      2048,       4096,      16384,    65536,
                                    262144,    1048576,    4194304,   16777216, 67108864,
                                    268435456, 1073741824, 4294967296};          // the reference's
    static const int64_t ratios[] = {10, 25, 50, 75, 90, 95, 99, 100, 150, 200}; // in hundredths
    static const int64_t times[] = {20,      50,      100,     200,     500,    1000,   2000,
                                    5000,    10000,   20000,   50000,   100000, 200000, 500000,
                                    1000000, 2000000, 5000000, 10000000}; // microseconds
    static const int64_t groups[] = {0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000};
#define BUCKETS(list, unit) metrics_buckets(list, sizeof list / sizeof *list, unit)
    metrics->sizes = BUCKETS(sizes, 1);
    metrics->ratios = BUCKETS(ratios, 10000);
    metrics->times = BUCKETS(times, PAWL_SECOND / 1000000);
    metrics->groups = BUCKETS(groups, 1);
#undef BUCKETS
}

enum pawl_err pawl__metrics_init(struct pawl_metrics *metrics, uv_loop_t *loop,
                                 const struct pawl_metrics_options *options,
                                 const struct pawl_configuration *configuration, size_t max_message,
                                 struct pawl_observer *observer, struct pawl_error *error) {
    const struct pawl_metrics_config *config = &configuration->metrics;
    *metrics = (struct pawl_metrics){
        .options = *options,
        .config = configuration,
        .loop = loop,
        .born = pawl__clock_wall(),
    };
    pawl__link_init(&metrics->waiting);
    metrics_make_buckets(metrics);
    metrics->loop_meter.lag.buckets = &metrics->times;
    for (int i = 0; i < PAWL_OPERATION_COUNT; i++)
        for (int failed = 0; failed < 2; failed++)
            metrics->operations.times[i][failed].buckets = &config->latency;
    const struct pawl_request_meter_options requests = {
        .latency = &config->latency,
        .sizes = &metrics->sizes,
        .with_path = config->increased_cardinality,
        .paths = *config->paths,
        .path_count = config->path_count,
        .path_size = sizeof *config->paths,
        .without_verb = config->exclude_verbs,
        .with_codes = config->record_error_codes,
    };
    bool ok = pawl__request_meter_init(&metrics->requests, &requests);
    ok = pawl__workflow_meter_init(&metrics->workflows, &config->latency, &config->workflow_latency,
                                   &metrics->ratios, max_message, observer) &&
         ok;
    ok = pawl__relabel_init(&metrics->relabel, config->rules, config->rule_count) && ok;
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

void pawl__metrics_watch(const struct pawl_metrics *metrics, struct pawl_storage *storage) {
    struct pawl_storage_meters *meters = &storage->meters;
    const struct pawl_buckets *times = metrics ? &metrics->times : NULL;
    meters->commits.buckets = meters->loads.buckets = meters->reads.buckets = times;
    meters->group.buckets = metrics ? &metrics->groups : NULL;
}

static enum pawl_err metrics_listen(struct pawl_metrics *metrics, struct pawl_error *error) {
    const struct pawl_metrics_options *options = &metrics->options;
    int port = options->port;
    const struct pawl_addresses *addresses = options->listen_addresses;
    enum pawl_err err =
        pawl__listen_all(metrics->server, addresses, &port, metrics_what, options->log, error);
    if (err != PAWL_E_UNAVAILABLE || !options->any_port) return err;
    pawl__log(options->log, PAWL_LOG_WARN, metrics_scope,
              "%s; metrics are served at another port, --metrics-port chooses one", error->text);
    port = 0;
    return pawl__listen_all(metrics->server, addresses, &port, metrics_what, options->log, error);
}

// Begins to send metrics, if the environment says where to.
static enum pawl_err metrics_open_push(struct pawl_metrics *metrics, struct pawl_error *error) {
    const struct pawl_metrics_push_config *config = &metrics->config->metrics.push;
    const struct pawl_log *log = metrics->options.log;
    if (!config->on) return PAWL_OK;
    const struct pawl_otlp_options otlp = pawl__tracing_otlp(&config->otlp);
    struct pawl_resource *resource =
        pawl__tracing_resource(&metrics->config->tracing, metrics->options.app_id);
    if (!resource) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = pawl__push_create(&otlp, resource, log, &metrics->push, error);
    free(resource);
    if (err) return err;
    uint64_t interval = (uint64_t)(config->interval / PAWL_MILLISECOND);
    pawl__log(log, PAWL_LOG_INFO, metrics_scope, "metrics go to %s every %g s",
              pawl__push_name(metrics->push), (double)interval / 1000);
    metrics->source.push = metrics->push;
    uv_timer_start(&metrics->pushing, metrics_on_pushing, interval, interval);
    uv_unref((uv_handle_t *)&metrics->pushing);
    return PAWL_OK;
}

void pawl__metrics_begin(struct pawl_metrics *metrics, struct pawl_node *node,
                         const struct pawl_api_stores *stores, const struct pawl_tracer *tracer,
                         const struct pawl_neighbours *neighbours) {
    const struct pawl_metrics_options *options = &metrics->options;
    metrics->source = (struct pawl_scrape_source){
        .app_id = options->app_id,
        .namespace = options->namespace,
        .version = PAWL_VERSION,
        .dapr_version = PAWL_DAPR_VERSION,
        .node = node,
        .neighbours = node ? neighbours : NULL,
        .sibling = neighbours ? neighbours->sibling : NULL,
        .stores = stores,
        .workflows = node ? &metrics->workflows : NULL,
        .operations = &metrics->operations,
        .requests = &metrics->requests,
        .census = &metrics->census,
        .tracer = tracer,
        .loop = &metrics->loop_meter,
    };
    metrics->sibling = neighbours ? neighbours->sibling : NULL;
    pawl__census_init(&metrics->census, node, metrics_on_counted, metrics);
    uv_timer_init(metrics->loop, &metrics->patience);
    uv_timer_init(metrics->loop, &metrics->beat);
    uv_timer_init(metrics->loop, &metrics->pushing);
    metrics->patience.data = metrics->beat.data = metrics->pushing.data = metrics;
    metrics->beaten_at = pawl__clock_steady();
    uv_timer_start(&metrics->beat, metrics_on_beat, METRICS_BEAT_MS, METRICS_BEAT_MS);
    uv_unref((uv_handle_t *)&metrics->beat);
}

enum pawl_err pawl__metrics_serve(struct pawl_metrics *metrics, struct pawl_error *error) {
    const struct pawl_server_options server = {
        .max_body = METRICS_BODY,
        .max_header = 65536,
        .idle_timeout = 60 * PAWL_SECOND,
        .handler = metrics_handle,
        .arg = metrics,
        .log = metrics->options.log,
    };
    enum pawl_err err = pawl__server_create(metrics->loop, &server, &metrics->server, error);
    if (!err) err = metrics_listen(metrics, error);
    return err ? err : metrics_open_push(metrics, error);
}

static void metrics_on_handle_closed(uv_handle_t *handle) {
    struct pawl_metrics *metrics = handle->data;
    if (!--metrics->handles) metrics->closed(metrics->arg);
}

static void metrics_end(struct pawl_metrics *metrics) {
    pawl__census_finish(&metrics->census);
    metrics->handles = 3;
    uv_close((uv_handle_t *)&metrics->patience, metrics_on_handle_closed);
    uv_close((uv_handle_t *)&metrics->beat, metrics_on_handle_closed);
    uv_close((uv_handle_t *)&metrics->pushing, metrics_on_handle_closed);
}

static void metrics_on_server_closed(void *arg) {
    struct pawl_metrics *metrics = arg;
    struct pawl_round *visitor = metrics->visitor;
    bool is_first = !metrics->sibling || !metrics->sibling->index;
    metrics->ending = true;
    if (visitor && metrics_of(visitor)->gathering.is_last) {
        metrics_count(metrics);
        return;
    }
    if (visitor) pawl__round_next(visitor);
    metrics->visitor = NULL;
    if (!metrics_pushes(metrics))
        metrics_end(metrics);
    else if (is_first && !metrics->push_waits && !metrics->gathering.is_out)
        metrics_push(metrics);
}

void pawl__metrics_close(struct pawl_metrics *metrics, void (*closed)(void *arg), void *arg) {
    metrics->closed = closed;
    metrics->arg = arg;
    if (metrics->server)
        pawl__server_close(metrics->server, 0, metrics_on_server_closed, metrics);
    else
        metrics_on_server_closed(metrics);
}

void pawl__metrics_finish(struct pawl_metrics *metrics) {
    pawl__push_close(metrics->push, METRICS_LAST_PUSH);
    pawl__workflow_meter_finish(&metrics->workflows);
    pawl__request_meter_finish(&metrics->requests);
    pawl__relabel_finish(&metrics->relabel);
}
