#ifndef PAWL_RUNTIME_PAGE_TOKEN_H
#define PAWL_RUNTIME_PAGE_TOKEN_H

// A list goes on behind the last instance that was given. The token has the place of that instance:
// the time of its creation, and its id. It is opaque, so that nobody builds on it, and begins with
// a check, so that other texts are refused.

#include "base/arena.h"
#include "base/err.h"

// NULL when memory is out.
char *pawl__page_token_make(struct pawl_arena *arena, int64_t created_at, struct pawl_str id);

// Reads the place of |token|, the id into |arena|. PAWL_E_INVALID: it is none; PAWL_E_NOMEM.
enum pawl_err pawl__page_token_read(struct pawl_arena *arena, const char *token,
                                    int64_t *created_at, struct pawl_str *id);

#endif
