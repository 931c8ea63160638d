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
// answers, and says that it is a reply.

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
};

// A message for elsewhere, as it goes into a store's mailbox.
struct pawl_letter {
    struct pawl_str app;    // the other app that it is for; empty: the sender's own
    struct pawl_str target; // the id of the instance that it is for
    uint32_t number;        // of the shard of |target|, when it is of the sender's own app
    struct pawl_str key;    // unique; the order of its bytes is that of sending, for each sender.
                            // For another app it begins with |app| and a zero
    struct pawl_str bytes;  // a pawl.Message
};

// The shard, of |count|, in which the instance |id| lives. Fixed for ever, as a store is laid out
// by it: FNV-1a of 64 bits over the bytes of the id, its two halves joined by exclusive or, modulo
// |count|.
uint32_t pawl__shard_of(struct pawl_str id, uint32_t count);

// Fills |out| with |message|, which leaves the app |app| of |shards| shards, in |arena|.
// PAWL_E_NOMEM.
enum pawl_err pawl__message_pack(const struct pawl_message *message, const char *app,
                                 uint32_t shards, struct pawl_arena *arena,
                                 struct pawl_letter *out);

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

// Adds |message|, as above. PAWL_E_NOMEM: nothing was added.
enum pawl_err pawl__mailbag_add(struct pawl_mailbag *bag, const struct pawl_message *message,
                                const char *app, uint32_t shards);
void pawl__mailbag_clear(struct pawl_mailbag *bag); // keeps memory for the next use
void pawl__mailbag_finish(struct pawl_mailbag *bag);

#endif
