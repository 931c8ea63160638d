#ifndef PAWL_SDK_CORO_H
#define PAWL_SDK_CORO_H

// Functions that can be left in the middle and gone on with later, each on a small stack of its
// own with a guard page below it. All belongs to the thread that made the pool.

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
// and SIGBUS, which tells of an overflow and otherwise leaves the signal to who had it before.
void pawl__coro_pool_init(struct pawl_coro_pool *pool, size_t stack_size);
void pawl__coro_pool_finish(struct pawl_coro_pool *pool);

// What a dying message says of the coroutine whose stack has overflowed. The views are the
// caller's, and outlive the coroutine.
struct pawl_coro_label {
    const char *workflow, *instance;
    const int32_t *sequence_number;
};

// A coroutine that will run |run|. NULL when memory is out.
struct pawl_coro *pawl__coro_create(struct pawl_coro_pool *pool, void (*run)(void *arg), void *arg,
                                    struct pawl_coro_label label);

// Ends it wherever it stands: its stack is not unwound. Accepts NULL.
void pawl__coro_destroy(struct pawl_coro_pool *pool, struct pawl_coro *coro);

// Runs it until it yields or its function returns; false in the latter case.
bool pawl__coro_resume(struct pawl_coro *coro);

// From within a coroutine: back to who resumed it.
void pawl__coro_yield(struct pawl_coro *coro);

#endif
