#ifndef PAWL_STORE_POSTGRES_INTERNAL_H
#define PAWL_STORE_POSTGRES_INTERNAL_H

// Shared by the files of this folder only. What they do together is told at the head of open.c.

#include <pthread.h>

#include "base/array.h"
#include "base/clock.h"
#include "store/calls.h"
#include "store/postgres/postgres.h"
#include "store/postgres/pq.h"

#define PAWL_PG_COLUMNS                                                                            \
    "id, position, name, status, created_at, updated_at, completed_at, wake_at, active, parent,"   \
    " tags, custom_status, failure_type"

// A query's filters; see query.c.
#define PAWL_PG_FILTER                                                                             \
    " AND ($2::bigint = 0 OR ($2::bigint >> status::int) & 1 = 1) AND created_at >= $3 AND "       \
    "created_at < $4"                                                                              \
    " AND completed_at >= $5 AND completed_at < $6 AND ($7::bytea IS NULL OR name = $7)"           \
    " AND ($8::bytea IS NULL OR parent = $8) AND ($9::bytea IS NULL OR failure_type = $9)"         \
    " AND ($10::bytea IS NULL OR id >= $10) AND ($11::bytea IS NULL OR id < $11)"                  \
    " AND ($12::bytea IS NULL OR position($12 IN tags) > 0)"                                       \
    " AND ($13::bytea IS NULL OR position($13 IN custom_status) > 0)"

// Of the tables of workflows. A later Pawl raises the number in pawl_meta, before this one opens
// the store or while it has it: then it leases nothing more.
#define PAWL_PG_FORMAT_NUMBER         2
#define PAWL_PG_FORMAT_QUOTE(number)  #number
#define PAWL_PG_FORMAT_QUOTED(number) PAWL_PG_FORMAT_QUOTE(number)
#define PAWL_PG_FORMAT_TEXT           PAWL_PG_FORMAT_QUOTED(PAWL_PG_FORMAT_NUMBER)

