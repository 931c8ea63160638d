#include "cli/flags.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "cli/quantity.h"
#include "config/near.h"

int pawl__flag_find(const struct pawl_flag *table, const char *name, size_t len) {
    for (int i = 0; table[i].name; i++)
        if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0) return i;
    return -1;
}

static int flags_find_letter(const struct pawl_flag *table, char letter) {
    for (int i = 0; table[i].name; i++)
        if (table[i].letter && table[i].letter == letter) return i;
    return -1;
}

static void flags_tell_unknown(const struct pawl_flag *table, const char *command, const char *name,
                               size_t len) {
    const char *known[PAWL_FLAGS_MAX + 1];
    char given[64];
    size_t count = 0;
    for (; table[count].name; count++) known[count] = table[count].name;
    known[count] = NULL;
    snprintf(given, sizeof given, "%.*s", (int)len, name);
    const char *near = pawl__nearest(given, known);
    fprintf(stderr, "%s: unknown flag %s%.*s", command, len == 1 ? "-" : "--", (int)len, name);
    if (near) fprintf(stderr, "; did you mean --%s?", near);
    fprintf(stderr, "\nSee '%s --help' for the flags.\n", command);
}

static bool flags_parse_int(const char *text, int64_t *out) {
    return pawl__str_to_int(pawl__str(text), INT32_MIN, INT32_MAX, out);
}

static const char *flags_flaw(const struct pawl_flag *flag, const char *value) {
    int64_t number;
    switch (flag->type) {
    case PAWL_FLAG_INT: return flags_parse_int(value, &number) ? NULL : "a whole number";
    case PAWL_FLAG_PORT:
        return pawl__str_to_int(pawl__str(value), -1, 65535, &number) ? NULL : "a port up to 65535";
    case PAWL_FLAG_SIZE:
        return pawl__quantity_parse(value, &number) ? NULL
                                                    : "a size in whole bytes such as 4Mi or 65536";
    case PAWL_FLAG_BOOL:
    case PAWL_FLAG_IDLE:
        return strcasecmp(value, "true") == 0 || strcasecmp(value, "false") == 0 ||
                       strcmp(value, "1") == 0 || strcmp(value, "0") == 0
                   ? NULL
                   : "true or false";
    default: return NULL;
    }
}

static bool flags_set(struct pawl_flags *flags, int i, const char *command, const char *value) {
    const struct pawl_flag *flag = &flags->table[i];
    const char *expected = flags_flaw(flag, value);
    if (expected) {
        fprintf(stderr, "%s: --%s is '%s', but has to be %s\n", command, flag->name, value,
                expected);
        return false;
    }
    size_t *count = &flags->values[i].count;
    if (flag->type != PAWL_FLAG_LIST) *count = 0; // the last one wins
    if (*count == PAWL_FLAG_LIST_MAX) {
        fprintf(stderr, "%s: --%s is given more than %d times\n", command, flag->name,
                PAWL_FLAG_LIST_MAX);
        return false;
    }
    flags->values[i].items[(*count)++] = value;
    return true;
}

bool pawl__flags_parse(struct pawl_flags *flags, const struct pawl_flag *table, const char *command,
                       int argc, char **argv, bool stop_at_argument) {
    *flags = (struct pawl_flags){.command = command, .table = table, .argv = argv};
    int i = 0;
    for (; i < argc; i++) {
        char *arg = argv[i];
        if (strcmp(arg, "--") == 0) {
            i++;
            break;
        }
        if (arg[0] != '-' || !arg[1]) {
            if (stop_at_argument) break;
            argv[flags->argc++] = arg; // arguments move to the front
            continue;
        }
        const char *name = arg + (arg[1] == '-' ? 2 : 1);
        if (strcmp(name, "help") == 0 || strcmp(arg, "-h") == 0) {
            flags->help = true;
            continue;
        }
        const char *equals = strchr(name, '=');
        size_t len = equals ? (size_t)(equals - name) : strlen(name);
        int row = len == 1 && arg[1] != '-' ? flags_find_letter(table, *name)
                                            : pawl__flag_find(table, name, len);
        if (row < 0) {
            flags_tell_unknown(table, command, name, len);
            return false;
        }
        const char *value = equals ? equals + 1 : NULL;
        bool is_switch = table[row].type == PAWL_FLAG_BOOL || table[row].type == PAWL_FLAG_IDLE;
        if (!value && is_switch) value = "true";
        if (!value && i + 1 < argc) value = argv[++i];
        if (!value) {
            fprintf(stderr, "%s: --%s needs a value\n", command, table[row].name);
            return false;
        }
        if (!flags_set(flags, row, command, value)) return false;
    }
    for (; i < argc; i++) argv[flags->argc++] = argv[i];
    if (flags->argc < argc) argv[flags->argc] = NULL; // they may be those of a program that is run
    return true;
}

static int flags_row(const struct pawl_flags *flags, const char *name) {
    int row = pawl__flag_find(flags->table, name, strlen(name));
    if (row >= 0) return row;
    fprintf(stderr, "there is no flag --%s\n", name);
    abort();
}

bool pawl__flag_given(const struct pawl_flags *flags, const char *name) {
    return flags->values[flags_row(flags, name)].count > 0;
}

const char *pawl__flag_text(const struct pawl_flags *flags, const char *name) {
    int row = flags_row(flags, name);
    size_t count = flags->values[row].count;
    return count ? flags->values[row].items[count - 1] : flags->table[row].fallback;
}

const char *pawl__flag_default(const struct pawl_flags *flags, const char *name) {
    return flags->table[flags_row(flags, name)].fallback;
}

bool pawl__flag_bool(const struct pawl_flags *flags, const char *name) {
    const char *text = pawl__flag_text(flags, name);
    return text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0);
}

int64_t pawl__flag_int(const struct pawl_flags *flags, const char *name) {
    const char *text = pawl__flag_text(flags, name);
    int64_t number = 0;
    if (text && !flags_parse_int(text, &number)) pawl__quantity_parse(text, &number);
    return number;
}

size_t pawl__flag_list(const struct pawl_flags *flags, const char *name,
                       const char *const **items) {
    int row = flags_row(flags, name);
    *items = flags->values[row].items;
    return flags->values[row].count;
}

int pawl__misused(const struct pawl_flags *flags, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", flags->command);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return PAWL_EXIT_USAGE;
}

const char *pawl__flag_kind(const struct pawl_flag *flag) {
    static const char *const kinds[] = {" TEXT", "", " N", " PORT", " TEXT", " SIZE", " TEXT", ""};
    return kinds[flag->type];
}

void pawl__flags_help(FILE *out, const struct pawl_flag *table) {
    for (int i = 0; table[i].name; i++) {
        const struct pawl_flag *flag = &table[i];
        if (flag->type == PAWL_FLAG_UNUSED) continue;
        char head[64];
        if (flag->letter)
            snprintf(head, sizeof head, "-%c, --%s%s", flag->letter, flag->name,
                     pawl__flag_kind(flag));
        else
            snprintf(head, sizeof head, "    --%s%s", flag->name, pawl__flag_kind(flag));
        fprintf(out, "  %-38s %s", head, flag->help);
        bool tell = flag->fallback && *flag->fallback && strcmp(flag->fallback, "false") != 0;
        if (tell) fprintf(out, " (default %s)", flag->fallback);
        fputc('\n', out);
    }
}
