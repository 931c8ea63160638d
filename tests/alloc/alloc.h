#ifndef PAWL_TESTS_ALLOC_H
#define PAWL_TESTS_ALLOC_H

// Makes allocations fail, for tests that fail the first one of a scenario, then the second, and so
// on. A program that pawl_fail_allocations (cmake/Tests.cmake) names asks its own alloc_fails
// before each: malloc, calloc, realloc, and with ARENA also each piece of an arena, which asks for
// memory only once in a while.

#include <stdbool.h>

// The test's: whether the allocation that is asked for fails. On any thread.
bool alloc_fails(void);

// The test's, of those with shadow.c: while it is set no allocation fails.
extern bool alloc_paused;

#endif
