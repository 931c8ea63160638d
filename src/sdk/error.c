#include "sdk/error.h"

#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "wire/unpack.h"

static _Thread_local struct pawl_error error_last;

const char *pawl_version(void) {
    return PAWL_VERSION;
}

const char *pawl_error_text(enum pawl_err code) {
    return pawl__err_text(code);
}

const struct pawl_error *pawl_last_error(void) {
    return &error_last;
}

void pawl_perror(const char *what) {
    fprintf(stderr, "%s: %s\n", what, error_last.text);
}

enum pawl_err pawl__sdk_fail(enum pawl_err code, const char *format, ...) {
    char text[sizeof error_last.text]; // an argument may be the text of the error before
    va_list args;
    va_start(args, format);
    pawl__str_vformat(text, sizeof text, format, args);
    va_end(args);
    error_last.code = code;
    memcpy(error_last.text, text, sizeof text);
    return code;
}

enum pawl_err pawl__sdk_fail_with(const struct pawl_error *error) {
    error_last = *error;
    return error->code;
}

enum pawl_err pawl__sdk_fail_nomem(void) {
    return pawl__fail_plain(&error_last, PAWL_E_NOMEM);
}

void pawl__sdk_clear_error(void) {
    error_last.code = PAWL_OK;
    error_last.text[0] = 0;
}

const char *pawl__sdk_error_text(enum pawl_err err) {
    bool told = error_last.code == err && pawl__wire_is_text(pawl__str(error_last.text));
    return told ? error_last.text : pawl__err_text(err);
}

enum pawl_err pawl__sdk_check_payload(struct pawl_text text, const char *what, const char *of) {
    if (!text.data && text.len)
        return error_last.code
                   ? error_last.code
                   : pawl__sdk_fail(PAWL_E_INVALID, "the %s of %s could not be made", what, of);
    if (!text.data || pawl__wire_is_text((struct pawl_str){text.data, text.len})) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_INVALID, "the %s of %s is not UTF-8 text without NUL", what, of);
}

enum pawl_err pawl__sdk_check_name(const char *name, const char *what) {
    if (!name || !*name) return pawl__sdk_fail(PAWL_E_INVALID, "the %s is empty", what);
    if (pawl__wire_is_text(pawl__str(name))) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_INVALID, "the %s is not UTF-8 text", what);
}
