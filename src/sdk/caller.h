#ifndef PAWL_SDK_CALLER_H
#define PAWL_SDK_CALLER_H

// The history of the caller that came with a call (reference 3.14).

#include <pawl.h>

#include "base/arena.h"
#include "history_events.pb-c.h"

// A struct pawl_caller, and the events that it was made of.
struct pawl_caller_events {
    struct pawl_caller caller;
    const Pb__HistoryEvent **events;
    size_t count;
};

// Fills |*out|, in |arena|, with the caller that |history| (may be NULL) describes; NULL: it
// describes none. PAWL_E_INVALID: it cannot be read; the error names the |what| |name|.
// PAWL_E_NOMEM.
enum pawl_err pawl__caller_read(struct pawl_arena *arena, const Pb__PropagatedHistory *history,
                                const char *what, const char *name, const struct pawl_caller **out);

#endif
