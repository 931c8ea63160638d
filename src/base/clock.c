#include "base/clock.h"

#include <sys/random.h>
#include <time.h>

#include "base/str.h"

static int64_t clock_read(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * PAWL_SECOND + now.tv_nsec;
}

int64_t pawl__clock_wall(void) {
    return clock_read(CLOCK_REALTIME);
}

int64_t pawl__clock_steady(void) {
    return clock_read(CLOCK_MONOTONIC);
}

int64_t pawl__clock_thread(void) {
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

void pawl__random(void *data, size_t len) {
    uint8_t *at = data;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got <= 0) continue; // interrupted before the kernel's pool was ready
        at += got;
        len -= (size_t)got;
    }
}

void pawl__uuid(uint64_t high, uint64_t low, char out[PAWL_UUID_TEXT]) {
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);     // RFC 9562: version 4
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62); // and its variant
    memcpy(out, "00000000-0000-0000-0000-000000000000", PAWL_UUID_TEXT);
    pawl__str_hex(out, high >> 32, 8);
    pawl__str_hex(out + 9, high >> 16, 4);
    pawl__str_hex(out + 14, high, 4);
    pawl__str_hex(out + 19, low >> 48, 4);
    pawl__str_hex(out + 24, low, 12);
}

void pawl__random_uuid(char out[PAWL_UUID_TEXT]) {
    uint64_t bits[2];
    pawl__random(bits, sizeof bits);
    pawl__uuid(bits[0], bits[1], out);
}
