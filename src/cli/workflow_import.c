#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/token.h"
#include "cli/workflow.h"
#include "net/http_fetch.h"

enum {
    IMPORT_PATIENCE = 60, // seconds, for the answer
    IMPORT_PIECE = 64 << 10
};

static const struct pawl_flag import_flags[] = {
    {"app-id", 'a', PAWL_FLAG_TEXT, NULL,
     "app that is to have it; needed only when several run here"},
    {"address", 0, PAWL_FLAG_TEXT, NULL,
     "HOST:PORT where a sidecar takes HTTP, also on another machine; instead of --app-id"},
    {"id", 'i', PAWL_FLAG_TEXT, NULL, "id of the new instance; else that in the history"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// Reads the file |path|, or stdin for "-". False: told on stderr.
static bool import_read(const char *path, struct pawl_buf *out) {
    bool is_stdin = strcmp(path, "-") == 0, ok = true;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    while (file && ok && !feof(file) && !ferror(file)) {
        ok = pawl__buf_reserve(out, IMPORT_PIECE);
        if (ok) out->len += fread(out->data + out->len, 1, IMPORT_PIECE, file);
    }
    if (!ok) errno = ENOMEM;
    ok = ok && file && !ferror(file);
    if (!ok) fprintf(stderr, "\u274c  cannot read %s: %s\n", path, strerror(errno));
    if (file && !is_stdin) fclose(file);
    return ok;
}

// The request's body; NULL: the file is no history, which is told on stderr.
static char *import_body(const char *path, const char *id) {
    struct pawl_buf text = {0};
    json_error_t flaw;
    json_t *history =
        import_read(path, &text) ? json_loadb((char *)text.data, text.len, 0, &flaw) : NULL;
    char *body = NULL;
    if (!history && !text.failed && text.data)
        fprintf(stderr, "\u274c  %s is not JSON: %s (line %d, column %d)\n", path, flaw.text,
                flaw.line, flaw.column);
    if (history && !json_is_array(history)) {
        fprintf(stderr,
                "\u274c  %s is not a history: an array of events, as 'pawl workflow export' "
                "writes it\n",
                path);
    } else if (history) {
        json_t *ask = json_pack("{s:O, s:s*}", "history", history, "id", id);
        body = ask ? json_dumps(ask, JSON_COMPACT) : NULL;
        if (!body) fputs("\u274c  the history or the id is not valid text\n", stderr);
        json_decref(ask);
    }
    json_decref(history);
    pawl__buf_finish(&text);
    return body;
}

// Where the sidecar takes HTTP. False: told on stderr; |*code| is the exit code.
static bool import_find(const struct pawl_flags *flags, char *host, size_t size, int *port,
                        int *code) {
    const char *address = pawl__flag_text(flags, "address"), *id = pawl__flag_text(flags, "app-id");
    *code = PAWL_EXIT_USAGE;
    if (address && id) {
        pawl__misused(flags, "takes --app-id or --address, not both");
        return false;
    }
    if (!address) {
        *code = 1;
        const struct pawl_found *found = pawl__workflow_find(id);
        if (!found) return false;
        snprintf(host, size, "%s", found->host);
        *port = found->http_port;
        return true;
    }
    const char *colon = strrchr(address, ':');
    int64_t number = 0;
    if (!colon || (size_t)(colon - address) >= size ||
        !pawl__str_to_int(pawl__str(colon + 1), 1, 65535, &number)) {
        pawl__misused(flags, "--address is '%s', but has to be HOST:PORT", address);
        return false;
    }
    snprintf(host, size, "%.*s", (int)(colon - address), address);
    *port = (int)number;
    return true;
}

static int import_tell(int status, const struct pawl_buf *answer) {
    json_t *told = json_loadb((char *)answer->data, answer->len, 0, NULL);
    const char *id = json_string_value(json_object_get(told, "id"));
    const char *why = json_string_value(json_object_get(told, "message"));
    if (status == 200 && id)
        printf("\u2705  imported '%s'\n", id);
    else if (why)
        fprintf(stderr, "\u274c  it was not imported: %s\n", why);
    else
        fprintf(stderr, "\u274c  it was not imported: the sidecar answers %d\n", status);
    json_decref(told);
    return status == 200 && id ? 0 : 1;
}

static int import_run(const struct pawl_flags *flags) {
    char host[300];
    int port = 0, status = 0, code;
    struct pawl_error error;
    struct pawl_buf answer = {0};
    if (flags->argc != 1) return pawl__misused(flags, "name one file, or - for stdin");
    if (!import_find(flags, host, sizeof host, &port, &code)) return code;
    char *body = import_body(flags->argv[0], pawl__flag_text(flags, "id"));
    if (!body) return 1;
    struct pawl_header headers[2 + PAWL_TOKENS] = {
        {PAWL_STR("content-type"), PAWL_STR("application/json")},
        {PAWL_STR("user-agent"), PAWL_STR("pawl workflow import")}}; // the daemon logs who asks
    size_t count = 2 + pawl__token_headers(headers + 2);
    const struct pawl_http_ask ask = {.host = host,
                                      .port = port,
                                      .method = "POST",
                                      .path = "/pawl/v1/instances/import",
                                      .headers = headers,
                                      .header_count = count,
                                      .body = pawl__str(body),
                                      .timeout = IMPORT_PATIENCE * PAWL_SECOND};
    enum pawl_err err = pawl__http_fetch(&ask, &status, &answer, &error);
    if (err) fprintf(stderr, "\u274c  cannot reach %s:%d: %s\n", host, port, error.text);
    code = err ? 1 : import_tell(status, &answer);
    pawl__buf_finish(&answer);
    free(body);
    return code;
}

const struct pawl_command pawl__workflow_import = {
    .name = "workflow import",
    .summary = "Take in a workflow's history from a file",
    .usage = "FILE [-i ID]",
    .text =
        "Makes an instance of a history that 'pawl workflow export' wrote: of a workflow that has\n"
        "ended, here or elsewhere, with its times, input, output and failure. It can be looked "
        "at,\n"
        "run again from its events and purged like any other. One that has not ended is refused:\n"
        "what it waits for is not in its history, and would be done in both places. The id must\n"
        "be free.\n\n"
        "Examples:\n"
        "  pawl workflow import order-7.json\n"
        "  pawl workflow export order-7 -a shop | pawl workflow import - -a test -i copy-of-7\n",
    .flags = import_flags,
    .run = import_run,
};
