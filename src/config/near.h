#ifndef PAWL_CONFIG_NEAR_H
#define PAWL_CONFIG_NEAR_H

// "Did you mean …?"

#include "base/str.h"

// The name in |known| (a list that ends with NULL) that |text| is, or is most likely to be a slip
// of; NULL when it looks like none of them. Letters that differ in case alone count as equal, and
// so do two neighbours in the wrong order, nearly.
const char *pawl__nearest(const char *text, const char *const *known);

// The same for one name: how far |a| is from |b|, in letters put in, taken out, replaced or swapped
// with their neighbour; 64 for names of more than 63 bytes.
size_t pawl__distance(struct pawl_str a, struct pawl_str b);

#endif
