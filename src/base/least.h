#ifndef PAWL_BASE_LEAST_H
#define PAWL_BASE_LEAST_H

#include "base/str.h"

// Keeps the least |max| of any number of texts, in the order of their bytes.
struct pawl_least {
    struct pawl_str *items; // room for twice |max|
    size_t len, max;
    bool cut; // more than |max| came: the first |max| items are in order, and the least so far
};

// |max| is not 0. False when memory is out.
bool pawl__least_init(struct pawl_least *least, size_t max);
void pawl__least_finish(struct pawl_least *least);

// The bytes are the caller's for as long as the items are looked at.
void pawl__least_add(struct pawl_least *least, struct pawl_str text);

// Leaves the least in |items|, in order, and returns how many there are: at most |max|.
size_t pawl__least_end(struct pawl_least *least);

#endif
