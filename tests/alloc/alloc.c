#include "alloc.h"

#include <stdlib.h>

void *__real_malloc(size_t len);
void *__real_calloc(size_t count, size_t len);
void *__real_realloc(void *piece, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t count, size_t len);
void *__wrap_realloc(void *piece, size_t len);

void *__wrap_malloc(size_t len) {
    return alloc_fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t count, size_t len) {
    return alloc_fails() ? NULL : __real_calloc(count, len);
}

void *__wrap_realloc(void *piece, size_t len) {
    return alloc_fails() ? NULL : __real_realloc(piece, len);
}
