// The VFS of the connection that writes, in front of SQLite's own. It makes checkpoints safe, and
// reads and writes fewer and larger.
//
// All or nothing. A checkpoint that a reader keeps from copying the whole WAL copies a part of it,
// and notes how far it came without having synced that. When a later sync fails, the system may
// drop those pages; the checkpoint after that, whose sync goes well, does not copy them again, and
// the WAL is started anew: they are lost. So a checkpoint that has seen a reader is refused its
// first write, as busy, and copies nothing. (SQLite 3.40 to 3.51, walCheckpoint.)
//
// Fewer, larger pieces. SQLite writes a commit in two pieces for each page, and a checkpoint reads
// and writes page by page; at 90,000 activities a second that is 100,000 calls. Most of what they
// ask for lies side by side.
//
//     SQLite      header│page│header│page│header│page│ sync      (a commit)
//     the file                                     └─ one write, then the sync
//
//  * Writes to the WAL wait in a buffer until one does not continue it, or something else is asked
//    of the file. A commit ends with a sync, and SQLite tells nobody of its frames before that; so
//    a write that fails late makes the same commit fail, and nothing else. (What waited is then
//    gone. SQLite may undo no more than a statement when the disk is full, so whoever is told of
//    an error has to roll the whole transaction back; sqlite/transaction.c does.)
//  * A checkpoint reads the WAL ahead where it goes on from one page to the next. It asks in the
//    order of the database's pages: those of an index were written at many times, and to read
//    ahead for them would copy sixteen pages for each. Our lock keeps other writers out meanwhile.
//  * A checkpoint's writes to the database wait in the same way until it is done. SQLite then cuts
//    the file to its size and syncs it, before it notes that the pages were copied; that is where
//    a write that failed late is told.

#include "store/sqlite/internal.h"

#include <pthread.h>
#include <stdlib.h>

#define VFS_NAME   "pawl"
#define VFS_BUFFER (64 << 10)
#define VFS_FRAME  24 // bytes of a frame's header

// Numbers of the locks on the WAL's index: https://www.sqlite.org/walformat.html#wal_locks
#define VFS_LOCK_CHECKPOINT 1
#define VFS_LOCKS_READ      0xf0 // as bits: of those who read a part of the WAL

struct vfs_file {
    sqlite3_file base;
    struct vfs_file *database, *wal; // of a WAL, of a database
    enum {
        VFS_PLAIN,
        VFS_GATHERS,
        VFS_READS_AHEAD,
        VFS_REFUSES
    } mode;
    bool in_checkpoint;
    unsigned refused; // bits of the locks that this checkpoint did not get
    int failed;       // the error of its late writes
    char *bytes;      // VFS_BUFFER of them, from the first use on
    int len;
    sqlite3_int64 at;    // where in the file they are
    sqlite3_int64 end;   // of what was read last
    sqlite3_file real[]; // as large as the real VFS wants it
};

static struct {
    pthread_once_t once;
    sqlite3_vfs vfs, *real;
} vfs = {.once = PTHREAD_ONCE_INIT};

static struct vfs_file *vfs_of(sqlite3_file *file) {
    return (struct vfs_file *)file;
}

static const sqlite3_io_methods *vfs_real(sqlite3_file *file) {
    return vfs_of(file)->real->pMethods;
}

static bool vfs_has_buffer(struct vfs_file *file) {
    if (!file->bytes) file->bytes = malloc(VFS_BUFFER);
    return file->bytes;
}

// --- writing --------------------------------------------------------------------------------

static int vfs_flush(struct vfs_file *file) {
    if (file->mode != VFS_GATHERS || !file->len) return SQLITE_OK;
    int len = file->len;
    file->len = 0;
    return vfs_real(&file->base)->xWrite(file->real, file->bytes, len, file->at);
}