// All statements: name, connection, layout of the user's state (0: of workflows; 1, 2: of v1, v2;
// 3: of both), SQL. "%t" stands for the table of the user's state, "%m" for Dapr's metadata table.
// clang-format off
#define PAWL_PG_STATEMENTS(X)                                                                      \
    X(BEGIN,        writer, 3, "BEGIN")                                                            \
    X(COMMIT,       writer, 3, "COMMIT")                                                           \
    X(ROLLBACK,     writer, 3, "ROLLBACK")                                                         \
    X(SAVE,         writer, 3, "SAVEPOINT state")                                                  \
    X(SAVE_UNDO,    writer, 3, "ROLLBACK TO SAVEPOINT state")                                      \
    X(APP_ADD,      writer, 0, "INSERT INTO pawl_app(name, shards) SELECT $1::bytea,"              \
        " CASE WHEN EXISTS(SELECT 1 FROM pawl_shard WHERE app = $1::bytea) THEN 1"                 \
        " ELSE $2::bigint END ON CONFLICT DO NOTHING")                                             \
    X(APP_SHARDS,   writer, 0, "SELECT shards FROM pawl_app WHERE name = $1")                      \
    X(SHARD_ADD,    writer, 0, "INSERT INTO pawl_shard(app, number) VALUES($1, $2)"                \
        " ON CONFLICT DO NOTHING")                                                                 \
    X(SHARD_WAIT,   writer, 3, "SELECT set_config('lock_timeout', '200ms', true)")                 \
    X(SHARD_LEASE,  writer, 0, "UPDATE pawl_shard SET epoch = epoch + 1, owner = $3,"              \
        " until = now() + $4::bigint * interval '1 microsecond'"                                   \
        " WHERE app = $1 AND number = $2 AND (until IS NULL OR until <= now())"                    \
        " AND NOT EXISTS(SELECT 1 FROM pawl_meta WHERE key = 'format'"                             \
        " AND value > " PAWL_PG_FORMAT_TEXT ") RETURNING id, epoch")                                                                    \
    X(SHARD_LAST,   writer, 0, "SELECT greatest(trimmed, coalesce((SELECT max(position)"           \
        " FROM pawl_log WHERE shard = pawl_shard.id), 0)) FROM pawl_shard"                         \
        " WHERE app = $1 AND number = $2")                                                         \
    X(FORMAT,       writer, 0, "SELECT value FROM pawl_meta WHERE key = 'format'")                 \
    X(SHARD_OWNER,  writer, 0, "SELECT owner FROM pawl_shard WHERE app = $1 AND number = $2")      \
    X(SHARD_RENEW,  writer, 0, "UPDATE pawl_shard SET until = now()"                               \
        " + $3::bigint * interval '1 microsecond'"                                                 \
        " WHERE id = $1 AND epoch = $2 AND until IS NOT NULL RETURNING 1::bigint")                 \
    X(SHARD_RELEASE, writer, 0, "UPDATE pawl_shard SET until = NULL WHERE id = $1 AND epoch = $2") \
    X(SHARD_EPOCH,  writer, 0, "SELECT epoch FROM pawl_shard WHERE id = $1")                       \
    X(SHARD_FENCE,  writer, 0, "SELECT greatest(trimmed, coalesce((SELECT max(position)"           \
        " FROM pawl_log WHERE shard = $1), 0)) FROM pawl_shard WHERE id = $1 AND epoch = $2"       \
        " FOR NO KEY UPDATE")                                                                      \
    X(LOG_APPEND,   writer, 0, "INSERT INTO pawl_log(shard, position, row)"                        \
        " SELECT id, $3::bigint, $4::bytea FROM pawl_shard WHERE id = $1 AND epoch = $2"           \
        " AND (trimmed = $3::bigint - 1 OR (SELECT true FROM pawl_log WHERE shard = $1"            \
        " AND position = $3::bigint - 1)) FOR NO KEY UPDATE")                                      \
    X(LOG_TRIM,     writer, 0, "DELETE FROM pawl_log WHERE shard = $1 AND position <= $2")         \
    X(SHARD_TRIM,   writer, 0, "UPDATE pawl_shard SET trimmed = greatest(trimmed, $2::bigint)"     \
        " WHERE id = $1")                                                                          \
    X(HISTORY_ANY,  writer, 0, "SELECT 1::bigint FROM pawl_history WHERE shard = $1 AND id = $2"   \
        " AND first < $3 LIMIT 1")                                                                 \
    X(INSTANCE_PUT, writer, 0, "INSERT INTO pawl_instance(shard, " PAWL_PG_COLUMNS ", live, state)" \
        " VALUES($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"           \
        " ON CONFLICT(shard, id) DO UPDATE SET position = EXCLUDED.position, name = EXCLUDED.name," \
        " status = EXCLUDED.status, created_at = EXCLUDED.created_at,"                             \
        " updated_at = EXCLUDED.updated_at, completed_at = EXCLUDED.completed_at,"                 \
        " wake_at = EXCLUDED.wake_at, active = EXCLUDED.active, parent = EXCLUDED.parent,"         \
        " tags = EXCLUDED.tags, custom_status = EXCLUDED.custom_status,"                           \
        " failure_type = EXCLUDED.failure_type, live = EXCLUDED.live, state = EXCLUDED.state")     \
    X(HISTORY_CUT,  writer, 0, "DELETE FROM pawl_history WHERE shard = $1 AND id = $2"             \
        " AND first >= $3")                                                                        \
    X(HISTORY_ADD,  writer, 0, "INSERT INTO pawl_history(shard, id, first, events)"                \
        " VALUES($1, $2, $3, $4)")                                                                 \
    X(INSTANCE_DELETE, writer, 0, "DELETE FROM pawl_instance WHERE shard = $1 AND id = $2")        \
    X(MAIL_PUT,     writer, 0, "INSERT INTO pawl_mail(app, number, key, row)"                      \
        " VALUES($1, $2, $3, $4) ON CONFLICT DO NOTHING")                                          \
    X(MAIL_TAKE,    writer, 0, "DELETE FROM pawl_mail WHERE app = $1 AND number = $2 AND key = $3") \
    X(MEMBER_PUT,   writer, 0, "INSERT INTO pawl_member(app, id, address, info, workers, loops,"   \
        " until) VALUES($1, $2, $3, $4, $5, $6, now() + $7::bigint * interval '1 microsecond')"    \
        " ON CONFLICT(app, id) DO UPDATE SET address = EXCLUDED.address, info = EXCLUDED.info,"    \
        " workers = EXCLUDED.workers, loops = EXCLUDED.loops, until = EXCLUDED.until")             \
    X(MEMBER_SWEEP, writer, 0, "DELETE FROM pawl_member WHERE app = $1 AND until <= now()")        \
    X(MEMBER_REMOVE, writer, 0, "DELETE FROM pawl_member WHERE app = $1 AND id = $2")              \
    X(V1_SET,       writer, 1, "INSERT INTO %t(key, value, isbinary, expiredate)"                  \
        " VALUES($1, $2::text::jsonb, $3::bigint = 1, now() + $4::bigint * interval '1 second')"   \
        " ON CONFLICT(key) DO UPDATE SET value = EXCLUDED.value, isbinary = EXCLUDED.isbinary,"    \
        " updatedate = now(), expiredate = EXCLUDED.expiredate RETURNING 1::bigint")               \
    X(V1_CREATE,    writer, 1, "INSERT INTO %t AS t(key, value, isbinary, expiredate)"             \
        " VALUES($1, $2::text::jsonb, $3::bigint = 1, now() + $4::bigint * interval '1 second')"   \
        " ON CONFLICT(key) DO UPDATE SET value = EXCLUDED.value, isbinary = EXCLUDED.isbinary,"    \
        " updatedate = now(), expiredate = EXCLUDED.expiredate"                                    \
        " WHERE t.expiredate < now() RETURNING 1::bigint")                                         \
    X(V1_UPDATE,    writer, 1, "UPDATE %t SET value = $2::text::jsonb, isbinary = $3::bigint = 1," \
        " updatedate = now(), expiredate = now() + $4::bigint * interval '1 second'"               \
        " WHERE key = $1 AND xmin::text::bigint = $5::bigint"                                      \
        " AND (expiredate IS NULL OR expiredate >= now()) RETURNING 1::bigint")                    \
    X(V1_DELETE,    writer, 1, "DELETE FROM %t WHERE key = $1")                                    \
    X(V1_REMOVE,    writer, 1, "DELETE FROM %t WHERE key = $1 AND xmin::text::bigint = $2::bigint" \
        " RETURNING 1::bigint")                                                                    \
    X(V1_CLEAN,     writer, 1, "DELETE FROM %t WHERE expiredate < now()")                          \
    X(V1_GET,       reader, 1, "SELECT CASE WHEN isbinary THEN value #>> '{}' ELSE value::text"    \
        " END, isbinary, xmin::text, extract(epoch FROM expiredate)::bigint FROM %t"               \
        " WHERE key = $1 AND (expiredate IS NULL OR expiredate >= now())")                         \
    X(V2_SET,       writer, 2, "INSERT INTO %t(key, value, etag, expires_at)"                      \
        " VALUES($1, $2, gen_random_uuid(), now() + $3::bigint * interval '1 second')"             \
        " ON CONFLICT(key) DO UPDATE SET value = EXCLUDED.value, etag = EXCLUDED.etag,"            \
        " updated_at = now(), expires_at = EXCLUDED.expires_at RETURNING 1::bigint")               \
    X(V2_CREATE,    writer, 2, "INSERT INTO %t AS t(key, value, etag, expires_at)"                 \
        " VALUES($1, $2, gen_random_uuid(), now() + $3::bigint * interval '1 second')"             \
        " ON CONFLICT(key) DO UPDATE SET value = EXCLUDED.value, etag = EXCLUDED.etag,"            \
        " updated_at = now(), expires_at = EXCLUDED.expires_at"                                    \
        " WHERE t.expires_at < now() RETURNING 1::bigint")                                         \
    X(V2_UPDATE,    writer, 2, "UPDATE %t SET value = $2, etag = gen_random_uuid(),"               \
        " updated_at = now(), expires_at = now() + $3::bigint * interval '1 second'"               \
        " WHERE key = $1 AND etag = $4::text::uuid"                                                \
        " AND (expires_at IS NULL OR expires_at >= now()) RETURNING 1::bigint")                    \
    X(V2_DELETE,    writer, 2, "DELETE FROM %t WHERE key = $1")                                    \
    X(V2_REMOVE,    writer, 2, "DELETE FROM %t WHERE key = $1 AND etag = $2::text::uuid"           \
        " RETURNING 1::bigint")                                                                    \
    X(V2_CLEAN,     writer, 2, "DELETE FROM %t WHERE expires_at < now()")                          \
    X(V2_GET,       reader, 2, "SELECT value, false, etag::text,"                                  \
        " extract(epoch FROM expires_at)::bigint FROM %t"                                          \
        " WHERE key = $1 AND (expires_at IS NULL OR expires_at >= now())")                         \
    X(CLEAN_GUARD,  writer, 3, "INSERT INTO %m AS m(key, value) VALUES($1, now()::text)"           \
        " ON CONFLICT(key) DO UPDATE SET value = EXCLUDED.value"                                   \
        " WHERE m.value::timestamptz < now() - $2::bigint * interval '1 microsecond'"              \
        " RETURNING 1::bigint")                                                                    \
    X(READ_LOG,     reader, 0, "SELECT position, row FROM pawl_log WHERE shard = $1"               \
        " AND position > $2 ORDER BY position LIMIT 64")                                           \
    X(READ_TRIMMED, reader, 0, "SELECT trimmed FROM pawl_shard WHERE id = $1")                     \
    X(READ_INSTANCE, reader, 0, "SELECT " PAWL_PG_COLUMNS ","                                      \
        " CASE WHEN coalesce(first, 0) = 0 THEN state END, first, events FROM pawl_instance"       \
        " LEFT JOIN pawl_history USING (shard, id) WHERE shard = $1 AND id = $2 ORDER BY first")   \
    X(READ_LIVE,    reader, 0, "SELECT " PAWL_PG_COLUMNS " FROM pawl_instance"                     \
        " WHERE shard = $1 AND live AND id > $2 ORDER BY id LIMIT 1000")                           \
    X(READ_OLDEST,  reader, 0, "SELECT " PAWL_PG_COLUMNS " FROM pawl_instance"                     \
        " WHERE shard = $1 AND (created_at, id) > ($14::bigint, $15::bytea)"                       \
        " AND (created_at, id) <= ($16::bigint, $17::bytea)" PAWL_PG_FILTER                        \
        " ORDER BY created_at, id LIMIT $18")                                                      \
    X(READ_NEWEST,  reader, 0, "SELECT " PAWL_PG_COLUMNS " FROM pawl_instance"                     \
        " WHERE shard = $1 AND (created_at, id) < ($14::bigint, $15::bytea)"                       \
        " AND (created_at, id) >= ($16::bigint, $17::bytea)" PAWL_PG_FILTER                        \
        " ORDER BY created_at DESC, id DESC LIMIT $18")                                            \
    X(READ_OLDEST_STOP, reader, 0, "SELECT created_at, id FROM pawl_instance WHERE shard = $1"     \
        " AND (created_at, id) > ($2::bigint, $3::bytea) ORDER BY created_at, id"                  \
        " LIMIT 1 OFFSET $4")                                                                      \
    X(READ_NEWEST_STOP, reader, 0, "SELECT created_at, id FROM pawl_instance WHERE shard = $1"     \
        " AND (created_at, id) < ($2::bigint, $3::bytea) ORDER BY created_at DESC, id DESC"        \
        " LIMIT 1 OFFSET $4")                                                                      \
    X(READ_COUNT,   reader, 0, "SELECT name, status, count(*) FROM pawl_instance"                  \
        " WHERE shard = $1 AND (created_at, id) > ($14::bigint, $15::bytea)"                       \
        " AND (created_at, id) <= ($16::bigint, $17::bytea)" PAWL_PG_FILTER                        \
        " AND id NOT IN (SELECT unnest($18::bytea[])) GROUP BY name, status")                      \
    X(READ_MAIL,    reader, 0, "SELECT key, row FROM pawl_mail WHERE app = $1 AND number = $2"     \
        " AND key > $3 ORDER BY key LIMIT $4")                                                     \
    X(READ_HOLDERS, reader, 0, "SELECT number, id, epoch,"                                         \
        " coalesce(until > now(), false), owner FROM pawl_shard WHERE app = $1 ORDER BY number")   \
    X(READ_MEMBERS, reader, 0, "SELECT id, address, info, workers, loops,"                         \
        " (extract(epoch FROM joined_at) * 1000000)::bigint FROM pawl_member"                      \
        " WHERE app = $1 AND until > now() ORDER BY id")
