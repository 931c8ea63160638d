// Several processes commit to one file, and one after the other is killed in the middle of it.
// Afterwards: everything that was acknowledged is there, and each commit is there wholly or not at
// all.
//
// Workers 2 and 3 want the same shard. The test runs for CRASH_SECONDS, or 4.

#include "helper.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WORKERS 4
#define SHARDS  3
#define BYTES   60000 // a batch at most: a checkpoint is due after some hundred of them

static enum pawl_err crash_open(const char *path, struct pawl_store **out,
                                struct pawl_error *error) {
    return pawl__sqlite_open(
        &(struct pawl_sqlite_options){.path = path, .busy_timeout = 30 * PAWL_SECOND}, out, error);
}

static const struct store_kind crash_kind = {.name = "sqlite", .shared = true, .open = crash_open};

// What stands in the batch at |position| of shard |number|, in |bytes|.
static struct pawl_str crash_records(char *bytes, uint32_t number, uint64_t position) {
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + position;
    size_t len = 8 + (x * UINT64_C(0xd1342543de82ef95) >> 40) % (BYTES - 8);
    for (size_t i = 0; i < len; i++) {
        x = x * UINT64_C(6364136223846793005) + 1;
        bytes[i] = (char)(x >> 56);
    }
    return (struct pawl_str){bytes, len};
}

// --- a worker -------------------------------------------------------------------------------

static int worker_stop(const char *what, const struct pawl_error *error) {
    printf("E %s: %d %s\n", what, (int)error->code, error->text);
    fflush(stdout);
    return 1;
}

// Appends for ever. Each commit writes a batch, a snapshot and a key, which all say its position.
static int worker(const char *path, uint32_t number) {
    static char bytes[BYTES];
    struct pawl_error error = {0};
    struct pawl_store *store;
    struct pawl_lease lease;
    char id[16], text[32];
    if (crash_open(path, &store, &error)) return worker_stop("open", &error);
    for (;;) {
        enum pawl_err err = store->ops->lease(store, PAWL_STR("app"), number, PAWL_STR("worker"),
                                              T_TTL, &lease, &error);
        if (!err) break;
        if (err != PAWL_E_HELD) return worker_stop("lease", &error);
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    snprintf(id, sizeof id, "i-%u", number);
    for (uint64_t position = lease.position + 1;; position++) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)position);
        bool fresh = position == lease.position + 1; // who knows what the last owner wrote
        struct pawl_batch batch = {position, crash_records(bytes, number, position)};
        struct pawl_snapshot row = {.id = pawl__str(id),
                                    .position = position,
                                    .wake_at = INT64_MAX,
                                    .state = pawl__str(text),
                                    .history = PAWL_STR("events"),
                                    .history_from = fresh ? 0 : (unsigned)(position % 10)};
        struct pawl_state_op op = {.key = pawl__str(id), .value = pawl__str(text)};
        struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
        struct pawl_part part = {.lease = &lease,
                                 .batch = &batch,
                                 .snapshots = &row,
                                 .snapshot_count = 1,
                                 .trim_to = position % 100 ? 0 : position - 50};
        const struct pawl_commit commit = {.parts = &part, .state = &tx};
        if (store->ops->commit(store, &commit, &error) != PAWL_COMMIT_DONE)
            return worker_stop("commit", &error);
        if (part.result.code) return worker_stop("commit", &part.result);
        printf("%llu\n", (unsigned long long)position);
        fflush(stdout);
        if (store->ops->tend(store, &error)) return worker_stop("tend", &error);
    }
}

// --- the test -------------------------------------------------------------------------------

struct crash_worker {
    pid_t pid;
    int out;
    uint32_t number;
    char line[700];
    size_t len;
};

static void worker_start(struct crash_worker *w, char *path) {
    char number[2] = {(char)('0' + w->number), 0};
    char *argv[] = {"test", "work", path, number, NULL};
    w->len = 0;
    w->pid = t_spawn(argv, &w->out);
}

// Reads what the worker says; false at the end. |*acknowledged| grows with it.
static bool worker_read(struct crash_worker *w, uint64_t *acknowledged, uint64_t *commits) {
    ssize_t got = read(w->out, w->line + w->len, sizeof w->line - 1 - w->len);
    if (got <= 0) return false;
    w->len += (size_t)got;
    w->line[w->len] = 0;
    char *at = w->line, *end;
    while ((end = strchr(at, '\n'))) {
        *end = 0;
        if (*at == 'E') fail_msg("worker %u: %s", w->number, at);
        uint64_t position = strtoull(at, NULL, 10);
        if (position > *acknowledged) *acknowledged = position;
        ++*commits;
        at = end + 1;
    }
    w->len -= (size_t)(at - w->line);
    memmove(w->line, at, w->len);
    return true;
}

static void worker_kill(struct crash_worker *w, uint64_t *acknowledged, uint64_t *commits) {
    int status;
    kill(w->pid, SIGKILL);
    while (worker_read(w, acknowledged, commits)) {
    }
    close(w->out);
    waitpid(w->pid, &status, 0);
}

