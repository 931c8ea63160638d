#ifndef PAWL_BASE_LIBRARY_H
#define PAWL_BASE_LIBRARY_H

// Shared libraries that are loaded when they are needed. A program that never needs one does not
// wait for it at its start, and holds none of it in memory.

#include "base/err.h"

// Loads |file|, such as "libpq.so.5", for as long as the process lives, and puts the functions that
// |names| tells, up to NULL, into the pointers at |out|. PAWL_E_UNAVAILABLE: it is not there, or
// lacks one of them.
enum pawl_err pawl__library_load(const char *file, const char *const *names, void *out,
                                 struct pawl_error *error);

#endif
