#ifndef PAWL_CLI_TRACING_H
#define PAWL_CLI_TRACING_H

#include "config/tracing.h"
#include "observe/tracer.h"

// Sets |tracer| up as |tracing| says, for the app |app_id|. |*on|: there is a place for spans to go
// to, and some are kept; only then the tracer has to be finished, by pawl__tracing_close.
enum pawl_err pawl__tracing_open(const struct pawl_tracing *tracing, const char *app_id,
                                 const struct pawl_log *log, struct pawl_tracer *tracer, bool *on,
                                 struct pawl_error *error);

// What would keep pawl__tracing_open from it, such as an address that is none.
enum pawl_err pawl__tracing_check(const struct pawl_tracing *tracing, const char *app_id,
                                  const struct pawl_log *log, struct pawl_error *error);

// What this daemon says of itself to receivers, for free(); NULL when memory is out.
struct pawl_resource *pawl__tracing_resource(const struct pawl_tracing *tracing,
                                             const char *app_id);

// The same of where they are.
struct pawl_otlp_options pawl__tracing_otlp(const struct pawl_otlp_config *config);

// Sends what is queued.
void pawl__tracing_close(struct pawl_tracer *tracer);

#endif
