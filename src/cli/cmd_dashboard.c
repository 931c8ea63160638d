#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "cli/commands.h"
#include "cli/hub.h"

static const struct pawl_flag dashboard_flags[] = {
    {"port", 'p', PAWL_FLAG_PORT, "8080", "port of the page; 0: any free one"},
    {"read-only", 0, PAWL_FLAG_BOOL, "false", "show everything, and change nothing"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

enum {
    DASHBOARD_MAX_BODY = 64 << 20, // a long history that is looked at
    DASHBOARD_MAX_HEADER = 64 << 10,
};

struct dashboard {
    struct pawl_server *server;
    uv_signal_t interrupt, terminate;
};

static void dashboard_closed(void *arg) {
}

static void dashboard_on_signal(uv_signal_t *signal, int number) {
    struct dashboard *dashboard = signal->data;
    uv_close((uv_handle_t *)&dashboard->interrupt, NULL);
    uv_close((uv_handle_t *)&dashboard->terminate, NULL);
    pawl__server_close(dashboard->server, 0, dashboard_closed, NULL);
}

static int dashboard_run(const struct pawl_flags *flags) {
    uv_loop_t loop;
    struct dashboard dashboard = {0};
    struct pawl_error error;
    struct pawl_hub hub = {.loop = &loop, .read_only = pawl__flag_bool(flags, "read-only")};
    struct pawl_server_options options = {
        .max_body = DASHBOARD_MAX_BODY,
        .max_header = DASHBOARD_MAX_HEADER,
        .idle_timeout = INT64_C(30000000000),
        .handler = pawl__hub_handle,
        .arg = &hub,
    };
    int port = (int)pawl__flag_int(flags, "port");
    uv_loop_init(&loop);
    if (pawl__server_create(&loop, &options, &dashboard.server, &error) ||
        // Only this machine: whoever reaches the page can steer workflows.
        pawl__server_listen(dashboard.server, "127.0.0.1", &port, &error)) {
        fprintf(stderr, "pawl dashboard: %s\n", error.text);
        return 1;
    }
    uv_signal_init(&loop, &dashboard.interrupt);
    uv_signal_init(&loop, &dashboard.terminate);
    dashboard.interrupt.data = dashboard.terminate.data = &dashboard;
    uv_signal_start(&dashboard.interrupt, dashboard_on_signal, SIGINT);
    uv_signal_start(&dashboard.terminate, dashboard_on_signal, SIGTERM);
    printf("The dashboard is at http://127.0.0.1:%d/ (Ctrl-C ends it)\n", port);
    fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) ? 1 : 0;
}

const struct pawl_command pawl__cmd_dashboard = {
    .name = "dashboard",
    .summary = "Show all apps and workflows of this machine in a browser",
    .usage = "[-p PORT] [--read-only]",
    .text = "Serves a page that lists the apps that run on this machine, shows their workflows as\n"
            "timelines, and starts, signals and ends them. Nothing leaves the machine.\n\n"
            "A daemon that is started with --enable-dashboard serves the page for its own app.\n",
    .flags = dashboard_flags,
    .run = dashboard_run,
};
