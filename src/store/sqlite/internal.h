#ifndef PAWL_STORE_SQLITE_INTERNAL_H
#define PAWL_STORE_SQLITE_INTERNAL_H

// Shared by the files of this folder only. What they do together is told at the head of open.c.

#include <sqlite3.h>
#include <sys/types.h>

#include "base/clock.h"
#include "store/calls.h"
#include "store/sqlite/sqlite.h"

// A batch's key in pawl_log holds both its shard and its position.
#define PAWL_SQLITE_POSITION_BITS 40
#define PAWL_SQLITE_POSITION_MAX  ((UINT64_C(1) << PAWL_SQLITE_POSITION_BITS) - 1)
#define PAWL_SQLITE_SHARD_MAX     ((UINT64_C(1) << 23) - 2)

#define PAWL_SQLITE_VALUE_MAX ((size_t)512 << 20) // fits as base64, too

#define PAWL_SQLITE_PAGE_SIZE 4096
// Nobody commits during a checkpoint, so it comes often rather than late: 500 pages take about 2 ms
// here, and 8000 took 36. Fewer still would copy pages that the next commits write again.
#define PAWL_SQLITE_WAL_PAGES   500                          // a checkpoint is due
#define PAWL_SQLITE_WAL_LATE    (2 * PAWL_SQLITE_WAL_PAGES)  // it should come at once
#define PAWL_SQLITE_WAL_OVERDUE (4 * PAWL_SQLITE_WAL_PAGES)  // a commit makes it by itself
#define PAWL_SQLITE_WAL_TOO_BIG (16 * PAWL_SQLITE_WAL_PAGES) // it waits for readers

#define PAWL_SQLITE_BESIDE 2 // files of SQLite's that have to stay beside the database

#define PAWL_SQLITE_TALLY_ROWS 32 // names by status that one commit writes, as a rule

#define PAWL_SQLITE_COLUMNS                                                                        \
    "id, position, name, status, created_at, updated_at, completed_at, wake_at, active, parent,"   \
    " tags, custom_status, failure_type"

// Statuses that few instances have, as a rule: failed, canceled, terminated, suspended, stalled.
#define PAWL_SQLITE_RARE    ((uint32_t)(1 << 3 | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8))
#define PAWL_SQLITE_IS_RARE "status>2 AND status<>6"

