// The layout of the file: its tables, and how those of an earlier format become those of today.
//
// Tables, all of ours with the prefix pawl_; state and metadata are laid out by Dapr:
//
//     pawl_meta       format of this file
//     pawl_app        how many shards each app has
//     pawl_member     the daemons of an app
//     pawl_shard      lease epochs, holders, and how far each log was trimmed
//     pawl_log        key = shard << 40 | position, row = a sealed batch (row.h)
//     pawl_instance   a snapshot, with its history while that is of one part
//     pawl_history    the parts of longer histories
//     pawl_count      how many instances there are by name and status (count.c)
//     pawl_text       the same by tags and by custom status
//     pawl_mail       messages that wait for a shard
//     state           keys of the user
//     metadata        "migrations", Dapr's count of changes to the layout of its tables

#include "store/sqlite/internal.h"

#define SCHEMA_FORMAT      3
#define SCHEMA_QUOTE_(x)   #x
#define SCHEMA_QUOTE(x)    SCHEMA_QUOTE_(x)
#define SCHEMA_FORMAT_TEXT SCHEMA_QUOTE(SCHEMA_FORMAT)

// For programs that know nothing of pawl_count and pawl_text: an earlier Pawl, the sqlite3 shell.
// They keep them, too, as the triggers stand in the file. They do not run here, see
// pawl__sqlite_count_by_hand.
#define SCHEMA_COUNT_NEW                                                                           \
    " INSERT INTO pawl_count VALUES(new.shard, new.name, new.status, 1)"                           \
    " ON CONFLICT DO UPDATE SET count=count+1; "
#define SCHEMA_COUNT_OLD                                                                           \
    " UPDATE pawl_count SET count=count-1"                                                         \
    " WHERE shard=old.shard AND name=old.name AND status=old.status;"

#define SCHEMA_TEXT_NEW(kind, column)                                                              \
    " INSERT INTO pawl_text SELECT new.shard, " kind ", new." column ", new.name, new.status, 1"   \
    " WHERE new." column "<>'' ON CONFLICT DO UPDATE SET count=count+1;"
#define SCHEMA_TEXT_WAS(kind, column)                                                              \
    " WHERE shard=old.shard AND kind=" kind " AND text=old." column " AND name=old.name"           \
    " AND status=old.status"
#define SCHEMA_TEXT_OLD(kind, column)                                                              \
    " UPDATE pawl_text SET count=count-1" SCHEMA_TEXT_WAS(                                         \
        kind, column) "; DELETE FROM pawl_text" SCHEMA_TEXT_WAS(kind, column) " AND count<1;"
#define SCHEMA_TEXTS_NEW SCHEMA_TEXT_NEW("0", "tags") SCHEMA_TEXT_NEW("1", "custom_status")
#define SCHEMA_TEXTS_OLD SCHEMA_TEXT_OLD("0", "tags") SCHEMA_TEXT_OLD("1", "custom_status")

