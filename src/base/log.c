#include "base/log.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/utf8.h"

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

enum {
    LOG_MESSAGE = 1536, // bytes of a message; more are cut
    LOG_VALUE = 255,    // of any other value
    LOG_ESCAPE = 6,     // bytes that one may become
};

// A line under construction. It has room for all values as long as they may be, each byte escaped.
struct log_line {
    char text[LOG_ESCAPE * (LOG_MESSAGE + (7 + PAWL_LOG_FIELDS) * LOG_VALUE) + 512];
    size_t len;
};

static void log_char(struct log_line *line, char c) {
    line->text[line->len++] = c;
}

static void log_raw(struct log_line *line, const char *text) {
    while (*text) log_char(line, *text++);
}

static void log_quoted(struct log_line *line, const char *text) {
    const char *end = text + strlen(text);
    log_char(line, '"');
    while (*text) {
        unsigned char c = (unsigned char)*text;
        size_t size = pawl__utf8_length(text, end);
        char escape[LOG_ESCAPE + 1] = "\xef\xbf\xbd"; // U+FFFD, for what is no text
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c == '\n')
            snprintf(escape, sizeof escape, "\\n");
        else if (c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else if (size)
            snprintf(escape, sizeof escape, "%.*s", (int)size, text);
        log_raw(line, escape);
        text += size ? size : 1;
    }
    log_char(line, '"');
}

// Whether a value of logfmt has to be in quotes: by the rule of logrus, which daprd logs with.
static bool log_needs_quotes(const char *text) {
    if (!*text) return true;
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("-._/@^+:", *text)) return true;
    return false;
}

static void log_field(struct log_line *line, bool json, const char *key, const char *value,
                      bool quote) {
    if (line->len > 1) log_raw(line, json ? "," : " ");
    if (json)
        log_quoted(line, key);
    else
        log_raw(line, key);
    log_char(line, json ? ':' : '=');
    if (json || quote || log_needs_quotes(value))
        log_quoted(line, value);
    else
        log_raw(line, value);
}

// A value that is not ours to bound: an app's id, a host's name.
static void log_given(struct log_line *line, bool json, const char *key, const char *value) {
    char text[LOG_VALUE + 1];
    if (!value) return;
    struct pawl_str whole = pawl__str_shorten(pawl__str(value), LOG_VALUE);
    snprintf(text, sizeof text, "%.*s", PAWL_FMT(whole));
    log_field(line, json, key, text, false);
}

static void log_number(struct log_line *line, bool json, const struct pawl_log_field *field) {
    char text[LOG_VALUE + 1];
    snprintf(text, sizeof text, json ? ",\"%s\":%s" : " %s=%s", field->key, field->value);
    log_raw(line, text);
}

// Cuts a message that is too long between two characters, and shows that it is cut.
static void log_message(char out[LOG_MESSAGE], const char *format, va_list args) {
    static const char more[] = "...";
    int len = vsnprintf(out, LOG_MESSAGE, format, args);
    if (len < LOG_MESSAGE) return;
    struct pawl_str cut =
        pawl__str_shorten((struct pawl_str){out, LOG_MESSAGE - 1}, LOG_MESSAGE - sizeof more);
    memcpy(out + cut.len, more, sizeof more);
}

// By itself, so that a log with a taker of its own needs no room for the line: it may be called on
// the small stack of a workflow.
static __attribute__((noinline)) void log_write(const struct pawl_log *log,
                                                enum pawl_log_level level, const char *scope,
                                                const char *message,
                                                const struct pawl_log_field *fields, size_t count) {
    char stamp[64];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(stamp + len, sizeof stamp - len, ".%06ldZ", now.tv_nsec / 1000);

    struct log_line line;
    line.len = 0;
    if (log->json) log_char(&line, '{');
    log_field(&line, log->json, "time", stamp, true);
    log_field(&line, log->json, "level", log_level_names[level], false);
    log_field(&line, log->json, "msg", message, true);
    log_given(&line, log->json, "app_id", log->app_id);
    log_given(&line, log->json, "instance", log->host);
    for (size_t i = 0; i < count && i < PAWL_LOG_FIELDS; i++) {
        if (fields[i].is_number)
            log_number(&line, log->json, &fields[i]);
        else
            log_given(&line, log->json, fields[i].key, fields[i].value);
    }
    log_given(&line, log->json, "scope", scope);
    log_field(&line, log->json, "type", "log", false);
    log_given(&line, log->json, "ver", log->version);
    if (log->json) log_char(&line, '}');
    log_char(&line, '\n');
    fflush(log->out);
    ssize_t ignored = write(fileno(log->out), line.text, line.len);
    (void)ignored; // a log that cannot be written must not stop the work
}

void pawl__log(const struct pawl_log *log, enum pawl_log_level level, const char *scope,
               const char *format, ...) {
    if (!log || level < log->level) return;
    char message[LOG_MESSAGE];
    va_list args;
    va_start(args, format);
    log_message(message, format, args);
    va_end(args);
    if (log->write)
        log->write(log->arg, level, message);
    else
        log_write(log, level, scope, message, NULL, 0);
}

void pawl__log_with(const struct pawl_log *log, enum pawl_log_level level, const char *scope,
                    const char *message, const struct pawl_log_field *fields, size_t count) {
    if (!log || level < log->level) return;
    if (log->write)
        log->write(log->arg, level, message);
    else
        log_write(log, level, scope, message, fields, count);
}
