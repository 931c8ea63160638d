#ifndef PAWL_TESTS_LOOPS_LOOPS_H
#define PAWL_TESTS_LOOPS_LOOPS_H

// One process with several loops, put together as the daemon is with --loops N (src/cli/inside.c):
//
//   workers, clients ─ connections ─► loop 0: node ─ neighbours ─┐
//                          │ doors      │ ▲ inboxes              ├─► one store, its two threads
//                          └──────────► loop 1, 2, …: the same ──┘
//
// What is real: node, siblings, neighbours, storage, doors, all of the runtime, and the memory
// store. What is not: time, and which loop or thread goes on next. That comes from a seed, so the
// same seed is the same world. One goes on at a time, for a turn; another may have any number of
// turns meanwhile. Sockets are not there: people do what they do in a turn of their loop.
//
// What goes wrong: loops lag, for a moment or for longer than leases last, and so do the one that
// lends an activity and the one that it is lent to; workers leave with
// answers on their way, or come over another connection; clients give up; shards move; commits
// fail; another daemon is told of that is not there; all ends in the middle, each loop in its own
// time, and begins anew on the same store. Then comes a calm.
//
// A world ends the program with "broken: <invariant>: ..." when one of these does not hold:
//
//   a_loop_touches_only_its_own        handles, jobs, calls and workers are used on their loop
//   nothing_ended_is_touched           memory that was freed; heap.c
//   a_connection_is_at_one_loop        that was handed over: it enters there, or is closed
//   every_call_is_answered_once        of clients and workers
//   an_answer_finds_its_work           while nothing goes wrong, at whichever loop it arrives
//   work_is_with_one_worker            while nothing goes wrong
//   acknowledged_result_never_runs_again
//   a_message_has_its_effect_once      each child runs once, each activity ends once
//   no_work_starves                    in the calm all that was begun ends
//   a_stop_ends_all                    soon, on every loop

#include "../sim/handles.h"
#include "base/arena.h"
#include "base/clock.h"
#include "net/door.h"
#include "runtime/neighbours.h"
#include "runtime/node.h"
#include "runtime/shared.h"

enum {
    LOOPS = 4, // at most
    SHARDS = 6,
    WORKERS = 3,
    CLIENTS = 3,
    PARENTS = 10,
    CHILDREN = 2, // of a parent
    TASKS = 2,    // activities of a child
    LIMIT = 16,   // of a worker, at most
    ITEMS = 64,   // that it has: shards that move leave it what was theirs
    JOBS = 4,     // of a loop: its inbox, its parts of the store's threads
    ACTIVITIES = PARENTS * CHILDREN * TASKS,
    CONNECTIONS = 2 * WORKERS + CLIENTS,
};

// A connection of somebody's.
struct connection {
    enum {
        CONNECTION_NONE,
        CONNECTION_WAITS, // it was handed over, and has not entered yet
        CONNECTION_HERE
    } state;
    struct loop *loop; // that has it, or that it was handed to
};

// A call that came over a connection; freed when it is over.
struct call {
    union {
        struct pawl_call call;
        struct pawl_start start;
        struct pawl_look look;
        struct pawl_read_history history;
        struct pawl_turn_result turn;
        struct pawl_activity_result activity;
    };
    struct pawl_link link; // in its loop's
    struct loop *loop;
    struct connection *connection;
    struct pawl_arena arena;
    // Called once. |error| code PAWL_E_CANCELED: the connection has gone, and nobody knows.
    void (*over)(struct call *call, const struct pawl_error *error);
    void *person;
    int64_t given_at; // when the work was given that it answers
    int number;       // of the activity or parent; -1: none
};

struct loop {
    uv_loop_t uv; // |data|: this
    size_t index;
    struct sim_handles handles;
    int64_t next_at; // when it has something to do
    int64_t lags_until;
    struct pawl_jobs *jobs[JOBS]; // whose |done| is called here
    size_t job_count;
    enum {
        LOOP_DOWN,
        LOOP_UP,
        LOOP_ENDING, // calls have a little time to end
        LOOP_CLOSING
    } state;
    bool told_to_end;
    int64_t grace_until;
    struct pawl_link calls; // struct call
    struct pawl_storage storage;
    struct pawl_sibling *sibling;
    struct pawl_neighbours neighbours;
    struct pawl_round round; // that goes round all loops, if it is on its way
    bool goes_round;
    struct pawl_node *node;
    struct pawl_door door;
    bool has_door;
    struct pawl_peers absent;    // how other processes are reached: nobody is there
    struct pawl_link unanswered; // struct absent_call
    unsigned serves;             // a bit for each shard
};