// All statements: name, connection, SQL. |"%w"| stands for the user's state table.
// clang-format off
#define PAWL_SQLITE_STATEMENTS(X)                                                                 \
    X(BEGIN,          writer, "BEGIN IMMEDIATE")                                                  \
    X(COMMIT,         writer, "COMMIT")                                                           \
    X(ROLLBACK,       writer, "ROLLBACK")                                                         \
    X(SCHEMA_VERSION, writer, "PRAGMA schema_version")                                            \
    X(SAVE,           writer, "SAVEPOINT state")                                                  \
    X(SAVE_UNDO,      writer, "ROLLBACK TO state")                                                \
    X(SAVE_END,       writer, "RELEASE state")                                                    \
    X(SHARD_ADD,      writer, "INSERT INTO pawl_shard(app, number) VALUES(?1, ?2)"                \
                              " ON CONFLICT DO NOTHING")                                          \
    X(SHARD_FIND,     writer, "SELECT id, epoch, owner FROM pawl_shard"                           \
                              " WHERE app=?1 AND number=?2")                                      \
    X(SHARD_LEASE,    writer, "UPDATE pawl_shard SET epoch=epoch+1, owner=?2 WHERE id=?1")        \
    X(SHARD_EPOCH,    writer, "SELECT epoch FROM pawl_shard WHERE id=?1")                         \
    X(SHARD_TRIM,     writer, "UPDATE pawl_shard SET trimmed=max(trimmed, ?3)"                    \
                              " WHERE id=?1 AND epoch=?2")                                        \
    X(LOG_LAST,       writer, "SELECT max(trimmed, 0xffffffffff & coalesce((SELECT max(key)"      \
                              " FROM pawl_log WHERE key>(?1<<40) AND key<((?1+1)<<40)), 0))"      \
                              " FROM pawl_shard WHERE id=?1")                                     \
    X(LOG_MAY_APPEND, writer, "SELECT 1 FROM pawl_shard WHERE id=?1 AND epoch=?2 AND (trimmed=?3" \
                              " OR EXISTS(SELECT 1 FROM pawl_log WHERE key=(?1<<40|?3)))")        \
    X(LOG_APPEND,     writer, "INSERT INTO pawl_log(key, row) VALUES(?1, ?2)")                    \
    X(LOG_TRIM,       writer, "DELETE FROM pawl_log WHERE key>?1 AND key<=?2")                    \
    X(INSTANCE_ADD,   writer, "INSERT INTO pawl_instance(shard, id, position, name, status,"      \
                              " created_at, updated_at, completed_at, wake_at, active, live,"     \
                              " parent, tags, custom_status, failure_type, filled, state,"        \
                              " history) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"    \
                              " ?12, ?13, ?14, ?15, 1, ?16, ?17)"                                 \
                              " ON CONFLICT(shard, id) DO NOTHING")                               \
    X(INSTANCE_FIND,  writer, "SELECT row, name, status, created_at, completed_at, live, parent," \
                              " tags, custom_status, failure_type FROM pawl_instance"             \
                              " WHERE shard=?1 AND id=?2")                                        \
    X(INSTANCE_SET,   writer, "UPDATE pawl_instance SET position=?3, name=?4, status=?5,"         \
                              " created_at=?6, updated_at=?7, completed_at=?8, wake_at=?9,"       \
                              " active=?10, live=?11, parent=?12, tags=?13, custom_status=?14,"   \
                              " failure_type=?15, filled=1, state=?16, history=?17 WHERE row=?1") \
    X(INSTANCE_GO_ON, writer, "UPDATE pawl_instance SET position=?3, updated_at=?7, wake_at=?9,"  \
                              " active=?10, filled=1, state=?16, history=?17 WHERE row=?1")       \
    X(INSTANCE_DELETE, writer, "DELETE FROM pawl_instance WHERE row=?1")                          \
    X(HISTORY_SPLIT,  writer, "INSERT INTO pawl_history(instance, first, events)"                 \
                              " SELECT row, 0, history FROM pawl_instance"                        \
                              " WHERE row=?1 AND history IS NOT NULL")                            \
    X(HISTORY_ADD,    writer, "INSERT INTO pawl_history(instance, first, events)"                 \
                              " VALUES(?1, ?2, ?3)")                                              \
    X(HISTORY_CUT,    writer, "DELETE FROM pawl_history WHERE instance=?1 AND first>=?2")         \
    X(HISTORY_ANY,    writer, "SELECT 1 FROM pawl_history WHERE instance=?1 LIMIT 1")             \
    X(COUNT_ADD,      writer, "INSERT INTO pawl_count(shard, name, status, count)"                \
                              " VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET count=count+?4") \
    X(TEXT_ADD,       writer, "INSERT INTO pawl_text(shard, kind, text, name, status, count)"     \
                              " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"                                   \
                              " ON CONFLICT DO UPDATE SET count=count+?6")                        \
    X(TEXT_DROP,      writer, "DELETE FROM pawl_text WHERE shard=?1 AND kind=?2 AND text=?3"      \
                              " AND name=?4 AND status=?5 AND count<1")                           \
    X(COUNT_DROP,     writer, "DELETE FROM pawl_count WHERE shard=?1 AND name=?2 AND count=0")    \
    X(APP_ADD,        writer, "INSERT INTO pawl_app(name, shards) SELECT ?1, iif("                \
                              "EXISTS(SELECT 1 FROM pawl_shard WHERE app=?1), 1, ?2)"             \
                              " ON CONFLICT DO NOTHING")                                          \
    X(APP_SHARDS,     writer, "SELECT shards FROM pawl_app WHERE name=?1")                        \
    X(MAIL_PUT,       writer, "INSERT INTO pawl_mail(app, number, key, row)"                      \
                              " VALUES(?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")                   \
    X(MAIL_TAKE,      writer, "DELETE FROM pawl_mail WHERE app=?1 AND number=?2 AND key=?3")      \
    X(MEMBER_PUT,     writer, "INSERT INTO pawl_member(app, id, address, info, workers, loops,"   \
                              " joined_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"                    \
                              " ON CONFLICT(app, id) DO UPDATE SET address=?3, info=?4,"          \
                              " workers=?5, loops=?6 RETURNING row")                              \
    X(MEMBER_REMOVE,  writer, "DELETE FROM pawl_member WHERE app=?1 AND id=?2 RETURNING row")     \
    X(MEMBER_ROWS,    writer, "SELECT row FROM pawl_member WHERE app=?1 AND id<>?2")              \
    X(MEMBER_DROP,    writer, "DELETE FROM pawl_member WHERE row=?1")                             \
    X(FILL_FIND,      writer, "SELECT row, shard, id, state, history, name, status"               \
                              " FROM pawl_instance WHERE row>?1 AND NOT filled ORDER BY row LIMIT ?2")               \
    X(FILL_PARTS,     writer, "SELECT events FROM pawl_history WHERE instance=?1 ORDER BY first") \
    X(FILL_SET,       writer, "UPDATE pawl_instance SET parent=?2, tags=?3, custom_status=?4,"    \
                              " failure_type=?5, filled=1 WHERE row=?1")                          \
    X(FILL_DONE,      writer, "DELETE FROM pawl_meta WHERE key='unfilled'")                       \
    X(STATE_SET,      writer, "INSERT OR REPLACE INTO \"%w\"(key, value, is_binary, etag,"        \
                              " expiration_time, update_time) VALUES(?1, ?2, ?3, ?4,"             \
                              " datetime('now', ?5), CURRENT_TIMESTAMP)")                         \
    X(STATE_ETAG,     writer, "SELECT etag FROM \"%w\" WHERE key=?1 AND (expiration_time IS NULL" \
                              " OR expiration_time>CURRENT_TIMESTAMP)")                           \
    X(STATE_DELETE,   writer, "DELETE FROM \"%w\" WHERE key=?1")                                  \
    X(STATE_CLEAN,    writer, "DELETE FROM \"%w\" WHERE expiration_time<=CURRENT_TIMESTAMP")      \
    X(READ_BEGIN,     reader, "BEGIN")                                                            \
    X(READ_END,       reader, "ROLLBACK")                                                         \
    X(READ_TRIMMED,   reader, "SELECT trimmed FROM pawl_shard WHERE id=?1")                       \
    X(READ_LOG,       reader, "SELECT key, row FROM pawl_log WHERE key>?1 AND key<?2"             \
                              " ORDER BY key")                                                    \
    X(READ_INSTANCE,  reader, "SELECT " PAWL_SQLITE_COLUMNS ", row, state, history"               \
                              " FROM pawl_instance WHERE shard=?1 AND id=?2")                     \
    X(READ_LIVE,      reader, "SELECT " PAWL_SQLITE_COLUMNS " FROM pawl_instance"                 \
                              " WHERE shard=?1 AND live=1")                                       \
    X(READ_IDS,       reader, "SELECT id FROM pawl_instance WHERE shard=?1 AND id>?2"             \
                              " ORDER BY id LIMIT ?3")                                            \
    X(READ_COUNT_ALL, reader, "SELECT name, status, count FROM pawl_count"                        \
                              " WHERE shard=?1 AND count>0")                                      \
    X(READ_COUNT_TEXT, reader, "SELECT name, status, count FROM pawl_text"                        \
                              " WHERE shard=?1 AND kind=?2 AND instr(text, ?3)")                  \
    X(READ_MAIL,      reader, "SELECT key, row FROM pawl_mail WHERE app=?1 AND number=?2"         \
                              " AND key>?3 ORDER BY key LIMIT ?4")                                \
    X(READ_HOLDERS,   reader, "SELECT number, id, epoch, owner FROM pawl_shard WHERE app=?1"      \
                              " ORDER BY number")                                                 \
    X(READ_MEMBERS,   reader, "SELECT row, id, address, info, workers, loops, joined_at"          \
                              " FROM pawl_member WHERE app=?1 ORDER BY id")                       \
    X(READ_HISTORY,   reader, "SELECT first, events FROM pawl_history WHERE instance=?1"          \
                              " ORDER BY first")                                                  \
    X(READ_STATE,     reader, "SELECT value, is_binary, etag,"                                    \
                              " CAST(strftime('%%s', expiration_time) AS INTEGER) FROM \"%w\""    \
                              " WHERE key=?1 AND (expiration_time IS NULL"                        \
                              " OR expiration_time>CURRENT_TIMESTAMP)")
