#ifndef PAWL_TESTS_SIM_SIM_H
#define PAWL_TESTS_SIM_SIM_H

// Engine and runtime as users run them, in a world where all that is not theirs is simulated.
//
//   clients ─┐            ┌─ daemon 1: pawl_taskhub_call, pawl_worker ──► runtime ──► engine ─┐
//            ├─ network ──┤      on a loop, a clock, threads and a heap of its own            ├─►
//            disk
//   workers ─┘            └─ daemon 2, 3: the same, waiting for the lease, or thinking        │
//                            that they still have it ─────────────────────────────────────────┘
//                                                                                             │
//   model ◄──────── each record that the disk took, in its order (and a shard of its own) ◄───┘
//
// The program links the rooms themselves, and brings at link time the few symbols with which they
// touch the world: clocks and randomness (base/clock.h), the blocking thread (runtime/jobs.h),
// some functions of libuv, and malloc. So no line of src/ knows of the simulation.
//
// All is events in virtual time, drawn from one seed. A crash of a daemon is a jump out of whatever
// it does: at any allocation, look at the clock, or call to the outside, after which its heap is
// freed as a whole. The disk is the memory store, with faults before and after each call.
//
// The model sees what each commit brought, before the daemon hears of it. It knows what the log
// holds and nothing else, and whatever leaves a daemon is compared with it.

#include <setjmp.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "handles.h"
#include "observe/feed.h"
#include "runtime/node.h"
#include "runtime/taskhub.h"

enum {
    SIM_DAEMONS = 3,
    SIM_WORKERS = 4,
    SIM_CLIENTS = 6,
    SIM_ITEMS = 16,   // that a worker has in hand
    SIM_KEPT = 8,     // histories that a worker keeps
    SIM_ENDS = 8,     // ends of one id that are remembered
    SIM_KEYS = 4,     // of user state
    SIM_SECONDS = 60, // that a world may take
};

// The kinds of trouble. Each can be switched off: --without crash,steal
#define SIM_FAULT_MAP(X)                                                                           \
    X(MEMORY, "memory")      /* one allocation of a daemon fails */                                \
    X(CRASH, "crash")        /* of a daemon, anywhere in its code */                               \
    X(TEAR, "tear")          /* power fails during a commit, which is then whole, cut or absent */ \
    X(FAIL_BEFORE, "before") /* a commit fails, and did not happen */                              \
    X(FAIL_AFTER, "after")   /* a commit fails, and did happen */                                  \
    X(FAIL_LATE, "late")     /* a commit fails, and happens later */                               \
    X(FULL, "full")          /* the disk is full for a while */                                    \
    X(READ, "read")          /* a read or a lease fails */                                         \
    X(SLOW, "slow")          /* a call to the disk takes long */                                   \
    X(STEAL, "steal")        /* a lease is lost while its holder runs */                           \
    X(RESTART, "restart")    /* a daemon is closed in order */                                     \
    X(CLOCK, "clock")        /* a wall clock is set */                                             \
    X(WORKER, "worker")      /* a worker dies, or its stream ends */                               \
    X(CLIENT, "client")      /* a client loses patience */                                         \
    X(DROP, "drop")          /* a message is lost */                                               \
    X(DUPLICATE, "duplicate") /* a request arrives twice */                                        \
    X(DELAY, "delay")         /* a message is overtaken by later ones */

enum sim_fault {
#define X(name, text) SIM_##name,
    SIM_FAULT_MAP(X)
#undef X
    SIM_FAULTS
};

struct sim_options {
    uint64_t seed;
    unsigned long steps; // events until the trouble ends
    unsigned ids;        // that clients use
    unsigned without;    // a bit for each fault
    bool trace;          // tells what happens
    const char *about;   // only what is about this id; NULL: all
};

struct sim_counts {
    unsigned long worlds, steps, points, faults[SIM_FAULTS], commits, recoveries, starts, turns,
        activities, timers, ended, stalls, reads, lists, snapshots, late_results, retained, told,
        dropped, reruns, passed, changes;
};

