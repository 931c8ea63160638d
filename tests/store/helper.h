#ifndef PAWL_TESTS_STORE_HELPER_H
#define PAWL_TESTS_STORE_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/memory/memory.h"
#include "store/sqlite/sqlite.h"

// A kind of store that the suite runs against.
struct store_kind {
    const char *name;
    bool shared;    // opening |path| again, here or in another process, gives the same data
    bool own_state; // the user's state has rules of its own, which the suite does not know
    bool timed;     // epochs are times of the server
    enum pawl_err (*open)(const char *path, struct pawl_store **out, struct pawl_error *error);
    // One more store with the data of |store|, which |open| has opened at |path|.
    enum pawl_err (*again)(struct pawl_store *store, const char *path, struct pawl_store **out,
                           struct pawl_error *error);
    // What Dapr's layout of the user's state demands:
    bool json;                // values that are not bytes have to be JSON
    bool marks_nothing;       // that a value is bytes is not kept
    const char *foreign_etag; // of the right form; NULL: a UUID
    enum pawl_err bad_etag;   // one of no form; 0: PAWL_E_CONFLICT
};

// What each test has: a store of its own, in a directory of its own.
struct fixture {
    const struct store_kind *kind;
    char dir[64], path[96];
    struct pawl_store *store;
    struct pawl_lease lease; // of shard 0 of "app", see fixture_lease
    struct pawl_arena arena;
    struct pawl_error error;
};

extern const struct store_kind t_memory, t_sqlite;

extern const struct store_kind *fixture_kind; // used by the next setup

int fixture_setup(void **state);
int fixture_teardown(void **state);
void fixture_reopen(struct fixture *f);
void fixture_lease(struct fixture *f);

// For how long leases are taken, in tests that do not wait for their end.
#define T_TTL (300 * PAWL_SECOND)

#define assert_ok(f, call)                                                                         \
    do {                                                                                           \
        enum pawl_err err_ = (call);                                                               \
        if (err_) fail_msg("%s: %d, %s", #call, (int)err_, (f)->error.text);                       \
    } while (0)
#define assert_err(expected, call) assert_int_equal((int)(expected), (int)(call))
#define assert_text(f, part)                                                                       \
    do {                                                                                           \
        if (!strstr((f)->error.text, part))                                                        \
            fail_msg("\"%s\" is not in: %s", part, (f)->error.text);                               \
    } while (0)
#define assert_str(expected, actual)                                                               \
    do {                                                                                           \
        struct pawl_str actual_ = (actual);                                                        \
        assert_int_equal(strlen(expected), actual_.len);                                           \
        assert_memory_equal(expected, actual_.data, actual_.len);                                  \
    } while (0)

// Calls of the store under test, with the error in the fixture.
enum pawl_err t_lease(struct fixture *f, struct pawl_store *store, const char *app, uint32_t number,
                      struct pawl_lease *lease);
// The error of the commit, or the result of its part. Either part of it may be NULL.
enum pawl_err t_commit(struct fixture *f, struct pawl_part *part, struct pawl_state_tx *state);
enum pawl_err t_append(struct fixture *f, uint64_t position, const char *records);
// What a commit of one batch comes to; one that is done is not refused.
enum pawl_outcome t_try(struct fixture *f, uint64_t position);
// The result of a transaction of the user's state.
enum pawl_err t_change(struct fixture *f, const struct pawl_state_op *ops, size_t count);
enum pawl_err t_put(struct fixture *f, const struct pawl_snapshot *snapshot);
enum pawl_err t_load(struct fixture *f, const char *id, struct pawl_snapshot *out);
// |len| letters that cannot be compressed.
void t_noise(char *to, size_t len);

struct pawl_snapshot t_snapshot(const char *id, const char *state, const char *history);

// The log after |after| as "1=a 2=b ", in the fixture's arena.
const char *t_log(struct fixture *f, uint64_t shard, uint64_t after);

// |epoch| is that of the |count|th lease of a shard.
void t_epoch(const struct fixture *f, uint64_t count, uint64_t epoch);

// Up to |limit| messages of a box after |after| as "k1=a k2=b ", in the fixture's arena.
const char *t_mail(struct fixture *f, const char *app, uint32_t number, const char *after,
                   size_t limit);

// Runs |argv| in a process of its own. |*out| is a pipe from its standard output. Returns its id.
int t_spawn(char *const argv[], int *out);

#endif
