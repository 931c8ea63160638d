#include "wire/json_build.h"

#include "wire/unpack.h"

void pawl__json_add(json_t **array, json_t *item) {
    if (!json_array_append_new(*array, item)) return;
    json_decref(*array);
    *array = NULL;
}

void pawl__json_set(json_t **object, const char *key, json_t *value) {
    if (!json_object_set_new(*object, key, value)) return;
    json_decref(*object);
    *object = NULL;
}

json_t *pawl__json_text(struct pawl_str text) {
    if (!text.len) return json_string("");
    return pawl__wire_is_text(text) ? json_stringn(text.data, text.len)
                                    : json_string("(not UTF-8)");
}
