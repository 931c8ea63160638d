// Calls of the api's gRPC methods, one after the other: a byte for the method, and its message with
// the length before it. The methods are numbered in the order of the tables; then come the client
// that goes, the worker that has read what it was sent, and a pause.

#include "api_kit.h"
#include "runtime/taskhub.h"

static const struct pawl_api_method_row *const api_tables[] = {
    pawl__work_methods,
    NULL, // the rows of the TaskHub service
    pawl__workflow_methods,
    pawl__state_methods,
    pawl__metadata_methods,
};

static const char *api_method(unsigned number) {
    for (size_t i = 0; i < sizeof api_tables / sizeof *api_tables; i++) {
        for (const struct pawl_api_method_row *row = api_tables[i]; row && row->path; row++)
            if (number-- == 0) return row->path;
        if (api_tables[i]) continue;
        if (number < PAWL_TASKHUB_COMPLETE_ACTIVITY) return pawl__methods[number].path;
        number -= PAWL_TASKHUB_COMPLETE_ACTIVITY;
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct api_kit kit;
    api_kit_init(&kit);
    for (int step = 0; input.left && step < 64; step++) {
        unsigned number = fuzz_byte(&input);
        const char *path = api_method(number);
        if (path)
            api_kit_ask(&kit, true, PAWL_STR("POST"), pawl__str(path), PAWL_STR(""),
                        fuzz_piece(&input));
        else if (number == 250)
            api_kit_drop(&kit, fuzz_byte(&input));
        else if (number == 251)
            api_kit_drain(&kit, fuzz_byte(&input));
        else
            api_kit_spin(&kit);
    }
    api_kit_spin(&kit);
    api_kit_finish(&kit);
    return 0;
}
