#include "runtime/quotas.h"

#include <stdlib.h>

#include "base/clock.h"

// What does not divide is another daemon's after so long.
#define QUOTAS_ROUND (250 * PAWL_MILLISECOND)

struct quota_note {
    struct pawl_str name;
    bool turn;
    uint32_t most, has, wants;
};

struct quota_member {
    struct pawl_link link;
    struct pawl_arena arena; // of the notes
    struct quota_note *notes;
    size_t count;
    uint64_t number;  // of the last statement
    int64_t heard_at; // first, steady
    struct pawl_str id;
    char id_bytes[];
};

static void member_free(struct quota_member *member) {
    pawl__list_remove(&member->link);
    pawl__arena_finish(&member->arena);
    free(member);
}

static struct quota_member *quotas_find(const struct pawl_quotas *quotas, struct pawl_str id) {
    PAWL_LIST_EACH(struct quota_member, member, &quotas->members, link)
        if (pawl__str_equal(member->id, id)) return member;
    return NULL;
}

bool pawl__quotas_hears(const struct pawl_quotas *quotas, struct pawl_str id) {
    return quotas_find(quotas, id);
}

void pawl__quotas_init(struct pawl_quotas *quotas) {
    *quotas = (struct pawl_quotas){0};
    pawl__link_init(&quotas->members);
}

void pawl__quotas_finish(struct pawl_quotas *quotas) {
    PAWL_LIST_EACH_SAFE(struct quota_member, member, &quotas->members, link) member_free(member);
}

bool pawl__quotas_begin(struct pawl_quotas *quotas, uint64_t epoch, int64_t now) {
    if (quotas->epoch == epoch) return false;
    pawl__quotas_finish(quotas);
    quotas->epoch = epoch;
    quotas->since = now;
    quotas->whole = quotas->told = false;
    return true;
}

static bool quotas_lives(const struct pawl_members *members, struct pawl_str id) {
    for (size_t i = 0; i < members->count; i++)
        if (pawl__str_equal(members->list[i].id, id)) return true;
    return false;
}

void pawl__quotas_look(struct pawl_quotas *quotas, const struct pawl_members *members) {
    PAWL_LIST_EACH_SAFE(struct quota_member, member, &quotas->members, link) {
        // A daemon says nothing here before the store knows it.
        bool seen = members->at > member->heard_at;
        if (seen && !quotas_lives(members, member->id)) member_free(member);
    }
    if (members->at <= quotas->since) return; // others may have come before it began
    bool whole = true;
    for (size_t i = 0; i < members->count; i++)
        whole = whole && quotas_find(quotas, members->list[i].id);
    quotas->whole = quotas->whole || whole; // who comes later has nothing yet
}

// --- what each may have -------------------------------------------------------------------------

static const struct quota_note *member_note(const struct quota_member *member,
                                            const struct quota_note *of) {
    for (size_t i = 0; i < member->count; i++)
        if (member->notes[i].turn == of->turn && pawl__str_equal(member->notes[i].name, of->name))
            return &member->notes[i];
    return NULL;
}

// What all say of one limit.
struct quota_sum {
    uint32_t most;   // the lowest
    uint64_t others; // what they have
    uint64_t wants;  // all together
};

static struct quota_sum quotas_sum(const struct pawl_quotas *quotas,
                                   const struct quota_member *self, const struct quota_note *own) {
    struct quota_sum sum = {.most = own->most};
    PAWL_LIST_EACH(const struct quota_member, member, &quotas->members, link) {
        const struct quota_note *note = member == self ? own : member_note(member, own);
        if (!note) continue;
        if (note->most < sum.most) sum.most = note->most;
        if (member != self) sum.others += note->has;
        sum.wants += note->wants;
    }
    return sum;
}

// How much each of those gets that want more than that: the largest level for which all of |most|
// is enough. |*above|: how many of them there are; |*rest|: what is left.
static uint32_t quotas_level(const struct pawl_quotas *quotas, const struct quota_note *own,
                             uint32_t most, size_t *above, uint32_t *rest) {
    uint32_t level = 0;
    for (;;) {
        uint64_t used = 0;
        size_t more = 0;
        PAWL_LIST_EACH(const struct quota_member, member, &quotas->members, link) {
            const struct quota_note *note = member_note(member, own);
            if (!note) continue;
            if (note->wants <= level)
                used += note->wants;
            else
                more++;
        }
        uint32_t left = used < most ? most - (uint32_t)used : 0;
        uint32_t next = more ? left / (uint32_t)more : level;
        *above = more;
        *rest = more ? left % (uint32_t)more : 0;
        if (next <= level) return level;
        level = next;
    }
}

