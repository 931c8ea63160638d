#ifndef PAWL_WIRE_TIMESTAMP_H
#define PAWL_WIRE_TIMESTAMP_H

#include "base/str.h"
#include "google/protobuf/timestamp.pb-c.h"

// Nanoseconds since 1970. The range of int64 ends in 2262; later times, such as the year 9999 that
// SDKs use for "never", become INT64_MAX, and earlier ones than 1677 INT64_MIN.
int64_t pawl__timestamp_get(const Google__Protobuf__Timestamp *stamp);

void pawl__timestamp_set(Google__Protobuf__Timestamp *stamp, int64_t at);

// To the end of the year 9999.
void pawl__timestamp_set_never(Google__Protobuf__Timestamp *stamp);

enum {
    PAWL_TIME_TEXT = 40
};

// RFC 3339 in UTC with as many fractional digits as there are (0, 3, 6 or 9), as protobuf's JSON
// has it; terminated.
void pawl__time_format(int64_t at, char out[PAWL_TIME_TEXT]);

// The same for the whole range of a Timestamp, the years 1 to 9999; what is out of it is clamped.
void pawl__timestamp_format(const Google__Protobuf__Timestamp *stamp, char out[PAWL_TIME_TEXT]);

// Reads an RFC 3339 time with any offset; clamped as above, and digits past the ninth are dropped.
// False, and |out| untouched, when |text| is none.
bool pawl__time_parse(struct pawl_str text, int64_t *out);

// The same for the whole range of a Timestamp; false also for a time that is out of it.
bool pawl__timestamp_parse(struct pawl_str text, Google__Protobuf__Timestamp *out);

#endif
