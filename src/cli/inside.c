#include "cli/inside.h"

#include "api/api.h"
#include "api/figures.h"
#include "api/peer_links.h"
#include "api/peers.h"
#include "cli/tracing.h"
#include "cli/version.h"

static const char *const inside_scope = "dapr.runtime";

static const struct pawl_log *inside_log(const struct pawl_inside *inside) {
    return &inside->options.daemon->log;
}

// --- stopping -----------------------------------------------------------------------------------

static void inside_on_left(void *arg) {
    struct pawl_inside *inside = arg;
    inside->options.ended(inside->options.arg);
}

static void inside_on_node_closed(void *arg) {
    struct pawl_inside *inside = arg;
    pawl__peer_links_close(inside->peers);
    pawl__api_destroy(inside->api);
    pawl__daemon_stores_watch(inside->options.stores, NULL);
    if (inside->has_metrics) pawl__metrics_finish(&inside->metrics);
    if (inside->node) pawl__feed_finish(&inside->feed);
    if (inside->is_traced) pawl__tracing_close(&inside->tracer);
    inside->node = NULL;
    inside->peers = NULL;
    inside->api = NULL;
    if (inside->start.sibling)
        pawl__sibling_leave(inside->start.sibling, inside_on_left, inside);
    else
        inside_on_left(inside);
}

static void inside_close_node(void *arg) {
    struct pawl_inside *inside = arg;
    if (inside->start.sibling) pawl__sibling_join(inside->start.sibling, NULL, NULL);
    if (inside->node)
        pawl__node_close(inside->node, inside_on_node_closed, inside);
    else
        inside_on_node_closed(inside);
}

static void inside_on_server_closed(void *arg) {
    struct pawl_inside *inside = arg;
    if (--inside->servers) return;
    if (inside->has_metrics)
        pawl__metrics_close(&inside->metrics, inside_close_node, inside);
    else
        inside_close_node(inside);
}

void pawl__inside_end(struct pawl_inside *inside, const char *why, int64_t grace) {
    inside->ending = true;
    pawl__api_set_ready(inside->api, false, why);
    pawl__api_close_streams(inside->api);
    // Not when the last call has ended, as a client may wait for a workflow for long.
    if (inside->node) pawl__node_leave(inside->node);
    struct pawl_server *const servers[] = {inside->start.server, inside->start.own};
    inside->servers = inside->start.own ? 2 : 1;
    for (int i = 0, count = inside->servers; i < count; i++)
        pawl__server_close(servers[i], grace, inside_on_server_closed, inside);
}

// --- starting -----------------------------------------------------------------------------------

// Says so when the store was made for fewer loops. Once, by the first of them.
static void inside_tell_shards(struct pawl_inside *inside) {
    const struct pawl_inside_start *start = &inside->start;
    if (inside->told_shards || !start->sibling || start->sibling->index) return;
    uint32_t shards = inside->node->count;
    inside->told_shards = true;
    if (shards >= start->count) return;
    pawl__log(
        inside_log(inside), PAWL_LOG_WARN, inside_scope,
        "the store has %u shard%s of app '%s', as was chosen when it was new: they are served "
        "on %u of %zu loops, and the others serve connections",
        (unsigned)shards, shards == 1 ? "" : "s", inside->options.daemon->app_id, (unsigned)shards,
        start->count);
}

static void inside_set_ready(struct pawl_inside *inside, bool ready, const char *why) {
    pawl__api_set_ready(inside->api, ready, why);
    if (ready && inside->options.ready) inside->options.ready(inside->options.arg);
}

static void inside_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct pawl_inside *inside = arg;
    if (ready) inside_tell_shards(inside);
    if (!inside->ending) inside_set_ready(inside, ready, reason ? reason->text : NULL);
}

// Calls of other loops.
static void inside_on_crossed(void *arg, struct pawl_forwarded *forwarded) {
    struct pawl_inside *inside = arg;
    pawl__peer_serve(inside->api, forwarded);
}

// Never: bells are calls here.
static void inside_on_rung(void *arg) {
}

static void inside_on_visited(void *arg, struct pawl_round *round) {
    struct pawl_inside *inside = arg;
    if (round->kind == PAWL_ROUND_METERS && inside->has_metrics)
        pawl__metrics_visit(&inside->metrics, round);
    else if (round->kind == PAWL_ROUND_FIGURES && inside->node)
        pawl__figures_visit(inside->api, round);
    else
        pawl__round_next(round);
}

static const struct pawl_sibling_host inside_host = {
    .serve = inside_on_crossed, .rung = inside_on_rung, .visited = inside_on_visited};

static struct pawl_observer *inside_observer(struct pawl_inside *inside) {
    if (inside->has_metrics) return &inside->metrics.workflows.observer;
    return inside->is_traced ? &inside->spans.observer : NULL;
}

