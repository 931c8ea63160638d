#ifndef PAWL_CLI_INSTEAD_H
#define PAWL_CLI_INSTEAD_H

// Commands of Dapr's command line that this one has not: what to do instead.

#include <stdbool.h>

// Tells what to do instead of the command |word|, with its |count| |arguments|. False: Dapr has no
// such command.
bool pawl__instead(const char *called, const char *word, char **arguments, int count);

#endif
