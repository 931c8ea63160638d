#ifndef PAWL_RUNTIME_NODE_H
#define PAWL_RUNTIME_NODE_H

// An app's workflows in this process, on an event loop: joins engine, store and clock, gives work
// to workers, and answers callers once the log holds what they asked for. docs/architecture.md
// draws its components.
//
// Everything here belongs to the loop's thread. On several loops an app has a node for each
// (siblings.h).

#include "runtime/abroad.h"
#include "runtime/asker.h"
#include "runtime/astray.h"
#include "runtime/borrow.h"
#include "runtime/dispatch.h"
#include "runtime/divider.h"
#include "runtime/forward.h"
#include "runtime/guests.h"
#include "runtime/lend.h"
#include "runtime/members.h"
#include "runtime/partition.h"
#include "runtime/results.h"
#include "runtime/search.h"
#include "runtime/verbs.h"

struct pawl_node {
    struct pawl_node_options options;
    char *app_id, *namespace, *store_name, *outbox, *received, *owner;
    struct pawl_storage *storage;
    struct pawl_ceilings *ceilings; // NULL: the app has none
    struct pawl_dispatch dispatch;
    struct pawl_apps apps;
    struct pawl_abroad abroad;
    struct pawl_guests guests;
    struct pawl_bell bell;
    struct pawl_lend lend;
    struct pawl_borrower borrower;
    struct pawl_astray astray;
    struct pawl_asker asker;           // if it shares
    struct pawl_divider divider;       // while it has the first shard
    struct pawl_partition *partitions; // by number
    uint32_t count;                    // of them; 0: it is not known yet
    uint32_t open;                     // that are not closed
    bool shares;                       // with other daemons
    struct pawl_members members;       // if it does
    int64_t worked_at;                 // when a worker was last here, steady
    struct pawl_link parked;           // calls, until it is known who serves their shards
    struct pawl_link away;             // struct pawl_forward: calls that others of the app serve
    bool ready, closing;
    bool leaving;       // its shards are for others, as after pawl__node_leave
    bool hastens;       // to look again, as shards are nobody's
    int64_t unheld_at;  // since when they are, steady; 0: they are not
    int64_t lacking_at; // since when nobody is known to serve a shard, steady; 0: all are served
    struct pawl_job count_job;
    struct pawl_error count_error;
    uint32_t counted; // what the store says
    bool counting;
    uv_timer_t pulse;       // every second
    uv_timer_t look;        // at the other daemons
    uint64_t pulse_commits; // of the storage at the last one
    int unserved;           // pulses for which work has waited with no worker there
    int handles;            // that are still open, at the end, with |apps| as one
    void (*closed)(void *arg);
    void *closed_arg;
};

// The app as stores know it, on the heap. |namespace| NULL: "default". NULL: memory is out.
char *pawl__node_app(const char *namespace, const char *app_id);

// Begins to take the app's shards in |storage|, which must outlive the node: all of them, or where
// daemons share, a part. What somebody else holds is tried again; calls answer PAWL_E_UNAVAILABLE
// meanwhile.
enum pawl_err pawl__node_create(struct pawl_storage *storage,
                                const struct pawl_node_options *options, struct pawl_node **out,
                                struct pawl_error *error);

// This process is about to end. Daemons that have workers get its shards now, and its calls go on
// there: those that are under way here may take a while yet, and pawl__node_close ends them.
void pawl__node_leave(struct pawl_node *node);

// Answers all open calls with PAWL_E_UNAVAILABLE, writes what is not yet written (snapshots too, so
// that the next start is quick), releases the shards, frees the node, and calls |closed|.
void pawl__node_close(struct pawl_node *node, void (*closed)(void *arg), void *arg);

// Whether calls on every shard can be served, here or by others.
static inline bool pawl__node_ready(const struct pawl_node *node) {
    return node->ready;
}

// Draws the id of a new instance, in a shard that is served here: so its start, and most of what
// comes after, need no other daemon. Where no shard is, or few of many, it may be of any.
void pawl__node_draw(const struct pawl_node *node, char out[PAWL_UUID_TEXT]);

// Begins a call, of any verb. Those of results.h are made for |node->dispatch|, at which workers
// are attached, too.
void pawl__node_call(struct pawl_node *node, struct pawl_call *call);

// Begins a call that another daemon forwarded. It fails with PAWL_E_HELD when its shard is not
// served here, or it is for another app.
void pawl__node_serve(struct pawl_node *node, struct pawl_forwarded *forwarded);

// Workers that are attached here, and at other daemons of the app.
size_t pawl__node_worker_count(const struct pawl_node *node);

// --- between node.c, node_watch.c and node_calls.c ----------------------------------------------

// Whether another loop of this process has shard |number|.
bool pawl__node_is_sibling(const struct pawl_node *node, uint32_t number);

// The daemon that has shard |number|, if it is another one; NULL: nobody is known.
const struct pawl_member *pawl__node_other(const struct pawl_node *node, uint32_t number);

// Asks the store how many shards the app has.
void pawl__node_count_shards(struct pawl_node *node);

// Begins to look at the other daemons, and at itself.
void pawl__node_watch(struct pawl_node *node);

// Tells whoever wants to know whether all shards are served; |reason|: why not, if it is known.
void pawl__node_check_ready(struct pawl_node *node, const struct pawl_error *reason);

// There may be mail for any shard.
void pawl__node_ring_all(struct pawl_node *node);

// What |members| has seen last is new.
void pawl__node_on_seen(struct pawl_members *members);

// Looks at who else serves the app, and who has which shard.
void pawl__node_look(struct pawl_node *node);
void pawl__node_look_later(struct pawl_node *node, uint64_t milliseconds);

// Looks soon at who has which shard. What is parked is then routed again.
void pawl__node_look_soon(struct pawl_node *node);

// Takes a call on a shard that |partition| does not serve. False: the partition keeps it.
bool pawl__node_elsewhere(struct pawl_partition *partition, struct pawl_call *call);

// Asks the daemon that divides the app's limits, for the asker. |arg| is the node.
void pawl__node_ask(void *arg, struct pawl_quota *verb);

// Calls may be with a daemon that has lost their shard, and may be stopped or cut off and never
// answer: sends them on to the one that has it now.
void pawl__node_follow(struct pawl_node *node);

// Routes what is parked once more.
void pawl__node_unpark(struct pawl_node *node);

// Answers what is parked, as the daemon ends.
void pawl__node_fail_parked(struct pawl_node *node);

#endif
