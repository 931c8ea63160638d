#ifndef PAWL_SDK_TRANSPORT_H
#define PAWL_SDK_TRANSPORT_H

// How a program reaches the engine: in its own process (embedded.c), or in a daemon (remote.c).
// Both speak in the messages of the TaskHub service. All belongs to the loop's thread.

#include <uv.h>

#include "base/log.h"
#include "runtime/taskhub.h"

// A call. The memory is the caller's, and stays until |done|, which may be called before |call|
// returns.
struct pawl_op {
    const struct pawl_method *method;
    const ProtobufCMessage *request;  // of the method's type
    struct pawl_arena arena;          // the caller frees it
    const ProtobufCMessage *response; // in |arena|, when |error.code| is PAWL_OK
    struct pawl_error error;
    void (*done)(struct pawl_op *op);
    void *data;

    /* private */
    struct pawl_taskhub_call taskhub;
    void *grpc;
};

// A read or write of one key of user state, with the same rules.
struct pawl_state_job {
    const char *store, *key;
    bool is_write, is_delete;
    struct pawl_str value; // to write; read: in |arena|
    const char *etag;      // to write: NULL or "": none; read: in |arena|
    bool found;
    struct pawl_arena arena;
    struct pawl_error error;
    void (*done)(struct pawl_state_job *job);
    void *data;

    /* private */
    union {
        struct {
            struct pawl_state_write write;
            struct pawl_state_op op;
        };
        struct {
            struct pawl_state_read read;
            struct pawl_state_value result;
            struct pawl_str full_key;
        };
    };
};

// The callbacks of a transport.
struct pawl_transport_owner {
    const struct pawl_log *log;
    // A work item (an encoded WorkItem message), which is gone on return.
    void (*item)(void *arg, struct pawl_str bytes);
    // Whether calls can be answered; |reason| says why not. May be called repeatedly with the same
    // value.
    void (*ready)(void *arg, bool ready, const struct pawl_error *reason);
    void *arg;
};

struct pawl_transport {
    const struct pawl_transport_ops *ops;
};

struct pawl_transport_ops {
    void (*call)(struct pawl_transport *transport, struct pawl_op *op);
    // Ends a call: |done| is not called. The request may be carried out all the same.
    void (*cancel)(struct pawl_transport *transport, struct pawl_op *op);
    void (*state)(struct pawl_transport *transport, struct pawl_state_job *job);

    // Takes work until |rest|. |ask| names what the worker serves, and outlives the transport's
    // work. A second call offers the items that the worker has in hand again.
    void (*work)(struct pawl_transport *transport, const Pb__GetWorkItemsRequest *ask);
    void (*rest)(struct pawl_transport *transport);
    // The owner has processed its items, and can take more.
    void (*more)(struct pawl_transport *transport);

    // Commits of the store so far; UINT64_MAX: it is not in this process. On any thread.
    uint64_t (*commits)(const struct pawl_transport *transport);

    // Ends all calls, frees the transport, and calls |closed| when nothing of it is left on the
    // loop.
    void (*close)(struct pawl_transport *transport, void (*closed)(void *arg), void *arg);
};

// The store of an embedded engine, for one or more loops.
struct pawl_embedded_store;

struct pawl_embedded_options {
    const char *target;       // a file's path, or "memory:"; with |store| only for messages
    struct pawl_store *store; // that is open, and is taken over; NULL: |target| says which
    const char *app_id;
    size_t loops;    // that are wanted
    uint32_t shards; // of an app that is new to the store; 0: as many as loops
    const struct pawl_log *log;
};

// Opens the store. With one loop the app's number of shards is not looked for, and |*shards| is 1.
// With more, |*loops| is how many of them have a shard, and are to be opened. PAWL_E_UNAVAILABLE:
// it is locked.
enum pawl_err pawl__embedded_store_open(const struct pawl_embedded_options *options, size_t *loops,
                                        uint32_t *shards, struct pawl_embedded_store **out,
                                        struct pawl_error *error);

// Closes a store that pawl__embedded_open did not take over. Accepts NULL.
void pawl__embedded_store_close(struct pawl_embedded_store *store);

// Fills |out| with a transport for each of the |loops|, which do not run yet; |owners| are copied.
// Shard N of the app is served on loop N % count. Takes the store over. After an error the loops
// have to be run until they have nothing more to do.
enum pawl_err pawl__embedded_open(struct pawl_embedded_store *store, uv_loop_t *const *loops,
                                  const struct pawl_transport_owner *owners,
                                  struct pawl_transport **out, struct pawl_error *error);

// |target| as for pawl__grpc_client_create.
enum pawl_err pawl__remote_open(uv_loop_t *loop, const char *target, const char *token,
                                const struct pawl_transport_owner *owner,
                                struct pawl_transport **out, struct pawl_error *error);

#endif
