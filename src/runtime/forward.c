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
    bool ok = forward_copy(arena, &row->name, query->name) &&
              forward_copy(arena, &row->parent, query->parent) &&
              forward_copy(arena, &row->tag, query->tag) &&
              forward_copy(arena, &row->id_prefix, query->id_prefix) &&
              forward_copy(arena, &row->custom_status, query->custom_status) &&
              forward_copy(arena, &row->failure_type, query->failure_type) &&
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

// Encodes |call|. No data: memory is out.
static struct pawl_str forward_pack(struct pawl_arena *arena, const struct pawl_call *call,
                                    const struct pawl_forward_to *to) {
    Peer__Call row = PEER__CALL__INIT;
    Peer__Invite invite;
    Peer__Kin of;
    struct pawl_str body = PAWL_STR("");
    row.kind = call->verb->kind;
    row.id = pawl__arena_dup(arena, call->id);
    if (!row.id) return (struct pawl_str){0};
    if (to->app) {
        row.app = (char *)(uintptr_t)to->app;
        row.namespace_ = (char *)(uintptr_t)to->namespace;
    }
    switch (call->verb->kind) {
    case PAWL_VERB_START:
        body = pawl__wire_pack(arena, &VERB(call, struct pawl_start)->start->base);
        row.enforce_unique = VERB(call, struct pawl_start)->enforce_unique;
        break;
    case PAWL_VERB_LOOK: row.wait_for = VERB(call, struct pawl_look)->wait_for; break;
    case PAWL_VERB_POST:
        body = pawl__wire_pack(arena, &VERB(call, struct pawl_post)->event.base);
        break;
    case PAWL_VERB_RERUN: row.rerun = forward_pack_rerun(arena, call); break;
    case PAWL_VERB_PURGE:
        row.recursive = VERB(call, struct pawl_purge)->ask.recursive;
        row.force = VERB(call, struct pawl_purge)->ask.force;
        row.asks_kin = VERB(call, struct pawl_purge)->ask.asks_kin;
        row.is_step = VERB(call, struct pawl_purge)->arena != NULL;
        peer__kin__init(&of);
        of.parent = (char *)(uintptr_t)VERB(call, struct pawl_purge)->ask.parent;
        of.task = VERB(call, struct pawl_purge)->ask.task;
        if (of.parent) row.of = &of;
        break;
    case PAWL_VERB_SEARCH:
        row.shard = VERB(call, struct pawl_search)->shard;
        row.query = forward_pack_query(arena, &VERB(call, struct pawl_search)->query);
        break;
    case PAWL_VERB_TALLY:
        row.shard = VERB(call, struct pawl_tally)->shard;
        row.query = forward_pack_query(arena, &VERB(call, struct pawl_tally)->query);
        break;
    case PAWL_VERB_INVITE:
        peer__invite__init(&invite);
        invite.from = (char *)(uintptr_t)VERB(call, struct pawl_invite)->from;
        invite.address = (char *)(uintptr_t)VERB(call, struct pawl_invite)->address;
        row.invite = &invite;
        break;
    case PAWL_VERB_RING: row.ring = pawl__ring_pack(arena, VERB(call, struct pawl_ring)); break;
    case PAWL_VERB_BORROW:
        row.borrow = pawl__borrow_pack(arena, VERB(call, struct pawl_borrow));
        break;
    case PAWL_VERB_QUOTA: row.quota = pawl__quota_pack(arena, VERB(call, struct pawl_quota)); break;
    case PAWL_VERB_TURN_RESULT:
    case PAWL_VERB_ACTIVITY_RESULT: body = VERB(call, struct pawl_answer)->bytes; break;
    case PAWL_VERB_RECEIVE:
        body = VERB(call, struct pawl_receive)->letter;
        row.crossing = forward_pack_crossing(arena, &VERB(call, struct pawl_receive)->crossing);
        break;
    case PAWL_VERB_HISTORY:
    case PAWL_VERB_LOCAL: break;
    }
    if (!body.data || arena->failed) return (struct pawl_str){0};
    row.body = forward_bytes(body);
    return pawl__wire_pack(arena, &row.base);
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
    if (!verb->query.scan || !answer->stop) return true;
    verb->query.scan->stopped = true;
    verb->query.scan->created_at = answer->stop->created_at;
    verb->query.scan->id = pawl__str(answer->stop->id);
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
    if (!row->code && !forward_take(call, row)) pawl__fail_plain(&error, PAWL_E_NOMEM);
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
