#include "sdk/failure.h"

#include "engine/events.h"
#include "wire/pack.h"

enum {
    FAILURE_CAUSES = 32 // that are kept; more say nothing to anybody
};

struct pawl_failure *pawl__failure_unpack(struct pawl_arena *arena,
                                          const Pb__TaskFailureDetails *details) {
    struct pawl_failure *first = NULL;
    const struct pawl_failure **place = NULL;
    for (int i = 0; i < FAILURE_CAUSES && (details || !first); i++) {
        struct pawl_failure *failure = pawl__arena_zalloc(arena, sizeof *failure);
        if (!failure) return NULL;
        failure->type = details ? details->errortype : "";
        failure->message = details ? details->errormessage : "it did not say why";
        if (details) {
            failure->stack = pawl__string_of(details->stacktrace);
            failure->is_final = details->isnonretriable;
            details = details->innerfailure;
        }
        if (place) *place = failure;
        if (!first) first = failure;
        place = &failure->cause;
    }
    return first;
}

Pb__TaskFailureDetails *pawl__failure_pack(struct pawl_arena *arena,
                                           const struct pawl_failure *failure) {
    Pb__TaskFailureDetails *first = NULL, **place = &first;
    for (int i = 0; i < FAILURE_CAUSES && failure; i++, failure = failure->cause) {
        Pb__TaskFailureDetails *details =
            pawl__wire_new(arena, &pb__task_failure_details__descriptor);
        if (!details) return NULL;
        details->errortype = (char *)failure->type;
        details->errormessage = (char *)failure->message;
        details->isnonretriable = failure->is_final;
        details->stacktrace = pawl__string_value(arena, (char *)failure->stack);
        if (failure->stack && !details->stacktrace) return NULL;
        *place = details;
        place = &details->innerfailure;
    }
    return first;
}
