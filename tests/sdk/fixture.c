#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t fixture_mutex = PTHREAD_MUTEX_INITIALIZER;
static char fixture_lines[1 << 16];
static size_t fixture_len;

const char *fixture_target(void) {
    const char *target = getenv("PAWL_TARGET");
    return target ? target : "memory:";
}

bool fixture_is_remote(void) {
    return strncmp(fixture_target(), "grpc://", 7) == 0;
}

int fixture_loops(void) {
    const char *loops = getenv("PAWL_LOOPS");
    return loops ? atoi(loops) : 1;
}

static void fixture_log(void *arg, enum pawl_log_level level, const char *line) {
    pthread_mutex_lock(&fixture_mutex);
    size_t len = strlen(line);
    if (fixture_len + len + 2 < sizeof fixture_lines) {
        memcpy(fixture_lines + fixture_len, line, len);
        fixture_len += len;
        fixture_lines[fixture_len++] = '\n';
        fixture_lines[fixture_len] = 0;
    }
    pthread_mutex_unlock(&fixture_mutex);
}

bool fixture_logged(const char *text) {
    pthread_mutex_lock(&fixture_mutex);
    bool found = strstr(fixture_lines, text);
    pthread_mutex_unlock(&fixture_mutex);
    return found;
}

struct pawl *fixture_open(const struct pawl_options *given) {
    return fixture_open_at(fixture_target(), given);
}

struct pawl *fixture_open_at(const char *target, const struct pawl_options *given) {
    struct pawl_options options = given ? *given : (struct pawl_options){0};
    options.log = fixture_log;
    if (!options.loops && !options.is_driven) options.loops = (size_t)fixture_loops();
    pthread_mutex_lock(&fixture_mutex);
    fixture_len = 0;
    fixture_lines[0] = 0;
    pthread_mutex_unlock(&fixture_mutex);
    struct pawl *pawl;
    assert_ok(pawl_open(target, &options, &pawl));
    return pawl;
}

const char *fixture_id(const char *name) {
    static char ids[8][128];
    static unsigned next;
    char *id = ids[next++ % 8];
    snprintf(id, sizeof ids[0], "%s-%d-%u-%ld", name, (int)getpid(), next, (long)time(NULL));
    return id;
}

struct pawl_info *fixture_run(struct pawl *pawl, const char *workflow, const char *input) {
    struct pawl_start_options options = {.id = fixture_id(workflow)};
    struct pawl_info *info;
    assert_ok(pawl_start(pawl, workflow, pawl_text(input), &options, NULL));
    assert_ok(pawl_wait(pawl, options.id, 20 * PAWL_SECOND, &info));
    return info;
}

void fixture_wait_status(struct pawl *pawl, const char *id, enum pawl_status status) {
    for (int i = 0; i < 1000; i++) {
        struct pawl_info *info;
        assert_ok(pawl_get(pawl, id, &info));
        bool there = info->status == status;
        pawl_info_free(info);
        if (there) return;
        usleep(10000);
    }
    fail_msg("%s is not %s", id, pawl_status_text(status));
}
