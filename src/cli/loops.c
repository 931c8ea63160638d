#include "cli/loops.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/siblings.h"

struct further {
    struct pawl_daemon_loops *all;
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t end; // it is to end
    struct pawl_daemon_stores stores;
    struct pawl_inside inside;
};

struct pawl_daemon_loops {
    struct pawl_daemon_loops_options options;
    struct pawl_siblings *siblings;
    const char **addresses; // of all loops, as the next
    char (*texts)[320];
    uv_async_t attention; // on the first loop
    atomic_size_t running;
    atomic_bool asked, forced; // shutdown
    const char *why;           // they end; set before they are told to
    int64_t grace;
    size_t count; // of the further ones
    struct further *list[];
};

// --- on a further loop --------------------------------------------------------------------------

static void further_on_stores_closed(void *arg) {
    struct further *further = arg;
    uv_close((uv_handle_t *)&further->end, NULL);
}

static void further_on_ended(void *arg) {
    struct further *further = arg;
    pawl__daemon_stores_close(&further->stores, further_on_stores_closed, further);
}

static void further_on_end(uv_async_t *async) {
    struct further *further = async->data;
    pawl__inside_end(&further->inside, further->all->why, further->all->grace);
}

static void further_shutdown(void *arg, bool force) {
    struct further *further = arg;
    atomic_store(force ? &further->all->forced : &further->all->asked, true);
    uv_async_send(&further->all->attention);
}

static void further_run(void *arg) {
    struct further *further = arg;
    struct pawl_daemon_loops *all = further->all;
    uv_run(&further->loop, UV_RUN_DEFAULT);
    atomic_fetch_sub(&all->running, 1);
    uv_async_send(&all->attention);
}

// --- on the first loop ---------------------------------------------------------------------------

static void loops_on_closed(uv_handle_t *handle) {
    struct pawl_daemon_loops *loops = handle->data;
    loops->options.ended(loops->options.arg);
}

static void loops_on_attention(uv_async_t *async) {
    struct pawl_daemon_loops *loops = async->data;
    const struct pawl_daemon_loops_options *options = &loops->options;
    if (atomic_exchange(&loops->forced, false)) options->shutdown(options->arg, true);
    if (atomic_exchange(&loops->asked, false)) options->shutdown(options->arg, false);
    if (atomic_load(&loops->running) || uv_is_closing((uv_handle_t *)async)) return;
    for (size_t i = 0; i < loops->count; i++) {
        uv_thread_join(&loops->list[i]->thread);
        uv_loop_close(&loops->list[i]->loop);
    }
    uv_close((uv_handle_t *)async, loops_on_closed);
}

void pawl__daemon_loops_end(struct pawl_daemon_loops *loops, const char *why, int64_t grace) {
    loops->why = why;
    loops->grace = grace;
    for (size_t i = 0; i < loops->count; i++) uv_async_send(&loops->list[i]->end);
}

void pawl__daemon_loops_free(struct pawl_daemon_loops *loops) {
    if (!loops) return;
    for (size_t i = 0; i < loops->count; i++) free(loops->list[i]);
    free(loops->addresses);
    free(loops->texts);
    free(loops);
}

bool pawl__daemon_loops_run(struct pawl_daemon_loops *loops) {
    atomic_store(&loops->running, loops->count);
    for (size_t i = 0; i < loops->count; i++)
        if (uv_thread_create(&loops->list[i]->thread, further_run, loops->list[i])) return false;
    return true;
}

// --- making --------------------------------------------------------------------------------------

// NULL: memory is out.
static struct further *further_create(struct pawl_daemon_loops *loops) {
    struct further *further = calloc(1, sizeof *further);
    if (!further) return NULL;
    further->all = loops;
    if (uv_loop_init(&further->loop)) {
        free(further);
        return NULL;
    }
    uv_async_init(&further->loop, &further->end, further_on_end);
    further->end.data = further;
    const struct pawl_inside_options inside = {
        .daemon = loops->options.daemon,
        .loop = &further->loop,
        .stores = &further->stores,
        .extended = loops->options.extended,
        .shutdown = further_shutdown,
        .ended = further_on_ended,
        .arg = further,
    };
    pawl__daemon_stores_init(&further->stores, &further->loop, loops->options.daemon->app_id,
                             &loops->options.daemon->log);
    pawl__inside_init(&further->inside, &inside);
    return further;
}

