#ifndef PAWL_CONFIG_FIELDS_H
#define PAWL_CONFIG_FIELDS_H

// The metadata of a state store's component, and how each type of store reads its own. Of this
// folder only.

#include "config/resource.h"
#include "config/stores.h"

enum {
    PAWL_COMPONENT_FIELDS = 64
};

// A component as its file has it, its values resolved.
struct pawl_component {
    const struct pawl_config_context *context;
    struct pawl_error *error; // where its errors go
    const struct pawl_yaml *document;
    const char *name, *type, *version, *origin;
    bool ignore_errors;
    struct pawl_component_field {
        const char *name, *value;
        const char *said; // the value, with names such as {uuid} as they stand
        int line;
    } fields[PAWL_COMPONENT_FIELDS];
    size_t field_count;
};

// Says what is wrong with the component, which is an error.
enum pawl_err pawl__component_fail(const struct pawl_component *component, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// The value of field |name| in any case, or of its |alias|, which may be NULL; the last one, as
// Dapr takes it. NULL: there is none.
const char *pawl__field(const struct pawl_component *component, const char *name,
                        const char *alias);

// The same, where an empty text is none.
const char *pawl__field_text(const struct pawl_component *component, const char *name,
                             const char *alias);

// Numbers and times; |*out| stays as it is when the field is not there.
enum pawl_err pawl__field_int(const struct pawl_component *component, const char *name,
                              int64_t least, int64_t most, int *out);
// Nanoseconds; a bare number counts seconds, as in Dapr's SQL stores.
enum pawl_err pawl__field_time(const struct pawl_component *component, const char *name,
                               const char *alias, int64_t *out);

// A field that asks for what is not served: an error, unless its value is |harmless|.
struct pawl_unserved_field {
    const char *name, *harmless, *why;
};
enum pawl_err pawl__fields_unserved(const struct pawl_component *component,
                                    const struct pawl_unserved_field *rows, size_t count);

// --- the types, each with the fields that it knows ----------------------------------------------

extern const char *const pawl__sqlite_fields[], *const pawl__redis_fields[],
                                                    *const pawl__postgres_fields[];

enum pawl_err pawl__sqlite_component(const struct pawl_component *component,
                                     struct pawl_config_store *store);
enum pawl_err pawl__redis_component(const struct pawl_component *component,
                                    struct pawl_config_store *store);
enum pawl_err pawl__postgres_component(const struct pawl_component *component,
                                       struct pawl_config_store *store);

#endif
