#include "sdk/patch.h"

#include <stdlib.h>

#include "sdk/error.h"

static struct pawl_patch *patch_find(const struct pawl_workflow *wf, const char *name) {
    struct pawl_patch *patch = wf->known;
    while (patch && strcmp(patch->name, name)) patch = patch->next;
    return patch;
}

bool pawl__patch_note(struct pawl_workflow *wf, const char *name, bool applies) {
    if (patch_find(wf, name)) return true;
    struct pawl_patch *patch = pawl__arena_alloc(&wf->arena, sizeof *patch);
    char *copy = pawl__arena_dup(&wf->arena, pawl__str(name));
    if (!patch || !copy) return false;
    *patch = (struct pawl_patch){.next = wf->known, .name = copy, .applies = applies};
    wf->known = patch;
    return true;
}

// Adds it to what is answered, in the order in which the code asks.
static bool patch_take(struct pawl_workflow *wf, struct pawl_patch *patch) {
    if (patch->taken) return true;
    if (wf->patch_count == wf->patch_cap) {
        size_t cap = wf->patch_cap ? wf->patch_cap * 2 : 4;
        char **patches = realloc(wf->patches, cap * sizeof *patches);
        if (!patches) return false;
        wf->patches = patches;
        wf->patch_cap = cap;
    }
    wf->patches[wf->patch_count++] = (char *)patch->name;
    patch->taken = true;
    return true;
}

bool pawl_is_patched(struct pawl_workflow *wf, const char *name) {
    if (wf != pawl__execution_current()) {
        pawl__sdk_fail(PAWL_E_PRECONDITION,
                       "pawl_is_patched was called from outside the workflow's function");
        return false;
    }
    if (pawl__sdk_check_name(name, "patch's name")) return false;
    struct pawl_patch *patch = patch_find(wf, name);
    if (!patch) {
        if (!pawl__patch_note(wf, name, !wf->replaying)) {
            wf->nomem = true;
            return false;
        }
        patch = wf->known;
    }
    if (patch->applies && !patch_take(wf, patch)) wf->nomem = true;
    return patch->applies;
}
