#ifndef PAWL_RUNTIME_CEILINGS_H
#define PAWL_RUNTIME_CEILINGS_H

// How many turns and activities of an app may be with workers at once in all of its daemons
// together: of all names, and of one (reference 3.17).
//
// Each daemon may have out what its quota says, and the quotas of all daemons are never more than
// the limit together: quotas.h says why. A daemon that shares the app with nobody has all of it.
//
// An item is out from when a worker is given it until the worker has answered, or its stream has
// ended. It stays out when its shard goes to another daemon, as the worker still works on it. A
// lent item is out at the daemon of its shard; an item of another app at the worker's daemon.

#include "base/map.h"
#include "runtime/options.h"

struct pawl_ceiling {
    struct pawl_str name; // of a workflow or activity; empty: all of them
    bool turn;
    uint32_t most;    // in all daemons
    uint32_t quota;   // of this one
    uint32_t out;     // that are with workers; more than |quota| after that was lowered
    uint32_t peak;    // of |out| since |quota| was last looked at
    uint32_t lacking; // work that waits for quotas alone, of this one or of both that it is under
};

struct pawl_ceilings {
    struct pawl_ceiling *list;
    size_t count;
    struct pawl_ceiling *all[2]; // of activities, of turns; NULL: there is none
    struct pawl_map named[2];    // name -> struct pawl_ceiling
    // Steady: from then on others may take this daemon for dead, and its quota for free; so it
    // gives out nothing. NULL: never. How often it has been so, and how often that was heeded.
    const int64_t *counted_until;
    const unsigned *lapses;
    unsigned heeded;
};

// Those of |rules|, with nothing for this daemon if it |shares| the app, else with all. |*out| is
// NULL when there are none. PAWL_E_NOMEM.
enum pawl_err pawl__ceilings_create(const struct pawl_ceiling_rule *rules, size_t count,
                                    bool shares, struct pawl_ceilings **out);
void pawl__ceilings_destroy(struct pawl_ceilings *ceilings); // may be NULL

// The ceiling of one |name|; NULL: it has none.
struct pawl_ceiling *pawl__ceilings_find(const struct pawl_ceilings *ceilings, bool turn,
                                         struct pawl_str name);

// Whether one more may go out: of any name at all, if there are ceilings; of one.
bool pawl__ceilings_are_open(const struct pawl_ceilings *ceilings, bool turn);
static inline bool pawl__ceiling_is_open(const struct pawl_ceiling *ceiling) {
    return !ceiling || ceiling->out < ceiling->quota;
}

// One more, or one less, is out. |named|: of its name; NULL: that has none.
void pawl__ceilings_count(struct pawl_ceilings *ceilings, bool turn, struct pawl_ceiling *named,
                          bool given);

#endif
