#ifndef PAWL_RUNTIME_SIBLINGS_H
#define PAWL_RUNTIME_SIBLINGS_H

// The loops of one process that serve an app together: each has a node of its own.
//
//   loop 0: node ─ shards 0, 2, 4 ─ storage ─┐
//     ▲ │ calls, bells                       ├──► one store (shared.h)
//     │ ▼                                    │
//   loop 1: node ─ shards 1, 3, 5 ─ storage ─┘
//
// Why a node for each loop, and not one node with its shards on several loops? A node is made of
// parts that point into each other: the dispatch has items of all shards, an effect goes from shard
// to dispatch to worker within one call. On several loops each of these steps would need a lock or
// a message. Between nodes there is little to say, and that little has words already, as daemons
// that share a store say it to each other: a call on a shard that another one has, and that there
// is mail.
//
// What is shared: the store, with its two threads; and this. Everything else belongs to one
// loop and is touched by its thread alone: node, partitions, engine, dispatch, storage, workers. So
// none of it has locks.
//
// Whose is what: shard N is served by the sibling N % count, for as long as the process lives. A
// store whose app has fewer shards than there are loops has nothing for the others.
//
// How a call crosses: as bytes, as to another daemon (forward.h), since its caller may give it up
// while the other loop works on it: |peers| takes the place of gRPC. It is put into the other
// loop's inbox, carried out by the node there, and its answer comes back by the inbox here. Who
// knows the shard (a program's own calls, by the instance's id) goes to its loop at once. A bell
// says that some box of the other loop has mail; rung twice before it is heard, it crosses once.
//
// Effects do not cross. Activities and turns of a shard go to the workers that are attached at its
// node; what shards tell each other goes through the store's mailbox, as between daemons.
//
// How it ends: nodes are closed independently. A call that crosses to a node that is closing fails
// with PAWL_E_UNAVAILABLE, as does one from there. The inboxes go last, when all nodes are closed:
// pawl__sibling_leave waits for that.

#include <stdatomic.h>

#include "runtime/forward.h"
#include "runtime/jobs.h"

struct pawl_siblings;

// What goes round the loops, from one to the next, and back to where it began: it gathers what
// belongs to each. Without a lock, as it is with one loop at a time. Its owner's memory.
struct pawl_round {
    enum {
        PAWL_ROUND_METERS,
        PAWL_ROUND_FIGURES
    } kind;
    void (*back)(struct pawl_round *round); // on the loop where it began
    struct pawl_job job;
    struct pawl_sibling *home, *at;
};

// The node of a loop.
struct pawl_sibling_host {
    // Carries out a call of another loop, as it would one of another daemon.
    void (*serve)(void *arg, struct pawl_forwarded *forwarded);
    void (*rung)(void *arg); // there may be mail for its shards
    // |round| is here. pawl__round_next sends it on, now or later, but before this host is gone.
    void (*visited)(void *arg, struct pawl_round *round);
};

// One of them. Belongs to its loop, but for what is put into |inbox|.
struct pawl_sibling {
    struct pawl_siblings *all;
    size_t index;
    struct pawl_jobs inbox;
    struct pawl_peers peers;              // whose addresses are the others' indexes
    const struct pawl_sibling_host *host; // NULL: there is no node yet, or it is closing
    void *host_arg;
    struct pawl_link out; // calls that have crossed from here, and are waited for
    size_t away;          // the same, and those that were given up and have not come back
    bool is_leaving;
    atomic_bool is_rung; // |bell| is on its way
    struct pawl_job bell, stop;
    void (*left)(void *arg);
    void *arg;
    uint64_t calls, bells; // that came from others
};

// Makes |count| of them, on the loops in |loops|, which do not run yet. PAWL_E_NOMEM.
enum pawl_err pawl__siblings_create(uv_loop_t *const *loops, size_t count,
                                    struct pawl_siblings **out, struct pawl_error *error);

struct pawl_sibling *pawl__siblings_at(struct pawl_siblings *siblings, size_t index);

// To be called once for each, on its loop or before that runs: with no node, or after that has
// closed. Calls |left| on the loop when all have left and the loop is free of it; the last one
// frees the memory.
void pawl__sibling_leave(struct pawl_sibling *sibling, void (*left)(void *arg), void *arg);

// --- for the node --------------------------------------------------------------------------------

// Whether the shard is this one's.
bool pawl__sibling_has(const struct pawl_sibling *sibling, uint32_t shard);

// Calls and bells of others come to |host| from now on.
void pawl__sibling_join(struct pawl_sibling *sibling, const struct pawl_sibling_host *host,
                        void *arg);

// They fail from now on; and what has crossed from here ends with PAWL_E_UNAVAILABLE.
void pawl__sibling_part(struct pawl_sibling *sibling);

// Begins |call| on a shard of another one; as pawl__forward_begin.
enum pawl_err pawl__sibling_forward(struct pawl_sibling *sibling, uint32_t shard,
                                    struct pawl_call *call, pawl_forward_failed_fn failed,
                                    void *arg);

// Says that there is mail for a shard of another one.
void pawl__sibling_ring(struct pawl_sibling *sibling, uint32_t shard);

// Sends |round| to the next loop after this one. Loops without a host are passed over.
void pawl__round_begin(struct pawl_sibling *sibling, struct pawl_round *round);
void pawl__round_next(struct pawl_round *round);

// --- for peers of several kinds ------------------------------------------------------------------

// Sends |forward| to the loop |index|, as |peers| does; ends it so that |done| is not called.
enum pawl_err pawl__sibling_send(struct pawl_sibling *sibling, size_t index,
                                 struct pawl_forward *forward);
void pawl__sibling_cancel(struct pawl_forward *forward);

#endif