// clang-format on

enum pawl_sqlite_statement {
#define X(name, connection, sql) PAWL_SQL_##name,
    PAWL_SQLITE_STATEMENTS(X)
#undef X
    PAWL_SQL_COUNT
};

// Columns whose texts are counted, too: what stands in pawl_text.kind.
enum pawl_sqlite_text {
    PAWL_SQLITE_TAGS,
    PAWL_SQLITE_CUSTOM_STATUS,
    PAWL_SQLITE_TEXTS
};

// By what an instance is counted.
struct pawl_sqlite_counted {
    struct pawl_str name;
    int32_t status;
    struct pawl_str texts[PAWL_SQLITE_TEXTS]; // an empty one is not counted
};

// How many instances a commit has added, by name, status and, in one of two, a text; see count.c.
struct pawl_sqlite_tally {
    struct {
        uint64_t shard;
        size_t name, name_len, text, text_len; // bytes in |bytes|
        int32_t status;
        enum pawl_sqlite_text kind;
        bool deleted; // some were deleted
        int64_t more; // instances; less than 0: fewer
    } rows[PAWL_SQLITE_TALLY_ROWS];
    size_t count;
    struct pawl_buf bytes;
};

struct pawl_sqlite {
    struct pawl_store base;
    char *path;        // as SQLite resolved it, so that links to one file share its lock
    char *lock_path;   // |path| with "-pawl"
    char *state_table; // name of the user's table
    char *metadata_table;
    int64_t busy_timeout;
    int64_t cleanup_interval, cleaned_at;

