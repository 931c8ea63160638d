#ifndef PAWL_SDK_PATCH_H
#define PAWL_SDK_PATCH_H

// Patches: named changes to a workflow's code (reference 3.10).

#include "base/arena.h"

struct pawl_patch {
    struct pawl_patch *next;
    const char *name;
    bool applies;
    bool taken; // the code has asked for it in this run
};

// The patches of one run. Empty when zero-initialised.
struct pawl_patches {
    char **names; // taken, in the order in which the code asks
    size_t count, cap;
    struct pawl_patch *known; // decided on, or recorded in the history; in the run's arena
};

void pawl__patches_finish(struct pawl_patches *patches);

// NULL: |name| is not decided yet.
struct pawl_patch *pawl__patches_find(const struct pawl_patches *patches, const char *name);

// Notes the decision on |name|, from the history or made now, unless it is known. False when memory
// is out.
bool pawl__patches_note(struct pawl_patches *patches, struct pawl_arena *arena, const char *name,
                        bool applies);

// Adds |patch| to what is answered. False when memory is out.
bool pawl__patches_take(struct pawl_patches *patches, struct pawl_patch *patch);

#endif
