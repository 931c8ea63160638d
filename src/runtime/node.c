#include "runtime/node.h"

#include <stdlib.h>
#include <unistd.h>

#include "runtime/siblings.h"

enum {
    NODE_COUNT_RETRY_MS = 100
};

static const char *const node_scope = "dapr.runtime.wfengine";

static struct pawl_node *node_of(const struct pawl_partition *partition) {
    return partition->data;
}

bool pawl__node_is_sibling(const struct pawl_node *node, uint32_t number) {
    return node->options.sibling && !pawl__sibling_has(node->options.sibling, number);
}

// --- its partitions -----------------------------------------------------------------------------

static void node_on_ready(struct pawl_partition *partition, bool ready,
                          const struct pawl_error *reason) {
    pawl__node_check_ready(node_of(partition), reason);
}

static void node_on_given(struct pawl_partition *partition) {
    struct pawl_node *node = node_of(partition);
    pawl__node_check_ready(node, NULL);
    if (!node->closing) pawl__node_look(node);
}

static void node_on_posted(struct pawl_partition *partition, uint32_t number) {
    struct pawl_node *node = node_of(partition);
    if (number < node->count && pawl__partition_serves(&node->partitions[number])) {
        pawl__mailbox_ring(&node->partitions[number].mailbox);
        return;
    }
    if (pawl__node_is_sibling(node, number)) {
        pawl__sibling_ring(node->options.sibling, number);
        return;
    }
    const struct pawl_member *other = pawl__node_other(node, number);
    if (other) pawl__bell_mail(&node->bell, other->address, number);
}

static void node_on_closed(struct pawl_partition *partition);

static const struct pawl_partition_host node_partition_host = {
    .ready = node_on_ready,
    .given = node_on_given,
    .elsewhere = pawl__node_elsewhere,
    .posted = node_on_posted,
    .closed = node_on_closed,
};

// Makes partitions of |count| shards. PAWL_E_NOMEM.
static enum pawl_err node_open(struct pawl_node *node, uint32_t count) {
    node->partitions = calloc(count, sizeof *node->partitions);
    if (!node->partitions) return PAWL_E_NOMEM;
    node->count = node->open = count;
    for (uint32_t i = 0; i < count; i++) {
        node->partitions[i].data = node;
        const struct pawl_partition_place place = {
            .app = pawl__str(node->store_name),
            .outbox = pawl__str(node->outbox),
            .received = pawl__str(node->received),
            .owner = pawl__str(node->owner),
            .number = i,
            .count = count,
            .apps = node->apps.finder ? &node->apps : NULL,
            .abroad = &node->abroad,
        };
        pawl__partition_init(&node->partitions[i], node->storage, &node->dispatch, &node->options,
                             &place, &node_partition_host);
    }
    if (node->shares) {
        pawl__node_look(node);
        return PAWL_OK;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!pawl__node_is_sibling(node, i)) pawl__partition_take(&node->partitions[i], false);
    pawl__node_unpark(node);
    return PAWL_OK;
}

static void node_run_count(struct pawl_job *job) {
    struct pawl_node *node = PAWL_CONTAINER(job, struct pawl_node, count_job);
    struct pawl_store *store = node->storage->store;
    pawl__error_clear(&node->count_error);
    node->count_error.code =
        store->ops->shards(store, pawl__str(node->store_name), node->options.shards, &node->counted,
                           &node->count_error);
}

static void node_finish_close(struct pawl_node *node);

static void node_on_counted(struct pawl_job *job) {
    struct pawl_node *node = PAWL_CONTAINER(job, struct pawl_node, count_job);
    node->counting = false;
    node->storage->leasing--;
    if (node->closing) {
        node_finish_close(node);
        return;
    }
    if (!node->count_error.code && node_open(node, node->counted))
        pawl__fail_plain(&node->count_error, PAWL_E_NOMEM);
    if (!node->count_error.code) return;
    pawl__log(node->options.log, PAWL_LOG_ERROR, node_scope,
              "the workflows of app '%s' cannot be taken yet, will try again: %s", node->app_id,
              node->count_error.text);
    pawl__node_check_ready(node, &node->count_error);
    pawl__node_look_later(node, NODE_COUNT_RETRY_MS);
}

// Asks the store how many shards the app has.
void pawl__node_count_shards(struct pawl_node *node) {
    if (node->counting) return;
    node->counting = true;
    node->storage->leasing++; // it uses the writer's thread
    node->count_job = (struct pawl_job){.run = node_run_count, .done = node_on_counted};
    pawl__jobs_submit(&node->storage->writer, &node->count_job);
}

