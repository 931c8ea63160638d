#include "store/joint/joint.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

// --- who writes ---------------------------------------------------------------------------------

enum turn {
    TURN_WAITS,
    TURN_WRITES, // the thread has the store to itself, and passes it on
    TURN_OVER    // another thread has made its commit
};

// What a writing thread wants. Lives as long as its call.
struct writing {
    struct seat *seat;
    const struct pawl_commit *commit; // NULL: another call
    struct pawl_error *error;
    enum pawl_outcome outcome;
    enum turn turn;
    struct writing *next;
    struct pawl_part **parts_end; // in a commit of several
    struct pawl_state_tx **state_end;
};

struct joint {
    struct pawl_store *store;
    pthread_mutex_t lock;          // of what follows
    bool is_taken;                 // somebody writes
    struct writing *first, **last; // those who wait
    size_t seats;                  // that are open
    _Atomic uint64_t commits;
    pthread_mutex_t reading; // of the reader's place; recursive, as callbacks may read
};

struct seat {
    struct pawl_store base;
    struct joint *joint;
    pthread_cond_t told; // its writing thread: that it is its turn, or over
};

static struct seat *seat_of(struct pawl_store *base) {
    return (struct seat *)base;
}

// With the lock. Adds |writing| to those who wait.
static void joint_queue(struct joint *joint, struct writing *writing) {
    writing->turn = TURN_WAITS;
    writing->next = NULL;
    *joint->last = writing;
    joint->last = &writing->next;
}

// With the lock. Waits until it is the turn of |writing|, or it is over.
static void joint_enter(struct joint *joint, struct writing *writing) {
    if (!joint->is_taken) {
        joint->is_taken = true;
        writing->turn = TURN_WRITES;
        return;
    }
    joint_queue(joint, writing);
    while (writing->turn == TURN_WAITS) pthread_cond_wait(&writing->seat->told, &joint->lock);
}

static void joint_tell(struct writing *writing, enum turn turn) {
    writing->turn = turn;
    pthread_cond_signal(&writing->seat->told);
}

// With the lock. The next one writes.
static void joint_leave(struct joint *joint) {
    struct writing *next = joint->first;
    if (!next) {
        joint->is_taken = false;
        return;
    }
    joint->first = next->next;
    if (!joint->first) joint->last = &joint->first;
    next->next = NULL;
    joint_tell(next, TURN_WRITES);
}

// Begins and ends a call that has the store to itself.
static struct pawl_store *joint_begin(struct pawl_store *base) {
    struct seat *seat = seat_of(base);
    struct joint *joint = seat->joint;
    struct writing writing = {.seat = seat};
    pthread_mutex_lock(&joint->lock);
    joint_enter(joint, &writing);
    pthread_mutex_unlock(&joint->lock);
    return joint->store;
}

static enum pawl_err joint_end(struct pawl_store *base, enum pawl_err err) {
    struct joint *joint = seat_of(base)->joint;
    pthread_mutex_lock(&joint->lock);
    joint_leave(joint);
    pthread_mutex_unlock(&joint->lock);
    return err;
}

// --- commits ------------------------------------------------------------------------------------

// With the lock. Takes the commits that wait out of the queue, to the end of |list|.
static void joint_gather(struct joint *joint, struct writing *list) {
    struct writing **at = &joint->first;
    while (*at) {
        struct writing *writing = *at;
        if (!writing->commit) {
            at = &writing->next;
            continue;
        }
        *at = writing->next;
        writing->next = NULL;
        list->next = writing;
        list = writing;
    }
    joint->last = at;
}

// The lists of all as one, in |all|.
static void joint_link(struct writing *list, struct pawl_commit *all) {
    struct pawl_part **parts = &all->parts;
    struct pawl_state_tx **state = &all->state;
    for (struct writing *at = list; at; at = at->next) {
        *parts = at->commit->parts;
        while (*parts) parts = &(*parts)->next;
        *state = at->commit->state;
        while (*state) state = &(*state)->next;
        at->parts_end = parts;
        at->state_end = state;
    }
}

