#include "observe/tracer.h"

#include "base/clock.h"

void pawl__tracer_init(struct pawl_tracer *tracer, double ratio, const struct pawl_log *log) {
    uint64_t seed;
    pawl__random(&seed, sizeof seed);
    *tracer = (struct pawl_tracer){.log = log};
    atomic_init(&tracer->next, seed);
    const double all = 9223372036854775808.0; // 2^63
    tracer->bound = ratio >= 1 ? (uint64_t)1 << 63 : ratio <= 0 ? 0 : (uint64_t)(ratio * all);
}

enum pawl_err pawl__tracer_add(struct pawl_tracer *tracer, struct pawl_sink *sink,
                               struct pawl_error *error) {
    struct pawl_exporter *exporter = pawl__exporter_create(sink, tracer->log);
    if (!exporter) return pawl__fail_plain(error, PAWL_E_NOMEM);
    tracer->exporters[tracer->exporter_count++] = exporter;
    return PAWL_OK;
}

void pawl__tracer_finish(struct pawl_tracer *tracer, int64_t patience) {
    int64_t until = pawl__clock_steady() + patience;
    for (size_t i = 0; i < tracer->exporter_count; i++) {
        int64_t left = until - pawl__clock_steady();
        pawl__exporter_close(tracer->exporters[i], left > 0 ? left : 0);
    }
    tracer->exporter_count = 0;
}

// SplitMix64 (Steele, Lea, Flood 2014): one atomic addition, and a seed that others cannot know.
static uint64_t tracer_number(struct pawl_tracer *tracer) {
    const uint64_t step = 0x9e3779b97f4a7c15u;
    uint64_t z = atomic_fetch_add_explicit(&tracer->next, step, memory_order_relaxed) + step;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return z ? z : 1;
}

struct pawl_trace pawl__tracer_begin(struct pawl_tracer *tracer, const struct pawl_trace *parent) {
    struct pawl_trace self = {.sampled = false};
    if (parent) {
        self = *parent;
    } else {
        uint64_t halves[2] = {0, tracer_number(tracer)};
        memcpy(self.id, halves, sizeof self.id);
        uint64_t last = 0;
        for (int i = 8; i < 16; i++) last = last << 8 | self.id[i];
        self.sampled = last >> 1 < tracer->bound;
        if (!self.sampled) return self; // most are not, and nobody looks at the rest of it
        halves[0] = tracer_number(tracer);
        memcpy(self.id, halves, sizeof *halves);
    }
    uint64_t span = tracer_number(tracer);
    memcpy(self.span, &span, sizeof self.span);
    return self;
}

void pawl__tracer_end(struct pawl_tracer *tracer, const struct pawl_span *span) {
    if (!span->self.sampled) return;
    for (size_t i = 0; i < tracer->exporter_count; i++)
        pawl__exporter_add(tracer->exporters[i], span);
}
