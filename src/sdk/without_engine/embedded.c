#include "sdk/transport.h"

// In the place of sdk/embedded.c, in the library that only talks to daemons.

enum pawl_err pawl__embedded_store_open(const struct pawl_embedded_options *options, size_t *loops,
                                        uint32_t *shards, struct pawl_embedded_store **out,
                                        struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_UNIMPLEMENTED,
                      "cannot open '%s': this program is linked with libpawl-client, which has no "
                      "engine; name a daemon as grpc://HOST:PORT, or link with libpawl",
                      options->target);
}

void pawl__embedded_store_close(struct pawl_embedded_store *store) {
}

enum pawl_err pawl__embedded_open(struct pawl_embedded_store *store, uv_loop_t *const *loops,
                                  const struct pawl_transport_owner *owners,
                                  struct pawl_transport **out, struct pawl_error *error) {
    return pawl__fail_plain(error, PAWL_E_INTERNAL); // no store was ever opened
}
