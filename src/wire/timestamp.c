#include "wire/timestamp.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

int64_t pawl__timestamp_get(const Google__Protobuf__Timestamp *stamp) {
    int64_t at;
    if (__builtin_mul_overflow(stamp->seconds, PAWL_SECOND, &at) ||
        __builtin_add_overflow(at, stamp->nanos, &at))
        return stamp->seconds < 0 ? INT64_MIN : INT64_MAX;
    return at;
}

// Divides so that the rest is never negative.
static int64_t timestamp_split(int64_t at, int32_t *nanos) {
    int64_t seconds = at / PAWL_SECOND, rest = at % PAWL_SECOND;
    if (rest < 0) {
        rest += PAWL_SECOND;
        seconds--;
    }
    *nanos = (int32_t)rest;
    return seconds;
}

void pawl__timestamp_set(Google__Protobuf__Timestamp *stamp, int64_t at) {
    stamp->seconds = timestamp_split(at, &stamp->nanos);
}

void pawl__time_format(int64_t at, char out[PAWL_TIME_TEXT]) {
    int32_t nanos;
    time_t seconds = timestamp_split(at, &nanos);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t len = strftime(out, PAWL_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
    if (nanos % 1000)
        len += (size_t)snprintf(out + len, PAWL_TIME_TEXT - len, ".%09d", nanos);
    else if (nanos % 1000000)
        len += (size_t)snprintf(out + len, PAWL_TIME_TEXT - len, ".%06d", nanos / 1000);
    else if (nanos)
        len += (size_t)snprintf(out + len, PAWL_TIME_TEXT - len, ".%03d", nanos / 1000000);
    snprintf(out + len, PAWL_TIME_TEXT - len, "Z");
}

bool pawl__time_parse(struct pawl_str text, int64_t *out) {
    char copy[64];
    if (text.len < 20 || text.len >= sizeof copy) return false;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    struct tm utc = {0};
    int used = 0;
    if (sscanf(copy, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday,
               &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &used) != 6 ||
        used != 19)
        return false;
    if (utc.tm_mon < 1 || utc.tm_mon > 12 || utc.tm_mday < 1 || utc.tm_mday > 31 ||
        utc.tm_hour > 23 || utc.tm_min > 59 || utc.tm_sec > 60)
        return false;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    int day = utc.tm_mday;
    int64_t seconds = timegm(&utc);
    if (utc.tm_mday != day) return false; // timegm made the 31st of a short month the 1st

    const char *at = copy + used;
    int64_t nanos = 0;
    if (*at == '.') {
        int64_t unit = PAWL_SECOND / 10;
        if (at[1] < '0' || at[1] > '9') return false;
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10) nanos += (*at - '0') * unit;
    }
    int hours = 0, minutes = 0;
    if (*at == 'Z' || *at == 'z') {
        at++;
    } else if (*at == '+' || *at == '-') {
        int offset_len = 0;
        if (sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &offset_len) != 2 || offset_len != 5 ||
            hours > 23 || minutes > 59)
            return false;
        int64_t offset = hours * 3600 + minutes * 60;
        seconds += *at == '-' ? offset : -offset;
        at += 6;
    } else {
        return false;
    }
    if (*at) return false;
    return !__builtin_mul_overflow(seconds, PAWL_SECOND, out) &&
           !__builtin_add_overflow(*out, nanos, out);
}
