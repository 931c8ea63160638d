#include "base/err.h"

#include "base/str.h"

static const struct {
    const char *text;
    int grpc, http;
} err_rows[] = {
#define X(name, text, grpc, http) {text, grpc, http},
    PAWL_ERROR_MAP(X)
#undef X
};

const char *pawl__err_text(enum pawl_err code) {
    return err_rows[code].text;
}

int pawl__err_grpc(enum pawl_err code) {
    return err_rows[code].grpc;
}

int pawl__err_http(enum pawl_err code) {
    return err_rows[code].http;
}

enum pawl_err pawl__err_of(int64_t number) {
    bool known = number > 0 && number < (int64_t)(sizeof err_rows / sizeof *err_rows);
    return known ? (enum pawl_err)number : PAWL_E_UNKNOWN;
}

enum pawl_err pawl__fail(struct pawl_error *error, enum pawl_err code, const char *format, ...) {
    if (!error) return code;
    va_list args;
    va_start(args, format);
    error->code = code;
    pawl__str_vformat(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

enum pawl_err pawl__fail_plain(struct pawl_error *error, enum pawl_err code) {
    if (!error) return code;
    const char *text = pawl__err_text(code); // far shorter than there is room for
    error->code = code;
    memcpy(error->text, text, strlen(text) + 1);
    return code;
}
