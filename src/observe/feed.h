#ifndef PAWL_OBSERVE_FEED_H
#define PAWL_OBSERVE_FEED_H

// The feed of changes: what happened to which instance, each once, in order, and once the log holds
// it.
//
//   shard ──changed──► note, with the batch ──durable──► ring ◄── readers, each with its place
//
// The ring is all the memory there is, however many readers there are and however slow. One that is
// so slow that the ring has gone on without it is told that it has missed something: it reads anew
// what it shows, and goes on from there. The same is told when the feed itself may have missed
// something, as a shard went to another daemon and came back.
//
// While nobody reads, a batch costs a note, and a record a comparison.

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
    // There is something to read. Called once, when it |waits|; may not read or leave by itself.
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
// No shard tells it anything any more, and nobody reads.
void pawl__feed_finish(struct pawl_feed *feed);

// For a feed that nobody notes anything in: appends a copy of |change| but for its number, or
// breaks when memory is out. No reader's |wake| may read.
void pawl__feed_put(struct pawl_feed *feed, const struct pawl_feed_change *change);

// All readers have missed something.
void pawl__feed_break(struct pawl_feed *feed);

// |reader| begins with what comes from now on.
void pawl__feed_join(struct pawl_feed *feed, struct pawl_feed_reader *reader);

// |reader| goes on after the change |number| of the feed |boot|. Has it missed something meanwhile,
// or was it another feed, then the first thing that it reads says so.
void pawl__feed_rejoin(struct pawl_feed *feed, struct pawl_feed_reader *reader, uint64_t boot,
                       uint64_t number);
void pawl__feed_leave(struct pawl_feed *feed, struct pawl_feed_reader *reader);

// What comes next for |reader|. |*out| is valid until the loop's turn ends.
enum pawl_feed_result pawl__feed_read(struct pawl_feed *feed, struct pawl_feed_reader *reader,
                                      const struct pawl_feed_change **out);

// Up to where |reader| has read: the number to rejoin with. 0: it has missed something, and does
// not know yet.
static inline uint64_t pawl__feed_place(const struct pawl_feed_reader *reader) {
    return reader->next ? reader->next - 1 : 0;
}

#endif
