#ifndef PAWL_BASE_LOG_H
#define PAWL_BASE_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "pawl/common.h"

// Log lines in Dapr's form: logfmt, or JSON with the same keys (time, level, msg, app_id, instance,
// scope, type, ver).

// Where lines go and what stands in each of them. The strings belong to the caller and outlive
// the log. A NULL log is silent.
struct pawl_log {
    FILE *out;
    enum pawl_log_level level; // lines below it are dropped
    bool json;
    const char *app_id;
    const char *host;
    const char *version;
    // Takes the lines instead of |out|; NULL: none does.
    void (*write)(void *arg, enum pawl_log_level level, const char *line);
    void *arg;
};

// Writes one line with one write call, so that lines of threads and processes do not mix. |scope|
// is the part of the program that speaks, for example "pawl.runtime".
void pawl__log(const struct pawl_log *log, enum pawl_log_level level, const char *scope,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

// A value of a line beside what stands in each.
struct pawl_log_field {
    const char *key;
    const char *value; // NULL: the field is left out
    bool is_number;
};

enum {
    PAWL_LOG_FIELDS = 6 // of one line, at most
};

// Writes a line with the first |count| of |fields|. Who takes lines instead gets the message only.
void pawl__log_with(const struct pawl_log *log, enum pawl_log_level level, const char *scope,
                    const char *message, const struct pawl_log_field *fields, size_t count);

// debug, info, warn, error or fatal (any case). False when |name| is none of them.
bool pawl__log_level_parse(const char *name, enum pawl_log_level *out);

#endif
