#include "store/etag.h"

#include "base/clock.h"

void pawl__etag_new(char out[PAWL_ETAG_LEN + 1]) {
    pawl__random_uuid(out);
}
