#ifndef PAWL_CLI_COMMAND_H
#define PAWL_CLI_COMMAND_H

// Finds the command that the program was called with, and runs it.

#include "cli/commands.h"

// Runs the program: |argv[0]| says under which name it was called.
int pawl__cli_main(int argc, char **argv);

enum {
    PAWL_EXIT_USAGE = 2
};

// Tells on stderr what is wrong with the command line. Returns PAWL_EXIT_USAGE.
int pawl__misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
