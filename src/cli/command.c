#include "cli/command.h"

#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/instead.h"
#include "cli/man.h"
#include "cli/output.h"
#include "config/near.h"

enum {
    COMMAND_MAX = 32 // in a group
};

// --- the table ----------------------------------------------------------------------------------

static int command_complete(const struct pawl_flags *flags);

static const struct pawl_flag command_no_flags[] = {{NULL, 0, PAWL_FLAG_TEXT, NULL, NULL}};

// It describes the table that it is in.
static const struct pawl_command command_completion = {
    .name = "completion",
    .summary = "Print shell completion",
    .usage = "bash|zsh|fish [pawl|dapr|daprd]...",
    .text =
        "Completes the three names of this program, or those that are given. 'make install' has\n"
        "put it where the shells find it. By hand, for bash: source <(pawl completion bash)\n",
    .flags = command_no_flags,
    .run = command_complete,
};

static const struct pawl_command *const command_table[] = {
    &pawl__cmd_run,
    &pawl__cmd_stop,
    &pawl__cmd_list,
    &pawl__cmd_workflow,
    &pawl__cmd_dashboard,
    &pawl__cmd_top,
    &pawl__cmd_init,
    &pawl__cmd_uninstall,
    &pawl__cmd_daemon,
    &pawl__cmd_bench,
    &pawl__cmd_version,
    &command_completion,
    NULL,
};

static int command_complete(const struct pawl_flags *flags) {
    return pawl__completion_write(command_table, flags);
}

// --- help ---------------------------------------------------------------------------------------

static void command_help_list(FILE *out, const struct pawl_command *const *commands) {
    fputs("\nCommands:\n", out);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "  %-12s %s\n", pawl__command_word(commands[i]), commands[i]->summary);
}

static void command_help_all(FILE *out) {
    fputs("Pawl runs Dapr Workflow applications: one program, no other services.\n\n"
          "Usage: pawl COMMAND [FLAGS]\n",
          out);
    command_help_list(out, command_table);
    fputs("\n'pawl COMMAND --help' tells more of a command. Called as 'daprd' the program is the\n"
          "daemon, called as 'dapr' it takes the same commands.\n",
          out);
}

// Writes a command's help.
static void command_write_help(FILE *out, const struct pawl_command *command) {
    fprintf(out, "%s.\n\nUsage: pawl %s %s\n\n%s", command->summary, command->name, command->usage,
            command->text);
    if (command->commands) command_help_list(out, command->commands);
    if (command->flags[0].name) {
        fputs("\nFlags:\n", out);
        pawl__flags_help(out, command->flags);
    }
}

// --- finding and running ------------------------------------------------------------------------

static const struct pawl_command *command_find(const struct pawl_command *const *commands,
                                               const char *word) {
    for (size_t i = 0; commands[i]; i++)
        if (strcmp(pawl__command_word(commands[i]), word) == 0 ||
            (commands[i]->alias && strcmp(commands[i]->alias, word) == 0))
            return commands[i];
    return NULL;
}

// Says that there is no |word| among |commands|, whose help |called| shows.
static int command_unknown(const struct pawl_command *const *commands, const char *called,
                           const char *word) {
    const char *known[COMMAND_MAX + 1] = {NULL};
    for (size_t i = 0; commands[i] && i < COMMAND_MAX; i++)
        known[i] = pawl__command_word(commands[i]);
    const char *near = pawl__nearest(word, known);
    fprintf(stderr, "%s: there is no command '%s'%s%s%s See '%s --help' for the commands.\n",
            called, word, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : ".",
            called);
    return PAWL_EXIT_USAGE;
}

static bool command_is_help(const char *word) {
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

// Shows the help of the command that the |count| |words| name.
static int command_help_of(const char *self, char **words, int count) {
    const struct pawl_command *command = NULL, *const *commands = command_table;
    for (int i = 0; i < count && commands; i++) {
        command = command_find(commands, words[i]);
        if (!command) return command_unknown(commands, self, words[i]);
        commands = command->commands;
    }
    command_write_help(stdout, command);
    return 0;
}

static int command_run(const struct pawl_command *command, const char *called, int argc,
                       char **argv);

// A group's flags may stand before its command, as Dapr's do: they are moved behind it.
static int command_run_group(const struct pawl_command *group, const char *called, int argc,
                             char **argv) {
    struct pawl_flags flags;
    char **words = malloc(((size_t)argc + 1) * sizeof *words); // parsing moves them
    if (!words) {
        perror(called);
        return 1;
    }
    memcpy(words, argv, (size_t)argc * sizeof *words);
    bool ok = pawl__flags_parse(&flags, group->flags, called, argc, words, true);
    free(words);
    if (!ok) return PAWL_EXIT_USAGE;
    int before = argc - flags.argc;
    char *word = argv[before]; // NULL: none
    if (flags.help || !word || command_is_help(word)) {
        command_write_help(stdout, group);
        return 0;
    }
    const struct pawl_command *command = command_find(group->commands, word);
    if (!command) return command_unknown(group->commands, called, word);
    memmove(argv + 1, argv, (size_t)before * sizeof *argv);
    char longer[64];
    snprintf(longer, sizeof longer, "%s %s", called, word);
    return command_run(command, longer, argc - 1, argv + 1);
}

static int command_run(const struct pawl_command *command, const char *called, int argc,
                       char **argv) {
    if (command->commands) return command_run_group(command, called, argc, argv);
    struct pawl_flags flags;
    if (!pawl__flags_parse(&flags, command->flags, called, argc, argv, command->stop_at_argument))
        return PAWL_EXIT_USAGE;
    if (flags.help) {
        command_write_help(stdout, command);
        return 0;
    }
    return command->run(&flags);
}

static int command_main(int argc, char **argv) {
    const char *slash = strrchr(argv[0], '/'), *self = slash ? slash + 1 : argv[0];
    if (strcmp(self, "daprd") == 0)
        return command_run(&pawl__cmd_daemon, "daprd", argc - 1, argv + 1);
    const char *name = argc > 1 ? argv[1] : "help";
    bool help = command_is_help(name);
    if (help && argc > 2 && strcmp(argv[2], "--man") == 0) {
        pawl__man_write(stdout, command_table);
        return 0;
    }
    if (help && argc > 2) return command_help_of(self, argv + 2, argc - 2);
    if (help) {
        command_help_all(stdout);
        return 0;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-v") == 0) name = "version";
    const struct pawl_command *command = command_find(command_table, name);
    if (!command && pawl__instead(self, name, argv + 2, argc - 2)) return PAWL_EXIT_USAGE;
    if (!command) return command_unknown(command_table, self, name);
    char called[64];
    snprintf(called, sizeof called, "%s %s", self, name);
    return command_run(command, called, argc - 2, argv + 2);
}

int pawl__cli_main(int argc, char **argv) {
    int code = command_main(argc, argv);
    return pawl__output_finish("pawl") || code ? code : 1;
}
