#include <malloc.h>
#include <pawl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Many workflows that wait for an event in one process: what each takes of memory, and whether all
// of them wake.
//
//     sleepers TARGET COUNT WARM MAX_BYTES
//
// WARM workflows keep their stacks. Fails when one takes more than MAX_BYTES.

enum {
    THREADS = 16
};

static struct pawl *pawl;
static int count;

static enum pawl_err sleeper(struct pawl_workflow *wf) {
    struct pawl_task *event = pawl_wait_for_event(wf, "wake", PAWL_FOREVER);
    PAWL_TRY(pawl_await(event));
    return pawl_return(wf, pawl_result(event));
}

// Memory of this process in bytes, without what malloc keeps for later.
static double memory(void) {
    unsigned long long kib = 0;
    char line[128];
    malloc_trim(0);
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file)) sscanf(line, "RssAnon: %llu", &kib);
    if (file) fclose(file);
    return (double)kib * 1024;
}

static void sleeper_id(char out[32], int number) {
    snprintf(out, 32, "sleeper-%d", number);
}

static void die(const char *what) {
    pawl_perror(what);
    exit(1);
}

static void *start_some(void *arg) {
    char id[32];
    for (int i = (int)(intptr_t)arg; i < count; i += THREADS) {
        sleeper_id(id, i);
        struct pawl_start_options options = {.id = id};
        if (pawl_start(pawl, "sleeper", pawl_text(NULL), &options, NULL)) die("pawl_start");
    }
    return NULL;
}

static void *wake_some(void *arg) {
    char id[32], data[32];
    struct pawl_info *info;
    for (int i = (int)(intptr_t)arg; i < count; i += THREADS) {
        sleeper_id(id, i);
        snprintf(data, sizeof data, "%d", i);
        if (pawl_raise(pawl, id, "wake", pawl_text(data))) die("pawl_raise");
    }
    for (int i = (int)(intptr_t)arg; i < count; i += THREADS) {
        sleeper_id(id, i);
        snprintf(data, sizeof data, "%d", i);
        if (pawl_wait(pawl, id, 60 * PAWL_SECOND, &info)) die("pawl_wait");
        if (info->status != PAWL_COMPLETED || strcmp(info->output.data, data) != 0) {
            fprintf(stderr, "%s is %s\n", id, pawl_status_text(info->status));
            exit(1);
        }
        pawl_info_free(info);
    }
    return NULL;
}

static void in_threads(void *(*run)(void *arg)) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, run, (void *)(intptr_t)i);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
    if (argc != 5) return fprintf(stderr, "usage: sleepers TARGET COUNT WARM MAX_BYTES\n"), 2;
    count = atoi(argv[2]);
    struct pawl_options options = {.warm_workflows = (size_t)atoi(argv[3])};
    if (pawl_open(argv[1], &options, &pawl)) die("pawl_open");
    pawl_add_workflow(pawl, "sleeper", sleeper, NULL);
    pawl_work(pawl);
    double before = memory();
    in_threads(start_some);
    double after = memory(), best = after;
    // Those that rest leave memory once they are in the file, a few seconds later.
    for (int i = 0; i < 20 && options.warm_workflows < (size_t)count; i++) {
        sleep(1);
        after = memory();
        if (after < best) best = after;
        if ((best - before) / count < 1024) break;
    }
    double each = (best - before) / count;
    printf("%d sleeping workflows, %zu of them warm: %.0f bytes each\n", count,
           options.warm_workflows, each);
    in_threads(wake_some);
    printf("all woke\n");
    if (pawl_close(pawl)) die("pawl_close");
    if (each <= atof(argv[4])) return 0;
    fprintf(stderr, "that is more than %s\n", argv[4]);
    return 1;
}
