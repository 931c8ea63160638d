#ifndef PAWL_H
#define PAWL_H

// The public C API of Pawl. It tells which version is installed, and speaks of errors.

#include "pawl/error.h"

#ifdef __cplusplus
extern "C" {
#endif

// The version of the library, such as "0.1.0". Static text.
const char *pawl_version(void);

// What |code| means, in a few words. Static text; never NULL.
const char *pawl_error_text(enum pawl_err code);

#ifdef __cplusplus
}
#endif

#endif
