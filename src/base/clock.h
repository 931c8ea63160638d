#ifndef PAWL_BASE_CLOCK_H
#define PAWL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "pawl/common.h"

// Nanoseconds since 1970 by the wall clock, which may be set back.
int64_t pawl__clock_wall(void);

// Nanoseconds since some fixed moment; never goes back.
int64_t pawl__clock_steady(void);

// The processor time that this thread has taken.
int64_t pawl__clock_thread(void);

// |duration| (not negative) after |time|; INT64_MAX when that is later than can be told.
static inline int64_t pawl__clock_add(int64_t time, int64_t duration) {
    int64_t later;
    return __builtin_add_overflow(time, duration, &later) ? INT64_MAX : later;
}

// Fills |data| from the system's random source.
void pawl__random(void *data, size_t len);

enum {
    PAWL_UUID_TEXT = 37 // bytes of a UUID as a text, with its end
};

// Writes the version 4 UUID of 122 random bits (the other six are overwritten) in its usual text
// form, terminated.
void pawl__uuid(uint64_t high, uint64_t low, char out[PAWL_UUID_TEXT]);

// The same, of the system's random bits.
void pawl__random_uuid(char out[PAWL_UUID_TEXT]);

#endif
