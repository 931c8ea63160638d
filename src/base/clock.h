#ifndef PAWL_BASE_CLOCK_H
#define PAWL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "pawl/common.h"

// Nanoseconds since 1970 by the wall clock, which may be set back.
int64_t pawl__clock_wall(void);

// Nanoseconds since some fixed moment; never goes back.
int64_t pawl__clock_steady(void);

// Fills |data| from the system's random source.
void pawl__random(void *data, size_t len);

// Writes a random version 4 UUID in its usual text form, terminated.
void pawl__random_uuid(char out[37]);

#endif