// The place of |self| among those that want more than |level|.
static size_t quotas_place(const struct pawl_quotas *quotas, const struct quota_member *self,
                           const struct quota_note *own, uint32_t level) {
    size_t place = 0;
    PAWL_LIST_EACH(const struct quota_member, member, &quotas->members, link) {
        if (member == self) break;
        const struct quota_note *note = member_note(member, own);
        place += note && note->wants > level;
    }
    return place;
}

// What |self| may have: its part, as far as others leave it.
static uint32_t quotas_share(const struct pawl_quotas *quotas, const struct quota_member *self,
                             const struct quota_note *own, int64_t now) {
    struct quota_sum sum = quotas_sum(quotas, self, own);
    uint64_t left = sum.others < sum.most ? sum.most - sum.others : 0;
    uint64_t part = own->wants;
    if (sum.wants > sum.most) {
        size_t above;
        uint32_t rest, level = quotas_level(quotas, own, sum.most, &above, &rest);
        if (own->wants > level) {
            size_t place = quotas_place(quotas, self, own, level);
            place = (place + (size_t)(now / QUOTAS_ROUND)) % above;
            part = level + (place < rest);
        }
    }
    return (uint32_t)(part < left ? part : left);
}

// --- hearing -------------------------------------------------------------------------------------

static struct quota_member *quotas_add(struct pawl_quotas *quotas, struct pawl_str id,
                                       int64_t now) {
    struct quota_member *member = calloc(1, sizeof *member + id.len);
    if (!member) return NULL;
    memcpy(member->id_bytes, id.data, id.len);
    member->id = (struct pawl_str){member->id_bytes, id.len};
    member->heard_at = now;
    pawl__list_add(&quotas->members, &member->link);
    return member;
}

// Replaces what is noted of |member|. False: memory is out, and the old notes stay.
static bool member_note_all(struct quota_member *member, const struct pawl_quota *verb) {
    struct pawl_arena arena = {0};
    struct quota_note *notes = pawl__arena_alloc(&arena, (verb->count + 1) * sizeof *notes);
    bool ok = notes;
    for (size_t i = 0; ok && i < verb->count; i++) {
        const struct pawl_quota_row *row = &verb->rows[i];
        char *name = pawl__arena_dup(&arena, row->name);
        notes[i] = (struct quota_note){.name = {name, row->name.len},
                                       .turn = row->turn,
                                       .most = row->most,
                                       .has = row->has,
                                       .wants = row->wants};
        ok = name;
    }
    if (!ok) {
        pawl__arena_finish(&arena);
        return false;
    }
    pawl__arena_finish(&member->arena);
    member->arena = arena;
    member->notes = notes;
    member->count = verb->count;
    return true;
}

enum pawl_err pawl__quotas_hear(struct pawl_quotas *quotas, struct pawl_quota *verb, int64_t now) {
    struct quota_member *member = quotas_find(quotas, verb->daemon);
    if (member && verb->number <= member->number) return PAWL_E_INVALID;
    uint32_t *quota = pawl__arena_alloc(verb->arena, (verb->count + 1) * sizeof *quota);
    if (!quota) return PAWL_E_NOMEM;
    bool is_new = !member;
    if (!member) member = quotas_add(quotas, verb->daemon, now);
    if (!member || !member_note_all(member, verb)) {
        if (member && is_new) member_free(member);
        return PAWL_E_NOMEM;
    }
    member->number = verb->number;
    for (size_t i = 0; i < verb->count; i++) {
        struct quota_note *note = &member->notes[i];
        quota[i] = quotas->whole ? quotas_share(quotas, member, note, now) : note->has;
        if (quota[i] > note->has) note->has = quota[i];
    }
    verb->epoch = quotas->epoch;
    verb->quota = quota;
    return PAWL_OK;
}
