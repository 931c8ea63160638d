#include "worlds.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

void broken(const char *invariant, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("broken: %s: ", invariant);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
    _exit(1);
}

int run_worlds(int argc, char **argv, void (*world)(uint64_t seed)) {
    uint64_t seed = 1;
    int64_t seconds = 10;
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seconds") == 0) seconds = atoll(argv[i + 1]);
    }
    int64_t began = pawl__clock_steady();
    unsigned worlds = 0;
    do {
        printf("world of seed %llu\n", (unsigned long long)(seed + worlds));
        fflush(stdout);
        world(seed + worlds++);
    } while (pawl__clock_steady() - began < seconds * PAWL_SECOND);
    printf("%u worlds in %.1f s: all invariants held\n", worlds,
           (double)(pawl__clock_steady() - began) / PAWL_SECOND);
    return 0;
}
