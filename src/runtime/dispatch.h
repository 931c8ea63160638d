#ifndef PAWL_RUNTIME_DISPATCH_H
#define PAWL_RUNTIME_DISPATCH_H

// Work for workers: ready work goes to a stream that has room; the work of a lost stream is ready
// again. One dispatch serves all shards of an app that this process has.
//
//   ready ──► (parked: nobody is there who may have it yet) ──► given out ──► answered
//     │                                                            │
//     └─────► (waiting: there are workers for it, none with room)  └─► the worker is lost: ready

#include "runtime/ceilings.h"
#include "runtime/residency.h"
#include "runtime/waiting.h"

// Which dialect of the durable task protocol a worker speaks. Unless it is known to be Dapr's, its
// turns are plain (see struct pawl_turn_to). Unless it is known to be Microsoft's, its answers are
// read as Dapr's.
enum pawl_dialect {
    PAWL_DIALECT_DAPR,
    PAWL_DIALECT_UNKNOWN,
    PAWL_DIALECT_MICROSOFT
};

// One stream of work items. The caller's memory, from attach to detach.
struct pawl_worker {
    // Takes an encoded WorkItem; copies what it keeps. False: the worker is as good as gone, and
    // the item is offered elsewhere.
    bool (*deliver)(struct pawl_worker *worker, struct pawl_str item);
    // The runtime has lost its state, and with it the worker's items: the caller should end the
    // stream and detach the worker, so that the worker connects anew.
    void (*reset)(struct pawl_worker *worker);
    // Whether the worker has the workflow (|turn|) or activity |name|. NULL: it does not say, and
    // is given the names that no worker says it has. Stays the same while the worker is attached.
    bool (*serves)(const struct pawl_worker *worker, bool turn, struct pawl_str name);
    // Names them one by one: begin with |*at| 0; NULL at the end. Set if |serves| is.
    const char *(*names)(const struct pawl_worker *worker, bool turn, size_t *at);
    size_t limit; // most items in flight; 0: no limit
    // It keeps the history events that it is given (WORKER_CAPABILITY_STATEFUL_HISTORY). Of an
    // instance that it had before, it is given the newer events only. If it has dropped the others,
    // it asks for them with pawl_read_history.
    bool keeps_history;
    enum pawl_dialect dialect;
    size_t message; // bytes of the largest message that it takes; 0: as this daemon
    bool paused;    // set while what was delivered has not been taken; see pawl__dispatch_ready
    // It is attached to another daemon of the app, which borrows for it (lend.h). It gets work for
    // which no worker of this daemon has room, and no more than was asked for.
    bool remote;
    uint32_t credit[2]; // of activities, of turns
    uint32_t both;      // of all together
    void *data;

    /* private */
    struct pawl_link link, items;
    size_t in_flight;
    size_t reserved; // room that was promised to others (borrow.h)
    uint64_t number; // no other has, or had, the same
};

// Something that is with a worker. Its key is the instance's id and the task's, as older SDKs
// answer without the token.
struct pawl_item {
    struct pawl_link link; // in the worker's items
    struct pawl_worker *worker;
    struct pawl_residency *home;
    struct pawl_instance *instance; // a reference
    uint64_t generation;            // of the instance
    int32_t task_id;                // PAWL_ITEM_TURN: a turn
    struct pawl_ceiling *ceiling;   // of its name; NULL: there is none
    bool heard;                     // its worker has answered, if there are ceilings
    uint64_t number;                // of the delivery
    int64_t began;                  // steady: when it was given
    char token[32];                 // that goes to the worker
    size_t key_len;
    char key[];
};

enum {
    PAWL_ITEM_TURN = -1
};

// What is counted for who looks.
struct pawl_dispatch_meters {
    uint64_t turns, activities;           // given to workers
    uint64_t whole;                       // turns with all of the history, to be replayed
    uint64_t lost_turns, lost_activities; // made ready again: their workers went, or gave no answer
                                          // that could be taken
};

// Who has to do with the same workers (guests.h, lend.h, borrow.h). Each function may be NULL.
struct pawl_dispatch_extra {
    struct pawl_link link;
    void (*pump)(struct pawl_dispatch_extra *extra);    // gives out what it can
    void (*settled)(struct pawl_dispatch_extra *extra); // all has been given out that can be
    void (*lost)(struct pawl_dispatch_extra *extra, struct pawl_worker *worker);
    // Whether a worker that takes messages of so many bytes may come.
    bool (*expects)(const struct pawl_dispatch_extra *extra, size_t message);
    // Whether what was given out of |home| may yet come to a worker that does not have it.
    bool (*keeps)(const struct pawl_dispatch_extra *extra, const struct pawl_residency *home);
    void *data;
};

