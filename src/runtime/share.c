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
    uint32_t sharers = 0, least = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        if (members[i].self) self = &members[i];
        if (works && !members[i].workers) continue;
        sharers++;
        if (members[i].held < least) least = members[i].held;
    }
    if (!self || (works && !self->workers)) return 0;
    uint32_t low = shards / sharers, high = low + (shards % sharers != 0);
    if (self->held > high) return high;
    bool others_lack = least < low && !unheld;
    if (self->held > low && others_lack) return low;
    uint32_t room = high - self->held;
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
