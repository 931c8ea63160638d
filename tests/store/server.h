#ifndef PAWL_TESTS_STORE_SERVER_H
#define PAWL_TESTS_STORE_SERVER_H

#include <stdbool.h>

// A PostgreSQL server of Debian's, in a temporary folder, on a socket there. It runs as user
// postgres where the test is root.

// False: there is none on this machine.
bool server_begin(void);
void server_start(void);
void server_kill(void); // -9, and waits for its end
void server_end(void);

// No table can grow any more. False: this build cannot do that.
bool server_fill_disk(bool full);

// The folder of its socket; from the environment in a second process.
const char *server_folder(void);

#endif
