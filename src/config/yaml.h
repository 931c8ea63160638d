#ifndef PAWL_CONFIG_YAML_H
#define PAWL_CONFIG_YAML_H

// YAML files (and JSON ones, which are YAML too) as trees that know where each thing stood.

#include "base/arena.h"
#include "base/err.h"

enum pawl_yaml_kind {
    PAWL_YAML_SCALAR,
    PAWL_YAML_MAP,
    PAWL_YAML_LIST
};

struct pawl_yaml {
    enum pawl_yaml_kind kind;
    int line;                   // from 1
    const char *key;            // in a map
    const char *text;           // of a scalar; terminated
    bool quoted;                // a scalar in quotes is text, whatever it looks like
    struct pawl_yaml *children; // of a map or list
    struct pawl_yaml *next;     // sibling, or next document
    const char *file;
    size_t weight; // nodes in it, itself included
};

// Reads all documents of |text| into |arena|. The result is the first one; NULL for an empty text
// and after an error, which names |file| and the line.
enum pawl_err pawl__yaml_parse(const char *file, struct pawl_str text, struct pawl_arena *arena,
                               struct pawl_yaml **out, struct pawl_error *error);

// The same of a file; "-" is the standard input.
enum pawl_err pawl__yaml_load(const char *path, struct pawl_arena *arena, struct pawl_yaml **out,
                              struct pawl_error *error);

// Reads a file whole into |arena|, terminated.
enum pawl_err pawl__file_read(const char *path, struct pawl_arena *arena, struct pawl_str *out,
                              struct pawl_error *error);

// The value under |key|; NULL when there is none or it is null, or when |map| is NULL or no map.
struct pawl_yaml *pawl__yaml_get(const struct pawl_yaml *map, const char *key);

// The text of a scalar under |key|, or NULL.
const char *pawl__yaml_text(const struct pawl_yaml *map, const char *key);

// Fails with "file:line: ..." when |map| has a key that is not among |known| (a list that ends with
// NULL); |what| says whose key it is.
enum pawl_err pawl__yaml_check(const struct pawl_yaml *map, const char *what,
                               const char *const *known, struct pawl_error *error);

// Fails with "file:line: <what> has to be <expected>".
enum pawl_err pawl__yaml_fail(const struct pawl_yaml *node, struct pawl_error *error,
                              const char *what, const char *expected);

// Reads a number or a truth value under |key|; |out| stays when there is none, or an empty text.
enum pawl_err pawl__yaml_int(const struct pawl_yaml *map, const char *key, int *out,
                             struct pawl_error *error);
enum pawl_err pawl__yaml_bool(const struct pawl_yaml *map, const char *key, bool *out,
                              struct pawl_error *error);

// Reads a duration as Go writes it ("1h30m", "10s", "500ms", "0") in nanoseconds.
bool pawl__duration_parse(const char *text, int64_t *out);

#endif
