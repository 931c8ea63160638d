#ifndef PAWL_TESTS_UNIT_RUNTIME_FLEET_H
#define PAWL_TESTS_UNIT_RUNTIME_FLEET_H

// Several daemons in one process, with a network between them that can be cut and can lose answers:
// of one app on one store, or of several, each with a store of its own.

#include "kit.h"

enum {
    FLEET_MOST = 3
};

struct fleet {
    struct kit kits[FLEET_MOST];
    struct fleet_end {
        struct pawl_peers peers;
        struct fleet *fleet;
        char address[16];
        bool cut;   // nothing comes or goes
        bool stops; // it does nothing, and its connections stay
    } ends[FLEET_MOST];
    int count;
    const char *apps[FLEET_MOST];     // that the daemons are of, in their order; NULL: "app"
    const struct pawl_finder *finder; // of other apps' daemons, which are at "n<number>"
    struct pawl_retention retention;  // of all but the first
    int64_t lease;                    // of each, nanoseconds; 0: the default
    bool is_server;                   // each store; see struct kit
    size_t max_message[FLEET_MOST];   // bytes that workers of each take; 0: the default
    struct pawl_link letters;         // on their way
    enum pawl_verb_kind lose;         // the next answer to such a call is lost; LOCAL: none is
    unsigned lost;
    bool holds;                               // answers stay on their way
    bool absent;                              // nobody is there to whom something is on its way
    unsigned sent[PAWL_VERB_QUOTA + 1];       // by kind, in all
    const struct pawl_ceiling_rule *ceilings; // of the app
    size_t ceiling_count;
    void (*committed)(void *fleet, const struct pawl_commit *commit);       // see struct gate
    void (*served)(struct fleet *fleet, const struct pawl_forwarded *call); // it arrives
    // What becomes of a call of |kind| on its way; NULL: nothing happens to any.
    enum fleet_fate {
        FLEET_ARRIVES,
        FLEET_LATE,      // it is looked at again in the next step
        FLEET_LOST,      // the other end does not see it
        FLEET_TWICE,     // a copy of it arrives before it
        FLEET_AGAIN,     // a copy of it arrives long after it
        FLEET_UNHEARD,   // it is answered, and has no effect: a bell
        FLEET_UNANSWERED // it arrives, and its answer is lost
    } (*fate)(struct fleet *fleet, enum pawl_verb_kind kind);
};

// |fleet| is zero, but for what it is to do. |count| daemons share |shards| shards; of several
// apps, the daemons of each do. Each has a worker of |workers| before it opens. Returns when each
// has its share.
void fleet_init(struct fleet *fleet, int count, uint32_t shards, struct worker *workers);
void fleet_finish(struct fleet *fleet); // some may have closed

// Spins all until |condition| holds.
#define FLEET_UNTIL(fleet, condition) UNTIL(&(fleet)->kits[0], condition)

// Lets all daemons that do not stop do what they have to do.
void fleet_step(struct fleet *fleet);

// How many shards daemon |at| serves.
unsigned fleet_serves(const struct fleet *fleet, int at);

// "<prefix><n>": the |nth| such id whose shard daemon |at| serves. In the kit's arena.
const char *fleet_id(struct fleet *fleet, int at, const char *prefix, int nth);

// Whether all calls are where they are waited for: none is on its way there or back.
bool fleet_is_quiet(const struct fleet *fleet);

// Cuts daemon |at| off, or lets it take part again.
void fleet_cut(struct fleet *fleet, int at, bool cut);

#endif
