#ifndef PAWL_CLI_TERMINAL_H
#define PAWL_CLI_TERMINAL_H

// The terminal that this process was started from. One process group at a time, the foreground,
// may read from it and gets the signals that are typed; a process of another group is stopped when
// it reads (SIGTTIN) or changes settings (SIGTTOU). See termios(3), "The controlling terminal".

#include <stdbool.h>
#include <sys/types.h>

// Makes |group| the foreground if our own group is that now. False: it is not, or there is no
// terminal. The caller ignores SIGTTOU.
bool pawl__terminal_give(pid_t group);

// Makes our own group the foreground again if |group| is that now; 0 never is.
void pawl__terminal_take_back(pid_t group);

#endif
