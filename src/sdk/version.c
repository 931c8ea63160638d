#include <pawl.h>

#include "base/err.h"

const char *pawl_version(void) {
    return PAWL_VERSION;
}

const char *pawl_error_text(enum pawl_err code) {
    return pawl__err_text(code);
}
