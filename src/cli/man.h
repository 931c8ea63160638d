#ifndef PAWL_CLI_MAN_H
#define PAWL_CLI_MAN_H

#include <stdio.h>

// Writes the manual page from the tables of commands and flags, in the man(7) form.
void pawl__man_write(FILE *out);

#endif