// Takes them apart again: each ends where the next one begins.
static void joint_unlink(struct writing *list) {
    for (struct writing *at = list; at; at = at->next) {
        *at->parts_end = NULL;
        *at->state_end = NULL;
    }
}

static enum pawl_outcome joint_write(struct joint *joint, struct writing *list,
                                     struct pawl_error *error) {
    struct pawl_commit all = {.at_once = list->commit->at_once && !list->next};
    joint_link(list, &all);
    enum pawl_outcome outcome = joint->store->ops->commit(joint->store, &all, error);
    joint_unlink(list);
    if (outcome == PAWL_COMMIT_DONE) atomic_fetch_add(&joint->commits, 1);
    return outcome;
}

static enum pawl_outcome joint_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                      struct pawl_error *error) {
    struct seat *seat = seat_of(base);
    struct joint *joint = seat->joint;
    struct writing writing = {.seat = seat, .commit = commit, .error = error};
    pthread_mutex_lock(&joint->lock);
    if (commit->at_once && joint->is_taken) {
        pthread_mutex_unlock(&joint->lock);
        pawl__fail(error, PAWL_E_UNAVAILABLE, "another loop of this process writes");
        return PAWL_COMMIT_NOTHING;
    }
    joint_enter(joint, &writing);
    if (writing.turn == TURN_WRITES) {
        joint_gather(joint, &writing);
        pthread_mutex_unlock(&joint->lock);
        enum pawl_outcome outcome = writing.outcome = joint_write(joint, &writing, error);
        pthread_mutex_lock(&joint->lock);
        for (struct writing *at = writing.next, *next; at; at = next) {
            next = at->next; // its memory goes with its call
            at->outcome = outcome;
            if (outcome != PAWL_COMMIT_DONE) *at->error = *error;
            joint_tell(at, TURN_OVER);
        }
        joint_leave(joint);
    }
    pthread_mutex_unlock(&joint->lock);
    return writing.outcome;
}

// --- the other calls that write -----------------------------------------------------------------

static enum pawl_err joint_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                                  uint32_t *count, struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->shards(store, app, wanted, count, error));
}

static enum pawl_err joint_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                 struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                 struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->lease(store, app, number, owner, ttl, lease, error));
}

static enum pawl_err joint_renew(struct pawl_store *base, struct pawl_renewal *renewals,
                                 size_t count, int64_t ttl, struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->renew(store, renewals, count, ttl, error));
}

static enum pawl_err joint_release(struct pawl_store *base, const struct pawl_lease *lease,
                                   struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->release(store, lease, error));
}

static enum pawl_err joint_put_member(struct pawl_store *base, struct pawl_str app,
                                      const struct pawl_member *member, int64_t ttl,
                                      struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->put_member(store, app, member, ttl, error));
}

static enum pawl_err joint_remove_member(struct pawl_store *base, struct pawl_str app,
                                         struct pawl_str id, struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->remove_member(store, app, id, error));
}

static enum pawl_err joint_tend(struct pawl_store *base, struct pawl_error *error) {
    struct pawl_store *store = joint_begin(base);
    return joint_end(base, store->ops->tend(store, error));
}

// --- reading ------------------------------------------------------------------------------------

static struct pawl_store *joint_look(struct pawl_store *base) {
    struct joint *joint = seat_of(base)->joint;
    pthread_mutex_lock(&joint->reading);
    return joint->store;
}

static enum pawl_err joint_looked(struct pawl_store *base, enum pawl_err err) {
    pthread_mutex_unlock(&seat_of(base)->joint->reading);
    return err;
}

static enum pawl_err joint_holders(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_holder **holders,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->holders(store, app, arena, holders, count, error));
}

static enum pawl_err joint_members(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_member **members,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->members(store, app, arena, members, count, error));
}

static enum pawl_err joint_read_log(struct pawl_store *base, uint64_t shard, uint64_t after,
                                    pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->read_log(store, shard, after, fn, arg, error));
}

