// What a node does now and then: it looks at who else there is, and whether all shards are served.

#include "base/clock.h"
#include "base/memory.h"
#include "runtime/balance.h"
#include "runtime/node.h"
#include "runtime/siblings.h"

enum {
    NODE_PULSE_MS = 1000,
    NODE_LOOK_MS = 150,      // while there are other daemons, or a call waits for one
    NODE_HASTE_MS = 25,      // while a shard is nobody's
    NODE_UNSERVED_PULSES = 5 // work without a worker is told of after so many
};

// So long the node counts as ready with a shard that nobody is known to serve.
#define NODE_PATIENCE     (3 * PAWL_SECOND)
#define NODE_WORKER_BREAK (3 * PAWL_SECOND) // a worker that is gone may be about to come back

static const char *const node_scope = "dapr.runtime.wfengine";

// --- whether it serves --------------------------------------------------------------------------

const struct pawl_member *pawl__node_other(const struct pawl_node *node, uint32_t number) {
    if (!node->shares) return NULL;
    const struct pawl_member *member = pawl__members_holder(&node->members, number);
    bool other = member && member->address.len && !pawl__members_is_self(&node->members, member);
    return other ? member : NULL;
}

static bool node_can_serve(const struct pawl_node *node) {
    for (uint32_t i = 0; i < node->count; i++)
        if (!pawl__partition_serves(&node->partitions[i]) && !pawl__node_is_sibling(node, i) &&
            !pawl__node_other(node, i))
            return false;
    return node->count;
}

// A shard that goes from one daemon to another has no owner for a moment. Calls wait for that long,
// and the node counts as ready.
static bool node_is_patient(struct pawl_node *node) {
    int64_t now = pawl__clock_steady();
    if (!node->ready || !node->shares) return false;
    if (!node->lacking_at) node->lacking_at = now;
    pawl__node_look_soon(node);
    return now - node->lacking_at <= NODE_PATIENCE;
}

void pawl__node_check_ready(struct pawl_node *node, const struct pawl_error *reason) {
    const struct pawl_node_options *options = &node->options;
    bool serves = node_can_serve(node), was = node->ready;
    if (serves) node->lacking_at = 0;
    bool moves = !serves && (!reason || reason->code == PAWL_E_HELD);
    bool ready = !node->closing && (serves || (moves && node_is_patient(node)));
    node->ready = ready;
    if (!options->on_ready || (ready && was) || (!ready && !was && !reason)) return;
    struct pawl_error unknown = {PAWL_E_UNAVAILABLE, "a part of the workflows has no owner now"};
    options->on_ready(options->arg, ready, ready ? NULL : reason ? reason : &unknown);
}

size_t pawl__node_worker_count(const struct pawl_node *node) {
    size_t count = node->dispatch.worker_count;
    for (size_t i = 0; i < node->members.count; i++)
        if (!pawl__members_is_self(&node->members, &node->members.list[i]))
            count += node->members.list[i].workers;
    return count;
}

// --- looking ------------------------------------------------------------------------------------

void pawl__node_ring_all(struct pawl_node *node) {
    for (uint32_t i = 0; i < node->count && node->count > 1; i++)
        pawl__mailbox_ring(&node->partitions[i].mailbox);
}

// Whether it is to look more often: |unheld| shards are nobody's, and have not been so for long.
static void node_hurry(struct pawl_node *node, uint32_t unheld) {
    int64_t now = pawl__clock_steady();
    if (!unheld)
        node->unheld_at = 0;
    else if (!node->unheld_at)
        node->unheld_at = now;
    node->hastens = unheld && now - node->unheld_at < NODE_PATIENCE;
}

void pawl__node_on_seen(struct pawl_members *members) {
    struct pawl_node *node = PAWL_CONTAINER(members, struct pawl_node, members);
    if (node->closing) return;
    const struct pawl_balance balance = {members, node->partitions, node->count};
    node_hurry(node, pawl__balance(&balance));
    pawl__node_check_ready(node, NULL);
    pawl__node_follow(node);
    pawl__node_unpark(node);
    pawl__dispatch_others(&node->dispatch, pawl__members_message(members, false));
    pawl__borrower_seen(&node->borrower, members);
    node->storage->others = members->count > 1 && !node->storage->shared;
    pawl__asker_seen(&node->asker);
    if (members->count > 1) pawl__node_ring_all(node); // other daemons send mail, too
    if (members->count > 1 || !node->ready || node->hastens) pawl__node_look_soon(node);
}

