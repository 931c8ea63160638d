#ifndef PAWL_OBSERVE_FEED_H
#define PAWL_OBSERVE_FEED_H

// The feed of changes: what happened to which instance. Each change comes once, in order, and after
// the log holds it.
//
//   shard ──changed──► note, with the batch ──durable──► ring ◄── readers, each with its place
//
// The ring bounds the memory, however many readers there are and however slow. A reader that the
// ring has overtaken gets PAWL_FEED_MISSED: it reads the current state by other means and continues
// from there. All readers get the same when the feed itself may have missed a change, because a
// shard went to another daemon and came back.
//
// Without readers a batch costs one note, and a record one comparison.

#include "base/list.h"
#include "engine/observer.h"

enum {
    PAWL_FEED_CHANGES = 4096,  // that the ring holds at most
    PAWL_FEED_BYTES = 1 << 20, // of their texts, the same
};

struct pawl_feed_change {
    uint64_t number;   // in the feed: counts up
    uint64_t position; // of the batch, in the log of its shard
    uint32_t shard;
    enum pawl_change change;
    int32_t status;           // an OrchestrationStatus, after it; none after a purge
    struct pawl_str id, name; // of the instance, of its workflow; no name after a purge
};

struct pawl_feed_reader {
    struct pawl_link link;
    uint64_t next; // number of the change to be read next
    bool waits;    // it has read all
    // Called once when the reader |waits| and there is something to read. It must not read or
    // leave.
    void (*wake)(struct pawl_feed_reader *reader);
};

struct pawl_feed_note;

struct pawl_feed {
    struct pawl_listener listener;
    struct pawl_link readers;
    struct pawl_feed_note **ring; // PAWL_FEED_CHANGES, by number
    uint64_t first, last;         // numbers in the ring; first > last: it is empty
    size_t bytes;
    int64_t left_at;         // steady time at which the last reader left
    struct pawl_note *marks; // to be used again; there is one unless memory is out
    uint64_t boot;           // tells this feed's numbers from those of another daemon's
    bool open;               // changes are noted
    bool blind;              // memory was out twice, and something was not noted
};

enum pawl_feed_result {
    PAWL_FEED_NOTHING, // as yet
    PAWL_FEED_CHANGE,
    PAWL_FEED_MISSED // something: all that has happened until now is to be read in another way
};

// False when memory is out.
bool pawl__feed_init(struct pawl_feed *feed);
// Call it when no shard notes changes any more and no reader is left.
void pawl__feed_finish(struct pawl_feed *feed);

// For a feed without shards of its own: appends a copy of |change| under the next number. When
// memory is out, all readers miss something instead.
void pawl__feed_put(struct pawl_feed *feed, const struct pawl_feed_change *change);

// Makes all readers miss something.
void pawl__feed_break(struct pawl_feed *feed);

// |reader| begins with the next change.
void pawl__feed_join(struct pawl_feed *feed, struct pawl_feed_reader *reader);

// |reader| continues after the change |number| of the feed |boot|. If changes have been lost since,
// or it was another feed, it first reads PAWL_FEED_MISSED.
void pawl__feed_rejoin(struct pawl_feed *feed, struct pawl_feed_reader *reader, uint64_t boot,
                       uint64_t number);
void pawl__feed_leave(struct pawl_feed *feed, struct pawl_feed_reader *reader);

// Reads the next change. |*out| is valid until the loop's turn ends.
enum pawl_feed_result pawl__feed_read(struct pawl_feed *feed, struct pawl_feed_reader *reader,
                                      const struct pawl_feed_change **out);

// How many changes |reader| has not read, those that were lost included.
static inline uint64_t pawl__feed_behind(const struct pawl_feed *feed,
                                         const struct pawl_feed_reader *reader) {
    return reader->next > feed->last ? 0 : feed->last - reader->next + 1;
}

// |reader| does without what there is, and reads PAWL_FEED_MISSED next.
static inline void pawl__feed_pass(struct pawl_feed_reader *reader) {
    reader->next = 0;
}

// The number of the last change that |reader| has read, to rejoin with. 0: it has missed something
// that it has not read yet.
static inline uint64_t pawl__feed_place(const struct pawl_feed_reader *reader) {
    return reader->next ? reader->next - 1 : 0;
}

#endif
