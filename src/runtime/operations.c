#include "runtime/operations.h"

#include "base/clock.h"
#include "runtime/verbs.h"

static bool operation_of(const struct pawl_call *call, enum pawl_operation *out) {
    switch (call->verb->kind) {
    case PAWL_VERB_START: *out = PAWL_OPERATION_CREATE; return true;
    case PAWL_VERB_LOOK:
        *out = PAWL_OPERATION_GET;
        return PAWL_CONTAINER(call, const struct pawl_look, call)->wait_for == PAWL_WAIT_NOT;
    case PAWL_VERB_POST: *out = PAWL_OPERATION_EVENT; return true;
    case PAWL_VERB_PURGE: *out = PAWL_OPERATION_PURGE; return true;
    default: return false;
    }
}

int64_t pawl__operation_begin(const struct pawl_operation_meters *meters) {
    return meters ? pawl__clock_steady() : 0;
}

void pawl__operation_end(struct pawl_operation_meters *meters, const struct pawl_call *call,
                         int64_t began, bool failed) {
    enum pawl_operation operation;
    if (meters && operation_of(call, &operation))
        pawl__histogram_add(&meters->times[operation][failed], pawl__clock_steady() - began);
}
