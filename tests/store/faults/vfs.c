#include "vfs.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

const char *const fault_names[] = {"none", "EIO", "ENOSPC", "short", "lost", "kill", "cut"};

struct vfs_file {
    sqlite3_file base;
    struct disk_file *disk;
    bool syncs_folder; // its next sync is one of the folder, too
    int reason;        // errno of the fault that befell it last
    sqlite3_file *real;
};

static struct {
    pthread_mutex_t lock;
    sqlite3_vfs vfs, *real;
    struct disk disk;
    struct fault_plan plan;
    uint64_t operations, fired;
    uint64_t random;
    atomic_bool off;
    _Atomic int64_t clock;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum vfs_op {
    VFS_WRITE,
    VFS_TRUNCATE,
    VFS_SYNC,
    VFS_DELETE,
    VFS_OPEN
};

static bool vfs_befalls(enum fault fault, enum vfs_op op) {
    switch (fault) {
    case FAULT_FULL: return op == VFS_WRITE || op == VFS_OPEN;
    case FAULT_SHORT: return op == VFS_WRITE;
    case FAULT_LOST: return op == VFS_SYNC;
    default: return fault != FAULT_NONE;
    }
}

// Counts an operation, and says what befalls it.
static enum fault vfs_count(enum vfs_op op) {
    const struct fault_plan *plan = &faults.plan;
    if (++faults.operations < plan->at || !vfs_befalls(plan->fault, op)) return FAULT_NONE;
    if (faults.fired >= plan->length) return FAULT_NONE;
    faults.fired++;
    if (plan->fault == FAULT_KILL || plan->fault == FAULT_CUT) faults.off = true;
    return plan->fault;
}

static void vfs_went_off(enum fault fault) {
    const struct fault_plan *plan = &faults.plan;
    if ((fault != FAULT_CUT && fault != FAULT_KILL) || !plan->on_cut) return;
    if (fault == FAULT_CUT) disk_cut(&faults.disk, plan->mix, plan->seed);
    plan->on_cut();
}

static sqlite3_file *vfs_real(sqlite3_file *file) {
    return ((struct vfs_file *)file)->real;
}

// --- what changes a file --------------------------------------------------------------------

// Writes, and notes what was there before.
static int vfs_put(struct vfs_file *file, const void *bytes, int len, sqlite3_int64 at) {
    sqlite3_int64 size = 0;
    int rc = file->real->pMethods->xFileSize(file->real, &size);
    if (rc) return rc;
    sqlite3_int64 old_len = at >= size ? 0 : at + len > size ? size - at : len;
    char *old = malloc((size_t)old_len + 1);
    if (!old) return SQLITE_NOMEM;
    if (old_len) rc = file->real->pMethods->xRead(file->real, old, (int)old_len, at);
    if (!rc) rc = file->real->pMethods->xWrite(file->real, bytes, len, at);
    if (!rc) disk_write(file->disk, at, bytes, (size_t)len, old, (size_t)old_len, size);
    free(old);
    return rc;
}

static int vfs_write(sqlite3_file *base, const void *bytes, int len, sqlite3_int64 at) {
    struct vfs_file *file = (struct vfs_file *)base;
    if (!file->disk) return file->real->pMethods->xWrite(file->real, bytes, len, at);
    if (faults.off) return SQLITE_IOERR_WRITE;
    pthread_mutex_lock(&faults.lock);
    enum fault fault = vfs_count(VFS_WRITE);
    uint64_t seed = faults.plan.seed + faults.operations;
    int part = (int)(disk_random(&seed) % (uint64_t)len), rc = SQLITE_IOERR_WRITE;
    file->reason = EIO;
    switch (fault) {
    case FAULT_NONE: rc = vfs_put(file, bytes, len, at); break;
    case FAULT_CUT: vfs_put(file, bytes, len, at); break; // it may be on its way
    case FAULT_KILL:
    case FAULT_SHORT:
        if (part) vfs_put(file, bytes, part, at);
        if (disk_random(&seed) & 1) break;
        file->reason = ENOSPC;
        rc = SQLITE_FULL;
        break;
    case FAULT_FULL:
        file->reason = ENOSPC;
        rc = SQLITE_FULL;
        break;
    default: break;
    }
    if (rc == SQLITE_OK) file->reason = 0;
    vfs_went_off(fault);
    pthread_mutex_unlock(&faults.lock);
    return rc;
}

static int vfs_cut_off(struct vfs_file *file, sqlite3_int64 to) {
    sqlite3_int64 size = 0;
    int rc = file->real->pMethods->xFileSize(file->real, &size);
    sqlite3_int64 old_len = size > to ? size - to : 0;
    char *old = rc ? NULL : malloc((size_t)old_len + 1);
    if (!old) return SQLITE_NOMEM;
    if (old_len) rc = file->real->pMethods->xRead(file->real, old, (int)old_len, to);
    if (!rc) rc = file->real->pMethods->xTruncate(file->real, to);
    if (!rc) disk_truncate(file->disk, to, old, (size_t)old_len, size);
    free(old);
    return rc;
}

static int vfs_truncate(sqlite3_file *base, sqlite3_int64 to) {
    struct vfs_file *file = (struct vfs_file *)base;
    if (!file->disk) return file->real->pMethods->xTruncate(file->real, to);
    if (faults.off) return SQLITE_IOERR_TRUNCATE;
    pthread_mutex_lock(&faults.lock);
    enum fault fault = vfs_count(VFS_TRUNCATE);
    int rc = SQLITE_IOERR_TRUNCATE;
    file->reason = EIO;
    if (fault == FAULT_NONE || fault == FAULT_CUT) rc = vfs_cut_off(file, to);
    if (fault) rc = SQLITE_IOERR_TRUNCATE;
    if (rc == SQLITE_OK) file->reason = 0;
    vfs_went_off(fault);
    pthread_mutex_unlock(&faults.lock);
    return rc;
}

static int vfs_sync(sqlite3_file *base, int flags) {
    struct vfs_file *file = (struct vfs_file *)base;
    if (!file->disk) return file->real->pMethods->xSync(file->real, flags);
    if (faults.off) return SQLITE_IOERR_FSYNC;
    pthread_mutex_lock(&faults.lock);
    enum fault fault = vfs_count(VFS_SYNC);
    if (fault == FAULT_NONE) {
        disk_sync(file->disk);
        if (file->syncs_folder) disk_sync_folder(&faults.disk);
        file->syncs_folder = false;
    } else if (fault == FAULT_LOST) {
        disk_sync_lost(file->disk, faults.plan.mix, faults.plan.seed);
    }
    file->reason = fault ? EIO : 0;
    vfs_went_off(fault);
    pthread_mutex_unlock(&faults.lock);
    return fault ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    if (faults.off) return SQLITE_IOERR_DELETE;
    int there = 0;
    faults.real->xAccess(faults.real, path, SQLITE_ACCESS_EXISTS, &there);
    if (!there) return SQLITE_IOERR_DELETE_NOENT;
    pthread_mutex_lock(&faults.lock);
    enum fault fault = vfs_count(VFS_DELETE);
    int rc = SQLITE_IOERR_DELETE;
    if (fault == FAULT_NONE || fault == FAULT_CUT) {
        disk_delete(&faults.disk, path);
        rc = faults.real->xDelete(faults.real, path, 0);
    }
    if (fault == FAULT_NONE && rc == SQLITE_OK && sync_folder) disk_sync_folder(&faults.disk);
    vfs_went_off(fault);
    pthread_mutex_unlock(&faults.lock);
    return fault ? SQLITE_IOERR_DELETE : rc;
}

// --- what passes through --------------------------------------------------------------------

static int vfs_close(sqlite3_file *file) {
    sqlite3_file *real = vfs_real(file);
    int rc = real->pMethods ? real->pMethods->xClose(real) : SQLITE_OK;
    free(real);
    return rc;
}

static int vfs_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at) {
    if (faults.off) return SQLITE_IOERR_READ;
    return vfs_real(file)->pMethods->xRead(vfs_real(file), out, len, at);
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *size) {
    return vfs_real(file)->pMethods->xFileSize(vfs_real(file), size);
}

