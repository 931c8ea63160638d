#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "cli/top_view.h"
#include "config/yaml.h"

static const struct pawl_flag top_flags[] = {
    {"app-id", 'a', PAWL_FLAG_TEXT, "", "the workflows of this app; without it all apps"},
    {"interval", 'i', PAWL_FLAG_TEXT, "1s", "how long to wait before the figures are read again"},
    {"once", 0, PAWL_FLAG_BOOL, "false", "print the figures of one interval, and end"},
    {"output", 'o', PAWL_FLAG_TEXT, "table", "form of what is printed: table or json"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

struct top_live {
    struct pawl_top top;
    struct pawl_screen screen;
    struct pawl_top_view apps, workflows;
    char app[128]; // whose workflows are shown; "": all apps
    json_t *rows;
    bool typing; // a filter
    bool colour;
    bool only_one; // app: there is no way back
    const char *told_interval;
};

static struct pawl_top_view *live_view(struct top_live *live) {
    return *live->app ? &live->workflows : &live->apps;
}

static void live_read(struct top_live *live) {
    json_decref(live->rows);
    live->rows = *live->app ? pawl__top_read_workflows(&live->top, live->app)
                            : pawl__top_read_apps(&live->top, NULL);
}

// --- drawing -------------------------------------------------------------------------------------

static const char top_keys[] =
    "q quit  j/k move  enter open  esc back  s sort  r reverse  / filter";
static const char top_keys_one[] = "q quit  j/k move  s sort  r reverse  / filter";

static void live_add_line(struct pawl_buf *out, const char *text, size_t width) {
    struct pawl_str cut = pawl__str_shorten(pawl__str(text), width);
    pawl__buf_append_str(out, cut);
}

static bool live_draw(struct top_live *live) {
    enum {
        AROUND = 4 // lines above and below the table
    };
    struct pawl_top_view *view = live_view(live);
    struct pawl_buf out = {0};
    char line[512];
    size_t width = live->screen.columns, rows = live->screen.rows;
    pawl__top_view_set(view, live->rows);
    snprintf(line, sizeof line, "pawl top  %s%s  %zu %s, every %s",
             *live->app ? "app " : "all apps", live->app, json_array_size(view->shown),
             *live->app ? "workflows" : "daemons", live->told_interval);
    live_add_line(&out, line, width);
    pawl__buf_append(&out, "\n\n", 2);
    pawl__top_view_draw(view, &out, rows > AROUND ? rows - AROUND : 1, width, true, live->colour);
    if (!json_array_size(view->shown))
        live_add_line(&out,
                      *view->filter ? "  Nothing fits the filter."
                      : *live->app  ? "  No workflow of this app has run."
                                    : "  No app runs: start one with 'pawl run'.",
                      width);
    pawl__buf_append(&out, "\n", 1);
    snprintf(line, sizeof line, "%s%s%s", live->typing || *view->filter ? "filter: " : "",
             view->filter,
             live->typing     ? "_"
             : *view->filter  ? "  (/ changes it)"
             : live->only_one ? top_keys_one
                              : top_keys);
    live_add_line(&out, line, width);
    bool ok = !out.failed && pawl__screen_draw(&live->screen, pawl__buf_str(&out));
    pawl__buf_finish(&out);
    return ok;
}

// --- keys ----------------------------------------------------------------------------------------

static void live_type(struct top_live *live, int key) {
    struct pawl_top_view *view = live_view(live);
    size_t len = strlen(view->filter);
    if (key == '\r' || key == '\n') {
        live->typing = false;
    } else if (key == PAWL_KEY_ESCAPE) {
        live->typing = false;
        *view->filter = 0;
    } else if ((key == 127 || key == '\b') && len) {
        do view->filter[--len] = 0;
        while (len && (view->filter[len - 1] & 0xc0) == 0x80); // the rest of a character
    } else if (key >= ' ' && key < 256 && key != 127 && len + 1 < sizeof view->filter) {
        view->filter[len] = (char)key;
        view->filter[len + 1] = 0;
    }
}

// Opens the app that is selected.
static bool live_open(struct top_live *live) {
    const json_t *row = pawl__top_view_row(&live->apps);
    const char *app = json_string_value(json_object_get(row, "app"));
    if (*live->app || !app) return false;
    snprintf(live->app, sizeof live->app, "%s", app);
    pawl__top_view_finish(&live->workflows);
    pawl__top_view_init(&live->workflows, pawl__top_workflows);
    return true;
}

// True: the rows are to be read again.
static bool live_act(struct top_live *live, int key) {
    struct pawl_top_view *view = live_view(live);
    if (live->typing) {
        live_type(live, key);
        return false;
    }
    switch (key) {
    case 'j':
    case PAWL_KEY_DOWN: pawl__top_view_move(view, 1); break;
    case 'k':
    case PAWL_KEY_UP: pawl__top_view_move(view, -1); break;
    case 'g': pawl__top_view_move(view, -100000); break;
    case 'G': pawl__top_view_move(view, 100000); break;
    case 's': pawl__top_view_sort(view); break;
    case 'r': view->descending = !view->descending; break;
    case '/': live->typing = true; break;
    case '\r':
    case '\n':
    case 'l':
    case PAWL_KEY_RIGHT: return live_open(live);
    case 'h':
    case 127:
    case '\b':
    case PAWL_KEY_LEFT:
    case PAWL_KEY_ESCAPE:
        if (!*live->app || live->only_one) {
            *view->filter = 0;
            return false;
        }
        *live->app = 0;
        return true;
    case 26: pawl__screen_suspend(&live->screen); break;
    default: break;
    }
    return false;
}

static bool live_is_end(const struct top_live *live, int key) {
    return key == PAWL_KEY_END || key == 3 || (key == 'q' && !live->typing);
}

// Draws, and takes keys, until the figures are to be read again. False: it is over.
static bool live_show(struct top_live *live, int64_t until) {
    for (;;) {
        if (!live_draw(live)) return false;
        int key = pawl__screen_key(&live->screen, until);
        if (live_is_end(live, key)) return false;
        if (key == PAWL_KEY_NONE || live_act(live, key)) return true;
    }
}

static int top_live(const char *app, int64_t interval, const char *told_interval) {
    static struct top_live live;                // too large for the stack
    const char *no_colour = getenv("NO_COLOR"); // https://no-color.org
    live.told_interval = told_interval;
    live.colour = !no_colour || !*no_colour;
    live.only_one = *app;
    snprintf(live.app, sizeof live.app, "%s", app);
    pawl__top_view_init(&live.apps, pawl__top_apps);
    pawl__top_view_init(&live.workflows, pawl__top_workflows);
    bool taken = pawl__screen_begin(&live.screen);
    do live_read(&live);
    while (taken && live.rows && live_show(&live, pawl__clock_steady() + interval));
    pawl__screen_end(&live.screen);
    bool starved = !live.rows;
    json_decref(live.rows);
    pawl__top_view_finish(&live.apps);
    pawl__top_view_finish(&live.workflows);
    pawl__top_finish(&live.top);
    if (taken && !starved) return 0;
    fputs(taken ? "pawl top: out of memory\n" : "pawl top: cannot take the terminal\n", stderr);
    return 1;
}

// --- once ----------------------------------------------------------------------------------------

static json_t *top_read(struct pawl_top *top, const char *app) {
    return *app ? pawl__top_read_workflows(top, app) : pawl__top_read_apps(top, NULL);
}

static bool top_runs(const struct pawl_top *top, const char *app) {
    for (size_t i = 0; i < PAWL_FOUND_MAX && top->found[i].pid; i++)
        if (strcmp(top->found[i].app_id, app) == 0) return true;
    return false;
}

static int top_once(const char *app, int64_t interval, const struct pawl_form *form) {
    static struct pawl_top top; // too large for the stack
    json_t *rows = top_read(&top, app);
    json_decref(rows);
    if (rows) usleep((useconds_t)(interval / 1000)); // rates need two looks
    rows = rows ? top_read(&top, app) : NULL;
    int code = rows ? 0 : 1;
    if (!rows) {
        fputs("pawl top: out of memory\n", stderr);
    } else if (*app && !top_runs(&top, app)) {
        fprintf(stderr, "pawl top: no app '%s' runs here; 'pawl list' shows those that do\n", app);
        code = 1;
    } else if (!form->columns) {
        pawl__output_write(form, rows);
    } else if (!json_array_size(rows)) {
        puts(*app ? "No workflow of this app has run." : "No Dapr instances found.");
    } else {
        struct pawl_top_view view;
        struct pawl_buf out = {0};
        pawl__top_view_init(&view, *app ? pawl__top_workflows : pawl__top_apps);
        pawl__top_view_set(&view, rows);
        pawl__top_view_draw(&view, &out, SIZE_MAX, SIZE_MAX, false, false);
        fwrite(out.data, 1, out.len, stdout);
        pawl__buf_finish(&out);
        pawl__top_view_finish(&view);
    }
    json_decref(rows);
    pawl__top_finish(&top);
    return code;
}

static int top_run(const struct pawl_flags *flags) {
    static const struct pawl_column all[] = {{NULL, NULL, 0}};
    static const struct pawl_form forms[] = {{"table", all}, {"json", NULL}, {NULL, NULL}};
    const char *app = pawl__flag_text(flags, "app-id");
    const char *text = pawl__flag_text(flags, "interval");
    const struct pawl_form *form = pawl__output_form(flags, forms, "pawl top");
    int64_t interval;
    if (!form) return PAWL_EXIT_USAGE;
    if (flags->argc)
        return pawl__misused(flags, "'%s' is no flag; an app is named with --app-id",
                             flags->argv[0]);
    if (!pawl__duration_parse(text, &interval) || interval < PAWL_SECOND / 10 ||
        interval > PAWL_HOUR)
        return pawl__misused(flags, "--interval is '%s', but has to be a duration from 100ms to 1h",
                             text);
    bool once = pawl__flag_bool(flags, "once") || !form->columns || !pawl__screen_is_there();
    return once ? top_once(app, interval, form) : top_live(app, interval, text);
}

const struct pawl_command pawl__cmd_top = {
    .name = "top",
    .summary = "Show live what all apps do, or one",
    .usage = "[-a APP] [-i INTERVAL] [--once] [-o table|json]",
    .text = "Shows a line for each daemon on this machine: its workers, the workflows that run\n"
            "and those that cannot go on, how many end in a second, how much work waits, and for\n"
            "how long. Enter shows the workflows of an app, one line for each name.\n\n"
            "Keys: j and k or the arrows move, enter opens, escape goes back, s sorts by the next\n"
            "column, r turns the order, / filters by name, q ends. NO_COLOR=1 turns colours off.\n"
            "With --once, with -o json and without a terminal, the figures are printed once.\n\n"
            "Examples:\n"
            "  pawl top\n"
            "  pawl top -a orders -i 5s\n"
            "  pawl top --once -o json\n",
    .flags = top_flags,
    .run = top_run,
};
