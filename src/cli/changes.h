#ifndef PAWL_CLI_CHANGES_H
#define PAWL_CLI_CHANGES_H

// Waiting for something to happen to the workflows of an app: the stream /pawl/v1/changes of its
// daemon, which tells what all daemons of the app do. Of what it says only that it says something
// is looked at.

#include "cli/find.h"

struct pawl_changes {
    int fd; // -1: there is no stream, and time alone passes
    char tail[16];
    size_t tail_len; // of what came last, as words may come in two pieces
};

// Begins to listen, to |id| alone when that is not NULL; what happens after this is not missed.
// |found| may be NULL. Without a stream, as with a daemon that has none, it only takes no time.
void pawl__changes_open(struct pawl_changes *changes, const struct pawl_found *found,
                        const char *id);
void pawl__changes_close(struct pawl_changes *changes);

// Returns when something has happened since the last call, or after |timeout| nanoseconds.
void pawl__changes_wait(struct pawl_changes *changes, int64_t timeout);

#endif
