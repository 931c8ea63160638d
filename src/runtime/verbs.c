#include "runtime/verbs.h"

#include <stdlib.h>

#include "base/clock.h"
#include "wire/columns.h"

#define VERB(call, type) PAWL_CONTAINER(call, type, call)

static struct pawl_str verb_copy(struct pawl_arena *arena, struct pawl_str text, bool *ok) {
    char *copy = pawl__arena_dup(arena, text);
    if (!copy) *ok = false;
    return (struct pawl_str){copy, text.len};
}

// The end of a child in another shard or app may be on its way when somebody who knows of it, from
// there, uses its parent's id again. Of another shard it is in the store by then, so that nothing
// is on its way any more once the mail was read.
#define START_NEWS (500 * PAWL_MILLISECOND)

// --- start --------------------------------------------------------------------------------------

static void start_hope(struct pawl_calls *calls, struct pawl_call *call) {
    struct pawl_residency *residency = calls->residency;
    bool first = !call->hoped_at, abroad = residency->shard.awaits_app;
    if (!abroad && !first && calls->heard_at >= call->hoped_at) return;
    if (pawl__calls_hope(calls, call, START_NEWS) && first) residency->host->listen(residency);
}

static enum pawl_err start_run(struct pawl_calls *calls, struct pawl_call *call,
                               struct pawl_error *error) {
    const struct pawl_start *verb = VERB(call, struct pawl_start);
    struct pawl_residency *residency = calls->residency;
    enum pawl_err err = verb->is_new ? pawl__load_none(residency, call->id, error) : PAWL_OK;
    if (err) return err;
    err = pawl__shard_create(&residency->shard, pawl__residency_stamp(residency), call->id,
                             verb->start, verb->enforce_unique, error);
    if (err == PAWL_E_EXISTS && residency->shard.awaits_news) start_hope(calls, call);
    return err;
}

static const struct pawl_verb start_verb = {
    .kind = PAWL_VERB_START, .run = start_run, .writes = true, .asks = true};

void pawl__start_init(struct pawl_start *verb, struct pawl_str id, Pb__ExecutionStartedEvent *start,
                      bool enforce_unique) {
    pawl__call_init(&verb->call, &start_verb, id);
    verb->start = start;
    verb->enforce_unique = enforce_unique;
    verb->is_new = verb->started = false;
}

// --- look ---------------------------------------------------------------------------------------

static bool look_tags(struct pawl_arena *arena, const Pb__ExecutionStartedEvent *start,
                      struct pawl_str *out) {
    struct pawl_buf tags = {0};
    bool ok = true;
    for (size_t i = 0; i < start->n_tags; i++)
        pawl__tags_add(&tags, pawl__str(start->tags[i]->key), pawl__str(start->tags[i]->value));
    if (tags.len) *out = verb_copy(arena, pawl__buf_str(&tags), &ok);
    ok = ok && !tags.failed;
    pawl__buf_finish(&tags);
    return ok;
}

static bool look_fill(struct pawl_look *verb, const struct pawl_instance *instance) {
    struct pawl_view *view = &verb->view;
    struct pawl_arena *arena = verb->arena;
    *view = (struct pawl_view){.id = verb->call.id, .exists = instance->exists};
    if (!instance->exists) return true;
    bool ok = true;
    view->name = verb_copy(arena, pawl__str(instance->name), &ok);
    view->status = pawl__instance_status(instance);
    view->created_at = instance->created_at;
    view->updated_at = instance->updated_at;
    view->started_at = instance->started_at;
    view->completed_at = instance->completed_at;
    if (instance->version) view->version = verb_copy(arena, pawl__str(instance->version), &ok).data;
    view->has_custom_status = instance->has_custom_status;
    view->custom_status = verb_copy(arena, pawl__buf_str(&instance->custom_status), &ok);
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, arena);
    if (!start) return false;
    view->input = start->input;
    ok = look_tags(arena, start, &view->tags) && ok;
    if (start->parentinstance && start->parentinstance->workflowinstance) {
        view->parent_id = start->parentinstance->workflowinstance->instanceid;
        view->parent_app =
            start->parentinstance->_app_id_case ? start->parentinstance->appid : NULL;
    }
    if (!pawl__instance_completed(instance)) return ok;
    const Pb__HistoryEvent *end =
        pawl__history_at(&instance->history, instance->final_offset, arena);
    if (!end) return false;
    view->output = end->executioncompleted->result;
    view->failure = end->executioncompleted->failuredetails;
    return ok;
}

