#include "runtime/share.h"

static bool share_any_works(const struct pawl_share_member *members, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (members[i].workers) return true;
    return false;
}

uint32_t pawl__share_want(const struct pawl_share_member *members, size_t count, uint32_t shards,
                          uint32_t unheld) {
    bool works = share_any_works(members, count);
    const struct pawl_share_member *self = NULL;
    uint32_t sharers = 0;
    bool others_lack = false; // one of them has less than |low|
    for (size_t i = 0; i < count; i++) {
        if (members[i].self) self = &members[i];
        sharers += !works || members[i].workers;
    }
    if (!self || (works && !self->workers)) return 0;
    uint32_t low = shards / sharers, high = low + (shards % sharers != 0);
    for (size_t i = 0; i < count; i++)
        others_lack |= !members[i].self && (!works || members[i].workers) && members[i].held < low;
    if (self->held > high) return high;
    if (self->held > low && others_lack && !unheld) return low;
    // What is free is for those that lack some: else who has just given it away for them could have
    // it back before they have seen it, without end.
    uint32_t most = !others_lack ? high : self->held < low ? low : self->held;
    uint32_t room = most - self->held;
    return self->held + (unheld < room ? unheld : room);
}

uint32_t pawl__share_first(const struct pawl_share_member *members, size_t count, uint32_t unheld) {
    bool works = share_any_works(members, count);
    uint32_t sharers = 0, before = 0;
    for (size_t i = 0; i < count; i++) {
        if (members[i].self) before = sharers;
        sharers += !works || members[i].workers;
    }
    return sharers ? (uint32_t)((uint64_t)before * unheld / sharers) : 0;
}
