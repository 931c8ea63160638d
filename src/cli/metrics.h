#ifndef PAWL_CLI_METRICS_H
#define PAWL_CLI_METRICS_H

// A daemon's metrics: the meters that hang on its parts, the port at which they are read, and where
// they are sent.
//
// All of it is on the daemon's loop: who reads stops the clock for nobody, and needs no lock. What
// the store has to count for it is counted on the store's thread, and waited for a moment. On
// several loops each has its own meters, and the first one has the port: a round (siblings.h) goes
// from loop to loop and adds them up. A last one, where metrics are sent, waits at each loop until
// that has served its last request; and the loop goes on to its end when that has been there.

#include "api/scrape.h"
#include "cli/address.h"
#include "config/configuration.h"
#include "net/server.h"
#include "observe/collection.h"
#include "runtime/siblings.h"

struct pawl_metrics_options {
    const char *app_id;
    const char *namespace; // "": none was set
    const struct pawl_addresses *listen_addresses;
    int port;      // 0: any free one
    bool any_port; // a free one if |port| is in use
    const struct pawl_log *log;
};

struct pawl_metrics {
    struct pawl_metrics_options options;
    const struct pawl_configuration *config;
    uv_loop_t *loop;
    struct pawl_buckets sizes, ratios, times, groups;
    struct pawl_workflow_meter workflows;
    struct pawl_operation_meters operations;
    struct pawl_request_meter requests;
    struct pawl_loop_meter loop_meter;
    struct pawl_census census;
    struct pawl_scrape_source source;
    struct pawl_relabel relabel;
    struct pawl_server *server;
    struct pawl_link waiting;     // requests, for the census or the round
    struct pawl_sibling *sibling; // this loop, of several; NULL: it is the only one
    struct {
        struct pawl_round round;
        struct pawl_collection all;
        bool is_out, is_last;
    } gathering;                // what this loop sends round, where it is the first
    struct pawl_round *visitor; // that is here, and waits for the census, or for the end
    uv_timer_t patience;        // with it
    uv_timer_t beat;            // by which the loop's lag is seen
    struct pawl_push *push;     // NULL: nobody is sent them
    uv_timer_t pushing;         // with it
    bool push_waits, ending;    // for the census
    int64_t beaten_at;          // steady
    int64_t born;               // wall
    int handles;
    void (*closed)(void *arg);
    void *arg;
};

// Before the parts of the daemon are there: |observer| is NULL, or another that they are to have.
// |loop| is configured for it. |config| outlives the metrics. PAWL_E_NOMEM.
enum pawl_err pawl__metrics_init(struct pawl_metrics *metrics, uv_loop_t *loop,
                                 const struct pawl_metrics_options *options,
                                 const struct pawl_configuration *config, size_t max_message,
                                 struct pawl_observer *observer, struct pawl_error *error);

// Looks at the meters of |storage| from now on. |metrics| NULL: nobody does any more.
void pawl__metrics_watch(const struct pawl_metrics *metrics, struct pawl_storage *storage);

// Once all parts are there; |tracer| may be NULL. |neighbours| NULL: there is one loop.
void pawl__metrics_begin(struct pawl_metrics *metrics, struct pawl_node *node,
                         const struct pawl_api_stores *stores, const struct pawl_tracer *tracer,
                         const struct pawl_neighbours *neighbours);

// Adds what is counted here to |round|, which another loop has sent, and sends it on.
void pawl__metrics_visit(struct pawl_metrics *metrics, struct pawl_round *round);

// Opens the port, after that, and begins to send. Errors as of pawl__server_listen, and
// PAWL_E_INVALID: the environment names a receiver that cannot be used.
enum pawl_err pawl__metrics_serve(struct pawl_metrics *metrics, struct pawl_error *error);

// Closes the port, sends all for the last time, and calls |closed|; the meters stay, as the parts
// still feed them.
void pawl__metrics_close(struct pawl_metrics *metrics, void (*closed)(void *arg), void *arg);

// After the parts have gone.
void pawl__metrics_finish(struct pawl_metrics *metrics);

#endif
