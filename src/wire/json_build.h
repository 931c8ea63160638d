#ifndef PAWL_WIRE_JSON_BUILD_H
#define PAWL_WIRE_JSON_BUILD_H

// Building JSON of which no part may be missing. jansson tells that a part could not be added, and
// leaves the whole as it was; here the whole is NULL from then on, and so is what it is put into,
// up to who sends it.

#include <jansson.h>

#include "base/str.h"

// Appends |item| to |*array|, sets |key| of |*object| to |value|; both take over what is put in.
// Either may be NULL: memory is out already.
void pawl__json_add(json_t **array, json_t *item);
void pawl__json_set(json_t **object, const char *key, json_t *value);

// A text that a stranger wrote, such as a header or a path: it may be no UTF-8, and then says so.
json_t *pawl__json_text(struct pawl_str text);

#endif
