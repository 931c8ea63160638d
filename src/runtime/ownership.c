#include "runtime/ownership.h"

#include "base/clock.h"

static const char *const ownership_scope = "dapr.runtime.wfengine";

enum { // milliseconds
    OWNERSHIP_RETRY_FIRST = 25,
    OWNERSHIP_RETRY_AFTER_FAILURE = 100,
    OWNERSHIP_RETRY_MOST = 2000,
    OWNERSHIP_FAIL_DELAY = 250, // see fail_delay
    OWNERSHIP_FAIL_DELAY_MOST = 8000,
};

enum {
    OWNERSHIP_RENEW = 4 // a lease is renewed after this part of its time
};

static struct pawl_ownership *ownership_of(struct pawl_recover *recover) {
    return PAWL_CONTAINER(recover, struct pawl_ownership, recover);
}

static void ownership_on_released(struct pawl_recover *recover, const struct pawl_error *error) {
    ownership_of(recover)->host->released(ownership_of(recover));
}

void pawl__ownership_release(struct pawl_ownership *ownership) {
    pawl__recover_release(&ownership->recover, ownership_on_released);
}

static void ownership_on_retry(uv_timer_t *timer);

static void ownership_not_taken(struct pawl_ownership *ownership, const struct pawl_error *error) {
    const struct pawl_residency *residency = ownership->residency;
    bool held = error->code == PAWL_E_HELD;
    // That two daemons try at the same time to take what is free is no news.
    ownership->held_times = held ? ownership->held_times + 1 : 0;
    if (!held || ownership->held_times == 1u + ownership->once)
        pawl__log(residency->log, held ? PAWL_LOG_WARN : PAWL_LOG_ERROR, ownership_scope,
                  "the workflows of app '%s' cannot be taken yet, will try again: %s",
                  residency->options->app_id, error->text);
    ownership->host->ready(ownership, false, error);
    ownership->host->drop(ownership, false, error);
    if (ownership->once && held) {
        ownership->residency->state = PAWL_RESIDENCY_IDLE;
        ownership->host->idle(ownership);
        return;
    }
    ownership->retry_delay *= 2;
    if (ownership->retry_delay > OWNERSHIP_RETRY_MOST)
        ownership->retry_delay = OWNERSHIP_RETRY_MOST;
    uv_timer_start(&ownership->retry, ownership_on_retry, (uint64_t)ownership->retry_delay, 0);
}

static void ownership_on_recovered(struct pawl_recover *recover, const struct pawl_error *error) {
    struct pawl_ownership *ownership = ownership_of(recover);
    struct pawl_residency *residency = ownership->residency;
    if (residency->state == PAWL_RESIDENCY_CLOSING) { // it may have been taken all the same
        pawl__ownership_release(ownership);
        return;
    }
    if (error->code) {
        ownership_not_taken(ownership, error);
        return;
    }
    residency->state = PAWL_RESIDENCY_SERVING;
    residency->durable = residency->shard.position - 1;
    ownership->held_times = 0;
    ownership->takes++;
    ownership->host->taken(ownership);
}

static void ownership_on_retry(uv_timer_t *timer) {
    struct pawl_ownership *ownership = PAWL_CONTAINER(timer, struct pawl_ownership, retry);
    struct pawl_residency *residency = ownership->residency;
    if (residency->failing) {
        // The commit thread still reads what would be freed. If it was fenced, others give it out.
        if (residency->in_commit || (!ownership->fenced && ownership->host->keeps(ownership))) {
            uv_timer_start(&ownership->retry, ownership_on_retry, 1, 0);
            return;
        }
        struct pawl_error error = {PAWL_E_UNAVAILABLE,
                                   "the workflow engine is reading its state again, try again"};
        residency->state = PAWL_RESIDENCY_TAKING;
        residency->failing = false;
        residency->incarnation++; // what is out with the reader will find no place
        ownership->host->drop(ownership, true, &error);
    }
    // What somebody else has taken is not taken back: the daemons' shares say whose it is.
    if (ownership->once && ownership->fenced) {
        ownership->fenced = false;
        residency->state = PAWL_RESIDENCY_IDLE;
        ownership->host->idle(ownership);
        return;
    }
    pawl__recover_begin(&ownership->recover, ownership_on_recovered);
}

void pawl__ownership_init(struct pawl_ownership *ownership, struct pawl_residency *residency,
                          struct pawl_str owner, const struct pawl_ownership_host *host) {
    *ownership = (struct pawl_ownership){
        .host = host,
        .residency = residency,
        .recover = {.residency = residency, .owner = owner},
    };
    uv_timer_init(residency->storage->loop, &ownership->retry);
}