// --- life ---------------------------------------------------------------------------------------

static void node_free(struct pawl_node *node) {
    while (pawl__list_take(&node->away)) {
    } // their callers end them
    pawl__asker_finish(&node->asker);
    pawl__divider_finish(&node->divider);
    pawl__borrower_finish(&node->borrower);
    pawl__lend_finish(&node->lend);
    pawl__guests_finish(&node->guests);
    pawl__abroad_finish(&node->abroad);
    pawl__dispatch_finish(&node->dispatch);
    pawl__ceilings_destroy(node->ceilings);
    pawl__apps_finish(&node->apps);
    free(node->partitions);
    free(node->app_id);
    free(node->namespace);
    free(node->store_name);
    free(node->outbox);
    free(node->received);
    free(node->owner);
    free(node);
}

static void node_on_part_closed(struct pawl_node *node) {
    if (--node->handles) return;
    void (*closed)(void *) = node->closed;
    void *arg = node->closed_arg;
    node_free(node);
    closed(arg);
}

static void node_on_handle_closed(uv_handle_t *handle) {
    node_on_part_closed(handle->data);
}

static void node_on_asker_closed(uv_handle_t *handle) {
    const struct pawl_asker *asker = handle->data;
    node_on_part_closed(asker->arg);
}

static void node_on_apps_closed(struct pawl_apps *apps) {
    node_on_part_closed(PAWL_CONTAINER(apps, struct pawl_node, apps));
}

static void node_finish_close(struct pawl_node *node) {
    node->handles = 5;
    node->lend.timer.data = node;
    uv_close((uv_handle_t *)&node->lend.timer, node_on_handle_closed);
    uv_close((uv_handle_t *)&node->asker.timer, node_on_asker_closed);
    uv_close((uv_handle_t *)&node->pulse, node_on_handle_closed);
    uv_close((uv_handle_t *)&node->look, node_on_handle_closed);
    pawl__apps_close(&node->apps, node_on_apps_closed);
}

static void node_on_left(struct pawl_members *members) {
    node_finish_close(PAWL_CONTAINER(members, struct pawl_node, members));
}

static void node_on_closed(struct pawl_partition *partition) {
    struct pawl_node *node = node_of(partition);
    if (--node->open) return;
    if (node->shares)
        pawl__members_leave(&node->members, node_on_left);
    else
        node_finish_close(node);
}

void pawl__node_close(struct pawl_node *node, void (*closed)(void *arg), void *arg) {
    node->closing = true;
    node->ready = false;
    node->closed = closed;
    node->closed_arg = arg;
    uv_timer_stop(&node->pulse);
    uv_timer_stop(&node->look);
    if (node->options.sibling) pawl__sibling_part(node->options.sibling);
    pawl__node_fail_parked(node);
    pawl__abroad_stop(&node->abroad);
    pawl__asker_stop(&node->asker);
    pawl__astray_stop(&node->astray);
    pawl__borrower_stop(&node->borrower);
    pawl__lend_stop(&node->lend);
    pawl__bell_finish(&node->bell);
    pawl__apps_drop(&node->apps);
    for (uint32_t i = 0; i < node->count; i++) pawl__partition_close(&node->partitions[i]);
    if (!node->count && !node->counting) node_finish_close(node);
}

// --- for its siblings ---------------------------------------------------------------------------

static void node_on_crossed(void *arg, struct pawl_forwarded *forwarded) {
    pawl__node_serve(arg, forwarded);
}

static void node_on_rung(void *arg) {
    pawl__node_ring_all(arg);
}

static const struct pawl_sibling_host node_sibling_host = {.serve = node_on_crossed,
                                                           .rung = node_on_rung};

// --- for answers that go astray ------------------------------------------------------------------

static bool node_serves(void *arg, struct pawl_str id) {
    const struct pawl_node *node = arg;
    uint32_t shard = pawl__shard_of(id, node->count);
    return shard < node->count && pawl__partition_serves(&node->partitions[shard]);
}

static void node_on_astray(void *arg, struct pawl_call *call) {
    pawl__node_call(arg, call);
}

static const struct pawl_astray_host node_astray_host = {.serves = node_serves,
                                                         .call = node_on_astray};

// --- making -------------------------------------------------------------------------------------

