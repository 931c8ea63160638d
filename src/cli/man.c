#include "cli/man.h"

#include <string.h>

// Text in which nothing is taken for a request or an escape.
static void man_text(FILE *out, const char *text) {
    for (bool line_start = true; *text; line_start = *text++ == '\n') {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

// A command's text: paragraphs, in which indented lines stand as they are.
static void man_paragraphs(FILE *out, const char *text) {
    bool literal = false;
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool indented = *text == ' ';
        if (indented != literal) fputs(indented ? ".nf\n" : ".fi\n", out);
        literal = indented;
        char line[512];
        snprintf(line, sizeof line, "%.*s\n", (int)len, text);
        if (len)
            man_text(out, line);
        else if (!literal)
            fputs(".PP\n", out);
        text += len + (text[len] == '\n');
    }
    if (literal) fputs(".fi\n", out);
}

static void man_flag(FILE *out, const struct pawl_flag *flag) {
    if (flag->type == PAWL_FLAG_UNUSED) return;
    fputs(".TP\n\\fB", out);
    if (flag->letter) fprintf(out, "\\-%c\\fR, \\fB", flag->letter);
    fputs("\\-\\-", out);
    man_text(out, flag->name);
    fprintf(out, "\\fR\\fI%s\\fR\n", pawl__flag_kind(flag));
    man_text(out, flag->help);
    if (flag->fallback && *flag->fallback && strcmp(flag->fallback, "false") != 0) {
        fputs(" (default ", out);
        man_text(out, flag->fallback);
        fputc(')', out);
    }
    fputc('\n', out);
}

static void man_usage(FILE *out, const struct pawl_command *const *commands) {
    for (size_t i = 0; commands[i]; i++) {
        if (commands[i]->commands) {
            man_usage(out, commands[i]->commands);
            continue;
        }
        fprintf(out, ".br\n\\fBpawl %s\\fR ", commands[i]->name);
        man_text(out, commands[i]->usage);
        fputc('\n', out);
    }
}

static void man_commands(FILE *out, const struct pawl_command *const *commands) {
    for (size_t i = 0; commands[i]; i++) {
        const struct pawl_command *command = commands[i];
        fprintf(out, ".SS %s\n", command->name);
        man_text(out, command->summary);
        fputs(".\n.PP\n", out);
        man_paragraphs(out, command->text);
        for (int k = 0; command->flags[k].name; k++) man_flag(out, &command->flags[k]);
        if (command->commands) man_commands(out, command->commands);
    }
}

void pawl__man_write(FILE *out, const struct pawl_command *const *commands) {
    fputs(".TH PAWL 1 \"\" \"Pawl " PAWL_VERSION "\" \"User Commands\"\n.SH NAME\n"
          "pawl, daprd, dapr \\- run Dapr Workflow applications\n.SH SYNOPSIS\n",
          out);
    man_usage(out, commands);
    fputs(".SH DESCRIPTION\n", out);
    man_text(out, "One program that runs Dapr Workflow applications in every Dapr SDK's language, "
                  "with nothing beside it. Called as ");
    fputs("\\fBdaprd\\fR it is the daemon; called as \\fBdapr\\fR it takes the same commands.\n"
          ".SH COMMANDS\n",
          out);
    man_commands(out, commands);
    fputs(".SH EXIT STATUS\n", out);
    man_text(out, "0: all went well. 2: the command line is wrong. 1: anything else failed; the "
                  "reason is on the standard error. 'pawl run' ends with the code of its app, or "
                  "the largest of its apps, where 128 + N stands for a death by signal N.\n");
    fputs(".SH FILES\n.TP\n\\fI$XDG_DATA_HOME/pawl/statestore.db\\fR, "
          "\\fI~/.local/share/pawl/statestore.db\\fR\n",
          out);
    man_text(out, "the store of apps that name no resources\n");
    fputs(".TP\n\\fI<app>/.dapr/logs\\fR\n", out);
    man_text(out, "log files of 'pawl run -f'\n");
    fputs(".SH ENVIRONMENT\n.TP\n\\fBDAPR_API_TOKEN\\fR\n", out);
    man_text(out, "when set, the daemon requires it of every call, and the commands send it\n");
    fputs(".TP\n\\fBPAWL_DASHBOARD_TOKEN\\fR\n", out);
    man_text(out, "the same for the dashboard and /pawl/v1 alone\n");
    fputs(".TP\n\\fBNAMESPACE\\fR\n", out);
    man_text(out, "namespace of the app; components of another one are passed over\n");
}
