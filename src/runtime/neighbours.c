#include "runtime/neighbours.h"

// Which loop has |address|; their count: none.
static size_t neighbours_find(const struct pawl_neighbours *neighbours, struct pawl_str address) {
    size_t at = 0;
    while (at < neighbours->count &&
           !pawl__str_equal(pawl__str(neighbours->addresses[at]), address))
        at++;
    return at;
}

static enum pawl_err neighbours_send(struct pawl_peers *peers, struct pawl_str address,
                                     struct pawl_forward *forward) {
    struct pawl_neighbours *neighbours = PAWL_CONTAINER(peers, struct pawl_neighbours, peers);
    size_t index = neighbours_find(neighbours, address);
    return index < neighbours->count
               ? pawl__sibling_send(neighbours->sibling, index, forward)
               : neighbours->others->send(neighbours->others, address, forward);
}

static bool neighbours_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    struct pawl_neighbours *neighbours = PAWL_CONTAINER(peers, struct pawl_neighbours, peers);
    if (neighbours_find(neighbours, pawl__str(forward->address)) == neighbours->count)
        return neighbours->others->cancel(neighbours->others, forward);
    pawl__sibling_cancel(forward);
    return false;
}

void pawl__neighbours_init(struct pawl_neighbours *neighbours, struct pawl_sibling *sibling,
                           struct pawl_peers *others, const char *const *addresses, size_t count) {
    *neighbours = (struct pawl_neighbours){
        .peers = {.send = neighbours_send, .cancel = neighbours_cancel},
        .sibling = sibling,
        .others = others,
        .addresses = addresses,
        .count = count,
    };
}

// The next member after |*at| that is another loop; NULL: there is none.
static const struct pawl_member *neighbours_next(const struct pawl_neighbours *neighbours,
                                                 const struct pawl_members *members, size_t *at) {
    while (*at < members->count) {
        const struct pawl_member *member = &members->list[(*at)++];
        if (!pawl__members_is_self(members, member) &&
            neighbours_find(neighbours, member->address) < neighbours->count)
            return member;
    }
    return NULL;
}

struct pawl_str pawl__neighbours_worker(const struct pawl_neighbours *neighbours,
                                        const struct pawl_members *members) {
    size_t at = 0;
    const struct pawl_member *member;
    while ((member = neighbours_next(neighbours, members, &at)))
        if (member->workers) return member->address;
    return PAWL_STR("");
}

size_t pawl__neighbours_workers(const struct pawl_neighbours *neighbours,
                                const struct pawl_members *members) {
    size_t at = 0, count = 0;
    const struct pawl_member *member;
    while ((member = neighbours_next(neighbours, members, &at))) count += member->workers;
    return count;
}
