#ifndef PAWL_CLI_OUTPUT_H
#define PAWL_CLI_OUTPUT_H

// Rows of values as a table, JSON or YAML.

#include <jansson.h>

#include "cli/flags.h"

// A column of a table.
struct pawl_column {
    const char *head; // NULL: the end
    const char *key;  // of the rows' values
    size_t most;      // characters that are shown, up to 255; 0: 120
};

// A form that an output may have.
struct pawl_form {
    const char *name;                  // NULL: the end
    const struct pawl_column *columns; // of a table; NULL: all values, as JSON or YAML
};

// The form that --output names. NULL: there is none such, which is told on stderr in the name of
// |called|.
const struct pawl_form *pawl__output_form(const struct pawl_flags *flags,
                                          const struct pawl_form *forms, const char *called);

// Writes |rows|, an array of objects of numbers and texts, to stdout. A table shows a value that is
// not there as "-", and no control characters.
void pawl__output_write(const struct pawl_form *form, const json_t *rows);

// Writes one object as JSON or YAML.
void pawl__output_object(const struct pawl_form *form, const json_t *object);

// Writes a text to stdout, its control characters as blanks.
void pawl__output_text(const char *text);

// Flushes stdout. False: not all of it could be written, which is told on stderr in the name of
// |called|, unless nobody reads it any more.
bool pawl__output_finish(const char *called);

#endif
