#include "suite.h"

int main(int argc, char **argv) {
    int rc = suite_main(argc, argv, &t_memory);
    return rc < 0 ? 0 : rc;
}