// Copies "<a><separator><b>" to the heap.
static char *node_join(const char *a, const char *separator, const char *b) {
    struct pawl_buf text = {0};
    pawl__buf_format(&text, "%s%s%s", a, separator, b);
    char *copy = text.failed ? NULL : pawl__str_dup(pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

static const char *node_namespace(const char *given) {
    return given ? given : "default";
}

char *pawl__node_app(const char *namespace, const char *app_id) {
    return node_join(node_namespace(namespace), "/", app_id);
}

static bool node_name(struct pawl_node *node) {
    const struct pawl_node_options *options = &node->options;
    char self[80];
    uint32_t nonce;
    pawl__random(&nonce, sizeof nonce);
    snprintf(self, sizeof self, "process %d (%08x)", (int)getpid(), nonce);
    node->app_id = pawl__str_dup(pawl__str(options->app_id));
    node->namespace = pawl__str_dup(pawl__str(node_namespace(options->namespace)));
    node->store_name = pawl__node_app(options->namespace, options->app_id);
    node->outbox = node_join("to other apps", "/", node->store_name ? node->store_name : "");
    node->received = node_join("from other apps", "/", node->store_name ? node->store_name : "");
    node->owner = node_join(self, " of app ", options->app_id);
    return node->app_id && node->namespace && node->store_name && node->outbox && node->received &&
           node->owner;
}

// Those that have to do with workers.
static void node_init_parts(struct pawl_node *node, const struct pawl_node_options *options) {
    struct pawl_peers *peers = node->shares ? options->peers : NULL;
    pawl__dispatch_init(&node->dispatch, options, node->ceilings);
    pawl__abroad_init(&node->abroad, &node->apps, options);
    pawl__guests_init(&node->guests, &node->dispatch);
    pawl__bell_init(&node->bell, peers, options->address);
    pawl__divider_init(&node->divider, &node->members, &node->asker, &node->bell, options->log);
    pawl__lend_init(&node->lend, &node->dispatch, &node->members, &node->bell, options->log);
    pawl__borrower_init(&node->borrower, &node->dispatch, peers, node->owner, options->address,
                        options->log);
    node->astray = (struct pawl_astray){.items = &node->borrower.items,
                                        .members = &node->members,
                                        .peers = options->peers,
                                        .app = node->app_id,
                                        .namespace = node->namespace,
                                        .host = &node_astray_host,
                                        .arg = node};
    pawl__astray_init(&node->astray);
}

enum pawl_err pawl__node_create(struct pawl_storage *storage,
                                const struct pawl_node_options *options, struct pawl_node **out,
                                struct pawl_error *error) {
    struct pawl_node *node = calloc(1, sizeof *node);
    if (!node) return pawl__fail_plain(error, PAWL_E_NOMEM);
    node->options = *options;
    pawl__link_init(&node->away);
    bool shares = options->address && (storage->store->caps.shared || storage->shared);
    if (!node_name(node) ||
        pawl__ceilings_create(options->ceilings, options->ceiling_count, shares, &node->ceilings)) {
        node_init_parts(node, options);
        node_free(node);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    struct pawl_node_options *own = &node->options;
    own->app_id = node->app_id;
    own->namespace = node->namespace;
    if (!own->checkpoint_interval) own->checkpoint_interval = 5 * PAWL_SECOND;
    if (!own->checkpoint_bytes) own->checkpoint_bytes = 4u << 20;
    if (!own->resting_bytes) own->resting_bytes = 4u << 20;
    if (!own->id_page) own->id_page = 1024;
    if (!own->max_message) own->max_message = 4u << 20;
    if (!own->shards) own->shards = 1;
    if (!own->lease) own->lease = PAWL_LEASE_TTL;
    node->storage = storage;
    node->shares = shares;
    if (node->ceilings && node->shares) {
        node->ceilings->counted_until = &node->members.told_until;
        node->ceilings->lapses = &node->members.lapses;
    }
    pawl__link_init(&node->parked);
    pawl__apps_init(&node->apps, storage->loop, options->finder, options->peers, node->app_id,
                    node->namespace);
    node_init_parts(node, own);
    pawl__members_init(&node->members, storage, pawl__str(node->store_name), pawl__str(node->owner),
                       pawl__str(options->address ? options->address : ""), own->max_message,
                       own->lease, pawl__node_on_seen);
    pawl__asker_init(&node->asker, storage->loop, &node->dispatch, &node->members, pawl__node_ask,
                     node);
    pawl__lend_open(&node->lend, storage->loop);
    pawl__node_watch(node);
    if (own->sibling) pawl__sibling_join(own->sibling, &node_sibling_host, node);
    pawl__node_count_shards(node);
    *out = node;
    return PAWL_OK;
}
