#include "suite.h"

static enum pawl_err memory_open(const char *path, struct pawl_store **out,
                                 struct pawl_error *error) {
    (void)path;
    return pawl__memory_open(out, error);
}

int main(int argc, char **argv) {
    const struct store_kind kind = {"memory", false, memory_open};
    int rc = suite_main(argc, argv, &kind);
    return rc < 0 ? 0 : rc;
}
