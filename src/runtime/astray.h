#ifndef PAWL_RUNTIME_ASTRAY_H
#define PAWL_RUNTIME_ASTRAY_H

// Answers of workers that came over another connection than their work did, and so perhaps to
// another loop or daemon. They go round the others until one has the work with a worker of its own:
//
//   worker ──answer──► this one: not mine ──► next: not mine (PAWL_E_HELD) ──► next: mine
//
// If nobody has it as a borrower, whoever has the shard of its instance answers: it gave it out
// itself, or the answer is late. An answer goes on when nobody waits for it any more, as it counts
// all the same.

#include "runtime/borrowed.h"
#include "runtime/neighbours.h"

struct pawl_astray_host {
    bool (*serves)(void *arg, struct pawl_str id); // this daemon has the shard of the instance |id|
    void (*call)(void *arg, struct pawl_call *call); // begins |call| here
};

struct pawl_astray {
    const struct pawl_borrowed_items *items;
    const struct pawl_members *members;
    struct pawl_peers *peers;
    const char *app, *namespace;
    const struct pawl_astray_host *host;
    void *arg;
    struct pawl_link answers; // struct astray_answer: those that go round
    bool stopped;
};

// Fills |astray|, but for what the caller has set above |answers|.
void pawl__astray_init(struct pawl_astray *astray);

// Fails those that go round. Takes no more.
void pawl__astray_stop(struct pawl_astray *astray);

// Takes |call| over, unless it is for this loop, or there are no others; |neighbours|: NULL on one
// loop. |bytes| is the encoded answer. It is done as it is where its work is, or here.
bool pawl__astray_takes(struct pawl_astray *astray, const struct pawl_neighbours *neighbours,
                        struct pawl_call *call, struct pawl_str bytes);

#endif
