#!/bin/sh
# Builds ./order-processor.
set -eu
cd "$(dirname "$0")"
[ -x order-processor ] || echo "building the order-processor in Go"
go build -o order-processor .
