#include "engine/events.h"
#include "orchestration.pb-c.h"
#include "pawl_peer.pb-c.h"
#include "runtime/forward.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// The other end of a forwarded call: its message, and the answer's.

enum {
    FORWARDED_ROWS = 1000000 // that a search may ask for
};

static ProtobufCBinaryData forwarded_bytes(struct pawl_str text) {
    return (ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
}

static bool forwarded_copy(struct pawl_arena *arena, char **out, struct pawl_str text) {
    *out = pawl__arena_dup(arena, text.data ? text : PAWL_STR(""));
    return *out;
}

static enum pawl_err forwarded_start(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_str body = {(const char *)row->body.data, row->body.len};
    Pb__ExecutionStartedEvent *start =
        pawl__wire_unpack(forwarded->arena, &pb__execution_started_event__descriptor, body, NULL);
    if (!start) return PAWL_E_INVALID;
    pawl__start_init(&forwarded->verb.start, pawl__str(row->id), start, row->enforce_unique);
    forwarded->verb.call.patient = row->wait_for == PAWL_WAIT_STARTED;
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
        .imports = rerun->imports,
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
    struct pawl_receive *verb = &forwarded->verb.receive;
    enum pawl_err err = pawl__receive_init(verb, body, forwarded->arena, &error);
    if (err || !row->crossing) return err;
    size_t app = strlen(verb->message.sender_app);
    if (row->crossing->origin.len != PAWL_ORIGIN || !app || app > PAWL_APP_MOST)
        return PAWL_E_INVALID;
    verb->crossing = (struct pawl_crossing){
        .origin = {(const char *)row->crossing->origin.data, row->crossing->origin.len},
        .number = row->crossing->number,
        .floor = row->crossing->floor,
    };
    return PAWL_OK;
}

// What a worker of the other daemon answers.
static enum pawl_err forwarded_result(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_str body = {(const char *)row->body.data, row->body.len};
    bool turn = forwarded->kind == PAWL_VERB_TURN_RESULT;
    const void *response = pawl__wire_unpack(
        forwarded->arena,
        turn ? &pb__workflow_response__descriptor : &pb__activity_response__descriptor, body, NULL);
    if (!response) return PAWL_E_INVALID;
    if (turn)
        pawl__turn_result_init(&forwarded->verb.turn, NULL, response, body);
    else
        pawl__activity_result_init(&forwarded->verb.activity, NULL, response);
    return PAWL_OK;
}

static bool forwarded_query(const Peer__Call *row, struct pawl_query *out) {
    const Peer__Query *query = row->query;
    if (!query || query->order > PAWL_ORDER_NEWEST || query->limit > FORWARDED_ROWS ||
        query->await >= PAWL_AWAIT_KINDS)
        return false;
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
        .await = {(enum pawl_await_kind)query->await, pawl__str(query->await_name)},
    };
    return true;
}

static enum pawl_err forwarded_look(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    if (row->wait_for > PAWL_WAIT_RESUMED) return PAWL_E_INVALID;
    pawl__look_init(&forwarded->verb.look, pawl__str(row->id), (enum pawl_wait)row->wait_for,
                    forwarded->arena);
    return PAWL_OK;
}

static enum pawl_err forwarded_history(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    pawl__read_history_init(&forwarded->verb.history, pawl__str(row->id), forwarded->arena);
    return PAWL_OK;
}

static enum pawl_err forwarded_purge(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_purge *verb = &forwarded->verb.purge;
    pawl__purge_init(verb, pawl__str(row->id), row->recursive, row->force);
    verb->ask.asks_kin = row->is_step && row->asks_kin;
    verb->ask.parent = row->of ? row->of->parent : NULL;
    verb->ask.task = row->of ? row->of->task : 0;
    if (row->is_step) verb->arena = forwarded->arena;
    return PAWL_OK;
}

static void forwarded_scan(struct pawl_forwarded *forwarded, const Peer__Call *row,
                           struct pawl_query *query) {
    forwarded->scan =
        (struct pawl_scan){.most = (size_t)row->query->scan, .arena = forwarded->arena};
    if (row->query->scan) query->scan = &forwarded->scan;
}

