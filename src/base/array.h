#ifndef PAWL_BASE_ARRAY_H
#define PAWL_BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

// Makes room for one more behind the |count| elements, of |size| bytes each, of an array from
// malloc, or of none. False, and nothing has changed: memory is out.
bool pawl__array_room(void **array, size_t count, size_t *cap, size_t size);

#endif
