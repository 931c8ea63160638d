#ifndef PAWL_CLI_LOOPS_H
#define PAWL_CLI_LOOPS_H

// The further loops of a daemon: each is a thread with an inside of its own (inside.h).
//
//   first loop: ports, signals, files ─┬─ inside: connections ─ api ─ node ─┐
//      │ connections, in turn          │             calls, work            ├─► the stores
//      └──────────────► further loop ──┴─ inside: connections ─ api ─ node ─┘
//
// To the app each loop is a daemon: a member, which holds shards, and has workers of its own. So
// what daemons do for each other the loops do, too: they share the shards out, pass calls on to who
// has the shard, lend work to workers that are connected elsewhere, and divide the app's limits.
// Only the way is shorter (runtime/neighbours.h). For other processes each loop has a port of its
// own, at which what comes is for that loop; the daemon's ports are for all (net/server.h).
//
// They begin and end with the inside of the first loop; the threads, too.

#include "cli/inside.h"

struct pawl_daemon_loops;

struct pawl_daemon_loops_options {
    const struct pawl_daemon_options *daemon;
    struct pawl_inside *first;         // of the first loop; not begun
    struct pawl_daemon_stores *stores; // of the first loop; filled
    struct pawl_extended *extended;    // metadata that apps have set
    size_t count;                      // of all loops, at least 2
    // On the first loop:
    void (*shutdown)(void *arg, bool force); // asked for by a call
    void (*ended)(void *arg);                // the further ones have
    void *arg;
};

// Makes the further loops, which do not run yet, and adds to |start| what the first one has to know
// of them; |start->server| hands connections on from now on. PAWL_E_NOMEM, or as of
// pawl__server_listen; the process may only end then.
enum pawl_err pawl__daemon_loops_begin(const struct pawl_daemon_loops_options *options,
                                       struct pawl_inside_start *start,
                                       struct pawl_daemon_loops **out, struct pawl_error *error);

// Once the first one has begun. False: there are no threads.
bool pawl__daemon_loops_run(struct pawl_daemon_loops *loops);

// As pawl__inside_end, on the first loop, whose inside is to end as well: none ends without all.
void pawl__daemon_loops_end(struct pawl_daemon_loops *loops, const char *why, int64_t grace);

// Once the first one has ended, too. NULL: does nothing.
void pawl__daemon_loops_free(struct pawl_daemon_loops *loops);

#endif