    int lock_fd;
    int probe_fd;            // the same file once more, see pawl__sqlite_is_held
    bool lock_is_new;        // its file was made by this store
    struct pawl_lease *held; // through this store
    size_t held_count, held_cap;

    // The writer belongs to the committing thread, the reader to the reading one.
    sqlite3 *writer, *reader;
    sqlite3_stmt *statements[PAWL_SQL_COUNT];
    struct pawl_buf row, history;          // a row being written; the committing thread's
    struct pawl_buf text;                  // an encoded value; likewise
    struct pawl_sqlite_tally kinds, texts; // of the commit being written; likewise
    bool triggers;          // run here: they keep what is counted, and the tallies are not used
    int64_t schema_version; // SQLite's, when pawl__sqlite_keep_up last looked; 0: it has not yet
    bool texts_doubted;     // pawl_text may lack what an earlier Pawl writes

    bool unfilled;           // rows of an earlier Pawl may lack columns, those after |filled_to|
    sqlite3_int64 filled_to; // pawl_instance.row

    ino_t beside[PAWL_SQLITE_BESIDE]; // its other files, as they were opened; 0: unknown
    size_t astray; // one more than the number of one that is not there; 0: all are

    int wal_pages;     // in the WAL after the last commit, those of other processes too
    int checkpoint_at; // the next checkpoint is due at this many
};

// --- sqlite/schema.c ------------------------------------------------------------------------

