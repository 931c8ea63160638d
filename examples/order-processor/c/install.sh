#!/bin/sh
# Builds ./order-processor against the library that was built here, without installing that.
set -eu
cd "$(dirname "$0")"
root=../../..
cc -O2 -Wall -Wextra "-I$root/include" main.c workflow.c "${PAWL_BUILD:-$root/build}/libpawl.a" \
    $(pkg-config --cflags --libs libuv libnghttp2 libprotobuf-c sqlite3 jansson liblz4 zlib) -pthread -o order-processor
