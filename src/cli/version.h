#ifndef PAWL_CLI_VERSION_H
#define PAWL_CLI_VERSION_H

// What clients of Dapr are told: the release whose workflow API is served, by whom in the part that
// version comparisons leave out. Dapr's command line chooses daprd's flags by it.
#define PAWL_DAPR_VERSION "1.17.0+pawl." PAWL_VERSION

#endif
