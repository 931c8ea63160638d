#ifndef PAWL_CONFIG_NAMES_H
#define PAWL_CONFIG_NAMES_H

// Where other apps' daemons are: spec.nameResolution of a Configuration (reference 7.4).
//
//   nameResolution:
//     component: apps            # a table
//     configuration:
//       payment: 10.0.0.7:50001  # the gRPC address of a daemon, or a list of such
//
//   nameResolution:
//     component: nameformat      # for DNS, as Dapr has it
//     configuration:
//       format: "{appid}.example.com:50001"
//
// Other components (mdns, consul, ...) are told in the log; without one, daemons are looked for on
// this machine.

#include "config/resource.h"

struct pawl_name {
    const char *app, *address;
    struct pawl_name *next;
};

struct pawl_names {
    struct pawl_name *table; // a list; an app may stand in it more than once
    const char *format;      // with {appid} in it; NULL: none
    const char *file;        // that the table or the format is from
};

enum {
    PAWL_NAME_ADDRESS = 500 // bytes of an address or a format, at most
};

// Takes over what |node| says, in place of what |out| had.
enum pawl_err pawl__names_take(const struct pawl_config_context *context,
                               const struct pawl_yaml *node, struct pawl_names *out,
                               struct pawl_error *error);

#endif
