#ifndef PAWL_TESTS_SDK_FIXTURE_H
#define PAWL_TESTS_SDK_FIXTURE_H

// Tests of pawl.h from outside: the same bodies run against memory, a file and a daemon, by the
// environment's PAWL_TARGET (not set: "memory:"), and on as many loops as PAWL_LOOPS says (not set:
// one).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pawl.h>

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        enum pawl_err assert_ok_err = (call);                                                      \
        if (assert_ok_err) fail_msg("%s: %s", #call, pawl_last_error()->text);                     \
    } while (0)

#define assert_text(text, expected) assert_string_equal((text).data ? (text).data : "", expected)

const char *fixture_target(void);
bool fixture_is_remote(void);

int fixture_loops(void);

// Opens the target, with a log that fixture_logged looks through. |options| may be NULL.
struct pawl *fixture_open(const struct pawl_options *options);
struct pawl *fixture_open_at(const char *target, const struct pawl_options *options);

// Whether a line with |text| was logged since the last open.
bool fixture_logged(const char *text);

// An id that no other test has used.
const char *fixture_id(const char *name);

// Starts |workflow|, waits for its end, and returns what is known of it.
struct pawl_info *fixture_run(struct pawl *pawl, const char *workflow, const char *input);

// Waits until the instance is in |status|, for ten seconds at most.
void fixture_wait_status(struct pawl *pawl, const char *id, enum pawl_status status);

#endif
