#include "cli/run_log.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LOG_STAMP = 14 // digits of the time in a file's name
};

// Whether |name| is |prefix|, a time and ".log" or ".log.1".
static bool log_is_ours(const char *name, const char *prefix) {
    size_t len = strlen(prefix);
    if (strncmp(name, prefix, len) != 0 || strspn(name + len, "0123456789") != LOG_STAMP)
        return false;
    const char *ending = name + len + LOG_STAMP;
    return strcmp(ending, ".log") == 0 || strcmp(ending, ".log.1") == 0;
}

// Removes what is left of all starts but the newest, so that there is room for one more. What
// cannot be removed stays.
static void log_prune(const char *folder, const char *prefix) {
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort); // by time, as the names are
    const char *last = "";
    int starts = 0;
    for (int i = count - 1; i >= 0; i--) {
        const char *name = entries[i]->d_name;
        char path[PATH_MAX];
        if (!log_is_ours(name, prefix)) continue;
        if (strncmp(name, last, strlen(prefix) + LOG_STAMP) != 0) starts++;
        last = name;
        if (starts < PAWL_RUN_LOG_STARTS) continue;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        unlink(path);
    }
    for (int i = 0; i < count; i++) free(entries[i]);
    if (count >= 0) free(entries);
}

static enum pawl_err log_begin(struct pawl_run_log *log, struct pawl_error *error) {
    struct stat info;
    log->file = fopen(log->path, "ae");
    if (!log->file)
        return pawl__fail(error, PAWL_E_IO, "cannot write %s: %s", log->path, strerror(errno));
    log->size = fstat(fileno(log->file), &info) == 0 ? (size_t)info.st_size : 0;
    return PAWL_OK;
}

enum pawl_err pawl__run_log_open(struct pawl_run_log *log, const char *folder, const char *app_id,
                                 unsigned replica, const char *what, struct pawl_error *error) {
    char stamp[32], prefix[300], number[16] = "", logs[PATH_MAX - 512];
    time_t now = time(NULL);
    struct tm local;
    strftime(stamp, sizeof stamp, "%Y%m%d%H%M%S", localtime_r(&now, &local));
    snprintf(logs, sizeof logs, "%s/.dapr", folder);
    mkdir(logs, 0755);
    snprintf(logs, sizeof logs, "%s/.dapr/logs", folder);
    mkdir(logs, 0755); // if it is not there now, opening the file says why
    if (replica) snprintf(number, sizeof number, "-%u", replica + 1);
    snprintf(prefix, sizeof prefix, "%s%s_%s_", app_id, number, what);
    for (char *at = prefix; (at = strchr(at, '/'));) *at = '_'; // the id of an app is no path
    log_prune(logs, prefix);
    snprintf(log->path, sizeof log->path, "%s/%s%s.log", logs, prefix, stamp);
    return log_begin(log, error);
}

// Begins the file anew. When that fails the lines are still shown, but no longer kept.
static void log_turn(struct pawl_run_log *log) {
    char old[PATH_MAX + 2];
    fclose(log->file);
    snprintf(old, sizeof old, "%s.1", log->path);
    rename(log->path, old);
    log_begin(log, NULL);
}

static void log_write(struct pawl_run_log *log, const char *line, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (line[i] != '\x1b' || i + 1 == len || line[i + 1] != '[') {
            fputc(line[i], log->file);
            continue;
        }
        for (i += 2; i < len && (line[i] < '@' || line[i] > '~'); i++) continue;
    }
    fputc('\n', log->file);
    fflush(log->file);
    log->size += len + 1;
    if (log->size >= PAWL_RUN_LOG_SIZE) log_turn(log);
}

void pawl__run_log_line(struct pawl_run_log *log, const char *line, size_t len) {
    char **slot = &log->lines[log->count++ % PAWL_RUN_LOG_LAST];
    free(*slot);
    *slot = strndup(line, len); // NULL when memory is out: the line is not shown
    if (log->file) log_write(log, line, len);
}

void pawl__run_log_show(const struct pawl_run_log *log) {
    size_t from = log->count > PAWL_RUN_LOG_LAST ? log->count - PAWL_RUN_LOG_LAST : 0;
    for (size_t i = from; i < log->count; i++)
        if (log->lines[i % PAWL_RUN_LOG_LAST])
            fprintf(stderr, "   %s\n", log->lines[i % PAWL_RUN_LOG_LAST]);
    if (log->file) fprintf(stderr, "   (all of it is in %s)\n", log->path);
}

void pawl__run_log_finish(struct pawl_run_log *log) {
    if (log->file) fclose(log->file);
    for (size_t i = 0; i < PAWL_RUN_LOG_LAST; i++) free(log->lines[i]);
}
