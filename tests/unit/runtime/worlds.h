#ifndef PAWL_TESTS_UNIT_RUNTIME_WORLDS_H
#define PAWL_TESTS_UNIT_RUNTIME_WORLDS_H

// Programs that run one world of troubles after the other, each from a seed.

#include <stdint.h>

// Ends the program: |invariant| does not hold.
void broken(const char *invariant, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

// Runs worlds from --seed on (1) for --seconds (10), at least one. Gives what main returns.
int run_worlds(int argc, char **argv, void (*world)(uint64_t seed));

#endif
