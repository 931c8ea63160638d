#include <stdlib.h>

#include "sdk/error.h"
#include "sdk/loops.h"

// The user's state, one key at a time.

enum {
    STATE_ETAG = 64 // bytes of the caller's buffer
};

struct state_call {
    struct pawl_state_job job;
    struct pawl_job begin;
    struct pawl_loop *loop;
    struct pawl_done done;
};

static void state_on_done(struct pawl_state_job *job) {
    struct state_call *call = job->data;
    pawl__done_set(&call->done);
}

static void state_begin(struct pawl_job *job) {
    struct state_call *call = PAWL_CONTAINER(job, struct state_call, begin);
    struct pawl_transport *transport = call->loop->transport;
    if (transport) {
        transport->ops->state(transport, &call->job);
        return;
    }
    pawl__fail(&call->job.error, PAWL_E_CANCELED, "the program is closing Pawl");
    state_on_done(&call->job);
}

static enum pawl_err state_call(struct pawl *pawl, struct state_call *call) {
    call->loop = pawl__handle_loop(pawl, NULL);
    call->job.done = state_on_done;
    call->job.data = call;
    call->begin.done = state_begin;
    pawl__done_init(&call->done);
    pawl__jobs_post(&call->loop->inbox, &call->begin);
    pawl__handle_wait(pawl, &call->done, INT64_MAX);
    return call->job.error.code ? pawl__sdk_fail_with(&call->job.error) : PAWL_OK;
}

static enum pawl_err state_check(struct pawl *pawl, const char *store, const char *key,
                                 const char *what) {
    PAWL_TRY(pawl__handle_check(pawl, what));
    PAWL_TRY(pawl__sdk_check_name(store, "store's name"));
    PAWL_TRY(pawl__sdk_check_name(key, "key"));
    if (!strstr(key, "||")) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_INVALID, "the key '%s' contains '||', which parts keys from apps",
                          key);
}

enum pawl_err pawl_get_state(struct pawl *pawl, const char *store, const char *key, char **value,
                             size_t *len, char *etag) {
    *value = NULL;
    if (len) *len = 0;
    if (etag) *etag = 0;
    PAWL_TRY(state_check(pawl, store, key, "pawl_get_state"));
    struct state_call call = {.job = {.store = store, .key = key}};
    enum pawl_err err = state_call(pawl, &call);
    if (!err && call.job.found) {
        *value = pawl__str_dup(call.job.value);
        if (!*value) err = pawl__sdk_fail_nomem();
        if (len) *len = call.job.value.len;
        if (etag && call.job.etag) {
            size_t size = strnlen(call.job.etag, STATE_ETAG - 1);
            memcpy(etag, call.job.etag, size);
            etag[size] = 0;
        }
    }
    pawl__arena_finish(&call.job.arena);
    return err;
}

enum pawl_err pawl_save_state(struct pawl *pawl, const char *store, const char *key,
                              struct pawl_text value, const char *etag) {
    PAWL_TRY(state_check(pawl, store, key, "pawl_save_state"));
    PAWL_TRY(pawl__sdk_check_payload(value, "value", key));
    struct state_call call = {.job = {.store = store,
                                      .key = key,
                                      .is_write = true,
                                      .value = {value.data, value.len},
                                      .etag = etag}};
    enum pawl_err err = state_call(pawl, &call);
    pawl__arena_finish(&call.job.arena);
    return err;
}

enum pawl_err pawl_delete_state(struct pawl *pawl, const char *store, const char *key,
                                const char *etag) {
    PAWL_TRY(state_check(pawl, store, key, "pawl_delete_state"));
    struct state_call call = {
        .job = {.store = store, .key = key, .is_write = true, .is_delete = true, .etag = etag}};
    enum pawl_err err = state_call(pawl, &call);
    pawl__arena_finish(&call.job.arena);
    return err;
}