// A number in front of the tables' own: what a newer Pawl added must not be touched by this one.
static const char schema_ours[] =
    "CREATE TABLE IF NOT EXISTS pawl_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO pawl_meta VALUES('format', " SCHEMA_FORMAT_TEXT ");"
    "CREATE TABLE IF NOT EXISTS pawl_shard("
    "    id INTEGER PRIMARY KEY,"
    "    app TEXT NOT NULL,"
    "    number INTEGER NOT NULL,"
    "    epoch INTEGER NOT NULL DEFAULT 0,"
    "    owner TEXT NOT NULL DEFAULT '',"
    "    trimmed INTEGER NOT NULL DEFAULT 0," // the log's rows up to this one are gone
    "    UNIQUE(app, number));"
    "CREATE TABLE IF NOT EXISTS pawl_log(key INTEGER PRIMARY KEY, row BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS pawl_instance("
    "    row INTEGER PRIMARY KEY,"
    "    shard INTEGER NOT NULL,"
    "    id TEXT NOT NULL,"
    "    position INTEGER NOT NULL,"
    "    name TEXT NOT NULL,"
    "    status INTEGER NOT NULL,"
    "    created_at INTEGER NOT NULL," // times are nanoseconds since 1970
    "    updated_at INTEGER NOT NULL,"
    "    completed_at INTEGER NOT NULL,"
    "    wake_at INTEGER NOT NULL,"
    "    active INTEGER NOT NULL,"
    "    live INTEGER NOT NULL," // active, or with a timer
    "    parent TEXT NOT NULL DEFAULT '',"
    "    tags TEXT NOT NULL DEFAULT '',"
    "    custom_status TEXT NOT NULL DEFAULT '',"
    "    failure_type TEXT NOT NULL DEFAULT '',"
    "    filled INTEGER NOT NULL DEFAULT 0," // the four above are, see fill.c
    "    state BLOB NOT NULL,"
    "    history BLOB," // NULL: in pawl_history, if there is any
    "    UNIQUE(shard, id));"
    "CREATE INDEX IF NOT EXISTS pawl_instance_live ON pawl_instance(shard) WHERE live=1;"
    // All that filters ask for stands in it, in the order of lists: what does not fit is passed
    // over without a look at its row, which has the history beside it.
    "CREATE INDEX IF NOT EXISTS pawl_instance_listed ON pawl_instance(shard, created_at, id,"
    "    status, completed_at, name, parent, failure_type, tags, custom_status);"
    // What filters with few rows take. They stand empty beside most workflows, and so cost next
    // to nothing.
    "CREATE INDEX IF NOT EXISTS pawl_instance_parent ON pawl_instance(shard, parent,"
    "    created_at, id, status, completed_at, name, failure_type, tags, custom_status) WHERE"
    "    parent<>'';"
    "CREATE INDEX IF NOT EXISTS pawl_instance_rare ON pawl_instance(shard, status, created_at,"
    "    id, completed_at, name, parent, failure_type, tags, custom_status) "
    "WHERE " PAWL_SQLITE_IS_RARE ";"
    "CREATE TABLE IF NOT EXISTS pawl_count("
    "    shard INTEGER NOT NULL,"
    "    name TEXT NOT NULL,"
    "    status INTEGER NOT NULL,"
    "    count INTEGER NOT NULL," // 0: of a name that has others
    "    PRIMARY KEY(shard, name, status)) WITHOUT ROWID;"
    "INSERT INTO pawl_count SELECT shard, name, status, count(*) FROM pawl_instance WHERE NOT"
    "    EXISTS(SELECT 1 FROM pawl_meta WHERE key='counted') GROUP BY shard, name, status;"
    "INSERT OR IGNORE INTO pawl_meta VALUES('counted', 1);"
    "CREATE TRIGGER IF NOT EXISTS pawl_count_put AFTER INSERT ON pawl_instance "
    "BEGIN" SCHEMA_COUNT_NEW "END;"
    "CREATE TRIGGER IF NOT EXISTS pawl_count_change AFTER UPDATE OF name, status ON"
    "    pawl_instance WHEN old.status<>new.status OR old.name<>new.name BEGIN" SCHEMA_COUNT_OLD
        SCHEMA_COUNT_NEW "END;"
    "CREATE TRIGGER IF NOT EXISTS pawl_count_delete AFTER DELETE ON pawl_instance "
    "BEGIN" SCHEMA_COUNT_OLD " DELETE FROM pawl_count WHERE shard=old.shard AND name=old.name AND"
    "    count=0; END;"
    "CREATE TABLE IF NOT EXISTS pawl_text("
    "    shard INTEGER NOT NULL,"
    "    kind INTEGER NOT NULL," // 0: tags, 1: custom status
    "    text TEXT NOT NULL,"    // all of it, never empty
    "    name TEXT NOT NULL,"
    "    status INTEGER NOT NULL,"
    "    count INTEGER NOT NULL," // never 0
    "    PRIMARY KEY(shard, kind, text, name, status)) WITHOUT ROWID;"
    "INSERT INTO pawl_text SELECT shard, 0, tags, name, status, count(*) FROM pawl_instance"
    "    WHERE tags<>'' AND NOT EXISTS(SELECT 1 FROM pawl_meta WHERE key='counted texts') GROUP"
    "    BY shard, tags, name, status;"
    "INSERT INTO pawl_text SELECT shard, 1, custom_status, name, status, count(*) FROM"
    "    pawl_instance WHERE custom_status<>'' AND NOT EXISTS(SELECT 1 FROM pawl_meta WHERE"
    "    key='counted texts') GROUP BY shard, custom_status, name, status;"
    "INSERT OR IGNORE INTO pawl_meta VALUES('counted texts', 1);"
    "CREATE TRIGGER IF NOT EXISTS pawl_text_put AFTER INSERT ON pawl_instance "
    "BEGIN" SCHEMA_TEXTS_NEW " END;"
    "CREATE TRIGGER IF NOT EXISTS pawl_text_change AFTER UPDATE OF name, status, tags,"
    "    custom_status ON pawl_instance WHEN old.status<>new.status OR old.name<>new.name OR"
    "    old.tags<>new.tags OR old.custom_status<>new.custom_status BEGIN" SCHEMA_TEXTS_OLD
        SCHEMA_TEXTS_NEW " END;"
    "CREATE TRIGGER IF NOT EXISTS pawl_text_delete AFTER DELETE ON pawl_instance "
    "BEGIN" SCHEMA_TEXTS_OLD " END;"
    "CREATE TABLE IF NOT EXISTS pawl_history("
    "    row INTEGER PRIMARY KEY,"
    "    instance INTEGER NOT NULL," // pawl_instance.row
    "    first INTEGER NOT NULL,"    // number of the first event in it
    "    events BLOB NOT NULL,"
    "    UNIQUE(instance, first));"
    "CREATE TABLE IF NOT EXISTS pawl_app(name TEXT PRIMARY KEY, shards INTEGER NOT NULL)"
    "    WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS pawl_mail("
    "    app TEXT NOT NULL,"
    "    number INTEGER NOT NULL,"
    "    key BLOB NOT NULL,"
    "    row BLOB NOT NULL,"
    "    PRIMARY KEY(app, number, key));"
    "CREATE TABLE IF NOT EXISTS pawl_member("
    "    row INTEGER PRIMARY KEY,"
    "    app TEXT NOT NULL,"
    "    id TEXT NOT NULL,"
    "    address TEXT NOT NULL,"
    "    info BLOB NOT NULL,"
    "    workers INTEGER NOT NULL,"
    "    loops INTEGER NOT NULL,"
    "    joined_at INTEGER NOT NULL,"
    "    UNIQUE(app, id));";

