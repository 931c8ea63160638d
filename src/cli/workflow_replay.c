#include <errno.h>
#include <stdlib.h>

#include "api/elder.h"
#include "base/clock.h"
#include "cli/proc.h"
#include "cli/retrace.h"
#include "cli/workflow.h"
#include "net/answer.h"
#include "net/request.h"
#include "net/server.h"
#include "wire/unpack.h"

// A sidecar that serves one workflow, which is in a file: the program that connects is given each
// turn of it, and what it answers is compared with what the file says.

enum {
    REPLAY_MAX_BODY = 128 << 20,
    REPLAY_MAX_HEADER = 64 << 10
};

struct replay {
    uv_loop_t loop;
    struct pawl_server *server;
    struct pawl_retrace retrace;
    struct pawl_arena story;     // what the history is made of
    struct pawl_arena turn;      // of one turn
    struct pawl_request *worker; // its stream; NULL: none is connected
    struct pawl_proc program;    // if there is one
    uv_timer_t patience;
    char token[16];
    unsigned compared;    // turns
    bool is_out, is_over; // a turn is with the worker; all was said
    int code;
};

static void replay_end(struct replay *replay, int code) {
    if (replay->is_over) return;
    replay->is_over = true;
    replay->code = code;
    uv_stop(&replay->loop);
}

static void replay_give(struct replay *replay) {
    if (!replay->worker || replay->is_out) return;
    pawl__arena_reset(&replay->turn);
    snprintf(replay->token, sizeof replay->token, "turn-%u", replay->retrace.turn);
    struct pawl_retrace retrace = replay->retrace;
    retrace.arena = &replay->turn;
    struct pawl_str item = pawl__retrace_item(&retrace, replay->token);
    if (item.data && !pawl__stream_send(replay->worker, item)) {
        replay->is_out = true;
        return;
    }
    fputs("\u274c  out of memory\n", stderr);
    replay_end(replay, 1);
}

static void replay_answered(struct replay *replay, Pb__WorkflowResponse *response) {
    // Workers of older SDKs send no token back: they are asked for one turn at a time, and it is
    // this.
    bool is_elder = !*response->completiontoken;
    if (!replay->is_out || (!is_elder && strcmp(response->completiontoken, replay->token) != 0))
        return;
    replay->is_out = false;
    replay->compared++;
    const char *why = pawl__retrace_compare(&replay->retrace, response);
    if (why) {
        printf("\u274c  %s parts ways with its history at %s\n", replay->retrace.name, why);
        replay_end(replay, 1);
    } else if (pawl__retrace_next(&replay->retrace)) {
        replay_give(replay);
    } else {
        unsigned turns = replay->compared;
        printf("\u2705  %s does what its history says, in %u turn%s\n", replay->retrace.name, turns,
               turns == 1 ? "" : "s");
        replay_end(replay, 0);
    }
}

// --- what a worker asks --------------------------------------------------------------------------

static void replay_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct replay *replay = request->data;
    if (replay->worker != request) return;
    replay->worker = NULL;
    replay->is_out = false; // who connects next gets it again
}

static void replay_work_items(struct replay *replay, struct pawl_request *request) {
    request->data = replay;
    request->on_close = replay_on_close;
    replay->worker = request;
    replay->is_out = false;
    pawl__stream_start(request, NULL, 0);
    replay_give(replay);
}

static void replay_complete(struct replay *replay, struct pawl_request *request) {
    struct pawl_str bytes = pawl__elder_answer(&request->arena, request->body);
    const char *why;
    Pb__WorkflowResponse *response =
        pawl__wire_unpack(&request->arena, &pb__workflow_response__descriptor, bytes, &why);
    if (!response) {
        pawl__grpc_finish(request, PAWL_E_INVALID, "the answer is not valid", PAWL_STR(""));
        return;
    }
    replay_answered(replay, response);
    pawl__grpc_respond(request, PAWL_STR(""));
}

// Methods that a worker needs, by the end of their path; the rest is not there.
static void replay_handle(void *arg, struct pawl_request *request) {
    struct replay *replay = arg;
    const char *slash = memrchr(request->path.data, '/', request->path.len);
    struct pawl_str name = {slash + 1,
                            (size_t)(request->path.data + request->path.len - slash - 1)};
    if (!request->is_grpc)
        pawl__http_respond(request, 204, NULL, 0, PAWL_STR("")); // it is healthy
    else if (pawl__str_equal(name, PAWL_STR("GetWorkItems")))
        replay_work_items(replay, request);
    else if (pawl__str_equal(name, PAWL_STR("CompleteOrchestratorTask")) ||
             pawl__str_equal(name, PAWL_STR("CompleteWorkflowTask")))
        replay_complete(replay, request);
    else if (pawl__str_equal(name, PAWL_STR("Hello")) ||
             pawl__str_equal(name, PAWL_STR("GetMetadata")))
        pawl__grpc_respond(request, PAWL_STR(""));
    else
        pawl__grpc_finish(request, PAWL_E_UNIMPLEMENTED, "a replay runs workflows and nothing else",
                          PAWL_STR(""));
}

// --- the program ---------------------------------------------------------------------------------

