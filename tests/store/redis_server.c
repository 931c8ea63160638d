#include "redis_server.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "helper.h"

bool redis_server_exists(void) {
    return access("/usr/bin/redis-server", X_OK) == 0;
}

int redis_free_port(void) {
    enum {
        FIRST = 20000,
        COUNT = 12000
    };
    static bool given[COUNT];
    for (;;) {
        uint16_t number;
        if (getrandom(&number, sizeof number, 0) != sizeof number) abort();
        if (given[number %= COUNT]) continue;
        given[number] = true;
        int port = FIRST + number;
        struct sockaddr_in at = {AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        bool is_free = bind(fd, (struct sockaddr *)&at, sizeof at) == 0;
        close(fd);
        if (is_free) return port;
    }
}

void redis_server_prepare(struct redis_server *server) {
    strcpy(server->folder, "/tmp/pawl-redis-XXXXXX");
    if (!mkdtemp(server->folder)) abort();
    server->port = redis_free_port();
}

void redis_server_start(struct redis_server *server) {
    char port[12];
    snprintf(port, sizeof port, "%d", server->port);
    const char *const usual[] = {"--bind",        "127.0.0.1",    "--appendonly", "yes",
                                 "--appendfsync", "always",       "--save",       "",
                                 "--dir",         server->folder, "--port",       port};
    const char *argv[40] = {"redis-server"};
    size_t count = 1;
    if (server->file) argv[count++] = server->file;
    for (size_t i = 0; !server->file && i < sizeof usual / sizeof *usual; i++)
        argv[count++] = usual[i];
    for (size_t i = 0; server->flags && server->flags[i]; i++) argv[count++] = server->flags[i];
    server->pid = fork();
    if (server->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!freopen("/dev/null", "w", stdout)) _exit(126);
        execvp("redis-server", (char *const *)argv);
        _exit(127);
    }
    redis_await(server->port, "PING", server->greets ? server->greets : "PONG");
}

void redis_server_stop(struct redis_server *server, int signal) {
    if (server->pid) kill(server->pid, signal);
    if (server->pid) waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void redis_server_end(struct redis_server *server) {
    char command[64];
    redis_server_stop(server, SIGKILL);
    snprintf(command, sizeof command, "rm -rf '%s'", server->folder);
    if (system(command)) fprintf(stderr, "%s is left behind\n", server->folder);
}

void redis_ask(int port, const char *command, char *out, size_t size) {
    redisContext *context = redisConnect("127.0.0.1", port);
    redisReply *reply = context->err ? NULL : redisCommand(context, command);
    if (out) *out = 0;
    if (out && reply && reply->type == REDIS_REPLY_INTEGER)
        snprintf(out, size, "%lld", reply->integer);
    else if (out && reply && reply->str)
        snprintf(out, size, "%s", reply->str);
    if (reply) freeReplyObject(reply);
    redisFree(context);
}

void redis_await(int port, const char *command, const char *wanted) {
    char answer[4096] = "";
    for (int i = 0; i < 1500; i++) {
        redis_ask(port, command, answer, sizeof answer);
        if (strncmp(answer, wanted, strlen(wanted)) == 0) return;
        usleep(20000);
    }
    fail_msg("%s at port %d: \"%s\" instead of \"%s\"", command, port, answer, wanted);
}
