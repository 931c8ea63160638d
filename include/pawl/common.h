#ifndef PAWL_COMMON_H
#define PAWL_COMMON_H

// Words that the public header and the rooms behind it share.

#include <stdint.h>

// Times and durations are nanoseconds: times since 1970, by the wall clock.
#define PAWL_MILLISECOND INT64_C(1000000)
#define PAWL_SECOND      (INT64_C(1000) * PAWL_MILLISECOND)
#define PAWL_MINUTE      (INT64_C(60) * PAWL_SECOND)
#define PAWL_HOUR        (INT64_C(60) * PAWL_MINUTE)
#define PAWL_DAY         (INT64_C(24) * PAWL_HOUR)

enum pawl_log_level {
    PAWL_LOG_DEBUG,
    PAWL_LOG_INFO,
    PAWL_LOG_WARN,
    PAWL_LOG_ERROR,
    PAWL_LOG_FATAL,
};

#endif
