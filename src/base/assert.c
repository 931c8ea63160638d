#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void pawl__assert_failed(const char *condition, const char *file, int line) {
    fprintf(stderr, "pawl: %s:%d: this has to hold, and does not: %s\n", file, line, condition);
    abort();
}