// --- chance.c -----------------------------------------------------------------------------------

uint64_t sim_random(void);
unsigned sim_below(unsigned limit);
bool sim_chance(unsigned permille);
bool sim_fault(enum sim_fault fault, unsigned permille); // also counts it; never in calm weather
int64_t sim_time(int64_t typical);                       // from a tenth to several times of it

// --- events -------------------------------------------------------------------------------------

struct sim_daemon;

struct sim_event {
    int64_t at;
    uint64_t number;
    void (*run)(struct sim_event *event);
    struct sim_daemon *daemon; // runs inside of it, unless it has crashed since; NULL: outside
    unsigned incarnation;
    unsigned a, b;
    void *data;               // the receiver's to free
    void (*drop)(void *data); // when the daemon has crashed; NULL: nothing to free
};

// Runs |event| at its time. |at|: from now, nanoseconds.
struct sim_event *sim_after(int64_t at, void (*run)(struct sim_event *event));
struct sim_event *sim_after_in(struct sim_daemon *daemon, int64_t at,
                               void (*run)(struct sim_event *event));

// --- daemon.c, loop.c ---------------------------------------------------------------------------

enum sim_state {
    SIM_DOWN,
    SIM_UP,
    SIM_CLOSING
};

struct sim_thread {
    struct pawl_jobs *thread;
    int64_t free_at;
};

// What is to happen to a daemon, wherever its code is then.
struct sim_fate {
    long crash; // touches until it crashes; 0: it does not
    long want;  // allocations until one fails
};

struct sim_daemon {
    unsigned number, incarnation;
    enum sim_state state;
    uv_loop_t loop;
    struct pawl_store store;
    struct pawl_storage storage;
    struct pawl_node *node;
    struct sim_handles handles;
    struct sim_thread threads[2];
    size_t thread_count;
    int64_t loop_at;           // of the next turn of the loop; INT64_MAX: none
    int64_t wall_offset;       // of its wall clock
    int64_t wall_most;         // that this incarnation has seen
    struct pawl_link blocks;   // its heap
    struct pawl_link sessions; // of workers
    struct pawl_link servings; // open calls
    struct sim_fate fate;
    bool refused; // memory, in this incarnation
    struct pawl_feed feed;
    struct pawl_feed_reader reader; // of it, when |reads|
    bool reads;
    size_t told_from, told_to; // the next change that it is told lies between these
    jmp_buf crash;
};

void sim_daemon_start(struct sim_daemon *daemon);
void sim_daemon_close(struct sim_daemon *daemon);
// Ends it here and now. Does not return when called from inside of it.
void sim_daemon_crash(struct sim_daemon *daemon, const char *why);
// Runs |event| inside its daemon.
void sim_daemon_run(struct sim_event *event);
// Whether its lease is the newest: nobody else can have changed anything.
bool sim_daemon_owns(const struct sim_daemon *daemon);
struct pawl_residency *sim_daemon_home(const struct sim_daemon *daemon); // of its only shard

void sim_loop_wake(struct sim_daemon *daemon, int64_t at);
int64_t sim_wall(const struct sim_daemon *daemon);
// Counts down to a crash.
void sim_touch(void);
// Whether the allocation that is asked for fails.
bool sim_want(void);
// Puts off what is to happen, for the world's own doings inside a daemon, until it is given back.
struct sim_fate sim_spare(struct sim_daemon *daemon);

// --- heap.c -------------------------------------------------------------------------------------

// Whose heap is used from now on; NULL: the world's. Gives the one before.
struct sim_daemon *sim_enter(struct sim_daemon *daemon);
void sim_heap_drop(struct sim_daemon *daemon);
size_t sim_heap_count(const struct sim_daemon *daemon);

// --- disk.c -------------------------------------------------------------------------------------

