// A history in a file, and what a worker answers to its turns: a byte says how long the file is, in
// units of 64 bytes; the rest is the answer.

#include "cli/retrace.h"
#include "fuzz.h"
#include "wire/unpack.h"

enum {
    UNIT = 64
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    size_t length = (size_t)fuzz_byte(&input) * UNIT;
    struct pawl_str file = fuzz_take(&input, length), answer = fuzz_take(&input, SIZE_MAX);
    struct pawl_arena arena = {0};
    struct pawl_retrace retrace;
    struct pawl_error error;
    char token[] = "token";
    pawl__error_clear(&error);
    if (!pawl__retrace_read(&retrace, &arena, file, &error)) {
        Pb__WorkflowResponse *response =
            pawl__wire_unpack(&arena, &pb__workflow_response__descriptor, answer, NULL);
        Pb__WorkflowResponse nothing = PB__WORKFLOW_RESPONSE__INIT;
        for (unsigned turns = 0; pawl__retrace_next(&retrace); turns++) {
            FUZZ_CHECK(turns <= retrace.count && retrace.begin < retrace.inputs);
            FUZZ_CHECK(retrace.inputs <= retrace.end && retrace.end <= retrace.count);
            struct pawl_str item = pawl__retrace_item(&retrace, token);
            FUZZ_CHECK(item.data);
            FUZZ_CHECK(pawl__wire_unpack(&arena, &pb__work_item__descriptor, item, NULL));
            pawl__retrace_compare(&retrace, response ? response : &nothing);
        }
    } else {
        FUZZ_CHECK(error.text[0]);
    }
    pawl__arena_finish(&arena);
    return 0;
}
