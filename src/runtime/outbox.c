#include "runtime/outbox.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runtime/verbs.h"

static const char *const outbox_scope = "dapr.runtime.wfengine";

enum {
    OUTBOX_PAGE = 256,           // rows of an app in memory
    OUTBOX_PAGE_BYTES = 4 << 20, // of their letters; one may be larger
    OUTBOX_KEY = 1024            // bytes of an app's id, and more than it may have
};

#define OUTBOX_PAUSE_LEAST (250 * PAWL_MILLISECOND)
#define OUTBOX_PAUSE_MOST  (5 * PAWL_SECOND)

struct outbox_row {
    struct pawl_receive verb;
    struct pawl_call telling; // its sender that it cannot be delivered, as |why| says
    const char *why;
    struct outbox_page *page;
    struct pawl_str key;
    struct pawl_link removal; // in |building| or |writing|
    bool sent;                // its call has not ended
};

struct outbox_page {
    struct pawl_job job;
    struct outbox_route *route; // NULL: it was dropped
    struct pawl_residency *residency;
    struct pawl_str box;
    struct pawl_arena arena;
    struct outbox_row *rows[OUTBOX_PAGE];
    size_t count, bytes;
    size_t open; // rows whose call, or removal, is under way
    bool reading, more, failed;
    struct pawl_error error;
    char after[]; // the app's id and a zero
};

// An app that has letters here.
struct outbox_route {
    struct pawl_link link;
    struct pawl_outbox *outbox;
    struct outbox_page *page; // under way; NULL: none
    bool rung;                // there may be more than the page has
    bool told;                // that it does not answer
    int64_t pause, retry_at;  // steady; 0: at once
    size_t name_len;
    char name[];
};

struct outbox_scan {
    struct pawl_job job;
    struct pawl_outbox *outbox; // NULL: it was dropped
    struct pawl_residency *residency;
    struct pawl_str box;
    struct pawl_error error;
    bool found;
    char after[OUTBOX_KEY + 2]; // where to look on
    size_t after_len;
    char key[OUTBOX_KEY]; // the app that was found
    size_t key_len;
};

static void page_free(struct outbox_page *page) {
    pawl__arena_finish(&page->arena);
    free(page);
}

static void route_free(struct outbox_route *route) {
    pawl__list_remove(&route->link);
    free(route);
}

static struct pawl_str outbox_app_of(struct pawl_str key) {
    const char *end = memchr(key.data, 0, key.len);
    return (struct pawl_str){key.data, end ? (size_t)(end - key.data) : key.len};
}

// --- a page of one app --------------------------------------------------------------------------

static void route_read(struct outbox_route *route);

static void route_fail(struct outbox_route *route, const char *text) {
    const struct pawl_residency *residency = route->outbox->residency;
    route->pause = route->pause ? 2 * route->pause : OUTBOX_PAUSE_LEAST;
    if (route->pause > OUTBOX_PAUSE_MOST) route->pause = OUTBOX_PAUSE_MOST;
    route->retry_at = pawl__clock_steady() + route->pause;
    if (route->told || !text) return;
    route->told = true;
    pawl__log(residency->log, PAWL_LOG_WARN, outbox_scope,
              "what workflows ask of app '%s' waits until it can be reached: %s", route->name,
              text);
}

static void route_recovered(struct outbox_route *route) {
    route->pause = route->retry_at = 0;
    if (!route->told) return;
    route->told = false;
    pawl__log(route->outbox->residency->log, PAWL_LOG_INFO, outbox_scope,
              "app '%s' can be reached again", route->name);
}

// Ends the page if all of it is over, and begins the next.
static void route_check(struct outbox_route *route) {
    struct outbox_page *page = route->page;
    if (page && (page->reading || page->open)) return;
    bool again = route->rung;
    if (page) {
        again = again || page->more || page->failed;
        page_free(page);
    }
    route->page = NULL;
    if (!again) {
        route_free(route);
        return;
    }
    route->rung = true;
    if (pawl__clock_steady() >= route->retry_at) route_read(route);
}

static void page_send(struct outbox_page *page, size_t at);

// Whether two letters go from the same sender to the same target, and so one after the other.
static bool row_is_alike(const struct outbox_row *a, const struct outbox_row *b) {
    return a->verb.call.app && b->verb.call.app &&
           pawl__str_equal(a->verb.call.id, b->verb.call.id) &&
           strcmp(a->verb.message.sender, b->verb.message.sender) == 0;
}

static bool page_has_earlier(const struct outbox_page *page, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (row_is_alike(page->rows[i], page->rows[at])) return true;
    return false;
}

// It goes with the next commit.
static void row_remove(struct outbox_row *row) {
    struct pawl_outbox *outbox = row->page->route->outbox;
    pawl__list_add(&outbox->building, &row->removal);
    outbox->building_count++;
    pawl__storage_want(outbox->residency->storage);
}