// clang-format on

enum pawl_pg_statement {
#define X(name, connection, layout, sql) PAWL_PG_##name,
    PAWL_PG_STATEMENTS(X)
#undef X
    PAWL_PG_COUNT
};

// What is set on a connection that reads.
enum {
    PAWL_PG_READS = 2
};
extern const char *const pawl__pg_reads[PAWL_PG_READS];

// A connection, used by one thread. It is made when it is needed, and dropped when something is
// wrong with it.
struct pawl_pg_link {
    struct pawl_postgres *store;
    bool writes;
    PGconn *conn;
    unsigned number;             // random, of the connection
    int64_t plan_at, plan_after; // when plans are made anew, steady; how long after the last time
    int64_t until; // what is under way has to end then, steady; 0: each wait has the timeout
    bool refused;  // the last answer was an error, after which nothing of its transaction is done
};

enum {
    PAWL_PG_SETTINGS = 64
};

struct pawl_pg_member {
    char *app, *id;
    size_t app_len, id_len;
};

struct pawl_postgres {
    struct pawl_store base;
    struct pawl_arena settings; // the memory of what follows
    const char *keys[PAWL_PG_SETTINGS],
        *values[PAWL_PG_SETTINGS]; // of a connection; ends with NULL
    int setting_count;
    const char *where; // server and database, for errors
    const struct pawl_log *log;
    char *state_table, *metadata_table;
    char *sql[PAWL_PG_COUNT]; // NULL: not of this layout
    bool existing;            // no tables are made, and none of the user's state are used
    bool v1, workflows;
    int64_t timeout;
    int64_t cleanup_interval, cleaned_at;
    struct pawl_pg_link writer, reader;
    struct pawl_buf row;  // a row being written; the committing thread's
    struct pawl_buf text; // an encoded value; likewise
    // What is given up when the store is closed; the committing thread's.
    struct pawl_lease *leases;
    size_t lease_count, lease_cap;
    struct pawl_pg_member *members;
    size_t member_count, member_cap;
};

