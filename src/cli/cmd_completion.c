#include <string.h>

#include "cli/command.h"

static const struct pawl_flag completion_flags[] = {{NULL, 0, PAWL_FLAG_TEXT, NULL, NULL}};

static void completion_words(const struct pawl_command *command) {
    for (int i = 0; command->flags[i].name; i++)
        if (command->flags[i].type != PAWL_FLAG_UNUSED) printf(" --%s", command->flags[i].name);
}

static void completion_bash(void) {
    puts("_pawl() {\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    printf("        words=\"");
    for (size_t i = 0; pawl__commands[i]; i++) printf("%s ", pawl__commands[i]->name);
    puts("help\"\n    else\n        case \"${COMP_WORDS[1]}\" in");
    for (size_t i = 0; pawl__commands[i]; i++) {
        printf("        %s) words=\"--help", pawl__commands[i]->name);
        completion_words(pawl__commands[i]);
        puts("\" ;;");
    }
    puts("        esac\n    fi\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}\n"
         "complete -F _pawl pawl dapr");
}

static void completion_zsh(void) {
    puts("#compdef pawl dapr\nautoload -U +X bashcompinit && bashcompinit");
    completion_bash();
}

static void completion_fish(void) {
    for (size_t i = 0; pawl__commands[i]; i++) {
        const struct pawl_command *command = pawl__commands[i];
        printf("complete -c pawl -n __fish_use_subcommand -f -a %s -d '%s'\n", command->name,
               command->summary);
        for (int k = 0; command->flags[k].name; k++)
            if (command->flags[k].type != PAWL_FLAG_UNUSED)
                printf("complete -c pawl -n '__fish_seen_subcommand_from %s' -l %s\n",
                       command->name, command->flags[k].name);
    }
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
