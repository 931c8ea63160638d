#include "cli/command.h"

#include <string.h>

#include "cli/man.h"
#include "config/near.h"

const struct pawl_command *const pawl__commands[] = {
    &pawl__cmd_run,   &pawl__cmd_stop,    &pawl__cmd_list,       &pawl__cmd_daemon,
    &pawl__cmd_bench, &pawl__cmd_version, &pawl__cmd_completion, NULL,
};

static void command_help_all(FILE *out) {
    fputs("Pawl runs Dapr Workflow applications: one program, no other services.\n\n"
          "Usage: pawl COMMAND [FLAGS]\n\nCommands:\n",
          out);
    for (size_t i = 0; pawl__commands[i]; i++)
        fprintf(out, "  %-12s %s\n", pawl__commands[i]->name, pawl__commands[i]->summary);
    fputs("\n'pawl COMMAND --help' tells more of a command. Called as 'daprd' the program is the\n"
          "daemon, called as 'dapr' it takes the same commands.\n",
          out);
}

void pawl__command_help(FILE *out, const struct pawl_command *command) {
    fprintf(out, "%s.\n\nUsage: pawl %s %s\n\n%s", command->summary, command->name, command->usage,
            command->text);
    if (command->flags[0].name) {
        fputs("\nFlags:\n", out);
        pawl__flags_help(out, command->flags);
    }
}

static int command_run(const struct pawl_command *command, const char *called, int argc,
                       char **argv) {
    struct pawl_flags flags;
    if (!pawl__flags_parse(&flags, command->flags, called, argc, argv, command->stop_at_argument))
        return PAWL_EXIT_USAGE;
    if (flags.help) {
        pawl__command_help(stdout, command);
        return 0;
    }
    return command->run(&flags);
}

static const struct pawl_command *command_find(const char *name) {
    for (size_t i = 0; pawl__commands[i]; i++)
        if (strcmp(pawl__commands[i]->name, name) == 0) return pawl__commands[i];
    return NULL;
}

int pawl__cli_main(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/'), *self = slash ? slash + 1 : argv[0];
    if (strcmp(self, "daprd") == 0)
        return command_run(&pawl__cmd_daemon, "daprd", argc - 1, argv + 1);
    const char *name = argc > 1 ? argv[1] : "help";
    bool help = strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;
    if (help && argc > 2 && strcmp(argv[2], "--man") == 0) {
        pawl__man_write(stdout);
        return 0;
    }
    if (help && argc > 2) {
        const struct pawl_command *command = command_find(argv[2]);
        if (command) {
            pawl__command_help(stdout, command);
            return 0;
        }
        name = argv[2];
    } else if (help) {
        command_help_all(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0) name = "version";
    const struct pawl_command *command = command_find(name);
    if (!command) {
        const char *known[sizeof pawl__commands / sizeof *pawl__commands] = {NULL};
        for (size_t i = 0; pawl__commands[i]; i++) known[i] = pawl__commands[i]->name;
        const char *near = pawl__nearest(name, known);
        fprintf(stderr, "%s: there is no command '%s'%s%s%s See '%s --help' for the commands.\n",
                self, name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ".",
                self);
        return PAWL_EXIT_USAGE;
    }
    char called[64];
    snprintf(called, sizeof called, "%s %s", self, name);
    return command_run(command, called, argc - 2, argv + 2);
}