static struct pawl_inside *loops_inside(struct pawl_daemon_loops *loops, size_t index) {
    return index ? &loops->list[index - 1]->inside : loops->options.first;
}

// Opens the port at which other processes reach the loop |index|.
static enum pawl_err loops_open_own(struct pawl_daemon_loops *loops, size_t index,
                                    struct pawl_server **own, struct pawl_error *error) {
    const struct pawl_daemon_options *options = loops->options.daemon;
    char *text = loops->texts[index];
    size_t size = sizeof loops->texts[index];
    enum pawl_err err = pawl__inside_create_server(loops_inside(loops, index), own, error);
    loops->addresses[index] = text;
    if (err) return err;
    if (options->unix_socket_dir) {
        snprintf(text, size, "unix:%s/dapr-%s-loop-%zu.socket", options->unix_socket_dir,
                 options->app_id, index);
        return pawl__server_listen_unix(*own, text + strlen("unix:"), error);
    }
    const struct pawl_addresses *addresses = options->listen_addresses;
    for (size_t i = 0; i < addresses->count; i++) {
        const char *item = addresses->items[i];
        int port = 0;
        err = pawl__server_listen(*own, pawl__address_host(item), &port, error);
        pawl__address_target(item, port, text, size);
        if (err != PAWL_E_NOT_FOUND) break; // else this machine has no such address
    }
    return err;
}

static enum pawl_err loops_begin_further(struct pawl_daemon_loops *loops, size_t index,
                                         const struct pawl_inside_start *first,
                                         struct pawl_server **server, struct pawl_error *error) {
    struct further *further = loops->list[index - 1];
    struct pawl_inside_start start = *first;
    start.sibling = pawl__siblings_at(loops->siblings, index);
    start.address = loops->texts[index];
    enum pawl_err err = pawl__daemon_stores_join(&further->stores, loops->options.stores, error);
    if (!err) err = pawl__inside_create_server(&further->inside, &start.server, error);
    if (!err) err = loops_open_own(loops, index, &start.own, error);
    *server = start.server;
    return err ? err : pawl__inside_begin(&further->inside, &start, error);
}

static enum pawl_err loops_create(const struct pawl_daemon_loops_options *options,
                                  struct pawl_daemon_loops **out) {
    size_t count = options->count - 1;
    struct pawl_daemon_loops *loops = calloc(1, sizeof *loops + count * sizeof *loops->list);
    if (!loops) return PAWL_E_NOMEM;
    *out = loops;
    loops->options = *options;
    loops->addresses = calloc(options->count, sizeof *loops->addresses);
    loops->texts = calloc(options->count, sizeof *loops->texts);
    if (!loops->addresses || !loops->texts) return PAWL_E_NOMEM;
    for (; loops->count < count; loops->count++)
        if (!(loops->list[loops->count] = further_create(loops))) return PAWL_E_NOMEM;
    loops->attention.data = loops;
    return uv_async_init(options->first->options.loop, &loops->attention, loops_on_attention)
               ? PAWL_E_NOMEM
               : PAWL_OK;
}

enum pawl_err pawl__daemon_loops_begin(const struct pawl_daemon_loops_options *options,
                                       struct pawl_inside_start *start,
                                       struct pawl_daemon_loops **out, struct pawl_error *error) {
    size_t count = options->count;
    struct pawl_server **servers = calloc(count, sizeof(struct pawl_server *));
    uv_loop_t **all = calloc(count, sizeof *all);
    struct pawl_daemon_loops *loops = NULL;
    enum pawl_err err = servers && all ? loops_create(options, &loops) : PAWL_E_NOMEM;
    if (err) pawl__fail_plain(error, err);
    for (size_t i = 0; !err && i < count; i++) all[i] = loops_inside(loops, i)->options.loop;
    if (!err) err = pawl__siblings_create(all, count, &loops->siblings, error);
    if (!err) {
        start->sibling = pawl__siblings_at(loops->siblings, 0);
        start->addresses = loops->addresses;
        start->count = count;
        start->address = loops->texts[0];
        err = loops_open_own(loops, 0, &start->own, error);
    }
    for (size_t i = 1; !err && i < count; i++)
        err = loops_begin_further(loops, i, start, &servers[i - 1], error);
    if (!err && pawl__server_spread(start->server, servers, count - 1))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    free(servers);
    free(all);
    *out = loops;
    return err;
}
