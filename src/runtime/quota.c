#include "runtime/quota.h"

#include "wire/pack.h"

enum {
    QUOTA_ROWS = 10000 // of one statement
};

// It is carried out by the daemon that receives it, not on an instance.
static const struct pawl_verb quota_verb = {.kind = PAWL_VERB_QUOTA};

void pawl__quota_init(struct pawl_quota *verb, struct pawl_str daemon, struct pawl_arena *arena) {
    *verb = (struct pawl_quota){.daemon = daemon, .arena = arena};
    pawl__call_init(&verb->call, &quota_verb, PAWL_STR(""));
}

Peer__Quota *pawl__quota_pack(struct pawl_arena *arena, const struct pawl_quota *verb) {
    Peer__Quota *row = pawl__wire_new(arena, &peer__quota__descriptor);
    Peer__QuotaRow *rows = pawl__arena_alloc(arena, (verb->count + 1) * sizeof *rows);
    Peer__QuotaRow **list = pawl__arena_alloc(arena, (verb->count + 1) * sizeof *list);
    char *daemon = pawl__arena_dup(arena, verb->daemon);
    if (!row || !rows || !list || !daemon) return NULL;
    row->daemon = daemon;
    row->number = verb->number;
    row->rows = list;
    row->n_rows = verb->count;
    for (size_t i = 0; i < verb->count; i++) {
        const struct pawl_quota_row *from = &verb->rows[i];
        list[i] = &rows[i];
        peer__quota_row__init(&rows[i]);
        rows[i].name = pawl__arena_dup(arena, from->name);
        rows[i].turn = from->turn;
        rows[i].most = from->most;
        rows[i].has = from->has;
        rows[i].wants = from->wants;
        if (!rows[i].name) return NULL;
    }
    return row;
}

bool pawl__quota_take(struct pawl_quota *verb, const Peer__Quota *row, struct pawl_arena *arena) {
    if (!row || !*row->daemon || row->n_rows > QUOTA_ROWS) return false;
    pawl__quota_init(verb, pawl__str(row->daemon), arena);
    verb->number = row->number;
    verb->count = row->n_rows;
    verb->rows = pawl__arena_alloc(arena, (row->n_rows + 1) * sizeof *verb->rows);
    if (!verb->rows) return false;
    for (size_t i = 0; i < row->n_rows; i++) {
        const Peer__QuotaRow *from = row->rows[i];
        verb->rows[i] = (struct pawl_quota_row){.name = pawl__str(from->name),
                                                .turn = from->turn,
                                                .most = from->most,
                                                .has = from->has,
                                                .wants = from->wants};
    }
    return true;
}

Peer__Quotas *pawl__quotas_pack(struct pawl_arena *arena, const struct pawl_quota *verb) {
    Peer__Quotas *row = pawl__wire_new(arena, &peer__quotas__descriptor);
    if (!row) return NULL;
    row->epoch = verb->epoch;
    row->most = verb->quota;
    row->n_most = verb->count;
    return row;
}

bool pawl__quotas_take(struct pawl_quota *verb, const Peer__Quotas *row) {
    if (!row || row->n_most != verb->count) return false;
    verb->epoch = row->epoch;
    verb->quota = row->most;
    return true;
}
