#ifndef PAWL_SDK_ACTIVITY_H
#define PAWL_SDK_ACTIVITY_H

// Activities run on threads of their own, where they may block; quick ones on the loop's.

#include <pawl.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "orchestrator_service.pb-c.h"
#include "runtime/jobs.h"
#include "sdk/registry.h"

struct pawl_activity_pool {
    struct pawl_jobs jobs; // pawl_activity_run::job
    atomic_bool canceled;  // the program is closing
};

// One run of an activity. Made and freed by the loop's thread.
struct pawl_activity_run {
    struct pawl_activity activity; // what the function sees
    struct pawl_job job;
    struct pawl_arena arena; // the request, and what the function makes
    struct pawl_activity_pool *pool;
    const struct pawl_activity_entry *entry;
    char *token;
    bool is_final, is_later;
    enum pawl_err err;
    struct pawl_text result;
    const char *failure_type, *failure_message;
    const Pb__PropagatedHistory *propagated; // that came with the call; NULL: none
    const struct pawl_caller *caller;        // made of it when it is first asked for
    struct pawl_activity_deferred *deferred;
};

// The activity of |pawl| that runs on this thread; NULL: none.
const struct pawl_activity *pawl__activity_current(const struct pawl *pawl);

// A run for |request|. It takes over |arena|, which has the request, and lives in it. NULL when
// memory is out.
struct pawl_activity_run *pawl__activity_run_create(struct pawl_arena *arena,
                                                    const Pb__ActivityRequest *request,
                                                    struct pawl_str token);

// Calls the function; the second one as a job of the run's pool.
void pawl__activity_execute(struct pawl_activity_run *run);
void pawl__activity_execute_job(struct pawl_job *job);

// The message that completes |run|, in its arena. NULL when memory is out.
Pb__ActivityResponse *pawl__activity_run_answer(struct pawl_activity_run *run);

// The same for an activity that is completed later. False: |token| is not a token.
bool pawl__activity_token_read(struct pawl_arena *arena, const char *token,
                               Pb__ActivityResponse *out);

#endif
