#ifndef PAWL_CLI_COMMAND_H
#define PAWL_CLI_COMMAND_H

// Finds the command that the program was called with, and runs it.

// Runs the program: |argv[0]| says under which name it was called.
int pawl__cli_main(int argc, char **argv);

#endif
