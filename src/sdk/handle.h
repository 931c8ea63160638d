#ifndef PAWL_SDK_HANDLE_H
#define PAWL_SDK_HANDLE_H

#include "sdk/loops.h"

// pawl_open on an open store, which it takes over even when it fails. Messages call the store
// |name|.
enum pawl_err pawl__open_over(struct pawl_store *store, const char *name,
                              const struct pawl_options *options, struct pawl **out);

#endif
