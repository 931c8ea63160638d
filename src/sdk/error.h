#ifndef PAWL_SDK_ERROR_H
#define PAWL_SDK_ERROR_H

#include <pawl.h>

// Makes this the thread's last error, and returns |code|.
enum pawl_err pawl__sdk_fail(enum pawl_err code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
enum pawl_err pawl__sdk_fail_with(const struct pawl_error *error);
enum pawl_err pawl__sdk_fail_nomem(void);

// The text of a failure by |err|: that of the thread's last error if it has this code and is UTF-8,
// else the code's own.
const char *pawl__sdk_error_text(enum pawl_err err);

// Forgets the thread's last error. Call it before functions of the program.
void pawl__sdk_clear_error(void);

// Fails with PAWL_E_INVALID unless |text| is what a payload may be.
enum pawl_err pawl__sdk_check_payload(struct pawl_text text, const char *what, const char *of);

// Fails with PAWL_E_INVALID unless |name| is a name: UTF-8, not empty.
enum pawl_err pawl__sdk_check_name(const char *name, const char *what);

#endif
