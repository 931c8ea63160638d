#include "observe/waits.h"

#include <stdio.h>

#include "wire/timestamp.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

static const int64_t MILLISECOND = 1000000, SECOND = 1000000000;

void pawl__took_format(int64_t took, char out[PAWL_TOOK_TEXT]) {
    static const struct {
        int64_t size;
        const char *name;
    } units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
    if (took < MILLISECOND) {
        snprintf(out, PAWL_TOOK_TEXT, "%s", "less than 1 ms");
    } else if (took < SECOND) {
        snprintf(out, PAWL_TOOK_TEXT, "%lld ms", (long long)(took / MILLISECOND));
    } else if (took < 60 * SECOND) {
        snprintf(out, PAWL_TOOK_TEXT, "%.2f s", (double)took / 1e9);
    } else {
        int64_t seconds = took / SECOND;
        size_t unit = 0;
        while (seconds < units[unit].size) unit++;
        int64_t count = seconds / units[unit].size,
                rest = seconds % units[unit].size / units[unit + 1].size;
        if (rest)
            snprintf(out, PAWL_TOOK_TEXT, "%lld %s %lld %s", (long long)count, units[unit].name,
                     (long long)rest, units[unit + 1].name);
        else
            snprintf(out, PAWL_TOOK_TEXT, "%lld %s", (long long)count, units[unit].name);
    }
}

static bool wait_is_retry(const struct pawl_timeline_step *step) {
    return step->outcome == PAWL_STEP_FAILED && step->running &&
           step->running->state == PAWL_SEGMENT_WAIT;
}

bool pawl__step_waits(const struct pawl_timeline_step *step) {
    return step->outcome == PAWL_STEP_OPEN || wait_is_retry(step);
}

const char *pawl__wait_kind(const struct pawl_timeline_step *step) {
    return wait_is_retry(step) ? "retry" : pawl__step_kind_name(step->kind);
}

// The time of day matters to people only together with how far away it is.
static const char *wait_until(int64_t at, int64_t now, struct pawl_arena *arena) {
    char when[PAWL_TIME_TEXT], took[PAWL_TOOK_TEXT];
    if (at <= now) return "due now";
    pawl__time_format(at / SECOND * SECOND, when);
    if (at - now < SECOND || at - now >= 60 * SECOND)
        pawl__took_format(at - now, took);
    else // it changes while one reads it
        snprintf(took, sizeof took, "%lld s", (long long)((at - now) / SECOND));
    return pawl__arena_format(arena, "in %s, at %s", took, when);
}

// |timer| is one that runs meanwhile, or NULL: the way of most SDKs to give an event a time limit.
static const char *wait_text(const struct pawl_timeline_step *step,
                             const struct pawl_timeline_step *timer, bool lacks, int64_t now,
                             struct pawl_arena *arena) {
    char took[PAWL_TOOK_TEXT];
    pawl__took_format(now - (step->running ? step->running->start : step->start), took);
    if (wait_is_retry(step))
        return pawl__arena_format(arena, "Tries %s %s again, attempt %u %s, after: %s",
                                  pawl__step_kind_name(step->kind), step->name, step->attempts + 1,
                                  wait_until(step->until, now, arena), step->error);
    if (lacks) return pawl__arena_format(arena, "Waits for activity %s, for %s", step->name, took);
    switch (step->kind) {
    case PAWL_STEP_ACTIVITY:
        return step->attempts > 1
                   ? pawl__arena_format(arena, "Runs activity %s, attempt %u, for %s, after: %s",
                                        step->name, step->attempts, took, step->error)
                   : pawl__arena_format(arena, "Runs activity %s, for %s", step->name, took);
    case PAWL_STEP_CHILD:
        return pawl__arena_format(arena, "Waits for its child %s (%s), for %s", step->child,
                                  step->name, took);
    case PAWL_STEP_EVENT:
        if (step->until == INT64_MAX && timer)
            return pawl__arena_format(arena,
                                      "Waits for event %s, for %s, and for a timer that ends %s",
                                      step->name, took, wait_until(timer->until, now, arena));
        return step->until == INT64_MAX
                   ? pawl__arena_format(arena, "Waits for event %s, for %s, without a time limit",
                                        step->name, took)
                   : pawl__arena_format(arena, "Waits for event %s, for %s; its time is over %s",
                                        step->name, took, wait_until(step->until, now, arena));
    case PAWL_STEP_TIMER:
        return pawl__arena_format(arena, "Sleeps; wakes %s", wait_until(step->until, now, arena));
    default: return "";
    }
}

enum {
    WAIT_LACKS = 6 // the weight of what no worker has
};

static bool wait_lacks(const struct pawl_waits_subject *subject, bool turn, const char *name) {
    return subject->workers && subject->lacks && subject->lacks(subject, turn, name);
}

