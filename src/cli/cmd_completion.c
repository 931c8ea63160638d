#include <string.h>

#include "cli/command.h"

static const struct pawl_flag completion_flags[] = {{NULL, 0, PAWL_FLAG_TEXT, NULL, NULL}};

static void completion_words(const struct pawl_command *command) {
    for (int i = 0; command->flags[i].name; i++)
        if (command->flags[i].type != PAWL_FLAG_UNUSED) printf(" --%s", command->flags[i].name);
}

static void completion_names(const struct pawl_command *const *commands) {
    for (size_t i = 0; commands[i]; i++) printf("%s ", pawl__command_word(commands[i]));
}

// The choice by the word at |depth|; a group makes another choice within it.
static void completion_bash_choice(const struct pawl_command *const *commands, int depth) {
    printf("%*sif [ \"$COMP_CWORD\" -eq %d ]; then\n%*swords=\"", 8 * depth - 4, "", depth,
           8 * depth, "");
    completion_names(commands);
    printf("%s\"\n%*selse\n%*scase \"${COMP_WORDS[%d]}\" in\n", depth == 1 ? "help" : "",
           8 * depth - 4, "", 8 * depth, "", depth);
    for (size_t i = 0; commands[i]; i++) {
        const struct pawl_command *command = commands[i];
        printf("%*s%s%s%s)", 8 * depth, "", pawl__command_word(command), command->alias ? "|" : "",
               command->alias ? command->alias : "");
        if (command->commands) {
            putchar('\n');
            completion_bash_choice(command->commands, depth + 1);
            printf("%*s;;\n", 8 * depth + 4, "");
        } else {
            printf(" words=\"--help");
            completion_words(command);
            puts("\" ;;");
        }
    }
    printf("%*sesac\n%*sfi\n", 8 * depth, "", 8 * depth - 4, "");
}

static void completion_bash(void) {
    puts("_pawl() {\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words");
    completion_bash_choice(pawl__commands, 1);
    puts("    COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -F _pawl pawl dapr");
}

static void completion_zsh(void) {
    puts("#compdef pawl dapr\nautoload -U +X bashcompinit && bashcompinit");
    completion_bash();
}

// |seen|: the condition under which |commands| come.
static void completion_fish_commands(const struct pawl_command *const *commands, const char *seen) {
    for (size_t i = 0; commands[i]; i++) {
        const struct pawl_command *command = commands[i];
        const char *word = pawl__command_word(command);
        char after[128];
        snprintf(after, sizeof after, "__fish_seen_subcommand_from %s", word);
        printf("complete -c pawl -n '%s' -f -a %s -d '%s'\n", seen, word, command->summary);
        for (int k = 0; command->flags[k].name; k++)
            if (command->flags[k].type != PAWL_FLAG_UNUSED)
                printf("complete -c pawl -n '%s' -l %s\n", after, command->flags[k].name);
        if (command->commands) completion_fish_commands(command->commands, after);
    }
}

static void completion_fish(void) {
    completion_fish_commands(pawl__commands, "__fish_use_subcommand");
}

static int completion_run(const struct pawl_flags *flags) {
    static const struct {
        const char *shell;
        void (*write)(void);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    const char *shell = flags->argc == 1 ? flags->argv[0] : "";
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].write();
            return 0;
        }
    fputs("pawl completion: name one shell: bash, zsh or fish\n", stderr);
    return PAWL_EXIT_USAGE;
}

const struct pawl_command pawl__cmd_completion = {
    .name = "completion",
    .summary = "Print shell completion",
    .usage = "bash|zsh|fish",
    .text = "For bash: source <(pawl completion bash)\n",
    .flags = completion_flags,
    .run = completion_run,
};
