// Mailboxes: a row for each message, by app, shard and key.

#include "store/row.h"
#include "store/sqlite/internal.h"

#include <stdio.h>

static void mail_bind(sqlite3_stmt *statement, const struct pawl_mail *mail) {
    pawl__sqlite_bind_text(statement, 1, mail->app);
    sqlite3_bind_int64(statement, 2, mail->number);
    pawl__sqlite_bind_blob(statement, 3, mail->key);
}

enum pawl_err pawl__sqlite_mail_put(struct pawl_sqlite *store, const struct pawl_mail *mail,
                                    struct pawl_error *error) {
    pawl__buf_clear(&store->row);
    enum pawl_err err = pawl__row_seal_letter(&store->row, mail->bytes, error);
    if (err) return err;
    sqlite3_stmt *put = store->statements[PAWL_SQL_MAIL_PUT];
    mail_bind(put, mail);
    pawl__sqlite_bind_blob(put, 4, pawl__buf_str(&store->row));
    if (pawl__sqlite_run(store, PAWL_SQL_MAIL_PUT))
        return pawl__sqlite_fail(store, store->writer, "post a message", error);
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_mail_take(struct pawl_sqlite *store, const struct pawl_mail *mail,
                                     struct pawl_error *error) {
    mail_bind(store->statements[PAWL_SQL_MAIL_TAKE], mail);
    if (pawl__sqlite_run(store, PAWL_SQL_MAIL_TAKE))
        return pawl__sqlite_fail(store, store->writer, "remove a message", error);
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                     struct pawl_str after, size_t limit, pawl_mail_fn fn,
                                     void *arg, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_MAIL];
    mail_bind(find, &(struct pawl_mail){.app = app, .number = number, .key = after});
    sqlite3_bind_int64(find, 4, limit ? (sqlite3_int64)limit : -1);
    struct pawl_arena room = {0};
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        struct pawl_mail mail = {.app = app, .number = number, .key = pawl__sqlite_column(find, 0)};
        pawl__arena_reset(&room);
        err = pawl__row_open(pawl__sqlite_column(find, 1), &room, &mail.bytes);
        if (err) {
            char what[128];
            snprintf(what, sizeof what, "a message for shard %u of %.*s", number, PAWL_FMT(app));
            pawl__sqlite_fail_row(store, err, what, error);
        } else {
            err = fn(arg, &mail, error);
        }
    }
    pawl__arena_finish(&room);
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_MAIL, err, rc, error);
}
