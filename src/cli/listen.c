#include "cli/listen.h"

static const char *const listen_scope = "dapr.runtime";

// Whether an address before |i| that is listened on gets what is sent to |i|, too.
static bool listen_is_covered(const struct pawl_addresses *addresses, const bool *listens,
                              size_t i) {
    for (size_t k = 0; k < i; k++)
        if (listens[k] && pawl__address_covers(addresses->items[k], addresses->items[i]))
            return true;
    return false;
}

enum pawl_err pawl__listen_all(struct pawl_server *server, const struct pawl_addresses *addresses,
                               int *port, const char *what, const struct pawl_log *log,
                               struct pawl_error *error) {
    bool listens[PAWL_ADDRESSES] = {false}, any = false;
    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->items[i];
        if (listen_is_covered(addresses, listens, i)) continue;
        enum pawl_err err = pawl__server_listen(server, address, port, error);
        // This machine has no such address, as "::1" where there is no IPv6: another may do.
        if (err == PAWL_E_NOT_FOUND && addresses->count > 1) {
            pawl__log(log, PAWL_LOG_WARN, listen_scope, "%s", error->text);
            continue;
        }
        if (err) return err;
        any = listens[i] = true;
        pawl__log(log, PAWL_LOG_INFO, listen_scope, "%s server listening on address: %s:%d", what,
                  address, *port);
    }
    return any ? PAWL_OK : error->code;
}
