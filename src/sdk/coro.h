#ifndef PAWL_SDK_CORO_H
#define PAWL_SDK_CORO_H

// Coroutines: functions that yield in the middle and are resumed later, each on a small stack with
// a guard page below it. A pool and its coroutines belong to one thread.

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAWL_STACK_SIZE = 64 * 1024 // of a workflow, when the program does not choose
};

struct pawl_coro;

struct pawl_coro_pool {
    size_t stack_size; // bytes, whole pages
    struct pawl_coro *free;
    size_t free_count;
    void *signal_stack; // of this thread, for the handler of overflows
};

// |stack_size| is rounded up to pages. The first pool of a process installs a handler of SIGSEGV
// and SIGBUS, which reports an overflow and passes other faults to the handler before it.
void pawl__coro_pool_init(struct pawl_coro_pool *pool, size_t stack_size);
void pawl__coro_pool_finish(struct pawl_coro_pool *pool);

// Names the coroutine in the message about an overflow. The texts are the caller's, and outlive the
// coroutine.
struct pawl_coro_label {
    const char *workflow, *instance;
    const int32_t *sequence_number;
};

// A coroutine that will run |run|. NULL when memory is out.
struct pawl_coro *pawl__coro_create(struct pawl_coro_pool *pool, void (*run)(void *arg), void *arg,
                                    struct pawl_coro_label label);

// Frees it without unwinding its stack. Accepts NULL.
void pawl__coro_destroy(struct pawl_coro_pool *pool, struct pawl_coro *coro);

// Runs it until it yields or its function returns; false in the latter case.
bool pawl__coro_resume(struct pawl_coro *coro);

// From within a coroutine: returns to the caller of pawl__coro_resume.
void pawl__coro_yield(struct pawl_coro *coro);

#endif
