// Fails the first allocation that the sidecar makes in a conversation, then the second, and so on.
// Each request is answered, or its connection is closed; said again it is answered as it should be.
// Most of the time a conversation waits for its threads, so several processes share the
// allocations.

#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "runtime/node.h"
#include "talks.h"

enum {
    ALLOC_PROCESSES = 6
};

static unsigned long alloc_count, alloc_fail_at;
static unsigned long alloc_first = 1, alloc_step = ALLOC_PROCESSES; // step 0: the first alone
static bool alloc_failed;
bool alloc_paused;
static pthread_t alloc_loop;

bool alloc_fails(void) {
    if (!pthread_equal(pthread_self(), alloc_loop) || !kit_in_loop || alloc_paused) return false;
    if (++alloc_count != alloc_fail_at) return false;
    return alloc_failed = true;
}

// jansson does not tell a want of memory from a mistake in the text.
json_t *__real_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);
json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error);

json_t *__wrap_json_loadb(const char *text, size_t len, size_t flags, json_error_t *error) {
    bool paused = alloc_paused;
    alloc_paused = true;
    json_t *json = __real_json_loadb(text, len, flags, error);
    alloc_paused = paused;
    return json;
}

// nghttp2 takes memory through functions of ours.
static void *session_malloc(size_t len, void *arg) {
    return malloc(len);
}

static void *session_calloc(size_t count, size_t len, void *arg) {
    return calloc(count, len);
}

static void *session_realloc(void *piece, size_t len, void *arg) {
    return realloc(piece, len);
}

static void session_free(void *piece, void *arg) {
    free(piece);
}

int __wrap_nghttp2_session_server_new2(nghttp2_session **out,
                                       const nghttp2_session_callbacks *callbacks, void *data,
                                       const nghttp2_option *option);
int __wrap_nghttp2_session_server_new2(nghttp2_session **out,
                                       const nghttp2_session_callbacks *callbacks, void *data,
                                       const nghttp2_option *option) {
    static nghttp2_mem mem = {NULL, session_malloc, session_free, session_calloc, session_realloc};
    return nghttp2_session_server_new3(out, callbacks, data, option, &mem);
}

// All of it works when the failure is over. What it began may still be going on: a start that is
// told that it may have been done is given again.
static const struct step after[] = {
    {"GET /v1.0/healthz", NULL, "204"},
    {"worker *", NULL, NULL},
    {"StartInstance", "{\"instanceId\":\"after\",\"name\":\"pay\"}", "0|6 already exists"},
    {"WaitForInstanceCompletion", "{\"instanceId\":\"after\"}", "0 STATUS_COMPLETED"},
    {"POST /v1.0/state/statestore", "[{\"key\":\"after\",\"value\":1}]", "204"},
    {"GET /v1.0/state/statestore/after", NULL, "200 1"},
    {0},
};

static void talk_survives(void **state) {
    const struct talk_row *row = *state;
    unsigned faults = 0;
    alloc_loop = pthread_self();
    json_set_alloc_funcs(malloc, free);
    for (alloc_fail_at = alloc_first;; alloc_fail_at += alloc_step) {
        struct kit kit;
        kit_init(&kit);
        kit_open(&kit);
        alloc_failed = false;
        alloc_count = 0;
        kit_talk(&kit, row->steps, true);
        bool goes_on = alloc_failed;
        alloc_paused = true;
        kit_talk(&kit, after, true);
        alloc_paused = false;
        kit_close(&kit);
        if (*kit.fault)
            print_error("%s, allocation %lu: %s\n", row->name, alloc_fail_at, kit.fault);
        faults += *kit.fault != 0;
        if (!goes_on || !alloc_step) break;
    }
    assert_int_equal(faults, 0);
    print_message("%s: no allocation %lu\n", row->name, alloc_fail_at);
}

// alloc_test [CONVERSATION [ALLOCATION]]
int main(int argc, char **argv) {
    struct CMUnitTest tests[32];
    for (size_t i = 0; i < talk_count; i++)
        tests[i] = (struct CMUnitTest){
            .name = talks[i].name, .test_func = talk_survives, .initial_state = (void *)&talks[i]};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    if (argc > 2) {
        alloc_first = strtoul(argv[2], NULL, 10);
        alloc_step = 0;
        return _cmocka_run_group_tests("api_alloc", tests, talk_count, NULL, NULL);
    }
    for (; alloc_first <= ALLOC_PROCESSES; alloc_first++)
        if (fork() == 0) return _cmocka_run_group_tests("api_alloc", tests, talk_count, NULL, NULL);
    int failed = 0;
    for (int i = 0, status; i < ALLOC_PROCESSES; i++)
        if (wait(&status) < 0 || status) failed++;
    return failed;
}
