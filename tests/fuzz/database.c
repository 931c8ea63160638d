// An SQLite file that somebody has changed. Steps, each a byte that chooses it:
//
//   0  bytes of the file: where (three bytes), the bytes
//   1  the file is cut: where
//   2  a column by SQL: which (a byte), a byte for the value's type, the value
//   3  a row is removed: of which table
//
// A column's value comes past the file's own structure, so it meets what reads the rows.

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/buf.h"
#include "fuzz.h"
#include "store/sqlite/sqlite.h"

static char database_path[64];
static struct pawl_buf database_image;

static const struct {
    const char *table, *column;
} database_columns[] = {
    {"pawl_meta", "value"},
    {"pawl_shard", "app"},
    {"pawl_shard", "epoch"},
    {"pawl_shard", "trimmed"},
    {"pawl_shard", "owner"},
    {"pawl_log", "key"},
    {"pawl_log", "row"},
    {"pawl_instance", "shard"},
    {"pawl_instance", "id"},
    {"pawl_instance", "position"},
    {"pawl_instance", "name"},
    {"pawl_instance", "status"},
    {"pawl_instance", "wake_at"},
    {"pawl_instance", "active"},
    {"pawl_instance", "live"},
    {"pawl_instance", "state"},
    {"pawl_instance", "history"},
    {"pawl_history", "instance"},
    {"pawl_history", "first"},
    {"pawl_history", "events"},
    {"state", "key"},
    {"state", "value"},
    {"state", "is_binary"},
    {"state", "etag"},
    {"state", "expiration_time"},
    {"metadata", "value"},
    {"pawl_instance", "created_at"},
    {"sqlite_master", "sql"},
};

enum {
    DATABASE_COLUMNS = sizeof database_columns / sizeof *database_columns
};

static void database_remove(void) {
    static const char *const tails[] = {"", "-wal", "-shm", "-journal", "-pawl"};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        char path[80];
        snprintf(path, sizeof path, "%s%s", database_path, tails[i]);
        unlink(path);
    }
}

static struct pawl_store *database_open(struct pawl_error *error) {
    struct pawl_store *store;
    const struct pawl_sqlite_options options = {.path = database_path};
    return pawl__sqlite_open(&options, &store, error) ? NULL : store;
}

static void database_fill(struct pawl_store *store) {
    struct pawl_error error;
    struct pawl_lease lease;
    FUZZ_CHECK(!store->ops->lease(store, PAWL_STR("app"), 0, PAWL_STR("me"), 0, &lease, &error));
    const struct pawl_state_op ops[] = {
        {.key = PAWL_STR("app||one"), .value = PAWL_STR("{\"a\":1}")},
        {.key = PAWL_STR("app||two"), .value = PAWL_STR("\0\xff"), .is_binary = true, .ttl = 9999},
    };
    for (uint64_t position = 1; position <= 4; position++) {
        struct pawl_state_tx state = {.ops = ops, .op_count = 2};
        const struct pawl_batch batch = {position, PAWL_STR("the records of a batch")};
        struct pawl_snapshot snapshots[] = {
            {.id = PAWL_STR("a"), .name = PAWL_STR("w"), .active = true, .state = PAWL_STR("s")},
            {.id = PAWL_STR("b"), .name = PAWL_STR("w"), .wake_at = 5, .state = PAWL_STR("s")},
        };
        for (int i = 0; i < 2; i++) {
            snapshots[i].position = position;
            snapshots[i].history = PAWL_STR("some events");
            snapshots[i].history_from = i ? 0 : (uint32_t)position - 1;
        }
        const struct pawl_mail mail = {
            .app = PAWL_STR("app"), .key = PAWL_STR("k"), .bytes = PAWL_STR("a message")};
        struct pawl_part part = {.lease = &lease,
                                 .batch = &batch,
                                 .snapshots = snapshots,
                                 .snapshot_count = 2,
                                 .mail_out = &mail,
                                 .mail_out_count = 1,
                                 .trim_to = position / 2};
        const struct pawl_commit commit = {.parts = &part, .state = &state};
        FUZZ_CHECK(store->ops->commit(store, &commit, &error) == PAWL_COMMIT_DONE &&
                   !part.result.code && !state.result.code);
    }
}

