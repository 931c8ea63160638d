#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

static const char *const log_level_names[] = {"debug", "info", "warning", "error", "fatal"};

bool pawl__log_level_parse(const char *name, enum pawl_log_level *out) {
    if (strcasecmp(name, "warn") == 0) name = "warning"; // both spellings are in use with daprd
    for (int i = PAWL_LOG_DEBUG; i <= PAWL_LOG_FATAL; i++) {
        if (strcasecmp(name, log_level_names[i]) != 0) continue;
        *out = (enum pawl_log_level)i;
        return true;
    }
    return false;
}

// A line under construction; what does not fit is cut.
struct log_line {
    char text[2048];
    size_t len;
};

static void log_char(struct log_line *line, char c) {
    if (line->len < sizeof line->text - 8) line->text[line->len++] = c; // room for the line's end
}

static void log_raw(struct log_line *line, const char *text) {
    while (*text) log_char(line, *text++);
}

static void log_quoted(struct log_line *line, const char *text) {
    log_char(line, '"');
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c == '\n')
            snprintf(escape, sizeof escape, "\\n");
        else if (c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        log_raw(line, escape);
    }
    log_char(line, '"');
}

static void log_field(struct log_line *line, bool json, const char *key, const char *value,
                      bool quote) {
    if (line->len > 1) log_raw(line, json ? "," : " ");
    if (json)
        log_quoted(line, key);
    else
        log_raw(line, key);
    log_char(line, json ? ':' : '=');
    if (json || quote)
        log_quoted(line, value);
    else
        log_raw(line, value);
}

void pawl__log(const struct pawl_log *log, enum pawl_log_level level, const char *scope,
               const char *format, ...) {
    if (!log || level < log->level) return;
    char message[1536], stamp[64];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (log->write) {
        log->write(log->arg, level, message);
        return;
    }

    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + len, sizeof stamp - len, ".%06ldZ", now.tv_nsec / 1000);

    struct log_line line = {.len = 0};
    if (log->json) log_char(&line, '{');
    log_field(&line, log->json, "time", stamp, true);
    log_field(&line, log->json, "level", log_level_names[level], false);
    log_field(&line, log->json, "msg", message, true);
    if (log->app_id) log_field(&line, log->json, "app_id", log->app_id, false);
    if (log->host) log_field(&line, log->json, "instance", log->host, false);
    log_field(&line, log->json, "scope", scope, false);
    log_field(&line, log->json, "type", "log", false);
    if (log->version) log_field(&line, log->json, "ver", log->version, false);
    if (log->json) line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    fflush(log->out);
    ssize_t ignored = write(fileno(log->out), line.text, line.len);
    (void)ignored; // a log that cannot be written must not stop the work
}
