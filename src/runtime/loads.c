#include "runtime/loads.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/many.h"

enum {
    LOADS_MOST = PAWL_STORE_PAGE // in one read
};

// --- on the reader's thread ---------------------------------------------------------------------

static void loads_read(struct pawl_store *store, struct pawl_loads_one *one) {
    pawl__error_clear(&one->error);
    one->error.code = store->ops->load(store, one->place.shard, one->place.id, &one->arena,
                                       &one->snapshot, &one->error);
}

void pawl__loads_now(struct pawl_store *store, struct pawl_loads_one *one) {
    int64_t began = pawl__clock_steady();
    loads_read(store, one);
    one->took = one->share = pawl__clock_steady() - began;
}

static enum pawl_err loads_note(void *arg, size_t index, const struct pawl_snapshot *row,
                                struct pawl_error *error) {
    struct pawl_loads_one *one = ((struct pawl_loads_one **)arg)[index];
    one->snapshot = *row;
    pawl__error_clear(&one->error);
    return pawl__store_keep(&one->arena, &one->snapshot) ? PAWL_OK
                                                         : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// All by one read. Where that finds fault with any, each is read by itself; a server that is away
// is so for all.
static void loads_read_all(struct pawl_store *store, struct pawl_loads_one **all, size_t count) {
    struct pawl_place places[LOADS_MOST];
    struct pawl_error error = {0};
    for (size_t i = 0; i < count; i++) {
        places[i] = all[i]->place;
        pawl__fail_plain(&all[i]->error, PAWL_E_NOT_FOUND);
    }
    enum pawl_err err = pawl__store_load_many(store, places, count, loads_note, all, &error);
    for (size_t i = 0; err && i < count; i++) {
        pawl__arena_reset(&all[i]->arena);
        if (err == PAWL_E_UNAVAILABLE)
            all[i]->error = error;
        else
            loads_read(store, all[i]);
    }
}

// Reads them, unless they have waited for long for a server that does not answer. Returns how long
// it took.
static int64_t group_read(const struct pawl_loads_group *group, struct pawl_loads_one **all,
                          size_t count) {
    struct pawl_loads *loads = group->loads;
    if (pawl__mute_is_for(loads->mute, group->since)) {
        for (size_t i = 0; i < count; i++) all[i]->error = loads->mute->why;
        return 0;
    }
    int64_t began = pawl__clock_steady();
    if (count == 1)
        loads_read(loads->store, all[0]);
    else
        loads_read_all(loads->store, all, count);
    int64_t ended = pawl__clock_steady();
    pawl__mute_note(loads->mute, &all[count - 1]->error, ended);
    return ended - began;
}

static void group_run(struct pawl_job *job) {
    struct pawl_loads_group *group = PAWL_CONTAINER(job, struct pawl_loads_group, job);
    struct pawl_loads *loads = group->loads;
    struct pawl_loads_one *all[LOADS_MOST];
    size_t count = 0;
    pthread_mutex_lock(&loads->lock);
    if (loads->open == group) loads->open = NULL;
    pthread_mutex_unlock(&loads->lock);
    PAWL_LIST_EACH(struct pawl_loads_one, one, &group->list, link) all[count++] = one;
    int64_t took = group_read(group, all, count);
    for (size_t i = 0; i < count; i++) {
        all[i]->took = took;
        all[i]->share = took / (int64_t)count;
    }
}

// --- on the loop --------------------------------------------------------------------------------

static void group_done(struct pawl_job *job) {
    struct pawl_loads_group *group = PAWL_CONTAINER(job, struct pawl_loads_group, job);
    for (struct pawl_loads_one *one;
         (one = PAWL_LIST_TAKE(struct pawl_loads_one, &group->list, link));)
        one->done(one);
    free(group);
}

void pawl__loads_init(struct pawl_loads *loads, struct pawl_store *store, struct pawl_jobs *reader,
                      struct pawl_mute *mute) {
    *loads = (struct pawl_loads){
        .store = store, .reader = reader, .mute = mute, .lock = PTHREAD_MUTEX_INITIALIZER};
}

bool pawl__loads_add(struct pawl_loads *loads, struct pawl_loads_one *one) {
    pawl__link_init(&one->link);
    pthread_mutex_lock(&loads->lock);
    bool joins = loads->open && loads->open->count < LOADS_MOST;
    if (joins) {
        pawl__list_add(&loads->open->list, &one->link);
        loads->open->count++;
        loads->open->since = pawl__clock_steady();
    }
    pthread_mutex_unlock(&loads->lock);
    if (joins) return true;
    struct pawl_loads_group *group = calloc(1, sizeof *group);
    if (!group) return false;
    group->job = (struct pawl_job){.run = group_run, .done = group_done};
    group->loads = loads;
    group->count = 1;
    group->since = pawl__clock_steady();
    pawl__link_init(&group->list);
    pawl__list_add(&group->list, &one->link);
    pawl__loads_send(loads);
    loads->unsent = group;
    pthread_mutex_lock(&loads->lock); // a full one, which the thread may look at, is still open
    loads->open = group;
    pthread_mutex_unlock(&loads->lock);
    return true;
}

void pawl__loads_send(struct pawl_loads *loads) {
    struct pawl_loads_group *group = loads->unsent;
    if (!group) return;
    loads->unsent = NULL;
    pawl__jobs_submit(loads->reader, &group->job);
}