enum pawl_err pawl__sqlite_exec(struct pawl_sqlite *store, sqlite3 *db, const char *sql,
                                struct pawl_error *error);

// Makes the tables that are not there, and brings those of an earlier format up to date, in one
// transaction. PAWL_E_FORMAT: a later Pawl, or Dapr, made them.
enum pawl_err pawl__sqlite_create_tables(struct pawl_sqlite *store, struct pawl_error *error);

// Turns triggers off for the statements of the writer, which counts by itself, once a commit;
// RETURNING goes on to work. Where there are others, of a user on the table of state or of a later
// Pawl, all are on.
enum pawl_err pawl__sqlite_count_by_hand(struct pawl_sqlite *store, struct pawl_error *error);

// Looks, in a transaction, whether somebody has changed the tables or triggers meanwhile, and does
// as they say. PAWL_E_FORMAT: it was a later Pawl, beside which this one must not write.
enum pawl_err pawl__sqlite_keep_up(struct pawl_sqlite *store, struct pawl_error *error);

// --- sqlite/error.c -------------------------------------------------------------------------

// Fills |error| from the last failure on |db|, with the file and what to do; |doing| is a phrase
// like "append to the log".
enum pawl_err pawl__sqlite_fail(const struct pawl_sqlite *store, sqlite3 *db, const char *doing,
                                struct pawl_error *error);

// The same for a file that could not be opened. |reason| is an errno.
enum pawl_err pawl__sqlite_fail_open(const char *path, int reason, struct pawl_error *error);

// Says that a row of ours cannot be read; |err| is what pawl__row_open gave.
enum pawl_err pawl__sqlite_fail_row(const struct pawl_sqlite *store, enum pawl_err err,
                                    const char *what, struct pawl_error *error);

// --- sqlite/place.c -------------------------------------------------------------------------

// Notes which files stand beside the database, once all are open.
void pawl__sqlite_note_place(struct pawl_sqlite *store);

// Looks whether those are still there.
void pawl__sqlite_look_beside(struct pawl_sqlite *store);

// Fails when the database has lost its name; or one of those had, when they were last looked for.
enum pawl_err pawl__sqlite_check_place(struct pawl_sqlite *store, struct pawl_error *error);

// --- sqlite/lock.c --------------------------------------------------------------------------

enum pawl_err pawl__sqlite_lock_open(struct pawl_sqlite *store, struct pawl_error *error);

// Takes and gives back the right to write and checkpoint. PAWL_E_UNAVAILABLE when it is not free
// within |patience| nanoseconds.
enum pawl_err pawl__sqlite_lock(struct pawl_sqlite *store, int64_t patience,
                                struct pawl_error *error);
void pawl__sqlite_unlock(struct pawl_sqlite *store);

// The bytes that stand for a shard and for a member.
int64_t pawl__sqlite_shard_byte(uint64_t shard);
int64_t pawl__sqlite_member_byte(int64_t row);

// Takes a byte for as long as this store lives, or until it is let go. PAWL_E_HELD (without text)
// when another store has it.
enum pawl_err pawl__sqlite_hold(struct pawl_sqlite *store, int64_t byte, struct pawl_error *error);
void pawl__sqlite_let_go(struct pawl_sqlite *store, int64_t byte);

// Whether any store, this one too, has a byte. On either thread.
bool pawl__sqlite_is_held(const struct pawl_sqlite *store, int64_t byte);

// Whether any store, this one too, has a lease or is a member.
bool pawl__sqlite_is_in_use(const struct pawl_sqlite *store);

// --- sqlite/vfs.c ---------------------------------------------------------------------------

// The name of the VFS for the connection that writes; NULL when memory is short. To open the file
// without it, with SQLite's own, would be to write without what it promises.
const char *pawl__sqlite_vfs(void);

// --- sqlite/statement.c ---------------------------------------------------------------------

