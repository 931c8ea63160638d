#include "runtime/forward.h"

#include <stdlib.h>

#include "engine/events.h"
#include "orchestration.pb-c.h"
#include "pawl_peer.pb-c.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

#define VERB(call, type) PAWL_CONTAINER(call, const type, call)

enum {
    FORWARD_WHY = 200 // bytes of a text, with its end
};

static ProtobufCBinaryData forward_bytes(struct pawl_str text) {
    return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

// --- there ---------------------------------------------------------------------------------------

static bool forward_copy(struct pawl_arena *arena, char **out, struct pawl_str text) {
    *out = pawl__arena_dup(arena, text.data ? text : PAWL_STR(""));
    return *out;
}

// NULL: memory is out.
static Peer__Query *forward_pack_query(struct pawl_arena *arena, const struct pawl_query *query) {
    Peer__Query *row = pawl__wire_new(arena, &peer__query__descriptor);
    if (!row) return NULL;
    row->statuses = query->statuses;
    row->created_from = query->created_from;
    row->created_before = query->created_before;
    row->ended_from = query->ended_from;
    row->ended_before = query->ended_before;
    row->order = query->order;
    row->after_created = query->after_created;
    row->limit = query->limit;
    row->scan = query->scan ? query->scan->most : 0;
    row->await = query->await.kind;
    bool ok = forward_copy(arena, &row->name, query->name) &&
              forward_copy(arena, &row->parent, query->parent) &&
              forward_copy(arena, &row->tag, query->tag) &&
              forward_copy(arena, &row->id_prefix, query->id_prefix) &&
              forward_copy(arena, &row->custom_status, query->custom_status) &&
              forward_copy(arena, &row->failure_type, query->failure_type) &&
              forward_copy(arena, &row->await_name, query->await.name) &&
              forward_copy(arena, &row->after_id, query->after_id);
    return ok ? row : NULL;
}

// NULL: memory is out.
static Peer__Rerun *forward_pack_rerun(struct pawl_arena *arena, const struct pawl_call *call) {
    const struct pawl_fork *fork = &VERB(call, struct pawl_rerun_call)->fork;
    Peer__Rerun *row = pawl__wire_new(arena, &peer__rerun__descriptor);
    if (!row) return NULL;
    row->source = (char *)(uintptr_t)(fork->source ? fork->source : "");
    row->history = forward_bytes(fork->history);
    row->event_id = fork->event_id;
    row->imports = fork->imports;
    row->overwrites_input = fork->overwrites_input;
    row->input = pawl__string_value(arena, (char *)(uintptr_t)fork->input);
    row->child_id = pawl__string_value(arena, (char *)(uintptr_t)fork->child_id);
    bool ok = (row->input || !fork->input) && (row->child_id || !fork->child_id);
    return ok ? row : NULL;
}

// NULL: there is none, or memory is out.
static Peer__Crossing *forward_pack_crossing(struct pawl_arena *arena,
                                             const struct pawl_crossing *crossing) {
    Peer__Crossing *row = crossing->origin.len ? pawl__arena_alloc(arena, sizeof *row) : NULL;
    if (!row) return NULL;
    peer__crossing__init(row);
    row->origin = forward_bytes(crossing->origin);
    row->number = crossing->number;
    row->floor = crossing->floor;
    return row;
}

// A call that is being encoded.
struct forward_packing {
    struct pawl_arena *arena;
    Peer__Call row;
    struct pawl_str body; // of |row|. No data: memory is out
    Peer__Invite invite;  // which |row| may point to; the same
    Peer__Kin of;
};

static void pack_start(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_start *verb = VERB(call, struct pawl_start);
    packing->body = pawl__wire_pack(packing->arena, &verb->start->base);
    packing->row.enforce_unique = verb->enforce_unique;
    packing->row.wait_for = call->patient ? PAWL_WAIT_STARTED : PAWL_WAIT_NOT;
}

static void pack_look(struct forward_packing *packing, const struct pawl_call *call) {
    packing->row.wait_for = VERB(call, struct pawl_look)->wait_for;
}

static void pack_post(struct forward_packing *packing, const struct pawl_call *call) {
    packing->body = pawl__wire_pack(packing->arena, &VERB(call, struct pawl_post)->event.base);
}

static void pack_rerun(struct forward_packing *packing, const struct pawl_call *call) {
    packing->row.rerun = forward_pack_rerun(packing->arena, call);
}

static void pack_purge(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_purge *verb = VERB(call, struct pawl_purge);
    Peer__Call *row = &packing->row;
    row->recursive = verb->ask.recursive;
    row->force = verb->ask.force;
    row->asks_kin = verb->ask.asks_kin;
    row->is_step = verb->arena != NULL;
    peer__kin__init(&packing->of);
    packing->of.parent = (char *)(uintptr_t)verb->ask.parent;
    packing->of.task = verb->ask.task;
    if (verb->ask.parent) row->of = &packing->of;
}

static void pack_search(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_search *verb = VERB(call, struct pawl_search);
    packing->row.shard = verb->shard;
    packing->row.query = forward_pack_query(packing->arena, &verb->query);
}

static void pack_tally(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_tally *verb = VERB(call, struct pawl_tally);
    packing->row.shard = verb->shard;
    packing->row.query = forward_pack_query(packing->arena, &verb->query);
}

static void pack_receive(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_receive *verb = VERB(call, struct pawl_receive);
    packing->body = verb->letter;
    packing->row.crossing = forward_pack_crossing(packing->arena, &verb->crossing);
}

static void pack_invite(struct forward_packing *packing, const struct pawl_call *call) {
    const struct pawl_invite *verb = VERB(call, struct pawl_invite);
    peer__invite__init(&packing->invite);
    packing->invite.from = (char *)(uintptr_t)verb->from;
    packing->invite.address = (char *)(uintptr_t)verb->address;
    packing->row.invite = &packing->invite;
}

static void pack_ring(struct forward_packing *packing, const struct pawl_call *call) {
    packing->row.ring = pawl__ring_pack(packing->arena, VERB(call, struct pawl_ring));
}

static void pack_borrow(struct forward_packing *packing, const struct pawl_call *call) {
    packing->row.borrow = pawl__borrow_pack(packing->arena, VERB(call, struct pawl_borrow));
}

static void pack_quota(struct forward_packing *packing, const struct pawl_call *call) {
    packing->row.quota = pawl__quota_pack(packing->arena, VERB(call, struct pawl_quota));
}

static void pack_answer(struct forward_packing *packing, const struct pawl_call *call) {
    packing->body = VERB(call, struct pawl_answer)->bytes;
}

// What a verb asks beside its id.
static void (*const forward_packs[])(struct forward_packing *packing,
                                     const struct pawl_call *call) = {
    [PAWL_VERB_START] = pack_start,
    [PAWL_VERB_LOOK] = pack_look,
    [PAWL_VERB_HISTORY] = NULL,
    [PAWL_VERB_POST] = pack_post,
    [PAWL_VERB_PURGE] = pack_purge,
    [PAWL_VERB_SEARCH] = pack_search,
    [PAWL_VERB_TALLY] = pack_tally,
    [PAWL_VERB_RERUN] = pack_rerun,
    [PAWL_VERB_RECEIVE] = pack_receive,
    [PAWL_VERB_INVITE] = pack_invite,
    [PAWL_VERB_RING] = pack_ring,
    [PAWL_VERB_BORROW] = pack_borrow,
    [PAWL_VERB_TURN_RESULT] = pack_answer,
    [PAWL_VERB_ACTIVITY_RESULT] = pack_answer,
    [PAWL_VERB_QUOTA] = pack_quota,
};

// Encodes |call|. No data: memory is out.
static struct pawl_str forward_pack(struct pawl_arena *arena, const struct pawl_call *call,
                                    const struct pawl_forward_to *to) {
    struct forward_packing packing = {
        .arena = arena, .row = PEER__CALL__INIT, .body = PAWL_STR("")};
    Peer__Call *row = &packing.row;
    row->kind = call->verb->kind;
    row->id = pawl__arena_dup(arena, call->id);
    if (to->app) {
        row->app = (char *)(uintptr_t)to->app;
        row->namespace_ = (char *)(uintptr_t)to->namespace;
    }
    if (forward_packs[call->verb->kind]) forward_packs[call->verb->kind](&packing, call);
    if (!row->id || !packing.body.data || arena->failed) return (struct pawl_str){0};
    row->body = forward_bytes(packing.body);
    return pawl__wire_pack(arena, &row->base);
}

static struct pawl_str forward_text(const Google__Protobuf__StringValue *value) {
    return value ? pawl__str(value->value) : (struct pawl_str){0};
}

static void forward_take_view(struct pawl_look *verb, const Peer__View *view) {
    verb->view = (struct pawl_view){.id = verb->call.id};
    if (!view || !view->exists) return;
    verb->view = (struct pawl_view){
        .id = verb->call.id,
        .name = pawl__str(view->name),
        .exists = true,
        .status = view->status,
        .created_at = view->created_at,
        .updated_at = view->updated_at,
        .started_at = view->started_at,
        .completed_at = view->completed_at,
        .version = forward_text(view->version).data,
        .custom_status = forward_text(view->custom_status),
        .has_custom_status = view->custom_status != NULL,
        .input = view->input,
        .output = view->output,
        .failure = view->failure,
        .parent_id = forward_text(view->parent_id).data,
        .parent_app = forward_text(view->parent_app).data,
        .tags = pawl__str(view->tags),
    };
}

static void forward_take_stop(struct pawl_scan *scan, const Peer__Answer *answer) {
    if (!scan || !answer->stop) return;
    scan->stopped = true;
    scan->created_at = answer->stop->created_at;
    scan->id = pawl__str(answer->stop->id);
    scan->looked = answer->stop->count;
}

// The rows of |answer|, whose texts stay. False when memory is out.
static bool forward_take_rows(struct pawl_search *verb, const Peer__Answer *answer) {
    verb->rows = pawl__arena_alloc(verb->arena, (answer->n_rows + 1) * sizeof *verb->rows);
    if (!verb->rows) return false;
    for (size_t i = 0; i < answer->n_rows; i++) {
        const Peer__Row *row = answer->rows[i];
        verb->rows[i] = (struct pawl_snapshot){
            .id = pawl__str(row->id),
            .name = pawl__str(row->name),
            .status = row->status,
            .created_at = row->created_at,
            .updated_at = row->updated_at,
            .completed_at = row->completed_at,
            .parent = pawl__str(row->parent),
            .tags = pawl__str(row->tags),
            .custom_status = pawl__str(row->custom_status),
            .failure_type = pawl__str(row->failure_type),
        };
    }
    verb->count = answer->n_rows;
    forward_take_stop(verb->query.scan, answer);
    return true;
}

static bool forward_take_counts(struct pawl_tally *verb, const Peer__Answer *answer) {
    verb->rows = pawl__arena_alloc(verb->arena, (answer->n_rows + 1) * sizeof *verb->rows);
    if (!verb->rows) return false;
    for (size_t i = 0; i < answer->n_rows; i++)
        verb->rows[i] = (struct pawl_tally_row){.name = pawl__str(answer->rows[i]->name),
                                                .status = answer->rows[i]->status,
                                                .count = answer->rows[i]->count};
    verb->count = answer->n_rows;
    forward_take_stop(verb->query.scan, answer);
    return true;
}

static bool forward_take_purge(struct pawl_purge *verb, const Peer__Answer *answer) {
    verb->count = answer->count;
    verb->kin = NULL;
    for (size_t i = 0; i < answer->n_kin; i++) {
        const Peer__Kin *row = answer->kin[i];
        struct pawl_kin *kin = verb->arena ? pawl__arena_alloc(verb->arena, sizeof *kin) : NULL;
        if (!kin) return !verb->arena;
        *kin = (struct pawl_kin){.id = pawl__str(row->id),
                                 .parent = pawl__str(row->parent),
                                 .task = row->task,
                                 .next = verb->kin};
        verb->kin = kin;
    }
    return true;
}

static struct pawl_arena *forward_arena(struct pawl_call *call) {
    switch (call->verb->kind) {
    case PAWL_VERB_LOOK: return PAWL_CONTAINER(call, struct pawl_look, call)->arena;
    case PAWL_VERB_HISTORY: return PAWL_CONTAINER(call, struct pawl_read_history, call)->arena;
    case PAWL_VERB_SEARCH: return PAWL_CONTAINER(call, struct pawl_search, call)->arena;
    case PAWL_VERB_TALLY: return PAWL_CONTAINER(call, struct pawl_tally, call)->arena;
    case PAWL_VERB_PURGE: return PAWL_CONTAINER(call, struct pawl_purge, call)->arena;
    case PAWL_VERB_BORROW: return PAWL_CONTAINER(call, struct pawl_borrow, call)->arena;
    case PAWL_VERB_QUOTA: return PAWL_CONTAINER(call, struct pawl_quota, call)->arena;
    default: return NULL; // its answer has nothing that has to stay
    }
}

static bool forward_take(struct pawl_call *call, const Peer__Answer *row) {
    switch (call->verb->kind) {
    case PAWL_VERB_START:
        PAWL_CONTAINER(call, struct pawl_start, call)->started = row->started;
        return true;
    case PAWL_VERB_LOOK:
        forward_take_view(PAWL_CONTAINER(call, struct pawl_look, call), row->view);
        return true;
    case PAWL_VERB_HISTORY:
        PAWL_CONTAINER(call, struct pawl_read_history, call)->history =
            (struct pawl_str){(const char *)row->history.data, row->history.len};
        return true;
    case PAWL_VERB_PURGE:
        return forward_take_purge(PAWL_CONTAINER(call, struct pawl_purge, call), row);
    case PAWL_VERB_BORROW:
        return pawl__lent_take(PAWL_CONTAINER(call, struct pawl_borrow, call), row->lent);
    case PAWL_VERB_QUOTA:
        return pawl__quotas_take(PAWL_CONTAINER(call, struct pawl_quota, call), row->quotas);
    case PAWL_VERB_SEARCH:
        return forward_take_rows(PAWL_CONTAINER(call, struct pawl_search, call), row);
    case PAWL_VERB_TALLY:
        return forward_take_counts(PAWL_CONTAINER(call, struct pawl_tally, call), row);
    default: return true;
    }
}

// Whether |call| asks for those that wait for something.
static bool forward_awaits(const struct pawl_call *call) {
    switch (call->verb->kind) {
    case PAWL_VERB_SEARCH: return VERB(call, struct pawl_search)->query.await.kind;
    case PAWL_VERB_TALLY: return VERB(call, struct pawl_tally)->query.await.kind;
    default: return false;
    }
}

static void forward_destroy(struct pawl_forward *forward) {
    forward->call->remote = NULL;
    pawl__list_remove(&forward->link);
    pawl__arena_finish(&forward->arena);
    free(forward);
}

// Ends the call as |answer| says. False: the answer is none, or says, in |why|, that what was asked
// for is elsewhere.
static bool forward_end(struct pawl_forward *forward, struct pawl_str answer, bool *moved,
                        char why[FORWARD_WHY]) {
    struct pawl_call *call = forward->call;
    struct pawl_arena *keep = forward_arena(call);
    const Peer__Answer *row =
        pawl__wire_unpack(keep ? keep : &forward->arena, &peer__answer__descriptor, answer, NULL);
    *moved = row && row->code == PAWL_E_HELD;
    if (*moved) snprintf(why, FORWARD_WHY, "%s", row->text);
    if (!row || *moved) return false;
    struct pawl_error error;
    pawl__fail(&error, row->code ? pawl__err_of(row->code) : PAWL_OK, "%s", row->text);
    if (!row->code && forward_awaits(call) && !row->sifted)
        pawl__fail(&error, PAWL_E_UNAVAILABLE,
                   "a daemon of the app is of an earlier version, which does not filter by what "
                   "workflows wait for");
    else if (!row->code && !forward_take(call, row))
        pawl__fail_plain(&error, PAWL_E_NOMEM);
    forward_destroy(forward);
    call->done(call, error.code ? &error : NULL);
    return true;
}

static void forward_done(struct pawl_forward *forward, enum pawl_err code, struct pawl_str text,
                         struct pawl_str answer) {
    struct pawl_call *call = forward->call;
    bool unseen = code == PAWL_E_HELD, moved = false;
    char why[FORWARD_WHY] = "";
    if (!code && forward_end(forward, answer, &moved, why)) return;
    if (code == PAWL_E_TOO_LARGE) { // it would be everywhere and always
        struct pawl_error error;
        pawl__fail(&error, code, "%.*s", PAWL_FMT(text));
        forward_destroy(forward);
        call->done(call, &error);
        return;
    }
    pawl_forward_failed_fn failed = forward->failed;
    void *arg = forward->arg;
    forward_destroy(forward);
    failed(call, unseen || moved, moved ? pawl__str(why) : text, arg);
}

static void forward_cancel(struct pawl_remote *remote) {
    struct pawl_forward *forward = PAWL_CONTAINER(remote, struct pawl_forward, remote);
    forward->peers->cancel(forward->peers, forward);
    forward_destroy(forward);
}

void pawl__forward_abandon(struct pawl_forward *forward, struct pawl_str why) {
    struct pawl_call *call = forward->call;
    pawl_forward_failed_fn failed = forward->failed;
    void *arg = forward->arg;
    bool unseen = forward->peers->cancel(forward->peers, forward);
    forward_destroy(forward);
    failed(call, unseen, why, arg);
}

enum pawl_err pawl__forward_begin(struct pawl_peers *peers, const struct pawl_forward_to *to,
                                  struct pawl_call *call, pawl_forward_failed_fn failed,
                                  void *arg) {
    struct pawl_forward *forward = calloc(1, sizeof *forward);
    if (!forward) return PAWL_E_NOMEM;
    forward->remote.cancel = forward_cancel;
    forward->call = call;
    forward->done = forward_done;
    forward->peers = peers;
    forward->failed = failed;
    forward->arg = arg;
    forward->address = pawl__arena_dup(&forward->arena, to->address);
    forward->request = forward_pack(&forward->arena, call, to);
    pawl__link_init(&forward->link);
    call->remote = &forward->remote;
    bool ok = forward->address && forward->request.data;
    enum pawl_err err = ok ? peers->send(peers, to->address, forward) : PAWL_E_NOMEM;
    if (err)
        forward_destroy(forward);
    else if (to->away && !forward->is_answered_surely)
        pawl__list_add(to->away, &forward->link);
    return err;
}
