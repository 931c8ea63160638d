// Requests to the api's HTTP routes. An input is text: requests divided by lines of "---", each a
// line "METHOD TARGET", header lines, an empty line, the body.

#include "api_kit.h"

// Takes what stands before |mark| off |rest|.
static struct pawl_str text_cut(struct pawl_str *rest, const char *mark) {
    const char *found = memmem(rest->data, rest->len, mark, strlen(mark));
    struct pawl_str out = *rest;
    if (!found) {
        *rest = (struct pawl_str){NULL, 0};
        return out;
    }
    out.len = (size_t)(found - out.data);
    rest->data = found + strlen(mark);
    rest->len -= out.len + strlen(mark);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct pawl_str rest = {(const char *)data, size};
    struct api_kit kit;
    api_kit_init(&kit);
    for (int step = 0; rest.len && step < 32; step++) {
        struct pawl_str one = text_cut(&rest, "\n---\n");
        struct pawl_str head = text_cut(&one, "\n\n");
        struct pawl_str target = pawl__str_cut(&head, '\n');
        struct pawl_str method = pawl__str_cut(&target, ' ');
        if (target.len)
            api_kit_ask(&kit, false, method, target, head, one.data ? one : PAWL_STR(""));
        api_kit_spin(&kit);
    }
    api_kit_finish(&kit);
    return 0;
}
