#ifndef PAWL_SDK_PATCH_H
#define PAWL_SDK_PATCH_H

// Changes to a workflow's code that it asks for by name (reference 3.10).

#include "sdk/execution.h"

struct pawl_patch {
    struct pawl_patch *next;
    const char *name;
    bool applies;
    bool taken; // the code has asked for it in this run
};

// Notes that the history has |name|, or what was decided. False when memory is out.
bool pawl__patch_note(struct pawl_workflow *wf, const char *name, bool applies);

#endif
