#include "runtime/guests.h"

#include <stdlib.h>

#include "orchestrator_service.pb-c.h"
#include "wire/unpack.h"

static struct pawl_str guest_copy(char **at, struct pawl_str text) {
    char *copy = *at;
    memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    *at += text.len + 1;
    return (struct pawl_str){copy, text.len};
}

static struct pawl_guest *guest_create(struct pawl_str item, const Pb__WorkItem *row) {
    const Pb__ActivityRequest *request = row->activityrequest;
    struct pawl_str id = pawl__str(request->workflowinstance->instanceid);
    struct pawl_str name = pawl__str(request->name), token = pawl__str(row->completiontoken);
    size_t size = item.len + id.len + name.len + token.len + 4;
    struct pawl_guest *guest = malloc(sizeof *guest + size);
    if (!guest) return NULL;
    char *at = guest->bytes;
    *guest = (struct pawl_guest){.task_id = request->taskid};
    guest->item = guest_copy(&at, item);
    guest->id = guest_copy(&at, id);
    guest->name = guest_copy(&at, name);
    guest->token = guest_copy(&at, token);
    pawl__link_init(&guest->link);
    return guest;
}

static void guest_free(struct pawl_guest *guest) {
    pawl__list_remove(&guest->link);
    if (guest->host) guest->host->count--;
    free(guest);
}

// Counts one that a worker is given, or has no more.
static void guest_count(struct pawl_guests *guests, const struct pawl_guest *guest, bool given) {
    struct pawl_dispatch *dispatch = guests->dispatch;
    guest->worker->in_flight += given ? 1 : (size_t)-1;
    dispatch->out[false] += given ? 1 : (size_t)-1;
    if (dispatch->ceilings) pawl__ceilings_count(dispatch->ceilings, false, guest->ceiling, given);
}

// Takes it from its worker.
static void guest_take(struct pawl_guests *guests, struct pawl_guest *guest) {
    if (pawl__map_get(&guests->by_token, guest->token) == guest)
        pawl__map_remove(&guests->by_token, guest->token);
    pawl__list_remove(&guest->link);
    guest_count(guests, guest, false);
    guest->worker = NULL;
}

// --- giving out ---------------------------------------------------------------------------------

// False: memory is out, and it waits on.
static bool guest_give(struct pawl_guests *guests, struct pawl_guest *guest,
                       struct pawl_worker *worker) {
    if (!pawl__map_put(&guests->by_token, guest->token, guest)) return false;
    pawl__list_remove(&guest->link);
    pawl__list_add(&guests->given, &guest->link);
    guest->worker = worker;
    guest->ceiling = pawl__dispatch_ceiling(guests->dispatch, false, guest->name);
    guest_count(guests, guest, true);
    struct pawl_str item = guest->item, token = guest->token;
    if (worker->deliver(worker, item)) return true;
    // If the worker was detached it is there no more, or waits.
    if (pawl__list_empty(&guests->given) || pawl__map_get(&guests->by_token, token) != guest)
        return true;
    worker->paused = true; // it will be detached, or says when it is ready
    guest_take(guests, guest);
    pawl__list_add(&guests->waiting, &guest->link);
    return true;
}

// The worker for one more |name|; NULL: none has room now, or the app's ceilings have none.
static struct pawl_worker *guests_choose(struct pawl_dispatch *dispatch, struct pawl_str name) {
    bool open = pawl__dispatch_is_open(dispatch, false) &&
                pawl__ceiling_is_open(pawl__dispatch_ceiling(dispatch, false, name));
    return open ? pawl__choose_for_activity(dispatch, name) : NULL;
}

static void guests_pump(struct pawl_dispatch_extra *extra) {
    struct pawl_guests *guests = extra->data;
    if (guests->pumping) return; // a delivery may come back here
    guests->pumping = true;
    struct pawl_link parked;
    pawl__link_init(&parked);
    while (!pawl__list_empty(&guests->waiting)) {
        struct pawl_guest *guest = PAWL_CONTAINER(guests->waiting.next, struct pawl_guest, link);
        struct pawl_worker *worker = guests_choose(guests->dispatch, guest->name);
        if (worker && guest_give(guests, guest, worker)) continue;
        pawl__list_remove(&guest->link);
        pawl__list_add(&parked, &guest->link);
    }
    pawl__list_move(&guests->waiting, &parked);
    guests->pumping = false;
}

