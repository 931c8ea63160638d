// What a client sends over HTTP/2 after the preface; see frames.h.

#include "frames.h"
#include "net_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct frames frames = {.next_stream = 1};
    struct net_kit kit;
    net_kit_init(&kit);
    pawl__buf_append_str(&frames.out, PAWL_STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                                               "\0\0\0\4\0\0\0\0\0"));
    while (input.left) {
        if (!frames_step(&frames, &input)) continue;
        net_kit_send(&kit, pawl__buf_str(&frames.out));
        pawl__buf_clear(&frames.out);
    }
    net_kit_send(&kit, pawl__buf_str(&frames.out));
    pawl__buf_finish(&frames.out);
    net_kit_finish(&kit);
    return 0;
}
