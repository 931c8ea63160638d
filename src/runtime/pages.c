#include "runtime/reading.h"

// False when more has to be read.
static bool pages_answer(struct pawl_reading *reading, struct pawl_search *verb) {
    bool enough = true;
    if (pawl__reading_merge(reading, verb, &enough)) return enough;
    pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
    return true;
}

static void pages_done(struct pawl_job *job) {
    struct pawl_reading *reading = PAWL_CONTAINER(job, struct pawl_reading, job);
    struct pawl_call *call = pawl__reading_back(reading);
    if (!call) return;
    struct pawl_search *verb = PAWL_CONTAINER(call, struct pawl_search, call);
    if (!call->error.code && pawl__residency_serves(reading->calls->residency) &&
        !pages_answer(reading, verb)) {
        reading->query.limit *= 2;
        pawl__reading_submit(reading, call);
        return;
    }
    pawl__reading_end(reading, call);
}

static enum pawl_err pages_begin(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    const struct pawl_search *verb = PAWL_CONTAINER(call, struct pawl_search, call);
    struct pawl_reading *reading = pawl__reading_create(calls, call, &verb->query);
    if (!reading) return pawl__fail_plain(error, PAWL_E_NOMEM);
    reading->job = (struct pawl_job){.run = pawl__reading_search, .done = pages_done};
    pawl__reading_submit(reading, call);
    return PAWL_OK;
}

static const struct pawl_verb search_verb = {
    .kind = PAWL_VERB_SEARCH, .run = pages_begin, .reads = true};

void pawl__search_init(struct pawl_search *verb, const struct pawl_query *query,
                       struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &search_verb, PAWL_STR(""));
    verb->shard = 0;
    verb->query = *query;
    verb->arena = arena;
    verb->rows = NULL;
    verb->count = 0;
}
