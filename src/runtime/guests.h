#ifndef PAWL_RUNTIME_GUESTS_H
#define PAWL_RUNTIME_GUESTS_H

// Activities of other apps' workflows, for the workers of this one. They come in streams from the
// daemons of those apps (abroad.h), which keep them, and get their results.
//
//   stream ──► waiting ──► with a worker ──► answered: the result goes back by the stream's daemon
//                 ▲             │
//                 └─────────────┘ the worker is lost
//
// A worker has room for them as for its own app's: they count for its limit, and for the app's.

#include "base/map.h"
#include "runtime/dispatch.h"

// A stream. The caller's memory, from attach to detach.
struct pawl_guest_host {
    size_t count; // of its items
};

struct pawl_guest {
    struct pawl_link link;        // among those that wait, or those that are with workers
    struct pawl_guest_host *host; // NULL: its stream has ended, and nobody waits for it here
    struct pawl_worker *worker;   // NULL: it waits, or is gone while its result is on its way
    struct pawl_ceiling *ceiling; // of its name; NULL: there is none
    struct pawl_str item;         // the encoded WorkItem
    struct pawl_str id, name, token;
    int32_t task_id;
    bool answering; // its result is on its way: it is given to nobody else. The caller's
    char bytes[];
};

struct pawl_guests {
    struct pawl_dispatch_extra extra;
    struct pawl_dispatch *dispatch;
    struct pawl_link waiting, given;
    struct pawl_map by_token; // those that are with workers
    bool pumping;
};

// Those of |dispatch|'s workers.
void pawl__guests_init(struct pawl_guests *guests, struct pawl_dispatch *dispatch);
void pawl__guests_finish(struct pawl_guests *guests);

// Takes an encoded WorkItem of |host|. PAWL_E_INVALID: it is no activity; PAWL_E_NOMEM.
enum pawl_err pawl__guests_add(struct pawl_guests *guests, struct pawl_guest_host *host,
                               struct pawl_str item);

// Forgets what waits of |host|, which has ended. What is with workers stays until they answer.
void pawl__guests_leave(struct pawl_guests *guests, struct pawl_guest_host *host);

// What a worker answers; NULL: it is none of these. |token| may be empty, with an older SDK.
struct pawl_guest *pawl__guests_match(struct pawl_guests *guests, struct pawl_str id,
                                      int32_t task_id, struct pawl_str token);

// It has been answered.
void pawl__guests_answered(struct pawl_guests *guests, struct pawl_guest *guest);

#endif