struct crash_check {
    uint32_t number;
    uint64_t last;
};

static enum pawl_err check_batch(void *arg, const struct pawl_batch *batch,
                                 struct pawl_error *error) {
    static char bytes[BYTES];
    struct crash_check *check = arg;
    if (check->last) assert_int_equal(batch->position, check->last + 1);
    check->last = batch->position;
    struct pawl_str expected = crash_records(bytes, check->number, batch->position);
    assert_true(pawl__str_equal(batch->records, expected));
    return PAWL_OK;
}

static void check_shard(struct fixture *f, uint32_t number, uint64_t acknowledged) {
    struct pawl_lease lease;
    struct pawl_snapshot row;
    struct pawl_state_value value;
    struct crash_check check = {number, 0};
    char id[16], text[32];
    assert_ok(f, t_lease(f, f->store, "app", number, &lease));
    assert_ok(f, f->store->ops->read_log(f->store, lease.shard, 0, check_batch, &check, &f->error));
    assert_int_equal(check.last, lease.position);
    assert_true(lease.position >= acknowledged);
    assert_true(lease.position <= acknowledged + 1); // one may have been on its way
    snprintf(id, sizeof id, "i-%u", number);
    snprintf(text, sizeof text, "%llu", (unsigned long long)lease.position);
    enum pawl_err err =
        f->store->ops->load(f->store, lease.shard, pawl__str(id), &f->arena, &row, &f->error);
    if (!lease.position) { // no worker came so far
        assert_int_equal(err, PAWL_E_NOT_FOUND);
        assert_ok(f, f->store->ops->release(f->store, &lease, &f->error));
        return;
    }
    assert_ok(f, err);
    assert_int_equal(row.position, lease.position);
    assert_str(text, row.state);
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(id), &f->arena, &value, &f->error));
    assert_str(text, value.value);
    assert_ok(f, f->store->ops->release(f->store, &lease, &f->error));
}

static void check_integrity(const char *path) {
    sqlite3 *db;
    sqlite3_stmt *check;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 30000);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &check, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(check), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(check, 0), "ok");
    sqlite3_finalize(check);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(db);
}

static void test_killed_writers(void **state) {
    struct fixture *f = *state;
    struct crash_worker workers[WORKERS];
    uint64_t acknowledged[SHARDS] = {0}, commits = 0, commits_then = 0;
    const char *seconds = getenv("CRASH_SECONDS");
    int64_t end = pawl__clock_steady() + (seconds ? atoi(seconds) : 4) * PAWL_SECOND;
    int64_t next_kill = 0;
    int kills = 0, everybody = 0;
    unsigned dice = (unsigned)getpid();
    f->store->ops->close(f->store); // so that each restart may be the first to come
    f->store = NULL;
    for (uint32_t i = 0; i < WORKERS; i++) {
        workers[i].number = i < SHARDS ? i : SHARDS - 1;
        worker_start(&workers[i], f->path);
    }
    while (pawl__clock_steady() < end) {
        struct pollfd polls[WORKERS];
        for (int i = 0; i < WORKERS; i++)
            polls[i] = (struct pollfd){.fd = workers[i].out, .events = POLLIN};
        poll(polls, WORKERS, 5);
        for (int i = 0; i < WORKERS; i++)
            if (polls[i].revents &&
                !worker_read(&workers[i], &acknowledged[workers[i].number], &commits))
                fail_msg("worker %d ended by itself", i);
        // On a slow machine workers are killed only when one of them has come somewhere.
        if (pawl__clock_steady() < next_kill || commits == commits_then) continue;
        commits_then = commits;
        next_kill = pawl__clock_steady() + (20 + rand_r(&dice) % 80) * PAWL_MILLISECOND;
        bool all = rand_r(&dice) % 5 == 0; // then the next one to come recovers the WAL
        int first = all ? 0 : rand_r(&dice) % WORKERS, last = all ? WORKERS - 1 : first;
        for (int i = first; i <= last; i++)
            worker_kill(&workers[i], &acknowledged[workers[i].number], &commits);
        for (int i = first; i <= last; i++) worker_start(&workers[i], f->path);
        kills += last - first + 1;
        everybody += all;
        if (all) check_integrity(f->path);
    }
    for (int i = 0; i < WORKERS; i++)
        worker_kill(&workers[i], &acknowledged[workers[i].number], &commits);
    print_message("%llu commits, %d kills, %d times everybody\n", (unsigned long long)commits,
                  kills, everybody);
    assert_ok(f, crash_open(f->path, &f->store, &f->error));
    for (uint32_t i = 0; i < SHARDS; i++) check_shard(f, i, acknowledged[i]);
    check_integrity(f->path);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "work") == 0) return worker(argv[2], (uint32_t)atoi(argv[3]));
    fixture_kind = &crash_kind;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_killed_writers, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests_name("sqlite crashes", tests, NULL, NULL);
}
