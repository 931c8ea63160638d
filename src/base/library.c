#include "base/library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

enum pawl_err pawl__library_load(const char *file, const char *const *names, void *out,
                                 struct pawl_error *error) {
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL), *function;
    bool ok = library;
    for (size_t i = 0; ok && names[i]; i++) {
        ok = (function = dlsym(library, names[i]));
        memcpy((char *)out + i * sizeof function, &function, sizeof function);
    }
    return ok ? PAWL_OK : pawl__fail(error, PAWL_E_UNAVAILABLE, "cannot load %s", dlerror());
}