// From one format to the next.
static const char *const schema_upgrades[] = {
    "ALTER TABLE pawl_instance ADD COLUMN parent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN custom_status TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN failure_type TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;"
    "INSERT OR REPLACE INTO pawl_meta VALUES('unfilled', 1);"
    "UPDATE pawl_meta SET value=2 WHERE key='format';",
    // Nothing but rows that may be compressed (row.h). A table that comes and goes lets who
    // has the file open look at its format (pawl__sqlite_keep_up).
    "CREATE TABLE pawl_changed(id); DROP TABLE pawl_changed;"
    "UPDATE pawl_meta SET value=3 WHERE key='format';",
};

static const char schema_state[] =
    "CREATE TABLE IF NOT EXISTS \"%w\"(key text NOT NULL PRIMARY KEY, value text NOT NULL);"
    "INSERT OR IGNORE INTO \"%w\"(key, value) VALUES('migrations', '1');"
    "CREATE TABLE IF NOT EXISTS \"%w\"("
    "    key TEXT NOT NULL PRIMARY KEY,"
    "    value TEXT NOT NULL,"
    "    is_binary BOOLEAN NOT NULL,"
    "    etag TEXT NOT NULL,"
    "    expiration_time TIMESTAMP DEFAULT NULL,"
    "    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);";

enum pawl_err pawl__sqlite_exec(struct pawl_sqlite *store, sqlite3 *db, const char *sql,
                                struct pawl_error *error) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? pawl__sqlite_fail(store, db, "open it", error)
                                                   : PAWL_OK;
}

// Reads one number; |otherwise| when there is no such row or table.
static enum pawl_err schema_number(struct pawl_sqlite *store, const char *table, const char *key,
                                   int64_t otherwise, int64_t *out, struct pawl_error *error) {
    *out = otherwise;
    if (sqlite3_table_column_metadata(store->writer, "main", table, "value", NULL, NULL, NULL, NULL,
                                      NULL) != SQLITE_OK)
        return sqlite3_errcode(store->writer) == SQLITE_ERROR
                   ? PAWL_OK
                   : pawl__sqlite_fail(store, store->writer, "open it", error);
    char *sql =
        sqlite3_mprintf("SELECT CAST(value AS INTEGER) FROM \"%w\" WHERE key=%Q", table, key);
    sqlite3_stmt *find = NULL;
    if (!sql) return pawl__fail_plain(error, PAWL_E_NOMEM);
    int rc = sqlite3_prepare_v2(store->writer, sql, -1, &find, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && sqlite3_step(find) == SQLITE_ROW) *out = sqlite3_column_int64(find, 0);
    if (rc == SQLITE_OK) rc = sqlite3_reset(find);
    enum pawl_err err =
        rc ? pawl__sqlite_fail(store, store->writer, "read its format", error) : PAWL_OK;
    sqlite3_finalize(find);
    return err;
}

static enum pawl_err schema_upgrade(struct pawl_sqlite *store, int64_t format,
                                    struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (; !err && format < SCHEMA_FORMAT; format++)
        err = pawl__sqlite_exec(store, store->writer, schema_upgrades[format - 1], error);
    return err;
}

static enum pawl_err schema_read_format(struct pawl_sqlite *store, int64_t *format,
                                        struct pawl_error *error) {
    enum pawl_err err = schema_number(store, "pawl_meta", "format", SCHEMA_FORMAT, format, error);
    if (err || *format <= SCHEMA_FORMAT) return err;
    return pawl__fail(error, PAWL_E_FORMAT,
                      "%s has format %lld, and this Pawl reads up to format %d; use the Pawl that "
                      "wrote it or a later one",
                      store->path, (long long)*format, SCHEMA_FORMAT);
}

