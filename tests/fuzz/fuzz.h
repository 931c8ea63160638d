#ifndef PAWL_TESTS_FUZZ_H
#define PAWL_TESTS_FUZZ_H

// What the targets share: an input that is taken apart from its front, and checks that stay in
// every build. A target is one file with LLVMFuzzerTestOneInput in it; libFuzzer calls that with
// inputs of its own making, and main.c with those of files.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (condition) break;                                                                      \
        fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);             \
        abort();                                                                                   \
    } while (0)

struct fuzz_input {
    const uint8_t *at;
    size_t left;
};

// The next byte; 0 at the end.
static inline unsigned fuzz_byte(struct fuzz_input *input) {
    if (!input->left) return 0;
    input->left--;
    return *input->at++;
}

// The next |len| bytes, or what is left.
static inline struct pawl_str fuzz_take(struct fuzz_input *input, size_t len) {
    if (len > input->left) len = input->left;
    struct pawl_str out = {(const char *)input->at, len};
    input->at += len;
    input->left -= len;
    return out;
}

// Bytes with their length (16 bits, the low byte first) before them.
static inline struct pawl_str fuzz_piece(struct fuzz_input *input) {
    size_t low = fuzz_byte(input);
    return fuzz_take(input, low | (size_t)fuzz_byte(input) << 8);
}

// A copy that ends exactly where its bytes do, so that a sanitizer sees what is read behind them.
// The caller frees it.
static inline struct pawl_str fuzz_copy(struct pawl_str bytes) {
    char *copy = malloc(bytes.len ? bytes.len : 1);
    FUZZ_CHECK(copy);
    if (bytes.len) memcpy(copy, bytes.data, bytes.len);
    return (struct pawl_str){copy, bytes.len};
}

#endif
