#ifndef PAWL_API_EXTENDED_H
#define PAWL_API_EXTENDED_H

// What apps have set of the metadata. It is the process's: it stays when a configuration is taken
// over. On any thread.

#include <stdbool.h>

#include "base/str.h"

struct json_t;
struct pawl_extended;

// With the version of Dapr whose API is served, as the reference has. NULL: memory is out.
struct pawl_extended *pawl__extended_create(const char *version);
void pawl__extended_destroy(struct pawl_extended *extended); // NULL: does nothing

// |value| is valid UTF-8. False: memory is out.
bool pawl__extended_set(struct pawl_extended *extended, const char *key, struct pawl_str value);

// An object of strings, the caller's. NULL: memory is out.
struct json_t *pawl__extended_copy(struct pawl_extended *extended);

#endif