// For how long a lease without a time lasts.
#define PAWL_PG_TTL (30 * PAWL_SECOND)

// The parameters of a statement, all binary. They point into themselves, so they cannot be copied.
enum {
    PAWL_PG_PARAMS = 18 // of the statement with the most
};
struct pawl_pg_params {
    int count;
    const char *values[PAWL_PG_PARAMS];
    int lengths[PAWL_PG_PARAMS];
    uint64_t numbers[PAWL_PG_PARAMS];
};
void pawl__pg_int(struct pawl_pg_params *params, int64_t value);
void pawl__pg_bytes(struct pawl_pg_params *params, struct pawl_str bytes);
void pawl__pg_bool(struct pawl_pg_params *params, bool value);
void pawl__pg_null(struct pawl_pg_params *params);

// --- link.c ---------------------------------------------------------------------------------

// Connects, if there is no connection that works. Whatever fails: nothing was sent.
enum pawl_err pawl__pg_ready(struct pawl_pg_link *link, struct pawl_error *error);
void pawl__pg_drop(struct pawl_pg_link *link);

// Queues a statement; and the end of a group of them, after which their results can be taken.
// False: the connection is lost.
bool pawl__pg_send(struct pawl_pg_link *link, enum pawl_pg_statement statement,
                   const struct pawl_pg_params *params);
