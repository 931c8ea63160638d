#include "cli/find.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/address.h"
#include "net/http_fetch.h"

enum {
    FIND_SOCKET = 128 // bytes of the path of a socket, and more than it may have
};

// Reads a file whole, as far as it fits, and terminates it. The length, or 0.
static size_t find_read_file(const char *path, char *out, size_t cap) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t len = read(fd, out, cap - 1);
    close(fd);
    if (len < 0) len = 0;
    out[len] = 0;
    return (size_t)len;
}

static size_t find_read(pid_t pid, const char *name, char *out, size_t cap) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    return find_read_file(path, out, cap);
}

// Fields of /proc/<pid>/stat, as proc(5) counts them.
enum {
    FIND_STATE = 3,
    FIND_PARENT = 4,
    FIND_START = 22, // in ticks since boot
};

// The number in |field|, or, for the state, its letter; -1 when there is no such process.
static long long find_stat(pid_t pid, int field) {
    char stat[1024];
    if (!find_read(pid, "stat", stat, sizeof stat)) return -1;
    const char *at = strrchr(stat, ')'); // the name in field 2 may hold anything
    for (int i = 2; at && i < field; i++) at = strchr(at + 1, ' ');
    if (!at) return -1;
    return field == FIND_STATE ? at[1] : atoll(at);
}

bool pawl__find_is_gone(pid_t pid) {
    long long state = find_stat(pid, FIND_STATE);
    return state < 0 || state == 'Z' || state == 'X';
}

// When the process was started, in seconds since 1970.
static int64_t find_started_at(pid_t pid) {
    char uptime[64];
    long long ticks = find_stat(pid, FIND_START);
    if (ticks < 0 || !find_read_file("/proc/uptime", uptime, sizeof uptime)) return 0;
    double since_boot = (double)ticks / (double)sysconf(_SC_CLK_TCK);
    return (int64_t)((double)pawl__clock_wall() / 1e9 - atof(uptime) + since_boot);
}

// The sockets in the folder |given|, which may be relative to where the daemon was started, as a
// client can open them.
static void find_sockets(struct pawl_found *found, const char *given) {
    char whole[PATH_MAX], folder[FIND_SOCKET] = "", *name = found->app_id;
    found->http_port = found->grpc_port = 0;
    if (*given == '/')
        snprintf(folder, sizeof folder, "%.*s", FIND_SOCKET - 1, given);
    else
        snprintf(folder, sizeof folder, "/proc/%d/cwd/%.*s", (int)found->pid, FIND_SOCKET / 2,
                 given);
    snprintf(found->sockets, sizeof found->sockets, "%.511s",
             realpath(folder, whole) ? whole : given);
    snprintf(found->host, sizeof found->host, "%s/dapr-%s-http.socket", folder, name);
    snprintf(found->grpc_target, sizeof found->grpc_target, "unix:%s/dapr-%s-grpc.socket", folder,
             name);
}

// Where a client finds the daemon, by the flags that say where it listens.
static void find_place(struct pawl_found *found, const char *listen, const char *sockets) {
    if (*sockets) {
        find_sockets(found, sockets);
        return;
    }
    pawl__addresses_local(listen, found->host);
    if (found->grpc_port > 0)
        snprintf(found->grpc_target, sizeof found->grpc_target,
                 strchr(found->host, ':') ? "[%s]:%d" : "%s:%d", found->host, found->grpc_port);
}

// Whether the words of a command line are a daemon's; fills what its flags say.
static bool find_parse(char *words, size_t len, struct pawl_found *found) {
    char *end = words + len, *word = words;
    const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
    char *next = word + strlen(word) + 1;
    if (strcmp(name, "pawl") == 0) {
        if (next >= end || strcmp(next, "daemon") != 0) return false;
        next += strlen(next) + 1;
    } else if (strcmp(name, "daprd") != 0) {
        return false;
    }
    const char *listen = "", *sockets = "";
    found->http_port = 3500;
    found->grpc_port = 50001;
    while (next < end) {
        word = next;
        next = word + strlen(word) + 1;
        if (*word != '-') continue;
        while (*word == '-') word++;
        char *value = strchr(word, '=');
        if (value)
            *value++ = 0;
        else if (next < end)
            value = next;
        if (!value) break;
        if (strcmp(word, "app-id") == 0)
            snprintf(found->app_id, sizeof found->app_id, "%s", value);
        else if (strcmp(word, "dapr-http-port") == 0)
            found->http_port = atoi(value);
        else if (strcmp(word, "dapr-grpc-port") == 0)
            found->grpc_port = atoi(value);
        else if (strcmp(word, "app-port") == 0)
            found->app_port = atoi(value);
        else if (strcmp(word, "dapr-listen-addresses") == 0)
            listen = value;
        else if (strcmp(word, "unix-domain-socket") == 0)
            sockets = value;
    }
    find_place(found, listen, sockets);
    return true;
}

