#ifndef PAWL_API_WORKFLOW_H
#define PAWL_API_WORKFLOW_H

// Workflows by the Dapr API: seven verbs, each over gRPC (workflow_grpc.c) and over HTTP
// (workflow_http.c). The two front ends make an ask of what they get; workflow.c checks it, runs it
// and answers.

#include "api/internal.h"
#include "api/trace.h"

enum pawl_workflow_verb {
    PAWL_WORKFLOW_START,
    PAWL_WORKFLOW_GET,
    PAWL_WORKFLOW_RAISE,
    PAWL_WORKFLOW_PAUSE,
    PAWL_WORKFLOW_RESUME,
    PAWL_WORKFLOW_TERMINATE,
    PAWL_WORKFLOW_PURGE,
};

struct pawl_workflow_ask {
    struct pawl_api *api;
    struct pawl_request *request;
    enum pawl_workflow_verb verb;
    char *id, *name, *event; // terminated
    const char *app;         // NULL: this one
    struct pawl_str payload;
    const char *start_time; // NULL: now

    /* private */
    union { // of |verb|
        struct pawl_start start;
        struct pawl_look look;
        struct pawl_post post;
        struct pawl_purge purge;
    } run;
    struct pawl_call *call; // of |run|; NULL: it has not begun
    bool is_new;            // the id was drawn here
    int64_t began;          // it, as pawl__operation_begin told
    struct pawl_api_start start;
};

// An ask in the request's arena, with empty texts; NULL after answering.
struct pawl_workflow_ask *pawl__workflow_ask(struct pawl_api *api, struct pawl_request *request,
                                             enum pawl_workflow_verb verb);

// Runs the ask, and answers its request in the protocol that it came by.
void pawl__workflow_serve(struct pawl_workflow_ask *ask);

#endif
