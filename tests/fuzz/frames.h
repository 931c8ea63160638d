#ifndef PAWL_TESTS_FUZZ_FRAMES_H
#define PAWL_TESTS_FUZZ_FRAMES_H

// HTTP/2 from an input that need not get lengths and HPACK right to come far. One step is a byte
// for what follows:
//
//   0 .. 9   a frame of that type: flags, stream, payload with its length
//   10       bytes as they are, with their length
//   11       HEADERS of a gRPC request on the next stream: the method's letter, flags
//   12       HEADERS of an HTTP request on the next stream: the path's letter, flags
//   13       HEADERS of a gRPC response: stream, flags
//   14       trailers: stream, grpc-status
//   15       DATA with a gRPC message: stream, flags, the message with its length
//   others   what was gathered is sent

#include "base/buf.h"
#include "fuzz.h"

struct frames {
    struct pawl_buf out;
    unsigned next_stream; // of a client
};

// Takes one step. True when what |out| holds is to be sent.
bool frames_step(struct frames *frames, struct fuzz_input *input);

#endif
