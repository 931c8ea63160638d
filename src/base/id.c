#include "base/id.h"

#include "base/str.h"

void pawl__id_new(char out[PAWL_UUID_TEXT]) {
    uint64_t time = (uint64_t)(pawl__clock_wall() / PAWL_MILLISECOND);
    pawl__random_uuid(out);
    pawl__str_hex(out, time >> 16, 8);
    pawl__str_hex(out + 9, time & 0xffff, 4);
    out[14] = '7'; // the version
}