static int vfs_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at) {
    struct vfs_file *file = vfs_of(base);
    if (file->mode == VFS_REFUSES) return SQLITE_BUSY_TIMEOUT; // SQLITE_BUSY is "done" to a close
    bool waits = file->mode == VFS_GATHERS && len < VFS_BUFFER && vfs_has_buffer(file);
    if (file->len && (!waits || at != file->at + file->len || len > VFS_BUFFER - file->len)) {
        int rc = vfs_flush(file);
        if (rc) return rc;
    }
    if (!waits) return vfs_real(base)->xWrite(file->real, bytes, len, at);
    if (!file->len) file->at = at;
    memcpy(file->bytes + file->len, bytes, (size_t)len);
    file->len += len;
    return SQLITE_OK;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 to) {
    int rc = vfs_of(base)->failed ? vfs_of(base)->failed : vfs_flush(vfs_of(base));
    return rc ? rc : vfs_real(base)->xTruncate(vfs_of(base)->real, to);
}

static int vfs_sync(sqlite3_file *base, int flags) {
    int rc = vfs_of(base)->failed ? vfs_of(base)->failed : vfs_flush(vfs_of(base));
    return rc ? rc : vfs_real(base)->xSync(vfs_of(base)->real, flags);
}

static int vfs_size(sqlite3_file *base, sqlite3_int64 *size) {
    int rc = vfs_flush(vfs_of(base));
    return rc ? rc : vfs_real(base)->xFileSize(vfs_of(base)->real, size);
}

// --- reading --------------------------------------------------------------------------------

static int vfs_read_ahead(struct vfs_file *file, sqlite3_int64 at) {
    sqlite3_int64 size;
    int rc = vfs_real(&file->base)->xFileSize(file->real, &size);
    if (rc) return rc;
    int len = size - at < VFS_BUFFER ? (int)(size - at) : VFS_BUFFER;
    file->len = 0;
    if (len > 0) rc = vfs_real(&file->base)->xRead(file->real, file->bytes, len, at);
    if (rc || len <= 0) return rc;
    file->at = at;
    file->len = len;
    return SQLITE_OK;
}

static bool vfs_goes_on(const struct vfs_file *file, sqlite3_int64 at) {
    return at >= file->end && at - file->end <= VFS_FRAME;
}

static bool vfs_holds(const struct vfs_file *file, int len, sqlite3_int64 at) {
    return at >= file->at && at + len <= file->at + file->len;
}

static int vfs_read(sqlite3_file *base, void *out, int len, sqlite3_int64 at) {
    struct vfs_file *file = vfs_of(base);
    int rc = vfs_flush(file);
    if (!rc && file->mode == VFS_READS_AHEAD) {
        if (!vfs_holds(file, len, at) && vfs_goes_on(file, at)) rc = vfs_read_ahead(file, at);
        file->end = at + len;
        if (!rc && vfs_holds(file, len, at)) {
            memcpy(out, file->bytes + (at - file->at), (size_t)len);
            return SQLITE_OK;
        }
    }
    return rc ? rc : vfs_real(base)->xRead(file->real, out, len, at);
}

// --- checkpoints ----------------------------------------------------------------------------

static void vfs_checkpoint_starts(struct vfs_file *database) {
    struct vfs_file *wal = database->wal;
    database->failed = SQLITE_OK;
    database->mode = database->refused & VFS_LOCKS_READ ? VFS_REFUSES : VFS_GATHERS;
    if (wal && !wal->len && vfs_has_buffer(wal)) wal->mode = VFS_READS_AHEAD;
}

static void vfs_checkpoint_ends(struct vfs_file *database) {
    struct vfs_file *wal = database->wal;
    database->failed = vfs_flush(database);
    database->mode = VFS_PLAIN;
    if (!wal || wal->mode != VFS_READS_AHEAD) return;
    wal->mode = VFS_GATHERS;
    wal->len = 0;
    wal->end = 0;
}

static int vfs_control(sqlite3_file *base, int what, void *arg) {
    if (what == SQLITE_FCNTL_CKPT_START) vfs_checkpoint_starts(vfs_of(base));
    if (what == SQLITE_FCNTL_CKPT_DONE) vfs_checkpoint_ends(vfs_of(base));
    return vfs_real(base)->xFileControl(vfs_of(base)->real, what, arg);
}

// The last connection checkpoints when it closes, under a lock of the whole file, without these.
static int vfs_shm_lock(sqlite3_file *base, int offset, int n, int flags) {
    struct vfs_file *database = vfs_of(base);
    int rc = vfs_real(base)->xShmLock(database->real, offset, n, flags);
    bool locks = flags & SQLITE_SHM_LOCK;
    if (offset == VFS_LOCK_CHECKPOINT) {
        database->in_checkpoint = locks && rc == SQLITE_OK;
        database->refused = 0;
    } else if (database->in_checkpoint && locks) {
        if (rc == SQLITE_BUSY)
            database->refused |= 1U << offset;
        else
            database->refused &= ~(1U << offset); // it has waited
    }
    return rc;
}

