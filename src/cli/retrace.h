#ifndef PAWL_CLI_RETRACE_H
#define PAWL_CLI_RETRACE_H

// A history run again, turn by turn, against a worker of today: what the worker was given then, and
// whether it does the same.

#include "base/buf.h"
#include "base/err.h"
#include "orchestrator_service.pb-c.h"

struct pawl_retrace {
    struct pawl_arena *arena; // of all below, the caller's
    Pb__HistoryEvent **events;
    size_t count;
    const char *id, *execution_id, *name; // of the instance, of its workflow
    size_t begin, inputs,
        end;       // of the turn: what it was given ends at |inputs|, all of it at |end|
    unsigned turn; // counts from 1
};

// Reads |json|, a history as 'pawl workflow export' writes it. PAWL_E_INVALID: it is none;
// PAWL_E_NOMEM.
enum pawl_err pawl__retrace_read(struct pawl_retrace *retrace, struct pawl_arena *arena,
                                 struct pawl_str json, struct pawl_error *error);

// Goes to the next turn that a worker has computed. False: there is none.
bool pawl__retrace_next(struct pawl_retrace *retrace);

// The encoded WorkItem of the turn, in the arena. No data: memory is out.
struct pawl_str pawl__retrace_item(const struct pawl_retrace *retrace, char *token);

// NULL when |response| is what the history says; else where they part ways, in the arena (or a
// static text when memory is out).
const char *pawl__retrace_compare(const struct pawl_retrace *retrace,
                                  Pb__WorkflowResponse *response);

#endif
