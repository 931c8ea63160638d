#include "helper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"

const struct store_kind *fixture_kind;

static enum pawl_err memory_open(const char *path, struct pawl_store **out,
                                 struct pawl_error *error) {
    return pawl__memory_open(out, error);
}

static enum pawl_err memory_again(struct pawl_store *store, const char *path,
                                  struct pawl_store **out, struct pawl_error *error) {
    return pawl__memory_share(store, out, error);
}

const struct store_kind t_memory = {.name = "memory", .open = memory_open, .again = memory_again};

static enum pawl_err sqlite_open(const char *path, struct pawl_store **out,
                                 struct pawl_error *error) {
    return pawl__sqlite_open(
        &(struct pawl_sqlite_options){.path = path, .busy_timeout = 300 * PAWL_MILLISECOND}, out,
        error);
}

static enum pawl_err sqlite_again(struct pawl_store *store, const char *path,
                                  struct pawl_store **out, struct pawl_error *error) {
    return sqlite_open(path, out, error);
}

const struct store_kind t_sqlite = {
    .name = "sqlite", .shared = true, .open = sqlite_open, .again = sqlite_again};

int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    const char *tmp = getenv("TMPDIR");
    f->kind = fixture_kind;
    snprintf(f->dir, sizeof f->dir, "%s/pawl-store-XXXXXX", tmp && strlen(tmp) < 40 ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/test.db", f->dir);
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    *state = f;
    return 0;
}

int fixture_teardown(void **state) {
    struct fixture *f = *state;
    if (f->store) f->store->ops->close(f->store);
    pawl__arena_finish(&f->arena);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    int rc = system(command);
    free(f);
    return rc;
}

void fixture_reopen(struct fixture *f) {
    f->store->ops->close(f->store);
    f->store = NULL;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
}

void fixture_lease(struct fixture *f) {
    assert_ok(f, t_lease(f, f->store, "app", 0, &f->lease));
}

enum pawl_err t_lease(struct fixture *f, struct pawl_store *store, const char *app, uint32_t number,
                      struct pawl_lease *lease) {
    return store->ops->lease(store, pawl__str(app), number, PAWL_STR("tester 1"), T_TTL, lease,
                             &f->error);
}

enum pawl_err t_commit(struct fixture *f, struct pawl_part *part, struct pawl_state_tx *state) {
    const struct pawl_commit commit = {.parts = part, .state = state};
    enum pawl_outcome outcome = f->store->ops->commit(f->store, &commit, &f->error);
    if (outcome != PAWL_COMMIT_DONE) {
        assert_true(f->error.code && *f->error.text);
        return f->error.code;
    }
    if (part && part->result.code) f->error = part->result;
    return part ? part->result.code : PAWL_OK;
}

enum pawl_err t_append(struct fixture *f, uint64_t position, const char *records) {
    struct pawl_batch batch = {position, pawl__str(records)};
    return t_commit(f, &(struct pawl_part){.lease = &f->lease, .batch = &batch}, NULL);
}

enum pawl_outcome t_try(struct fixture *f, uint64_t position) {
    struct pawl_batch batch = {position, PAWL_STR("x")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit all = {.parts = &part};
    enum pawl_outcome outcome = f->store->ops->commit(f->store, &all, &f->error);
    if (outcome == PAWL_COMMIT_DONE) assert_err(PAWL_OK, part.result.code);
    return outcome;
}

enum pawl_err t_change(struct fixture *f, const struct pawl_state_op *ops, size_t count) {
    struct pawl_state_tx tx = {.ops = ops, .op_count = count, .result = {.code = PAWL_E_UNKNOWN}};
    assert_ok(f, t_commit(f, NULL, &tx));
    f->error = tx.result;
    return tx.result.code;
}

enum pawl_err t_put(struct fixture *f, const struct pawl_snapshot *snapshot) {
    return t_commit(
        f, &(struct pawl_part){.lease = &f->lease, .snapshots = snapshot, .snapshot_count = 1},
        NULL);
}

enum pawl_err t_load(struct fixture *f, const char *id, struct pawl_snapshot *out) {
    return f->store->ops->load(f->store, f->lease.shard, pawl__str(id), &f->arena, out, &f->error);
}

void t_noise(char *to, size_t len) {
    pawl__random(to, len);
    for (size_t i = 0; i < len; i++) to[i] = (char)('0' + (to[i] & 63));
}

struct pawl_snapshot t_snapshot(const char *id, const char *state, const char *history) {
    return (struct pawl_snapshot){.id = pawl__str(id),
                                  .name = PAWL_STR("Order"),
                                  .wake_at = INT64_MAX,
                                  .state = pawl__str(state),
                                  .history = pawl__str(history)};
}

static enum pawl_err helper_batch(void *arg, const struct pawl_batch *batch,
                                  struct pawl_error *error) {
    pawl__buf_format(arg, "%llu=%.*s ", (unsigned long long)batch->position,
                     PAWL_FMT(batch->records));
    return PAWL_OK;
}

const char *t_log(struct fixture *f, uint64_t shard, uint64_t after) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->read_log(f->store, shard, after, helper_batch, &text, &f->error));
    const char *copy = pawl__arena_dup(&f->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

void t_epoch(const struct fixture *f, uint64_t count, uint64_t epoch) {
    if (f->kind->timed)
        assert_true(epoch > 1700000000000); // milliseconds since 1970
    else
        assert_int_equal(count, epoch);
}

static enum pawl_err helper_mail(void *arg, const struct pawl_mail *mail,
                                 struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s=%.*s ", PAWL_FMT(mail->key), PAWL_FMT(mail->bytes));
    return PAWL_OK;
}

const char *t_mail(struct fixture *f, const char *app, uint32_t number, const char *after,
                   size_t limit) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->read_mail(f->store, pawl__str(app), number, pawl__str(after), limit,
                                          helper_mail, &text, &f->error));
    const char *copy = pawl__arena_dup(&f->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

int t_spawn(char *const argv[], int *out) {
    int ends[2];
    char self[256] = ""; // not the link itself, which under valgrind is valgrind
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execv(self, argv);
        _exit(127);
    }
    assert_true(child > 0);
    close(ends[1]);
    *out = ends[0];
    return child;
}
