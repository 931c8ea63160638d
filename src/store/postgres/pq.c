#include "store/postgres/pq.h"

#include <pthread.h>

struct pawl_pq pawl__pq; // filled once

static struct pawl_error pq_error;

static void pq_load(void) {
    static const char *const names[] = {
#define NAME(name) #name,
        PAWL_PQ(NAME)
#undef NAME
            NULL};
    pawl__error_clear(&pq_error);
    pawl__library_load("libpq.so.5", names, &pawl__pq, &pq_error);
}

enum pawl_err pawl__pq_load(struct pawl_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, pq_load);
    if (pq_error.code) *error = pq_error;
    return pq_error.code;
}