bool pawl__pg_sync(struct pawl_pg_link *link);

// The result of the next statement that was queued: PGRES_TUPLES_OK, PGRES_COMMAND_OK, or an error;
// PGRES_PIPELINE_ABORTED after one. NULL: the connection is lost, or does not answer in time.
PGresult *pawl__pg_take(struct pawl_pg_link *link);
// Takes the end of a group.
bool pawl__pg_synced(struct pawl_pg_link *link);

// Sends one statement and takes its result, which the caller clears. Connects anew once when the
// connection turns out to be lost, so |statement| is one that may run twice. All of it takes no
// longer than the store's timeout.
enum pawl_err pawl__pg_run(struct pawl_pg_link *link, enum pawl_pg_statement statement,
                           const struct pawl_pg_params *params, PGresult **out,
                           struct pawl_error *error);

// What went wrong: with |result|, or when that is NULL with the connection, which is then dropped.
enum pawl_err pawl__pg_fail(struct pawl_pg_link *link, const PGresult *result, const char *doing,
                            struct pawl_error *error);
enum pawl_err pawl__pg_fail_row(const struct pawl_postgres *store, enum pawl_err err,
                                const char *what, struct pawl_error *error);

// Values of a result.
int64_t pawl__pg_number(const PGresult *result, int row, int column); // 0 for NULL
bool pawl__pg_true(const PGresult *result, int row, int column);
struct pawl_str pawl__pg_value(const PGresult *result, int row, int column);
// Copies |*text| into |arena|, and points it there.
bool pawl__pg_keep(struct pawl_arena *arena, struct pawl_str *text);

