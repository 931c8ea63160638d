#ifndef PAWL_BASE_ERR_H
#define PAWL_BASE_ERR_H

#include <stdarg.h>
#include <stdint.h>

#include "pawl/error.h"

// The row's text, gRPC status and HTTP status of an error code.
const char *pawl__err_text(enum pawl_err code);
int pawl__err_grpc(enum pawl_err code);
int pawl__err_http(enum pawl_err code);

// The error of a number that came from outside; PAWL_E_UNKNOWN: it is none, or no error.
enum pawl_err pawl__err_of(int64_t number);

// Fills |error| (which may be NULL) with |code| and the formatted text, and returns |code|, so
// that a failure is one statement: return pawl__fail(error, PAWL_E_IO, "cannot read %s", path);
enum pawl_err pawl__fail(struct pawl_error *error, enum pawl_err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// The same with the row's own text.
enum pawl_err pawl__fail_plain(struct pawl_error *error, enum pawl_err code);

// Makes |error| that of a success. Only as much is written as has to be: the text is long.
static inline void pawl__error_clear(struct pawl_error *error) {
    error->code = PAWL_E_OK;
    error->text[0] = 0;
}

#endif
