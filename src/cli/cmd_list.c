#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/find.h"
#include "cli/output.h"

static const struct pawl_flag list_flags[] = {
    {"output", 'o', PAWL_FLAG_TEXT, "table", "form of the output: table, json or yaml"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static void list_age(int64_t started_at, char out[32]) {
    long long age = (long long)time(NULL) - started_at;
    if (age < 60)
        snprintf(out, 32, "%llds", age);
    else if (age < 3600)
        snprintf(out, 32, "%lldm", age / 60);
    else if (age < 86400)
        snprintf(out, 32, "%lldh", age / 3600);
    else
        snprintf(out, 32, "%lldd", age / 86400);
}

static void list_created(int64_t started_at, char out[32]) {
    time_t at = (time_t)started_at;
    struct tm local;
    strftime(out, 32, "%Y-%m-%d %H:%M.%S", localtime_r(&at, &local));
}

static json_t *list_json(const struct pawl_found *found) {
    char age[32], created[32];
    list_age(found->started_at, age);
    list_created(found->started_at, created);
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:s}",
                     "appId", found->app_id, "httpPort", found->http_port, "grpcPort",
                     found->grpc_port, "appPort", found->app_port, "command", found->command, "age",
                     age, "created", created, "daprdPid", (int)found->pid, "cliPid",
                     (int)found->cli_pid, "appPid", (int)found->app_pid, "runTemplatePath",
                     found->template_path, "appLogPath", found->app_log, "daprdLogPath",
                     found->daemon_log, "unixDomainSocket", found->sockets);
}

static const struct pawl_column list_columns[] = {
    {"APP ID", "appId", 0},
    {"HTTP PORT", "httpPort", 0},
    {"GRPC PORT", "grpcPort", 0},
    {"APP PORT", "appPort", 0},
    {"COMMAND", "command", 28},
    {"AGE", "age", 0},
    {"CREATED", "created", 0},
    {"DAPRD PID", "daprdPid", 0},
    {"CLI PID", "cliPid", 0},
    {"APP PID", "appPid", 0},
    {"RUN_TEMPLATE_PATH", "runTemplatePath", 0},
    {"APP_LOG_PATH", "appLogPath", 0},
    {"DAPRD_LOG_PATH", "daprdLogPath", 0},
    {NULL, NULL, 0},
};

static const struct pawl_form list_forms[] = {
    {"table", list_columns}, {"json", NULL}, {"yaml", NULL}, {NULL, NULL}};

static int list_run(const struct pawl_flags *flags) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    const struct pawl_form *form = pawl__output_form(flags, list_forms, "pawl list");
    if (!form) return PAWL_EXIT_USAGE;
    size_t count = pawl__find_daemons(found);
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(rows, list_json(&found[i]));
    if (!count && form->columns)
        puts("No Dapr instances found.");
    else
        pawl__output_write(form, rows);
    json_decref(rows);
    return 0;
}

const struct pawl_command pawl__cmd_list = {
    .name = "list",
    .summary = "List the apps that run",
    .usage = "[-o table|json|yaml]",
    .text = "Lists every sidecar on this machine, with its app. The sidecars are found by their\n"
            "processes, and asked for the rest.\n",
    .flags = list_flags,
    .run = list_run,
};
