#ifndef PAWL_CLI_FIND_H
#define PAWL_CLI_FIND_H

// The daemons that run on this machine, found by their command lines: there is no file that could
// go stale.

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct pawl_found {
    pid_t pid, cli_pid, app_pid; // 0: none; the last two only when they belong to the daemon
    char app_id[128];
    int http_port, grpc_port, app_port; // 0: none, or not known
    char host[300];          // where it listens to us: an address, or the path of a socket
    char sockets[512];       // folder of the sockets that it listens on; "": on ports
    char grpc_target[512];   // of a client; "": its flags do not say which port it has
    int workers;             // that are connected; -1: not known
    int64_t started_at;      // seconds since 1970
    char command[256];       // of the app
    char template_path[512]; // of the run file; "": none
    char app_log[512], daemon_log[512]; // files; "": none
};

enum {
    PAWL_FOUND_MAX = 256
};

// Fills |out| and returns how many there are.
size_t pawl__find_daemons(struct pawl_found out[PAWL_FOUND_MAX]);

// The same, but for what only the daemons themselves could tell: none of them is asked.
size_t pawl__find_running(struct pawl_found out[PAWL_FOUND_MAX]);

// Of |found|, as pawl__find_running gave it, the daemon to speak with about the app |app_id|: the
// one with most workers, which is where its workflows are; the oldest, where several have as many,
// as it knows most of the past. Only daemons of this app are asked. NULL: there is none.
const struct pawl_found *pawl__find_best(struct pawl_found *found, size_t count,
                                         const char *app_id);

// Whether the process has ended, even if its parent has not asked how.
bool pawl__find_is_gone(pid_t pid);

#endif
