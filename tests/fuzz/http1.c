// A client's bytes. The first byte says in pieces of what size they come; 0: all at once.

#include "net_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    size_t step = fuzz_byte(&input);
    if (!step) step = SIZE_MAX;
    struct net_kit kit;
    net_kit_init(&kit);
    while (input.left) net_kit_send(&kit, fuzz_take(&input, step));
    net_kit_finish(&kit);
    return 0;
}
