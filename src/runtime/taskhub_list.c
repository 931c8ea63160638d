#include "runtime/taskhub_list.h"

#include "base/clock.h"
#include "engine/events.h"
#include "runtime/filter.h"
#include "runtime/page_token.h"
#include "wire/columns.h"
#include "wire/pack.h"

enum {
    LIST_PAGE = 1024 // at most in an answer, as the reference has it
};

// --- requests -----------------------------------------------------------------------------------

static void list_refuse_token(enum pawl_err err, struct pawl_error *error) {
    pawl__fail(error, err, "%s",
               err == PAWL_E_INVALID ? "the continuation token is not one of ours"
                                     : "out of memory");
}

// A search for a page of |page| instances behind the place of |token|.
static struct pawl_call *list_make(struct pawl_taskhub_call *call, struct pawl_query *query,
                                   size_t page, const char *token, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    if (*token)
        err = pawl__page_token_read(call->arena, token, &query->after_created, &query->after_id);
    if (err) {
        list_refuse_token(err, error);
        return NULL;
    }
    call->page = page == 0 || page > LIST_PAGE ? LIST_PAGE : page;
    query->limit = call->page + 1; // one more tells whether there are more
    pawl__search_init(&call->verb.search, query, call->arena);
    return &call->verb.search.call;
}

struct pawl_call *pawl__taskhub_list(struct pawl_taskhub_call *call, struct pawl_error *error) {
    const Pb__ListInstanceIDsRequest *ask = (const void *)call->request;
    struct pawl_query query = {.order = PAWL_ORDER_OLDEST};
    return list_make(call, &query, ask->_page_size_case ? ask->pagesize : 0,
                     ask->_continuation_token_case ? ask->continuationtoken : "", error);
}

struct pawl_call *pawl__taskhub_search(struct pawl_taskhub_call *call, struct pawl_error *error) {
    const Query__ListRequest *ask = (const void *)call->request;
    struct pawl_query query = {.order = ask->newest ? PAWL_ORDER_NEWEST : PAWL_ORDER_OLDEST};
    if (pawl__filter_parse(pawl__str(ask->filter), pawl__clock_wall(), call->arena, &query, error))
        return NULL;
    call->scan = (struct pawl_scan){.most = PAWL_SEARCH_SCAN, .arena = call->arena};
    query.scan = &call->scan;
    return list_make(call, &query, ask->limit, ask->after, error);
}

// The place of a count: of a token whose id has the number of the shard in front.
static enum pawl_err tally_place(struct pawl_arena *arena, const char *token,
                                 struct pawl_query *query, uint32_t *shard) {
    struct pawl_str rest;
    int64_t number;
    if (!*token) return PAWL_OK;
    enum pawl_err err = pawl__page_token_read(arena, token, &query->after_created, &rest);
    if (err) return err;
    struct pawl_str first = pawl__str_cut(&rest, '.');
    if (!rest.data || !pawl__str_to_int(first, 0, UINT32_MAX, &number)) return PAWL_E_INVALID;
    *shard = (uint32_t)number;
    query->after_id = rest;
    return PAWL_OK;
}

struct pawl_call *pawl__taskhub_tally(struct pawl_taskhub_call *call, struct pawl_error *error) {
    const Query__CountRequest *ask = (const void *)call->request;
    struct pawl_query query = {.order = PAWL_ORDER_OLDEST};
    if (pawl__filter_parse(pawl__str(ask->filter), pawl__clock_wall(), call->arena, &query, error))
        return NULL;
    call->scan = (struct pawl_scan){.most = PAWL_SEARCH_SCAN, .arena = call->arena};
    if (ask->parts) query.scan = &call->scan;
    enum pawl_err err =
        ask->parts ? tally_place(call->arena, ask->after, &query, &call->scan.shard) : PAWL_OK;
    if (err) {
        list_refuse_token(err, error);
        return NULL;
    }
    pawl__tally_init(&call->verb.tally, &query, call->arena);
    return &call->verb.tally.call;
}

// --- answers ------------------------------------------------------------------------------------

// How many rows are on the page. |*token| leads to the next one; NULL: there is none. |scan| (NULL:
// everything was looked at) says how far the search has come. False: memory is out.
static bool list_page(struct pawl_taskhub_call *call, const struct pawl_scan *scan, size_t *count,
                      char **token) {
    const struct pawl_search *search = &call->verb.search;
    bool full = search->count > call->page;
    *count = full ? call->page : search->count;
    *token = NULL;
    if (!full && !(scan && scan->stopped)) return true;
    const struct pawl_snapshot *last = full ? &search->rows[call->page - 1] : NULL;
    *token = last ? pawl__page_token_make(call->arena, last->created_at, last->id)
                  : pawl__page_token_make(call->arena, scan->created_at, scan->id);
    return *token;
}

bool pawl__taskhub_answer_list(struct pawl_taskhub_call *call) {
    Pb__ListInstanceIDsResponse *response = pawl__taskhub_response(call);
    size_t count;
    char *token;
    if (!response || !list_page(call, NULL, &count, &token)) return false;
    response->instanceids = pawl__arena_alloc(call->arena, count * sizeof(char *));
    if (!response->instanceids) return false;
    response->n_instanceids = count;
    for (size_t i = 0; i < count; i++)
        response->instanceids[i] = (char *)call->verb.search.rows[i].id.data;
    if (!token) return true;
    response->_continuation_token_case =
        PB__LIST_INSTANCE_IDS_RESPONSE___CONTINUATION_TOKEN_CONTINUATION_TOKEN;
    response->continuationtoken = token;
    return true;
}

