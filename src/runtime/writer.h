#ifndef PAWL_RUNTIME_WRITER_H
#define PAWL_RUNTIME_WRITER_H

// What a shard writes, and what waits for it. A command changes memory at once; its answer and the
// activities that it scheduled wait here until the batch that holds it is on disk.

#include "runtime/calls.h"
#include "runtime/checkpoint.h"
#include "runtime/dispatch.h"
#include "runtime/mailbox.h"
#include "runtime/outbox.h"

// What waits for one batch to be durable, beside calls.
struct pawl_held {
    struct pawl_queue activities;
    struct pawl_queue abroad; // activities of other apps
    struct pawl_queue purged; // whose snapshots go with the batch
};

struct pawl_writer;

// Whoever composes the components of the shard.
struct pawl_writer_host {
    // A batch is durable; what waited for it has not been told yet.
    void (*wrote)(struct pawl_writer *writer);
    // |mail| is in its box.
    void (*posted)(struct pawl_writer *writer, const struct pawl_mail *mail);
    // The log holds |work|, an activity of another app; its reference passes.
    void (*abroad)(struct pawl_writer *writer, struct pawl_work work);
};

// Of commits that wait for company; see writer_company.
struct pawl_company {
    bool awaited;      // for the batch under construction
    size_t records;    // that it had when one last came
    int64_t came;      // nanoseconds after the commit was asked for
    unsigned missed;   // how often in a row nobody came
    unsigned lonesome; // batches before it is tried again
};

struct pawl_writer {
    struct pawl_storage_client client;
    struct pawl_residency *residency;
    struct pawl_calls *calls;
    struct pawl_checkpoint *checkpoint;
    struct pawl_dispatch *dispatch;
    struct pawl_mailbox *mailbox;
    struct pawl_outbox *outbox;
    const struct pawl_writer_host *host;
    struct pawl_held building, writing;
    struct pawl_notes notes; // of the batch that is written
    struct pawl_buf batch_bytes;
    struct pawl_batch batch;
    struct pawl_mailbag mail; // that goes with it
    struct pawl_mail *posts;  // the same, addressed, what is put first; in its arena
    size_t post_count;        // that are put
    struct pawl_str *deletes;
    bool wrote_batch;
    size_t last_records; // in the last batch
    struct pawl_company company;
    uint64_t batches, records, bytes, letters; // that were handed in to be written, in all
};

// |calls|, |checkpoint|, |mailbox| and |outbox| are of the same shard.
void pawl__writer_init(struct pawl_writer *writer, struct pawl_calls *calls,
                       struct pawl_checkpoint *checkpoint, struct pawl_mailbox *mailbox,
                       struct pawl_outbox *outbox, struct pawl_dispatch *dispatch,
                       const struct pawl_writer_host *host);
void pawl__writer_finish(struct pawl_writer *writer);

// Holds an activity, or a purged instance, of the batch under construction. Takes the reference
// over. False when memory is out.
bool pawl__writer_hold(struct pawl_writer *writer, struct pawl_effect effect);

// Asks for a commit.
void pawl__writer_want(struct pawl_writer *writer);

// Forgets what waits, as the state is being dropped.
void pawl__writer_drop(struct pawl_writer *writer);

#endif