// Those that wait for ceilings alone count with what the dispatch has.
static void guests_settled(struct pawl_dispatch_extra *extra) {
    struct pawl_guests *guests = extra->data;
    struct pawl_ceilings *ceilings = guests->dispatch->ceilings;
    if (!ceilings) return;
    PAWL_LIST_EACH(const struct pawl_guest, guest, &guests->waiting, link) {
        struct pawl_str name = guest->name;
        if (!pawl__choose_for_activity(guests->dispatch, name)) continue;
        struct pawl_ceiling *all = ceilings->all[false],
                            *named = pawl__ceilings_find(ceilings, false, name);
        if (pawl__ceiling_is_open(all) && pawl__ceiling_is_open(named)) continue;
        if (all) all->lacking++;
        if (named) named->lacking++;
    }
}

static void guests_lost(struct pawl_dispatch_extra *extra, struct pawl_worker *worker) {
    struct pawl_guests *guests = extra->data;
    struct pawl_link kept;
    pawl__link_init(&kept);
    PAWL_LIST_EACH_SAFE(struct pawl_guest, guest, &guests->given, link) {
        if (guest->worker != worker) continue;
        guest_take(guests, guest);
        if (guest->answering)
            pawl__list_add(&kept, &guest->link);
        else if (guest->host)
            pawl__list_add(&guests->waiting, &guest->link);
        else
            guest_free(guest);
    }
    pawl__list_move(&guests->given, &kept);
}

// --- for others ---------------------------------------------------------------------------------

enum pawl_err pawl__guests_add(struct pawl_guests *guests, struct pawl_guest_host *host,
                               struct pawl_str item) {
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_E_INVALID;
    const Pb__WorkItem *row = pawl__wire_unpack(&arena, &pb__work_item__descriptor, item, NULL);
    bool valid = row && row->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST &&
                 row->activityrequest->workflowinstance && *row->completiontoken;
    struct pawl_guest *guest = valid ? guest_create(item, row) : NULL;
    if (valid) err = guest ? PAWL_OK : PAWL_E_NOMEM;
    pawl__arena_finish(&arena);
    if (err) return err;
    guest->host = host;
    host->count++;
    pawl__list_add(&guests->waiting, &guest->link);
    pawl__dispatch_pump(guests->dispatch);
    return PAWL_OK;
}

void pawl__guests_leave(struct pawl_guests *guests, struct pawl_guest_host *host) {
    PAWL_LIST_EACH_SAFE(struct pawl_guest, guest, &guests->waiting, link) {
        if (guest->host == host) guest_free(guest);
    }
    PAWL_LIST_EACH(struct pawl_guest, guest, &guests->given, link) {
        if (guest->host == host) guest->host = NULL;
    }
    host->count = 0;
}

struct pawl_guest *pawl__guests_match(struct pawl_guests *guests, struct pawl_str id,
                                      int32_t task_id, struct pawl_str token) {
    if (token.len) {
        struct pawl_guest *guest = pawl__map_get(&guests->by_token, token);
        bool same = guest && pawl__str_equal(guest->id, id) && guest->task_id == task_id;
        return same ? guest : NULL;
    }
    if (pawl__list_empty(&guests->given) ||
        pawl__dispatch_find(guests->dispatch, NULL, id, task_id))
        return NULL;
    PAWL_LIST_EACH(struct pawl_guest, guest, &guests->given, link) {
        if (guest->worker && guest->task_id == task_id && pawl__str_equal(guest->id, id))
            return guest;
    }
    return NULL;
}

void pawl__guests_answered(struct pawl_guests *guests, struct pawl_guest *guest) {
    if (guest->worker) guest_take(guests, guest);
    guest_free(guest);
    pawl__dispatch_pump(guests->dispatch);
}

void pawl__guests_init(struct pawl_guests *guests, struct pawl_dispatch *dispatch) {
    *guests = (struct pawl_guests){.dispatch = dispatch};
    pawl__link_init(&guests->waiting);
    pawl__link_init(&guests->given);
    guests->extra = (struct pawl_dispatch_extra){
        .pump = guests_pump, .settled = guests_settled, .lost = guests_lost, .data = guests};
    pawl__dispatch_extend(dispatch, &guests->extra);
}

void pawl__guests_finish(struct pawl_guests *guests) {
    struct pawl_link *lists[] = {&guests->waiting, &guests->given};
    for (size_t i = 0; i < 2; i++)
        while (!pawl__list_empty(lists[i])) {
            struct pawl_guest *guest = PAWL_CONTAINER(lists[i]->next, struct pawl_guest, link);
            if (guest->worker) guest_take(guests, guest);
            guest_free(guest);
        }
    pawl__map_finish(&guests->by_token);
}
