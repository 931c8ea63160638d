#include <fcntl.h>
#include <pawl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vfs.h"

// A program that runs workflows on a disk that fails, for test_faults.py.
//
//     faults FILE LEDGER NAME STARTS ACTIVITIES FAULT AT LENGTH MIX SEED
//
// It starts STARTS workflows, NAME-0 and so on, of ACTIVITIES activities each, and waits for them
// and for all that the ledger names as started and not ended. The disk fails meanwhile as vfs.h
// says. Afterwards the power is cut, and nothing that was not synced is kept; it exits with 0 then,
// and with 9 when the power was cut, or the process killed, before that.
//
// PAWL_LOOPS says on how many loops.
//
// To the ledger it appends, a line each:
//
//     S id start     a start was acknowledged
//     E id step      an activity began
//     R id result    a workflow ended
//
// An activity begins only when the result of the one before is recorded, and so acknowledged.

static int ledger;

static void note(const char *what, const char *id, long number) {
    char line[96];
    int len = snprintf(line, sizeof line, "%s %s %ld\n", what, id, number);
    if (write(ledger, line, (size_t)len) != len) abort();
}

static void went_off(void) {
    _exit(9);
}

static void *heal(void *arg) {
    usleep(1500000);
    faults_heal();
    return arg;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Tells an error, which the test reads. Whether it is one that passes. After some of them the disk
// is well again.
static bool passes(enum pawl_err err, const char *what) {
    static int told;
    if (++told % 3 == 0) faults_heal();
    printf("error %d %s: %s\n", (int)err, what, pawl_last_error()->text);
    usleep(20000);
    return err == PAWL_E_IO || err == PAWL_E_FULL || err == PAWL_E_UNAVAILABLE;
}

// --- the workflow -------------------------------------------------------------------------------

static enum pawl_err step(struct pawl_activity *activity) {
    long number, at;
    char text[32];
    if (sscanf(activity->input.data, "[%ld,%ld]", &at, &number) != 2) return PAWL_E_INVALID;
    note("E", activity->instance_id, at);
    snprintf(text, sizeof text, "%ld", number + 1);
    return pawl_activity_return(activity, pawl_text(text));
}

static enum pawl_err chain(struct pawl_workflow *wf) {
    long number, count;
    if (sscanf(pawl_input(wf).data, "[%ld,%ld]", &number, &count) != 2) return PAWL_E_INVALID;
    for (long at = 0; at < count; at++) {
        struct pawl_text result;
        const char *input = pawl_format(wf, "[%ld,%ld]", at, number);
        PAWL_TRY(pawl_call(wf, "step", pawl_text(input), NULL, &result));
        number = atol(result.data);
    }
    return pawl_return(wf, pawl_text(pawl_format(wf, "%ld", number)));
}

// --- the client ---------------------------------------------------------------------------------

static struct pawl *open_file(const char *file) {
    struct pawl *pawl;
    enum pawl_err err;
    const char *loops = getenv("PAWL_LOOPS");
    const struct pawl_options options = {.loops = loops ? (size_t)atoi(loops) : 0};
    while ((err = pawl_open(file, &options, &pawl)))
        if (!passes(err, "pawl_open")) exit(1);
    if (pawl_add_activity(pawl, "step", step, NULL) ||
        pawl_add_workflow(pawl, "chain", chain, NULL) || pawl_work(pawl)) {
        pawl_perror("pawl_work");
        exit(1);
    }
    return pawl;
}

static void start(struct pawl *pawl, const char *id, long number, long count) {
    struct pawl_start_options options = {.id = id, .reuse = PAWL_REUSE_NEVER};
    char input[64];
    enum pawl_err err;
    snprintf(input, sizeof input, "[%ld,%ld]", number, count);
    while ((err = pawl_start(pawl, "chain", pawl_text(input), &options, NULL))) {
        if (err == PAWL_E_EXISTS) break; // by an attempt that was not acknowledged
        if (!passes(err, "pawl_start")) exit(1);
    }
    note("S", id, number + count);
}

static void wait_for(struct pawl *pawl, const char *id) {
    struct pawl_info *info;
    enum pawl_err err;
    while ((err = pawl_wait(pawl, id, PAWL_FOREVER, &info)))
        if (!passes(err, "pawl_wait")) exit(1);
    note("R", id, info->status == PAWL_COMPLETED ? atol(info->output.data) : -1);
    pawl_info_free(info);
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

// Waits for what was started and has not ended, by the ledger as it is now, and looks at some of
// those that have.
static void wait_for_all(struct pawl *pawl, const char *path) {
    FILE *lines = fopen(path, "r");
    char what, id[64], (*ids)[72] = NULL, *ended = NULL;
    size_t count = 0;
    for (long number; fscanf(lines, " %c %63s %ld", &what, id, &number) == 3;) {
        if (what != 'S' && what != 'R') continue;
        ids = realloc(ids, (count + 1) * sizeof *ids);
        if (!ids) abort();
        snprintf(ids[count++], sizeof *ids, "%s %c", id, what);
    }
    fclose(lines);
    qsort(ids, count, sizeof *ids, by_text); // R comes before S
    for (size_t i = 0; i < count; i++) {
        char *end = strchr(ids[i], ' ');
        bool has_ended = end[1] == 'R';
        *end = 0;
        if (has_ended) {
            ended = ids[i];
            if (i % (count / 50 + 1) == 0) wait_for(pawl, ids[i]);
        } else if (!ended || strcmp(ended, ids[i]) != 0) {
            wait_for(pawl, ids[i]);
        }
    }
    free(ids);
}

int main(int argc, char **argv) {
    if (argc != 11) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(600);
    ledger = open(argv[2], O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    long starts = atol(argv[4]), activities = atol(argv[5]);
    struct fault_plan plan = {.at = strtoull(argv[7], NULL, 10),
                              .length = strtoull(argv[8], NULL, 10),
                              .mix = (enum disk_mix)atoi(argv[9]),
                              .seed = strtoull(argv[10], NULL, 10),
                              .on_cut = went_off};
    while (strcmp(argv[6], fault_names[plan.fault]) != 0) plan.fault++;
    faults_install();
    faults_begin(&plan, 0);

    pthread_t healer;
    bool ends = plan.fault == FAULT_CUT || plan.fault == FAULT_KILL;
    if (!ends && (pthread_create(&healer, NULL, heal, NULL) || pthread_detach(healer))) return 1;
    double begun = now();
    struct pawl *pawl = open_file(argv[1]);
    printf("opened in %.3f s with %llu operations\n", now() - begun,
           (unsigned long long)faults_operations());
    for (long i = 0; i < starts; i++) {
        char id[64];
        snprintf(id, sizeof id, "%s-%ld", argv[3], i);
        start(pawl, id, i, activities);
    }
    if (plan.length) wait_for_all(pawl, argv[2]);
    printf("done after %.3f s, ", now() - begun);
    if (plan.seed & 1 && pawl_close(pawl)) passes(pawl_last_error()->code, "pawl_close");
    printf("%llu operations, %llu faults\n", (unsigned long long)faults_operations(),
           (unsigned long long)faults_fired());
    fflush(stdout);
    faults_strike(DISK_NOTHING, 0);
    _exit(0);
}
