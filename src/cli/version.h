#ifndef PAWL_CLI_VERSION_H
#define PAWL_CLI_VERSION_H

#include <stdio.h>

// What clients of Dapr are told: the release whose workflow API is served, by whom in the part that
// version comparisons leave out. Dapr's command line chooses daprd's flags by it.
#define PAWL_DAPR_VERSION "1.17.0+pawl." PAWL_VERSION

// Writes how the program was built and on what it runs, a line each.
void pawl__build_info_write(FILE *out);

#endif
