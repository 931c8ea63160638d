#ifndef PAWL_TESTS_UNIT_RUNTIME_CROSSING_H
#define PAWL_TESTS_UNIT_RUNTIME_CROSSING_H

// What the files of pawl-crossing share: crossing.c is the world, crossing_turns.c what its
// workflows do, crossing_seen.c what the stores are told of that.

#include "fleet.h"
#include "worlds.h"

enum {
    DAEMONS = 3,
    NEAR = 0, // the daemon of near; the others are far's
    SHARDS = 4,
    WORKERS = 4, // of each daemon, and one of far for near's activities
    ABROAD = 3,
    PARENTS = 24,
    COLLECTORS = 4,
    TAKEN = 4, // ids that are taken in far; each is asked for by one parent
    ITEMS = 64,
    CALLS = 4096,
    TROUBLE_MS = 4000,
    CALM_SECONDS = 40
};

enum crossing_kind {
    PLAIN,      // a child and an activity; it ends when both have
    REFUSED,    // a child whose id "t<m>" is taken, by one that ends some time
    TERMINATED, // a child that waits; a client ends both
    PURGED,     // as PLAIN; then a client purges it with its child
    STOPS,      // a detached one that waits, and that it terminates at once
    NESTED,     // a child that calls a child of near
    KINDS
};

// "p<n>" and what follows it; false: it is none.
bool is_parent(const char *id, int *parent, const char **rest);

void *crossing_new(struct kit *kit, const ProtobufCMessageDescriptor *type);

// --- crossing_turns.c ---------------------------------------------------------------------------

// What a turn does: 'b' begins, 'e' ends, 'x' ends as it was terminated, '-' nothing.
char crossing_decide(const Pb__WorkflowRequest *turn);

enum {
    ACTIONS_MOST = 8
};

// The actions of a turn of |id| that does |act|; how many they are.
size_t crossing_actions(struct kit *kit, const char *id, char act,
                        Pb__WorkflowAction *out[ACTIONS_MOST]);

// --- crossing_seen.c ----------------------------------------------------------------------------

// What the stores have been told, under |mutex|: they have threads of their own.
struct crossing_seen {
    uv_mutex_t mutex;
    unsigned children[PARENTS], nested[PARENTS], detached[PARENTS], purges[PARENTS];
    unsigned events[PARENTS], ends[PARENTS], stops[PARENTS], taken[TAKEN];
};

// Notes what a commit that was done has brought; ends the program when it may not have.
void seen_commit(struct crossing_seen *seen, const struct pawl_commit *commit);

// One of the counts.
unsigned seen_count(struct crossing_seen *seen, const unsigned *count);

#endif
