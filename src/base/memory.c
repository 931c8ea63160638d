#include "base/memory.h"

#include <stdlib.h> // which says whether the library is glibc

#if defined(__GLIBC__)
#include <malloc.h>
#endif

void pawl__memory_trim(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
}
