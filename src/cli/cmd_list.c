#include <string.h>
#include <time.h>

#include "cli/command.h"
#include "cli/find.h"

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

static void list_table(const struct pawl_found *found, size_t count) {
    if (!count) {
        puts("No Dapr instances found.");
        return;
    }
    printf("%-24s %-9s %-9s %-8s %-28s %-5s %-19s %-9s %-8s %-8s %s\n", "APP ID", "HTTP PORT",
           "GRPC PORT", "APP PORT", "COMMAND", "AGE", "CREATED", "DAPRD PID", "CLI PID", "APP PID",
           "RUN_TEMPLATE_PATH APP_LOG_PATH DAPRD_LOG_PATH");
    for (size_t i = 0; i < count; i++) {
        char age[32], created[32];
        list_age(found[i].started_at, age);
        list_created(found[i].started_at, created);
        printf("%-24s %-9d %-9d %-8d %-28.28s %-5s %-19s %-9d %-8d %-8d %s %s %s\n",
               found[i].app_id, found[i].http_port, found[i].grpc_port, found[i].app_port,
               found[i].command, age, created, (int)found[i].pid, (int)found[i].cli_pid,
               (int)found[i].app_pid, found[i].template_path, found[i].app_log,
               found[i].daemon_log);
    }
}

static json_t *list_json(const struct pawl_found *found) {
    char age[32], created[32];
    list_age(found->started_at, age);
    list_created(found->started_at, created);
    return json_pack("{s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:s, s:s}", "appId",
                     found->app_id, "httpPort", found->http_port, "grpcPort", found->grpc_port,
                     "appPort", found->app_port, "command", found->command, "age", age, "created",
                     created, "daprdPid", (int)found->pid, "cliPid", (int)found->cli_pid, "appPid",
                     (int)found->app_pid, "runTemplatePath", found->template_path, "appLogPath",
                     found->app_log, "daprdLogPath", found->daemon_log);
}

static void list_yaml(const json_t *all) {
    size_t i;
    json_t *one, *value;
    const char *key;
    if (!json_array_size(all)) puts("[]");
    json_array_foreach(all, i, one) {
        const char *mark = "- ";
        json_object_foreach(one, key, value) {
            printf("%s%s: ", mark, key);
            json_dumpf(value, stdout, JSON_ENCODE_ANY); // a JSON scalar is a YAML scalar
            putchar('\n');
            mark = "  ";
        }
    }
}

static int list_run(const struct pawl_flags *flags) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    const char *output = pawl__flag_text(flags, "output");
    bool json = strcmp(output, "json") == 0, yaml = strcmp(output, "yaml") == 0;
    if (!json && !yaml && strcmp(output, "table") != 0) {
        fprintf(stderr, "pawl list: --output is '%s', but has to be table, json or yaml\n", output);
        return PAWL_EXIT_USAGE;
    }
    size_t count = pawl__find_daemons(found);
    if (!json && !yaml) {
        list_table(found, count);
        return 0;
    }
    json_t *all = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(all, list_json(&found[i]));
    if (yaml) {
        list_yaml(all);
    } else {
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(all);
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
