#ifndef PAWL_STORE_REDIS_INTERNAL_H
#define PAWL_STORE_REDIS_INTERNAL_H

#include <hiredis/hiredis.h>
#include <pthread.h>

#include "store/calls.h"
#include "store/redis/redis.h"

struct pawl_redis;

// --- a connection (conn.c) ----------------------------------------------------------------------

// Made when it is needed and after it was lost.
struct pawl_redis_link {
    redisContext *context; // NULL: not connected
    struct ssl_st *tls;    // NULL: without
    struct pawl_redis_address at;
    unsigned slot;  // of a cluster, whose node it leads to
    char name[280]; // of the server, for errors
    char why[160];  // the last call had no answer
};

bool pawl__redis_same_place(const struct pawl_redis_address *a, const struct pawl_redis_address *b);

// Connects to |at|, as to a sentinel or not, and says who we are.
enum pawl_err pawl__redis_dial(const struct pawl_redis *store, struct pawl_redis_link *link,
                               const struct pawl_redis_address *at, bool sentinel,
                               struct pawl_error *error);
void pawl__redis_drop(struct pawl_redis_link *link);

// Sends a command and waits for its answer. NULL: the connection is lost, |link->why| says how.
redisReply *pawl__redis_call_link(struct pawl_redis_link *link, size_t count, const char **words,
                                  const size_t *lens);

// Whether the server has closed the connection while nobody looked.
bool pawl__redis_is_dead(const struct pawl_redis_link *link);

// --- which server (place.c) ---------------------------------------------------------------------

// Connects |link| unless it is connected to the right server.
enum pawl_err pawl__redis_connect(struct pawl_redis *store, struct pawl_redis_link *link,
                                  struct pawl_error *error);

// --- words of commands and answers (words.c) ----------------------------------------------------

// The words of a command. What they point to outlives the command.
struct pawl_redis_args {
    const char **words;
    size_t *lens;
    size_t count, cap;
    struct pawl_arena arena; // of numbers as texts
    bool failed;
};

void pawl__redis_add(struct pawl_redis_args *args, struct pawl_str word);
void pawl__redis_add_uint(struct pawl_redis_args *args, uint64_t number);
void pawl__redis_add_int(struct pawl_redis_args *args, int64_t number);
void pawl__redis_args_finish(struct pawl_redis_args *args);

// The error that |reply| is, by its first word.
enum pawl_err pawl__redis_fail(const struct pawl_redis_link *link, const redisReply *reply,
                               struct pawl_error *error);

static inline struct pawl_str pawl__redis_str(const redisReply *reply) {
    bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    return is_text ? (struct pawl_str){reply->str, (size_t)reply->len} : (struct pawl_str){0};
}
static inline bool pawl__redis_is_nil(const redisReply *reply) {
    return reply->type == REDIS_REPLY_NIL;
}
// 0 when it is none.
uint64_t pawl__redis_uint(const redisReply *reply);

// --- asking (ask.c) -----------------------------------------------------------------------------

// Sends |args| and waits for the answer, which the caller frees. An answer that is an error becomes
// one, by its first word. |*sent|: whether the server may have carried the command out; after
// an answer that is an error it has not, unless the code is PAWL_E_IO.
enum pawl_err pawl__redis_ask(struct pawl_redis *store, struct pawl_redis_link *link,
                              const struct pawl_redis_args *args, redisReply **reply, bool *sent,
                              struct pawl_error *error);

// The same for what changes nothing: asked again once when the connection was lost.
enum pawl_err pawl__redis_read_at(struct pawl_redis *store, struct pawl_redis_link *link,
                                  const struct pawl_redis_args *args, redisReply **reply,
                                  struct pawl_error *error);
enum pawl_err pawl__redis_read(struct pawl_redis *store, const struct pawl_redis_args *args,
                               redisReply **reply, struct pawl_error *error);

// --- scripts (script.c) -------------------------------------------------------------------------

// The number of the layout that script.c describes: raised when an earlier Pawl must not write any
// more.
#define PAWL_REDIS_FORMAT "4"

enum pawl_redis_script {
    PAWL_REDIS_COMMIT,
    PAWL_REDIS_APPEND,
    PAWL_REDIS_SHARDS,
    PAWL_REDIS_LEASE,
    PAWL_REDIS_RENEW,
    PAWL_REDIS_RELEASE,
    PAWL_REDIS_HOLDERS,
    PAWL_REDIS_PUT_MEMBER,
    PAWL_REDIS_REMOVE_MEMBER,
    PAWL_REDIS_MEMBERS,
    PAWL_REDIS_LOAD,
    PAWL_REDIS_PAGE,
    PAWL_REDIS_PLACE,
    PAWL_REDIS_MAIL,
    PAWL_REDIS_SCRIPTS
};

// Begins the words of a call of |script|.
void pawl__redis_call(struct pawl_redis_args *args, const struct pawl_redis *store,
                      enum pawl_redis_script script);

// The same for keys of the caller's, |count| of them, which come next.
void pawl__redis_call_keys(struct pawl_redis_args *args, const struct pawl_redis *store,
                           enum pawl_redis_script script, size_t count);

