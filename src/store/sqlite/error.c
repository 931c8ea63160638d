#include "store/sqlite/internal.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

// The errno behind SQLITE_IOERR. SQLite does not always note it on the connection (not for a failed
// COMMIT), but its files remember: the WAL, and the database.
static int error_reason(sqlite3 *db) {
    sqlite3_file *wal = NULL;
    int reason = 0;
    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (wal && wal->pMethods) wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &reason);
    if (!reason) sqlite3_file_control(db, "main", SQLITE_FCNTL_LAST_ERRNO, &reason);
    return reason ? reason : sqlite3_system_errno(db);
}

enum pawl_err pawl__sqlite_fail(const struct pawl_sqlite *store, sqlite3 *db, const char *doing,
                                struct pawl_error *error) {
    const char *path = store->path;
    int code = sqlite3_extended_errcode(db);
    int reason = (code & 0xff) == SQLITE_IOERR ? error_reason(db) : sqlite3_system_errno(db);
    switch (code & 0xff) {
    case SQLITE_NOMEM: return pawl__fail_plain(error, PAWL_E_NOMEM);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return pawl__fail(error, PAWL_E_UNAVAILABLE,
                          "%s: cannot %s: another program has locked the file for longer than %lld "
                          "ms; close other SQLite programs that use it",
                          path, doing, (long long)(store->busy_timeout / PAWL_MILLISECOND));
    case SQLITE_FULL:
        return pawl__fail(error, PAWL_E_FULL,
                          "%s: cannot %s: the disk is full; free some space, nothing is lost", path,
                          doing);
    case SQLITE_IOERR:
        if (code == SQLITE_IOERR_NOMEM) return pawl__fail_plain(error, PAWL_E_NOMEM);
        if (reason == ENOSPC || reason == EDQUOT)
            return pawl__fail(error, PAWL_E_FULL,
                              "%s: cannot %s: %s; free some space, nothing is lost", path, doing,
                              strerror(reason));
        if (reason == EFBIG)
            return pawl__fail(error, PAWL_E_FULL,
                              "%s: cannot %s: the file may not grow; raise the limit on file sizes "
                              "(ulimit -f), nothing is lost",
                              path, doing);
        return pawl__fail(
            error, PAWL_E_IO, "%s: cannot %s: %s (%s); check the disk and the system's log", path,
            doing, reason ? strerror(reason) : "input or output failed", sqlite3_errmsg(db));
    case SQLITE_NOTADB:
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "%s is not an SQLite database, or it is encrypted; give the path of "
                          "another file, or move this one away",
                          path);
    case SQLITE_CORRUPT:
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "%s: cannot %s: the database is damaged (%s); keep a copy of it and its "
                          "-wal file, then restore a backup or try \"sqlite3 FILE .recover\"",
                          path, doing, sqlite3_errmsg(db));
    case SQLITE_READONLY:
        return pawl__fail(error, PAWL_E_IO,
                          "%s: cannot %s: the file or its directory is read-only; make both "
                          "writable for this user",
                          path, doing);
    case SQLITE_CANTOPEN: return pawl__sqlite_fail_open(path, reason, error);
    case SQLITE_PERM:
    case SQLITE_AUTH: return pawl__sqlite_fail_open(path, EACCES, error);
    case SQLITE_TOOBIG:
        return pawl__fail(error, PAWL_E_TOO_LARGE, "%s: cannot %s: the value is too large", path,
                          doing);
    default:
        return pawl__fail(error, PAWL_E_INTERNAL, "%s: cannot %s: %s (SQLite error %d)", path,
                          doing, sqlite3_errmsg(db), code);
    }
}

enum pawl_err pawl__sqlite_fail_open(const char *path, int reason, struct pawl_error *error) {
    struct stat info;
    char *copy = pawl__str_dup(pawl__str(path));
    if (!copy) return pawl__fail_plain(error, PAWL_E_NOMEM);
    const char *directory = dirname(copy);
    // SQLite tries again, to read only, and then tells that there is no file.
    if (reason == ENOENT && access(directory, W_OK)) reason = errno;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        pawl__fail(error, PAWL_E_IO, "%s is a directory; give the path of a file", path);
    else if (stat(directory, &info) != 0)
        pawl__fail(error, PAWL_E_IO, "cannot open %s: directory %s: %s; create it first", path,
                   directory, strerror(errno));
    else if (!S_ISDIR(info.st_mode))
        pawl__fail(error, PAWL_E_IO, "cannot open %s: %s is not a directory", path, directory);
    else if (reason == EMFILE || reason == ENFILE)
        pawl__fail(error, PAWL_E_IO, "cannot open %s: %s; raise the limit (ulimit -n)", path,
                   strerror(reason));
    else
        pawl__fail(error, PAWL_E_IO,
                   "cannot open %s: %s; the file and its directory must be writable for this user",
                   path, reason ? strerror(reason) : "the system refuses it");
    free(copy);
    return PAWL_E_IO;
}

enum pawl_err pawl__sqlite_fail_row(const struct pawl_sqlite *store, enum pawl_err err,
                                    const char *what, struct pawl_error *error) {
    if (err == PAWL_E_FORMAT)
        return pawl__fail(error, err,
                          "%s: %s was written by a newer Pawl; use that version or a later one",
                          store->path, what);
    if (err == PAWL_E_NOMEM) return pawl__fail_plain(error, err);
    return pawl__fail(error, PAWL_E_CORRUPT,
                      "%s: %s is damaged; keep a copy of the file and its -wal file, then restore "
                      "a backup",
                      store->path, what);
}
