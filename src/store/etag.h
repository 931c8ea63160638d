#ifndef PAWL_STORE_ETAG_H
#define PAWL_STORE_ETAG_H

#include "base/str.h"

// ETags are random UUIDs in their usual text form, as those of Dapr's stores.

#define PAWL_ETAG_LEN 36

// Writes a new one, terminated.
void pawl__etag_new(char out[PAWL_ETAG_LEN + 1]);

#endif
