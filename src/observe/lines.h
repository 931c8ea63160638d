#ifndef PAWL_OBSERVE_LINES_H
#define PAWL_OBSERVE_LINES_H

// The newest lines that an app and its sidecar wrote, in memory that two processes share: 'pawl
// run', which reads their output, writes them, and the sidecar shows them to people.
//
//   app ──► pawl run ──► ring ──► sidecar ──► GET /pawl/v1/log
//                          └ a descriptor that the sidecar inherits, to read only
//
// No file is named, so nobody can be made to read another one. Old lines give way to new ones.

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

// A descriptor of it for another process, which can only read it, and which is closed at exec
// unless that is changed. Negative: it cannot be had.
int pawl__lines_share(const struct pawl_lines *lines);

// The ring behind |fd|, which it takes over, to read. PAWL_E_INVALID: it is none.
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

// What was there at one moment, in an arena.
struct pawl_lines_view {
    char *text;
    size_t len, at;
    uint64_t end; // where a later view goes on
    bool missed;  // lines between |from| and the first one have given way
};

// All lines from the place |from| (0: from the oldest on). False when memory is out.
bool pawl__lines_view(const struct pawl_lines *lines, uint64_t from, struct pawl_arena *arena,
                      struct pawl_lines_view *out);

// The next line of it; false at the end.
bool pawl__lines_next(struct pawl_lines_view *view, struct pawl_line *out);

#endif
