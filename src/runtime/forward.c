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
    FORWARD_ROWS = 1000000, // that a search may ask for
    FORWARD_WHY = 200       // bytes of a text, with its end
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
    Peer__Query *row = pawl__arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    peer__query__init(row);
    row->statuses = query->statuses;
    row->created_from = query->created_from;
    row->created_before = query->created_before;
    row->ended_from = query->ended_from;
    row->ended_before = query->ended_before;
    row->order = query->order;
    row->after_created = query->after_created;
    row->limit = query->limit;
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
    Peer__Rerun *row = pawl__arena_alloc(arena, sizeof *row);
    if (!row) return NULL;
    peer__rerun__init(row);
    row->source = (char *)(uintptr_t)fork->source;
    row->history = forward_bytes(fork->history);
    row->event_id = fork->event_id;
    row->overwrites_input = fork->overwrites_input;
    row->input = pawl__string_value(arena, (char *)(uintptr_t)fork->input);
    row->child_id = pawl__string_value(arena, (char *)(uintptr_t)fork->child_id);
    bool ok = (row->input || !fork->input) && (row->child_id || !fork->child_id);
    return ok ? row : NULL;
}

// Encodes |call|. No data: memory is out.
static struct pawl_str forward_pack(struct pawl_arena *arena, const struct pawl_call *call,
                                    const struct pawl_forward_to *to) {
    Peer__Call row = PEER__CALL__INIT;
    Peer__Invite invite;
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
        row.recursive = VERB(call, struct pawl_purge)->recursive;
        row.force = VERB(call, struct pawl_purge)->force;
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
    case PAWL_VERB_RECEIVE: body = VERB(call, struct pawl_receive)->letter; break;
    case PAWL_VERB_HISTORY:
    case PAWL_VERB_LOCAL: break;
    }
    bool searches = call->verb->kind == PAWL_VERB_SEARCH || call->verb->kind == PAWL_VERB_TALLY;
    if (call->verb->kind == PAWL_VERB_RERUN && !row.rerun) return (struct pawl_str){0};
    if (!body.data || (searches && !row.query)) return (struct pawl_str){0};
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

static struct pawl_arena *forward_arena(struct pawl_call *call) {
    switch (call->verb->kind) {
    case PAWL_VERB_LOOK: return PAWL_CONTAINER(call, struct pawl_look, call)->arena;
    case PAWL_VERB_HISTORY: return PAWL_CONTAINER(call, struct pawl_read_history, call)->arena;
    case PAWL_VERB_SEARCH: return PAWL_CONTAINER(call, struct pawl_search, call)->arena;
    case PAWL_VERB_TALLY: return PAWL_CONTAINER(call, struct pawl_tally, call)->arena;
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
        PAWL_CONTAINER(call, struct pawl_purge, call)->count = row->count;
        return true;
    case PAWL_VERB_SEARCH:
        return forward_take_rows(PAWL_CONTAINER(call, struct pawl_search, call), row);
    case PAWL_VERB_TALLY:
        return forward_take_counts(PAWL_CONTAINER(call, struct pawl_tally, call), row);
    default: return true;
    }
}

static void forward_destroy(struct pawl_forward *forward) {
    forward->call->remote = NULL;
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
    forward->request = forward_pack(&forward->arena, call, to);
    call->remote = &forward->remote;
    enum pawl_err err =
        forward->request.data ? peers->send(peers, to->address, forward) : PAWL_E_NOMEM;
    if (err) forward_destroy(forward);
    return err;
}

// --- at the other end ----------------------------------------------------------------------------

static enum pawl_err forwarded_start(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_str body = {(const char *)row->body.data, row->body.len};
    Pb__ExecutionStartedEvent *start =
        pawl__wire_unpack(forwarded->arena, &pb__execution_started_event__descriptor, body, NULL);
    if (!start) return PAWL_E_INVALID;
    pawl__start_init(&forwarded->verb.start, pawl__str(row->id), start, row->enforce_unique);
    return PAWL_OK;
}

static enum pawl_err forwarded_post(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_str body = {(const char *)row->body.data, row->body.len};
    const Pb__HistoryEvent *event =
        pawl__wire_unpack(forwarded->arena, &pb__history_event__descriptor, body, NULL);
    if (!event || !event->eventraised) return PAWL_E_INVALID; // the oneof has no body
    pawl__post_init(&forwarded->verb.post, pawl__str(row->id), event->event_type_case,
                    event->eventraised);
    return PAWL_OK;
}