struct sim_disk {
    struct pawl_store *memory;
    bool held;
    struct pawl_lease lease; // the newest
    struct sim_daemon *holder;
    unsigned incarnation; // of the holder
    bool stuck;           // giving the lease back has failed
    bool is_server;       // it may block, and gives several instances at once
    int64_t typical;      // nanoseconds of a commit
    int64_t full_until;   // no room until then
};

extern const struct pawl_store_ops sim_disk_ops, sim_server_ops;
void sim_disk_open(void);
void sim_disk_close(void);
// The holder's lease is given up, now or when it would have expired.
void sim_disk_release(struct sim_daemon *daemon, int64_t after);

// --- model.c ------------------------------------------------------------------------------------

// What the log says of an id.
struct sim_id {
    char *name;
    bool exists, completed, upset; // upset: terminated or purged once, it or its like
    bool terminated;               // since it was created
    bool purge_canceled;           // a client has once lost patience with a purge of it
    uint64_t changed;              // |records| when it last came to be or went
    int64_t created_at;            // 0: it does not exist
    unsigned creates, purges, completions;
    uint64_t generation;   // of the last run
    char *program, *input; // of the last start
    char *passed;          // to it, of who called it: see passed.c
    char events[64];       // the first raised items since then, as a result has them
    unsigned items, goes;  // raised since then
    struct {
        int32_t status;
        char result[64];
    } ends[SIM_ENDS]; // a ring
};

// Something that a workflow told another and that is not in the log yet; the model's.
struct sim_told {
    char target[40], data[24];
    bool ends;
};

struct sim_model {
    struct pawl_shard mirror;
    struct pawl_map ids;          // struct sim_id
    uint64_t records;             // that the log ever held
    int64_t stamp;                // of the last event that a client raised
    uint64_t stamp_epoch;         // under which it was
    struct pawl_map acked;        // keys of results that the log holds; key and value are one
    unsigned *delivered, *logged; // by tag
    char (*asked)[40];            // the id that it was about, by tag
    struct sim_told *told;        // from |told_first| on: in the order of their arrival
    size_t told_first, told_count, told_cap;
    size_t tags;
    struct sim_move {
        uint64_t record;
        struct sim_id *id;
        int64_t before; // its |created_at|
    } * moves;          // in the order of lists
    size_t move_count, move_cap;
    struct sim_change *changes; // all that the log ever had
    size_t change_count, change_cap;
};

struct sim_change {
    uint64_t position;
    const struct sim_id *id;
    enum pawl_change change;
};

void sim_model_open(void);
void sim_model_close(void);
// The disk took |commit| of |daemon|. |now|: as it was asked for, not later.
void sim_model_commit(struct sim_daemon *daemon, const struct pawl_commit *commit, bool now);
// |daemon| has read the shard and is about to serve.
void sim_model_recovered(struct sim_daemon *daemon);
struct sim_id *sim_model_id(struct pawl_str name);                // made when it is new
const struct pawl_instance *sim_model_find(struct pawl_str name); // NULL: it does not exist
const struct pawl_instance *sim_model_unfinished(void);
const struct pawl_instance *sim_model_due(int64_t now); // to be purged as its time is over
bool sim_same_instance(const struct pawl_instance *a, const struct pawl_instance *b);

// --- told.c -------------------------------------------------------------------------------------

// A turn's |response| is in the log, and has made of |instance| what it is now. |generation|: that
// of before.
void sim_told_turn(const struct pawl_instance *instance, uint64_t generation,
                   const Pb__WorkflowResponse *response);
// An event that somebody told |id| is in the log: of a client, or of a workflow.
void sim_told_event(const char *id, const char *data, bool ends);
// The batch is whole: all that was told has arrived.
void sim_told_batch(void);
// Whether |id|, which is |instance|, is |ancestor| or a descendant of it.
bool sim_told_descends(const char *id, const struct pawl_instance *instance, const char *ancestor);

// --- passed.c -----------------------------------------------------------------------------------