bool pawl__look_is_met(const struct pawl_call *call, const struct pawl_instance *instance) {
    const struct pawl_look *verb = VERB(call, const struct pawl_look);
    bool ended = instance->exists && pawl__instance_completed(instance);
    switch (verb->wait_for) {
    case PAWL_WAIT_NOT: return true;
    case PAWL_WAIT_SUSPENDED:
    case PAWL_WAIT_RESUMED:
        return !instance->exists || ended ||
               ((instance->started_at || pawl__instance_is_scheduled(instance)) &&
                instance->suspended == (verb->wait_for == PAWL_WAIT_SUSPENDED));
    case PAWL_WAIT_COMPLETED: return ended;
    case PAWL_WAIT_STARTED:
        return instance->exists && pawl__instance_status(instance) !=
                                       PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_PENDING;
    }
    return true;
}

static enum pawl_err look_run(struct pawl_calls *calls, struct pawl_call *call,
                              struct pawl_error *error) {
    struct pawl_look *verb = VERB(call, struct pawl_look);
    struct pawl_instance *instance;
    enum pawl_err err = pawl__residency_find(calls->residency, call->id, &instance);
    if (err) return pawl__fail_plain(error, err);
    if (!pawl__look_is_met(call, instance))
        err = pawl__calls_wait(calls, call);
    else if (verb->arena && !look_fill(verb, instance))
        err = PAWL_E_NOMEM;
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

static const struct pawl_verb look_verb = {.kind = PAWL_VERB_LOOK, .run = look_run, .reads = true};
static const struct pawl_verb wait_verb = {
    .kind = PAWL_VERB_LOOK, .run = look_run, .behind = true, .outlasts = true};

void pawl__look_init(struct pawl_look *verb, struct pawl_str id, enum pawl_wait wait_for,
                     struct pawl_arena *arena) {
    pawl__call_init(&verb->call, wait_for == PAWL_WAIT_NOT ? &look_verb : &wait_verb, id);
    verb->wait_for = wait_for;
    verb->arena = arena;
    verb->view = (struct pawl_view){0};
}

// --- history ------------------------------------------------------------------------------------

static enum pawl_err history_run(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    struct pawl_read_history *verb = VERB(call, struct pawl_read_history);
    struct pawl_instance *instance;
    enum pawl_err err = pawl__residency_find(calls->residency, call->id, &instance);
    if (err) return pawl__fail_plain(error, err);
    if (!instance->exists)
        return pawl__fail(error, PAWL_E_NOT_FOUND, "workflow instance '%.*s' not found",
                          PAWL_FMT(call->id));
    bool ok = true;
    verb->history = verb_copy(verb->arena, pawl__buf_str(&instance->history.bytes), &ok);
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static const struct pawl_verb history_verb = {
    .kind = PAWL_VERB_HISTORY, .run = history_run, .reads = true};

void pawl__read_history_init(struct pawl_read_history *verb, struct pawl_str id,
                             struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &history_verb, id);
    verb->arena = arena;
    verb->history = PAWL_STR("");
}

// --- rerun --------------------------------------------------------------------------------------

static enum pawl_err rerun_run(struct pawl_calls *calls, struct pawl_call *call,
                               struct pawl_error *error) {
    struct pawl_stamp stamp = pawl__residency_stamp(calls->residency);
    pawl__random_uuid(stamp.uuid);
    return pawl__shard_rerun(&calls->residency->shard, stamp,
                             &VERB(call, struct pawl_rerun_call)->fork, error);
}

static const struct pawl_verb rerun_verb = {
    .kind = PAWL_VERB_RERUN, .run = rerun_run, .writes = true, .asks = true};

void pawl__rerun_init(struct pawl_rerun_call *verb, const struct pawl_fork *fork) {
    pawl__call_init(&verb->call, &rerun_verb, pawl__str(fork->id));
    verb->fork = *fork;
}

// --- post ---------------------------------------------------------------------------------------

static enum pawl_err post_run(struct pawl_calls *calls, struct pawl_call *call,
                              struct pawl_error *error) {
    struct pawl_residency *residency = calls->residency;
    return pawl__shard_post(&residency->shard, pawl__residency_stamp(residency), call->id,
                            &VERB(call, struct pawl_post)->event, error);
}

static const struct pawl_verb post_verb = {
    .kind = PAWL_VERB_POST, .run = post_run, .writes = true, .asks = true};

void pawl__post_init(struct pawl_post *verb, struct pawl_str id,
                     Pb__HistoryEvent__EventTypeCase type, void *body) {
    pawl__call_init(&verb->call, &post_verb, id);
    pb__history_event__init(&verb->event);
    verb->event.eventid = -1;
    verb->event.event_type_case = type;
    verb->event.eventraised = body; // every member of the oneof is a pointer in one union
}

// --- purge --------------------------------------------------------------------------------------

// Copies |kin| into |arena|, and with them their texts. False: memory is out.
static bool purge_copy_kin(struct pawl_arena *arena, struct pawl_kin **out,
                           const struct pawl_kin *kin) {
    *out = NULL;
    for (; kin; kin = kin->next) {
        struct pawl_kin *copy = pawl__arena_alloc(arena, sizeof *copy);
        if (!copy) return false;
        *copy = (struct pawl_kin){.id = pawl__str(pawl__arena_dup(arena, kin->id)),
                                  .parent = pawl__str(pawl__arena_dup(arena, kin->parent)),
                                  .task = kin->task,
                                  .next = *out};
        if (!copy->id.data || !copy->parent.data) return false;
        *out = copy;
    }
    return true;
}

static enum pawl_err purge_run(struct pawl_calls *calls, struct pawl_call *call,
                               struct pawl_error *error) {
    struct pawl_purge *verb = VERB(call, struct pawl_purge);
    struct pawl_kin *kin;
    enum pawl_err err = pawl__shard_purge(&calls->residency->shard, call->id, &verb->ask,
                                          &verb->count, &kin, error);
    if (err || !kin || purge_copy_kin(verb->arena, &verb->kin, kin)) return err;
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}

static const struct pawl_verb purge_verb = {
    .kind = PAWL_VERB_PURGE, .run = purge_run, .writes = true, .asks = true};

void pawl__purge_init(struct pawl_purge *verb, struct pawl_str id, bool recursive, bool force) {
    pawl__call_init(&verb->call, &purge_verb, id);
    verb->ask = (struct pawl_purge_ask){.recursive = recursive, .force = force};
    verb->count = 0;
    verb->kin = NULL;
    verb->arena = NULL;
}

// --- a message of another app -------------------------------------------------------------------

static enum pawl_err receive_run(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    struct pawl_receive *verb = VERB(call, struct pawl_receive);
    struct pawl_residency *residency = calls->residency;
    struct pawl_shard *shard = &residency->shard;
    struct pawl_message *message = &verb->message;
    message->crossing = verb->crossing.origin.len ? &verb->crossing : NULL;
    if (strcmp(message->target_app, shard->app_id) != 0)
        return pawl__fail(error, PAWL_E_INVALID, "it is for app '%s', and here is app '%s'",
                          message->target_app, shard->app_id);
    enum pawl_err err =
        pawl__shard_receive(shard, pawl__residency_stamp(residency), message, error);
    // A note of it, and an answer, may be all that it brought about.
    bool open = shard->batch.len || shard->mail.len;
    call->position = open ? shard->position : shard->position - 1;
    return err;
}

static const struct pawl_verb receive_verb = {
    .kind = PAWL_VERB_RECEIVE, .run = receive_run, .writes = true};

enum pawl_err pawl__receive_init(struct pawl_receive *verb, struct pawl_str letter,
                                 struct pawl_arena *arena, struct pawl_error *error) {
    enum pawl_err err = pawl__message_unpack(letter, arena, &verb->message, error);
    pawl__call_init(&verb->call, &receive_verb,
                    err ? PAWL_STR("") : pawl__str(verb->message.target));
    verb->letter = letter;
    verb->crossing = (struct pawl_crossing){0};
    return err;
}

// --- an end without a worker --------------------------------------------------------------------

struct verb_end {
    struct pawl_call call;
    struct pawl_instance *instance; // a reference
};

static enum pawl_err end_run(struct pawl_calls *calls, struct pawl_call *call,
                             struct pawl_error *error) {
    struct pawl_residency *residency = calls->residency;
    return pawl__shard_end(&residency->shard, pawl__residency_stamp(residency),
                           VERB(call, struct verb_end)->instance, error);
}

// When it could not be done, as for want of memory, nothing else would end the instance: the state
// is read again, and offers it.
static void end_done(struct pawl_call *call, const struct pawl_error *error) {
    struct verb_end *verb = VERB(call, struct verb_end);
    struct pawl_residency *residency = call->calls->residency;
    if (error && pawl__residency_serves(residency)) pawl__residency_fail(residency, error);
    pawl__instance_unref(verb->instance);
    free(verb);
}

static const struct pawl_verb end_verb = {.run = end_run, .writes = true};

struct pawl_call *pawl__end_create(struct pawl_instance *instance) {
    struct verb_end *verb = malloc(sizeof *verb);
    if (!verb) return NULL;
    pawl__call_init(&verb->call, &end_verb, pawl__instance_id(instance));
    verb->call.done = end_done;
    verb->instance = pawl__instance_ref(instance);
    return &verb->call;
}
