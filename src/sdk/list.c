#include <stdlib.h>

#include "base/array.h"
#include "sdk/call.h"
#include "sdk/error.h"
#include "sdk/looked.h"
#include "wire/unpack.h"

// Which instances there are, and how many.

// A page, and the memory of all that it points to.
struct list_page {
    struct pawl_page page;
    const char *next; // where the next one begins; empty: there is none
    uint64_t looked;  // instances that were looked at for it, at least
    struct pawl_arena arena;
};

static enum pawl_err list_check(struct pawl *pawl, const char *filter, const char *what) {
    PAWL_TRY(pawl__handle_check(pawl, what));
    if (!filter || pawl__wire_is_text(pawl__str(filter))) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_INVALID, "%s: the filter is not UTF-8", what);
}

// --- pages --------------------------------------------------------------------------------------

static struct list_page *list_page_of(struct pawl_page *page) {
    return PAWL_CONTAINER(page, struct list_page, page);
}

void pawl_page_free(struct pawl_page *page) {
    if (!page) return;
    struct list_page *made = list_page_of(page);
    pawl__arena_finish(&made->arena);
    free(made);
}

uint64_t pawl__page_looked(const struct pawl_page *page) {
    return PAWL_CONTAINER(page, const struct list_page, page)->looked;
}

// Takes over the arena of |call|, which holds the response. NULL when memory is out.
static struct pawl_page *list_page_make(struct pawl_client_call *call) {
    const Query__ListResponse *response = (const void *)call->op.response;
    struct list_page *made = calloc(1, sizeof *made);
    struct pawl_info *items =
        pawl__arena_alloc(&call->op.arena, response->n_workflows * sizeof *items);
    bool ok = made && items;
    for (size_t i = 0; ok && i < response->n_workflows; i++)
        ok = pawl__client_info(&call->op.arena, response->workflows[i], &items[i]);
    if (!ok) {
        free(made);
        return NULL;
    }
    made->page = (struct pawl_page){.items = items, .count = response->n_workflows};
    made->next = response->next;
    made->looked = response->looked;
    made->arena = call->op.arena;
    call->op.arena = (struct pawl_arena){0};
    return &made->page;
}

enum pawl_err pawl_list(struct pawl *pawl, const struct pawl_list_options *options,
                        struct pawl_page **page) {
    static const struct pawl_list_options none;
    if (!options) options = &none;
    PAWL_TRY(list_check(pawl, options->filter, "pawl_list"));
    struct pawl_client_call call = {0};
    Query__ListRequest ask = QUERY__LIST_REQUEST__INIT;
    if (options->filter) ask.filter = (char *)options->filter;
    ask.newest = options->newest_first;
    ask.limit = options->limit < UINT32_MAX ? (uint32_t)options->limit : UINT32_MAX;
    if (*page) {
        ask.after = (char *)list_page_of(*page)->next;
        if (!*ask.after) {
            pawl_page_free(*page);
            *page = NULL;
            return PAWL_OK;
        }
    }
    enum pawl_err err = pawl__client_call(pawl, &call, PAWL_TASKHUB_SEARCH, &ask, PAWL_FOREVER);
    const Query__ListResponse *response = err ? NULL : (const void *)call.op.response;
    bool over = response && !response->n_workflows && !*response->next;
    struct pawl_page *next = response && !over ? list_page_make(&call) : NULL;
    if (response && !over && !next) err = pawl__sdk_fail_nomem();
    if (!err) {
        pawl_page_free(*page);
        *page = next;
    }
    return pawl__client_finish(&call, err);
}

// --- counts -------------------------------------------------------------------------------------

// What was counted so far. The daemon counts many in parts, so that none of them keeps it busy.
struct list_sum {
    struct pawl_arena arena; // of all below
    struct pawl_count *rows;
    size_t len, cap, names; // bytes of all names
    uint64_t found, looked;
    char *next; // where the next part begins
};

static struct pawl_count *sum_row(struct list_sum *sum, const Query__CountResponse__Group *group) {
    for (size_t i = 0; i < sum->len; i++)
        if ((int)sum->rows[i].status == (int)group->status &&
            strcmp(sum->rows[i].name, group->name) == 0)
            return &sum->rows[i];
    if (!pawl__array_room_in(&sum->arena, (void **)&sum->rows, sum->len, &sum->cap,
                             sizeof *sum->rows))
        return NULL;
    char *name = pawl__arena_dup(&sum->arena, pawl__str(group->name));
    if (!name) return NULL;
    sum->names += strlen(name) + 1;
    sum->rows[sum->len] = (struct pawl_count){name, (enum pawl_status)group->status, 0};
    return &sum->rows[sum->len++];
}

// False: memory is out.
static bool sum_add(struct list_sum *sum, const Query__CountResponse *response) {
    for (size_t i = 0; i < response->n_groups; i++) {
        struct pawl_count *row = sum_row(sum, response->groups[i]);
        if (!row) return false;
        row->count += response->groups[i]->count;
        sum->found += response->groups[i]->count;
    }
    sum->looked += response->looked;
    sum->next = pawl__arena_dup(&sum->arena, pawl__str(response->next));
    return sum->next;
}

// The rows with their names behind them, in one piece of memory; NULL when that is out.
static struct pawl_count *sum_rows(const struct list_sum *sum) {
    // One row more, so that there is one.
    struct pawl_count *counts = malloc((sum->len + 1) * sizeof *counts + sum->names);
    if (!counts) return NULL;
    char *at = (char *)(counts + sum->len + 1);
    for (size_t i = 0; i < sum->len; i++) {
        counts[i] = (struct pawl_count){at, sum->rows[i].status, sum->rows[i].count};
        at = stpcpy(at, sum->rows[i].name) + 1;
    }
    return counts;
}

static enum pawl_err count_part(struct pawl *pawl, const char *filter, struct list_sum *sum) {
    struct pawl_client_call call = {0};
    Query__CountRequest ask = QUERY__COUNT_REQUEST__INIT;
    if (filter) ask.filter = (char *)filter;
    ask.parts = true;
    ask.after = sum->next;
    enum pawl_err err = pawl__client_call(pawl, &call, PAWL_TASKHUB_TALLY, &ask, PAWL_FOREVER);
    if (!err && !sum_add(sum, (const void *)call.op.response)) err = pawl__sdk_fail_nomem();
    return pawl__client_finish(&call, err);
}

enum pawl_err pawl__count(struct pawl *pawl, const char *filter, pawl_count_tell_fn tell, void *arg,
                          struct pawl_count **counts, size_t *len) {
    struct list_sum sum = {.next = ""};
    enum pawl_err err;
    *counts = NULL;
    *len = 0;
    PAWL_TRY(list_check(pawl, filter, "pawl_count"));
    do {
        err = count_part(pawl, filter, &sum);
        if (!err && *sum.next && tell) tell(arg, sum.found, sum.looked);
    } while (!err && *sum.next);
    if (!err && !(*counts = sum_rows(&sum))) err = pawl__sdk_fail_nomem();
    if (!err) *len = sum.len;
    pawl__arena_finish(&sum.arena);
    return err;
}

enum pawl_err pawl_count(struct pawl *pawl, const char *filter, struct pawl_count **counts,
                         size_t *len) {
    return pawl__count(pawl, filter, NULL, NULL, counts, len);
}
