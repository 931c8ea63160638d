#ifndef PAWL_TESTS_WIRE_TEST_H
#define PAWL_TESTS_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

// A copy that ends where its memory ends, so that sanitizers see a byte read too far. The caller
// frees |data|.
static inline struct pawl_str test_exact(struct pawl_str bytes) {
    char *copy = malloc(bytes.len ? bytes.len : 1);
    assert_non_null(copy);
    if (bytes.len) memcpy(copy, bytes.data, bytes.len);
    return (struct pawl_str){copy, bytes.len};
}

#endif