// The row is over; the next one like it may go.
static void row_end(const struct outbox_row *row) {
    struct outbox_page *page = row->page;
    size_t at = 0;
    while (page->rows[at] != row) at++;
    while (++at < page->count && !row_is_alike(page->rows[at], row)) continue;
    if (at < page->count) page_send(page, at);
}

// It stays in the box, and is sent again with the next page.
static void row_fail(struct outbox_row *row, const char *text) {
    struct outbox_page *page = row->page;
    struct outbox_route *route = page->route;
    page->failed = true;
    page->open--;
    if (!route->retry_at) route_fail(route, text);
    route_check(route);
}

// --- what is too large for the other app --------------------------------------------------------

static enum pawl_err telling_run(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    struct outbox_row *row = PAWL_CONTAINER(call, struct outbox_row, telling);
    struct pawl_residency *residency = calls->residency;
    enum pawl_err err = pawl__shard_undelivered(&residency->shard, pawl__residency_stamp(residency),
                                                &row->verb.message, row->why, error);
    if (!err) row_remove(row); // in the commit of what was told
    return err;
}

static const struct pawl_verb telling_verb = {.run = telling_run, .patient = true, .writes = true};

static void telling_done(struct pawl_call *call, const struct pawl_error *error) {
    struct outbox_row *row = PAWL_CONTAINER(call, struct outbox_row, telling);
    if (!error)
        row_end(row);
    else if (pawl__list_empty(&row->removal))
        row_fail(row, error->text);
    // Else it was done, and is not on record: the state is dropped, and this with it.
}

static void row_give_back(struct outbox_row *row, const struct pawl_error *error) {
    struct outbox_page *page = row->page;
    struct pawl_outbox *outbox = page->route->outbox;
    pawl__log(outbox->residency->log, PAWL_LOG_WARN, outbox_scope,
              "a message of '%s' to '%s' is too large for app '%s': %s", row->verb.message.sender,
              row->verb.message.target, page->route->name, error->text);
    row->why = pawl__arena_dup(&page->arena, pawl__str(error->text));
    if (!row->why) {
        row_fail(row, "out of memory");
        return;
    }
    pawl__call_init(&row->telling, &telling_verb, pawl__str(row->verb.message.sender));
    row->telling.done = telling_done;
    pawl__calls_begin(outbox->calls, &row->telling);
    outbox->residency->host->settle(outbox->residency);
}

static void outbox_on_sent(struct pawl_call *call, const struct pawl_error *error) {
    struct outbox_row *row = PAWL_CONTAINER(call, struct outbox_row, verb.call);
    struct outbox_route *route = row->page->route;
    row->sent = false;
    if (error && error->code == PAWL_E_TOO_LARGE) {
        route_recovered(route);
        row_give_back(row, error);
        return;
    }
    if (error && error->code == PAWL_E_INVALID) { // it will not be read another time, either
        pawl__log(route->outbox->residency->log, PAWL_LOG_ERROR, outbox_scope,
                  "app '%s' cannot take a message to '%.*s', which is dropped: %s", route->name,
                  PAWL_FMT(call->id), error->text);
    } else if (error) {
        row_fail(row, error->text);
        return;
    }
    route_recovered(route);
    row_remove(row);
    row_end(row);
}

static void page_send(struct outbox_page *page, size_t at) {
    struct outbox_row *row = page->rows[at];
    page->open++;
    row->sent = row->verb.call.app;
    if (row->sent)
        pawl__apps_call(page->route->outbox->apps, &row->verb.call);
    else // it cannot be read
        outbox_on_sent(&row->verb.call, NULL);
}

// Fills in what tells |row|, the next one of |page|, from others: the page begins where the box
// does, and so the first letter of an origin in it is the first that is left.
static void page_number(const struct outbox_page *page, struct outbox_row *row) {
    struct pawl_crossing *crossing = &row->verb.crossing;
    pawl__message_crossing(row->key, crossing);
    crossing->floor = crossing->number;
    for (size_t i = page->count; i--;) {
        const struct pawl_crossing *before = &page->rows[i]->verb.crossing;
        if (!pawl__str_equal(before->origin, crossing->origin)) continue;
        crossing->floor = before->floor;
        return;
    }
}

