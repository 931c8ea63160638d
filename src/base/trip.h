#ifndef PAWL_BASE_TRIP_H
#define PAWL_BASE_TRIP_H

// When a circuit breaker opens, as its configuration says it: "consecutiveFailures > 5".
//
// The part of CEL (https://github.com/google/cel-spec) that is of use for that: the five counts
// below, numbers, true and false, + - * / %, comparisons, && || !, parentheses, and double(n).
// Whole numbers and those with a fraction do not mix in arithmetic, as in CEL, but compare.

#include <stdbool.h>
#include <stdint.h>

// Of calls since the breaker last changed its state, or its interval began.
struct pawl_trip_counts {
    int64_t requests, total_successes, total_failures, consecutive_successes, consecutive_failures;
};

enum {
    PAWL_TRIP_STEPS = 64
};

enum pawl_trip_op {
    PAWL_TRIP_INT, // pushes |number|
    PAWL_TRIP_TRUTH,
    PAWL_TRIP_REAL,  // pushes |real|
    PAWL_TRIP_COUNT, // pushes the count of that place
    PAWL_TRIP_ADD,
    PAWL_TRIP_SUBTRACT,
    PAWL_TRIP_MULTIPLY,
    PAWL_TRIP_DIVIDE,
    PAWL_TRIP_REMAINDER,
    PAWL_TRIP_LESS,
    PAWL_TRIP_NOT_MORE,
    PAWL_TRIP_MORE,
    PAWL_TRIP_NOT_LESS,
    PAWL_TRIP_EQUAL,
    PAWL_TRIP_OTHER,
    PAWL_TRIP_AND,
    PAWL_TRIP_OR,
    PAWL_TRIP_NOT,
    PAWL_TRIP_NEGATE,
    PAWL_TRIP_TO_REAL
};

// In the order in which a stack machine takes it. It points to nothing, so it can be copied.
struct pawl_trip {
    struct pawl_trip_step {
        enum pawl_trip_op op;
        union {
            int64_t number;
            double real;
        };
    } steps[PAWL_TRIP_STEPS];
    int count;
};

// Reads |text|. NULL, or what is wrong with it: words that follow "it", and the byte |*at|.
const char *pawl__trip_parse(struct pawl_trip *out, const char *text, int *at);

// Whether |counts| make it true. A division by zero, or a number that is too large, makes it false,
// as an error does in Dapr.
bool pawl__trip_eval(const struct pawl_trip *trip, const struct pawl_trip_counts *counts);

#endif