struct pawl_dispatch {
    struct pawl_link extras;
    bool extra_first; // they take turns, so that neither keeps the other from workers
    const struct pawl_node_options *options;
    const struct pawl_log *log;
    struct pawl_ceilings *ceilings; // NULL: the app has none
    struct pawl_link departed;      // items that are of no shard here any more, and still out
    struct pawl_link workers;
    uint64_t last_worker;              // pawl_worker.number
    size_t worker_count, remote_count; // here; at other daemons
    size_t choosy_count;               // of both: they say what they serve
    // Bytes of the largest message that each worker takes, and that any does, be it one of another
    // daemon that has not asked yet: the largest of those take |others_message|.
    size_t least, message, others_message;
    size_t least_count, most_count;      // workers that take |least|, |message|; and those others
    bool had_silent;                     // a worker that does not say was here
    bool others_may_serve;               // workers of other daemons that have not asked yet
    int64_t workers_changed;             // steady
    struct pawl_queue turns, activities; // ready to be given to a worker
    struct pawl_queue parked_turns, parked_activities;     // until workers come or go
    struct pawl_queue held;                                // turns, until a worker comes
    struct pawl_waiting waiting_turns, waiting_activities; // until one of their workers has room
    bool regroup;                                          // workers have come or gone
    struct pawl_map items;                                 // key -> struct pawl_item
    size_t out[2];      // activities, turns that are with workers of this daemon
    size_t reserved[2]; // room for them that was promised to others (borrow.h)
    size_t lent;        // items that are with workers of other daemons
    int64_t turn_time;  // nanoseconds that workers take for one, on a moving average
    struct pawl_dispatch_meters meters;
    struct pawl_buf item_bytes; // the work item under construction
    int64_t leased_until;       // of the shard that it is of; see there
    struct pawl_buf key_bytes;  // scratch
    uint64_t next_token;
    char token_prefix[12];
    bool pumping, settling, again;
};

// |ceilings| may be NULL, and outlive it.
void pawl__dispatch_init(struct pawl_dispatch *dispatch, const struct pawl_node_options *options,
                         struct pawl_ceilings *ceilings);
void pawl__dispatch_finish(struct pawl_dispatch *dispatch);

void pawl__dispatch_attach(struct pawl_dispatch *dispatch, struct pawl_worker *worker);

// What the worker had in hand is offered to others.
void pawl__dispatch_detach(struct pawl_dispatch *dispatch, struct pawl_worker *worker);

// Makes |effect| of |home| ready, and takes its reference over: a turn, or an activity that the log
// holds.
void pawl__dispatch_add(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                        struct pawl_effect effect);

// Notes that the turn of |instance| is held until a worker connects, if it is.
void pawl__dispatch_hold(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                         struct pawl_instance *instance);

// The worker's |paused| is no longer set, or its |limit| has changed.
void pawl__dispatch_ready(struct pawl_dispatch *dispatch, struct pawl_worker *worker);

// Gives what is ready to workers that have room.
void pawl__dispatch_pump(struct pawl_dispatch *dispatch);

// Workers of other daemons take messages of up to so many bytes; 0: there are none. What was held
// is offered again when they take more than before.
void pawl__dispatch_others(struct pawl_dispatch *dispatch, size_t message);

// Looks again at what no worker was there for, and forgets what is held no longer. To be called now
// and then.
void pawl__dispatch_unpark(struct pawl_dispatch *dispatch);

// Forgets all that is of |home|, whose state is being dropped.
void pawl__dispatch_forget(struct pawl_dispatch *dispatch, const struct pawl_residency *home);

// Whether something of |home| is on its way to a worker: its shard is not to be given away yet.
bool pawl__dispatch_keeps(const struct pawl_dispatch *dispatch, const struct pawl_residency *home);

// Asks all workers to connect anew.
void pawl__dispatch_reset(struct pawl_dispatch *dispatch);

// --- for other work ------------------------------------------------------------------------------

void pawl__dispatch_extend(struct pawl_dispatch *dispatch, struct pawl_dispatch_extra *extra);

// Something waits until workers have room, or for ones that are not there; not for ceilings.
bool pawl__dispatch_waits(const struct pawl_dispatch *dispatch);

// --- ceilings of the app -------------------------------------------------------------------------

// Whether one more turn or activity may go out, if its own name lets it.
static inline bool pawl__dispatch_is_open(const struct pawl_dispatch *dispatch, bool turn) {
    return !dispatch->ceilings || pawl__ceilings_are_open(dispatch->ceilings, turn);
}

static inline struct pawl_ceiling *pawl__dispatch_ceiling(const struct pawl_dispatch *dispatch,
                                                          bool turn, struct pawl_str name) {
    return dispatch->ceilings ? pawl__ceilings_find(dispatch->ceilings, turn, name) : NULL;
}