static void find_text(const json_t *extended, const char *key, char *out, size_t cap) {
    const char *text = json_string_value(json_object_get(extended, key));
    if (text) snprintf(out, cap, "%s", text);
}

static pid_t find_pid(const json_t *extended, const char *key) {
    const char *text = json_string_value(json_object_get(extended, key));
    return text ? (pid_t)atoi(text) : 0;
}

// What the daemon itself tells of its app. Anybody may have told it so, and processes end and their
// numbers are used again: the command is believed to be one if it is the daemon's parent, and the
// app if it is the command's child.
static void find_ask(struct pawl_found *found) {
    struct pawl_buf body = {0};
    int status = 0;
    const char *token = getenv("DAPR_API_TOKEN");
    struct pawl_header header = {PAWL_STR("dapr-api-token"), pawl__str(token)};
    const struct pawl_http_ask ask = {.host = found->host,
                                      .port = found->http_port,
                                      .path = "/v1.0/metadata",
                                      .headers = &header,
                                      .header_count = token ? 1 : 0,
                                      .timeout = PAWL_SECOND};
    pawl__http_fetch(&ask, &status, &body, NULL);
    json_t *answer = status == 200 ? json_loadb((char *)body.data, body.len, 0, NULL) : NULL;
    const json_t *extended = json_object_get(answer, "extended");
    pid_t cli = find_pid(extended, "cliPID"), app = find_pid(extended, "appPID");
    if (cli > 1 && find_stat(found->pid, FIND_PARENT) == cli) found->cli_pid = cli;
    if (app > 1 && found->cli_pid && find_stat(app, FIND_PARENT) == cli) found->app_pid = app;
    find_text(extended, "appCommand", found->command, sizeof found->command);
    find_text(extended, "runTemplatePath", found->template_path, sizeof found->template_path);
    find_text(extended, "appLogPath", found->app_log, sizeof found->app_log);
    find_text(extended, "daprdLogPath", found->daemon_log, sizeof found->daemon_log);
    const json_t *workers =
        json_object_get(json_object_get(answer, "workflows"), "connectedWorkers");
    found->workers = workers ? (int)json_integer_value(workers) : -1;
    json_decref(answer);
    pawl__buf_finish(&body);
}

size_t pawl__find_running(struct pawl_found out[PAWL_FOUND_MAX]) {
    DIR *dir = opendir("/proc");
    size_t count = 0;
    if (!dir) return 0;
    for (struct dirent *entry; (entry = readdir(dir)) && count < PAWL_FOUND_MAX;) {
        char words[8192];
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        size_t len = find_read(pid, "cmdline", words, sizeof words);
        struct pawl_found *found = &out[count];
        *found = (struct pawl_found){.pid = pid};
        if (!len || !find_parse(words, len, found) || pawl__find_is_gone(pid)) continue;
        found->started_at = find_started_at(pid);
        found->workers = -1;
        count++;
    }
    closedir(dir);
    return count;
}

const struct pawl_found *pawl__find_best(struct pawl_found *found, size_t count,
                                         const char *app_id) {
    const struct pawl_found *best = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(found[i].app_id, app_id) != 0) continue;
        find_ask(&found[i]);
        if (!best || found[i].workers > best->workers ||
            (found[i].workers == best->workers && found[i].started_at < best->started_at))
            best = &found[i];
    }
    return best;
}

size_t pawl__find_daemons(struct pawl_found out[PAWL_FOUND_MAX]) {
    size_t count = pawl__find_running(out);
    for (size_t i = 0; i < count; i++) find_ask(&out[i]);
    return count;
}
