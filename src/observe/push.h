#ifndef PAWL_OBSERVE_PUSH_H
#define PAWL_OBSERVE_PUSH_H

// Sends metrics to an OTLP receiver, on a thread of its own. Giving a body never waits. Memory is
// bounded: at most one body is being sent and one waits. Values are cumulative, so a newer body
// replaces the one that waits.

#include "base/log.h"
#include "observe/sinks.h"

struct pawl_push;

// All is copied but |log|. PAWL_E_INVALID: the endpoint cannot be used. PAWL_E_NOMEM.
enum pawl_err pawl__push_create(const struct pawl_otlp_options *options,
                                const struct pawl_resource *resource, const struct pawl_log *log,
                                struct pawl_push **out, struct pawl_error *error);

// Takes over |metrics|, written with PAWL_SCRAPE_OTLP, and leaves it empty.
void pawl__push_give(struct pawl_push *push, struct pawl_buf *metrics);

struct pawl_push_counts {
    uint64_t sent, replaced, failed; // bodies; replaced: a newer one came first
};
struct pawl_push_counts pawl__push_counts(struct pawl_push *push);
const char *pawl__push_name(const struct pawl_push *push); // for the log

// Sends the waiting body, for up to |patience| nanoseconds, and frees |push|.
void pawl__push_close(struct pawl_push *push, int64_t patience);

#endif