static int vfs_lock(sqlite3_file *file, int level) {
    return vfs_real(file)->pMethods->xLock(vfs_real(file), level);
}

static int vfs_unlock(sqlite3_file *file, int level) {
    return vfs_real(file)->pMethods->xUnlock(vfs_real(file), level);
}

static int vfs_check_lock(sqlite3_file *file, int *out) {
    return vfs_real(file)->pMethods->xCheckReservedLock(vfs_real(file), out);
}

static int vfs_control(sqlite3_file *base, int what, void *arg) {
    struct vfs_file *file = (struct vfs_file *)base;
    if (what == SQLITE_FCNTL_LAST_ERRNO && file->reason) {
        *(int *)arg = file->reason;
        return SQLITE_OK;
    }
    return file->real->pMethods->xFileControl(file->real, what, arg);
}

static int vfs_sector_size(sqlite3_file *file) {
    return vfs_real(file)->pMethods->xSectorSize(vfs_real(file));
}

static int vfs_character(sqlite3_file *file) {
    return vfs_real(file)->pMethods->xDeviceCharacteristics(vfs_real(file));
}

static int vfs_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out) {
    return vfs_real(file)->pMethods->xShmMap(vfs_real(file), page, size, extend, out);
}

static int vfs_shm_lock(sqlite3_file *file, int offset, int n, int flags) {
    return vfs_real(file)->pMethods->xShmLock(vfs_real(file), offset, n, flags);
}

static void vfs_shm_barrier(sqlite3_file *file) {
    vfs_real(file)->pMethods->xShmBarrier(vfs_real(file));
}

