// What 'pawl run' hands to the processes that it starts. The program is its own sidecar, which ends
// at once.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/run.h"

enum {
    FORKS = 8
};

static int held[FORKS]; // sockets that were open at each fork
static size_t forks;

// How many descriptors are sockets that listen.
static int count_listening(void) {
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        int listens = 0;
        socklen_t len = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0) count += listens;
    }
    return count;
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void) {
    if (forks < FORKS) held[forks++] = count_listening();
    return __real_fork();
}

// A copy of a socket that holds a port, in a process that has not closed it yet, would keep the
// sidecar from the port.
static void test_nobody_gets_the_held_ports(void **state) {
    const char *const command[] = {"true", NULL};
    struct pawl_run_app apps[2] = {{.app_id = "a", .command = command},
                                   {.app_id = "b", .command = command}};
    struct pawl_run_options options = {.many = true};
    pawl__run_apps(apps, 2, &options);
    assert_int_equal(forks, 3); // the guard, and two sidecars
    assert_int_equal(held[0], 0);
    assert_int_equal(held[1], 3); // of the other app, whose sidecar waits for this child's exec
    assert_int_equal(held[2], 0);
}

int main(int argc, char **argv) {
    if (strcmp(argv[0], "daprd") == 0) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nobody_gets_the_held_ports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