static enum pawl_err schema_check_format(struct pawl_sqlite *store, struct pawl_error *error) {
    int64_t format, migrations, unfilled;
    enum pawl_err err = schema_read_format(store, &format, error);
    if (err) return err;
    err = format < 1 ? pawl__sqlite_fail_row(store, PAWL_E_CORRUPT, "the format's number", error)
                     : schema_upgrade(store, format, error);
    if (!err) err = schema_number(store, "pawl_meta", "unfilled", 0, &unfilled, error);
    if (err) return err;
    store->unfilled = unfilled;
    err = schema_number(store, store->metadata_table, "migrations", 1, &migrations, error);
    if (err) return err;
    if (migrations > 1)
        return pawl__fail(error, PAWL_E_FORMAT,
                          "%s: table %s was changed by a newer Dapr (migration %lld, known is 1); "
                          "use a newer Pawl, or another table or file",
                          store->path, store->state_table, (long long)migrations);
    return PAWL_OK;
}

// Makes our tables. A Pawl that knows pawl_count and not pawl_text keeps the triggers from running
// for as long as it has the file open. So what is counted of texts while it may be there is not
// believed, and counted again by the first that opens the file when nobody else uses it.
static enum pawl_err schema_create_ours(struct pawl_sqlite *store, struct pawl_error *error) {
    int64_t counted; // -1: not yet, 0: not to be believed
    bool in_use = pawl__sqlite_is_in_use(store);
    enum pawl_err err = schema_number(store, "pawl_meta", "counted texts", -1, &counted, error);
    if (!err && counted == 0 && !in_use)
        err = pawl__sqlite_exec(store, store->writer,
                                "DELETE FROM pawl_text;"
                                "DELETE FROM pawl_meta WHERE key='counted texts'",
                                error);
    if (!err) err = pawl__sqlite_exec(store, store->writer, schema_ours, error);
    if (!err && counted < 0 && in_use)
        err = pawl__sqlite_exec(store, store->writer,
                                "UPDATE pawl_meta SET value=0 WHERE key='counted texts'", error);
    store->texts_doubted = counted < 1 && in_use;
    return err;
}

enum pawl_err pawl__sqlite_create_tables(struct pawl_sqlite *store, struct pawl_error *error) {
    char *state = NULL;
    enum pawl_err err = pawl__sqlite_exec(store, store->writer, "BEGIN IMMEDIATE", error);
    if (err) return err;
    err = schema_check_format(store, error);
    if (err) goto end;
    state = sqlite3_mprintf(schema_state, store->metadata_table, store->metadata_table,
                            store->state_table);
    err = state ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = schema_create_ours(store, error);
    if (!err) err = pawl__sqlite_exec(store, store->writer, state, error);
    if (!err) err = pawl__sqlite_exec(store, store->writer, "COMMIT", error);
end:
    sqlite3_free(state);
    if (!sqlite3_get_autocommit(store->writer))
        sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

enum pawl_err pawl__sqlite_count_by_hand(struct pawl_sqlite *store, struct pawl_error *error) {
    static const char foreign[] =
        "SELECT EXISTS(SELECT 1 FROM sqlite_schema WHERE type='trigger' AND name NOT IN "
        "('pawl_count_put', 'pawl_count_change', 'pawl_count_delete', 'pawl_text_put', "
        "'pawl_text_change', 'pawl_text_delete'))";
    sqlite3_stmt *find = NULL;
    int rc = sqlite3_prepare_v2(store->writer, foreign, -1, &find, NULL);
    if (rc == SQLITE_OK && sqlite3_step(find) == SQLITE_ROW)
        store->triggers = sqlite3_column_int(find, 0);
    if (rc == SQLITE_OK) rc = sqlite3_reset(find);
    sqlite3_finalize(find);
    if (rc == SQLITE_OK)
        rc =
            sqlite3_db_config(store->writer, SQLITE_DBCONFIG_ENABLE_TRIGGER, store->triggers, NULL);
    return rc ? pawl__sqlite_fail(store, store->writer, "look for triggers", error) : PAWL_OK;
}

enum pawl_err pawl__sqlite_keep_up(struct pawl_sqlite *store, struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_SCHEMA_VERSION];
    int64_t version = sqlite3_step(find) == SQLITE_ROW ? sqlite3_column_int64(find, 0) : 0, format;
    if (sqlite3_reset(find)) return pawl__sqlite_fail(store, store->writer, "write", error);
    if (version == store->schema_version) return PAWL_OK;
    enum pawl_err err = schema_read_format(store, &format, error);
    if (!err) err = pawl__sqlite_count_by_hand(store, error);
    if (!err) store->schema_version = version;
    return err;
}
