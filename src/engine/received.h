#ifndef PAWL_ENGINE_RECEIVED_H
#define PAWL_ENGINE_RECEIVED_H

// Which letters of other apps a shard has received. A letter is sent until its acknowledgement has
// come, so it may come twice, and the second time into another world: what it started has ended and
// was purged, or the id that was taken then is free now. So each is noted, in the commit that holds
// what it did, and a double does nothing.
//
//     sender's shard ── letters 5, 6, 7 ──► 5 is noted; 6 with "4 and less are gone for good": what
//                       of one origin       was noted of them is forgotten ...
//
// The letters of an origin, which is one lease of one shard of the sender's app, have ascending
// numbers. With each goes a floor: all letters of that origin with lesser numbers were acknowledged
// and are in no box any more. So what is remembered is what the sender still has, and one note for
// each origin; of the origins of a shard the last PAWL_ORIGINS are remembered, as a letter of an
// earlier one cannot be on its way any more: each had a process, or a connection, of its own.
//
// A sender whose store was put back to an earlier state has other origins from then on.
//
// The notes are rows in a box of the shard's own (store.h): the key is the sender's app, a zero,
// the origin and the number; the bytes are the floor.

#include "base/list.h"
#include "base/map.h"
#include "engine/message.h"

enum {
    PAWL_ORIGINS = 16,   // of one shard of another app
    PAWL_APP_MOST = 1000 // bytes of an app's id, of which there is at least one
};

// Zero-initialised it is empty and ready.
struct pawl_received {
    struct pawl_map lines;  // struct received_line, by app, zero and origin
    struct pawl_link order; // the same, in the order in which they began; unset when there is none
};

void pawl__received_finish(struct pawl_received *received);

// Notes a row of the box. PAWL_E_CORRUPT: it is none. PAWL_E_NOMEM.
enum pawl_err pawl__received_load(struct pawl_received *received, struct pawl_str key,
                                  struct pawl_str bytes, struct pawl_error *error);

// Whether the letter |crossing| of |app| was received before.
bool pawl__received_has(const struct pawl_received *received, const char *app,
                        const struct pawl_crossing *crossing);

// Notes that it was received now. |app| and |crossing->origin| have as many bytes as they may. The
// rows that this adds and takes away go into |bag|. PAWL_E_NOMEM: some of that may have been done.
enum pawl_err pawl__received_add(struct pawl_received *received, const char *app,
                                 const struct pawl_crossing *crossing, struct pawl_mailbag *bag);

#endif
