#ifndef PAWL_TESTS_FUZZ_MESSAGES_H
#define PAWL_TESTS_FUZZ_MESSAGES_H

// The messages that come from outside, to be chosen by number.

#include <protobuf-c/protobuf-c.h>

const ProtobufCMessageDescriptor *messages_type(unsigned number);

#endif
