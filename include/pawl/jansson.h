#ifndef PAWL_JANSSON_H
#define PAWL_JANSSON_H

// Payloads made and read with jansson: link with -ljansson.
//
//     const char *item;
//     int count;
//     PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "{s:s, s:i}", "item", &item, "count", &count));
//     struct pawl_text more = pawl_pack(wf, "{s:s, s:i}", "item", item, "count", count + 1);
//     PAWL_TRY(pawl_call(wf, "reserve", more, NULL, NULL));
//
// Formats are those of json_pack and json_unpack, see <https://jansson.readthedocs.io>.
//
// A payload that is not there reads as null. What unpacking points to (strings, json_t) is
// borrowed: it lives as long as the workflow's stack, or until the activity's function returns.
//
// Errors: PAWL_E_INVALID when a payload does not have the shape that was asked for; the error names
// the workflow or activity, the instance, what was wrong, and the payload. PAWL_E_NOMEM.

#include <jansson.h>
#include <pawl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline void pawl_jansson_release(void *arg) {
    json_decref((json_t *)arg);
}

// --- workflows ----------------------------------------------------------------------------------

// Reads a payload; the result is borrowed. NULL: see pawl_last_error.
static inline json_t *pawl_load(struct pawl_workflow *wf, struct pawl_text text) {
    json_error_t error;
    json_t *json =
        text.data ? json_loadb(text.data, text.len, JSON_DECODE_ANY, &error) : json_null();
    if (!json) {
        pawl_shape_error(wf, text, error.text);
        return NULL;
    }
    return pawl_defer(wf, pawl_jansson_release, json) ? NULL : json;
}

// Writes a payload, and takes the reference to |json|. When that fails, so does the function that
// is given the payload (see struct pawl_text).
static inline struct pawl_text pawl_dump(struct pawl_workflow *wf, json_t *json) {
    struct pawl_text failed = {NULL, 1};
    char *dump = json ? json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (json && !dump) pawl_shape_error(wf, pawl_text(NULL), "it cannot be written as JSON");
    char *copy = dump ? pawl_format(wf, "%s", dump) : NULL;
    json_decref(json);
    free(dump);
    return copy ? pawl_text(copy) : failed;
}

static inline struct pawl_text pawl_pack(struct pawl_workflow *wf, const char *format, ...) {
    json_error_t error;
    va_list args;
    va_start(args, format);
    json_t *json = json_vpack_ex(&error, 0, format, args);
    va_end(args);
    if (!json) pawl_shape_error(wf, pawl_text(format), error.text);
    return pawl_dump(wf, json);
}

static inline enum pawl_err pawl_unpack(struct pawl_workflow *wf, struct pawl_text text,
                                        const char *format, ...) {
    json_error_t error;
    json_t *json = pawl_load(wf, text);
    if (!json) return pawl_last_error()->code;
    va_list args;
    va_start(args, format);
    int bad = json_vunpack_ex(json, &error, 0, format, args);
    va_end(args);
    return bad ? pawl_shape_error(wf, text, error.text) : PAWL_OK;
}

// --- activities ---------------------------------------------------------------------------------

static inline json_t *pawl_activity_load(struct pawl_activity *activity) {
    struct pawl_text text = activity->input;
    json_error_t error;
    json_t *json =
        text.data ? json_loadb(text.data, text.len, JSON_DECODE_ANY, &error) : json_null();
    if (!json) {
        pawl_activity_shape_error(activity, error.text);
        return NULL;
    }
    return pawl_activity_defer(activity, pawl_jansson_release, json) ? NULL : json;
}

static inline enum pawl_err pawl_activity_unpack(struct pawl_activity *activity, const char *format,
                                                 ...) {
    json_error_t error;
    json_t *json = pawl_activity_load(activity);
    if (!json) return pawl_last_error()->code;
    va_list args;
    va_start(args, format);
    int bad = json_vunpack_ex(json, &error, 0, format, args);
    va_end(args);
    return bad ? pawl_activity_shape_error(activity, error.text) : PAWL_OK;
}

// Sets the activity's result.
static inline enum pawl_err pawl_activity_pack(struct pawl_activity *activity, const char *format,
                                               ...) {
    json_error_t error;
    va_list args;
    va_start(args, format);
    json_t *json = json_vpack_ex(&error, 0, format, args);
    va_end(args);
    if (!json) return pawl_activity_shape_error(activity, error.text);
    char *dump = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
    if (!dump) return pawl_activity_shape_error(activity, "the result cannot be written as JSON");
    enum pawl_err err = pawl_activity_return(activity, pawl_text(dump));
    free(dump);
    return err;
}

#ifdef __cplusplus
}
#endif

#endif
