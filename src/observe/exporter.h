#ifndef PAWL_OBSERVE_EXPORTER_H
#define PAWL_OBSERVE_EXPORTER_H

// Sends spans to a sink, on a thread of its own:
//
//   add ──► queue, bounded ──► batches ──► sink: encodes and sends, as often as it takes
//
// Adding never waits. When the sink does not keep up the queue fills; spans that do not fit are
// dropped and counted.

#include "base/err.h"
#include "base/log.h"
#include "observe/span.h"

// Where spans go. Each kind has a file of its own; all but |hurry| is called by one thread.
struct pawl_sink {
    char *name; // for the log: "Zipkin at http://..."; on the heap
    // PAWL_E_UNAVAILABLE: the same spans are given again. Any other error: they are lost.
    enum pawl_err (*send)(struct pawl_sink *sink, struct pawl_span *const *spans, size_t count,
                          struct pawl_error *error);
    // From any thread: a send that runs has to end by |until| (steady). NULL: it never takes long.
    void (*hurry)(struct pawl_sink *sink, int64_t until);
    void (*destroy)(struct pawl_sink *sink);
};

enum {
    PAWL_EXPORTER_BATCH = 512,         // spans given to a sink at once
    PAWL_EXPORTER_QUEUE = 16384,       // spans that may wait
    PAWL_EXPORTER_BYTES = 32 * 1048576 // bytes of them
};

struct pawl_exporter;

// |sink| belongs to the exporter from now on, also when NULL is returned: no memory or no thread.
struct pawl_exporter *pawl__exporter_create(struct pawl_sink *sink, const struct pawl_log *log);

// Queues a copy of |span|. On any thread.
void pawl__exporter_add(struct pawl_exporter *exporter, const struct pawl_span *span);

struct pawl_exporter_counts {
    uint64_t sent, dropped, failed; // spans; failed: the sink refused them
    size_t queued;
};
struct pawl_exporter_counts pawl__exporter_counts(struct pawl_exporter *exporter);
const char *pawl__exporter_name(const struct pawl_exporter *exporter);

// Sends the queued spans, for up to |patience| nanoseconds, and frees the exporter. A sink that was
// down before is tried once more only. The log says how many could not be sent.
void pawl__exporter_close(struct pawl_exporter *exporter, int64_t patience);

#endif