void pawl__ownership_take(struct pawl_ownership *ownership, bool once) {
    if (ownership->residency->state != PAWL_RESIDENCY_IDLE) return;
    ownership->residency->state = PAWL_RESIDENCY_TAKING;
    ownership->once = once;
    ownership->retry_delay = OWNERSHIP_RETRY_FIRST;
    pawl__recover_begin(&ownership->recover, ownership_on_recovered);
}

void pawl__ownership_fail(struct pawl_ownership *ownership, const struct pawl_error *error) {
    const struct pawl_residency *residency = ownership->residency;
    ownership->fenced = error->code == PAWL_E_FENCED;
    ownership->failures++;
    ownership->losses += ownership->fenced;
    pawl__log(residency->log, PAWL_LOG_ERROR, ownership_scope,
              "the workflow engine stops and will read its state again: %s", error->text);
    ownership->host->ready(ownership, false, error);
    if (residency->state == PAWL_RESIDENCY_CLOSING) return;
    // The state is dropped from the loop, not from under the function that noticed. Activities run
    // again after each try whose commit fails, as on a disk that is full.
    uv_timer_start(&ownership->retry, ownership_on_retry, (uint64_t)ownership->fail_delay, 0);
    ownership->retry_delay = OWNERSHIP_RETRY_AFTER_FAILURE;
    ownership->fail_delay *= 2;
    if (!ownership->fail_delay) ownership->fail_delay = OWNERSHIP_FAIL_DELAY;
    if (ownership->fail_delay > OWNERSHIP_FAIL_DELAY_MOST)
        ownership->fail_delay = OWNERSHIP_FAIL_DELAY_MOST;
}

// --- renewing ------------------------------------------------------------------------------------

static void ownership_renew(struct pawl_job *job) {
    struct pawl_ownership *ownership = PAWL_CONTAINER(job, struct pawl_ownership, renewing);
    struct pawl_store *store = ownership->residency->storage->store;
    pawl__error_clear(&ownership->renewal_error);
    ownership->renewal = (struct pawl_renewal){.lease = &ownership->renewed};
    ownership->renewal_error.code =
        store->ops->renew(store, &ownership->renewal, 1, pawl__recover_ttl(&ownership->recover),
                          &ownership->renewal_error);
}

static void ownership_renewed(struct pawl_job *job) {
    struct pawl_ownership *ownership = PAWL_CONTAINER(job, struct pawl_ownership, renewing);
    struct pawl_residency *residency = ownership->residency;
    ownership->renews = false;
    residency->storage->leasing--;
    // A server that does not answer says nothing: commits will find out. And the lease that was
    // lost may be an earlier one than that which is held by now.
    if (ownership->renewal_error.code || !pawl__residency_serves(residency) ||
        residency->lease.epoch != ownership->renewed.epoch)
        return;
    if (!ownership->renewal.lost) {
        residency->leased_until = ownership->renewed_at + pawl__recover_ttl(&ownership->recover);
        return;
    }
    struct pawl_error lost = {PAWL_E_FENCED, "its lease has ended, and another daemon may have it"};
    pawl__residency_fail(residency, &lost);
}

void pawl__ownership_pulse(struct pawl_ownership *ownership) {
    struct pawl_residency *residency = ownership->residency;
    int64_t ttl = pawl__recover_ttl(&ownership->recover), now = pawl__clock_steady();
    if (!ttl || ownership->renews || !pawl__residency_serves(residency) ||
        now - ownership->renewed_at < ttl / OWNERSHIP_RENEW)
        return;
    ownership->renews = true;
    ownership->renewed_at = now;
    ownership->renewed = residency->lease;
    ownership->renewing = (struct pawl_job){.run = ownership_renew, .done = ownership_renewed};
    residency->storage->leasing++;
    pawl__jobs_submit(&residency->storage->writer, &ownership->renewing);
}

bool pawl__ownership_close(struct pawl_ownership *ownership) {
    bool was_idle = ownership->residency->state == PAWL_RESIDENCY_IDLE;
    bool taking = was_idle || ownership->residency->state == PAWL_RESIDENCY_TAKING;
    bool idle = was_idle || (taking && uv_is_active((uv_handle_t *)&ownership->retry));
    ownership->residency->state = PAWL_RESIDENCY_CLOSING;
    uv_timer_stop(&ownership->retry);
    if (idle) pawl__ownership_release(ownership);
    return taking;
}
