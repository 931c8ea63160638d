#ifndef PAWL_ENGINE_MESSAGE_H
#define PAWL_ENGINE_MESSAGE_H

// What one instance tells another.
//
//   turn of the sender ──► message ──► same shard: pawl__shard_receive, in the same batch
//                                 └──► elsewhere:  mail, in the commit that holds the turn ──► ...
//                                                  ... ──► pawl__shard_receive of the other shard,
//                                                          or of a shard of the other app
//
// Applying a turn to its sender is pure and yields the messages; what a message does is decided
// where its target lives, by one function (receive.c), however it came there.
//
// A message is identified by its sender, the sender's generation and a number that counts up in the
// sender's state. An answer (the id that a child asked for is taken) has the identity of what it
// answers, and says that it is a reply. One that goes to another app has a number of its shard's,
// too: see received.h.

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "history_events.pb-c.h"

enum pawl_message_kind {
    PAWL_MESSAGE_START_CHILD = 1, // ExecutionStarted; the sender waits for its end
    PAWL_MESSAGE_START_DETACHED,  // ExecutionStarted; nobody waits
    PAWL_MESSAGE_CHILD_ENDED,     // ChildWorkflowInstanceCompleted or -Failed, for the parent
    PAWL_MESSAGE_TASK_ENDED,      // TaskCompleted or TaskFailed, for who scheduled it
    PAWL_MESSAGE_EVENT,           // EventRaised
    PAWL_MESSAGE_TERMINATE,       // ExecutionTerminated, which the sender's code asked for
    PAWL_MESSAGE_END_CHILD,       // the same of a recursive terminate, for a child of the sender
    PAWL_MESSAGE_PURGE_CHILD,     // the sender was purged with its children; no event
};

enum {
    PAWL_ORIGIN_SHARD = 4, // bytes: the number of the sender's shard
    PAWL_ORIGIN = 20       // bytes: that, the epoch of its lease, and a random number
};

// What tells a letter of another app from all others of that app.
struct pawl_crossing {
    struct pawl_str origin; // of PAWL_ORIGIN bytes; empty: it is from an earlier Pawl, without one
    uint64_t number;        // among those of the origin
    uint64_t floor;         // of the lesser ones, no letter is left in the sender's box
};

// Where a shard's letters to other apps come from, as long as one lease lasts.
struct pawl_origin {
    uint32_t number; // of the shard
    uint64_t epoch;  // of the lease
    uint64_t nonce;  // random
    uint64_t sent;   // letters
};

// Texts and event belong to the arena, or to the instance, that the message was made with.
struct pawl_message {
    struct pawl_message *next; // of the same turn, in the order of sending
    enum pawl_message_kind kind;
    bool reply;
    bool force;   // PURGE_CHILD
    int32_t task; // the sender's action that it is about; -1: none
    uint64_t generation, sequence;
    const char *sender, *sender_app;
    const char *target, *target_app;
    Pb__HistoryEvent *event;
    struct pawl_str propagated; // a PropagatedHistory for the child; START_CHILD, or empty
    const struct pawl_crossing *crossing; // of one that comes from another app; NULL
};

// Which box a letter goes into.
enum pawl_box {
    PAWL_BOX_SHARD,     // that of a shard of the app
    PAWL_BOX_APPS,      // the shard's own, of all that goes to other apps
    PAWL_BOX_RECEIVED,  // the shard's own, of what has come from them: see received.h
    PAWL_BOX_FORGOTTEN, // the same; the row with this key is taken away
};

// A row for a store's mailbox: a message for elsewhere, or a note of received.h.
struct pawl_letter {
    enum pawl_box box;
    struct pawl_str target; // of a message: the id of the instance that it is for
    uint32_t number;        // SHARD: of the shard of |target|
    struct pawl_str key;    // unique; the order of its bytes is that of sending, for each sender.
                            // APPS: it begins with the other app and a zero
    struct pawl_str bytes;  // of a message: a pawl.Message
};

// The shard, of |count|, in which the instance |id| lives. Fixed for ever, as a store is laid out
// by it: FNV-1a of 64 bits over the bytes of the id, its two halves joined by exclusive or, modulo
// |count|.
uint32_t pawl__shard_of(struct pawl_str id, uint32_t count);

// Fills |out|, but for its floor, with what |key| of a letter to another app says; without an
// origin, when it is of an earlier Pawl.
void pawl__message_crossing(struct pawl_str key, struct pawl_crossing *out);

// Reads a letter's |bytes| back into |arena|. PAWL_E_CORRUPT: they are no message, or its event is
// not of the message's kind. PAWL_E_NOMEM.
enum pawl_err pawl__message_unpack(struct pawl_str bytes, struct pawl_arena *arena,
                                   struct pawl_message *out, struct pawl_error *error);

// Mail that waits for the commit of the batch that it belongs to.
struct pawl_mailbag {
    struct pawl_letter *letters; // in |arena|, as all that they point to
    size_t len, cap;
    struct pawl_arena arena;
};

// Adds |letter|, whose texts are in the bag's arena. PAWL_E_NOMEM: nothing was added.
enum pawl_err pawl__mailbag_put(struct pawl_mailbag *bag, const struct pawl_letter *letter);

// Adds |message|, as above. PAWL_E_NOMEM: nothing was added.
enum pawl_err pawl__mailbag_add(struct pawl_mailbag *bag, const struct pawl_message *message,
                                const char *app, uint32_t shards, struct pawl_origin *origin);
void pawl__mailbag_clear(struct pawl_mailbag *bag); // keeps memory for the next use
void pawl__mailbag_finish(struct pawl_mailbag *bag);

#endif
