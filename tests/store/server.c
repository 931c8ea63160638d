#include "server.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

static struct {
    char folder[64], data[80], programs[128];
    pid_t pid, tester;
} server;

const char *server_folder(void) {
    return getenv("PAWL_TEST_POSTGRES");
}

// Runs a program of the server's in a process of its own, as the user that may.
static pid_t server_run(char *const argv[]) {
    pid_t child = fork();
    if (child) return child;
    const struct passwd *user = getuid() == 0 ? getpwnam("postgres") : NULL;
    int null = open("/dev/null", O_RDWR);
    char path[256];
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid))) _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); // it goes with the test, however that ends
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    snprintf(path, sizeof path, "%s/%s", server.programs, argv[0]);
    setenv("LC_ALL", "C", 1);
#ifdef FULL_DISK
    snprintf(path + strlen(path) + 1, sizeof path - strlen(path) - 1, "%s/full", server.folder);
    setenv("PAWL_TEST_FULL", path + strlen(path) + 1, 1);
    setenv("PAWL_TEST_FULL_PART", "/base/", 1); // not the log: without that the server would end
    setenv("LD_PRELOAD", FULL_DISK, 1);
#endif
    execv(path, argv);
    _exit(127);
}

static void server_on_exit(void) {
    if (getpid() == server.tester) server_end();
}

bool server_fill_disk(bool full) {
    char path[96];
    snprintf(path, sizeof path, "%s/full", server.folder);
#ifdef FULL_DISK
    if (full) close(open(path, O_CREAT | O_WRONLY, 0644));
    if (!full) unlink(path);
    return true;
#else
    (void)full;
    return false;
#endif
}

bool server_begin(void) {
    glob_t found;
    const struct passwd *user = getpwnam("postgres");
    if (getuid() == 0 && !user) return false;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found)) return false;
    const char *initdb = found.gl_pathv[found.gl_pathc - 1];
    snprintf(server.programs, sizeof server.programs, "%.*s", (int)(strlen(initdb) - 7), initdb);
    globfree(&found);
    strcpy(server.folder, "/tmp/pawl-postgres-XXXXXX");
    if (!mkdtemp(server.folder)) return false;
    if (getuid() == 0 && chown(server.folder, user->pw_uid, user->pw_gid)) return false;
    setenv("PAWL_TEST_POSTGRES", server.folder, 1);
    snprintf(server.data, sizeof server.data, "%s/data", server.folder);
    server.tester = getpid();
    atexit(server_on_exit);
    char *argv[] = {"initdb", "-D", server.data, "-U",   "tester", "-A",
                    "trust",  "-N", "-E",        "UTF8", NULL};
    int status;
    waitpid(server_run(argv), &status, 0);
    if (status) return false;
    server_start();
    return true;
}

static bool server_answers(void) {
    char text[160];
    snprintf(text, sizeof text, "host=%s user=tester dbname=postgres", server.folder);
    return PQping(text) == PQPING_OK;
}

void server_start(void) {
    char *argv[] = {"postgres",
                    "-D",
                    server.data,
                    "-k",
                    server.folder,
                    "-c",
                    "listen_addresses=",
                    "-c",
                    "fsync=off",
                    "-c",
                    "max_connections=40",
                    "-c",
                    "dynamic_shared_memory_type=mmap",
                    NULL};
    server.pid = server_run(argv);
    for (int i = 0; i < 3000 && !server_answers(); i++)
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
}

// The whole family is killed: what lives on would keep the next server from starting.
void server_kill(void) {
    char command[160];
    int status;
    if (!server.pid) return;
    snprintf(command, sizeof command, "kill -9 %d $(ps -o pid= --ppid %d)", (int)server.pid,
             (int)server.pid);
    if (system(command)) kill(server.pid, SIGKILL);
    waitpid(server.pid, &status, 0);
    server.pid = 0;
}

void server_end(void) {
    char command[128];
    if (!*server.folder) return;
    if (server.pid && kill(server.pid, SIGQUIT) == 0) // at once, with its shared memory
        waitpid(server.pid, NULL, 0);
    server.pid = 0;
    snprintf(command, sizeof command, "rm -rf '%s'", server.folder);
    if (system(command)) fprintf(stderr, "%s is left behind\n", server.folder);
    *server.folder = 0;
}
