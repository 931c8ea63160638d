#ifndef PAWL_TESTS_UNIT_PATIENCE_H
#define PAWL_TESTS_UNIT_PATIENCE_H

// How long a test has waited, of the time that it was given. On a busy machine, or on one that was
// stopped, it may get none for half a minute, and nothing can come meanwhile. A test that waits
// looks every millisecond or two, so what is longer than that does not count.

#include "base/clock.h"

#define PATIENCE_STEP (2 * PAWL_MILLISECOND)

struct patience { // zero at first
    int64_t looked_at, spent;
};

// To be called at every look.
static inline int64_t patience_spend(struct patience *patience) {
    int64_t now = pawl__clock_steady();
    int64_t step = patience->looked_at ? now - patience->looked_at : 0;
    patience->looked_at = now;
    patience->spent += step < PATIENCE_STEP ? step : PATIENCE_STEP;
    return patience->spent;
}

#endif
