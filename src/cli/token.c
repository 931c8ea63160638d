#include "cli/token.h"

#include <stdlib.h>

static const char *token_env(const char *name) {
    const char *token = getenv(name);
    return token && *token ? token : NULL;
}

const char *pawl__token_of_api(void) {
    return token_env("DAPR_API_TOKEN");
}

const char *pawl__token_of_dashboard(void) {
    return token_env("PAWL_DASHBOARD_TOKEN");
}

size_t pawl__token_headers(struct pawl_header out[PAWL_TOKENS]) {
    const char *api = pawl__token_of_api(), *dashboard = pawl__token_of_dashboard();
    size_t count = 0;
    if (api) out[count++] = (struct pawl_header){PAWL_STR("dapr-api-token"), pawl__str(api)};
    if (dashboard)
        out[count++] = (struct pawl_header){PAWL_STR("pawl-dashboard-token"), pawl__str(dashboard)};
    return count;
}
