#ifndef PAWL_CLI_MAN_H
#define PAWL_CLI_MAN_H

#include "cli/commands.h"

// Writes the manual page of |commands|, which end with NULL, in the man(7) form.
void pawl__man_write(FILE *out, const struct pawl_command *const *commands);

#endif
