#include "sdk/patch.h"

#include <stdlib.h>

#include "base/array.h"

void pawl__patches_finish(struct pawl_patches *patches) {
    free(patches->names);
}

struct pawl_patch *pawl__patches_find(const struct pawl_patches *patches, const char *name) {
    struct pawl_patch *patch = patches->known;
    while (patch && strcmp(patch->name, name)) patch = patch->next;
    return patch;
}

bool pawl__patches_note(struct pawl_patches *patches, struct pawl_arena *arena, const char *name,
                        bool applies) {
    if (pawl__patches_find(patches, name)) return true;
    struct pawl_patch *patch = pawl__arena_alloc(arena, sizeof *patch);
    char *copy = pawl__arena_dup(arena, pawl__str(name));
    if (!patch || !copy) return false;
    *patch = (struct pawl_patch){.next = patches->known, .name = copy, .applies = applies};
    patches->known = patch;
    return true;
}

bool pawl__patches_take(struct pawl_patches *patches, struct pawl_patch *patch) {
    if (patch->taken) return true;
    if (!pawl__array_room((void **)&patches->names, patches->count, &patches->cap,
                          sizeof *patches->names))
        return false;
    patches->names[patches->count++] = (char *)patch->name;
    patch->taken = true;
    return true;
}
