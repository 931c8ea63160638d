#include "suite.h"

static enum pawl_err sqlite_open(const char *path, struct pawl_store **out,
                                 struct pawl_error *error) {
    return pawl__sqlite_open(&(struct pawl_sqlite_options){.path = path}, out, error);
}

int main(int argc, char **argv) {
    const struct store_kind kind = {"sqlite", true, sqlite_open};
    int rc = suite_main(argc, argv, &kind);
    return rc < 0 ? 0 : rc;
}
