#ifndef PAWL_TESTS_BASE_TEST_H
#define PAWL_TESTS_BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
