#ifndef PAWL_TESTS_UNIT_API_TALKS_H
#define PAWL_TESTS_UNIT_API_TALKS_H

#include "kit.h"

// Each kind of request, with what is to be heard. A name that has workers ends with one.
struct talk_row {
    const char *name;
    const struct step *steps;
};

extern const struct talk_row talks[];
extern const size_t talk_count;

#endif
