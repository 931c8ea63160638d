#ifndef PAWL_RUNTIME_ABROAD_H
#define PAWL_RUNTIME_ABROAD_H

// Activities of this app's workflows that workers of other apps run. For each such app there is a
// dispatch of its own. Its workers are streams that daemons of the other app open to this one, and
// pass on to their own workers (guests.h):
//
//   activity ──► dispatch of the app ──► stream of its daemon ──► worker
//                    │ nobody is there                              │
//                    └──► invite: a call that asks it to open one   └──► the result, the same way
//
// So an activity runs at least once, and its result is acknowledged to the worker once the log here
// holds it.

#include "runtime/apps.h"
#include "runtime/dispatch.h"

struct pawl_abroad {
    struct pawl_apps *apps;
    const char *address; // where others reach this daemon; NULL: they do not
    struct pawl_node_options options;
    struct pawl_link list; // struct abroad_app
};

// |options| and what it points to outlive it.
void pawl__abroad_init(struct pawl_abroad *abroad, struct pawl_apps *apps,
                       const struct pawl_node_options *options);
void pawl__abroad_finish(struct pawl_abroad *abroad);

// The dispatch for |app|. NULL: memory is out.
struct pawl_dispatch *pawl__abroad_dispatch(struct pawl_abroad *abroad, struct pawl_str app);

// Makes |effect| of |home|, an activity that the log holds, ready, and takes its reference over.
void pawl__abroad_add(struct pawl_abroad *abroad, struct pawl_residency *home,
                      struct pawl_effect effect);

// Gives out what is ready, and invites those whose app has no stream here.
void pawl__abroad_pump(struct pawl_abroad *abroad);

// The same, every second; and see pawl__dispatch_unpark.
void pawl__abroad_pulse(struct pawl_abroad *abroad);

// As those of dispatch.h, for all apps.
void pawl__abroad_forget(struct pawl_abroad *abroad, const struct pawl_residency *home);
void pawl__abroad_reset(struct pawl_abroad *abroad);

// Sends no more invitations, and forgets those under way.
void pawl__abroad_stop(struct pawl_abroad *abroad);

#endif