static enum pawl_err page_note(void *arg, const struct pawl_mail *mail, struct pawl_error *error) {
    struct outbox_page *page = arg;
    struct pawl_str app = pawl__str(page->after);
    if (!pawl__str_equal(outbox_app_of(mail->key), app)) return PAWL_E_CANCELED; // the next one
    if (page->count && page->bytes + mail->bytes.len > OUTBOX_PAGE_BYTES) {
        page->more = true;
        return PAWL_E_CANCELED;
    }
    struct outbox_row *row = pawl__arena_zalloc(&page->arena, sizeof *row);
    if (!row) return pawl__fail_plain(error, PAWL_E_NOMEM);
    row->page = page;
    pawl__link_init(&row->removal);
    row->key = (struct pawl_str){pawl__arena_dup(&page->arena, mail->key), mail->key.len};
    struct pawl_str letter = {pawl__arena_dup(&page->arena, mail->bytes), mail->bytes.len};
    if (!row->key.data || !letter.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = pawl__receive_init(&row->verb, letter, &page->arena, error);
    if (err == PAWL_E_NOMEM) return err;
    row->verb.call.done = outbox_on_sent;
    row->verb.call.app = err ? NULL : row->verb.message.target_app;
    page_number(page, row);
    if (err) { // told, and removed
        pawl__log(page->residency->log, PAWL_LOG_ERROR, outbox_scope, "%s", error->text);
        pawl__error_clear(error);
    }
    page->bytes += mail->bytes.len;
    page->rows[page->count++] = row;
    return PAWL_OK;
}

static void page_run(struct pawl_job *job) {
    struct outbox_page *page = PAWL_CONTAINER(job, struct outbox_page, job);
    const struct pawl_residency *residency = page->residency;
    struct pawl_store *store = residency->storage->store;
    struct pawl_str after = {page->after, strlen(page->after) + 1};
    pawl__error_clear(&page->error);
    enum pawl_err err = store->ops->read_mail(store, page->box, residency->number, after,
                                              OUTBOX_PAGE, page_note, page, &page->error);
    page->error.code = err == PAWL_E_CANCELED ? PAWL_OK : err;
    if (page->count == OUTBOX_PAGE) page->more = true;
}

static void page_done(struct pawl_job *job) {
    struct outbox_page *page = PAWL_CONTAINER(job, struct outbox_page, job);
    struct pawl_residency *residency = page->residency;
    page->reading = false;
    residency->jobs_out--;
    struct outbox_route *route = page->route;
    if (!route) {
        page_free(page);
        return;
    }
    if (page->error.code) {
        page->count = 0;
        page->failed = true;
        route_fail(route, page->error.text);
    }
    page->open++; // so that it does not end before all have begun
    for (size_t i = 0; i < page->count; i++) {
        if (!page_has_earlier(page, i)) page_send(page, i);
    }
    page->open--;
    route_check(route);
    residency->host->settle(residency);
}

static void route_read(struct outbox_route *route) {
    struct pawl_outbox *outbox = route->outbox;
    if (!pawl__residency_serves(outbox->residency)) return;
    struct outbox_page *page = calloc(1, sizeof *page + route->name_len + 1);
    if (!page) return; // it stays rung: the next pulse reads
    memcpy(page->after, route->name, route->name_len + 1);
    route->rung = false;
    route->retry_at = 0;
    route->page = page;
    page->route = route;
    page->residency = outbox->residency;
    page->box = outbox->box;
    page->reading = true;
    page->job = (struct pawl_job){.run = page_run, .done = page_done};
    outbox->residency->jobs_out++;
    pawl__storage_ask(outbox->residency->storage, &page->job);
}

// --- which apps have letters --------------------------------------------------------------------

static void outbox_note_app(struct pawl_outbox *outbox, struct pawl_str app) {
    struct outbox_route *route = NULL;
    PAWL_LIST_EACH(struct outbox_route, at, &outbox->routes, link) {
        if (pawl__str_equal((struct pawl_str){at->name, at->name_len}, app)) route = at;
    }
    if (!route) {
        route = calloc(1, sizeof *route + app.len + 1);
        if (!route) {
            outbox->scan_again = true;
            return;
        }
        route->outbox = outbox;
        route->name_len = app.len;
        memcpy(route->name, app.data, app.len);
        pawl__list_add(&outbox->routes, &route->link);
    }
    route->rung = true;
    if (!route->page && pawl__clock_steady() >= route->retry_at) route_read(route);
}

static enum pawl_err scan_note(void *arg, const struct pawl_mail *mail, struct pawl_error *error) {
    struct outbox_scan *scan = arg;
    struct pawl_str app = outbox_app_of(mail->key);
    if (app.len >= OUTBOX_KEY) return PAWL_OK; // no app of ours
    memcpy(scan->key, app.data, app.len);
    scan->key_len = app.len;
    scan->found = true;
    return PAWL_OK;
}

static void scan_run(struct pawl_job *job) {
    struct outbox_scan *scan = PAWL_CONTAINER(job, struct outbox_scan, job);
    struct pawl_store *store = scan->residency->storage->store;
    struct pawl_str after = {scan->after, scan->after_len};
    pawl__error_clear(&scan->error);
    scan->error.code = store->ops->read_mail(store, scan->box, scan->residency->number, after, 1,
                                             scan_note, scan, &scan->error);
}

static void scan_done(struct pawl_job *job) {
    struct outbox_scan *scan = PAWL_CONTAINER(job, struct outbox_scan, job);
    struct pawl_residency *residency = scan->residency;
    struct pawl_outbox *outbox = scan->outbox;
    residency->jobs_out--;
    if (outbox && !scan->error.code && scan->found) {
        outbox_note_app(outbox, (struct pawl_str){scan->key, scan->key_len});
        // On behind all keys that begin with this app and a zero.
        memcpy(scan->after, scan->key, scan->key_len);
        scan->after[scan->key_len] = 1;
        scan->after_len = scan->key_len + 1;
        scan->found = false;
        residency->jobs_out++;
        pawl__storage_ask(residency->storage, &scan->job);
        return;
    }
    if (outbox) {
        outbox->scan = NULL;
        if (scan->error.code) outbox->scan_again = true;
    }
    free(scan);
    if (outbox) residency->host->settle(residency);
}

void pawl__outbox_begin(struct pawl_outbox *outbox) {
    if (!outbox->apps || outbox->scan || !pawl__residency_serves(outbox->residency)) return;
    struct outbox_scan *scan = calloc(1, sizeof *scan);
    outbox->scan_again = !scan;
    if (!scan) return; // at the next pulse
    scan->outbox = outbox;
    scan->residency = outbox->residency;
    scan->box = outbox->box;
    scan->job = (struct pawl_job){.run = scan_run, .done = scan_done};
    outbox->scan = scan;
    outbox->residency->jobs_out++;
    pawl__storage_ask(outbox->residency->storage, &scan->job);
}

// --- for the components above -------------------------------------------------------------------

void pawl__outbox_init(struct pawl_outbox *outbox, struct pawl_calls *calls, struct pawl_apps *apps,
                       struct pawl_str box) {
    *outbox = (struct pawl_outbox){
        .residency = calls->residency, .calls = calls, .apps = apps, .box = box};
    pawl__link_init(&outbox->routes);
    pawl__link_init(&outbox->building);
    pawl__link_init(&outbox->writing);
}

void pawl__outbox_ring(struct pawl_outbox *outbox, struct pawl_str key) {
    if (outbox->apps) outbox_note_app(outbox, outbox_app_of(key));
}

void pawl__outbox_pulse(struct pawl_outbox *outbox) {
    if (!pawl__residency_serves(outbox->residency)) return;
    if (outbox->scan_again) pawl__outbox_begin(outbox);
    PAWL_LIST_EACH_SAFE(struct outbox_route, route, &outbox->routes, link) {
        if (!route->page) route_check(route);
    }
}

bool pawl__outbox_prepare(struct pawl_outbox *outbox, struct pawl_part *part) {
    if (pawl__list_empty(&outbox->building)) return false;
    size_t count = part->mail_in_count;
    struct pawl_mail *all = calloc(count + outbox->building_count, sizeof *all);
    if (!all) return false;
    if (count) memcpy(all, part->mail_in, count * sizeof *all);
    pawl__list_move(&outbox->writing, &outbox->building);
    outbox->building_count = 0;
    PAWL_LIST_EACH(const struct outbox_row, row, &outbox->writing, removal) {
        all[count++] = (struct pawl_mail){
            .app = outbox->box, .number = outbox->residency->number, .key = row->key};
    }
    outbox->removed = all;
    part->mail_in = all;
    part->mail_in_count = count;
    return true;
}

void pawl__outbox_done(struct pawl_outbox *outbox) {
    free(outbox->removed);
    outbox->removed = NULL;
    for (struct pawl_link *link; (link = pawl__list_take(&outbox->writing));) {
        struct outbox_page *page = PAWL_CONTAINER(link, struct outbox_row, removal)->page;
        page->open--;
        route_check(page->route);
    }
}

static void route_drop(struct outbox_route *route) {
    struct outbox_page *page = route->page;
    for (size_t i = 0; page && !page->reading && i < page->count; i++)
        if (page->rows[i]->sent) pawl__call_cancel(&page->rows[i]->verb.call);
    if (page) page->route = NULL;
    if (page && !page->reading) page_free(page);
    route_free(route);
}

void pawl__outbox_drop(struct pawl_outbox *outbox) {
    pawl__link_init(&outbox->building);
    pawl__link_init(&outbox->writing);
    outbox->building_count = 0;
    outbox->scan_again = false;
    free(outbox->removed);
    outbox->removed = NULL;
    if (outbox->scan) outbox->scan->outbox = NULL;
    outbox->scan = NULL;
    while (!pawl__list_empty(&outbox->routes))
        route_drop(PAWL_CONTAINER(outbox->routes.next, struct outbox_route, link));
}
