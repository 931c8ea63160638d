#ifndef PAWL_BASE_ARRAY_H
#define PAWL_BASE_ARRAY_H

#include "base/arena.h"

// Makes room for one more behind the |count| elements, of |size| bytes each, of an array from
// malloc, or of none. False, and nothing has changed: memory is out.
bool pawl__array_room(void **array, size_t count, size_t *cap, size_t size);

// The same for an array in |arena|, where the smaller one stays behind.
bool pawl__array_room_in(struct pawl_arena *arena, void **array, size_t count, size_t *cap,
                         size_t size);

#endif
