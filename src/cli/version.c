#include "cli/version.h"

#include <jansson.h>
#include <nghttp2/nghttp2.h>
#include <sqlite3.h>
#include <uv.h>

#ifdef __clang__
static const char compiler[] = __VERSION__; // begins with its name
#else
static const char compiler[] = "GCC " __VERSION__;
#endif

void pawl__build_info_write(FILE *out) {
    fprintf(out,
            "Version: %s\nPawl: %s\nCompiler: %s\n"
            "libuv: %s\nnghttp2: %s\nSQLite: %s\njansson: %s\n",
            PAWL_DAPR_VERSION, PAWL_VERSION, compiler, uv_version_string(),
            nghttp2_version(0)->version_str, sqlite3_libversion(), jansson_version_str());
}