// Runs a statement that gives no rows, or whose rows do not matter, and resets it. Returns
// SQLITE_OK or the error.
int pawl__sqlite_run(struct pawl_sqlite *store, enum pawl_sqlite_statement statement);

// Binding views: static, so that nothing is copied and nothing can fail (sizes are checked before).
void pawl__sqlite_bind_text(sqlite3_stmt *statement, int index, struct pawl_str text);
void pawl__sqlite_bind_blob(sqlite3_stmt *statement, int index, struct pawl_str bytes);
struct pawl_str pawl__sqlite_column(sqlite3_stmt *statement, int index);

// --- sqlite/transaction.c -------------------------------------------------------------------

// A write transaction under the lock; |at_once|: without waiting for it. |end| commits when |err|
// is PAWL_OK and rolls back otherwise; it returns |err|, or why the commit failed.
enum pawl_err pawl__sqlite_begin(struct pawl_sqlite *store, bool at_once, struct pawl_error *error);
enum pawl_err pawl__sqlite_end(struct pawl_sqlite *store, enum pawl_err err,
                               struct pawl_error *error);

// --- sqlite/commit.c ------------------------------------------------------------------------

PAWL_STORE_CALL(commit, pawl__sqlite_commit);

// --- sqlite/tend.c --------------------------------------------------------------------------

PAWL_STORE_CALL(tend, pawl__sqlite_tend);

// Copies the WAL into the database, so that the next commit starts it anew, unless readers keep it
// from that. The lock is held.
enum pawl_err pawl__sqlite_checkpoint(struct pawl_sqlite *store, struct pawl_error *error);

// --- sqlite/lease.c -------------------------------------------------------------------------

PAWL_STORE_CALL(shards, pawl__sqlite_shards);
PAWL_STORE_CALL(lease, pawl__sqlite_lease);
PAWL_STORE_CALL(renew, pawl__sqlite_renew);
PAWL_STORE_CALL(holders, pawl__sqlite_holders);
PAWL_STORE_CALL(release, pawl__sqlite_release);

// --- sqlite/member.c ------------------------------------------------------------------------

PAWL_STORE_CALL(put_member, pawl__sqlite_put_member);
PAWL_STORE_CALL(remove_member, pawl__sqlite_remove_member);
PAWL_STORE_CALL(members, pawl__sqlite_members);

// --- sqlite/mail.c --------------------------------------------------------------------------

enum pawl_err pawl__sqlite_mail_put(struct pawl_sqlite *store, const struct pawl_mail *mail,
                                    struct pawl_error *error);
enum pawl_err pawl__sqlite_mail_take(struct pawl_sqlite *store, const struct pawl_mail *mail,
                                     struct pawl_error *error);
PAWL_STORE_CALL(read_mail, pawl__sqlite_read_mail);

// --- sqlite/fill.c --------------------------------------------------------------------------

// Fills the columns of a few rows that an earlier Pawl wrote.
enum pawl_err pawl__sqlite_fill(struct pawl_sqlite *store, struct pawl_error *error);

// --- sqlite/snapshot.c ----------------------------------------------------------------------

enum pawl_err pawl__sqlite_put(struct pawl_sqlite *store, uint64_t shard,
                               const struct pawl_snapshot *snapshot, struct pawl_error *error);
enum pawl_err pawl__sqlite_delete(struct pawl_sqlite *store, uint64_t shard, struct pawl_str id,
                                  struct pawl_error *error);

// --- sqlite/count.c -------------------------------------------------------------------------

// Forgets what was counted in a commit that was rolled back.
void pawl__sqlite_count_clear(struct pawl_sqlite *store);

// Counts an instance more, or one fewer, as it is no more.
enum pawl_err pawl__sqlite_count_more(struct pawl_sqlite *store, uint64_t shard,
                                      const struct pawl_sqlite_counted *counted,
                                      struct pawl_error *error);
enum pawl_err pawl__sqlite_count_less(struct pawl_sqlite *store, uint64_t shard,
                                      const struct pawl_sqlite_counted *counted,
                                      struct pawl_error *error);