struct world {
    uint64_t seed, random;
    int64_t now;     // nanoseconds
    struct loop *at; // which goes on; NULL: a thread, or nobody
    bool making;     // no loop runs yet
    bool calm, trace;
    bool quiet;          // loops lag a little, and no more
    bool sleepy;         // loops sleep with what they have lent, and others could do it as well
    int64_t sleeps_at;   // when the next one may
    struct loop *lender; // that has lent an activity in this turn; NULL: none
    size_t count;        // of the loops
    struct loop loops[LOOPS];
    struct pawl_jobs *threads[2]; // of the store
    struct pawl_store *store;
    struct pawl_store_ops ops;
    enum {
        COMMITS_WELL,
        COMMITS_FAIL_BEFORE, // nobody knows, and nothing was done of the next one
        COMMITS_FAIL_AFTER   // nobody knows, and it was done
    } commits;
    struct connection connections[CONNECTIONS];
    int64_t upset_at; // when something has gone wrong last
    bool acked[ACTIVITIES], completed[PARENTS];
    int64_t given_at[ACTIVITIES]; // last; 0: never
    unsigned long turns, stops;
    int64_t started_at; // when the process has begun, or all of it has ended
};

extern struct world world;

void broken(const char *invariant, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));
// Something goes wrong: what is given out before, and soon after, may be lost.
void upset(void);
// Nothing has gone wrong since |time|, or soon before it.
bool is_settled(int64_t time);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

// heap.c: watches memory that was freed, from now on.
void heap_watch(void);

// --- schedule.c: time, chance, and whose turn it is ---------------------------------------------

unsigned below(unsigned limit);

// Lets one that can go on do so, or time pass until one can.
void schedule_step(void);

// A thread is in the middle of something. What is not a thread goes on for some turns.
void schedule_meanwhile(void);

// Whether |loop| could go on now if it had something to do.
bool schedule_is_free(const struct loop *loop);
// The same, and others have told it something that it has not taken notice of.
bool schedule_is_told(const struct loop *loop);

// --- process.c -----------------------------------------------------------------------------------

void process_begin(void);
bool process_runs(void); // any loop of it
void process_stop(void);
void process_turn(struct loop *loop); // what is of no handle and no job
bool process_wants(const struct loop *loop);
int64_t process_next(const struct loop *loop); // when it will; INT64_MAX: never

// Begins a round at |loop|, which goes on.
void process_go_round(struct loop *loop);

// A connection is made to the port. False: nobody listens.
bool process_connect(struct connection *connection);

// Ends it, on its loop: nobody waits for its calls any more.
void process_hang_up(struct connection *connection);

// A call that has come over |connection|, which is here. The caller fills it, and begins it.
struct call *call_new(struct connection *connection, void *person,
                      void (*over)(struct call *call, const struct pawl_error *error));
void call_begin(struct call *call);
// The same with an answer of a worker, whose encoded text is |bytes|.
void call_begin_answer(struct call *call, struct pawl_str bytes);

// --- workers.c, clients.c
// -------------------------------------------------------------------------

void workers_begin(void);
// Their work streams on |loop| end, as the loop does.
void workers_end_streams(struct loop *loop);
// Whether a worker that runs activities is at another loop than these two.
bool workers_work_elsewhere(const struct loop *one, const struct loop *other);
// One that can act now does so, if there is one. |*next|: when the next one will.
void workers_act(unsigned worker);
int64_t workers_next(unsigned worker);
void worker_trouble(void);

void clients_begin(void);
void clients_act(unsigned client);
int64_t clients_next(unsigned client);
bool clients_are_content(void); // all that was to be started has completed
// Reads all histories. True: they have all been read, and are right.
bool clients_check(void);

#endif
