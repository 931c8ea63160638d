#ifndef PAWL_CLI_WORKFLOW_BULK_H
#define PAWL_CLI_WORKFLOW_BULK_H

// Doing something to all instances that filters choose: their count is shown and asked about, then
// it is done to one after the other, and what failed is told. Called again it goes on with those
// that are left, as it is about what can still be done to. SIGINT (Ctrl-C) stops it, and lets a
// call go that is not answered; what was done so far is told. A second one ends it at once.
//
// What a worker has to carry out is put on record for all of them first. Then all are looked at
// until it has come about, for as long as that goes on: without a worker it may never.

#include "cli/workflow_filter.h"

#define PAWL_WORKFLOW_BULK_FLAGS                                                                   \
    PAWL_WORKFLOW_FILTER_FLAGS, {"yes", 'y', PAWL_FLAG_BOOL, "false", "with filters: do not ask"}, \
    {                                                                                              \
        "rate", 0, PAWL_FLAG_INT, NULL, "with filters: at most so many a second"                   \
    }

struct pawl_workflow_bulk {
    const char *verb, *done; // "terminate", "terminated"
    bool (*takes)(const struct pawl_info *info, const struct pawl_flags *flags);
    enum pawl_err (*act)(struct pawl *pawl, const char *id, const struct pawl_flags *flags);
    bool adds;   // done to an instance a second time it does more
    bool misses; // |act| has failed for an instance that is gone: it does not come to the same
    bool lags;   // |act| puts it on record; once a worker has carried it out |takes| is false
};

// Whether something can be done to an instance: most can be to those that go on.
bool pawl__workflow_goes_on(const struct pawl_info *info, const struct pawl_flags *flags);

// Lets SIGINT stop what is done to many by |pawl|: the call that is not answered is let go. Whether
// it has; a second SIGINT ends the program at once.
void pawl__workflow_stoppable(struct pawl *pawl);
bool pawl__workflow_stopped(void);

enum {
    PAWL_WORKFLOW_STOPPED = 128 + 2 // then the exit code, as of a program that SIGINT ends
};

// Does it to all that the filters among |flags| choose; the exit code. Mistakes are told first.
int pawl__workflow_bulk(const struct pawl_flags *flags, const struct pawl_workflow_bulk *bulk);

#endif
