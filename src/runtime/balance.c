#include "runtime/balance.h"

#include <stdlib.h>

#include "runtime/share.h"

// Whose shard |number| is, among the members; their count: nobody's.
static size_t balance_holder(const struct pawl_balance *balance, uint32_t number) {
    const struct pawl_members *members = balance->members;
    enum pawl_residency_state own = balance->partitions[number].residency.state;
    const struct pawl_member *holder = pawl__members_holder(members, number);
    size_t self = members->count;
    for (size_t i = 0; i < members->count; i++)
        if (pawl__members_is_self(members, &members->list[i])) self = i;
    if (own == PAWL_RESIDENCY_TAKING || own == PAWL_RESIDENCY_SERVING) return self;
    return holder ? (size_t)(holder - members->list) : members->count;
}

// Takes up to |count| of the shards that are nobody's, from the |first| of them on and then from
// the beginning.
static void balance_take(const struct pawl_balance *balance, uint32_t first, uint32_t count) {
    for (unsigned round = 0; round < 2 && count; round++)
        for (uint32_t i = 0, at = 0; i < balance->count && count; i++) {
            if (balance_holder(balance, i) != balance->members->count) continue;
            bool due = (at++ < first) == round;
            if (!due || balance->partitions[i].residency.state != PAWL_RESIDENCY_IDLE) continue;
            pawl__partition_take(&balance->partitions[i], true);
            count--;
        }
}

static void balance_give(const struct pawl_balance *balance, uint32_t count) {
    for (uint32_t i = balance->count; i-- && count;) {
        if (!pawl__partition_serves(&balance->partitions[i])) continue;
        pawl__partition_give(&balance->partitions[i]);
        count--;
    }
}

uint32_t pawl__balance(const struct pawl_balance *balance) {
    const struct pawl_members *members = balance->members;
    struct pawl_share_member *shares = calloc(members->count + 1, sizeof *shares);
    if (!shares) return 0; // at the next look
    for (size_t i = 0; i < members->count; i++) {
        shares[i].workers = members->list[i].workers;
        shares[i].self = pawl__members_is_self(members, &members->list[i]);
    }
    for (uint32_t i = 0; i < balance->count; i++) shares[balance_holder(balance, i)].held++;
    uint32_t unheld = shares[members->count].held, held = 0;
    for (size_t i = 0; i < members->count; i++)
        if (shares[i].self) held = shares[i].held;
    uint32_t want = pawl__share_want(shares, members->count, balance->count, unheld);
    uint32_t first = pawl__share_first(shares, members->count, unheld);
    free(shares);
    if (want > held) balance_take(balance, first, want - held);
    if (want < held) balance_give(balance, held - want);
    return unheld;
}
