#include "sdk/coro.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

// A coroutine and its stack are one mapping:
//
//     | guard page | stack, which grows down to the guard ... | struct pawl_coro |
//
// Boost.Context switches stacks: the two functions below are plain assembler, but the header that
// declares them is C++. ucontext makes two system calls a switch, for signal masks that are the
// same everywhere here, and longjmp must not be used for it.

struct coro_transfer {
    void *place; // where the one that was left stands; good for one jump
    void *data;  // what the jump was given
};
struct coro_transfer jump_fcontext(void *place, void *data);
void *make_fcontext(void *stack_end, size_t size, void (*run)(struct coro_transfer transfer));

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif
#if defined(PAWL_VALGRIND)
#include <valgrind/valgrind.h>
#endif

// In a C++ program the exceptions that a thread is handling form a list, of which its runtime keeps
// the head for each thread. A function may wait within a catch block, so that each coroutine needs
// a list of its own. The function and what it points to are of the Itanium C++ ABI (2.2.2); where
// there is no such runtime, there is no function.
struct coro_exceptions {
    void *caught;
    unsigned uncaught;
};
extern struct coro_exceptions *__cxa_get_globals(void) __attribute__((weak, visibility("default")));

enum {
    CORO_SIGNAL_STACK = 32 * 1024,
    CORO_FREE = 256, // stacks that a pool keeps for reuse
};

struct pawl_coro {
    void *here, *back; // where it stands, and who resumed it
    void (*run)(void *arg);
    void *arg;
    struct pawl_coro_label label;
    struct pawl_coro *next; // in the pool
    struct pawl_coro *outer;
    struct coro_exceptions exceptions; // its own while it waits; while it runs, of who resumed it
    char *base;                        // of the mapping: the guard page
    size_t size;
    bool ended;
#if defined(__SANITIZE_ADDRESS__)
    void *fake, *fake_back;
    const void *bottom_back;
    size_t size_back;
#elif defined(__SANITIZE_THREAD__)
    void *fiber, *fiber_back;
#endif
#if defined(PAWL_VALGRIND)
    unsigned valgrind_id;
#endif
};

static _Thread_local struct pawl_coro *volatile coro_current;

static size_t coro_page(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

// --- overflows ----------------------------------------------------------------------------------

static struct sigaction coro_old_segv, coro_old_bus;

static void coro_say(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void coro_say_number(size_t number) {
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do *--at = (char)('0' + number % 10);
    while (number /= 10);
    coro_say(at);
}

// Says where it happened and lets the process die of the signal.
static void coro_on_fault(int number, siginfo_t *info, void *context) {
    struct pawl_coro *coro = coro_current;
    const char *at = info->si_addr;
    if (coro && at >= coro->base && at < coro->base + coro_page()) {
        coro_say("pawl: the stack of workflow '");
        coro_say(coro->label.workflow);
        coro_say("' (instance '");
        coro_say(coro->label.instance);
        coro_say("', sequence number ");
        coro_say_number((size_t)*coro->label.sequence_number);
        coro_say(") has overflowed its ");
        coro_say_number(coro->size - coro_page());
        coro_say(" bytes: use less stack in it, or set stack_size in struct pawl_options\n");
        signal(number, SIG_DFL);
        return;
    }
    sigaction(number, number == SIGBUS ? &coro_old_bus : &coro_old_segv, NULL);
}

static void coro_install_handler(void) {
    struct sigaction action = {.sa_sigaction = coro_on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &coro_old_segv);
    sigaction(SIGBUS, &action, &coro_old_bus);
}

// --- pools --------------------------------------------------------------------------------------

void pawl__coro_pool_init(struct pawl_coro_pool *pool, size_t stack_size) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, coro_install_handler);
    size_t page = coro_page();
    *pool = (struct pawl_coro_pool){.stack_size = (stack_size + page - 1) / page * page};
    stack_t old;
    if (sigaltstack(NULL, &old) || !(old.ss_flags & SS_DISABLE)) return;
    pool->signal_stack = malloc(CORO_SIGNAL_STACK);
    stack_t stack = {.ss_sp = pool->signal_stack, .ss_size = CORO_SIGNAL_STACK};
    if (pool->signal_stack) sigaltstack(&stack, NULL);
}

static void coro_unmap(struct pawl_coro *coro) {
#if defined(PAWL_VALGRIND)
    VALGRIND_STACK_DEREGISTER(coro->valgrind_id);
#endif
    munmap(coro->base, coro->size);
}

