#include <stdlib.h>

#include "observe/sinks.h"

struct pawl_resource *pawl__resource_copy(const struct pawl_resource *resource) {
    size_t count = resource->attribute_count, size = sizeof *resource;
    size += count * sizeof *resource->attributes + strlen(resource->service) + 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(resource->attributes[i].key) + 1 + resource->attributes[i].text.len;
    struct pawl_resource *copy = malloc(size);
    if (!copy) return NULL;
    struct pawl_attribute *attributes = (struct pawl_attribute *)(copy + 1);
    char *text = (char *)(attributes + count);
    *copy = (struct pawl_resource){text, attributes, count};
    text = stpcpy(text, resource->service) + 1;
    for (size_t i = 0; i < count; i++) {
        const struct pawl_attribute *from = &resource->attributes[i];
        attributes[i] = (struct pawl_attribute){.key = text, .number = from->number};
        text = stpcpy(text, from->key) + 1;
        if (!from->text.data) continue;
        memcpy(text, from->text.data, from->text.len);
        attributes[i].text = (struct pawl_str){text, from->text.len};
        text += from->text.len;
    }
    return copy;
}
