#ifndef PAWL_RUNTIME_READING_H
#define PAWL_RUNTIME_READING_H

// A search or a count that is being made: what of it the store's thread has read, and how it comes
// together with what is in memory.
//
// The store is read by its thread while work goes on, so what it tells is of some earlier moment.
// But from before it is read until its answer is looked at nothing leaves memory
// (pawl__residency_keeps): an instance that is in memory then is looked at there, and one that is
// not has not changed meanwhile. So a page is that of one moment, the one at which it is put
// together.

#include "runtime/search.h"

struct pawl_reading {
    struct pawl_job job;
    struct pawl_link
        link; // in pawl_residency::searches, until it is done or the shard is read again
    struct pawl_calls *calls;
    struct pawl_link call; // the call, unless it was canceled
    uint64_t shard;        // of the lease, which may change while the thread reads
    struct pawl_query query;
    struct pawl_scan scan;
    struct pawl_arena arena; // of all above and below, but for the rows
    struct pawl_arena page;  // of the rows that were read last, and of |scan|
    struct pawl_snapshot *rows;
    size_t count, cap;
    struct pawl_tally_row *tally;
    size_t tally_count, tally_cap;
    // Of a count that is made of pages: until when it takes the next, what it has looked at, and
    // the place of the next.
    int64_t until;
    uint64_t looked;
    struct pawl_buf place;
    struct pawl_error error;
};

// Of |call|, which waits for it. NULL: memory is out.
struct pawl_reading *pawl__reading_create(struct pawl_calls *calls, struct pawl_call *call,
                                          const struct pawl_query *query);

void pawl__reading_destroy(struct pawl_reading *reading);

// Gives it to the store's thread. |call|: the one that it was taken from by pawl__reading_back.
void pawl__reading_submit(struct pawl_reading *reading, struct pawl_call *call);

// The call that |reading| was made for; NULL after it was canceled, or answered when the shard was
// dropped.
struct pawl_call *pawl__reading_back(struct pawl_reading *reading);

// Answers |call|.
void pawl__reading_end(struct pawl_reading *reading, struct pawl_call *call);

// Copies |text|, unless it is NULL, to |arena|. False: memory is out.
bool pawl__reading_copy(struct pawl_arena *arena, struct pawl_str *text);

// A job: reads a page of |query| into |rows|.
void pawl__reading_search(struct pawl_job *job);

// Puts the answer of |verb| together from what was read and what is in memory, both in the order of
// the query. |*enough|: false when more has to be read, as so many of the rows that were read are
// otherwise in memory that the rest is no full page. With a scan it looks at memory for a moment
// only, as the loop has other work. False when memory is out.
bool pawl__reading_merge(struct pawl_reading *reading, struct pawl_search *verb, bool *enough);

// Tells the caller's |scan| that behind |place| nothing was looked at. False: memory is out.
bool pawl__reading_stop(struct pawl_scan *scan, const struct pawl_snapshot *place, uint64_t looked);

#endif
