// The lock file: the right to write, and leases.
//
// Every lock is an "open file description" lock (F_OFD_SETLK) on a byte of <database>-pawl; the
// bytes need not exist, and the file stays empty.
//
//      byte   0        1        4096 + shard          2^32 + pawl_member.row
//           ┌────────┬────────┬────────┬────────┬──     ┌────────┬──
//           │  next  │ writer │ lease  │ lease  │ ...   │ member │ ...
//           └────────┴────────┴────────┴────────┴──     └────────┴──
//
// Such a lock belongs to the open file: two stores in one process exclude each other, closing some
// other descriptor of the file does no harm (as it does with POSIX locks), and the kernel drops it
// when the process ends, in whatever way. A forked child shares it until it executes a program
// (O_CLOEXEC) or exits.
//
// The writer's byte is held around each commit, for a fraction of a millisecond or for a few of
// them. There is no wait with a limit for it, so waiting is polling; and a process that commits all
// the time would win against a sleeper each time. So one first passes "next": who comes and finds
// the writer's byte taken keeps "next" while it polls, and the last writer has to queue behind it.
// In the usual case nobody waits, and both bytes are taken by one call.

#include "store/sqlite/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_NEXT    0
#define LOCK_WRITER  1
#define LOCK_SHARDS  4096
#define LOCK_MEMBERS (INT64_C(1) << 32)

#define LOCK_PAUSE_MIN (PAWL_MILLISECOND / 20)
#define LOCK_PAUSE_MAX PAWL_MILLISECOND

// Locks (F_WRLCK) or unlocks (F_UNLCK) bytes without waiting. 0 or an errno; EAGAIN: taken.
static int lock_set(int fd, int type, int64_t start, int64_t len) {
    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    int rc;
    do rc = fcntl(fd, F_OFD_SETLK, &lock);
    while (rc != 0 && errno == EINTR);
    if (rc == 0) return 0;
    return errno == EACCES ? EAGAIN : errno;
}

static enum pawl_err lock_fail(const struct pawl_sqlite *store, int reason,
                               struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_IO,
                      "cannot lock %s: %s; the database must be on a local file system",
                      store->lock_path, strerror(reason));
}

enum pawl_err pawl__sqlite_lock_open(struct pawl_sqlite *store, struct pawl_error *error) {
    struct stat info;
    mode_t mode = stat(store->path, &info) == 0 ? info.st_mode & 0666 : 0644;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;
    store->lock_fd = open(store->lock_path, flags);
    store->lock_is_new = store->lock_fd < 0 && errno == ENOENT;
    if (store->lock_is_new) store->lock_fd = open(store->lock_path, flags | O_CREAT, mode);
    if (store->lock_fd < 0) return pawl__sqlite_fail_open(store->lock_path, errno, error);
    store->probe_fd = open(store->lock_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (store->probe_fd < 0) return pawl__sqlite_fail_open(store->lock_path, errno, error);
    return PAWL_OK;
}

// Polls for bytes until |deadline|; EAGAIN when it passes.
static int lock_wait(int fd, int64_t start, int64_t len, int64_t deadline) {
    int64_t pause = LOCK_PAUSE_MIN;
    for (;;) {
        int rc = lock_set(fd, F_WRLCK, start, len);
        if (rc != EAGAIN || pawl__clock_steady() >= deadline) return rc;
        nanosleep(&(struct timespec){.tv_nsec = (long)pause}, NULL);
        pause += pause / 2;
        if (pause > LOCK_PAUSE_MAX) pause = LOCK_PAUSE_MAX;
    }
}

enum pawl_err pawl__sqlite_lock(struct pawl_sqlite *store, int64_t patience,
                                struct pawl_error *error) {
    int fd = store->lock_fd;
    int rc = lock_set(fd, F_WRLCK, LOCK_NEXT, 2);
    if (rc == EAGAIN && patience) {
        int64_t deadline = pawl__clock_steady() + patience;
        rc = lock_wait(fd, LOCK_NEXT, 1, deadline);
        if (rc == 0) rc = lock_wait(fd, LOCK_WRITER, 1, deadline);
    }
    lock_set(fd, F_UNLCK, LOCK_NEXT, 1);
    if (rc == EAGAIN)
        return pawl__fail(error, PAWL_E_UNAVAILABLE,
                          "%s: another process has been writing for longer than %lld ms; try "
                          "again, or give each busy daemon a file of its own",
                          store->path, (long long)(patience / PAWL_MILLISECOND));
    if (rc) return lock_fail(store, rc, error);

    // Whoever opens the database next would make a new lock file and not see ours.
    struct stat info;
    if (fstat(fd, &info) != 0 || info.st_nlink == 0) {
        pawl__sqlite_unlock(store);
        return pawl__fail(error, PAWL_E_IO,
                          "%s was deleted while it was in use; restart all programs that use %s",
                          store->lock_path, store->path);
    }
    return PAWL_OK;
}

void pawl__sqlite_unlock(struct pawl_sqlite *store) {
    lock_set(store->lock_fd, F_UNLCK, LOCK_WRITER, 1);
}

int64_t pawl__sqlite_shard_byte(uint64_t shard) {
    return LOCK_SHARDS + (int64_t)shard;
}

int64_t pawl__sqlite_member_byte(int64_t row) {
    return LOCK_MEMBERS + row;
}

enum pawl_err pawl__sqlite_hold(struct pawl_sqlite *store, int64_t byte, struct pawl_error *error) {
    int rc = lock_set(store->lock_fd, F_WRLCK, byte, 1);
    if (rc == EAGAIN) return PAWL_E_HELD;
    return rc ? lock_fail(store, rc, error) : PAWL_OK;
}

void pawl__sqlite_let_go(struct pawl_sqlite *store, int64_t byte) {
    lock_set(store->lock_fd, F_UNLCK, byte, 1);
}

// Asked through an open file of its own, for which the locks of this store are those of another.
static bool lock_is_held(const struct pawl_sqlite *store, int64_t start, int64_t len) {
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(store->probe_fd, F_OFD_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
}

bool pawl__sqlite_is_held(const struct pawl_sqlite *store, int64_t byte) {
    return lock_is_held(store, byte, 1);
}

bool pawl__sqlite_is_in_use(const struct pawl_sqlite *store) {
    return lock_is_held(store, LOCK_SHARDS, 0); // and all behind it
}