// Counts one that was |from| as |to|.
enum pawl_err pawl__sqlite_count_change(struct pawl_sqlite *store, uint64_t shard,
                                        const struct pawl_sqlite_counted *from,
                                        const struct pawl_sqlite_counted *to,
                                        struct pawl_error *error);

// Writes what was counted, in the transaction that is open.
enum pawl_err pawl__sqlite_count_write(struct pawl_sqlite *store, struct pawl_error *error);

// --- sqlite/read.c --------------------------------------------------------------------------

PAWL_STORE_CALL(read_log, pawl__sqlite_read_log);
PAWL_STORE_CALL(load, pawl__sqlite_load);
PAWL_STORE_CALL(scan_live, pawl__sqlite_scan_live);
PAWL_STORE_CALL(ids, pawl__sqlite_ids);
// Ends a reading statement: |err| is what stopped it, |rc| its last step.
enum pawl_err pawl__sqlite_read_end(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                    enum pawl_err err, int rc, struct pawl_error *error);

// The columns of a row, as views of it.
struct pawl_snapshot pawl__sqlite_columns(sqlite3_stmt *row);

// Copies |*text| into |arena|, and points it there.
bool pawl__sqlite_keep(struct pawl_arena *arena, struct pawl_str *text);

// --- sqlite/find.c --------------------------------------------------------------------------

// The index by which a query finds. All but the first are for few instances, which they sort.
enum pawl_sqlite_way {
    PAWL_SQLITE_LISTED, // in the order of creation
    PAWL_SQLITE_BY_ID,  // for a query with a prefix that does not begin with 0xff
    PAWL_SQLITE_BY_PARENT,
    PAWL_SQLITE_BY_STATUS // for a query with pawl__sqlite_rare
};

enum pawl_sqlite_wanted {
    PAWL_SQLITE_ROWS, // the columns of what the query finds, in its order, as many as |limit|
    // Name and status of each that it finds, in no order, and its id where |query| leaves any out;
    // those behind the query's place and, with a scan, up to its place.
    PAWL_SQLITE_KINDS,
    PAWL_SQLITE_MANY,  // one number: how many the way has before other filters, up to |limit|
    PAWL_SQLITE_PLACE, // created_at and id of one: |limit| come before it, found or not
    // The ids, in order and up to |limit|, of those that were created at the time of the query's
    // place and come behind it, found or not.
    PAWL_SQLITE_TIES
};

struct pawl_sqlite_find {
    sqlite3_stmt *statement; // of the reader
    struct pawl_buf prefix_end;
};

// Those of the rare statuses that |query| can find; 0 when it finds others as well. What has a
// failure has one of them.
uint32_t pawl__sqlite_rare(const struct pawl_query *query);

// Makes a statement that |query| has to outlive. |limit| less than 0: none. Without an error
// pawl__sqlite_find_end frees it: |err| is what stopped it, |rc| its last step.
enum pawl_err pawl__sqlite_find(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query, enum pawl_sqlite_way way,
                                enum pawl_sqlite_wanted wanted, int64_t limit,
                                struct pawl_sqlite_find *out, struct pawl_error *error);
enum pawl_err pawl__sqlite_find_end(struct pawl_sqlite *store, struct pawl_sqlite_find *find,
                                    enum pawl_err err, int rc, struct pawl_error *error);

// --- sqlite/query.c -------------------------------------------------------------------------

PAWL_STORE_CALL(query, pawl__sqlite_query);
PAWL_STORE_CALL(count, pawl__sqlite_count);

// --- sqlite/state.c -------------------------------------------------------------------------

PAWL_STORE_CALL(get_state, pawl__sqlite_get_state);

// Applies |tx| inside the open transaction and fills its result. Another value than PAWL_OK fails
// the whole commit.
enum pawl_err pawl__sqlite_apply_state(struct pawl_sqlite *store, struct pawl_state_tx *tx,
                                       struct pawl_error *error);

#endif
