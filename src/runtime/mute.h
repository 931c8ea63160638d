#ifndef PAWL_RUNTIME_MUTE_H
#define PAWL_RUNTIME_MUTE_H

// What a storage's reads know of a server that does not answer. A read that waits for one may take
// as long as the store's timeout, and one behind the other they would wait for ever: so a read that
// has waited for 5 s behind one that found no server fails with the same error. Of the reader's
// thread. Zero-initialised the server answers.

#include <stdbool.h>

#include "base/err.h"

struct pawl_mute {
    int64_t at; // when the last read found no server, steady; 0: it found one
    struct pawl_error why;
};

// A read has ended with |error| at |now| (steady).
void pawl__mute_note(struct pawl_mute *mute, const struct pawl_error *error, int64_t now);

// Whether a read that was handed in at |since| (steady) is to fail with |mute->why|.
bool pawl__mute_is_for(const struct pawl_mute *mute, int64_t since);

#endif
