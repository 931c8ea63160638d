#ifndef PAWL_OBSERVE_TIMELINE_H
#define PAWL_OBSERVE_TIMELINE_H

// A history as people see it: one row for each thing that the workflow did or waited for, instead
// of two to ten events.
//
//   TaskScheduled ... TaskFailed ... TimerCreated ... TimerFired ... TaskScheduled ...
//   TaskCompleted └──── run ─────────────┘└─────── wait ───────────────────┘      └───── run
//   ────────────────┘ └──────────────────────────── one row, two attempts
//   ───────────────────────────────────────┘
//
// Ids say which events belong together (the reference's section 3): a closing event names the
// action that opened it, attempts of an activity share its task execution id, and a timer says what
// it is for. The dashboard, the command line and observe/waits.h use this.

#include "base/arena.h"
#include "base/err.h"
#include "history_events.pb-c.h"

enum pawl_step_kind {
    PAWL_STEP_ACTIVITY,
    PAWL_STEP_CHILD,
    PAWL_STEP_TIMER,
    PAWL_STEP_EVENT,    // a wait for an external event, or one that came without a wait on record
    PAWL_STEP_SENT,     // an event for another instance
    PAWL_STEP_DETACHED, // a workflow that was started and is not waited for
};

enum pawl_step_outcome {
    PAWL_STEP_OPEN,
    PAWL_STEP_DONE,
    PAWL_STEP_FAILED,  // its last attempt; for a wait: it timed out
    PAWL_STEP_DROPPED, // the instance has ended, and nobody waits for it any more
};

enum pawl_segment_state {
    PAWL_SEGMENT_RUN,  // an attempt: handed out, or in a queue to be
    PAWL_SEGMENT_FAIL, // an attempt that failed
    PAWL_SEGMENT_WAIT, // for the clock, an event, or the next attempt
};

// Times are nanoseconds since 1970; |end| is 0 while it goes on.
struct pawl_segment {
    enum pawl_segment_state state;
    int64_t start, end;
    struct pawl_segment *next;
};

// The number of an event in the history, from 0.
struct pawl_step_event {
    uint32_t number;
    struct pawl_step_event *next;
};

struct pawl_timeline_step {
    enum pawl_step_kind kind;
    enum pawl_step_outcome outcome;
    const char *name;  // of the activity, workflow, timer or event; may be empty
    const char *child; // PAWL_STEP_CHILD, _DETACHED and _SENT: the other instance; else NULL
    const char *app;   // the other app that does it; NULL: it is this one
    const char *error; // of the attempt that failed last; NULL: none did
    uint32_t attempts;
    int64_t start, end;
    int64_t until; // when a timer or a wait is due; INT64_MAX: never; 0: it has no such time
    struct pawl_segment *segments, **last_segment;
    struct pawl_segment *running; // the last one, while it has not ended; else NULL
    struct pawl_step_event *events, **last_event;
    struct pawl_timeline_step *next;
};

struct pawl_timeline_pause {
    int64_t start, end;
    struct pawl_timeline_pause *next;
};

struct pawl_timeline {
    int64_t start, end;                    // of the instance; |end| is 0 while it goes on
    struct pawl_timeline_step *steps;      // in the order in which they began
    struct pawl_timeline_pause *suspended; // when it was
    uint32_t events;                       // in the history
    const char *stalled; // why it cannot go on, when that is the last that it says; or NULL
};

// Reads the |count| events of a history, complete or not. |out| points into the events and |arena|.
// False when memory is out.
bool pawl__timeline_read(Pb__HistoryEvent *const *events, size_t count, struct pawl_arena *arena,
                         struct pawl_timeline *out);

// The id of the event that began the activity or child which failed last, and was not done later: a
// rerun mends the failure from there. 0, which is where all begins: none failed so. |events|: those
// that |timeline| was read from.
int32_t pawl__timeline_failed(const struct pawl_timeline *timeline,
                              Pb__HistoryEvent *const *events);

const char *pawl__step_kind_name(enum pawl_step_kind kind);
const char *pawl__step_outcome_name(enum pawl_step_outcome outcome);
const char *pawl__segment_state_name(enum pawl_segment_state state);

#endif
