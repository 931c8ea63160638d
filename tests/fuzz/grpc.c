// gRPC's text and bytes (net/grpc.h). The first byte chooses the part.

#include "net/grpc.h"
#include "base/base64.h"
#include "base/clock.h"
#include "fuzz.h"

// In pieces, and as a whole: the same messages.
static uint64_t grpc_decode(struct fuzz_input input, size_t step) {
    struct pawl_grpc_decoder decoder = {0};
    struct pawl_buf message = {0};
    uint64_t sum = 1469598103934665603u;
    enum pawl_err err = PAWL_OK;
    while (input.left && !err) {
        struct pawl_str part = fuzz_copy(fuzz_take(&input, step)), rest = part;
        while (rest.len && !err) {
            bool complete;
            err = pawl__grpc_decode(&decoder, &rest, 1000, &message, &complete);
            if (err || !complete) break;
            FUZZ_CHECK(message.len <= 1000 && pawl__grpc_decoder_idle(&decoder));
            sum = sum * 31 + pawl__str_hash(pawl__buf_str(&message)) + message.len;
            pawl__buf_clear(&message);
        }
        free((char *)part.data);
    }
    pawl__buf_finish(&message);
    return sum * 31 + (uint64_t)err;
}

static void grpc_timeout(struct pawl_str text) {
    int64_t timeout, again;
    char out[12];
    if (!pawl__grpc_timeout_parse(text, &timeout)) return;
    FUZZ_CHECK(timeout >= 0);
    pawl__grpc_timeout_format(timeout, out);
    FUZZ_CHECK(pawl__grpc_timeout_parse(pawl__str(out), &again));
    FUZZ_CHECK(again >= timeout || timeout == INT64_MAX); // rounded up, or for ever
}

static void grpc_message(struct pawl_str text) {
    size_t cap = 3 * text.len + 1;
    char *out = malloc(cap);
    size_t len = pawl__grpc_message_encode(text, out, cap);
    FUZZ_CHECK(len < cap && out[len] == 0);
    for (size_t i = 0; i < len; i++) FUZZ_CHECK(out[i] >= 0x20 && out[i] < 0x7f);
    size_t back = pawl__str_unescape(out, len);
    FUZZ_CHECK(back <= text.len);
    for (size_t i = 0; i < back; i++) // what was no UTF-8 is a question mark
        FUZZ_CHECK(back != text.len || out[i] == text.data[i] || out[i] == '?');
    free(out);
    // Cut to no more than there is room for.
    char small[16];
    FUZZ_CHECK(pawl__grpc_message_encode(text, small, sizeof small) < sizeof small);
}

static void grpc_base64(struct pawl_str text) {
    struct pawl_buf bytes = {0}, again = {0}, out = {0};
    if (pawl__base64_decode(&bytes, text)) {
        FUZZ_CHECK(pawl__base64_encode(&out, pawl__buf_str(&bytes)));
        FUZZ_CHECK(pawl__base64_decode(&again, pawl__buf_str(&out)));
        FUZZ_CHECK(pawl__str_equal(pawl__buf_str(&bytes), pawl__buf_str(&again)));
    }
    pawl__buf_finish(&bytes);
    pawl__buf_finish(&again);
    pawl__buf_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    unsigned part = fuzz_byte(&input);
    if (part == 0) {
        size_t step = fuzz_byte(&input) + 1u;
        FUZZ_CHECK(grpc_decode(input, step) == grpc_decode(input, SIZE_MAX));
        return 0;
    }
    struct pawl_str text = fuzz_copy(fuzz_take(&input, SIZE_MAX));
    switch (part) {
    case 1: grpc_timeout(text); break;
    case 2: grpc_message(text); break;
    case 3: grpc_base64(text); break;
    default: pawl__grpc_type(text); break;
    }
    free((char *)text.data);
    return 0;
}
