#ifndef PAWL_CLI_FLAGS_H
#define PAWL_CLI_FLAGS_H

// Flags by table: one row parses, documents and completes a flag.
//
// "-name value", "--name value", "--name=value" and a single letter are taken, as daprd and dapr
// do;
// "--" ends the flags.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum pawl_flag_type {
    PAWL_FLAG_TEXT,
    PAWL_FLAG_BOOL, // "--name" alone sets it; "--name=false" clears it
    PAWL_FLAG_INT,
    PAWL_FLAG_PORT,   // -1 to 65535
    PAWL_FLAG_LIST,   // may be given several times, or with commas
    PAWL_FLAG_SIZE,   // "4Mi", also below 0; in bytes
    PAWL_FLAG_UNUSED, // accepted as daprd's or dapr's; has no effect here, and is not in the help
    PAWL_FLAG_IDLE,   // a switch, accepted likewise, that is in the help
};

struct pawl_flag {
    const char *name;
    char letter; // 0: none
    enum pawl_flag_type type;
    const char *fallback; // the default, as text; NULL: none
    const char *help;
};

enum {
    PAWL_FLAG_LIST_MAX = 32,
    PAWL_FLAGS_MAX = 80
};

// The values of one command line. Texts are views of argv and of the table.
struct pawl_flags {
    const char *command;           // as it was called: "pawl daemon", "daprd"
    const struct pawl_flag *table; // ends with a NULL name
    struct {
        const char *items[PAWL_FLAG_LIST_MAX];
        size_t count; // 0: not given
    } values[PAWL_FLAGS_MAX];
    int argc; // what is left: arguments
    char **argv;
    bool help;
};

// Parses. On a mistake writes to stderr what was wrong and what was expected, and returns false.
// |stop_at_argument|: the first argument ends the flags (what follows is another program's).
bool pawl__flags_parse(struct pawl_flags *flags, const struct pawl_flag *table, const char *command,
                       int argc, char **argv, bool stop_at_argument);

// Values by name; the name must be in the table.
bool pawl__flag_given(const struct pawl_flags *flags, const char *name);
const char *pawl__flag_text(const struct pawl_flags *flags, const char *name);    // NULL: none
const char *pawl__flag_default(const struct pawl_flags *flags, const char *name); // NULL: none
bool pawl__flag_bool(const struct pawl_flags *flags, const char *name);
int64_t pawl__flag_int(const struct pawl_flags *flags, const char *name); // int or size
size_t pawl__flag_list(const struct pawl_flags *flags, const char *name, const char *const **items);

// The index of |name| in |table|, or -1.
int pawl__flag_find(const struct pawl_flag *table, const char *name, size_t len);

// What stands after the flag's name in help: " PORT", or nothing.
const char *pawl__flag_kind(const struct pawl_flag *flag);

enum {
    PAWL_EXIT_USAGE = 2
};

// Tells on stderr what is wrong with the command line. Returns PAWL_EXIT_USAGE.
int pawl__misused(const struct pawl_flags *flags, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Writes the rows as help text.
void pawl__flags_help(FILE *out, const struct pawl_flag *table);

#endif