// A text that may be none.
static bool list_text(struct pawl_arena *arena, struct pawl_str text,
                      Google__Protobuf__StringValue **out) {
    if (!text.len) return true;
    *out = pawl__string_value(arena, (char *)text.data);
    return *out;
}

static Pb__TaskFailureDetails *list_failure(struct pawl_arena *arena, struct pawl_str type) {
    Pb__TaskFailureDetails *failure = pawl__wire_new(arena, &pb__task_failure_details__descriptor);
    if (!failure) return NULL;
    failure->errortype = (char *)type.data;
    return failure;
}

bool pawl__taskhub_put_tags(struct pawl_arena *arena, struct pawl_str tags,
                            Pb__WorkflowState *state) {
    struct pawl_str key, value;
    size_t count = 0;
    if (!tags.len) return true;
    for (size_t at = 0; pawl__tags_next(arena, tags, &at, &key, &value);) count++;
    Pb__WorkflowState__TagsEntry *entries = pawl__arena_alloc(arena, (count + 1) * sizeof *entries);
    state->tags = pawl__arena_alloc(arena, (count + 1) * sizeof *state->tags);
    if (!entries || !state->tags) return false;
    for (size_t at = 0; pawl__tags_next(arena, tags, &at, &key, &value) && state->n_tags < count;) {
        Pb__WorkflowState__TagsEntry *entry = &entries[state->n_tags];
        pb__workflow_state__tags_entry__init(entry);
        entry->key = (char *)key.data;
        entry->value = (char *)value.data;
        state->tags[state->n_tags++] = entry;
    }
    return true;
}

static Pb__WorkflowState *list_row(struct pawl_arena *arena, const struct pawl_snapshot *row) {
    Pb__WorkflowState *state = pawl__wire_new(arena, &pb__workflow_state__descriptor);
    if (!state) return NULL;
    state->instanceid = (char *)row->id.data;
    state->name = (char *)row->name.data;
    state->workflowstatus = (Pb__OrchestrationStatus)row->status;
    state->createdtimestamp = pawl__timestamp(arena, row->created_at);
    state->lastupdatedtimestamp = pawl__timestamp(arena, row->updated_at);
    if (row->completed_at) state->completedtimestamp = pawl__timestamp(arena, row->completed_at);
    if (row->failure_type.len) state->failuredetails = list_failure(arena, row->failure_type);
    return list_text(arena, row->custom_status, &state->customstatus) &&
                   list_text(arena, row->parent, &state->parentinstanceid) &&
                   pawl__taskhub_put_tags(arena, row->tags, state) && state->createdtimestamp &&
                   state->lastupdatedtimestamp &&
                   (state->completedtimestamp || !row->completed_at) &&
                   (state->failuredetails || !row->failure_type.len)
               ? state
               : NULL;
}

bool pawl__taskhub_answer_search(struct pawl_taskhub_call *call) {
    Query__ListResponse *response = pawl__taskhub_response(call);
    size_t count;
    char *token;
    if (!response || !list_page(call, &call->scan, &count, &token)) return false;
    response->workflows = pawl__arena_alloc(call->arena, count * sizeof *response->workflows);
    if (!response->workflows) return false;
    if (token) response->next = token;
    response->looked = call->scan.stopped && call->scan.looked > count ? call->scan.looked : count;
    for (size_t i = 0; i < count; i++) {
        response->workflows[i] = list_row(call->arena, &call->verb.search.rows[i]);
        if (!response->workflows[i]) return false;
    }
    response->n_workflows = count;
    return true;
}

bool pawl__taskhub_answer_tally(struct pawl_taskhub_call *call) {
    Query__CountResponse *response = pawl__taskhub_response(call);
    const struct pawl_tally *tally = &call->verb.tally;
    if (!response) return false;
    Query__CountResponse__Group *groups =
        pawl__arena_alloc(call->arena, tally->count * sizeof *groups);
    response->groups = pawl__arena_alloc(call->arena, tally->count * sizeof *response->groups);
    if (!groups || !response->groups) return false;
    for (size_t i = 0; i < tally->count; i++) {
        query__count_response__group__init(&groups[i]);
        groups[i].name = (char *)tally->rows[i].name.data;
        groups[i].status = (Pb__OrchestrationStatus)tally->rows[i].status;
        groups[i].count = tally->rows[i].count;
        response->groups[i] = &groups[i];
    }
    response->n_groups = tally->count;
    const struct pawl_scan *scan = tally->query.scan;
    if (!scan || !scan->stopped) return true;
    char *place = pawl__arena_format(call->arena, "%u.%.*s", scan->shard, PAWL_FMT(scan->id));
    response->looked = scan->looked;
    response->next =
        place ? pawl__page_token_make(call->arena, scan->created_at, pawl__str(place)) : NULL;
    return response->next;
}