void pawl__coro_pool_finish(struct pawl_coro_pool *pool) {
    while (pool->free) {
        struct pawl_coro *coro = pool->free;
        pool->free = coro->next;
        coro_unmap(coro);
    }
    if (!pool->signal_stack) return;
    stack_t none = {.ss_flags = SS_DISABLE}, now;
    // The thread that had it may have ended.
    if (!sigaltstack(NULL, &now) && now.ss_sp == pool->signal_stack) sigaltstack(&none, NULL);
    free(pool->signal_stack);
    pool->signal_stack = NULL;
}

static struct pawl_coro *coro_map(const struct pawl_coro_pool *pool) {
    size_t page = coro_page();
    size_t size = pool->stack_size + page;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return NULL;
    if (mprotect(base, page, PROT_NONE)) {
        munmap(base, size);
        return NULL;
    }
    size_t head = (sizeof(struct pawl_coro) + 63) / 64 * 64;
    struct pawl_coro *coro = (struct pawl_coro *)(void *)(base + size - head);
    coro->base = base;
    coro->size = size;
#if defined(PAWL_VALGRIND)
    coro->valgrind_id = VALGRIND_STACK_REGISTER(base + page, coro);
#endif
    return coro;
}

// --- switching ----------------------------------------------------------------------------------

static char *coro_stack(const struct pawl_coro *coro) {
    return coro->base + coro_page();
}

static size_t coro_stack_size(const struct pawl_coro *coro) {
    return (size_t)((const char *)coro - coro_stack(coro));
}

static void coro_entered(struct pawl_coro *coro) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(coro->fake, &coro->bottom_back, &coro->size_back);
#else
    (void)coro;
#endif
}

// Goes to |*to|, and says where whoever comes back from there has left it. Apart, as TSan is told
// of a switch before this function is entered, and must not see that it is left on the other stack.
static __attribute__((noinline, no_sanitize("thread"))) void coro_switch(void **to, void *data) {
    *to = jump_fcontext(*to, data).place;
}

static void coro_exchange_exceptions(struct pawl_coro *coro) {
    if (!__cxa_get_globals) return;
    struct coro_exceptions *now = __cxa_get_globals(), other = coro->exceptions;
    coro->exceptions = *now;
    *now = other;
}

static void coro_leave(struct pawl_coro *coro) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(coro->ended ? NULL : &coro->fake, coro->bottom_back,
                                   coro->size_back);
#elif defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(coro->fiber_back, 0);
#endif
    coro_switch(&coro->back, NULL);
    coro_entered(coro);
}

static __attribute__((no_sanitize("thread"))) void coro_main(struct coro_transfer transfer) {
    struct pawl_coro *coro = transfer.data;
    coro->back = transfer.place;
    coro_entered(coro);
    coro->run(coro->arg);
    coro->ended = true;
    coro_leave(coro);
}

struct pawl_coro *pawl__coro_create(struct pawl_coro_pool *pool, void (*run)(void *arg), void *arg,
                                    struct pawl_coro_label label) {
    struct pawl_coro *coro = pool->free;
    if (coro) {
        pool->free = coro->next;
        pool->free_count--;
    } else if (!(coro = coro_map(pool))) {
        return NULL;
    }
    coro->run = run;
    coro->arg = arg;
    coro->label = label;
    coro->here = make_fcontext(coro, coro_stack_size(coro), coro_main);
    coro->ended = false;
    coro->exceptions = (struct coro_exceptions){NULL, 0};
#if defined(__SANITIZE_ADDRESS__)
    coro->fake = NULL;
#elif defined(__SANITIZE_THREAD__)
    coro->fiber = __tsan_create_fiber(0);
#endif
    return coro;
}

void pawl__coro_destroy(struct pawl_coro_pool *pool, struct pawl_coro *coro) {
    if (!coro) return;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(coro_stack(coro), coro_stack_size(coro));
#elif defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(coro->fiber);
#endif
    if (pool->free_count >= CORO_FREE) {
        coro_unmap(coro);
        return;
    }
    coro->next = pool->free;
    pool->free = coro;
    pool->free_count++;
}

bool pawl__coro_resume(struct pawl_coro *coro) {
    coro->outer = coro_current;
    coro_current = coro;
    coro_exchange_exceptions(coro);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(&coro->fake_back, coro_stack(coro), coro_stack_size(coro));
#elif defined(__SANITIZE_THREAD__)
    coro->fiber_back = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(coro->fiber, 0);
#endif
    coro_switch(&coro->here, coro);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(coro->fake_back, NULL, NULL);
#endif
    coro_exchange_exceptions(coro);
    coro_current = coro->outer;
    return !coro->ended;
}

void pawl__coro_yield(struct pawl_coro *coro) {
    coro_leave(coro);
}
