#ifndef PAWL_BASE_ARENA_H
#define PAWL_BASE_ARENA_H

#include "base/str.h"

// Memory that is given out piece by piece and freed at once: one per request, turn or file.
// Zero-initialised it is empty and ready.
struct pawl_arena {
    struct pawl_arena_block *block;
};

// Frees every piece.
void pawl__arena_finish(struct pawl_arena *arena);

// Forgets every piece, and keeps one block for the next use.
void pawl__arena_reset(struct pawl_arena *arena);

// |len| bytes aligned for any type, not cleared; NULL when memory is out. Zero bytes give a
// pointer that may not be read.
void *pawl__arena_alloc(struct pawl_arena *arena, size_t len);

// The same, cleared.
void *pawl__arena_zalloc(struct pawl_arena *arena, size_t len);

// Terminated copies; NULL when memory is out.
char *pawl__arena_dup(struct pawl_arena *arena, struct pawl_str text);
char *pawl__arena_format(struct pawl_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