static enum pawl_err inside_start_metrics(struct pawl_inside *inside, struct pawl_error *error) {
    const struct pawl_daemon_options *options = inside->options.daemon;
    const struct pawl_configuration *config = &inside->start.settings->configuration;
    inside->has_metrics = options->with_metrics && config->metrics.enabled;
    if (!inside->has_metrics) return PAWL_OK;
    return pawl__metrics_init(&inside->metrics, inside->options.loop, &options->metrics, config,
                              options->max_body, inside->is_traced ? &inside->spans.observer : NULL,
                              error);
}

// The limits of the whole app, in the arena of |settings|. False: memory is out.
static bool inside_rules(struct pawl_settings *settings, struct pawl_ceiling_rule **out,
                         size_t *count) {
    struct pawl_concurrency_limit *limits;
    if (pawl__concurrency_limits(&settings->arena, &settings->configuration.concurrency, &limits,
                                 count))
        return false;
    *out = pawl__arena_alloc(&settings->arena, (*count + 1) * sizeof **out);
    for (size_t i = 0; *out && i < *count; i++)
        (*out)[i] = (struct pawl_ceiling_rule){
            .name = limits[i].name, .turn = limits[i].turn, .most = (uint32_t)limits[i].most};
    return *out;
}

// This loop's part of |all|, which is of the daemon; 0: there is no limit.
static size_t inside_part(const struct pawl_inside *inside, uint32_t all) {
    size_t count = inside->start.count, index;
    if (!inside->start.sibling) return all;
    index = inside->start.sibling->index;
    return all / count + (index < all % count);
}

