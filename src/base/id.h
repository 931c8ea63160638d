#ifndef PAWL_BASE_ID_H
#define PAWL_BASE_ID_H

#include "base/clock.h"

// Ids of instances for which nobody has chosen one: UUIDs of version 7 (RFC 9562, 5.7), terminated.
// They begin with the time, to the millisecond, so that a store's index has side by side what was
// started together, and a commit writes few of its pages. With random ids each instance has
// another page, which is half of what SQLite writes for five activities in sequence.
void pawl__id_new(char out[PAWL_UUID_TEXT]);

#endif
