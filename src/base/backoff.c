#include "base/backoff.h"

// What the wait would be without chance. Once it has reached the most it stays there, so that the
// loop is short however often something was tried.
static double backoff_base(const struct pawl_backoff *backoff, int64_t retry) {
    double base = (double)backoff->first, most = (double)backoff->most;
    if (backoff->factor <= 1) return base;
    for (int64_t i = 1; i < retry && base < most; i++) base *= backoff->factor;
    return base < most ? base : most;
}

bool pawl__backoff_wait(const struct pawl_backoff *backoff, int64_t retry, int64_t passed,
                        double chance, int64_t *out) {
    if (backoff->retries >= 0 && retry > backoff->retries) return false;
    double base = backoff_base(backoff, retry);
    double wait = base * (1 - backoff->jitter + 2 * backoff->jitter * chance);
    if (backoff->elapsed && (double)passed + wait > (double)backoff->elapsed) return false;
    *out = wait < (double)(INT64_MAX / 2) ? (int64_t)wait : INT64_MAX / 2;
    return true;
}
