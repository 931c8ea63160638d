#ifndef PAWL_RUNTIME_TASKHUB_CALL_H
#define PAWL_RUNTIME_TASKHUB_CALL_H

#include "runtime/node.h"
#include "wire/methods.h"

// For what a call waits beside that the log holds it.
enum pawl_taskhub_patience {
    PAWL_TASKHUB_WAITS,    // for what the reference waits: the first turn, the end, ...
    PAWL_TASKHUB_NO_START, // the same, but for the first turn
    PAWL_TASKHUB_AT_ONCE,  // for nothing
};

// One call. The caller's memory until |done| is called, which may happen before the call returns,
// or the call is canceled.
struct pawl_taskhub_call {
    enum pawl_taskhub_method method;
    const ProtobufCMessage *request; // of the method's type
    struct pawl_str bytes;           // of COMPLETE_TURN: the encoded request
    enum pawl_taskhub_patience patience;
    char *new_id;             // of START_NEW, as pawl__taskhub_draw has made it; of RERUN, private
    char *span_id;            // START: of the workflow's own span; NULL: it is not traced
    struct pawl_arena *arena; // for |response|
    const ProtobufCMessage *response;
    // |error| is NULL when the call succeeded. Its text begins as the reference's does.
    void (*done)(struct pawl_taskhub_call *call, const struct pawl_error *error);
    void *data;

    /* private */
    union { // by |method|; after a command that waits for what comes of it: |look|
        struct pawl_start start;
        struct pawl_look look;
        struct pawl_post post;
        struct pawl_purge purge;
        struct pawl_read_history history;
        struct pawl_rerun_call rerun;
        struct pawl_search search;
        struct pawl_tally tally;
        struct pawl_turn_result turn;
        struct pawl_activity_result activity;
    } verb;
    struct pawl_call *inner; // of |verb|; NULL: it has not begun
    struct pawl_node *node;
    const char *app; // another one, that the request's router names; NULL: this one
    bool waits;
    int64_t began;         // |inner|, as pawl__operation_begin told
    size_t page;           // of LIST and SEARCH
    struct pawl_scan scan; // of SEARCH
    struct pawl_error error;
};

// Makes |call->response| in its arena, of the defaults of the method's type. NULL when memory is
// out.
void *pawl__taskhub_response(struct pawl_taskhub_call *call);

// A start event of the workflow |name| for the instance |id|, with a new execution id. NULL when
// memory is out.
Pb__ExecutionStartedEvent *pawl__taskhub_start_event(struct pawl_arena *arena, char *id, char *name,
                                                     Google__Protobuf__StringValue *input);

#endif
