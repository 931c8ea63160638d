#include "cli/terminal.h"

#include <fcntl.h>
#include <unistd.h>

// Hands the foreground from one group to another.
static bool terminal_move(pid_t from, pid_t to) {
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return false;
    bool moved = tcgetpgrp(fd) == from && tcsetpgrp(fd, to) == 0;
    close(fd);
    return moved;
}

bool pawl__terminal_give(pid_t group) {
    return terminal_move(getpgrp(), group);
}

void pawl__terminal_take_back(pid_t group) {
    if (group) terminal_move(group, getpgrp());
}