static void database_make(void) {
    struct pawl_error error;
    const char *folder = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
    snprintf(database_path, sizeof database_path, "%s/pawl-fuzz-%d.db", folder, (int)getpid());
    database_remove();
    atexit(database_remove);
    struct pawl_store *store = database_open(&error);
    FUZZ_CHECK(store);
    database_fill(store);
    store->ops->close(store);
    int fd = open(database_path, O_RDONLY);
    uint8_t *room = pawl__buf_reserve(&database_image, 1 << 20);
    ssize_t len = fd < 0 ? -1 : read(fd, room, 1 << 20);
    FUZZ_CHECK(len > 0 && len < 1 << 20);
    database_image.len = (size_t)len;
    close(fd);
}

static void database_sql(const char *sql, unsigned type, struct pawl_str value) {
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    memcpy(&number, value.data, value.len < 8 ? value.len : 8);
    if (sqlite3_open(database_path, &db) == SQLITE_OK) {
        sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, (int *)NULL);
        sqlite3_exec(db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
        if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK) {
            if (type == 0) sqlite3_bind_int64(statement, 1, number);
            if (type == 1) sqlite3_bind_text(statement, 1, value.data, (int)value.len, NULL);
            if (type == 2) sqlite3_bind_blob(statement, 1, value.data, (int)value.len, NULL);
            if (type == 3) sqlite3_bind_double(statement, 1, (double)number * 0.5);
            sqlite3_step(statement);
        }
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

static void database_step(struct fuzz_input *input) {
    unsigned kind = fuzz_byte(input), which = fuzz_byte(input) % DATABASE_COLUMNS;
    unsigned more = fuzz_byte(input);
    off_t at = (off_t)((which | more << 8 | (kind >> 4) << 16) % database_image.len);
    char sql[128];
    switch (kind & 15) {
    case 0: {
        struct pawl_str bytes = fuzz_piece(input);
        int fd = open(database_path, O_WRONLY);
        FUZZ_CHECK(fd >= 0 && pwrite(fd, bytes.data, bytes.len, at) == (ssize_t)bytes.len);
        close(fd);
        break;
    }
    case 1: FUZZ_CHECK(truncate(database_path, at) == 0); break;
    case 2:
        snprintf(sql, sizeof sql, "UPDATE OR REPLACE %s SET %s=?1 WHERE rowid %% 2 = %u",
                 database_columns[which].table, database_columns[which].column, more >> 7);
        if (strcmp(database_columns[which].table, "pawl_meta") == 0)
            snprintf(sql, sizeof sql, "UPDATE pawl_meta SET value=?1");
        database_sql(sql, more & 7, fuzz_piece(input));
        break;
    case 3:
        snprintf(sql, sizeof sql, "DELETE FROM %s WHERE rowid %% 2 = %u",
                 database_columns[which].table, more >> 7);
        database_sql(sql, 4, PAWL_STR(""));
        break;
    default: break;
    }
}

// --- reading ------------------------------------------------------------------------------------

static void database_look(struct pawl_str bytes) {
    free((char *)fuzz_copy(bytes).data);
}

static enum pawl_err database_on_batch(void *arg, const struct pawl_batch *batch,
                                       struct pawl_error *error) {
    uint64_t *last = arg;
    FUZZ_CHECK(!*last || batch->position == *last + 1);
    *last = batch->position;
    database_look(batch->records);
    return PAWL_OK;
}

static enum pawl_err database_on_row(void *arg, const struct pawl_snapshot *row,
                                     struct pawl_error *error) {
    database_look(row->id);
    database_look(row->name);
    return PAWL_OK;
}

static enum pawl_err database_on_mail(void *arg, const struct pawl_mail *mail,
                                      struct pawl_error *error) {
    database_look(mail->key);
    database_look(mail->bytes);
    return PAWL_OK;
}

static void database_read(struct pawl_store *store) {
    static const char *const ids[] = {"a", "b", "c"};
    static const char *const keys[] = {"app||one", "app||two", "app||three"};
    struct pawl_error error = {PAWL_OK, ""};
    struct pawl_arena arena = {0};
    struct pawl_snapshot snapshot;
    struct pawl_state_value value;
    struct pawl_query query = {.order = PAWL_ORDER_NEWEST};
    struct pawl_holder *holders;
    struct pawl_member *members;
    size_t count;
    uint64_t last = 0;
    store->ops->read_log(store, 1, 0, database_on_batch, &last, &error);
    store->ops->scan_live(store, 1, database_on_row, NULL, &error);
    store->ops->query(store, 1, &query, database_on_row, NULL, &error);
    store->ops->read_mail(store, PAWL_STR("app"), 0, PAWL_STR(""), 0, database_on_mail, NULL,
                          &error);
    if (!store->ops->holders(store, PAWL_STR("app"), &arena, &holders, &count, &error))
        for (size_t i = 0; i < count; i++) database_look(holders[i].owner);
    if (!store->ops->members(store, PAWL_STR("app"), &arena, &members, &count, &error))
        for (size_t i = 0; i < count; i++) database_look(members[i].id);
    for (int i = 0; i < 3; i++) {
        enum pawl_err err =
            store->ops->load(store, 1, pawl__str(ids[i]), &arena, &snapshot, &error);
        FUZZ_CHECK(!err || *error.text);
        if (!err) database_look(snapshot.state), database_look(snapshot.history);
        if (!store->ops->get_state(store, pawl__str(keys[i]), &arena, &value, &error) &&
            value.found)
            database_look(value.value), database_look(value.etag);
    }
    pawl__arena_finish(&arena);
}

static void database_write(struct pawl_store *store) {
    struct pawl_error error = {PAWL_OK, ""};
    struct pawl_lease lease;
    if (store->ops->lease(store, PAWL_STR("app"), 0, PAWL_STR("me"), 0, &lease, &error)) {
        FUZZ_CHECK(*error.text);
        return;
    }
    const struct pawl_batch batch = {lease.position + 1, PAWL_STR("records")};
    const struct pawl_str gone = PAWL_STR("b");
    const struct pawl_snapshot snapshot = {.id = PAWL_STR("a"),
                                           .name = PAWL_STR("w"),
                                           .position = batch.position,
                                           .state = PAWL_STR("s"),
                                           .history = PAWL_STR("h"),
                                           .history_from = 4};
    struct pawl_part part = {.lease = &lease,
                             .batch = &batch,
                             .snapshots = &snapshot,
                             .snapshot_count = 1,
                             .deletes = &gone,
                             .delete_count = 1};
    const struct pawl_commit commit = {.parts = &part};
    bool done = store->ops->commit(store, &commit, &error) == PAWL_COMMIT_DONE;
    FUZZ_CHECK(done ? !part.result.code || *part.result.text : *error.text);
    store->ops->tend(store, &error);
    store->ops->release(store, &lease, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct pawl_error error = {PAWL_OK, ""};
    if (!database_image.len) database_make();
    database_remove();
    int fd = open(database_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    FUZZ_CHECK(fd >= 0);
    FUZZ_CHECK(write(fd, database_image.data, database_image.len) == (ssize_t)database_image.len);
    close(fd);
    for (int step = 0; input.left && step < 16; step++) database_step(&input);
    struct pawl_store *store = database_open(&error);
    FUZZ_CHECK(store || *error.text);
    if (!store) return 0;
    database_read(store);
    database_write(store);
    database_read(store);
    store->ops->close(store);
    return 0;
}