// --- conninfo.c -----------------------------------------------------------------------------

// Fills in how to connect, and |store->where|. PAWL_E_INVALID.
enum pawl_err pawl__pg_conninfo(struct pawl_postgres *store,
                                const struct pawl_postgres_options *given,
                                struct pawl_error *error);

// --- schema.c -------------------------------------------------------------------------------

// Makes the tables that are missing, and checks those that are there.
enum pawl_err pawl__pg_schema(struct pawl_postgres *store, struct pawl_error *error);

// PAWL_E_FORMAT, and why, when the tables of workflows are of a later Pawl's |format|.
enum pawl_err pawl__pg_format_check(const struct pawl_postgres *store, int64_t format,
                                    struct pawl_error *error);

// --- commit.c, state.c ----------------------------------------------------------------------

PAWL_STORE_CALL(commit, pawl__pg_commit);
PAWL_STORE_CALL(tend, pawl__pg_tend);

// Checks what can be known of a transaction without the server, and fills its result.
void pawl__pg_check_state(const struct pawl_postgres *store, struct pawl_state_tx *tx);
// Queues one of its operations; |*expects|: it has to give a row.
bool pawl__pg_send_state(struct pawl_postgres *store, const struct pawl_state_op *op,
                         bool *expects);
bool pawl__pg_state_is_conditional(const struct pawl_state_op *op);
void pawl__pg_state_conflict(const struct pawl_state_op *op, struct pawl_error *result);
PAWL_STORE_CALL(get_state, pawl__pg_get_state);

// --- lease.c, member.c ----------------------------------------------------------------------

PAWL_STORE_CALL(shards, pawl__pg_shards);
PAWL_STORE_CALL(lease, pawl__pg_lease);
PAWL_STORE_CALL(renew, pawl__pg_renew);
PAWL_STORE_CALL(release, pawl__pg_release);
PAWL_STORE_CALL(holders, pawl__pg_holders);
PAWL_STORE_CALL(put_member, pawl__pg_put_member);
PAWL_STORE_CALL(remove_member, pawl__pg_remove_member);
PAWL_STORE_CALL(members, pawl__pg_members);

void pawl__pg_members_end(struct pawl_postgres *store);
// --- read.c, query.c ------------------------------------------------------------------------

PAWL_STORE_CALL(read_log, pawl__pg_read_log);
PAWL_STORE_CALL(read_mail, pawl__pg_read_mail);
PAWL_STORE_CALL(load, pawl__pg_load);
PAWL_STORE_CALL(load_many, pawl__pg_load_many);
PAWL_STORE_CALL(scan_live, pawl__pg_scan_live);
PAWL_STORE_CALL(query, pawl__pg_query);
PAWL_STORE_CALL(count, pawl__pg_count);
struct pawl_snapshot pawl__pg_columns(const PGresult *result, int row);

#endif