static enum pawl_err forwarded_rerun(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    const Peer__Rerun *rerun = row->rerun;
    if (!rerun) return PAWL_E_INVALID;
    const struct pawl_fork fork = {
        .source = rerun->source,
        .history = {(const char *)rerun->history.data, rerun->history.len},
        .event_id = rerun->event_id,
        .overwrites_input = rerun->overwrites_input,
        .input = pawl__string_of(rerun->input),
        .child_id = pawl__string_of(rerun->child_id),
        .id = row->id,
    };
    pawl__rerun_init(&forwarded->verb.rerun, &fork);
    return PAWL_OK;
}

static enum pawl_err forwarded_receive(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_str body = {(const char *)row->body.data, row->body.len};
    struct pawl_error error;
    return pawl__receive_init(&forwarded->verb.receive, body, forwarded->arena, &error);
}

static bool forwarded_query(const Peer__Call *row, struct pawl_query *out) {
    const Peer__Query *query = row->query;
    if (!query || query->order > PAWL_ORDER_NEWEST || query->limit > FORWARD_ROWS) return false;
    *out = (struct pawl_query){
        .name = pawl__str(query->name),
        .statuses = query->statuses,
        .created_from = query->created_from,
        .created_before = query->created_before,
        .ended_from = query->ended_from,
        .ended_before = query->ended_before,
        .parent = pawl__str(query->parent),
        .tag = pawl__str(query->tag),
        .id_prefix = pawl__str(query->id_prefix),
        .custom_status = pawl__str(query->custom_status),
        .failure_type = pawl__str(query->failure_type),
        .order = (enum pawl_order)query->order,
        .after_created = query->after_created,
        .after_id = pawl__str(query->after_id),
        .limit = (size_t)query->limit,
    };
    return true;
}

enum pawl_err pawl__forwarded_init(struct pawl_forwarded *forwarded, struct pawl_str request,
                                   struct pawl_arena *arena) {
    const Peer__Call *row = pawl__wire_unpack(arena, &peer__call__descriptor, request, NULL);
    if (!row) return PAWL_E_INVALID;
    struct pawl_str id = pawl__str(row->id);
    struct pawl_query query;
    forwarded->arena = arena;
    forwarded->kind = (enum pawl_verb_kind)row->kind;
    forwarded->shard = row->shard;
    if (*row->app) {
        forwarded->app = row->app;
        forwarded->namespace = row->namespace_;
    }
    switch (forwarded->kind) {
    case PAWL_VERB_START: return forwarded_start(forwarded, row);
    case PAWL_VERB_POST: return forwarded_post(forwarded, row);
    case PAWL_VERB_RERUN: return forwarded_rerun(forwarded, row);
    case PAWL_VERB_LOOK:
        if (row->wait_for > PAWL_WAIT_RESUMED) return PAWL_E_INVALID;
        pawl__look_init(&forwarded->verb.look, id, (enum pawl_wait)row->wait_for, arena);
        return PAWL_OK;
    case PAWL_VERB_HISTORY:
        pawl__read_history_init(&forwarded->verb.history, id, arena);
        return PAWL_OK;
    case PAWL_VERB_PURGE:
        pawl__purge_init(&forwarded->verb.purge, id, row->recursive, row->force);
        return PAWL_OK;
    case PAWL_VERB_SEARCH:
        if (!forwarded_query(row, &query) || !query.limit) return PAWL_E_INVALID;
        pawl__search_init(&forwarded->verb.search, &query, arena);
        return PAWL_OK;
    case PAWL_VERB_TALLY:
        if (!forwarded_query(row, &query)) return PAWL_E_INVALID;
        pawl__tally_init(&forwarded->verb.tally, &query, arena);
        return PAWL_OK;
    case PAWL_VERB_RECEIVE: return forwarded_receive(forwarded, row);
    case PAWL_VERB_INVITE:
        if (!row->invite || !*row->invite->from || !*row->invite->address) return PAWL_E_INVALID;
        pawl__invite_init(&forwarded->verb.invite, row->invite->from, row->invite->address);
        return PAWL_OK;
    case PAWL_VERB_LOCAL: break;
    }
    return PAWL_E_INVALID;
}

