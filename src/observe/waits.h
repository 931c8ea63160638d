#ifndef PAWL_OBSERVE_WAITS_H
#define PAWL_OBSERVE_WAITS_H

// What an instance waits for now, as a list and in one sentence: the first question about a
// workflow that does not go on.

#include "observe/timeline.h"

struct pawl_waits_subject {
    int32_t status;      // OrchestrationStatus
    int64_t created_at;  // nanoseconds since 1970
    int64_t ended_at;    // 0: it has not
    int64_t starts_at;   // of a scheduled start that is still to come; else 0
    const char *failure; // how it failed, or why it was terminated; NULL: nothing is known
    size_t workers;      // that are connected, to whichever daemon of the app
    // Whether no worker may have the activity, or turns of the workflow, |name|. NULL: nobody
    // knows.
    bool (*lacks)(const struct pawl_waits_subject *subject, bool turn, const char *name);
    const char *name; // of the workflow
    const void *arg;  // the caller's
    int64_t now;
};

// "event", "activity", "retry", "timer" or "child".
const char *pawl__wait_kind(const struct pawl_timeline_step *step);

// Whether the instance waits for |step| now: it is open, or its next attempt is still to come.
bool pawl__step_waits(const struct pawl_timeline_step *step);

// Whether it waits for |step| and no worker may have that.
bool pawl__step_lacks(const struct pawl_timeline_step *step,
                      const struct pawl_waits_subject *subject);

// One sentence in |arena|; NULL when memory is out.
const char *pawl__waits_sentence(const struct pawl_timeline *timeline,
                                 const struct pawl_waits_subject *subject,
                                 struct pawl_arena *arena);

enum {
    PAWL_TOOK_TEXT = 32
};
// Writes a duration (nanoseconds) for people, in at most two units: "340 ms", "1.25 s", "3 min 4
// s", "2 d 5 h"; terminated.
void pawl__took_format(int64_t took, char out[PAWL_TOOK_TEXT]);

#endif