// --- what passes through --------------------------------------------------------------------

static int vfs_lock(sqlite3_file *base, int level) {
    return vfs_real(base)->xLock(vfs_of(base)->real, level);
}

static int vfs_unlock(sqlite3_file *base, int level) {
    return vfs_real(base)->xUnlock(vfs_of(base)->real, level);
}

static int vfs_check_lock(sqlite3_file *base, int *out) {
    return vfs_real(base)->xCheckReservedLock(vfs_of(base)->real, out);
}

static int vfs_sector_size(sqlite3_file *base) {
    return vfs_real(base)->xSectorSize(vfs_of(base)->real);
}

static int vfs_character(sqlite3_file *base) {
    return vfs_real(base)->xDeviceCharacteristics(vfs_of(base)->real);
}

static int vfs_shm_map(sqlite3_file *base, int page, int size, int extend, void volatile **out) {
    return vfs_real(base)->xShmMap(vfs_of(base)->real, page, size, extend, out);
}

static void vfs_shm_barrier(sqlite3_file *base) {
    vfs_real(base)->xShmBarrier(vfs_of(base)->real);
}

static int vfs_shm_unmap(sqlite3_file *base, int remove) {
    return vfs_real(base)->xShmUnmap(vfs_of(base)->real, remove);
}

// --- opening and closing --------------------------------------------------------------------

static int vfs_close(sqlite3_file *base) {
    struct vfs_file *file = vfs_of(base);
    int rc = vfs_flush(file);
    if (file->database) file->database->wal = NULL;
    if (file->wal) file->wal->database = NULL;
    free(file->bytes);
    int closed = vfs_real(base)->xClose(file->real);
    return rc ? rc : closed;
}

static const sqlite3_io_methods vfs_methods = {
    .iVersion = 2, // without memory-mapped files
    .xClose = vfs_close,
    .xRead = vfs_read,
    .xWrite = vfs_write,
    .xTruncate = vfs_truncate,
    .xSync = vfs_sync,
    .xFileSize = vfs_size,
    .xLock = vfs_lock,
    .xUnlock = vfs_unlock,
    .xCheckReservedLock = vfs_check_lock,
    .xFileControl = vfs_control,
    .xSectorSize = vfs_sector_size,
    .xDeviceCharacteristics = vfs_character,
    .xShmMap = vfs_shm_map,
    .xShmLock = vfs_shm_lock,
    .xShmBarrier = vfs_shm_barrier,
    .xShmUnmap = vfs_shm_unmap,
};

static int vfs_open(sqlite3_vfs *self, const char *path, sqlite3_file *base, int flags, int *out) {
    struct vfs_file *file = vfs_of(base);
    *file = (struct vfs_file){0};
    int rc = vfs.real->xOpen(vfs.real, path, file->real, flags, out);
    if (!file->real->pMethods) return rc;
    base->pMethods = &vfs_methods; // SQLite closes what has methods, also after an error
    if (rc || !(flags & SQLITE_OPEN_WAL)) return rc;
    file->mode = VFS_GATHERS;
    file->database = vfs_of(sqlite3_database_file_object(path));
    file->database->wal = file;
    return SQLITE_OK;
}

static void vfs_register(void) {
    vfs.real = sqlite3_vfs_find(NULL);
    if (!vfs.real) return; // an SQLite that was built without any
    vfs.vfs = *vfs.real;
    vfs.vfs.pNext = NULL;
    vfs.vfs.zName = VFS_NAME;
    vfs.vfs.szOsFile = (int)sizeof(struct vfs_file) + vfs.real->szOsFile;
    vfs.vfs.xOpen = vfs_open;
    if (sqlite3_vfs_register(&vfs.vfs, 0)) vfs.real = NULL;
}

const char *pawl__sqlite_vfs(void) {
    if (sqlite3_initialize()) return NULL; // after it nothing of the below can fail
    pthread_once(&vfs.once, vfs_register);
    return vfs.real ? VFS_NAME : NULL;
}
