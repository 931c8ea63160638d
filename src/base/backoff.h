#ifndef PAWL_BASE_BACKOFF_H
#define PAWL_BASE_BACKOFF_H

// How long to wait before something is tried again.

#include <stdbool.h>
#include <stdint.h>

// The waits grow from |first| by |factor| up to |most|. Each one is longer or shorter than that by
// at most its part |jitter|, by chance, so that many who failed together do not come back together.
struct pawl_backoff {
    int64_t first, most; // nanoseconds
    double factor;       // 1: each is as long as the first
    double jitter;       // from 0 to 1
    int64_t elapsed; // a wait that ends later than that after the first try is none; 0: no limit
    int64_t retries; // below zero: no limit
};

// The nanoseconds before the retry of number |retry|, from 1, when |passed| have gone by since the
// first try began; |chance| is from 0 to below 1. False: there is no such retry.
bool pawl__backoff_wait(const struct pawl_backoff *backoff, int64_t retry, int64_t passed,
                        double chance, int64_t *out);

#endif
