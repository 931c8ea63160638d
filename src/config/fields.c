#include "config/fields.h"

#include <strings.h>

#include "base/clock.h"

enum pawl_err pawl__component_fail(const struct pawl_component *component, const char *format,
                                   ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return pawl__fail(component->error, PAWL_E_INVALID, "component %s (%s): %s", component->name,
                      component->origin, text);
}

const char *pawl__field(const struct pawl_component *component, const char *name,
                        const char *alias) {
    const char *value = NULL;
    for (size_t i = 0; i < component->field_count; i++) {
        const char *given = component->fields[i].name;
        if (strcasecmp(given, name) != 0 && (!alias || strcasecmp(given, alias) != 0)) continue;
        value = component->fields[i].value;
    }
    return value;
}

const char *pawl__field_text(const struct pawl_component *component, const char *name,
                             const char *alias) {
    const char *value = pawl__field(component, name, alias);
    return value && *value ? value : NULL;
}

enum pawl_err pawl__field_int(const struct pawl_component *component, const char *name,
                              int64_t least, int64_t most, int *out) {
    const char *text = pawl__field_text(component, name, NULL);
    int64_t number;
    if (!text) return PAWL_OK;
    if (!pawl__str_to_int(pawl__str(text), least, most, &number))
        return pawl__component_fail(component,
                                    "%s is \"%s\", but has to be a number from %lld to %lld", name,
                                    text, (long long)least, (long long)most);
    *out = (int)number;
    return PAWL_OK;
}

enum pawl_err pawl__field_time(const struct pawl_component *component, const char *name,
                               const char *alias, int64_t *out) {
    const char *text = pawl__field_text(component, name, alias);
    int64_t seconds;
    if (!text || pawl__duration_parse(text, out)) return PAWL_OK;
    if (!pawl__str_to_int(pawl__str(text), 0, INT32_MAX, &seconds))
        return pawl__component_fail(component, "%s is \"%s\", but has to be a duration such as 10s",
                                    name, text);
    *out = seconds * PAWL_SECOND;
    return PAWL_OK;
}

enum pawl_err pawl__fields_unserved(const struct pawl_component *component,
                                    const struct pawl_unserved_field *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *value = pawl__field_text(component, rows[i].name, NULL);
        if (value && strcasecmp(value, rows[i].harmless) != 0)
            return pawl__component_fail(component, "%s is \"%s\", but %s", rows[i].name, value,
                                        rows[i].why);
    }
    return PAWL_OK;
}