void pawl__node_look(struct pawl_node *node) {
    int64_t now = pawl__clock_steady();
    uint32_t workers = node->leaving ? 0 : (uint32_t)node->dispatch.worker_count;
    if (workers)
        node->worked_at = now;
    else if (node->worked_at && now - node->worked_at < NODE_WORKER_BREAK)
        workers = 1;
    for (uint32_t i = 0; i < node->count; i++)
        pawl__ownership_pulse(&node->partitions[i].ownership);
    pawl__members_look(&node->members, workers);
}

void pawl__node_leave(struct pawl_node *node) {
    node->leaving = true;
    node->worked_at = 0;
    if (node->shares && node->count) pawl__node_look(node);
}

static void node_on_look(uv_timer_t *timer) {
    struct pawl_node *node = timer->data;
    if (node->closing) return;
    if (!node->count)
        pawl__node_count_shards(node);
    else if (node->shares)
        pawl__node_look(node);
    else
        pawl__node_unpark(node);
}

void pawl__node_look_soon(struct pawl_node *node) {
    if (!uv_is_active((uv_handle_t *)&node->look))
        uv_timer_start(&node->look, node_on_look, node->hastens ? NODE_HASTE_MS : NODE_LOOK_MS, 0);
}

// --- the pulse ----------------------------------------------------------------------------------

// Says so when workflows wait and nobody is there to run them: the app has not been started, or the
// start went to the sidecar of another.
static void node_tell_unserved(struct pawl_node *node) {
    bool waits = pawl__list_empty(&node->dispatch.workers) && node->dispatch.turns.len;
    node->unserved = waits ? node->unserved + 1 : 0;
    if (node->unserved == NODE_UNSERVED_PULSES)
        pawl__log(node->options.log, PAWL_LOG_WARN, node_scope,
                  "workflows of app '%s' wait, as no worker is connected: start the app, or call "
                  "the sidecar of the app that has the workflow",
                  node->app_id);
}

static void node_on_pulse(uv_timer_t *timer) {
    struct pawl_node *node = timer->data;
    bool quiet = node->storage->commits == node->pulse_commits, evicted = false;
    node->pulse_commits = node->storage->commits;
    for (uint32_t i = 0; i < node->count; i++) {
        struct pawl_partition *partition = &node->partitions[i];
        pawl__partition_pulse(partition, quiet);
        evicted = evicted || partition->residency.has_evicted;
    }
    pawl__dispatch_unpark(&node->dispatch); // patience may be at its end
    pawl__abroad_pulse(&node->abroad);
    pawl__bell_pulse(&node->bell, &node->members);
    pawl__lend_pulse(&node->lend);
    pawl__borrower_pulse(&node->borrower);
    node_tell_unserved(node);
    pawl__node_ring_all(node); // bells may have been lost
    if (node->shares && node->count) pawl__node_look(node);
    if (!quiet || !evicted) return;
    for (uint32_t i = 0; i < node->count; i++) node->partitions[i].residency.has_evicted = false;
    pawl__memory_trim();
}

void pawl__node_look_later(struct pawl_node *node, uint64_t milliseconds) {
    uv_timer_start(&node->look, node_on_look, milliseconds, 0);
}

void pawl__node_watch(struct pawl_node *node) {
    uv_timer_init(node->storage->loop, &node->look);
    uv_timer_init(node->storage->loop, &node->pulse);
    node->pulse.data = node->look.data = node;
    uv_timer_start(&node->pulse, node_on_pulse, NODE_PULSE_MS, NODE_PULSE_MS);
    uv_unref((uv_handle_t *)&node->pulse);
    uv_unref((uv_handle_t *)&node->look);
}