bool pawl__step_lacks(const struct pawl_timeline_step *step,
                      const struct pawl_waits_subject *subject) {
    return step->kind == PAWL_STEP_ACTIVITY && step->outcome == PAWL_STEP_OPEN && !step->app &&
           wait_lacks(subject, false, step->name);
}

// What is told first of several things: that which may need somebody.
static int wait_weight(const struct pawl_timeline_step *step,
                       const struct pawl_waits_subject *subject) {
    if (pawl__step_lacks(step, subject)) return WAIT_LACKS;
    if (wait_is_retry(step)) return 5;
    switch (step->kind) {
    case PAWL_STEP_EVENT: return 4;
    case PAWL_STEP_ACTIVITY: return 3;
    case PAWL_STEP_CHILD: return 2;
    default: return 1;
    }
}

static const char *sentence_turn(const struct pawl_waits_subject *subject,
                                 struct pawl_arena *arena) {
    if (!subject->workers) return "Waits for a worker to run its next turn; none is connected.";
    if (!subject->name || !wait_lacks(subject, true, subject->name))
        return "Waits for a worker to run its next turn.";
    return pawl__arena_format(arena,
                              "Waits for a worker to run its next turn. No worker has workflow %s.",
                              subject->name);
}

static const char *sentence_running(const struct pawl_timeline *timeline,
                                    const struct pawl_waits_subject *subject,
                                    struct pawl_arena *arena) {
    const struct pawl_timeline_step *first = NULL, *timer = NULL; // that ends first
    size_t count = 0;
    int weight = 0;     // of the first
    bool works = false; // something that needs a worker
    for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next) {
        if (!pawl__step_waits(step)) continue;
        count++;
        if (step->kind == PAWL_STEP_TIMER && (!timer || step->until < timer->until)) timer = step;
        works |= step->kind == PAWL_STEP_ACTIVITY && !wait_is_retry(step);
        int one = wait_weight(step, subject);
        if (!first || one > weight) first = step, weight = one;
    }
    if (!first) return sentence_turn(subject, arena);
    const char *text = wait_text(first, timer, weight == WAIT_LACKS, subject->now, arena);
    size_t told = first->kind == PAWL_STEP_EVENT && first->until == INT64_MAX && timer ? 2 : 1;
    const char *more =
        count > told ? pawl__arena_format(arena, ", and for %zu more", count - told) : "";
    if (!text || !more) return NULL;
    const char *lack = works && !subject->workers ? " No worker is connected."
                       : weight == WAIT_LACKS
                           ? pawl__arena_format(arena, " No worker has activity %s.", first->name)
                           : "";
    return lack ? pawl__arena_format(arena, "%s%s.%s", text, more, lack) : NULL;
}

static const char *sentence_ended(const struct pawl_waits_subject *subject, const char *how,
                                  struct pawl_arena *arena) {
    char took[PAWL_TOOK_TEXT];
    pawl__took_format(subject->ended_at - subject->created_at, took);
    return subject->failure && *subject->failure
               ? pawl__arena_format(arena, "%s after %s: %s", how, took, subject->failure)
               : pawl__arena_format(arena, "%s after %s.", how, took);
}

const char *pawl__waits_sentence(const struct pawl_timeline *timeline,
                                 const struct pawl_waits_subject *subject,
                                 struct pawl_arena *arena) {
    char took[PAWL_TOOK_TEXT];
    switch (subject->status) {
    case STATUS(COMPLETED): return sentence_ended(subject, "Completed", arena);
    case STATUS(FAILED): return sentence_ended(subject, "Failed", arena);
    case STATUS(TERMINATED): return sentence_ended(subject, "Terminated", arena);
    case STATUS(CANCELED): return sentence_ended(subject, "Canceled", arena);
    case STATUS(STALLED):
        return pawl__arena_format(arena, "Cannot go on: %s",
                                  timeline->stalled ? timeline->stalled
                                                    : "its worker could not replay it");
    case STATUS(SUSPENDED):
        for (const struct pawl_timeline_pause *pause = timeline->suspended; pause;
             pause = pause->next)
            if (!pause->end) {
                pawl__took_format(subject->now - pause->start, took);
                return pawl__arena_format(arena, "Suspended for %s; it goes on when it is resumed.",
                                          took);
            }
        return "Suspended; it goes on when it is resumed.";
    case STATUS(PENDING):
        if (subject->starts_at > subject->now)
            return pawl__arena_format(arena, "Begins %s.",
                                      wait_until(subject->starts_at, subject->now, arena));
        pawl__took_format(subject->now - subject->created_at, took);
        if (subject->name && wait_lacks(subject, true, subject->name))
            return pawl__arena_format(
                arena, "Has waited %s for a worker to begin it. No worker has workflow %s.", took,
                subject->name);
        return pawl__arena_format(arena, "Has waited %s for a worker to begin it.%s", took,
                                  subject->workers ? "" : " None is connected.");
    default: return sentence_running(timeline, subject, arena);
    }
}