static void replay_on_exit(struct pawl_proc *proc) {
    struct replay *replay = proc->data;
    char how[80];
    if (replay->is_over) return;
    pawl__proc_describe(proc, how);
    fprintf(stderr, "\u274c  the program %s in turn %u of the workflow\n", how,
            replay->retrace.turn);
    replay_end(replay, 1);
}

static void replay_on_patience(uv_timer_t *timer) {
    struct replay *replay = timer->data;
    if (replay->worker)
        fprintf(stderr, "\u274c  the worker has not answered turn %u in time (--timeout)\n",
                replay->retrace.turn);
    else
        fputs("\u274c  no worker has connected in time (--timeout)\n", stderr);
    replay_end(replay, 1);
}

static enum pawl_err replay_start(struct replay *replay, const struct pawl_flags *flags, int port,
                                  struct pawl_error *error) {
    static char http[40], grpc[40];
    static const char *const env[] = {http, grpc, NULL};
    if (flags->argc < 2) {
        fprintf(stderr, "waiting for a worker at 127.0.0.1:%d\n", port);
        return PAWL_OK;
    }
    snprintf(http, sizeof http, "DAPR_HTTP_PORT=%d", port);
    snprintf(grpc, sizeof grpc, "DAPR_GRPC_PORT=%d", port);
    replay->program = (struct pawl_proc){
        .argv = (const char *const *)(flags->argv + 1),
        .env = env,
        .on_exit = replay_on_exit,
        .data = replay,
    };
    enum pawl_err err = pawl__proc_check(&replay->program, error);
    if (!err) err = pawl__guard_start(error);
    return err ? err : pawl__proc_start(&replay->program, &replay->loop, error);
}

static enum pawl_err replay_read(struct replay *replay, const char *path,
                                 struct pawl_error *error) {
    struct pawl_buf text = {0};
    char part[65536];
    size_t len;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (!file)
        return pawl__fail(error, PAWL_E_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    while ((len = fread(part, 1, sizeof part, file)) > 0) pawl__buf_append(&text, part, len);
    bool ok = !ferror(file);
    if (file != stdin) fclose(file);
    enum pawl_err err = !ok ? pawl__fail(error, PAWL_E_UNAVAILABLE, "cannot read %s", path)
                        : text.failed ? pawl__fail_plain(error, PAWL_E_NOMEM)
                                      : pawl__retrace_read(&replay->retrace, &replay->story,
                                                           pawl__buf_str(&text), error);
    pawl__buf_finish(&text);
    if (!err && !pawl__retrace_next(&replay->retrace))
        err = pawl__fail(error, PAWL_E_INVALID, "%s: no worker has had a turn of it", path);
    return err;
}

static const struct pawl_flag replay_flags[] = {
    {"port", 'p', PAWL_FLAG_INT, "0", "port that workers connect to; 0: a free one"},
    {"timeout", 0, PAWL_FLAG_TEXT, "60s", "how long all of it may take"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static int replay_run(const struct pawl_flags *flags) {
    static struct replay replay;
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl_server_options options = {
        .max_body = REPLAY_MAX_BODY,
        .max_header = REPLAY_MAX_HEADER,
        .idle_timeout = 60 * PAWL_SECOND,
        .handler = replay_handle,
        .arg = &replay,
    };
    int port = (int)pawl__flag_int(flags, "port");
    int64_t timeout;
    if (!flags->argc) return pawl__misused(flags, "name the file of a history");
    if (!pawl__workflow_interval(pawl__flag_text(flags, "timeout"), &timeout))
        return pawl__misused(flags, "--timeout has to be a duration such as 60s");
    uv_loop_init(&replay.loop);
    enum pawl_err err = replay_read(&replay, flags->argv[0], &error);
    if (!err) err = pawl__server_create(&replay.loop, &options, &replay.server, &error);
    if (!err) err = pawl__server_listen(replay.server, "127.0.0.1", &port, &error);
    if (!err) err = replay_start(&replay, flags, port, &error);
    if (err) {
        fprintf(stderr, "\u274c  %s\n", error.text);
        return 1;
    }
    uv_timer_init(&replay.loop, &replay.patience);
    replay.patience.data = &replay;
    uv_timer_start(&replay.patience, replay_on_patience, (uint64_t)(timeout / PAWL_MILLISECOND), 0);
    uv_run(&replay.loop, UV_RUN_DEFAULT);
    if (flags->argc > 1) pawl__guard_stop(); // the process ends, and with it all that was opened
    fflush(stdout);
    return replay.code;
}

const struct pawl_command pawl__workflow_replay = {
    .name = "workflow replay",
    .summary = "Run a history against the code of today",
    .usage = "FILE [-p PORT] [--timeout TIME] [-- PROGRAM ARGS...]",
    .text =
        "Gives the program, as a sidecar would, each turn of the workflow whose history is in\n"
        "FILE ('-': standard input), and compares what it does with what the history says. The\n"
        "program is one that runs the workflow's worker, with any SDK; without one, replay waits\n"
        "for a worker to connect. Activities are not run, and nothing is changed anywhere.\n\n"
        "The exit code is 0 when the code does what the history says, and 1 when it does not.\n\n"
        "Examples:\n"
        "  pawl workflow export order-7 > order-7.json\n"
        "  pawl workflow replay order-7.json -- ./orders\n"
        "  pawl workflow replay order-7.json -- python3 app.py\n",
    .flags = replay_flags,
    .run = replay_run,
};
