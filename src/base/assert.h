#ifndef PAWL_BASE_ASSERT_H
#define PAWL_BASE_ASSERT_H

// States what can never be false, in every build. When it is false all the same, memory is not what
// the program says, and the process ends before anything of it becomes durable: the log is what
// counts, and the next process reads it. What bad input could make false is an error instead.
#define pawl__assert(condition)                                                                    \
    ((condition) ? (void)0 : pawl__assert_failed(#condition, __FILE__, __LINE__))

_Noreturn void pawl__assert_failed(const char *condition, const char *file, int line);

#endif
