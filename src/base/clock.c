#include "base/clock.h"

#include <stdio.h>
#include <sys/random.h>
#include <time.h>

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

void pawl__random(void *data, size_t len) {
    uint8_t *at = data;
    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got <= 0) continue; // interrupted before the kernel's pool was ready
        at += got;
        len -= (size_t)got;
    }
}

void pawl__random_uuid(char out[37]) {
    uint8_t b[16];
    pawl__random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); // RFC 9562: version 4
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); // and its variant
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}
