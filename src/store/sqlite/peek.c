// Looks into a file without making anything of it.

#include <sqlite3.h>
#include <string.h>

#include "store/sqlite/sqlite.h"

static enum pawl_err peek_fail(struct pawl_error *error, const char *path, int rc) {
    if (rc == SQLITE_ERROR || rc == SQLITE_NOTADB) // there is no such table
        return pawl__fail(error, PAWL_E_INVALID, "%s is no file with workflows in it", path);
    return pawl__fail(error, PAWL_E_IO, "cannot read %s: %s", path, sqlite3_errstr(rc));
}

enum pawl_err pawl__sqlite_peek(const char *path, struct pawl_str app, bool *has,
                                struct pawl_error *error) {
    sqlite3 *db = NULL;
    sqlite3_stmt *find = NULL;
    *has = false;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL);
    if (!rc) rc = sqlite3_busy_timeout(db, 2000);
    if (!rc) rc = sqlite3_prepare_v2(db, "SELECT 1 FROM pawl_shard WHERE app=?1", -1, &find, NULL);
    if (!rc) rc = sqlite3_bind_text(find, 1, app.data, (int)app.len, SQLITE_STATIC);
    if (!rc) rc = sqlite3_step(find);
    *has = rc == SQLITE_ROW;
    sqlite3_finalize(find);
    sqlite3_close(db);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? PAWL_OK : peek_fail(error, path, rc);
}