static enum pawl_err forwarded_search(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_query query;
    if (!forwarded_query(row, &query) || !query.limit) return PAWL_E_INVALID;
    forwarded_scan(forwarded, row, &query);
    pawl__search_init(&forwarded->verb.search, &query, forwarded->arena);
    return PAWL_OK;
}

static enum pawl_err forwarded_tally(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    struct pawl_query query;
    if (!forwarded_query(row, &query)) return PAWL_E_INVALID;
    forwarded_scan(forwarded, row, &query);
    pawl__tally_init(&forwarded->verb.tally, &query, forwarded->arena);
    return PAWL_OK;
}

static enum pawl_err forwarded_invite(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    const Peer__Invite *invite = row->invite;
    if (!invite || !*invite->from || !*invite->address) return PAWL_E_INVALID;
    pawl__invite_init(&forwarded->verb.invite, invite->from, invite->address);
    return PAWL_OK;
}

static enum pawl_err forwarded_ring(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    return pawl__ring_take(&forwarded->verb.ring, row->ring) ? PAWL_OK : PAWL_E_INVALID;
}

static enum pawl_err forwarded_borrow(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    bool ok = pawl__borrow_take(&forwarded->verb.borrow, row->borrow, forwarded->arena);
    return ok ? PAWL_OK : PAWL_E_INVALID;
}

static enum pawl_err forwarded_quota(struct pawl_forwarded *forwarded, const Peer__Call *row) {
    bool ok = pawl__quota_take(&forwarded->verb.quota, row->quota, forwarded->arena);
    return ok ? PAWL_OK : PAWL_E_INVALID;
}

// Each makes the call of its verb.
static enum pawl_err (*const forwarded_takes[])(struct pawl_forwarded *forwarded,
                                                const Peer__Call *row) = {
    [PAWL_VERB_START] = forwarded_start,        [PAWL_VERB_LOOK] = forwarded_look,
    [PAWL_VERB_HISTORY] = forwarded_history,    [PAWL_VERB_POST] = forwarded_post,
    [PAWL_VERB_PURGE] = forwarded_purge,        [PAWL_VERB_SEARCH] = forwarded_search,
    [PAWL_VERB_TALLY] = forwarded_tally,        [PAWL_VERB_RERUN] = forwarded_rerun,
    [PAWL_VERB_RECEIVE] = forwarded_receive,    [PAWL_VERB_INVITE] = forwarded_invite,
    [PAWL_VERB_RING] = forwarded_ring,          [PAWL_VERB_BORROW] = forwarded_borrow,
    [PAWL_VERB_TURN_RESULT] = forwarded_result, [PAWL_VERB_ACTIVITY_RESULT] = forwarded_result,
    [PAWL_VERB_QUOTA] = forwarded_quota,
};

enum pawl_err pawl__forwarded_init(struct pawl_forwarded *forwarded, struct pawl_str request,
                                   struct pawl_arena *arena) {
    const size_t kinds = sizeof forwarded_takes / sizeof *forwarded_takes;
    const Peer__Call *row = pawl__wire_unpack(arena, &peer__call__descriptor, request, NULL);
    if (!row || row->kind >= kinds || !forwarded_takes[row->kind]) return PAWL_E_INVALID;
    forwarded->arena = arena;
    forwarded->kind = (enum pawl_verb_kind)row->kind;
    forwarded->shard = row->shard;
    if (*row->app) {
        forwarded->app = row->app;
        forwarded->namespace = row->namespace_;
    }
    return forwarded_takes[row->kind](forwarded, row);
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
    bool ok = forwarded_copy(arena, &out->tags, view->tags);
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

// Tells where |scan| (NULL: there is none) has stopped. False: memory is out.
static bool forwarded_pack_stop(struct pawl_arena *arena, const struct pawl_scan *scan,
                                Peer__Answer *answer) {
    if (!scan || !scan->stopped) return true;
    answer->stop = pawl__arena_alloc(arena, sizeof *answer->stop);
    if (!answer->stop) return false;
    peer__row__init(answer->stop);
    answer->stop->created_at = scan->created_at;
    answer->stop->count = scan->looked;
    return forwarded_copy(arena, &answer->stop->id, scan->id);
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
        ok = forwarded_copy(arena, &rows[i].id, row->id) &&
             forwarded_copy(arena, &rows[i].name, row->name) &&
             forwarded_copy(arena, &rows[i].parent, row->parent) &&
             forwarded_copy(arena, &rows[i].tags, row->tags) &&
             forwarded_copy(arena, &rows[i].custom_status, row->custom_status) &&
             forwarded_copy(arena, &rows[i].failure_type, row->failure_type);
    }
    answer->sifted = search->query.await.kind;
    return ok && forwarded_pack_stop(arena, search->query.scan, answer);
}

