#include "runtime/node.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

enum {
    NODE_PULSE_MS = 1000,
    NODE_UNSERVED_PULSES = 5 // work without a worker is told of after so many
};

static struct pawl_node *node_of(struct pawl_partition *partition) {
    return PAWL_CONTAINER(partition, struct pawl_node, partition);
}

static void node_on_ready(struct pawl_partition *partition, bool ready,
                          const struct pawl_error *reason) {
    const struct pawl_node_options *options = &node_of(partition)->options;
    if (options->on_ready) options->on_ready(options->arg, ready, reason);
}

bool pawl__node_ready(const struct pawl_node *node) {
    return pawl__partition_serves(&node->partition);
}

void pawl__node_call(struct pawl_node *node, struct pawl_call *call) {
    pawl__partition_call(&node->partition, call);
}

// Says so when workflows wait and nobody is there to run them: the app has not been started, or the
// start went to the sidecar of another.
static void node_tell_unserved(struct pawl_node *node) {
    bool waits = pawl__list_empty(&node->dispatch.workers) && node->dispatch.turns.len;
    node->unserved = waits ? node->unserved + 1 : 0;
    if (node->unserved == NODE_UNSERVED_PULSES)
        pawl__log(node->options.log, PAWL_LOG_WARN, "dapr.runtime.wfengine",
                  "workflows of app '%s' wait, as no worker is connected: start the app, or call "
                  "the sidecar of the app that has the workflow",
                  node->app_id);
}

static void node_on_pulse(uv_timer_t *timer) {
    struct pawl_node *node = timer->data;
    bool quiet = node->storage->commits == node->pulse_commits;
    node->pulse_commits = node->storage->commits;
    pawl__partition_pulse(&node->partition, quiet);
    pawl__dispatch_unpark(&node->dispatch); // patience may be at its end
    node_tell_unserved(node);
    if (!quiet || !node->partition.residency.has_evicted) return;
    node->partition.residency.has_evicted = false;
    pawl__memory_trim();
}

// --- life ---------------------------------------------------------------------------------------

static void node_free(struct pawl_node *node) {
    pawl__dispatch_finish(&node->dispatch);
    free(node->app_id);
    free(node->namespace);
    free(node->store_name);
    free(node->owner);
    free(node);
}

static void node_on_pulse_closed(uv_handle_t *handle) {
    struct pawl_node *node = handle->data;
    void (*closed)(void *) = node->closed;
    void *arg = node->closed_arg;
    node_free(node);
    closed(arg);
}

static void node_on_closed(struct pawl_partition *partition) {
    uv_close((uv_handle_t *)&node_of(partition)->pulse, node_on_pulse_closed);
}

void pawl__node_close(struct pawl_node *node, void (*closed)(void *arg), void *arg) {
    node->closed = closed;
    node->closed_arg = arg;
    uv_timer_stop(&node->pulse);
    pawl__partition_close(&node->partition);
}

static const struct pawl_partition_host node_partition_host = {.ready = node_on_ready,
                                                               .closed = node_on_closed};

// Copies "<a><separator><b>" to the heap.
static char *node_join(const char *a, const char *separator, const char *b) {
    struct pawl_buf text = {0};
    pawl__buf_format(&text, "%s%s%s", a, separator, b);
    char *copy = text.failed ? NULL : pawl__str_dup(pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

static bool node_name(struct pawl_node *node) {
    const struct pawl_node_options *options = &node->options;
    const char *namespace = options->namespace ? options->namespace : "default";
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    node->app_id = pawl__str_dup(pawl__str(options->app_id));
    node->namespace = pawl__str_dup(pawl__str(namespace));
    node->store_name = node_join(namespace, "/", options->app_id);
    node->owner = node_join(pid, " of app ", options->app_id);
    return node->app_id && node->namespace && node->store_name && node->owner;
}

enum pawl_err pawl__node_create(struct pawl_storage *storage,
                                const struct pawl_node_options *options, struct pawl_node **out,
                                struct pawl_error *error) {
    struct pawl_node *node = calloc(1, sizeof *node);
    if (!node) return pawl__fail_plain(error, PAWL_E_NOMEM);
    node->options = *options;
    if (!node_name(node)) {
        node_free(node);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    struct pawl_node_options *own = &node->options;
    own->app_id = node->app_id;
    own->namespace = node->namespace;
    if (!own->checkpoint_interval) own->checkpoint_interval = 5 * PAWL_SECOND;
    if (!own->checkpoint_bytes) own->checkpoint_bytes = 4u << 20;
    if (!own->resting_bytes) own->resting_bytes = 4u << 20;
    if (!own->max_message) own->max_message = 4u << 20;
    node->storage = storage;
    pawl__dispatch_init(&node->dispatch, own);
    uv_timer_init(storage->loop, &node->pulse);
    node->pulse.data = node;
    uv_timer_start(&node->pulse, node_on_pulse, NODE_PULSE_MS, NODE_PULSE_MS);
    uv_unref((uv_handle_t *)&node->pulse);
    *out = node; // first: it may serve at once
    pawl__partition_init(&node->partition, storage, &node->dispatch, own,
                         pawl__str(node->store_name), 0, pawl__str(node->owner),
                         &node_partition_host);
    return PAWL_OK;
}
