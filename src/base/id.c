#include "base/id.h"

#include "base/str.h"

void pawl__id_new(char out[PAWL_UUID_TEXT]) {
    uint64_t time = (uint64_t)(pawl__clock_wall() / PAWL_MILLISECOND), bits[2];
    pawl__random(bits, sizeof bits);
    pawl__str_hex(out, time >> 16, 8);
    pawl__str_hex(out + 9, time & 0xffff, 4);
    pawl__str_hex(out + 14, UINT64_C(0x7000) | (bits[0] & 0xfff), 4);
    pawl__str_hex(out + 19, UINT64_C(0x8000) | (bits[0] >> 12 & 0x3fff), 4);
    pawl__str_hex(out + 24, bits[1] & UINT64_C(0xffffffffffff), 12);
    out[8] = out[13] = out[18] = out[23] = '-';
    out[36] = 0;
}
