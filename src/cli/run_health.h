#ifndef PAWL_CLI_RUN_HEALTH_H
#define PAWL_CLI_RUN_HEALTH_H

// Whether a sidecar that was started is ready, and if not, why.

enum pawl_run_health {
    PAWL_RUN_READY,
    PAWL_RUN_NOT_YET,
    PAWL_RUN_NEVER, // another daemon of the app has what it needs, and unless it has just begun to
                    // share it, keeps it
};

// Asks the sidecar of |app_id| at |host| and |port|, as pawl__http_fetch takes them, for half a
// second at most. |why|: if it is not ready, a sentence for people; "": it does not answer.
enum pawl_run_health pawl__run_health(const char *app_id, const char *host, int port,
                                      char why[512]);

#endif
