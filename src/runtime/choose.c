#include "base/clock.h"
#include "runtime/dispatch.h"

// Which worker gets what.

static size_t choose_rest(size_t limit, size_t used) {
    return !limit ? SIZE_MAX : limit > used ? limit - used : 0;
}

size_t pawl__choose_room(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker,
                         bool turn) {
    const struct pawl_node_options *options = dispatch->options;
    if (worker->paused) return 0;
    size_t all = choose_rest(turn ? options->max_turns : options->max_activities,
                             dispatch->out[turn] + dispatch->reserved[turn]);
    size_t own = choose_rest(worker->limit, worker->in_flight + worker->reserved);
    return all < own ? all : own;
}

static bool choose_has_room(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker,
                            bool turn) {
    if (worker->remote) return !worker->paused && worker->credit[turn] && worker->both;
    return pawl__choose_room(dispatch, worker, turn);
}

// Who may be given something: those that say that they have it; if nobody does, those that do not
// say what they have. If there is none of them either, one may be about to connect; when it does
// not, and none was ever there, anybody is given it, as an error is better than silence.
enum choose_who {
    CHOOSE_WHO_SAYS,
    CHOOSE_WHO_IS_SILENT,
    CHOOSE_NOBODY_YET,
    CHOOSE_ANYBODY
};

#define CHOOSE_PATIENCE (5 * PAWL_SECOND) // after workers have come or gone

static enum choose_who choose_who(const struct pawl_dispatch *dispatch, bool turn,
                                  struct pawl_str name) {
    if (!dispatch->choosy_count) return CHOOSE_ANYBODY;
    PAWL_LIST_EACH(const struct pawl_worker, worker, &dispatch->workers, link) {
        if (worker->serves && worker->serves(worker, turn, name)) return CHOOSE_WHO_SAYS;
    }
    if (dispatch->choosy_count < dispatch->worker_count + dispatch->remote_count)
        return CHOOSE_WHO_IS_SILENT;
    bool wait = dispatch->had_silent || dispatch->others_may_serve ||
                pawl__clock_steady() - dispatch->workers_changed < CHOOSE_PATIENCE;
    return wait ? CHOOSE_NOBODY_YET : CHOOSE_ANYBODY;
}

static bool choose_may_have(enum choose_who who, const struct pawl_worker *worker, bool turn,
                            struct pawl_str name) {
    if (who == CHOOSE_WHO_SAYS) return worker->serves && worker->serves(worker, turn, name);
    return who == CHOOSE_ANYBODY || (who == CHOOSE_WHO_IS_SILENT && !worker->serves);
}

// Own workers come first; then the one that has the history; then who has the least in hand.
static bool choose_is_better(const struct pawl_worker *worker, const struct pawl_worker *best,
                             uint64_t keeper) {
    if (!best || worker->remote != best->remote) return !best || best->remote;
    if (worker->number == keeper || best->number == keeper) return worker->number == keeper;
    return worker->in_flight < best->in_flight;
}

size_t pawl__choose_limit(const struct pawl_dispatch *dispatch, size_t size) {
    size_t least = 0;
    if (size <= pawl__message_room(dispatch->least)) return 0;
    PAWL_LIST_EACH(const struct pawl_worker, worker, &dispatch->workers, link) {
        size_t takes = worker->message;
        if (size <= pawl__message_room(takes) && (!least || takes < least)) least = takes;
    }
    return least ? least : pawl__message_limit(size);
}

struct pawl_worker *pawl__choose(const struct pawl_dispatch *dispatch, const struct pawl_want *want,
                                 enum pawl_choice *choice) {
    enum choose_who who = choose_who(dispatch, want->turn, want->name);
    struct pawl_worker *best = NULL;
    *choice = PAWL_CHOICE_PARK;
    if (who == CHOOSE_NOBODY_YET) return NULL;
    *choice = PAWL_CHOICE_TOO_LARGE;
    PAWL_LIST_EACH(struct pawl_worker, worker, &dispatch->workers, link) {
        if (!choose_may_have(who, worker, want->turn, want->name) ||
            worker->message < want->message)
            continue;
        *choice = PAWL_CHOICE_WAIT;
        if (choose_has_room(dispatch, worker, want->turn) &&
            choose_is_better(worker, best, want->keeper))
            best = worker;
    }
    if (best) *choice = PAWL_CHOICE_GIVE;
    return best;
}

bool pawl__choose_lacks(const struct pawl_dispatch *dispatch, bool turn, struct pawl_str name) {
    enum choose_who who = choose_who(dispatch, turn, name);
    PAWL_LIST_EACH(const struct pawl_worker, worker, &dispatch->workers, link)
        if (choose_may_have(who, worker, turn, name)) return false;
    return true;
}

bool pawl__choose_any(const struct pawl_dispatch *dispatch, bool turn) {
    PAWL_LIST_EACH(struct pawl_worker, worker, &dispatch->workers, link)
        if (choose_has_room(dispatch, worker, turn)) return true;
    return false;
}

static bool choose_wants(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker,
                         bool turn) {
    const struct pawl_waiting *waiting =
        turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    if ((turn ? &dispatch->turns : &dispatch->activities)->len) return true;
    PAWL_LIST_EACH(const struct pawl_waiting_name, one, &waiting->names, link) {
        if (worker->message >= one->message &&
            choose_may_have(choose_who(dispatch, turn, one->name), worker, turn, one->name))
            return true;
    }
    return false;
}

bool pawl__choose_wanted(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker) {
    return choose_wants(dispatch, worker, true) || choose_wants(dispatch, worker, false);
}

struct pawl_worker *pawl__choose_for_activity(const struct pawl_dispatch *dispatch,
                                              struct pawl_str name) {
    enum pawl_choice choice;
    const struct pawl_want want = {.name = name};
    struct pawl_worker *worker = pawl__choose(dispatch, &want, &choice);
    return worker && !worker->remote ? worker : NULL; // own workers come first
}
