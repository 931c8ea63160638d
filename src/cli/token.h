#ifndef PAWL_CLI_TOKEN_H
#define PAWL_CLI_TOKEN_H

// The tokens that daemons want, as the environment has them: DAPR_API_TOKEN, which is Dapr's and
// opens everything, and PAWL_DASHBOARD_TOKEN, which opens the dashboard and /pawl/v1.

#include "net/request.h"

enum {
    PAWL_TOKENS = 2
};

// NULL: there is none.
const char *pawl__token_of_api(void);
const char *pawl__token_of_dashboard(void);

// Fills |out| with those that there are, for a call of /pawl/v1. Returns how many.
size_t pawl__token_headers(struct pawl_header out[PAWL_TOKENS]);

#endif
