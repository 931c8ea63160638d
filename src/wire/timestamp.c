#include "wire/timestamp.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"

static int64_t timestamp_clamp(int64_t seconds, int32_t nanos) {
    int64_t at;
    if (__builtin_mul_overflow(seconds, PAWL_SECOND, &at) || __builtin_add_overflow(at, nanos, &at))
        return seconds < 0 ? INT64_MIN : INT64_MAX;
    return at;
}

int64_t pawl__timestamp_get(const Google__Protobuf__Timestamp *stamp) {
    return timestamp_clamp(stamp->seconds, stamp->nanos);
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

// The first and the last second of a Timestamp: those of the years 1 and 9999.
static const int64_t timestamp_first = -62135596800, timestamp_last = 253402300799;

void pawl__timestamp_set_never(Google__Protobuf__Timestamp *stamp) {
    stamp->seconds = timestamp_last;
    stamp->nanos = 999999999;
}

void pawl__timestamp_format(const Google__Protobuf__Timestamp *stamp, char out[PAWL_TIME_TEXT]) {
    time_t seconds = stamp->seconds;
    int32_t nanos = stamp->nanos < 0 ? 0 : stamp->nanos > 999999999 ? 999999999 : stamp->nanos;
    if (seconds < timestamp_first) {
        seconds = timestamp_first;
        nanos = 0;
    } else if (seconds > timestamp_last) {
        seconds = timestamp_last;
        nanos = 999999999;
    }
    struct tm utc;
    gmtime_r(&seconds, &utc);
    int digits = nanos % 1000 ? 9 : nanos % 1000000 ? 6 : nanos ? 3 : 0;
    char fraction[16];
    snprintf(fraction, sizeof fraction, ".%09d", nanos);
    snprintf(out, PAWL_TIME_TEXT, "%04d-%02d-%02dT%02d:%02d:%02d%.*sZ", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
             digits ? digits + 1 : 0, fraction);
}

void pawl__time_format(int64_t at, char out[PAWL_TIME_TEXT]) {
    Google__Protobuf__Timestamp stamp = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    pawl__timestamp_set(&stamp, at);
    pawl__timestamp_format(&stamp, out);
}

// Reads |count| digits as a number in [min, max] off the front of |text|.
static bool timestamp_digits(struct pawl_str *text, size_t count, int min, int max, int *out) {
    if (text->len < count) return false;
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') return false;
        value = value * 10 + (text->data[i] - '0');
    }
    *text = (struct pawl_str){text->data + count, text->len - count};
    *out = value;
    return value >= min && value <= max;
}

static bool timestamp_one_of(struct pawl_str *text, const char *set, char *out) {
    if (text->len == 0 || !strchr(set, text->data[0]) || !text->data[0]) return false;
    *out = text->data[0];
    *text = (struct pawl_str){text->data + 1, text->len - 1};
    return true;
}

static bool timestamp_parse(struct pawl_str text, int64_t *seconds, int32_t *nanos) {
    static const struct {
        const char *before;
        size_t digits;
        int min, max;
    } parts[] = {
        {NULL, 4, 0, 9999}, {"-", 2, 1, 12}, {"-", 2, 1, 31},
        {"Tt", 2, 0, 23},   {":", 2, 0, 59}, {":", 2, 0, 59},
    };
    int date[6];
    char mark;
    for (size_t i = 0; i < 6; i++) {
        if (parts[i].before && !timestamp_one_of(&text, parts[i].before, &mark)) return false;
        if (!timestamp_digits(&text, parts[i].digits, parts[i].min, parts[i].max, &date[i]))
            return false;
    }
    *nanos = 0;
    if (timestamp_one_of(&text, ".", &mark)) {
        int digit;
        if (!timestamp_digits(&text, 1, 0, 9, &digit)) return false;
        int32_t unit = PAWL_SECOND / 10;
        do {
            *nanos += digit * unit;
            unit /= 10;
        } while (timestamp_digits(&text, 1, 0, 9, &digit));
    }
    int hours = 0, minutes = 0;
    if (!timestamp_one_of(&text, "Zz+-", &mark)) return false;
    if (mark == '+' || mark == '-') {
        char colon;
        if (!timestamp_digits(&text, 2, 0, 23, &hours) || !timestamp_one_of(&text, ":", &colon) ||
            !timestamp_digits(&text, 2, 0, 59, &minutes))
            return false;
    }
    if (text.len) return false;

    struct tm utc = {.tm_year = date[0] - 1900,
                     .tm_mon = date[1] - 1,
                     .tm_mday = date[2],
                     .tm_hour = date[3],
                     .tm_min = date[4],
                     .tm_sec = date[5]};
    *seconds = timegm(&utc);
    if (utc.tm_mday != date[2]) return false; // timegm made the 31st of a short month the 1st
    int offset = hours * 3600 + minutes * 60;
    *seconds += mark == '-' ? offset : -offset;
    return true;
}

bool pawl__time_parse(struct pawl_str text, int64_t *out) {
    int64_t seconds;
    int32_t nanos;
    if (!timestamp_parse(text, &seconds, &nanos)) return false;
    *out = timestamp_clamp(seconds, nanos);
    return true;
}

bool pawl__timestamp_parse(struct pawl_str text, Google__Protobuf__Timestamp *out) {
    int64_t seconds;
    int32_t nanos;
    if (!timestamp_parse(text, &seconds, &nanos)) return false;
    if (seconds < timestamp_first || seconds > timestamp_last) return false;
    out->seconds = seconds;
    out->nanos = nanos;
    return true;
}
