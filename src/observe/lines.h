#ifndef PAWL_OBSERVE_LINES_H
#define PAWL_OBSERVE_LINES_H

// The newest lines of output of an app and its sidecar, in memory that two processes share: 'pawl
// run' reads their output and writes the ring, and the sidecar serves it.
//
//   app ──► pawl run ──► ring ──► sidecar ──► GET /pawl/v1/log
//                          └ a descriptor that the sidecar inherits, to read only
//
// No file name is involved, so nobody can be tricked into reading another file. New lines overwrite
// the oldest.

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"

enum {
    PAWL_LINES_SIZE = 1 << 20, // bytes
    PAWL_LINES_LONGEST = 8192, // of a line; what is more is cut
};

// Names the descriptor to the process that inherits it.
#define PAWL_LINES_ENV "PAWL_LINES_FD"

enum pawl_lines_from {
    PAWL_LINES_APP,
    PAWL_LINES_DAEMON,
};

struct pawl_lines_memory;

// One side of a ring.
struct pawl_lines {
    struct pawl_lines_memory *memory; // NULL: there is none
    int fd;
};

// A new ring, to write. PAWL_E_IO.
enum pawl_err pawl__lines_create(struct pawl_lines *lines, struct pawl_error *error);

// A read-only descriptor of the ring for another process; close-on-exec is set. Negative: there is
// none to be had.
int pawl__lines_share(const struct pawl_lines *lines);

// Opens the ring behind |fd| for reading, and takes |fd| over. PAWL_E_INVALID: it is not a ring.
enum pawl_err pawl__lines_open(struct pawl_lines *lines, int fd, struct pawl_error *error);

void pawl__lines_close(struct pawl_lines *lines);

// |at|: nanoseconds since 1970. Does nothing when there is no ring.
void pawl__lines_add(struct pawl_lines *lines, enum pawl_lines_from from, int64_t at,
                     struct pawl_str text);

struct pawl_line {
    enum pawl_lines_from from;
    int64_t at;           // milliseconds since 1970
    struct pawl_str text; // valid UTF-8: what was none is '?'
};

// A copy of the ring at one moment, in an arena.
struct pawl_lines_view {
    char *text;
    size_t len, at;
    uint64_t end; // where a later view goes on
    bool missed;  // lines between |from| and the first one have given way
};

// All lines from the place |from| (0: from the oldest on). False when memory is out.
bool pawl__lines_view(const struct pawl_lines *lines, uint64_t from, struct pawl_arena *arena,
                      struct pawl_lines_view *out);

// The next line; false at the end.
bool pawl__lines_next(struct pawl_lines_view *view, struct pawl_line *out);

#endif
