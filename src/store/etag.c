#include "store/etag.h"

#include <ctype.h>

#include "base/clock.h"

void pawl__etag_new(char out[PAWL_ETAG_LEN + 1]) {
    pawl__random_uuid(out);
}

bool pawl__etag_valid(struct pawl_str etag) {
    if (etag.len != PAWL_ETAG_LEN) return false;
    for (size_t i = 0; i < etag.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? etag.data[i] != '-' : !isxdigit((unsigned char)etag.data[i])) return false;
    }
    return true;
}
