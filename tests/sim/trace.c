#include <stdarg.h>
#include <string.h>

#include "sim.h"

// Whether what happens to |id| is about |about|: the same, its children, its detached workflow.
static bool trace_is_about(const char *id, const char *about) {
    size_t len = strcspn(about, ":-");
    return !id || !*id || (strncmp(id, about, len) == 0 && (!id[len] || strchr(":-", id[len])));
}

void sim_trace(const char *id, const char *format, ...) {
    if (!sim.options.trace) return;
    if (sim.options.about && !trace_is_about(id, sim.options.about)) return;
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%8lu %14.6f  ", sim.step, (double)sim.now / 1e6);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void sim_fail(const char *invariant, const char *id, const char *format, ...) {
    if (sim.failed) return;
    sim.failed = true;
    struct sim_failure *failure = &sim.failure;
    failure->step = sim.step;
    snprintf(failure->invariant, sizeof failure->invariant, "%s", invariant);
    snprintf(failure->id, sizeof failure->id, "%s", id ? id : "");
    va_list args;
    va_start(args, format);
    vsnprintf(failure->text, sizeof failure->text, format, args);
    va_end(args);
    sim_trace(NULL, "FAILED: %s: %s%s%s", invariant, failure->id, id ? ": " : "", failure->text);
}
