// How long a daemon takes from its start to its first healthy answer, without what a script adds:
//
//     start DAPRD [RUNS] [FLAGS of the daemon]
//
// Starts it with a free HTTP port, asks for /v1.0/healthz until the answer is 204, kills it, and
// prints the median and the extremes of all runs in milliseconds, and the memory of the last one.

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    RUNS_MOST = 1000,
    FLAGS_MOST = 32,
    PATIENCE = 30, // seconds
    LOOK = 50,     // microseconds between two questions
    SETTLE = 1,    // seconds until its memory is read
};

static void check(bool ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static struct sockaddr_in free_address(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(bind(fd, (struct sockaddr *)&address, size) == 0, "bind");
    getsockname(fd, (struct sockaddr *)&address, &size);
    close(fd);
    return address;
}

static bool is_healthy(const struct sockaddr_in *address) {
    static const char ask[] = "GET /v1.0/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    char answer[256] = "";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_open = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 &&
                   send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) > 0 &&
                   recv(fd, answer, sizeof answer - 1, 0) > 0;
    close(fd);
    return is_open && strstr(answer, " 204 ");
}

static long memory_of(pid_t pid) {
    char path[64], line[256];
    long kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    check(file != NULL, path);
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld", &kib) == 1) break;
    fclose(file);
    return kib;
}

static double run(char **argv, char port[16], bool is_last, long *kib) {
    struct sockaddr_in address = free_address();
    snprintf(port, 16, "%d", ntohs(address.sin_port));
    int64_t began = pawl__clock_steady();
    pid_t pid = fork(); // of a program this small it costs next to nothing
    if (pid == 0) {
        execv(argv[0], argv);
        _exit(127);
    }
    check(pid > 0, "fork");
    while (!is_healthy(&address)) {
        check(waitpid(pid, NULL, WNOHANG) == 0, "the daemon has ended");
        check(pawl__clock_steady() - began < PATIENCE * PAWL_SECOND, "not healthy in time");
        usleep(LOOK);
    }
    int64_t took = pawl__clock_steady() - began;
    if (is_last) {
        sleep(SETTLE);
        *kib = memory_of(pid);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return (double)took / (double)PAWL_MILLISECOND;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    static double times[RUNS_MOST];
    char port[16],
        *args[FLAGS_MOST + 10] = {argv[1], "--app-id",         "start", "--log-level",
                                  "error", "--dapr-grpc-port", "0",     "--dapr-http-port",
                                  port};
    int runs = argc > 2 ? atoi(argv[2]) : 21, count = 9;
    if (argc < 2 || runs < 1 || runs > RUNS_MOST || argc > FLAGS_MOST + 3) {
        fputs("usage: start DAPRD [RUNS] [FLAGS of the daemon]\n", stderr);
        return 2;
    }
    for (int i = 3; i < argc; i++) args[count++] = argv[i];
    if (!freopen("/dev/null", "r", stdin)) return 1;
    long kib = 0;
    for (int i = 0; i < runs; i++) times[i] = run(args, port, i == runs - 1, &kib);
    qsort(times, (size_t)runs, sizeof *times, compare);
    printf("{\"startMs\": %.2f, \"fastestMs\": %.2f, \"slowestMs\": %.2f, \"idleKiB\": %ld}\n",
           times[runs / 2], times[0], times[runs - 1], kib);
    return 0;
}
