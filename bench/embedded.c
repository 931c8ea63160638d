// Workflows and activities in one process: how many a second, how long one takes, and what it
// costs.
//
//     embedded TARGET STEPS IN_FLIGHT WORKFLOWS
//
// prints one line of JSON. The activities do nothing.

#include <pawl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static int steps;

static enum pawl_err nothing(struct pawl_activity *activity) {
    (void)activity;
    return PAWL_OK;
}

static enum pawl_err sequence(struct pawl_workflow *wf) {
    for (int i = 0; i < steps; i++) PAWL_TRY(pawl_call(wf, "nothing", pawl_text(NULL), NULL, NULL));
    return PAWL_OK;
}

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

struct client {
    struct pawl *pawl;
    int number, workflows;
    double *times;
};

static void *client_main(void *arg) {
    struct client *client = arg;
    for (int i = 0; i < client->workflows; i++) {
        char id[64];
        snprintf(id, sizeof id, "bench-%d-%d-%d", (int)getpid(), client->number, i);
        struct pawl_start_options options = {.id = id};
        double began = now();
        if (pawl_start(client->pawl, "sequence", pawl_text(NULL), &options, NULL) ||
            pawl_wait(client->pawl, id, PAWL_FOREVER, NULL)) {
            pawl_perror("embedded");
            exit(1);
        }
        client->times[i] = now() - began;
    }
    return NULL;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: embedded TARGET STEPS IN_FLIGHT WORKFLOWS\n");
        return 2;
    }
    steps = atoi(argv[2]);
    int flight = atoi(argv[3]), each = atoi(argv[4]) / flight, total = each * flight;
    struct pawl *pawl;
    if (pawl_open(argv[1], NULL, &pawl)) {
        pawl_perror("pawl_open");
        return 1;
    }
    pawl_add_workflow(pawl, "sequence", sequence, NULL);
    pawl_add_activity(pawl, "nothing", nothing, NULL);
    pawl_work(pawl);
    pthread_t *threads = calloc((size_t)flight, sizeof *threads);
    struct client *clients = calloc((size_t)flight, sizeof *clients);
    double *times = calloc((size_t)total, sizeof *times);
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 128 * 1024);
    double began = now(), used = cpu();
    for (int i = 0; i < flight; i++) {
        clients[i] = (struct client){pawl, i, each, times + i * each};
        pthread_create(&threads[i], &attr, client_main, &clients[i]);
    }
    for (int i = 0; i < flight; i++) pthread_join(threads[i], NULL);
    double took = now() - began, spent = cpu() - used, activities = (double)total * steps;
    qsort(times, (size_t)total, sizeof *times, compare);
    printf("{\"workflows\":%d,\"activities_per_second\":%.0f,\"p50_ms_per_activity\":%.3f,"
           "\"p99_ms_per_activity\":%.3f,\"cpu_us_per_activity\":%.1f}\n",
           total, activities / took, times[total / 2] * 1e3 / steps,
           times[total * 99 / 100] * 1e3 / steps, spent / activities * 1e6);
    free(times);
    free(clients);
    free(threads);
    return pawl_close(pawl) ? 1 : 0;
}
