#include "api/extended.h"

#include <jansson.h>
#include <stdlib.h>
#include <uv.h>

struct pawl_extended {
    uv_mutex_t mutex;
    json_t *values;
};

struct pawl_extended *pawl__extended_create(const char *version) {
    struct pawl_extended *extended = calloc(1, sizeof *extended);
    if (!extended) return NULL;
    extended->values = json_pack("{s:s}", "daprRuntimeVersion", version);
    if (extended->values && !uv_mutex_init(&extended->mutex)) return extended;
    json_decref(extended->values);
    free(extended);
    return NULL;
}

void pawl__extended_destroy(struct pawl_extended *extended) {
    if (!extended) return;
    uv_mutex_destroy(&extended->mutex);
    json_decref(extended->values);
    free(extended);
}

bool pawl__extended_set(struct pawl_extended *extended, const char *key, struct pawl_str value) {
    json_t *text = json_stringn(value.data ? value.data : "", value.len);
    uv_mutex_lock(&extended->mutex);
    bool ok = !json_object_set_new(extended->values, key, text);
    uv_mutex_unlock(&extended->mutex);
    return ok;
}

struct json_t *pawl__extended_copy(struct pawl_extended *extended) {
    uv_mutex_lock(&extended->mutex);
    json_t *copy = json_deep_copy(extended->values); // counts of values are not for several threads
    uv_mutex_unlock(&extended->mutex);
    return copy;
}
