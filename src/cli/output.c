#include "cli/output.h"

#include <errno.h>
#include <string.h>

const struct pawl_form *pawl__output_form(const struct pawl_flags *flags,
                                          const struct pawl_form *forms, const char *called) {
    const char *name = pawl__flag_text(flags, "output");
    for (size_t i = 0; forms[i].name; i++)
        if (strcmp(forms[i].name, name) == 0) return &forms[i];
    fprintf(stderr, "%s: --output is '%s', but has to be ", called, name);
    for (size_t i = 0; forms[i].name; i++)
        fprintf(stderr, "%s%s", !i ? "" : forms[i + 1].name ? ", " : " or ", forms[i].name);
    fputc('\n', stderr);
    return NULL;
}

// --- tables -------------------------------------------------------------------------------------

enum {
    OUTPUT_MOST = 120,     // characters of a cell, where its column does not say less or more
    OUTPUT_PAD = 48,       // characters to which a column is filled up: one long cell moves its row
    OUTPUT_CELL = 4 * 256, // bytes of a cell
};

// Characters of a text in UTF-8.
static size_t output_length(const char *text) {
    size_t length = 0;
    for (; *text; text++) length += (*text & 0xc0) != 0x80;
    return length;
}

static bool output_is_control(char c) {
    return (unsigned char)c < ' ' || c == 0x7f;
}

// What a table shows under |column|; what is cut ends with "...".
static void output_cell(const json_t *row, const struct pawl_column *column,
                        char out[OUTPUT_CELL]) {
    const json_t *value = json_object_get(row, column->key);
    const char *text = json_string_value(value);
    size_t most = column->most ? column->most : OUTPUT_MOST, len = 0, count = 0, short_len = 0;
    if (json_is_integer(value)) {
        snprintf(out, OUTPUT_CELL, "%lld", (long long)json_integer_value(value));
        return;
    }
    if (!text || !*text) text = "-";
    for (; *text; text++) {
        bool begins = (*text & 0xc0) != 0x80;
        if (begins && count == most - 3) short_len = len;
        if (begins && count++ == most) {
            strcpy(out + short_len, "...");
            return;
        }
        out[len++] = output_is_control(*text) ? ' ' : *text;
    }
    out[len] = 0;
}

static void output_line(const struct pawl_column *columns, const size_t *widths,
                        const json_t *row) { // NULL: the heads
    char cell[OUTPUT_CELL];
    size_t blanks = 0;
    for (size_t i = 0; columns[i].head; i++) {
        const char *text = columns[i].head;
        if (row) output_cell(row, &columns[i], cell), text = cell;
        if (*text) printf("%*s%s", (int)blanks, "", text), blanks = 0;
        size_t length = output_length(text);
        blanks += length < widths[i] ? widths[i] + 2 - length : 2;
    }
    putchar('\n');
}

static void output_table(const struct pawl_column *columns, const json_t *rows) {
    enum {
        COLUMNS = 32
    };
    size_t widths[COLUMNS] = {0}, i;
    const json_t *row;
    char cell[OUTPUT_CELL];
    for (size_t k = 0; columns[k].head; k++) {
        widths[k] = output_length(columns[k].head);
        json_array_foreach(rows, i, row) {
            output_cell(row, &columns[k], cell);
            size_t length = output_length(cell);
            if (length > OUTPUT_PAD) length = OUTPUT_PAD;
            if (length > widths[k]) widths[k] = length;
        }
    }
    output_line(columns, widths, NULL);
    json_array_foreach(rows, i, row) output_line(columns, widths, row);
}

// --- all values ---------------------------------------------------------------------------------

// The members of an object, a line each; JSON is YAML. |first| stands before the first line, blanks
// as long before the others.
static void output_yaml_object(const json_t *object, const char *first) {
    json_t *value;
    const char *key;
    int width = (int)strlen(first);
    json_object_foreach((json_t *)object, key, value) {
        printf("%*s%s: ", width, first, key);
        json_dumpf(value, stdout, JSON_ENCODE_ANY);
        putchar('\n');
        first = "";
    }
}

static void output_yaml(const json_t *rows) {
    size_t i;
    const json_t *row;
    if (!json_array_size(rows)) puts("[]");
    json_array_foreach((json_t *)rows, i, row) output_yaml_object(row, "- ");
}

void pawl__output_object(const struct pawl_form *form, const json_t *object) {
    if (strcmp(form->name, "yaml") == 0) {
        output_yaml_object(object, "");
    } else {
        json_dumpf(object, stdout, JSON_INDENT(2));
        putchar('\n');
    }
}

void pawl__output_text(const char *text) {
    for (; *text; text++) putchar(output_is_control(*text) ? ' ' : *text);
}

void pawl__output_write(const struct pawl_form *form, const json_t *rows) {
    if (form->columns) {
        output_table(form->columns, rows);
    } else if (strcmp(form->name, "yaml") == 0) {
        output_yaml(rows);
    } else if (strcmp(form->name, "ndjson") == 0) {
        size_t i;
        const json_t *row;
        json_array_foreach((json_t *)rows, i, row) {
            json_dumpf(row, stdout, JSON_COMPACT);
            putchar('\n');
        }
    } else {
        json_dumpf(rows, stdout, JSON_INDENT(2));
        putchar('\n');
    }
}

bool pawl__output_finish(const char *called) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    if (errno != EPIPE)
        fprintf(stderr, "%s: cannot write the output: %s\n", called,
                errno ? strerror(errno) : "some of it is missing");
    return false;
}