static bool forwarded_pack_tally(const struct pawl_forwarded *forwarded, Peer__Answer *answer) {
    const struct pawl_tally *tally = &forwarded->verb.tally;
    Peer__Row *rows = forwarded_rows(forwarded->arena, answer, tally->count);
    bool ok = rows;
    for (size_t i = 0; ok && i < tally->count; i++) {
        rows[i].status = tally->rows[i].status;
        rows[i].count = tally->rows[i].count;
        ok = forwarded_copy(forwarded->arena, &rows[i].name, tally->rows[i].name);
    }
    answer->sifted = tally->query.await.kind;
    return ok && forwarded_pack_stop(forwarded->arena, tally->query.scan, answer);
}

static bool forwarded_pack_purge(const struct pawl_forwarded *forwarded, Peer__Answer *answer) {
    const struct pawl_purge *purge = &forwarded->verb.purge;
    struct pawl_arena *arena = forwarded->arena;
    size_t count = 0;
    for (const struct pawl_kin *kin = purge->kin; kin; kin = kin->next) count++;
    Peer__Kin *rows = pawl__arena_alloc(arena, (count + 1) * sizeof *rows);
    answer->count = purge->count;
    answer->kin = pawl__arena_alloc(arena, (count + 1) * sizeof *answer->kin);
    bool ok = rows && answer->kin;
    for (const struct pawl_kin *kin = purge->kin; ok && kin; kin = kin->next) {
        Peer__Kin *row = answer->kin[answer->n_kin] = &rows[answer->n_kin];
        peer__kin__init(row);
        answer->n_kin++;
        row->task = kin->task;
        ok = forwarded_copy(arena, &row->id, kin->id) &&
             forwarded_copy(arena, &row->parent, kin->parent);
    }
    return ok;
}

// Whether what would be asked next, that the first turn is on record, is so already.
static bool forwarded_has_started(const struct pawl_forwarded *forwarded) {
    const struct pawl_call *call = &forwarded->verb.call;
    if (forwarded->verb.start.started) return true; // it went on to another daemon, which says so
    if (!call->calls || !pawl__residency_serves(call->calls->residency)) return false;
    const struct pawl_residency *residency = call->calls->residency;
    const struct pawl_instance *instance = pawl__shard_find(&residency->shard, call->id);
    return instance && instance->exists && instance->started_at &&
           instance->position <= residency->durable;
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
    case PAWL_VERB_START: row.started = forwarded_has_started(forwarded); break;
    case PAWL_VERB_LOOK: ok = forwarded_pack_view(forwarded, &row, &view); break;
    case PAWL_VERB_HISTORY: row.history = forwarded_bytes(forwarded->verb.history.history); break;
    case PAWL_VERB_PURGE: ok = forwarded_pack_purge(forwarded, &row); break;
    case PAWL_VERB_SEARCH: ok = forwarded_pack_search(forwarded, &row); break;
    case PAWL_VERB_TALLY: ok = forwarded_pack_tally(forwarded, &row); break;
    case PAWL_VERB_BORROW:
        row.lent = pawl__lent_pack(forwarded->arena, &forwarded->verb.borrow);
        ok = row.lent;
        break;
    case PAWL_VERB_QUOTA:
        row.quotas = pawl__quotas_pack(forwarded->arena, &forwarded->verb.quota);
        ok = row.quotas;
        break;
    default: break;
    }
    return ok ? pawl__wire_pack(forwarded->arena, &row.base) : (struct pawl_str){0};
}
