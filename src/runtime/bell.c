#include "runtime/bell.h"

#include <stdlib.h>

enum {
    BELL_MAIL = 64 // shards; of the others the next look tells
};

struct bell_door {
    struct pawl_link link;
    struct pawl_bell *bell;
    struct pawl_ring ring;
    bool ringing; // |ring| is on its way
    bool work;    // to be rung for
    bool quota;   // the same
    bool told;    // it knows of work
    bool unheard; // the last ring failed
    uint32_t mail[BELL_MAIL], sent[BELL_MAIL];
    size_t mail_count;
    char address[];
};

void pawl__bell_init(struct pawl_bell *bell, struct pawl_peers *peers, const char *address) {
    *bell = (struct pawl_bell){.peers = peers, .address = address};
    pawl__link_init(&bell->doors);
}

static struct bell_door *bell_find(const struct pawl_bell *bell, struct pawl_str address) {
    PAWL_LIST_EACH(struct bell_door, door, &bell->doors, link) {
        if (pawl__str_equal(pawl__str(door->address), address)) return door;
    }
    return NULL;
}

// NULL: nobody can be rung.
static struct bell_door *bell_door(struct pawl_bell *bell, struct pawl_str address) {
    struct bell_door *door = bell_find(bell, address);
    if (door || !bell->peers || !bell->address) return door;
    door = calloc(1, sizeof *door + address.len + 1);
    if (!door) return NULL;
    memcpy(door->address, address.data, address.len);
    door->bell = bell;
    pawl__list_add(&bell->doors, &door->link);
    return door;
}

static void door_free(struct bell_door *door) {
    if (door->ringing) pawl__call_cancel(&door->ring.call);
    pawl__list_remove(&door->link);
    free(door);
}

static void door_ring(struct bell_door *door);

static void door_rung(struct bell_door *door, bool heard) {
    door->ringing = false;
    door->unheard = !heard;
    if (!heard) { // the daemon looks by itself; the next pulse rings again for work
        door->mail_count = 0;
        door->work = door->quota = false;
        door->told = true;
    }
    door_ring(door);
}

static void door_on_done(struct pawl_call *call, const struct pawl_error *error) {
    door_rung(PAWL_CONTAINER(call, struct bell_door, ring.call), !error);
}

static void door_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    door_rung(arg, false);
}

// Sends what there is to tell, unless something is on its way.
static void door_ring(struct bell_door *door) {
    struct pawl_bell *bell = door->bell;
    if (door->ringing || (!door->work && !door->quota && !door->mail_count)) return;
    memcpy(door->sent, door->mail, door->mail_count * sizeof *door->mail);
    pawl__ring_init(&door->ring, bell->address, door->sent, door->mail_count, door->work);
    door->ring.quota = door->quota;
    door->ring.call.done = door_on_done;
    door->mail_count = 0;
    door->work = door->quota = false;
    const struct pawl_forward_to to = {.address = pawl__str(door->address)};
    door->ringing = !pawl__forward_begin(bell->peers, &to, &door->ring.call, door_on_failed, door);
    door->unheard = door->unheard || !door->ringing;
}

void pawl__bell_mail(struct pawl_bell *bell, struct pawl_str address, uint32_t shard) {
    struct bell_door *door = bell_door(bell, address);
    if (!door) return;
    bool known = false;
    for (size_t i = 0; i < door->mail_count; i++) known = known || door->mail[i] == shard;
    if (!known && door->mail_count < BELL_MAIL) door->mail[door->mail_count++] = shard;
    door_ring(door);
}

void pawl__bell_work(struct pawl_bell *bell, struct pawl_str address) {
    struct bell_door *door = bell_door(bell, address);
    if (!door || door->told) return;
    door->told = door->work = true;
    door_ring(door);
}

void pawl__bell_quota(struct pawl_bell *bell, struct pawl_str address) {
    struct bell_door *door = bell_door(bell, address);
    if (!door) return;
    door->quota = true;
    door_ring(door);
}

void pawl__bell_told(struct pawl_bell *bell, struct pawl_str address, bool told) {
    struct bell_door *door = bell_door(bell, address);
    if (door) door->told = told;
}

bool pawl__bell_is_unheard(const struct pawl_bell *bell, struct pawl_str address) {
    const struct bell_door *door = bell_find(bell, address);
    return door && door->unheard;
}

void pawl__bell_pulse(struct pawl_bell *bell, const struct pawl_members *members) {
    PAWL_LIST_EACH_SAFE(struct bell_door, door, &bell->doors, link) {
        bool is_member = false;
        for (size_t i = 0; i < members->count; i++)
            is_member =
                is_member || pawl__str_equal(members->list[i].address, pawl__str(door->address));
        door->told = false;
        if (!is_member) door_free(door);
    }
}

void pawl__bell_finish(struct pawl_bell *bell) {
    while (!pawl__list_empty(&bell->doors))
        door_free(PAWL_CONTAINER(bell->doors.next, struct bell_door, link));
    bell->peers = NULL;
}