// As pawl__redis_ask. A server that has lost the script is given it again.
enum pawl_err pawl__redis_run(struct pawl_redis *store, struct pawl_redis_link *link,
                              enum pawl_redis_script script, const struct pawl_redis_args *args,
                              redisReply **reply, bool *sent, struct pawl_error *error);

// As pawl__redis_read.
enum pawl_err pawl__redis_run_read(struct pawl_redis *store, enum pawl_redis_script script,
                                   const struct pawl_redis_args *args, redisReply **reply,
                                   struct pawl_error *error);

enum pawl_err pawl__redis_load_scripts(struct pawl_redis *store, struct pawl_error *error);

// --- the store ----------------------------------------------------------------------------------

struct pawl_redis_held {
    struct pawl_lease lease;
    struct pawl_redis_held *next;
};

struct pawl_redis_joined {
    struct pawl_redis_joined *next;
    char *app, *id; // with their lengths, as they may hold any byte
    size_t app_len, id_len;
};

struct pawl_redis {
    struct pawl_store base;
    struct pawl_redis_options options;
    char *texts;                                       // that the options point to
    struct pawl_redis_address seeds[PAWL_REDIS_SEEDS]; // the server, sentinels, or nodes
    size_t seed_count;
    char name[280];                     // of the server, for errors
    const char *prefix;                 // of our keys
    struct ssl_ctx_st *tls;             // NULL: without
    struct pawl_redis_cluster *cluster; // NULL: none
    struct pawl_redis_link writer, reader;
    char hashes[PAWL_REDIS_SCRIPTS][41]; // of the scripts
    struct pawl_redis_held *held;        // to be released at the end
    struct pawl_redis_joined *joined;
};

// --- rows of ours (row.c) -----------------------------------------------------------------------

// Adds |payload|, sealed.
void pawl__redis_add_row(struct pawl_redis_args *args, struct pawl_str payload,
                         struct pawl_error *result);

// Opens a row of ours (row.h). PAWL_E_CORRUPT with a text that names |what| and |id|.
enum pawl_err pawl__redis_unseal(const struct pawl_redis *store, struct pawl_str row,
                                 const char *what, struct pawl_str id, struct pawl_arena *arena,
                                 struct pawl_str *payload, struct pawl_error *error);

// The columns of |snapshot| as the payload of a row. False: memory is out.
bool pawl__redis_put_columns(struct pawl_buf *out, const struct pawl_snapshot *snapshot);

// Reads columns from |row|, which a reply has, into |arena|.
enum pawl_err pawl__redis_read_columns(struct pawl_redis *store, struct pawl_str id,
                                       struct pawl_str row, struct pawl_arena *arena,
                                       struct pawl_snapshot *out, struct pawl_error *error);

// --- calls of the store -------------------------------------------------------------------------

PAWL_STORE_CALL(shards, pawl__redis_shards);
PAWL_STORE_CALL(lease, pawl__redis_lease);
PAWL_STORE_CALL(renew, pawl__redis_renew);
PAWL_STORE_CALL(release, pawl__redis_release);
void pawl__redis_let_go(struct pawl_redis *store);
PAWL_STORE_CALL(commit, pawl__redis_commit);
PAWL_STORE_CALL(put_member, pawl__redis_put_member);
PAWL_STORE_CALL(remove_member, pawl__redis_remove_member);
void pawl__redis_leave(struct pawl_redis *store);
PAWL_STORE_CALL(holders, pawl__redis_holders);
PAWL_STORE_CALL(members, pawl__redis_members);
PAWL_STORE_CALL(read_log, pawl__redis_read_log);
PAWL_STORE_CALL(read_mail, pawl__redis_read_mail);
PAWL_STORE_CALL(load, pawl__redis_load);
PAWL_STORE_CALL(load_many, pawl__redis_load_many);
PAWL_STORE_CALL(scan_live, pawl__redis_scan_live);
PAWL_STORE_CALL(query, pawl__redis_query);
PAWL_STORE_CALL(count, pawl__redis_count);
PAWL_STORE_CALL(get_state, pawl__redis_get_state);

// One step of HSCAN or SSCAN over a key of |shard|; |*cursor| is "0" at first and at the end.
enum pawl_err pawl__redis_step(struct pawl_redis *store, const char *command, const char *kind,
                               uint64_t shard, char cursor[24], redisReply **reply,
                               struct pawl_error *error);

// Adds a time of creation as the order of instances has it.
void pawl__redis_add_time(struct pawl_redis_args *args, int64_t time);

// Makes the order of a shard that an earlier Pawl has written. |ttl| is that of the lease,
// milliseconds; 0: for ever.
enum pawl_err pawl__redis_order(struct pawl_redis *store, const struct pawl_lease *lease,
                                int64_t ttl, struct pawl_error *error);

// A transaction of the user's as words of the commit script; false after setting |tx->result|: it
// is refused without asking the server.
bool pawl__redis_add_state(const struct pawl_redis *store, struct pawl_redis_args *args,
                           struct pawl_state_tx *tx);
// Fills |tx->result| from the script's word.
void pawl__redis_state_result(struct pawl_state_tx *tx, struct pawl_str word);

#endif