enum pawl_err pawl__inside_check(const struct pawl_settings *settings, size_t count,
                                 struct pawl_error *error) {
    const struct pawl_concurrency *concurrency = &settings->configuration.concurrency;
    const struct {
        const char *name;
        uint32_t most;
    } limits[] = {{"maxConcurrentWorkflowInvocations", concurrency->max_turns},
                  {"maxConcurrentActivityInvocations", concurrency->max_activities}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (limits[i].most && limits[i].most < count)
            return pawl__fail(error, PAWL_E_INVALID,
                              "the configuration has %s: %u, which cannot be divided among %zu "
                              "loops; give --loops %u, or a higher limit",
                              limits[i].name, (unsigned)limits[i].most, count,
                              (unsigned)limits[i].most);
    return PAWL_OK;
}

static struct pawl_peers *inside_peers(struct pawl_inside *inside) {
    const struct pawl_inside_start *start = &inside->start;
    struct pawl_peers *peers = inside->peers ? pawl__peer_links_peers(inside->peers) : NULL;
    if (!start->sibling) return peers;
    pawl__neighbours_init(&inside->neighbours, start->sibling, peers, start->addresses,
                          start->count);
    return &inside->neighbours.peers;
}

static enum pawl_err inside_start_node(struct pawl_inside *inside, struct pawl_error *error) {
    const struct pawl_daemon_options *options = inside->options.daemon;
    const struct pawl_configuration *configuration = &inside->start.settings->configuration;
    struct pawl_daemon_store *store = pawl__daemon_stores_of_workflows(inside->options.stores);
    if (!store) {
        inside_peers(inside); // other loops are there all the same
        pawl__log(inside_log(inside), PAWL_LOG_WARN, inside_scope,
                  "no state store has actorStateStore set to \"true\": workflows are not served");
        return PAWL_OK;
    }
    inside->peers = pawl__peer_links_create(inside->options.loop, options->api_token);
    bool ok = inside->peers && pawl__feed_init(&inside->feed);
    struct pawl_ceiling_rule *rules;
    size_t rule_count;
    ok = ok && inside_rules(inside->start.settings, &rules, &rule_count);
    if (!ok) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__daemon_finder_init(&inside->finder, &configuration->names);
    struct pawl_node_options node = {
        .shards = store->given->shards ? store->given->shards : (uint32_t)inside->start.count,
        .lease = store->given->lease,
        .address = inside->start.address,
        .peers = inside_peers(inside),
        .finder = &inside->finder.finder,
        .app_id = options->app_id,
        .namespace = options->namespace,
        .max_message = options->max_body,
        .max_turns = inside_part(inside, configuration->concurrency.max_turns),
        .max_activities = inside_part(inside, configuration->concurrency.max_activities),
        .ceilings = rules,
        .ceiling_count = rule_count,
        .retention =
            {
                .completed = configuration->retain_completed,
                .failed = configuration->retain_failed,
                .terminated = configuration->retain_terminated,
                .canceled = configuration->retain_canceled,
            },
        .observer = inside_observer(inside),
        .listener = &inside->feed.listener,
        .operations = inside->has_metrics ? &inside->metrics.operations : NULL,
        .log = inside_log(inside),
        .on_ready = inside_on_ready,
        .arg = inside,
    };
    return pawl__node_create(&store->storage, &node, &inside->node, error);
}

static enum pawl_err inside_start_api(struct pawl_inside *inside, struct pawl_error *error) {
    const struct pawl_daemon_options *options = inside->options.daemon;
    const struct pawl_api_options api = {
        .app_id = options->app_id,
        .namespace = options->namespace,
        .version = PAWL_DAPR_VERSION,
        .token = options->api_token,
        .node = inside->node,
        .neighbours = inside->node && inside->start.sibling ? &inside->neighbours : NULL,
        .loop = inside->options.loop,
        .feed = inside->node ? &inside->feed : NULL,
        .peers = inside->peers,
        .stores = &inside->options.stores->set,
        .app_port = options->app_port,
        .app_protocol = options->app_protocol,
        .app_address = options->app_address,
        .app_max_concurrency = options->app_max_concurrency,
        .app_health = options->app_health,
        .log_calls = options->api_logging < 0
                         ? inside->start.settings->configuration.api_log.enabled
                         : options->api_logging,
        .log_routes = inside->start.settings->configuration.api_log.hides_urls,
        .log_no_health = inside->start.settings->configuration.api_log.omits_health,
        .hot_reload = inside->start.settings->configuration.hot_reload,
        .console = options->console,
        .lines = options->lines,
        .tracer = inside->is_traced ? &inside->tracer : NULL,
        .meter = inside->has_metrics ? &inside->metrics.requests : NULL,
        .workflows = inside->has_metrics ? &inside->metrics.workflows : NULL,
        .extended = inside->options.extended,
        .log = inside_log(inside),
        .shutdown = inside->options.shutdown,
        .arg = inside->options.arg,
    };
    inside->api = pawl__api_create(&api);
    return inside->api ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// Those of all loops are read at the first one.
static enum pawl_err inside_serve_metrics(struct pawl_inside *inside, struct pawl_error *error) {
    const struct pawl_inside_start *start = &inside->start;
    if (!inside->has_metrics) return PAWL_OK;
    pawl__metrics_begin(&inside->metrics, inside->node, &inside->options.stores->set,
                        inside->is_traced ? &inside->tracer : NULL,
                        start->sibling ? &inside->neighbours : NULL);
    if (start->sibling && start->sibling->index) return PAWL_OK;
    enum pawl_err err = pawl__metrics_serve(&inside->metrics, error);
    if (!err || err == PAWL_E_NOMEM || !start->again) return err;
    pawl__log(inside_log(inside), PAWL_LOG_ERROR, inside_scope, "metrics are not served: %s",
              error->text);
    return PAWL_OK; // no reason to end all else, which ran until now
}

static void inside_handle(void *arg, struct pawl_request *request) {
    struct pawl_inside *inside = arg;
    pawl__api_handle(inside->api, request);
}

static size_t inside_max_message(void *arg, const struct pawl_request *request) {
    const struct pawl_inside *inside = arg;
    size_t max = inside->options.daemon->max_body;
    size_t wide = inside->api ? pawl__api_max_message(inside->api, request) : 0;
    return wide > max ? wide : max;
}

void pawl__inside_init(struct pawl_inside *inside, const struct pawl_inside_options *options) {
    *inside = (struct pawl_inside){.options = *options};
}

enum pawl_err pawl__inside_create_server(struct pawl_inside *inside, struct pawl_server **out,
                                         struct pawl_error *error) {
    const struct pawl_daemon_options *options = inside->options.daemon;
    const struct pawl_server_options server = {
        .allowed_origins = options->allowed_origins,
        .max_body = options->max_body,
        .max_message = inside_max_message,
        .max_header = options->max_header,
        .idle_timeout = 60 * PAWL_SECOND,
        .handler = inside_handle,
        .arg = inside,
        .log = inside_log(inside),
    };
    return pawl__server_create(inside->options.loop, &server, out, error);
}

enum pawl_err pawl__inside_begin(struct pawl_inside *inside, const struct pawl_inside_start *start,
                                 struct pawl_error *error) {
    inside->start = *start;
    inside->ending = false;
    enum pawl_err err =
        pawl__tracing_open(&start->settings->configuration.tracing, inside->options.daemon->app_id,
                           inside_log(inside), &inside->tracer, &inside->is_traced, error);
    pawl__workflow_spans_init(&inside->spans, &inside->tracer);
    if (!err) err = inside_start_metrics(inside, error);
    if (!err)
        pawl__daemon_stores_watch(inside->options.stores,
                                  inside->has_metrics ? &inside->metrics : NULL);
    if (!err) err = inside_start_node(inside, error);
    if (!err) err = inside_start_api(inside, error);
    if (!err) err = inside_serve_metrics(inside, error);
    if (err) return err;
    if (!inside->node) inside_set_ready(inside, true, NULL);
    if (start->sibling) pawl__sibling_join(start->sibling, &inside_host, inside);
    return PAWL_OK;
}
