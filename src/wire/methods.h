#ifndef PAWL_WIRE_METHODS_H
#define PAWL_WIRE_METHODS_H

// The unary methods of the TaskHub service, and of Pawl's own beside it: what a daemon serves, a
// program that embeds the engine carries out (runtime/taskhub.h), and a client calls.

#include "base/str.h"
#include "orchestrator_service.pb-c.h"
#include "pawl_query.pb-c.h"

enum pawl_taskhub_method {
    PAWL_TASKHUB_HELLO, // whether somebody answers; no shard is asked
    PAWL_TASKHUB_START,
    PAWL_TASKHUB_GET,
    PAWL_TASKHUB_WAIT_START,
    PAWL_TASKHUB_WAIT_COMPLETION,
    PAWL_TASKHUB_RAISE,
    PAWL_TASKHUB_TERMINATE,
    PAWL_TASKHUB_SUSPEND,
    PAWL_TASKHUB_RESUME,
    PAWL_TASKHUB_PURGE,
    PAWL_TASKHUB_RERUN,
    PAWL_TASKHUB_HISTORY,
    PAWL_TASKHUB_LIST,
    PAWL_TASKHUB_SEARCH, // Pawl's own
    PAWL_TASKHUB_TALLY,
    PAWL_TASKHUB_START_NEW,      // Pawl's own: the daemon draws the id
    PAWL_TASKHUB_TERMINATE_SOON, // the same: once it is on record
    PAWL_TASKHUB_SUSPEND_SOON,
    PAWL_TASKHUB_RESUME_SOON,
    PAWL_TASKHUB_COMPLETE_ACTIVITY,
    PAWL_TASKHUB_COMPLETE_TURN,
    PAWL_TASKHUB_COUNT
};

struct pawl_method {
    const char *path; // of the gRPC method
    const ProtobufCMessageDescriptor *request, *response;
    size_t id;      // offset in the request of the instance's id; 0: it names none
    bool tells;     // the reference has statuses for NOT_FOUND and PRECONDITION; else UNKNOWN
    bool of_worker; // it is a worker's answer, whatever app that is for
};

// By enum pawl_taskhub_method.
extern const struct pawl_method pawl__methods[PAWL_TASKHUB_COUNT];

// The method of a path, or NULL.
const struct pawl_method *pawl__method_find(struct pawl_str path);

#endif
