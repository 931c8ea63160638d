#ifndef PAWL_RUNTIME_TASKHUB_LIST_H
#define PAWL_RUNTIME_TASKHUB_LIST_H

// The methods of taskhub.h that ask which instances there are: their ids, as the reference tells
// them (LIST); or what is known of each (SEARCH); or how many (TALLY).

#include "runtime/taskhub_call.h"

// Each makes the call's verb, to be run. NULL: PAWL_E_INVALID, PAWL_E_NOMEM.
struct pawl_call *pawl__taskhub_list(struct pawl_taskhub_call *call, struct pawl_error *error);
struct pawl_call *pawl__taskhub_search(struct pawl_taskhub_call *call, struct pawl_error *error);
struct pawl_call *pawl__taskhub_tally(struct pawl_taskhub_call *call, struct pawl_error *error);

// Each fills the response from the verb. False: memory is out.
bool pawl__taskhub_answer_list(struct pawl_taskhub_call *call);
bool pawl__taskhub_answer_search(struct pawl_taskhub_call *call);
bool pawl__taskhub_answer_tally(struct pawl_taskhub_call *call);

// Fills the tags of |state| from those of a row. False: memory is out.
bool pawl__taskhub_put_tags(struct pawl_arena *arena, struct pawl_str tags,
                            Pb__WorkflowState *state);

#endif
