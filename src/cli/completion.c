#include "cli/completion.h"

#include <string.h>

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

// The names of the program. As "daprd" it is the daemon, and has no commands.
static const char *const completion_programs[] = {"pawl", "dapr", "daprd", NULL};

static bool completion_is_daemon(const char *program) {
    return strcmp(program, "daprd") == 0;
}

static void completion_bash(const struct pawl_command *const *commands,
                            const char *const *programs) {
    puts("_pawl() {\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words");
    completion_bash_choice(commands, 1);
    puts("    COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}\n"
         "_pawl_daemon() {\n"
         "    local word=\"${COMP_WORDS[COMP_CWORD]}\"");
    printf("    local words=\"--help");
    completion_words(&pawl__cmd_daemon);
    puts("\"\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\") $(compgen -f -- \"$word\"))\n"
         "}");
    for (size_t i = 0; programs[i]; i++)
        printf("complete -F %s %s\n", completion_is_daemon(programs[i]) ? "_pawl_daemon" : "_pawl",
               programs[i]);
}

// As a file named _PROGRAM in fpath it is read when the program is first completed, and has to
// complete at once.
static void completion_zsh(const struct pawl_command *const *commands,
                           const char *const *programs) {
    fputs("#compdef", stdout);
    for (size_t i = 0; programs[i]; i++) printf(" %s", programs[i]);
    puts("\nautoload -U +X bashcompinit && bashcompinit");
    completion_bash(commands, programs);
    for (size_t i = 0; programs[i]; i++)
        printf("[ \"$service\" != %s ] || _bash_complete -F %s\n", programs[i],
               completion_is_daemon(programs[i]) ? "_pawl_daemon" : "_pawl");
}

// Text within single quotes.
static void completion_fish_text(const char *text) {
    for (; *text; text++) printf(*text == '\'' || *text == '\\' ? "\\%c" : "%c", *text);
}

static void completion_fish_flags(const char *program, const char *condition,
                                  const struct pawl_command *command) {
    for (int k = 0; command->flags[k].name; k++)
        if (command->flags[k].type != PAWL_FLAG_UNUSED) {
            printf("complete -c %s%s -l %s -d '", program, condition, command->flags[k].name);
            completion_fish_text(command->flags[k].help);
            puts("'");
        }
}

// |seen|: the condition under which |commands| come.
static void completion_fish_commands(const char *program,
                                     const struct pawl_command *const *commands, const char *seen) {
    for (size_t i = 0; commands[i]; i++) {
        const struct pawl_command *command = commands[i];
        const char *word = pawl__command_word(command);
        char after[256], condition[288];
        const char *within = strncmp(seen, "__fish_seen", 11) == 0 ? seen : NULL; // a group
        snprintf(after, sizeof after, "%s%s__fish_seen_subcommand_from %s", within ? within : "",
                 within ? "; and " : "", word);
        snprintf(condition, sizeof condition, " -n '%s'", after);
        printf("complete -c %s -n '%s' -f -a %s -d '", program, seen, word);
        completion_fish_text(command->summary);
        puts("'");
        completion_fish_flags(program, condition, command);
        if (command->commands) completion_fish_commands(program, command->commands, after);
    }
}

static void completion_fish(const struct pawl_command *const *commands,
                            const char *const *programs) {
    for (size_t i = 0; programs[i]; i++)
        if (completion_is_daemon(programs[i]))
            completion_fish_flags(programs[i], "", &pawl__cmd_daemon);
        else
            completion_fish_commands(programs[i], commands, "__fish_use_subcommand");
}

static bool completion_is_program(const char *name) {
    for (size_t i = 0; completion_programs[i]; i++)
        if (strcmp(completion_programs[i], name) == 0) return true;
    return false;
}

int pawl__completion_write(const struct pawl_command *const *commands,
                           const struct pawl_flags *flags) {
    static const struct {
        const char *shell;
        void (*write)(const struct pawl_command *const *commands, const char *const *programs);
    } shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
    const char *shell = flags->argc ? flags->argv[0] : "";
    const char *programs[sizeof completion_programs / sizeof *completion_programs] = {NULL};
    size_t count = sizeof programs / sizeof *programs - 1;
    for (size_t i = 0; i < count && i + 1 < (size_t)flags->argc; i++)
        programs[i] = flags->argv[i + 1];
    for (size_t i = 0; programs[i]; i++)
        if (!completion_is_program(programs[i]))
            return pawl__misused(flags, "'%s' has to be pawl, dapr or daprd", programs[i]);
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (strcmp(shell, shells[i].shell) == 0) {
            shells[i].write(commands, programs[0] ? programs : completion_programs);
            return 0;
        }
    return pawl__misused(flags, "name one shell: bash, zsh or fish");
}
