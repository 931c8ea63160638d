#ifndef PAWL_CLI_STORES_H
#define PAWL_CLI_STORES_H

// The state stores of a daemon: opened as its components say, and put into the set that the api
// sees (api/stores.h), which may be exchanged while it runs.
//
// All of it is on the loop's thread, but for opening, which blocks. On several loops each has a
// set, and they share the stores (runtime/shared.h).

#include "api/stores.h"
#include "cli/metrics.h"
#include "cli/settings.h"
#include "runtime/storage.h"

struct pawl_daemon_stores;

struct pawl_daemon_store {
    struct pawl_api_store api;
    struct pawl_storage storage;
    struct pawl_shared_store *shared;      // by the loops of the daemon; NULL: it has one loop
    const struct pawl_config_store *given; // what was said of it, in |settings|
    struct pawl_settings *settings;        // held
    struct pawl_buckets latency;           // of |api|, where somebody looks
    struct pawl_daemon_stores *owner;
};

struct pawl_daemon_stores {
    uv_loop_t *loop;
    const char *app_id;
    const struct pawl_log *log;
    bool is_shared;               // other loops join this set
    struct pawl_metrics *metrics; // that look at the stores; NULL: nobody does
    struct pawl_api_stores set;
    struct pawl_api_store *items[PAWL_CONFIG_STORES];                                   // of |set|
    struct pawl_api_resource secrets[PAWL_CONFIG_STORES], policies[PAWL_CONFIG_STORES]; // likewise
    struct pawl_settings *settings; // that say what is in it; held
    size_t open;                    // stores that are not closed
    void (*closed)(void *arg);
    void *arg;
};

void pawl__daemon_stores_init(struct pawl_daemon_stores *stores, uv_loop_t *loop,
                              const char *app_id, const struct pawl_log *log);

// Opens what |given| says. On any thread. Errors say which component named it.
enum pawl_err pawl__daemon_store_open(const struct pawl_daemon_stores *stores,
                                      const struct pawl_config_store *given,
                                      struct pawl_store **out, struct pawl_error *error);

// Whether |error|, of opening |given|, is to be passed over, as the component says; then it is
// told. On any thread.
bool pawl__daemon_store_ignores(const struct pawl_daemon_stores *stores,
                                const struct pawl_config_store *given,
                                const struct pawl_error *error);

// Has |metrics|, or nobody (NULL), look at all stores, and at those that come.
void pawl__daemon_stores_watch(struct pawl_daemon_stores *stores, struct pawl_metrics *metrics);

// Takes over |store|, which was opened as |given| of |settings| says: |*out| is held once, and not
// yet in the set. PAWL_E_NOMEM, after which |store| is closed.
enum pawl_err pawl__daemon_stores_add(struct pawl_daemon_stores *stores, struct pawl_store *store,
                                      struct pawl_settings *settings,
                                      const struct pawl_config_store *given,
                                      struct pawl_daemon_store **out, struct pawl_error *error);

// Opens all that |settings| say, and fills the empty set with it. It blocks. Errors are those of
// opening one and of pawl__daemon_stores_add; the set is empty then, and what was opened is closed
// as the loop runs.
enum pawl_err pawl__daemon_stores_begin(struct pawl_daemon_stores *stores,
                                        struct pawl_settings *settings, struct pawl_error *error);

// Fills an empty set with the stores of |from|, which |is_shared|, for another loop: each is served
// on both. Before that loop runs; |from|'s loop is the caller's. PAWL_E_NOMEM, as of
// pawl__daemon_stores_begin.
enum pawl_err pawl__daemon_stores_join(struct pawl_daemon_stores *stores,
                                       const struct pawl_daemon_stores *from,
                                       struct pawl_error *error);

// Makes |items|, and whatever else |settings| say, the set, and takes over the holds of |items|.
// Those of the set that was are let go.
void pawl__daemon_stores_put(struct pawl_daemon_stores *stores, struct pawl_settings *settings,
                             struct pawl_api_store *const *items, size_t count);

// Gives |items| back, which nobody has put into the set.
void pawl__daemon_stores_let_go(struct pawl_api_store *const *items, size_t count);

// The one that has the workflows; NULL: none does.
struct pawl_daemon_store *pawl__daemon_stores_of_workflows(const struct pawl_daemon_stores *stores);

// What was said of a store of the set.
static inline const struct pawl_config_store *
pawl__daemon_store_given(const struct pawl_api_store *store) {
    return PAWL_CONTAINER((struct pawl_api_store *)store, struct pawl_daemon_store, api)->given;
}

// Empties the set. Calls |closed| once the last store is closed.
void pawl__daemon_stores_close(struct pawl_daemon_stores *stores, void (*closed)(void *arg),
                               void *arg);

#endif