static enum pawl_err joint_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                     struct pawl_str after, size_t limit, pawl_mail_fn fn,
                                     void *arg, struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base,
                        store->ops->read_mail(store, app, number, after, limit, fn, arg, error));
}

static enum pawl_err joint_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_snapshot *out,
                                struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->load(store, shard, id, arena, out, error));
}

static enum pawl_err joint_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->scan_live(store, shard, fn, arg, error));
}

static enum pawl_err joint_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->query(store, shard, query, fn, arg, error));
}

static enum pawl_err joint_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->count(store, shard, query, fn, arg, error));
}

static enum pawl_err joint_get_state(struct pawl_store *base, struct pawl_str key,
                                     struct pawl_arena *arena, struct pawl_state_value *out,
                                     struct pawl_error *error) {
    struct pawl_store *store = joint_look(base);
    return joint_looked(base, store->ops->get_state(store, key, arena, out, error));
}

// --- life ---------------------------------------------------------------------------------------

static void joint_destroy(struct joint *joint) {
    joint->store->ops->close(joint->store);
    pthread_mutex_destroy(&joint->lock);
    pthread_mutex_destroy(&joint->reading);
    free(joint);
}

static void joint_close(struct pawl_store *base) {
    struct seat *seat = seat_of(base);
    if (!seat) return;
    struct joint *joint = seat->joint;
    pthread_mutex_lock(&joint->lock);
    bool is_last = --joint->seats == 0;
    pthread_mutex_unlock(&joint->lock);
    pthread_cond_destroy(&seat->told);
    free(seat);
    if (is_last) joint_destroy(joint);
}

static const struct pawl_store_ops joint_ops = {
    .close = joint_close,
    .shards = joint_shards,
    .lease = joint_lease,
    .renew = joint_renew,
    .release = joint_release,
    .commit = joint_commit,
    .put_member = joint_put_member,
    .remove_member = joint_remove_member,
    .tend = joint_tend,
    .holders = joint_holders,
    .members = joint_members,
    .read_log = joint_read_log,
    .read_mail = joint_read_mail,
    .load = joint_load,
    .scan_live = joint_scan_live,
    .query = joint_query,
    .count = joint_count,
    .get_state = joint_get_state,
};

static struct pawl_store *seat_create(struct joint *joint) {
    struct seat *seat = calloc(1, sizeof *seat);
    if (!seat) return NULL;
    seat->base = (struct pawl_store){&joint_ops, joint->store->type, joint->store->caps};
    seat->base.caps.may_block = true;
    seat->base.caps.notifies = false;
    seat->joint = joint;
    pthread_cond_init(&seat->told, NULL);
    joint->seats++;
    return &seat->base;
}

enum pawl_err pawl__joint_open(struct pawl_store *store, struct pawl_store **seats, size_t count,
                               struct pawl_error *error) {
    struct joint *joint = calloc(1, sizeof *joint);
    if (!joint) {
        store->ops->close(store);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    joint->store = store;
    joint->last = &joint->first;
    pthread_mutexattr_t again;
    pthread_mutexattr_init(&again);
    pthread_mutexattr_settype(&again, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&joint->reading, &again);
    pthread_mutexattr_destroy(&again);
    pthread_mutex_init(&joint->lock, NULL);
    size_t made = 0;
    while (made < count && (seats[made] = seat_create(joint))) made++;
    if (made == count) return PAWL_OK;
    if (!made) joint_destroy(joint);
    while (made) joint_close(seats[--made]);
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}

size_t pawl__joint_waiting(const struct pawl_store *seat) {
    struct joint *joint = ((const struct seat *)seat)->joint;
    size_t count = 0;
    pthread_mutex_lock(&joint->lock);
    for (const struct writing *at = joint->first; at; at = at->next) count++;
    pthread_mutex_unlock(&joint->lock);
    return count;
}

uint64_t pawl__joint_commits(const struct pawl_store *seat) {
    return atomic_load(&((const struct seat *)seat)->joint->commits);
}