static int vfs_shm_unmap(sqlite3_file *file, int remove) {
    return vfs_real(file)->pMethods->xShmUnmap(vfs_real(file), remove);
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

// --- opening --------------------------------------------------------------------------------

static int vfs_open_counted(const char *path, struct vfs_file *file, int flags, int *out) {
    enum fault fault = vfs_count(VFS_OPEN);
    int there = 1;
    faults.real->xAccess(faults.real, path, SQLITE_ACCESS_EXISTS, &there);
    if (fault == FAULT_FULL && (there || !(flags & SQLITE_OPEN_CREATE))) {
        faults.fired--;
        fault = FAULT_NONE;
    }
    int rc = SQLITE_CANTOPEN;
    if (fault == FAULT_NONE) rc = faults.real->xOpen(faults.real, path, file->real, flags, out);
    if (rc == SQLITE_OK) {
        const int journal = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL;
        file->disk = disk_open(&faults.disk, path, !there);
        file->syncs_folder = flags & journal && flags & SQLITE_OPEN_CREATE; // as SQLite's own does
    }
    vfs_went_off(fault);
    return rc;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *base, int flags, int *out) {
    struct vfs_file *file = (struct vfs_file *)base;
    const int counted = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    *file = (struct vfs_file){0};
    if (faults.off) return SQLITE_CANTOPEN;
    file->real = calloc(1, (size_t)faults.real->szOsFile);
    if (!file->real) return SQLITE_NOMEM;
    int rc;
    if (path && flags & counted) {
        pthread_mutex_lock(&faults.lock);
        rc = vfs_open_counted(path, file, flags, out);
        pthread_mutex_unlock(&faults.lock);
    } else {
        rc = faults.real->xOpen(faults.real, path, file->real, flags, out);
    }
    if (rc == SQLITE_OK)
        file->base.pMethods = &vfs_methods;
    else
        free(file->real);
    return rc;
}

static int vfs_randomness(sqlite3_vfs *vfs, int len, char *out) {
    if (!faults.random) return faults.real->xRandomness(faults.real, len, out);
    for (int i = 0; i < len; i++) out[i] = (char)disk_random(&faults.random);
    return len;
}

static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
    int64_t now = faults.clock;
    if (!now) return faults.real->xCurrentTimeInt64(faults.real, out);
    *out = (now + INT64_C(210866760000)) * 1000; // milliseconds since noon of 4714-11-24 BC
    return SQLITE_OK;
}

static int vfs_time(sqlite3_vfs *vfs, double *out) {
    sqlite3_int64 now = 0;
    int rc = vfs_time64(vfs, &now);
    *out = (double)now / 86400000.0;
    return rc;
}

// --- for the tests --------------------------------------------------------------------------

void faults_install(void) {
    faults.real = sqlite3_vfs_find(NULL);
    faults.vfs = *faults.real;
    faults.vfs.iVersion = 2;
    faults.vfs.pNext = NULL;
    faults.vfs.zName = "faults";
    faults.vfs.szOsFile = sizeof(struct vfs_file);
    faults.vfs.xOpen = vfs_open;
    faults.vfs.xDelete = vfs_delete;
    faults.vfs.xRandomness = vfs_randomness;
    faults.vfs.xCurrentTime = vfs_time;
    faults.vfs.xCurrentTimeInt64 = vfs_time64;
    sqlite3_vfs_register(&faults.vfs, 1);
}

void faults_begin(const struct fault_plan *plan, uint64_t random) {
    disk_forget(&faults.disk);
    faults.plan = *plan;
    faults.operations = faults.fired = 0;
    faults.off = false;
    faults.random = random;
    if (random) sqlite3_randomness(0, NULL); // draws its seed anew
}

uint64_t faults_operations(void) {
    pthread_mutex_lock(&faults.lock);
    uint64_t operations = faults.operations;
    pthread_mutex_unlock(&faults.lock);
    return operations;
}

uint64_t faults_fired(void) {
    pthread_mutex_lock(&faults.lock);
    uint64_t fired = faults.fired;
    pthread_mutex_unlock(&faults.lock);
    return fired;
}

bool faults_off(void) {
    return faults.off;
}

void faults_heal(void) {
    pthread_mutex_lock(&faults.lock);
    faults.plan.fault = FAULT_NONE;
    pthread_mutex_unlock(&faults.lock);
}

void faults_turn_off(void) {
    faults.off = true;
}

void faults_restart(void) {
    if (faults.plan.fault == FAULT_CUT) disk_cut(&faults.disk, faults.plan.mix, faults.plan.seed);
    faults_heal();
    faults.off = false;
}

void faults_cut(enum disk_mix mix, uint64_t seed) {
    disk_cut(&faults.disk, mix, seed);
    faults_heal();
    faults.off = false;
}

void faults_strike(enum disk_mix mix, uint64_t seed) {
    pthread_mutex_lock(&faults.lock); // for ever
    faults.off = true;
    disk_cut(&faults.disk, mix, seed);
}

void faults_set_clock(int64_t now) {
    faults.clock = now;
}