static bool forwarded_pack_view(const struct pawl_forwarded *forwarded, Peer__Answer *row,
                                Peer__View *out) {
    const struct pawl_view *view = &forwarded->verb.look.view;
    struct pawl_arena *arena = forwarded->arena;
    peer__view__init(out);
    row->view = out;
    out->exists = view->exists;
    if (!view->exists) return true;
    out->name = (char *)(uintptr_t)view->name.data;
    out->status = view->status;
    out->created_at = view->created_at;
    out->updated_at = view->updated_at;
    out->started_at = view->started_at;
    out->completed_at = view->completed_at;
    out->input = view->input;
    out->output = view->output;
    out->failure = view->failure;
    const char *custom = view->has_custom_status ? view->custom_status.data : NULL;
    const struct {
        const char *text;
        Google__Protobuf__StringValue **value;
    } texts[] = {{view->version, &out->version},
                 {custom, &out->custom_status},
                 {view->parent_id, &out->parent_id},
                 {view->parent_app, &out->parent_app}};
    bool ok = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i].value = pawl__string_value(arena, (char *)(uintptr_t)texts[i].text);
        ok = ok && (*texts[i].value || !texts[i].text);
    }
    return ok;
}

// |count| rows for the answer, of default values. NULL: memory is out.
static Peer__Row *forwarded_rows(struct pawl_arena *arena, Peer__Answer *answer, size_t count) {
    Peer__Row *rows = pawl__arena_alloc(arena, (count + 1) * sizeof *rows);
    answer->rows = pawl__arena_alloc(arena, (count + 1) * sizeof *answer->rows);
    if (!rows || !answer->rows) return NULL;
    answer->n_rows = count;
    for (size_t i = 0; i < count; i++) {
        peer__row__init(&rows[i]);
        answer->rows[i] = &rows[i];
    }
    return rows;
}

static bool forwarded_pack_search(const struct pawl_forwarded *forwarded, Peer__Answer *answer) {
    const struct pawl_search *search = &forwarded->verb.search;
    struct pawl_arena *arena = forwarded->arena;
    Peer__Row *rows = forwarded_rows(arena, answer, search->count);
    bool ok = rows;
    for (size_t i = 0; ok && i < search->count; i++) {
        const struct pawl_snapshot *row = &search->rows[i];
        rows[i].status = row->status;
        rows[i].created_at = row->created_at;
        rows[i].updated_at = row->updated_at;
        rows[i].completed_at = row->completed_at;
        ok = forward_copy(arena, &rows[i].id, row->id) &&
             forward_copy(arena, &rows[i].name, row->name) &&
             forward_copy(arena, &rows[i].parent, row->parent) &&
             forward_copy(arena, &rows[i].tags, row->tags) &&
             forward_copy(arena, &rows[i].custom_status, row->custom_status) &&
             forward_copy(arena, &rows[i].failure_type, row->failure_type);
    }
    return ok;
}

static bool forwarded_pack_tally(const struct pawl_forwarded *forwarded, Peer__Answer *answer) {
    const struct pawl_tally *tally = &forwarded->verb.tally;
    Peer__Row *rows = forwarded_rows(forwarded->arena, answer, tally->count);
    bool ok = rows;
    for (size_t i = 0; ok && i < tally->count; i++) {
        rows[i].status = tally->rows[i].status;
        rows[i].count = tally->rows[i].count;
        ok = forward_copy(forwarded->arena, &rows[i].name, tally->rows[i].name);
    }
    return ok;
}

struct pawl_str pawl__forwarded_answer(const struct pawl_forwarded *forwarded,
                                       const struct pawl_error *error) {
    Peer__Answer row = PEER__ANSWER__INIT;
    Peer__View view;
    bool ok = true;
    if (error) {
        row.code = error->code;
        row.text = (char *)(uintptr_t)error->text;
        return pawl__wire_pack(forwarded->arena, &row.base);
    }
    switch (forwarded->kind) {
    case PAWL_VERB_LOOK: ok = forwarded_pack_view(forwarded, &row, &view); break;
    case PAWL_VERB_HISTORY: row.history = forward_bytes(forwarded->verb.history.history); break;
    case PAWL_VERB_PURGE: row.count = forwarded->verb.purge.count; break;
    case PAWL_VERB_SEARCH: ok = forwarded_pack_search(forwarded, &row); break;
    case PAWL_VERB_TALLY: ok = forwarded_pack_tally(forwarded, &row); break;
    default: break;
    }
    return ok ? pawl__wire_pack(forwarded->arena, &row.base) : (struct pawl_str){0};
}
