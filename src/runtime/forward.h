#ifndef PAWL_RUNTIME_FORWARD_H
#define PAWL_RUNTIME_FORWARD_H

// A call on an instance that another daemon has: a message goes there, and its answer comes back.
// Within an app a call goes one hop: a daemon that does not have the shard any more says so, and
// the sender looks again. A call on another app goes to any daemon of that app, which finds the
// shard.

#include "runtime/invite.h"
#include "runtime/lending.h"
#include "runtime/quota.h"
#include "runtime/search.h"
#include "runtime/verbs.h"

// The gRPC method that daemons serve for each other: its messages are those of pawl_peer.proto.
#define PAWL_PEER_METHOD "/pawl.Peer/Call"

struct pawl_peers;

// A call did not end there; |text| says why. |moved|: the shard, or the app, is elsewhere by now,
// and nothing was done; otherwise nobody knows whether it was carried out.
typedef void (*pawl_forward_failed_fn)(struct pawl_call *call, bool moved, struct pawl_str text,
                                       void *arg);

// Who a call is sent to.
struct pawl_forward_to {
    struct pawl_str address;
    const char *app, *namespace; // of another app's daemon; NULL: the shard's, of this app
    struct pawl_link *away;      // a list that it is in while it is on its way, unless it is sure
                                 // to be answered; NULL: none
};

// A call on its way. |transport| belongs to whoever carries it.
struct pawl_forward {
    struct pawl_remote remote; // of the call, which can be canceled
    struct pawl_call *call;
    struct pawl_link link; // in the list of those that are away
    struct pawl_arena arena;
    const char *address;     // whom it is sent to
    struct pawl_str request; // encoded
    // To be called once, unless the call was canceled. |code|: of the way there and back;
    // PAWL_E_HELD when the other daemon surely did nothing, and PAWL_E_TOO_LARGE when it never
    // takes so large a request, with which the call ends; |text| says why it failed, |answer| is
    // what came back.
    void (*done)(struct pawl_forward *forward, enum pawl_err code, struct pawl_str text,
                 struct pawl_str answer);
    void *transport;
    int64_t doubted_at;      // since when its shard is seen elsewhere, steady; 0: it is not
    bool is_answered_surely; // set by |send|: by a loop of this process, which cannot fall silent
    struct pawl_peers *peers;
    pawl_forward_failed_fn failed;
    void *arg;
};

// How other daemons are reached.
struct pawl_peers {
    // Sends |forward|'s request to |address|, and calls |done|, never from within. PAWL_E_NOMEM,
    // PAWL_E_UNAVAILABLE: it was not sent.
    enum pawl_err (*send)(struct pawl_peers *peers, struct pawl_str address,
                          struct pawl_forward *forward);
    // |done| is not called. True: the other end surely does nothing.
    bool (*cancel)(struct pawl_peers *peers, struct pawl_forward *forward);
};

// Whether a call can be forwarded: answers of workers cannot, as what they answer is known here.
static inline bool pawl__forward_can(const struct pawl_call *call) {
    enum pawl_verb_kind kind = call->verb->kind;
    return kind != PAWL_VERB_LOCAL && kind != PAWL_VERB_TURN_RESULT &&
           kind != PAWL_VERB_ACTIVITY_RESULT;
}

// Sends |call| to |to|. It ends as it does there, or with |failed|; |call| is then as if it had not
// begun. PAWL_E_NOMEM, PAWL_E_UNAVAILABLE: it is so at once.
enum pawl_err pawl__forward_begin(struct pawl_peers *peers, const struct pawl_forward_to *to,
                                  struct pawl_call *call, pawl_forward_failed_fn failed, void *arg);

// Waits no longer for an answer, as nothing can come of the call there: |failed| is called, with
// |moved| when it surely was not sent.
void pawl__forward_abandon(struct pawl_forward *forward, struct pawl_str why);

// --- at the other end ----------------------------------------------------------------------------

// A forwarded call that is being carried out. The caller's memory until |done|.
struct pawl_forwarded {
    union {
        struct pawl_call call; // of each
        struct pawl_start start;
        struct pawl_look look;
        struct pawl_read_history history;
        struct pawl_post post;
        struct pawl_rerun_call rerun;
        struct pawl_purge purge;
        struct pawl_search search;
        struct pawl_tally tally;
        struct pawl_receive receive;
        struct pawl_turn_result turn;         // whose |dispatch| is the caller's to set
        struct pawl_activity_result activity; // the same
        struct pawl_invite invite;            // which the caller carries out
        struct pawl_ring ring;                // the same
        struct pawl_borrow borrow;            // the same
        struct pawl_quota quota;              // the same
    } verb;
    enum pawl_verb_kind kind;
    uint32_t shard;              // of a search or a tally
    struct pawl_scan scan;       // of a search
    const char *app, *namespace; // that it is for; NULL: the daemon itself, which has the shard
    struct pawl_arena *arena;
    void *data;
};

// Makes the call of |request|; |done| and |data| are the caller's to set. PAWL_E_INVALID: it is not
// one; PAWL_E_NOMEM.
enum pawl_err pawl__forwarded_init(struct pawl_forwarded *forwarded, struct pawl_str request,
                                   struct pawl_arena *arena);

// The answer to send back, in the arena. No data: memory is out.
struct pawl_str pawl__forwarded_answer(const struct pawl_forwarded *forwarded,
                                       const struct pawl_error *error);

#endif