// |instance| is as a record of its start has made it; of a rerun.
void sim_passed_create(const struct pawl_instance *instance);
void sim_passed_rerun(const struct pawl_instance *instance);

// What the generation gets that follows on |instance|, which is as it was before the turn that saw
// |inbox_events|; and that it got it. In |sim.arena|.
char *sim_passed_next(const struct pawl_instance *instance, uint32_t inbox_events);
void sim_passed_continue(const struct pawl_instance *instance, const char *expected);

// |daemon| gives |work| to a worker.
void sim_passed_item(const struct sim_daemon *daemon, const Pb__WorkItem *work);

// --- feed.c -------------------------------------------------------------------------------------

// Of |daemon|, which starts: opens its feed; later closes it.
void sim_feed_open(struct sim_daemon *daemon);
void sim_feed_close(struct sim_daemon *daemon);
// A record of the batch at |position| is in the log.
void sim_feed_logged(uint64_t position, const struct sim_id *id, enum pawl_change change);
// The world is at rest: who reads |daemon|'s feed has been told all.
void sim_feed_check(struct sim_daemon *daemon);

// --- net.c: calls -------------------------------------------------------------------------------

// A request on its way.
struct sim_message {
    enum pawl_taskhub_method method;
    unsigned client; // or worker
    unsigned number; // of the request; also its tag
    unsigned session;
    char id[40], name[16], text[24];
    bool flag, force, without_start;
    int64_t start_at;
    int64_t created_at;    // where a list goes on, with |id|
    struct pawl_buf bytes; // an encoded response of a worker
    char token[36], execution[40];
    int32_t task;
};

// A call that a daemon is at. Its own memory.
struct sim_serving {
    struct pawl_link link;
    struct sim_daemon *daemon;
    struct sim_message message;
    struct pawl_arena arena;
    struct pawl_taskhub_call call;
    // When it arrived:
    struct sim_id *id;
    uint64_t records;
    unsigned creates, purges, completions;
    uint64_t generation;
    bool existed, completed, owned, in_hand;
};

void sim_send(const struct sim_message *message, struct sim_daemon *to);
// Takes back what a client has lost patience with.
void sim_cancel(struct sim_daemon *daemon, unsigned number);
unsigned sim_new_number(void);

// check.c: whether an answer says what the log allows. |error| NULL: success.
void sim_check_answer(struct sim_serving *serving, const struct pawl_error *error);

// --- client.c, worker.c, state.c ----------------------------------------------------------------

struct sim_client {
    unsigned waits_for; // number of the open request; 0: none
    unsigned daemon;    // that it talks to
    char next_id[40];   // that it asks about next, as it has purged or started it; or empty
    enum pawl_taskhub_method next;
};

struct sim_item {
    bool used;
    bool turn, answered;
    char id[40], execution[40];
    int32_t task;
    unsigned session, request;
    struct pawl_buf bytes; // the work item
    uint64_t history;      // hash of the history before the turn, as the daemon has it
    struct sim_message *result;
};

// The history of an instance, as a worker that keeps it has it.
struct sim_kept {
    char id[40], execution[40];
    struct pawl_buf events; // as in WorkflowRequest
};

struct sim_worker {
    bool versions;
    unsigned session; // 0: none; each connection has another
    unsigned daemon;
    struct sim_item items[SIM_ITEMS];
    bool keeps; // histories
    struct sim_kept kept[SIM_KEPT];
    size_t next_kept;
};

// A worker's stream in a daemon; the daemon's memory.
struct sim_session {
    struct pawl_link link;
    struct pawl_worker worker;
    struct sim_daemon *daemon;
    unsigned number, index; // of the session, of the worker
    struct pawl_link given; // struct sim_given
};

void sim_clients_begin(void);
void sim_client_answer(const struct sim_message *message, enum pawl_err code);
// In calm weather: lets what waits go on.
void sim_clients_help(void);

