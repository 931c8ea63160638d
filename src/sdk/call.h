#ifndef PAWL_SDK_CALL_H
#define PAWL_SDK_CALL_H

// A call that a program makes and waits for.

#include "sdk/loops.h"

// Zero at first.
struct pawl_client_call {
    struct pawl_op op; // |op.arena| may hold the request too
    const char *about; // the instance that an error has to name; NULL: none, or it does
    struct pawl_job begin, end;
    struct pawl_loop *loop;
    struct pawl_link link;        // of a wait: in the loop's
    bool over;                    // the loop's thread knows
    bool paused;                  // a wait: asked for again when |loop->again| fires
    enum pawl_err why;            // it is given up
    struct pawl_done done, ended; // the answer came; the call was given up
};

// Fails unless the function |what| may be called here, and for the instance |id|.
enum pawl_err pawl__client_check(struct pawl *pawl, const char *id, const char *what);

// Makes the call, and waits for |timeout| at most: PAWL_E_DEADLINE.
enum pawl_err pawl__client_call(struct pawl *pawl, struct pawl_client_call *call,
                                enum pawl_taskhub_method method, const void *request,
                                int64_t timeout);

// Frees the call's memory, and returns |err|.
enum pawl_err pawl__client_finish(struct pawl_client_call *call, enum pawl_err err);

// Ends the waits of other threads for |loop|, and prevents new ones.
void pawl__client_end_waits(struct pawl_loop *loop);

// --- client.c -----------------------------------------------------------------------------------

// pawl_suspend, pawl_resume and pawl_terminate, which, unless they wait, return once the command is
// on record: a worker that is connected carries it out soon, and without one that takes as long as
// it takes.
enum pawl_err pawl__suspend(struct pawl *pawl, const char *id, const char *reason, bool waits);
enum pawl_err pawl__resume(struct pawl *pawl, const char *id, const char *reason, bool waits);
enum pawl_err pawl__terminate(struct pawl *pawl, const char *id, struct pawl_text output,
                              bool recursive, bool waits);

// Fills |info| from |state|, whose texts it shares; new memory is in |arena|. False: memory is out.
bool pawl__client_info(struct pawl_arena *arena, const Pb__WorkflowState *state,
                       struct pawl_info *info);

#endif
