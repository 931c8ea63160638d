#ifndef PAWL_TESTS_WIRE_LIBRARY_H
#define PAWL_TESTS_WIRE_LIBRARY_H

#include <protobuf-c/protobuf-c.h>

#include "base/str.h"

// Fails the test unless protobuf-c writes |message| as we do.
void test_packs_as_library(const ProtobufCMessage *message);

// Fails the test unless protobuf-c reads |bytes|, which the guard let in, as |message|.
void test_reads_as_library(struct pawl_str bytes, const ProtobufCMessage *message);

#endif
