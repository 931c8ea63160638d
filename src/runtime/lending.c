#include "runtime/lending.h"

#include "base/array.h"
#include "wire/pack.h"

// They are carried out by the daemon that receives them, not on an instance.
static const struct pawl_verb ring_verb = {.kind = PAWL_VERB_RING};
static const struct pawl_verb borrow_verb = {.kind = PAWL_VERB_BORROW};

// Carried out as what results.h has.
static const struct pawl_verb answer_verbs[2] = {{.kind = PAWL_VERB_ACTIVITY_RESULT},
                                                 {.kind = PAWL_VERB_TURN_RESULT}};

void pawl__ring_init(struct pawl_ring *verb, const char *address, const uint32_t *mail,
                     size_t mail_count, bool work) {
    *verb = (struct pawl_ring){
        .address = address, .mail = mail, .mail_count = mail_count, .work = work};
    pawl__call_init(&verb->call, &ring_verb, PAWL_STR(""));
}

void pawl__borrow_init(struct pawl_borrow *verb, struct pawl_arena *arena) {
    *verb = (struct pawl_borrow){.arena = arena, .lasts = INT64_MAX};
    pawl__call_init(&verb->call, &borrow_verb, PAWL_STR(""));
}

bool pawl__borrow_add(struct pawl_borrow *verb, struct pawl_str item) {
    if (!pawl__array_room_in(verb->arena, (void **)&verb->items, verb->item_count, &verb->item_cap,
                             sizeof *verb->items))
        return false;
    char *copy = pawl__arena_dup(verb->arena, item);
    if (!copy) return false;
    verb->items[verb->item_count++] = (struct pawl_str){copy, item.len};
    return true;
}

void pawl__answer_init(struct pawl_answer *verb, bool turn, struct pawl_str id,
                       struct pawl_str bytes) {
    pawl__call_init(&verb->call, &answer_verbs[turn], id);
    verb->bytes = bytes;
}

// --- on the way ----------------------------------------------------------------------------------

Peer__Ring *pawl__ring_pack(struct pawl_arena *arena, const struct pawl_ring *verb) {
    Peer__Ring *row = pawl__wire_new(arena, &peer__ring__descriptor);
    if (!row) return NULL;
    row->address = (char *)(uintptr_t)verb->address;
    row->mail = (uint32_t *)(uintptr_t)verb->mail;
    row->n_mail = verb->mail_count;
    row->work = verb->work;
    row->quota = verb->quota;
    return row;
}

bool pawl__ring_take(struct pawl_ring *verb, const Peer__Ring *row) {
    if (!row) return false;
    pawl__ring_init(verb, row->address, row->mail, row->n_mail, row->work);
    verb->quota = row->quota;
    return true;
}

Peer__Borrow *pawl__borrow_pack(struct pawl_arena *arena, const struct pawl_borrow *verb) {
    Peer__Borrow *row = pawl__wire_new(arena, &peer__borrow__descriptor);
    if (!row) return NULL;
    row->daemon = (char *)(uintptr_t)verb->daemon;
    row->address = (char *)(uintptr_t)verb->address;
    row->worker = verb->worker;
    row->attempt = verb->attempt;
    row->number = verb->number;
    row->taken = verb->taken;
    row->activities = verb->room[0];
    row->turns = verb->room[1];
    row->both = verb->both;
    row->says = verb->says;
    row->tasks = verb->names[0];
    row->n_tasks = verb->name_count[0];
    row->workflows = verb->names[1];
    row->n_workflows = verb->name_count[1];
    row->dialect = verb->dialect;
    row->keeps_history = verb->keeps_history;
    row->message = verb->message;
    return row;
}

bool pawl__borrow_take(struct pawl_borrow *verb, const Peer__Borrow *row,
                       struct pawl_arena *arena) {
    if (!row || !*row->daemon || row->dialect > PAWL_DIALECT_MICROSOFT) return false;
    pawl__borrow_init(verb, arena);
    verb->daemon = row->daemon;
    verb->address = row->address;
    verb->worker = row->worker;
    verb->attempt = row->attempt;
    verb->number = row->number;
    verb->taken = row->taken;
    verb->room[0] = row->activities;
    verb->room[1] = row->turns;
    verb->both = row->both;
    verb->says = row->says;
    verb->names[0] = row->tasks;
    verb->name_count[0] = row->n_tasks;
    verb->names[1] = row->workflows;
    verb->name_count[1] = row->n_workflows;
    verb->dialect = (enum pawl_dialect)row->dialect;
    verb->keeps_history = row->keeps_history;
    verb->message = row->message < SIZE_MAX ? (size_t)row->message : SIZE_MAX;
    return true;
}

Peer__Lent *pawl__lent_pack(struct pawl_arena *arena, const struct pawl_borrow *verb) {
    Peer__Lent *row = pawl__wire_new(arena, &peer__lent__descriptor);
    ProtobufCBinaryData *items = pawl__arena_alloc(arena, (verb->item_count + 1) * sizeof *items);
    if (!row || !items) return NULL;
    for (size_t i = 0; i < verb->item_count; i++)
        items[i] =
            (ProtobufCBinaryData){verb->items[i].len, (uint8_t *)(uintptr_t)verb->items[i].data};
    row->items = items;
    row->n_items = verb->item_count;
    row->more = verb->more;
    row->lasts = verb->lasts < INT64_MAX ? (uint64_t)verb->lasts : 0;
    return row;
}

bool pawl__lent_take(struct pawl_borrow *verb, const Peer__Lent *row) {
    verb->item_count = 0;
    if (!row) return false;
    for (size_t i = 0; i < row->n_items; i++)
        if (!pawl__borrow_add(
                verb, (struct pawl_str){(const char *)row->items[i].data, row->items[i].len}))
            return false;
    verb->more = row->more;
    verb->lasts = row->lasts && row->lasts < INT64_MAX ? (int64_t)row->lasts : INT64_MAX;
    return true;
}
