#ifndef PAWL_TESTS_STORE_REDIS_SERVER_H
#define PAWL_TESTS_STORE_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// A redis-server of Debian's, in a temporary folder, on a port of 127.0.0.1 that was free. Each
// write is synced before it is answered. It ends with the test, however that ends.
struct redis_server {
    pid_t pid;
    int port;
    char folder[32];
    const char *const *flags; // beside the usual ones; ends with NULL; may be NULL
    const char *greets;       // its answer to PING; NULL: PONG
    const char *file;         // of settings, instead of the usual flags; may be NULL
};

// Whether there is one on this machine.
bool redis_server_exists(void);

// Chooses folder and port, of which flags may tell, then starts.
void redis_server_prepare(struct redis_server *server);
void redis_server_start(struct redis_server *server);
void redis_server_stop(struct redis_server *server, int signal); // waits for its end
void redis_server_end(struct redis_server *server);              // and its folder's

// Below those that the kernel gives to clients, one of which could take it before a server does.
// Each is given once.
int redis_free_port(void);

// A command of the test's own; its answer is a text, or a number as text, in |out|, which may be
// NULL. Empty: there was none.
void redis_ask(int port, const char *command, char *out, size_t size);

// Asks until the answer begins with |wanted|; fails the test after half a minute.
void redis_await(int port, const char *command, const char *wanted);

#endif
