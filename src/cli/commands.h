#ifndef PAWL_CLI_COMMANDS_H
#define PAWL_CLI_COMMANDS_H

// What a command is. One file holds each; command.c has the table of them.

#include <string.h>

#include "cli/flags.h"

struct pawl_command {
    const char *name;              // in a group with the group's: "workflow list"
    const char *summary;           // one line
    const char *usage;             // what follows the name
    const char *text;              // what it does, and examples
    const struct pawl_flag *flags; // of a group: those that all its commands have
    bool stop_at_argument;         // what follows the flags is another program's command line
    int (*run)(const struct pawl_flags *flags); // the process's exit code
    const char *alias;                          // of the last word of the name; NULL: none
    const struct pawl_command *const *commands; // of a group, which has nothing to run; or NULL
};

extern const struct pawl_command pawl__cmd_daemon;
extern const struct pawl_command pawl__cmd_run;
extern const struct pawl_command pawl__cmd_stop;
extern const struct pawl_command pawl__cmd_list;
extern const struct pawl_command pawl__cmd_workflow;
extern const struct pawl_command pawl__cmd_bench;
extern const struct pawl_command pawl__cmd_dashboard;
extern const struct pawl_command pawl__cmd_top;
extern const struct pawl_command pawl__cmd_init;
extern const struct pawl_command pawl__cmd_uninstall;
extern const struct pawl_command pawl__cmd_version;

// The last word of a command's name.
static inline const char *pawl__command_word(const struct pawl_command *command) {
    const char *space = strrchr(command->name, ' ');
    return space ? space + 1 : command->name;
}

#endif
