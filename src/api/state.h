#ifndef PAWL_API_STATE_H
#define PAWL_API_STATE_H

// The app's own state, shared by the gRPC and HTTP front ends.

#include "api/attempts.h"
#include "api/internal.h"
#include "api/state_verb.h"

// One item of a save, a delete or a transaction, as a front end read it.
struct pawl_api_item {
    struct pawl_str key; // the user's
    struct pawl_str value;
    struct pawl_str etag; // empty: none
    struct pawl_str ttl;  // text of ttlInSeconds; empty: none
    bool is_json;
    bool first_write;
    bool remove;
};

struct pawl_api_state {
    struct pawl_api *api;
    struct pawl_request *request;
    struct pawl_api_store *store; // held
    enum pawl_api_state_verb verb;
    struct pawl_str key; // the user's, of a single read or delete
    struct pawl_state_write write;
    struct pawl_state_read read;
    const struct pawl_str *user_keys; // of a bulk read
    struct pawl_attempts attempts;    // of |write| or |read|
    struct pawl_arena arena;
    void (*reply_read)(struct pawl_api_state *state);
};

// False after answering that there is no such |store|.
bool pawl__state_is_known(struct pawl_api *api, struct pawl_request *request,
                          struct pawl_str store);

// The state of a request to |store|; NULL after answering that there is no such store.
struct pawl_api_state *pawl__state_begin(struct pawl_api *api, struct pawl_request *request,
                                         struct pawl_str store, enum pawl_api_state_verb verb);

// Ends the request with an error.
void pawl__state_fail(struct pawl_api_state *state, const struct pawl_error *error);

// Writes |items| in one transaction, and answers.
void pawl__state_write(struct pawl_api_state *state, const struct pawl_api_item *items,
                       size_t count);

// Reads |keys| (the user's) and calls |reply|.
void pawl__state_read(struct pawl_api_state *state, const struct pawl_str *keys, size_t count,
                      void (*reply)(struct pawl_api_state *state));

#endif
