#ifndef PAWL_CLI_COMPLETION_H
#define PAWL_CLI_COMPLETION_H

#include "cli/commands.h"

// Writes what completes |commands|, which end with NULL, in the shell that the arguments name.
// Returns the process's exit code.
int pawl__completion_write(const struct pawl_command *const *commands,
                           const struct pawl_flags *flags);

#endif
