#include "runtime/dispatch.h"

// How much work of this daemon waits for the app's ceilings alone.

// Work may be under two ceilings, and needs room under both. What waits for one of them counts as
// lacking under the other, too, so that the room there is not given back meanwhile.

// How much work of one name waits, be it for a ceiling or for a worker.
static size_t lacking_count(const struct pawl_dispatch *dispatch,
                            const struct pawl_ceiling *named) {
    const struct pawl_waiting *waiting =
        named->turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    size_t count = 0;
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        if (pawl__str_equal(name->name, named->name)) count += name->queue.len;
    }
    return count;
}

// How much work of any name waits; if |closed|, only that whose name's ceiling is reached.
static size_t lacking_count_in_all(const struct pawl_dispatch *dispatch, bool turn, bool closed) {
    const struct pawl_waiting *waiting =
        turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    size_t count = closed ? 0 : (turn ? &dispatch->turns : &dispatch->activities)->len;
    PAWL_LIST_EACH(const struct pawl_waiting_name, name, &waiting->names, link) {
        bool counts = !closed || !pawl__ceiling_is_open(
                                     pawl__ceilings_find(dispatch->ceilings, turn, name->name));
        if (counts) count += name->queue.len;
    }
    return count;
}

void pawl__dispatch_note_lacking(struct pawl_dispatch *dispatch) {
    struct pawl_ceilings *ceilings = dispatch->ceilings;
    bool room[2] = {pawl__choose_any(dispatch, false), pawl__choose_any(dispatch, true)};
    for (size_t i = 0; i < ceilings->count; i++) {
        struct pawl_ceiling *ceiling = &ceilings->list[i];
        bool turn = ceiling->turn, open = pawl__ceiling_is_open(ceilings->all[turn]);
        size_t waits = 0;
        if (room[turn] && !ceiling->name.len)
            waits = lacking_count_in_all(dispatch, turn, open);
        else if (room[turn] && !(open && pawl__ceiling_is_open(ceiling)))
            waits = lacking_count(dispatch, ceiling);
        ceiling->lacking = waits < UINT32_MAX / 2 ? (uint32_t)waits : UINT32_MAX / 2;
    }
}
