#include "cli/workflow_watch.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/changes.h"

enum {
    WATCH_ROWS = 24,      // of a terminal that does not say how many it has
    WATCH_HEAD = 3,       // rows that are not the list's
    WATCH_ROOM = 1 << 18, // bytes that are written at once, so that nothing flickers
};

static const struct pawl_flag watch_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    PAWL_WORKFLOW_FILTER_FLAGS,
    {"interval", 'i', PAWL_FLAG_TEXT, "1s",
     "how long to wait, when nothing happens, before it is shown again"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static size_t watch_rows(void) {
    struct winsize size;
    size_t rows = WATCH_ROWS;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row) rows = size.ws_row;
    return rows > WATCH_HEAD + 1 ? rows - WATCH_HEAD : 1;
}

// One picture; |*over|: there will be no other.
static int watch_once(const struct pawl_workflow_app *app,
                      const struct pawl_workflow_filter *filter, const char *id, bool *over) {
    enum pawl_status status;
    char now[PAWL_TIME_TEXT];
    bool terminal = isatty(STDOUT_FILENO);
    pawl__workflow_moment(pawl__clock_wall(), now);
    if (terminal) fputs("\33[H\33[J", stdout);
    printf("%s%s%s\n", now, *app->id ? "  " : "", app->id);
    int code = id ? pawl__workflow_show_one(app, id, &status)
                  : pawl__workflow_show_list(app, filter, terminal ? watch_rows() : 0);
    *over = code || (id && pawl__workflow_has_ended(status));
    if (!code && *over && status != PAWL_COMPLETED) code = 1;
    if (!terminal) putchar('\n');
    return code;
}

static int watch_run(const struct pawl_flags *flags) {
    static char room[WATCH_ROOM];
    struct pawl_workflow_filter filter;
    struct pawl_workflow_app app;
    struct pawl_changes changes;
    const char *text = pawl__flag_text(flags, "interval");
    const char *id = flags->argc ? flags->argv[0] : NULL;
    int64_t interval;
    if (flags->argc > 1 || (id && pawl__workflow_filter_given(flags)))
        return pawl__misused(flags, "name one instance, or give filters");
    if (!pawl__workflow_interval(text, &interval))
        return pawl__misused(flags,
                             "--interval is '%s', but has to be a duration such as "
                             "500ms",
                             text);
    if (!pawl__workflow_filter(flags, &filter)) return PAWL_EXIT_USAGE;
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    setvbuf(stdout, room, _IOFBF, sizeof room);
    pawl__changes_open(&changes, *app.id ? pawl__workflow_find(app.id) : NULL, id);
    for (bool over = false; !over;) {
        code = watch_once(&app, &filter, id, &over);
        if (fflush(stdout)) break; // nobody reads it any more, or it cannot be written
        if (!over) pawl__changes_wait(&changes, interval);
    }
    pawl__changes_close(&changes);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_watch = {
    .name = "workflow watch",
    .summary = "Watch one workflow, or a list of them",
    .usage = "[ID | FILTERS] [-i INTERVAL]",
    .text =
        "Shows what 'pawl workflow get' shows of an instance, until it has ended; the exit code\n"
        "is then 0 if it completed. Without an id it shows the list that the filters choose, as\n"
        "much of it as the terminal has room for, until Ctrl-C. It is shown again when something\n"
        "has happened, and every INTERVAL.\n\n"
        "Examples:\n"
        "  pawl workflow watch order-7\n"
        "  pawl workflow watch -s RUNNING,STALLED\n",
    .flags = watch_flags,
    .run = watch_run,
};