void sim_workers_begin(void);
void sim_worker_answer(const struct sim_message *message, enum pawl_err code);
void sim_worker_kill(struct sim_worker *worker);
void sim_worker_break(struct sim_worker *worker);
void sim_workers_follow(void);  // to the daemon that has the lease
void sim_workers_upgrade(void); // all connect anew, with the code of all versions
// Whether the session still has in hand what |message| answers; then it no longer has.
bool sim_session_take(struct sim_daemon *daemon, const struct sim_message *message);
void sim_session_end(struct sim_session *session); // detaches it
void sim_workers_end(void);

// A key of user state: its value, and those that it had.
struct sim_value {
    unsigned now, changes, recent[SIM_ENDS];
};

void sim_state_begin(void);
void sim_state_committed(const struct pawl_state_tx *tx);

// --- kept.c -------------------------------------------------------------------------------------

// Puts what |worker| keeps in front of what |item| brings. False: it has it no longer.
bool sim_kept_complete(struct sim_worker *worker, struct sim_item *item);
void sim_kept_drop(struct sim_worker *worker);
uint64_t sim_hash_bytes(uint64_t hash, struct pawl_str bytes);

// --- program.c ----------------------------------------------------------------------------------

// Runs a turn: the encoded answer goes to |out|. |versions|: it has the code of all versions.
// False: the history is not what a history can be; |*why| begins with the invariant.
bool sim_worker_turn(const Pb__WorkflowRequest *request, const char *token, bool versions,
                     struct pawl_arena *arena, struct pawl_buf *out, const char **why);

// Runs an activity.
void sim_worker_activity(const Pb__ActivityRequest *request, struct pawl_arena *arena,
                         Pb__ActivityResponse *out);

extern const char *const sim_programs[]; // that clients start; ended by NULL

// --- expected.c ---------------------------------------------------------------------------------

// What the workflow |name| with |input| ends with, if nobody interferes. |events|: the items that
// were raised.
const char *sim_expected(const char *name, const char *input, const char *events,
                         struct pawl_arena *arena);

// --- trace.c ------------------------------------------------------------------------------------

// Goes into the world's hash, and is printed when it is about the id that is asked for. |id| NULL:
// about all.
void sim_trace(const char *id, const char *format, ...) __attribute__((format(printf, 2, 3)));

// An invariant does not hold.
void sim_fail(const char *invariant, const char *id, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// --- world.c ------------------------------------------------------------------------------------

struct sim_failure {
    char invariant[64], id[64], text[512];
    unsigned long step;
};

struct sim {
    struct sim_options options;
    struct sim_counts counts;
    uint64_t random;
    uint64_t hash;
    unsigned long step;
    int64_t now;  // virtual
    int64_t cost; // nanoseconds that the running piece of code has taken
    bool calm, closing, reading, failed;
    unsigned fault_every; // steps
    struct sim_failure failure;
    struct sim_event **events; // a heap
    size_t event_count, event_cap;
    uint64_t event_number;
    unsigned numbers, sessions;
    struct sim_daemon daemons[SIM_DAEMONS];
    struct sim_daemon *current; // whose heap is used
    struct sim_daemon *running; // whose code is on the stack
    struct sim_disk disk;
    struct pawl_retention retention;
    size_t batch_most; // bytes of a batch that takes no more commands; 0: the usual
    struct sim_model model;
    struct sim_worker workers[SIM_WORKERS];
    struct sim_client clients[SIM_CLIENTS];
    struct sim_value values[SIM_KEYS];
    struct pawl_arena arena; // scratch of one event
};

extern struct sim sim;

// Runs the world of |options|. False: an invariant did not hold; sim.failure tells which.
bool sim_run(const struct sim_options *options);

// --- shrink.c -----------------------------------------------------------------------------------

// Tells how |options| fail; unless |brief|, finds less trouble with which they still fail in the
// same way, and tells the end of it.
void sim_shrink(const struct sim_options *options, bool brief);

extern const char *const sim_fault_names[SIM_FAULTS];

#endif
