#ifndef PAWL_API_STATE_VERB_H
#define PAWL_API_STATE_VERB_H

// What a write or read of state was for, in the texts of its errors and in metrics.
enum pawl_api_state_verb {
    PAWL_API_STATE_GET,
    PAWL_API_STATE_GET_BULK,
    PAWL_API_STATE_SAVE,
    PAWL_API_STATE_DELETE,
    PAWL_API_STATE_DELETE_BULK,
    PAWL_API_STATE_TRANSACTION,
    PAWL_API_STATE_VERBS
};

extern const char *const pawl__state_verbs[PAWL_API_STATE_VERBS]; // in the reference's words

#endif