// lacking.c: notes what waits for a higher quota, after all was given out that could be.
void pawl__dispatch_note_lacking(struct pawl_dispatch *dispatch);

// --- who gets what: choose.c; giving it: give.c -------------------------------------------------

// A turn or activity |name| that is to be given out.
struct pawl_want {
    bool turn;
    struct pawl_str name;
    uint64_t keeper; // the number of the worker that has the history; 0: none
    size_t message;  // bytes of the messages that its worker has to take; 0: any does
};

enum pawl_choice {
    PAWL_CHOICE_GIVE,
    PAWL_CHOICE_WAIT,      // until one that may have it has room
    PAWL_CHOICE_PARK,      // until one connects
    PAWL_CHOICE_TOO_LARGE, // for all that may have it
};

// The worker for what is wanted; NULL: |*choice| says why there is none.
struct pawl_worker *pawl__choose(const struct pawl_dispatch *dispatch, const struct pawl_want *want,
                                 enum pawl_choice *choice);

// |want.message| for |size| bytes: the least limit of a worker that has room for them, or 0. What
// has the same can wait together.
size_t pawl__choose_limit(const struct pawl_dispatch *dispatch, size_t size);

// How many bytes of a message of at most |limit| are used (3.12 Payload-size guard).
static inline size_t pawl__message_room(size_t limit) {
    return limit / 100 * 95;
}

// The least limit that has room for |size| bytes.
static inline size_t pawl__message_limit(size_t size) {
    return (size + 94) / 95 * 100;
}

// Whether no worker is connected that may have a turn or an activity |name|.
bool pawl__choose_lacks(const struct pawl_dispatch *dispatch, bool turn, struct pawl_str name);

// Whether any worker has room.
bool pawl__choose_any(const struct pawl_dispatch *dispatch, bool turn);

// The worker of this daemon for one more activity |name|; NULL: none has room now.
struct pawl_worker *pawl__choose_for_activity(const struct pawl_dispatch *dispatch,
                                              struct pawl_str name);

// How many more turns or activities |worker|, which is of this daemon, may be given; SIZE_MAX:
// there is no limit.
size_t pawl__choose_room(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker,
                         bool turn);

// Something waits that |worker| could have if it had room.
bool pawl__choose_wanted(const struct pawl_dispatch *dispatch, const struct pawl_worker *worker);

// --- for answers of workers ----------------------------------------------------------------------

// Whether |token| went to a worker of Microsoft's dialect.
bool pawl__token_is_microsoft(struct pawl_str token);

// The item that an answer is for; NULL when there is none, or when |token| is of another delivery
// (empty: any).
struct pawl_item *pawl__dispatch_match(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                       struct pawl_str id, int32_t task_id, const char *token);

// Forgets an item that has been answered; makes one ready again whose answer could not be taken.
void pawl__dispatch_answered(struct pawl_dispatch *dispatch, struct pawl_item *item);
void pawl__dispatch_return(struct pawl_dispatch *dispatch, struct pawl_item *item);

// --- items: dispatch_items.c ---------------------------------------------------------------------

// The item of a turn or activity; NULL: none, or memory is out, with which |home|, if it is given,
// fails.
struct pawl_item *pawl__dispatch_find(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                      struct pawl_str id, int32_t task_id);

// Notes that |worker| is given the turn or activity |task_id|. NULL: memory is out.
struct pawl_item *pawl__dispatch_item_create(struct pawl_dispatch *dispatch,
                                             struct pawl_worker *worker,
                                             struct pawl_residency *home,
                                             struct pawl_instance *instance, int32_t task_id);

// The name of the workflow, or of the activity.
struct pawl_str pawl__dispatch_name_of(const struct pawl_instance *instance, int32_t task_id);

// Forgets |item|, which is under its key no more: nobody waits for it, but if there are ceilings it
// counts until its worker has answered or is gone.
void pawl__dispatch_depart(struct pawl_dispatch *dispatch, struct pawl_item *item);

// Notes that a worker has answered, whatever becomes of the answer: the shard may be on its way to
// another daemon. What has departed is out no more. True: so there is room, and it is time to pump.
bool pawl__dispatch_note_answered(struct pawl_dispatch *dispatch, struct pawl_str id,
                                  int32_t task_id, const char *token);

// Whether a worker of this daemon still has what departed.
bool pawl__dispatch_has_departed(const struct pawl_dispatch *dispatch, struct pawl_str id,
                                 int32_t task_id, const char *token);

// |worker| is gone; NULL: all are.
void pawl__dispatch_departed_lost(struct pawl_dispatch *dispatch, const struct pawl_worker *worker);

#endif
