#ifndef PAWL_API_WORK_H
#define PAWL_API_WORK_H

// The streams of work items, for who looks.

#include "api/internal.h"

struct pawl_work_view {
    const struct pawl_worker *worker;
    struct pawl_str agent; // as its client names itself; may be empty
    int64_t since;         // nanoseconds since 1970
    bool is_foreign;       // it works for another app
};

// The next one after |link| (at first: &api->streams), which is set to it. False at the end.
bool pawl__work_next(const struct pawl_api *api, const struct pawl_link **link,
                     struct pawl_work_view *out);

#endif
